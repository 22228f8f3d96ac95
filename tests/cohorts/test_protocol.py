"""A protocol document is read whole or refused with file, line, field and reason."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cohorts.engine.design import ExpandOn, SecondDlt
from cohorts.protocol import ProtocolDocument, read_document, validate_document
from ntrust.errors import Refused
from tests.factories import make_document

SHIPPED = Path(__file__).parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"


def edited(path: str, value: Any) -> dict[str, Any]:
    """The document of the tests with one field changed, or dropped where the value is None."""
    document = make_document()
    *parents, last = path.split(".")
    at: Any = document
    for name in parents:
        at = at[int(name)] if name.isdigit() else at[name]
    if value is None:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return document


def test_shipped_protocol_is_valid_and_marks_what_is_not_public() -> None:
    document = read_document(SHIPPED.read_text(encoding="utf-8"), name=SHIPPED.name)

    design = document.design()
    assert (design.doses, design.min_n_at_mtd, design.level_minus_one) == (3, 6, True)
    assert design.second_dlt is SecondDlt.STOP_NOW
    assert design.expand_on_first_dlt is ExpandOn.AT_THREE
    illustrative = {level.ordinal for level in document.ladder.levels if level.illustrative}
    assert illustrative == {-1, 3}
    assert all(criterion.illustrative for criterion in document.dlt_criteria)
    assert document.exposure_rules().minimum_fraction.as_integer_ratio() == (4, 5)


def test_document_survives_being_stored() -> None:
    document = validate_document(make_document(level_minus_one=True), name="x")

    assert ProtocolDocument.model_validate(document.model_dump(mode="json")) == document


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("options.min_n_at_mtd", None, "options.min_n_at_mtd: Field required"),
        ("options.min_n_at_mtd", 4, "options.min_n_at_mtd"),
        ("options.allow_deescalation", None, "options.allow_deescalation: Field required"),
        ("options.allow_deescalation", False, "needs de-escalation"),
        ("options.second_dlt", "sometimes", "options.second_dlt"),
        ("options.escalate_with_pending", None, "Field required"),
        ("ladder.levels", [], "ladder.levels"),
        ("ladder.levels.1", {"ordinal": 3, "dose": "2"}, "levels are 1, 2, 3"),
        ("ladder.levels.1", {"ordinal": 1, "dose": "2"}, "levels are 1, 2, 3"),
        ("ladder.levels.1.dose", "1", "doses rise"),
        ("ladder.levels.1.dose", "0.5", "doses rise"),
        ("ladder.levels.0.dose", "0", "greater than 0"),
        ("ladder.levels.0.dose", "-1", "greater than 0"),
        ("window.days", 0, "window.days"),
        ("window.anchor", "middle", "window.anchor"),
        ("infusions.days", [1, 7], "infusion days rise from 0"),
        ("infusions.days", [0, 7, 7], "infusion days rise from 0"),
        ("infusions.days", [], "infusions.days"),
        ("evaluability.minimum_infusions", 2, "more infusions than are planned"),
        ("evaluability.minimum_fraction", "1.1", "evaluability.minimum_fraction"),
        ("dlt_criteria", [], "dlt_criteria"),
        ("dlt_criteria.1.clock_hours", 0, "clock_hours"),
        ("review.quorum", 0, "review.quorum"),
        ("notifications.HOLD_PLACED.roles", ["JANITOR"], "notifications.HOLD_PLACED.roles"),
        ("diseases", [], "diseases"),
        ("colour", "blue", "colour: Extra inputs are not permitted"),
    ],
)
def test_bad_document_is_refused_naming_the_field(path: str, value: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        validate_document(edited(path, value), name="draft.yaml")

    assert caught.value.code == "bad_protocol"
    assert caught.value.sentence.startswith("draft.yaml")
    assert words in caught.value.sentence


def test_refusal_names_the_line() -> None:
    text = yaml.safe_dump(json.loads(json.dumps(make_document())), sort_keys=False)
    line = 1 + next(n for n, row in enumerate(text.splitlines()) if "min_n_at_mtd" in row)

    with pytest.raises(Refused) as caught:
        read_document(text.replace("min_n_at_mtd: 6", "min_n_at_mtd: 5"), name="draft.yaml")

    assert f"draft.yaml, line {line}, options.min_n_at_mtd" in caught.value.sentence


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b", "a: [1, 2", "a: 1\n\tb: 2"])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"draft\.yaml") as caught:
        read_document(text, name="draft.yaml")

    assert caught.value.code == "bad_protocol"


def test_unknown_names_are_refused() -> None:
    document = validate_document(make_document(), name="x")

    assert document.criterion("IN72H").clock_hours == 72
    assert document.regimen("flu_cy").name == "Flu/Cy"
    for look_up, code in (
        (document.criterion, "unknown_criterion"),
        (document.regimen, "unknown_regimen"),
    ):
        with pytest.raises(Refused) as caught:
            look_up("nothing")
        assert caught.value.code == code
