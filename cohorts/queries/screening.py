"""One participant's screening: every criterion today, and exactly what is still missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from cohorts.engine.eligibility import Kind, State, missing_anchors, missing_fields
from cohorts.models import Participant, Screening
from cohorts.policies import (
    BEFORE_TREATMENT,
    day_at,
    describe_state,
    document_of,
    freeze_readings,
    judge_screening,
    screening_content,
)
from cohorts.protocol import ProtocolDocument
from cohorts.queries.viewers import Viewer
from cohorts.states import ScreeningState
from ntrust.signing import SignatureStatus, signature_status
from ntrust.states import Role

_ORDER = {False: 0, None: 1, True: 2}


@dataclass(frozen=True)
class CriterionRow:
    """A criterion and what it comes to. `passes` None: missing."""

    id: str
    text: str
    words: str
    sentence: str
    passes: bool | None


@dataclass(frozen=True)
class ScreeningPanel:
    """A screening. Criteria: failing first, then missing, then passing. Over: as signed."""

    state: str
    visit_date: date | None
    lymphodepletion_date: date | None
    first_infusion_date: date | None
    failing: tuple[CriterionRow, ...]
    undecided: tuple[CriterionRow, ...]
    passing: tuple[CriterionRow, ...]
    missing: tuple[str, ...]
    expires_on: date | None
    is_expired: bool
    signature: SignatureStatus | None
    confirmed_at: datetime | None
    confirmed_by: str
    failed_because: str
    rescreens: str
    rescreened_as: str
    can_enter: bool
    can_sign: bool
    can_fail: bool
    can_confirm: bool
    can_rescreen: bool


def read_screening(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> ScreeningPanel | None:
    """None for somebody who was never screened here."""
    screening = (
        Screening.objects.select_related(
            "participant__site",
            "participant__protocol_version",
            "participant__rescreens",
            "signature",
            "confirmed_by",
        )
        .filter(participant=participant)
        .first()
    )
    if screening is None:
        return None
    person = screening.participant
    document = document_of(person.protocol_version)
    state = ScreeningState(screening.state)
    is_live = person.state in BEFORE_TREATMENT and state != ScreeningState.FAILED
    today = day_at(person.site, now)
    rows, missing = _criteria(screening, document, today=today, is_live=is_live)
    again = person.rescreened_as.first()
    end = screening.expires_on
    return ScreeningPanel(
        state=state.label,
        visit_date=screening.visit_date,
        lymphodepletion_date=screening.lymphodepletion_date,
        first_infusion_date=screening.first_infusion_date,
        failing=tuple(row for row in rows if row.passes is False),
        undecided=tuple(row for row in rows if row.passes is None),
        passing=tuple(row for row in rows if row.passes is True),
        missing=missing,
        expires_on=end,
        is_expired=is_live and end is not None and end <= today,
        signature=_signature(screening),
        confirmed_at=screening.confirmed_at,
        confirmed_by=str(screening.confirmed_by or ""),
        failed_because=screening.failed_because,
        rescreens=person.rescreens.screening_number if person.rescreens else "",
        rescreened_as=again.screening_number if again else "",
        **_buttons(screening, viewer=viewer, is_live=is_live, is_again=again is not None),
    )


def _buttons(
    screening: Screening, *, viewer: Viewer, is_live: bool, is_again: bool
) -> dict[str, bool]:
    """What this person may do with it next."""
    state = screening.state
    is_own = viewer.is_investigator_at(screening.participant.site_id)
    is_manager = Role.STUDY_MANAGER.label in viewer.roles
    is_unsettled = state in (ScreeningState.OPEN, ScreeningState.SIGNED)
    return {
        "can_enter": is_own and is_live,
        "can_sign": is_own and is_live and state == ScreeningState.OPEN,
        "can_fail": is_own and is_live and is_unsettled,
        "can_confirm": is_manager and is_live and state == ScreeningState.SIGNED,
        "can_rescreen": is_own and state == ScreeningState.FAILED and not is_again,
    }


def _criteria(
    screening: Screening, document: ProtocolDocument, *, today: date, is_live: bool
) -> tuple[list[CriterionRow], tuple[str, ...]]:
    """Every criterion with its sentence, and labels of all that is still missing."""
    asked = document.eligibility
    texts = {each.id: each.text for each in asked.criteria}
    missing: tuple[str, ...] = ()
    frozen = screening.readings
    if is_live:
        readings = judge_screening(screening, today=today, document=document)
        frozen = freeze_readings(readings)
        labels = {each.key: each.label for each in asked.fields}
        days = [asked.anchors.get(key, key) for key in missing_anchors(readings)]
        missing = (
            *(f"the date of {words}" for words in days),
            *(labels[key] for key in missing_fields(readings, labels)),
        )
    rows = [
        CriterionRow(
            id=each["criterion"],
            text=texts.get(each["criterion"], ""),
            words=describe_state(Kind(each["kind"]), State(each["state"])),
            sentence=each["sentence"],
            passes=_passes(Kind(each["kind"]), State(each["state"])),
        )
        for each in frozen
    ]
    return sorted(rows, key=lambda row: _ORDER[row.passes]), missing


def _passes(kind: Kind, state: State) -> bool | None:
    if state is State.MISSING:
        return None
    return (state is State.MET) == (kind is Kind.INCLUSION)


def _signature(screening: Screening) -> SignatureStatus | None:
    signature = screening.signature
    if signature is None:
        return None
    content = screening_content(
        screening, rows=screening.results.all(), readings=screening.readings
    )
    return signature_status(signature, content)
