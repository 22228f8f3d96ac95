"""Adverse events and DLT criteria of a protocol: refused with file and line, or read."""

from copy import deepcopy
from typing import Any

import pytest

from cohorts.engine.toxicity import Predicate
from cohorts.protocol import read_document, read_file, validate_document, write_document
from ntrust.errors import Refused
from safety.management.demo import PROTOCOLS

SHIPPED = (PROTOCOLS / "ntrust-1.yaml").read_text(encoding="utf-8")
DOCUMENT = read_file(PROTOCOLS / "ntrust-1.yaml")
PLAIN = DOCUMENT.model_dump(mode="json", by_alias=True)


def changed(section: str, change: Any) -> dict[str, Any]:
    document = deepcopy(PLAIN)
    change(document[section])
    return document


def refusal_of(document: dict[str, Any]) -> str:
    with pytest.raises(Refused) as caught:
        validate_document(document, name="new.yaml")
    assert caught.value.code == "bad_protocol"
    return caught.value.sentence


def test_shipped_events_are_written_and_read_back() -> None:
    again = read_document(write_document(DOCUMENT), name="again.yaml")

    assert again.adverse_events == DOCUMENT.adverse_events
    assert again.dlt_criteria == DOCUMENT.dlt_criteria


def test_shipped_systems_components_and_criteria() -> None:
    events = DOCUMENT.adverse_events

    assert [(one.key, one.version) for one in events.systems] == [
        ("CTCAE v5.0", "5.0"),
        ("CTCAE v6.0", "6.0"),
        ("ASTCT CRS", "2019"),
        ("ASTCT ICANS", "2019"),
        ("IEC-HS", "2023"),
        ("Acute GvHD (MAGIC)", "2016"),
        ("Infusion reaction (CTCAE v5.0)", "5.0"),
    ]
    assert [one.key for one in events.components] == [
        "nkx019",
        "fludarabine",
        "cyclophosphamide",
        "procedure",
        "disease",
    ]
    assert all(one.illustrative for one in DOCUMENT.dlt_criteria)
    assert events.illustrative
    assert DOCUMENT.criterion("D2").criterion().predicate == Predicate(
        categories=frozenset({"crs"}),
        related_at_least="POSSIBLE",
        from_grade=3,
        at_once_from=4,
        clock_hours=72,
        down_to=2,
    )


def test_grades_have_the_systems_own_signs() -> None:
    system = DOCUMENT.adverse_events.system("Acute GvHD (MAGIC)")
    assert system is not None

    assert [system.label(grade) for grade in range(1, 6)] == ["I", "II", "III", "IV", "5"]


def test_bad_predicate_is_refused_with_its_line() -> None:
    wrong = "reads: {is_death: true, from_grade: 9}"
    text = SHIPPED.replace("reads: {is_death: true, from_grade: 5}", wrong)
    line = text[: text.index(wrong)].count("\n") + 1

    with pytest.raises(Refused) as caught:
        read_document(text, name="new.yaml")

    assert caught.value.sentence.startswith(
        f"new.yaml, line {line}, dlt_criteria.0.reads.from_grade: Input should be less than"
    )


@pytest.mark.parametrize(
    ("place", "reads", "said"),
    [
        (1, {"categories": ["mood"]}, "D2 reads mood, which is no category"),
        (6, {"except_categories": ["mood"]}, "D7 reads mood, which is no category"),
        (1, {"down_to": 3}, "A grade comes down to a lower one"),
        (1, {"by_day": 42}, "A criterion has one clock"),
        (3, {"treated_from": None}, "A treatment goes with its grade"),
        (1, {"related_at_least": "MAYBE"}, "related_at_least"),
        (1, {"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_predicate_that_cannot_be_is_refused(place: int, reads: dict[str, Any], said: str) -> None:
    document = changed("dlt_criteria", lambda criteria: criteria[place]["reads"].update(reads))

    assert said in refusal_of(document)


def test_criterion_without_a_predicate_among_others_is_refused() -> None:
    document = changed("dlt_criteria", lambda criteria: criteria[4].pop("reads"))

    assert "DLT criterion D5 has no predicate, and others have" in refusal_of(document)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e["components"][0].update(is_product=False), "one component is the product"),
        (lambda e: e["components"].append(e["components"][1]), "each component is there once"),
        (lambda e: e["categories"].append(e["categories"][0]), "each category is there once"),
        (lambda e: e["systems"].append(e["systems"][0]), "each grading system is there once"),
        (lambda e: e["systems"][2].update(category="mood"), "ASTCT CRS grades mood"),
        (lambda e: e["systems"][2]["grades"].reverse(), "grades rise from each to the next"),
        (lambda e: e["systems"][2].update(version=""), "version"),
        (lambda e: e.update(completion_hours=0), "completion_hours"),
        (
            lambda e: e["systems"][2]["features"].append(e["systems"][2]["features"][0]),
            "each feature is there once",
        ),
        (
            lambda e: e["systems"][2]["features"][0]["findings"].append(
                e["systems"][2]["features"][0]["findings"][0]
            ),
            "each finding is there once",
        ),
    ],
)
def test_gradings_that_cannot_be_are_refused(change: Any, said: str) -> None:
    assert said in refusal_of(changed("adverse_events", change))
