"""Codes in a clinician's words, and the mask over numbers of other sites."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cohorts.queries.viewers import Mask, _any_of
from cohorts.queries.words import name_answer, name_dose, name_rule, shorten


@pytest.mark.parametrize(
    ("dose", "unit", "text"),
    [
        ("1000000000.0000", "cells per dose", "1.0 × 10⁹ cells per dose"),
        ("1500000000.0000", "cells per dose", "1.5 × 10⁹ cells per dose"),
        ("500000000", "cells", "5.0 × 10⁸ cells"),
        ("2.4000", "mg", "2.4 mg"),
        ("10.0000", "mg", "10 mg"),
        ("120", "mg/m2", "120 mg/m2"),
    ],
)
def test_dose_is_written_as_clinicians_do(dose: str, unit: str, text: str) -> None:
    assert name_dose(Decimal(dose), unit) == text


@pytest.mark.parametrize(
    ("subject", "short"), [("P-007", "07"), ("P-113", "113"), ("102-004", "04"), ("ABCD", "BCD")]
)
def test_disc_shows_the_digits_that_tell_apart(subject: str, short: str) -> None:
    assert shorten(subject) == short


@pytest.mark.parametrize(
    ("answer", "text", "tone"),
    [
        (("STOP", None, "MTD", 2), "STOP: the MTD is DL2", "plan"),
        (("STOP", None, "MTD_NOT_REACHED", 3), "STOP: MTD not reached, DL3 is tolerated", "plan"),
        (("STOP", None, "NO_TOLERATED_DOSE", None), "STOP: no tolerated dose", "harm"),
        (("STOP", None, None, None), "STOP", "harm"),
        (("DE_ESCALATE", -1, "", None), "DE-ESCALATE to DL-1", "harm"),
    ],
)
def test_answer_in_words(
    answer: tuple[str, int | None, str | None, int | None], text: str, tone: str
) -> None:
    mark = name_answer(*answer)

    assert (mark.text, mark.tone) == (text, tone)


def test_mask_covers_whole_numbers_only() -> None:
    mask = Mask(_any_of(["P-1", "P-12"]))

    assert mask.cover("P-12, P-1 and P-123") == (
        "a participant of another site, a participant of another site and P-123"
    )
    assert mask.hides("P-1")
    assert not mask.hides("P-123")


def test_rule_is_named_with_its_number() -> None:
    assert name_rule("5 wait, seats taken") == "rule 5, wait, seats taken"
