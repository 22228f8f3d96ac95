"""Criteria that cannot be judged are refused with line, field and reason."""

from pathlib import Path

import pytest

from cohorts.protocol import ProtocolDocument, read_document
from ntrust.errors import Refused

SHIPPED = Path(__file__).parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"
TEXT = SHIPPED.read_text(encoding="utf-8")


def refusal(old, new):
    """What is said of the shipped document with one piece changed, and the changed line."""
    assert TEXT.count(old) == 1, old
    with pytest.raises(Refused) as caught:
        read_document(TEXT.replace(old, new), name="draft.yaml")
    assert caught.value.code == "bad_protocol"
    return caught.value.sentence, TEXT[: TEXT.index(old)].count("\n") + 1


EGFR = "check: {field: egfr, below: 45}"
RATIO = "{field: upcr, at_least: 3.5}"
INFARCTION = "{weeks: 12, before: first_infusion}}\n    - id: GE11"
WASHOUT = "half_lives: 5, half_life: immunosuppressant_half_life, whichever_is: shorter"
AGE_FIELD = "kind: number, unit: years, lowest: 0, highest: 120"
LIMITS = "upper_limit_lowest: 0.5, upper_limit_highest: 3,"
PLA2R = "check: {field: anti_pla2r, is: positive}"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (EGFR, "check: {field: egrf, below: 45}", "check.field: there is no field egrf"),
        (EGFR, "check: {field: upcr_ratio, is: yes}", "there is no field upcr_ratio"),
        (EGFR, "check: {field: egfr, is: low}", "egfr is a number: that comparison does not fit"),
        (EGFR, "check: {field: dialysis, below: 45}", "dialysis is a yes_no"),
        (EGFR, "check: {field: malignancy, below: 45}", "malignancy is a date"),
        (EGFR, "check: {field: egfr, below: 45, above: 3}", "has one comparison"),
        (EGFR, "check: {field: egfr}", "has one comparison"),
        (EGFR, "check: {below: 45}", "a check is one of"),
        (EGFR, "check: {}", "a check is one of"),
        (EGFR, "check: {any: []}", "at least 1 item"),
        (EGFR, "check: {all: []}", "at least 1 item"),
        (EGFR, "check: {field: egfr, under: 45}", "under: Extra inputs are not permitted"),
        (EGFR, "check: {field: egfr, below: low}", "below: Input should be a valid decimal"),
        (EGFR, "check: {field: egfr, below: .nan}", "below: Input should be a finite number"),
        (EGFR, "check: {criterion: GE99}", "there is no criterion GE99"),
        (EGFR, "check: {criterion: GE1}", "GE1 reads itself"),
        (EGFR, "check: {criterion: GE8, if_missing: met}", "if_missing belongs to a field"),
        (EGFR, "check: {criterion: LI1}", "LI1 is not judged for the group general"),
        (EGFR, "check: {field: anti_sm, is: positive}", "anti_sm is not asked of the group"),
        (EGFR, "check: {field: egfr, below: 45, times_upper_limit: true}", "has no upper limit"),
        (EGFR, "check: {field: dialysis, is: yes, times_upper_limit: true}", "bound of a number"),
        (EGFR, "check: {field: dialysis, is: maybe}", "maybe is no answer to dialysis"),
        (EGFR, "check: {field: liver_disease, is: not applicable}", "is no answer to liver_dis"),
        (EGFR, "check: {field: tuberculosis, in: [active, cured]}", "cured is no answer"),
        (EGFR, "check: {field: tuberculosis, in: []}", "at least 1 item"),
        (EGFR, f"{EGFR}\n      allows_not_applicable: true", "it asks for no judgement"),
        (RATIO, "{field: ana_titre, at_least: 3.5}", "ana_titre is not asked of the group pMN"),
        (PLA2R, "check: {criterion: LI4}", "LI4 is not judged for the group pMN"),
        (INFARCTION, INFARCTION.replace("first", "last"), "no reference date last_infusion"),
        (INFARCTION, INFARCTION.replace("weeks: 12", "hours: 12"), "hours: Extra inputs"),
        (INFARCTION, INFARCTION.replace("weeks: 12", "weeks: 12, days: 1"), "one of days, weeks"),
        (INFARCTION, INFARCTION.replace("weeks: 12, ", ""), "one of days, weeks"),
        (INFARCTION, INFARCTION.replace("12", "0"), "weeks: Input should be greater than 0"),
        (INFARCTION, INFARCTION.replace("12", "1.5"), "weeks: Input should be a valid integer"),
        (WASHOUT, "half_lives: 5", "go together"),
        (WASHOUT, WASHOUT.replace("shorter", "longer"), "Input should be 'shorter'"),
        (WASHOUT, WASHOUT.replace("immunosuppressant_", "drug_"), "no number of hours or days"),
        (WASHOUT, WASHOUT.replace("immunosuppressant_half_life", "age"), "no number of hours"),
        ("heads: [GE9, ", "heads: [", "reads each criterion it heads"),
        ("heads: [GE9, ", "heads: [GE9, GE15, ", "reads each criterion it heads"),
        ("id: GE27", "id: GE26", "GE26 is there twice"),
        ("key: alt,", "key: ast,", "ast is there twice"),
        ("group: LN\n      kind: exclusion", "group: SLE\n      kind: exclusion", "no group SLE"),
        ("key: anti_pla2r, label: Anti-PLA2R, kind: choice, ", "key: anti_pla2r, ", "kind: Field"),
        (AGE_FIELD, "kind: number, unit: years, lowest: 0", "a plausible range"),
        (AGE_FIELD, "kind: number, unit: years, lowest: 9, highest: 9", "a plausible range"),
        (AGE_FIELD, "kind: date, unit: years", "only a number has"),
        (AGE_FIELD, f"{AGE_FIELD}, may_be_never: true", "only a date may be never"),
        (AGE_FIELD, f"{AGE_FIELD}, choices: [old, young]", "only a choice"),
        (AGE_FIELD, f"{AGE_FIELD}, accepts: {{years: 2}}", "the field's own unit"),
        (AGE_FIELD, f"{AGE_FIELD}, accepts: {{months: 0}}", "greater than 0"),
        (AGE_FIELD, f"{AGE_FIELD}, groups: [SLE]", "there is no group SLE"),
        (LIMITS, "", "upper_limit_lowest and _highest"),
        (LIMITS, LIMITS.replace("0.5", "4"), "upper_limit_lowest and _highest"),
        ("[no heart failure, I,", "[i, I,", "each choice is there once"),
    ],
)
def test_criterion_that_cannot_be_judged_is_refused_on_its_line(old, new, words):
    sentence, line = refusal(old, new)

    assert words in sentence
    assert "eligibility." in sentence
    named = [int(part.split(",")[0]) for part in sentence.split("line ")[1:]]
    assert min(abs(each - line) for each in named) <= 6, (line, sentence)


def test_refusal_names_line_field_and_reason():
    sentence, line = refusal(EGFR, "check: {field: egrf, below: 45}")

    assert sentence == (
        f"draft.yaml, line {line}, eligibility.criteria.13.check.field: there is no field egrf."
    )


def test_circle_of_criteria_is_refused():
    old = "check: {field: coronary_bypass, is: yes}"

    sentence, _ = refusal(old, "check: {criterion: GE8}")

    assert "GE8 reads itself by way of GE11" in sentence
    assert "GE11 reads itself by way of GE8" in sentence


def test_every_disease_has_its_group():
    groups = "groups: {LN: lupus nephritis, pMN: primary membranous nephropathy}"

    for wrong in (
        "groups: {LN: lupus nephritis}",
        "groups: {LN: lupus nephritis, pMN: lupus nephritis}",
        "groups: {general: lupus nephritis, pMN: primary membranous nephropathy}",
        "groups: {LN: lupus, pMN: primary membranous nephropathy}",
    ):
        refusal(groups, wrong)


def test_criteria_survive_being_stored():
    document = read_document(TEXT, name=SHIPPED.name)

    stored = document.model_dump(mode="json")

    assert ProtocolDocument.model_validate(stored) == document
    check = stored["eligibility"]["criteria"][6]["check"]
    assert check["all"][1] == {"field": "proteinuria", "at_most": "7", "if_missing": "met"}
    assert stored["eligibility"]["criteria"][1]["check"]["is"] == "yes"
