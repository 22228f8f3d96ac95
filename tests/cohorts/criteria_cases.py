"""What the registry record's criteria say, written out once more for the tests: a person who meets
them, and for every comparison its bound.

The reference dates and bounds here are worked out by hand from the record, not read from the
protocol.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from cohorts.engine.eligibility import NEVER, Result

TODAY = date(2026, 3, 25)
MEASURED = date(2026, 3, 20)
ANCHORS = {
    "consent": date(2026, 2, 27),
    "screening": date(2026, 3, 2),
    "lymphodepletion": date(2026, 3, 26),
    "first_infusion": date(2026, 3, 31),
}
LONG_AGO = date(2001, 1, 1)


def result(value, **more):
    """A result of MEASURED; text that is a number is one."""
    if isinstance(value, str):
        with suppress(ArithmeticError):
            value = Decimal(value)
    return Result(value, MEASURED, comment="From the notes.", **more)


# As little as lets somebody in: no entry can be left out.
GENERAL = {
    "age": "40",
    "maximal_ras_blockade_progression": "yes",
    "takes_corticosteroids": "no",
    "sars_cov_2": "negative",
    "biopsy_date": date(2026, 1, 15),
    "egfr": "60",
    "dialysis": "no",
    "dialysis_expected": "no",
    "transplant": "no",
    "transplant_planned": "no",
    "immunodeficiency": "no",
    "immunoglobulin_replacement": "no",
    "liver_disease": "no",
    "ast": "30",
    "alt": "30",
    "bilirubin": "0.5",
    "pulmonary_comorbidity": "no",
    "oxygen_saturation": "97",
    "pack_years": "0",
    "white_cells": "5000",
    "hemoglobin": "11",
    "neutrophils": "3000",
    "platelets": "200000",
    "other_cardiac_disease": "no",
    "angina_or_arrhythmia": "no",
    "myocardial_infarction": LONG_AGO,
    "coronary_bypass": "no",
    "nyha_class": "no heart failure",
    "ejection_fraction": "60",
    "cardiac_insufficiency": "no",
    "qtcf": "420",
    "peripheral_bypass": NEVER,
    "pulmonary_embolism": NEVER,
    "thromboembolic_event": NEVER,
    "systolic": "120",
    "bleeding_disorder": "no",
    "overlapping_condition": "no",
    "pregnant_or_breast_feeding": "no",
    "contraception_inadequate": "no",
    "infection_under_treatment": "no",
    "acute_infection": NEVER,
    "hiv_history": "no",
    "hiv_test": "negative",
    "hepatitis_b": "negative",
    "hepatitis_c": "negative",
    "tuberculosis": "none",
    "malignancy": NEVER,
    "cellular_therapy": "no",
    "cns_comorbidity": NEVER,
    "cns_lupus": NEVER,
    "other_condition": "no",
    "immunosuppressant": LONG_AGO,
    "other_immunosuppressant": "no",
    "antibody_therapy": NEVER,
    "prohibited_medication": "no",
    "hypersensitivity": "no",
}
UPPER_LIMITS = {"ast": "40", "alt": "40", "bilirubin": "1.2"}
OWN = {
    "LN": {
        "acr_2019_score": "15",
        "isn_rps_class": "IV",
        "nih_activity": "moderate",
        "nih_chronicity": "mild",
        "upcr": "2",
        "ana_titre": "160",
        "prior_ln_therapies": "3",
        "antiphospholipid_syndrome": "no",
        "antiphospholipid_high_risk": "no",
    },
    "pMN": {
        "biopsy_shows_pmn": "yes",
        "upcr": "5",
        "anti_pla2r": "positive",
        "pmn_agent_given": "yes",
        "pmn_intolerant": "yes",
    },
}


def person(group, **changes):
    """Results of somebody whom every criterion lets in, with these entries changed; None: left
    out."""
    values = {**GENERAL, **OWN[group], **changes}
    results = {key: result(value) for key, value in values.items() if value is not None}
    for key in UPPER_LIMITS.keys() & results:
        results[key] = replace(results[key], upper_limit=Decimal(UPPER_LIMITS[key]))
    return results


@dataclass(frozen=True)
class Case:
    """One comparison of one criterion, where it alone decides.

    `met` and `not_met`: entries either side of the bound, the bound itself first on its side.
    `given`: the other entries. `also`: criteria that read this one.
    """

    criterion: str
    field: str
    comparison: str
    met: tuple[object, ...]
    not_met: tuple[object, ...]
    given: dict[str, object] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        return "pMN" if self.criterion.startswith("MI") else "LN"


def number(criterion, key, comparison, bound, step, given=None, also=()):
    """A number's case: at its bound, one step inside and one outside."""
    at, one = Decimal(bound), Decimal(step)
    low, high = at - one, at + one
    sides = {
        "at_least": ((at, high), (low,)),
        "above": ((high,), (at, low)),
        "at_most": ((at, low), (high,)),
        "below": ((low,), (at, high)),
    }
    met, not_met = sides[comparison]
    return Case(criterion, key, comparison, met, not_met, given or {}, also)


def day(criterion, key, comparison, bound, given=None, also=()):
    """A date's case: the last day that counts, one day either side."""
    at = date.fromisoformat(bound)
    before, after = date.fromordinal(at.toordinal() - 1), date.fromordinal(at.toordinal() + 1)
    if comparison == "within":
        outside = (before,) if key == "biopsy_date" else (before, NEVER)
        return Case(criterion, key, comparison, (at, after), outside, given or {}, also)
    return Case(criterion, key, comparison, (at, before), (after,), given or {}, also)


def answer(criterion, key, met, not_met, given=None, also=(), comparison="is"):
    """A question's case: every answer on its side."""
    return Case(criterion, key, comparison, met, not_met, given or {}, also)


def no_yes(criterion, key, given=None, also=()):
    """A question whose yes is the criterion."""
    return answer(criterion, key, ("yes",), ("no",), given, also)


HEART = ("GE8",)
ON_STEROIDS = {
    "takes_corticosteroids": "yes",
    "corticosteroid_change": LONG_AGO,
    "prednisone_at_lymphodepletion": "5",
}
NO_UPCR = {"upcr": "1.499", "proteinuria": "1.5"}
WASHOUT = {"immunosuppressant_half_life": "1000"}

CASES = (
    number("GI1", "age", "at_least", "18", "1"),
    number("GI1", "age", "at_most", "65", "1"),
    no_yes("GI2", "maximal_ras_blockade_progression"),
    answer("GI3", "takes_corticosteroids", ("no",), ("yes",), {"corticosteroid_change": TODAY}),
    day("GI3", "corticosteroid_change", "at_least_before", "2026-02-16", ON_STEROIDS),
    number("GI3", "prednisone_at_lymphodepletion", "at_most", "5", "0.01", ON_STEROIDS),
    answer("GI4", "sars_cov_2", ("negative",), ("positive",)),
    number("LI1", "acr_2019_score", "at_least", "10", "1"),
    answer(
        "LI2",
        "isn_rps_class",
        ("III", "IV", "V", "III + V", "IV + V"),
        ("none", "I", "II", "VI"),
        comparison="in",
    ),
    day("LI2", "biopsy_date", "within", "2025-09-02"),
    answer("LI2", "nih_activity", ("moderate", "severe"), ("none", "mild"), comparison="in"),
    answer("LI2", "nih_chronicity", ("none", "mild", "moderate"), ("severe",), comparison="in"),
    number("LI3", "upcr", "at_least", "1.5", "0.001", {"proteinuria": "1.499"}),
    number("LI3", "proteinuria", "at_least", "1.5", "0.001", {"upcr": "1.499"}),
    number("LI3", "proteinuria", "at_most", "7", "0.001"),
    number(
        "LI4", "ana_titre", "at_least", "80", "1", {"anti_dsdna": "negative", "anti_sm": "negative"}
    ),
    answer(
        "LI4",
        "anti_dsdna",
        ("positive",),
        ("negative",),
        {"ana_titre": "79", "anti_sm": "negative"},
    ),
    answer(
        "LI4",
        "anti_sm",
        ("positive",),
        ("negative",),
        {"ana_titre": "79", "anti_dsdna": "negative"},
    ),
    number("LI5", "prior_ln_therapies", "at_least", "2", "1"),
    no_yes("MI1", "biopsy_shows_pmn"),
    day("MI1", "biopsy_date", "within", "2025-09-02"),
    number("MI2", "upcr", "at_least", "3.5", "0.001", {"proteinuria": "3.499"}),
    number("MI2", "proteinuria", "at_least", "3.5", "0.001", {"upcr": "3.499"}),
    answer("MI3", "anti_pla2r", ("positive",), ("negative",)),
    no_yes("MI4", "pmn_agent_given"),
    no_yes("MI4", "pmn_intolerant", {"pmn_treatment_days": "89", "pmn_remission": "none"}),
    number(
        "MI4",
        "pmn_treatment_days",
        "at_least",
        "90",
        "1",
        {"pmn_intolerant": "no", "pmn_remission": "none"},
    ),
    answer(
        "MI4",
        "pmn_remission",
        ("none",),
        ("partial", "complete"),
        {"pmn_intolerant": "no", "pmn_treatment_days": "90"},
    ),
    number(
        "MI4",
        "pmn_treatment_days",
        "at_least",
        "180",
        "1",
        {"pmn_intolerant": "no", "pmn_remission": "partial"},
    ),
    answer(
        "MI4",
        "pmn_remission",
        ("none", "partial"),
        ("complete",),
        {"pmn_intolerant": "no", "pmn_treatment_days": "180"},
        comparison="in",
    ),
    number("GE1", "egfr", "below", "45", "0.1"),
    no_yes("GE2", "dialysis"),
    no_yes("GE2", "dialysis_expected"),
    no_yes("GE3", "transplant"),
    no_yes("GE3", "transplant_planned"),
    no_yes("GE4", "immunodeficiency"),
    no_yes("GE4", "immunoglobulin_replacement"),
    no_yes("GE5", "liver_disease"),
    number("GE5", "ast", "at_least", "120", "0.1"),
    number("GE5", "alt", "at_least", "120", "0.1"),
    number("GE5", "bilirubin", "at_least", "3.6", "0.01"),
    no_yes("GE6", "pulmonary_comorbidity"),
    number("GE6", "oxygen_saturation", "below", "92", "0.1"),
    number("GE6", "pack_years", "above", "10", "0.1"),
    number("GE7", "white_cells", "below", "3000", "1"),
    number("GE7", "hemoglobin", "below", "9", "0.01"),
    number("GE7", "neutrophils", "below", "2000", "1"),
    number("GE7", "platelets", "below", "100000", "1"),
    no_yes("GE8", "other_cardiac_disease"),
    no_yes("GE9", "angina_or_arrhythmia", also=HEART),
    day("GE10", "myocardial_infarction", "within", "2026-01-06", also=HEART),
    no_yes("GE11", "coronary_bypass", also=HEART),
    answer(
        "GE12",
        "nyha_class",
        ("III", "IV"),
        ("no heart failure", "I", "II"),
        also=HEART,
        comparison="in",
    ),
    number("GE12", "ejection_fraction", "at_most", "40", "0.1", also=HEART),
    no_yes("GE12", "cardiac_insufficiency", also=HEART),
    number("GE13", "qtcf", "above", "480", "0.1", also=HEART),
    day("GE14", "peripheral_bypass", "within", "2026-01-06", also=HEART),
    day("GE14", "pulmonary_embolism", "within", "2026-01-06", also=HEART),
    day("GE14", "thromboembolic_event", "within", "2026-01-06", also=HEART),
    number("GE15", "systolic", "above", "160", "1", {"diastolic": "91"}),
    number("GE15", "diastolic", "above", "90", "1", {"systolic": "161"}),
    no_yes("GE16", "bleeding_disorder"),
    no_yes("GE17", "overlapping_condition"),
    no_yes("GE18", "pregnant_or_breast_feeding"),
    no_yes("GE18", "contraception_inadequate"),
    no_yes("GE19", "infection_under_treatment"),
    day("GE19", "acute_infection", "within", "2026-02-24"),
    no_yes("GE20", "hiv_history"),
    answer("GE20", "hiv_test", ("positive",), ("negative",)),
    answer("GE20", "hepatitis_b", ("positive",), ("negative",)),
    answer("GE20", "hepatitis_c", ("positive",), ("negative",)),
    answer(
        "GE20",
        "tuberculosis",
        ("active", "latent with suppressive therapy"),
        ("none", "latent without suppressive therapy"),
        comparison="in",
    ),
    day("GE21", "malignancy", "within", "2021-03-02", {"malignancy_kind": "any other"}),
    answer(
        "GE21",
        "malignancy_kind",
        ("any other",),
        ("excised basal or squamous carcinoma", "treated cervical neoplasia"),
        {"malignancy": date(2021, 3, 2)},
    ),
    no_yes("GE22", "cellular_therapy"),
    day("GE23", "cns_comorbidity", "within", "2025-12-31"),
    day("GE23", "cns_lupus", "within", "2025-03-02"),
    no_yes("GE24", "other_condition"),
    day("GE25", "immunosuppressant", "within", "2026-03-12", WASHOUT),
    no_yes("GE25", "other_immunosuppressant"),
    day("GE25", "antibody_therapy", "within", "2025-12-26"),
    no_yes("GE26", "prohibited_medication"),
    no_yes("GE27", "hypersensitivity"),
    no_yes("LE1", "antiphospholipid_syndrome"),
    no_yes("LE1", "antiphospholipid_high_risk"),
)
