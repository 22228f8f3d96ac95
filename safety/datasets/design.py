"""How the trial is made: arms (TA), elements (TE), visits (TV), summary (TS), criteria (TI)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cohorts.protocol import ProtocolDocument
from safety.datasets.shape import Dataset, Variable, make_dataset
from safety.datasets.source import DOMAIN, STUDYID, Source
from safety.datasets.subjects import LONGEST_TEXT

_HEAD: Final = (STUDYID, DOMAIN)
_TA: Final = (
    *_HEAD,
    Variable("ARMCD", "Planned Arm Code"),
    Variable("ARM", "Description of Planned Arm"),
    Variable("TAETORD", "Planned Order of Element within Arm", "integer"),
    Variable("ETCD", "Element Code"),
    Variable("ELEMENT", "Description of Element"),
    Variable("TABRANCH", "Branch"),
    Variable("TATRANS", "Transition Rule"),
    Variable("EPOCH", "Epoch"),
)
_TE: Final = (
    *_HEAD,
    Variable("ETCD", "Element Code"),
    Variable("ELEMENT", "Description of Element"),
    Variable("TESTRL", "Rule for Start of Element"),
    Variable("TEENRL", "Rule for End of Element"),
    Variable("TEDUR", "Planned Duration of Element"),
)
_TV: Final = (
    *_HEAD,
    Variable("VISITNUM", "Visit Number", "integer"),
    Variable("VISIT", "Visit Name"),
    Variable("VISITDY", "Planned Study Day of Visit", "integer"),
    Variable("ARMCD", "Planned Arm Code"),
    Variable("TVSTRL", "Visit Start Rule"),
)
_TS: Final = (
    *_HEAD,
    Variable("TSSEQ", "Sequence Number", "integer"),
    Variable("TSPARMCD", "Trial Summary Parameter Short Name"),
    Variable("TSPARM", "Trial Summary Parameter"),
    Variable("TSVAL", "Parameter Value"),
)
_TI: Final = (
    *_HEAD,
    Variable("IETESTCD", "Incl/Excl Criterion Short Name"),
    Variable("IETEST", "Inclusion/Exclusion Criterion"),
    Variable("IECAT", "Inclusion/Exclusion Category"),
    Variable("TIRL", "Inclusion/Exclusion Criterion Rule"),
    Variable("TIVERS", "Protocol Criteria Versions"),
)
_ELEMENTS: Final = (
    ("SCRN", "Screening", "SCREENING"),
    ("LD", "Lymphodepletion", "LYMPHODEPLETION"),
    ("TRT", "Infusions and DLT window", "TREATMENT"),
    ("FU", "Follow-up", "FOLLOW-UP"),
)
_EVERY_ARM: Final = ""


def trial_design(source: Source) -> tuple[Dataset, ...]:
    """TA, TE, TV, TS, TI of the protocol in force; empty before there is one."""
    document = source.document
    made = (
        ("TA", "Trial Arms", _TA, _arms),
        ("TE", "Trial Elements", _TE, _elements),
        ("TV", "Trial Visits", _TV, _visits),
        ("TS", "Trial Summary", _TS, _summary),
        ("TI", "Trial Inclusion/Exclusion Criteria", _TI, _criteria),
    )
    return tuple(
        make_dataset(
            name,
            label,
            variables,
            [
                {"STUDYID": source.study_id, "DOMAIN": name, **record}
                for record in (read(source, document) if document else ())
            ],
            is_reference=True,
        )
        for name, label, variables, read in made
    )


def _arms(source: Source, document: ProtocolDocument) -> Iterator[dict[str, Any]]:
    for level in document.ladder.levels:
        for place, (code, name, epoch) in enumerate(_ELEMENTS, start=1):
            yield {
                "ARMCD": f"DL{level.ordinal}",
                "ARM": f"{level.dose:.2E} {document.ladder.unit}",
                "TAETORD": place,
                "ETCD": code,
                "ELEMENT": name,
                "TABRANCH": f"Seat at level {level.ordinal}" if code == "SCRN" else "",
                "EPOCH": epoch,
            }


def _elements(source: Source, document: ProtocolDocument) -> Iterator[dict[str, Any]]:
    days = document.window.days
    rules = (
        ("Informed consent", "Start of lymphodepletion, or screen failure", ""),
        ("First dose of lymphodepletion", "First infusion", ""),
        ("First infusion", f"End of the DLT window: 24:00 on day {days}", f"P{days}D"),
        ("End of the DLT window", "End of study", ""),
    )
    for (code, name, _), (starts, ends, lasts) in zip(_ELEMENTS, rules, strict=True):
        yield {"ETCD": code, "ELEMENT": name, "TESTRL": starts, "TEENRL": ends, "TEDUR": lasts}


def _visits(source: Source, document: ProtocolDocument) -> Iterator[dict[str, Any]]:
    for number, visit in enumerate(document.visits, start=1):
        yield {
            "VISITNUM": number,
            "VISIT": visit.name,
            "VISITDY": visit.day + 1 if visit.day >= 0 else visit.day,
            "ARMCD": _EVERY_ARM,
            "TVSTRL": f"{visit.day} days from the first infusion",
        }


def _summary(source: Source, document: ProtocolDocument) -> Iterator[dict[str, Any]]:
    said = [
        ("TITLE", "Trial Title", [document.title]),
        ("STYPE", "Study Type", ["INTERVENTIONAL"]),
        ("TPHASE", "Trial Phase Classification", [document.plan.phase]),
        ("INDIC", "Trial Disease/Condition Indication", list(document.diseases)),
        ("TRT", "Investigational Therapy or Treatment", [document.product]),
        ("REGID", "Registry Identifier", [document.registry_number]),
        ("PROTVERS", "Protocol Version in Force", [document.version]),
        ("NARMS", "Planned Number of Arms", [str(len(document.ladder.levels))]),
        ("PLANSUB", "Planned Number of Subjects", [str(document.plan.participants or "")]),
        ("DLTDUR", "Length of the DLT Window", [f"P{document.window.days}D"]),
        ("DCUTDTC", "Data Cutoff Date", [source.cut_at.isoformat(timespec="seconds")]),
        ("DCUTREV", "Revision of the Data", [str(source.revision)]),
    ]
    for code, name, values in said:
        for place, value in enumerate([one for one in values if one], start=1):
            yield {"TSSEQ": place, "TSPARMCD": code, "TSPARM": name, "TSVAL": value}


def _criteria(source: Source, document: ProtocolDocument) -> Iterator[dict[str, Any]]:
    for version in source.documents.values():
        for one in version.eligibility.criteria:
            yield {
                "IETESTCD": one.id,
                "IETEST": one.text[:LONGEST_TEXT],
                "IECAT": one.kind.upper(),
                "TIRL": version.eligibility.groups.get(one.group, ""),
                "TIVERS": version.version,
            }
