"""Page, PDF, workbook and JSON of a packet: the same content, the same bytes, nobody's name."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from ntrust import clock
from ntrust.models import Event
from ntrust.signing import content_hash
from safety.actions.packet_files import prepare_packet
from safety.management.conduct import Conduct
from safety.models import PacketFile, Review
from safety.queries.packet_pages import read_packet_page
from safety.reports import MAKERS, document_of
from safety.reports.document import Document, Figure, document_from, sentences
from safety.reports.pdf import make_pdf
from safety.reports.workbook import make_workbook, plain_text, sheet_name
from safety.states import PacketForm
from tests.factories import cast, client_of, fingerprint, shared_trial
from tests.reviewed import conduct_twelve, convene_twelve

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Twelve participants, and the packet of the last review prepared."""
    trial = conduct_twelve()
    review = convene_twelve(trial)
    assert prepare_packet(trial.study.key, review.number, MAKERS, now=trial.now)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _at(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", trial.tick)


def newest() -> int:
    return Review.objects.latest("number").number


def file_of(form: PacketForm) -> bytes:
    return bytes(PacketFile.objects.get(form=form, packet__review__number=newest()).content)


def drawn() -> Document:
    return document_of(file_of(PacketForm.PAGE))


def reader(trial: Conduct) -> Client:
    return client_of(cast(trial)["committee"])


def page_of(client: Client) -> str:
    answer = client.get(reverse("safety:packet", args=["trial", newest()]))
    assert answer.status_code == 200
    return answer.content.decode()


def words(text: str) -> str:
    """Text as it is read: no breaks, and no spaces, which a line's end may add or take."""
    return re.sub(r"[\s\u00ad]+", "", text)


def test_document_comes_back_from_its_bytes(trial: Conduct) -> None:
    document = drawn()

    assert document_from(json.loads(json.dumps(document.as_data()))) == document
    assert any(isinstance(b, Figure) for s in document.sections for b in s.blocks)


def test_page_and_pdf_say_every_sentence_and_cell_of_the_document(trial: Conduct) -> None:
    document = drawn()
    said = list(sentences(document))
    shown = html.unescape(re.sub(r"<[^>]+>", " ", page_of(reader(trial))))
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(file_of(PacketForm.PDF))).pages]

    assert len(said) > 300
    assert [one for one in said if words(one) not in words(shown)] == []
    printed = words("".join(pages))
    assert [one for one in said if words(one) not in printed] == []
    for number, page in enumerate(pages, start=1):
        assert words(f"page {number} of {len(pages)}") in words(page)
        for head in document.heads:
            assert words(head) in words(page)
        assert words(document.foot) in words(page)


def test_pdf_says_its_title_and_language(trial: Conduct) -> None:
    pdf = PdfReader(io.BytesIO(file_of(PacketForm.PDF)))

    assert pdf.metadata is not None
    assert pdf.metadata.title == "Dose level 3: what happened and what follows"
    root: Any = pdf.trailer["/Root"]
    assert root["/Lang"] == "en-GB"
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in root["/Metadata"].get_data()


def test_workbook_says_every_sentence_and_cell(trial: Conduct) -> None:
    document = drawn()
    book = load_workbook(io.BytesIO(file_of(PacketForm.XLSX)), data_only=False)

    cells = {
        cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.value
    }
    assert [sheet.title for sheet in book] == [sheet_name(one) for one in document.sections]
    assert [one for one in sentences(document) if plain_text(one) not in cells] == []
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {
        "inlineStr",
        "s",
        "n",
    }


def test_same_document_is_the_same_bytes(trial: Conduct) -> None:
    document = drawn()

    assert make_pdf(document) == make_pdf(document) == file_of(PacketForm.PDF)
    assert make_workbook(document) == make_workbook(document) == file_of(PacketForm.XLSX)


def test_json_is_the_packet_as_sealed(trial: Conduct) -> None:
    packet = Review.objects.latest("number").packet
    record = json.loads(file_of(PacketForm.JSON))

    assert content_hash(record["content"]) == record["content_hash"] == packet.content_hash
    assert record["content"] == packet.content


def test_every_signature_is_printed_with_name_meaning_and_time(trial: Conduct) -> None:
    page = read_packet_page(trial.study, newest())
    assert page is not None
    signed = [(one.under, one.name, one.role, one.meaning) for one in page.signatures]

    assert len(signed) == 8
    assert signed[0] == (
        "decision #1",
        trial.manager.printed_name,
        "study manager",
        "approves decision #1",
    )
    assert all(one.at.endswith("UTC (+00:00)") for one in page.signatures)
    assert set(sentences(drawn())) >= {one.at for one in page.signatures}


def test_files_are_handed_out_to_readers_of_packets_alone(trial: Conduct) -> None:
    people = cast(trial)
    before = fingerprint()
    for name, form in (
        ("pdf", PacketForm.PDF),
        ("xlsx", PacketForm.XLSX),
        ("json", PacketForm.JSON),
    ):
        address = reverse(f"safety:packet_{name}", args=["trial", newest()])
        for who in ("committee", "auditor", "manager", "monitor"):
            answer = client_of(people[who]).get(address)
            assert answer.status_code == 200
            assert answer.content == file_of(form)
            assert f"review-{newest()}.{name}" in answer["Content-Disposition"]
        assert client_of(people["investigator"]).get(address).status_code == 403
        assert client_of(people["stranger"]).get(address).status_code == 404
    assert fingerprint() == before


def test_home_says_in_its_first_lines_what_goes_on(trial: Conduct) -> None:
    before = Event.objects.count()

    shown = reader(trial).get(reverse("safety:committee", args=["trial"])).content.decode()

    said = words(html.unescape(re.sub(r"<[^>]+>", " ", shown)))
    for one in (
        "12 treated",
        "2 ▲ DLT P-005, P-011",
        "Recommendation: WAIT at DL3.",
        "Hinges on P-012.",
    ):
        assert words(one) in said
    assert words("Since review 4") in said
    assert Event.objects.count() == before


def test_names_of_site_staff_are_in_no_byte_of_any_file(trial: Conduct) -> None:
    texts = [page_of(reader(trial)), *_texts()]
    staff = [person for crew in trial.crews for person in (crew.investigator, crew.pharmacist)]
    hidden = [word for one in staff for word in (one.printed_name, one.username, one.email) if word]
    hidden += [p.screening_number for p in trial.study.participants.all()]

    assert all("(staff)" in text for text in texts[:4])
    assert [word for word in hidden for text in texts if word.casefold() in text.casefold()] == []


def _texts() -> list[str]:
    """What the files say, and the parts of the workbook as they are stored."""
    pdf = PdfReader(io.BytesIO(file_of(PacketForm.PDF)))
    with zipfile.ZipFile(io.BytesIO(file_of(PacketForm.XLSX))) as packed:
        parts = [packed.read(name).decode() for name in packed.namelist()]
    return [
        "".join(page.extract_text() for page in pdf.pages),
        file_of(PacketForm.JSON).decode(),
        file_of(PacketForm.PAGE).decode(),
        *parts,
    ]
