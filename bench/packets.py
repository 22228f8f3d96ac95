"""How long it takes to make a packet's files: `python -m bench packets`.

The largest packet in the database; where there is none, the demo's. No file is kept.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
django.setup()

from ntrust import clock  # noqa: E402
from safety.management.demo import load_ntrust_1  # noqa: E402
from safety.models import Review  # noqa: E402
from safety.queries.packet_pages import read_packet_page  # noqa: E402
from safety.reports.figures import draw_figures  # noqa: E402
from safety.reports.packet import packet_document  # noqa: E402
from safety.reports.pdf import make_pdf  # noqa: E402
from safety.reports.workbook import make_workbook  # noqa: E402

T = TypeVar("T")


def main() -> int:
    """Print what was measured."""
    if not Review.objects.exists():
        _timed("demo", lambda: load_ntrust_1(now=clock.now()))
    reviews = Review.objects.select_related("study", "packet")
    size, largest = max((len(str(one.packet.content)), one.pk) for one in reviews)
    review = reviews.get(pk=largest)
    page = read_packet_page(review.study, review.number)
    assert page is not None
    print(f"{review.study.key}, review {review.number}: {size:,} characters")
    figures = _timed("charts", lambda: draw_figures(page))
    document = _timed("document", lambda: packet_document(page, figures))
    pdf = _timed("PDF", lambda: make_pdf(document))
    workbook = _timed("workbook", lambda: make_workbook(document))
    print(f"PDF {len(pdf) / 1000:.0f} kB, workbook {len(workbook) / 1000:.0f} kB")
    return 0


def _timed(name: str, make: Callable[[], T]) -> T:
    began = time.perf_counter()
    made = make()
    print(f"{name:9} {time.perf_counter() - began:6.2f} s")
    return made


if __name__ == "__main__":
    sys.exit(main())
