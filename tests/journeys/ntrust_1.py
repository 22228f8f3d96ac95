"""Ntrust-1 as its people conduct it over the pages, in simulated time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

import safety.management.demo as demo
from cohorts.engine.design import Verdict
from cohorts.engine.eligibility import NEVER
from cohorts.models import Decision, Outcome, Participant
from cohorts.protocol import ProtocolDocument, read_file, write_document
from dosing.models import LdAdministration
from ntrust import clock
from ntrust.actions import add_site, create_study
from ntrust.models import Study
from ntrust.states import Role
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct, Crew, enlist
from safety.management.demo_results import read_answers
from safety.models import Review
from tests.factories import PASSWORD
from tests.journeys.visitor import Visitor

LN, PMN = demo.LN, demo.PMN
STUDY = "/studies/ntrust-1/"
SITES = ("AR1", "PR1", "NY1")
LOT = "A12"
COMMITTEE = ("chair", "clinician", "statistician")
BILLION = Decimal(10) ** 9


class Part1:
    """Everything a person does goes over a page. The study starts in set-up, with planned sites and
    their people."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: self.now)
        self.url = url
        self.conduct = _set_up(self.now)
        self.visitors = {
            user.username: Visitor(url, user, password=PASSWORD)
            for user in (
                self.conduct.manager,
                self.conduct.monitor,
                *(crew.investigator for crew in self.conduct.crews),
                *(crew.pharmacist for crew in self.conduct.crews),
            )
        }

    # --- Who and when ------------------------------------------------------------------------

    @property
    def manager(self) -> Visitor:
        return self.visitors["manager"]

    @property
    def monitor(self) -> Visitor:
        return self.visitors["monitor"]

    def investigator(self, number: str) -> Visitor:
        """The investigator of a participant's site, which the number names."""
        return self.visitors[f"investigator-{number[:3].lower()}"]

    def wait(self, **span: float) -> None:
        """Time passes, and the clock's own moments are applied as by the beat."""
        self.now += timedelta(**span)
        pass_time_everywhere(now=self.now)

    def wait_until(self, moment: datetime) -> None:
        self.wait(seconds=max(0.0, (moment - self.now).total_seconds()))

    def at(self, number: str, moment: datetime | None = None) -> str:
        """A moment as somebody at the participant's site types it."""
        zone = next(c.site.timezone for c in self.conduct.crews if c.site.code == number[:3])
        return (moment or self.now).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")

    def day(self, number: str, days: int = 0) -> str:
        return self.at(number, self.now + timedelta(days=days))[:10]

    # --- The protocol ------------------------------------------------------------------------

    def adopt(self, file: str, *, label: str, reason: str) -> None:
        """A protocol version uploaded as text, compared, previewed, approved from today."""
        text = write_document(shipped(file))
        self.manager.act(f"{STUDY}new-protocol/", text=text)
        self.manager.read(f"{STUDY}protocols/{label}/changes/")
        self.manager.read(f"{STUDY}protocols/{label}/impact/")
        today = self.now.date().isoformat()
        address = f"{STUDY}protocols/{label}/approve/"
        self.manager.act(address, effective_on=today, reason=reason)
        self.manager.act(
            f"{STUDY}consents/new-form/",
            label=f"{label} 1.0",
            effective_on=today,
            **self._version_choice(f"{STUDY}consents/new-form/", label),
        )

    def _version_choice(self, address: str, label: str) -> dict[str, str]:
        """The option of the version's select that reads as this label."""
        html = self.manager.open(address).html
        found = re.search(rf'<option value="(\d+)"[^>]*>\s*[^<]*\b{label}\b', html)
        return {"version": found.group(1)} if found else {}

    # --- Screening and seats -----------------------------------------------------------------

    def consent(self, disease: str, *, code: str) -> str:
        """A candidate at a site; answers the screening number."""
        visitor = self.visitors[f"investigator-{code.lower()}"]
        before = set(Participant.objects.values_list("screening_number", flat=True))
        visitor.act(
            f"{STUDY}sites/{code}/new-participant/",
            disease=disease,
            consented_at=self.at(code),
        )
        after = set(Participant.objects.values_list("screening_number", flat=True))
        (number,) = after - before
        return number

    def screen(self, number: str, *, lymphodepletion_in: int = 2, **changed: Any) -> None:
        """Dates and every result; `changed` values go over those of somebody eligible."""
        visitor, person = self.investigator(number), self.one(number)
        visitor.act(
            f"{self.page(number)}dates/",
            visit_date=self.day(number),
            lymphodepletion_date=self.day(number, lymphodepletion_in),
            first_infusion_date=self.day(number, lymphodepletion_in + 5),
        )
        entered = self.results(person)
        visitor.act(f"{self.page(number)}results/", day=self.day(number), **{**entered, **changed})

    def results(self, person: Participant) -> dict[str, str]:
        """What somebody eligible brings, as the form's fields."""
        today = date.fromisoformat(self.day(person.screening_number))
        answers = read_answers(shipped("ntrust-1.yaml"))
        known = {each["key"] for each in person.protocol_version.document["eligibility"]["fields"]}
        fields: dict[str, str] = {}
        for entry in answers(person.disease, consent=today, measured_on=today):
            if entry.field not in known:
                continue
            if entry.value == NEVER:
                fields[f"{entry.field}__never"] = "on"
            else:
                fields[entry.field] = entry.value
            if entry.upper_limit:
                fields[f"{entry.field}__upper_limit"] = entry.upper_limit
            if entry.comment:
                fields[f"{entry.field}__comment"] = entry.comment
        return fields

    def enrol(self, disease: str, *, code: str, level: int) -> str:
        """From consent to a confirmed seat; answers the screening number."""
        number = self.consent(disease, code=code)
        self.screen(number)
        self.investigator(number).act(f"{self.page(number)}sign-screening/")
        self.manager.act(f"{self.page(number)}eligibility/")
        self.take_seat(number, level)
        return number

    def take_seat(self, number: str, level: int) -> None:
        """Requested by the site, reserved and confirmed by the manager."""
        self.investigator(number).act(f"{self.page(number)}seat/request/")
        self.take_seat_now(number, level)

    def take_seat_now(self, number: str, level: int) -> None:
        """The seat of one whose request is in the queue."""
        pk = self.conduct.level(level).pk
        self.manager.act(f"{self.page(number)}seat/reserve/", level=pk)
        self.manager.act(f"{self.page(number)}seat/confirm/")

    # --- Reviews and decisions ---------------------------------------------------------------

    def decide(self, verdict: Verdict, level: int | None) -> int:
        """Reviewed, signed by two and acknowledged everywhere, as the rules recommend; answers the
        decision's number."""
        assert self.says() == (verdict, level)
        self.review()
        return self.put_in_force()

    def review(self, **concluded: Any) -> None:
        """A review convened, and the committee's meeting recorded: it agrees."""
        self.manager.act(f"{STUDY}reviews/convene/")
        number = Review.objects.latest("id").number
        self.manager.act(
            f"{STUDY}reviews/{number}/meeting/",
            minutes_reference=f"minutes of review {number}",
            votes_for=len(COMMITTEE),
            votes_against=0,
            votes_abstain=0,
            committee="AGREES",
            **{f"name_{n}": f"member {n}" for n in range(1, len(COMMITTEE) + 1)},
            **{f"role_{n}": role for n, role in enumerate(COMMITTEE, start=1)},
            **{f"at_{n}": "FOR" for n in range(1, len(COMMITTEE) + 1)},
            **concluded,
        )

    def put_in_force(self) -> int:
        """The last decision signed by manager and monitor, acknowledged by sites and pharmacies."""
        number = Decision.objects.latest("id").number
        address = f"{STUDY}decisions/{number}/"
        self.manager.act(f"{address}sign/")
        self.monitor.act(f"{address}sign/")
        for code in SITES:
            for role in ("investigator", "pharmacist"):
                visitor = self.visitors[f"{role}-{code.lower()}"]
                visitor.act(f"{address}acknowledge/", site=code)
        assert Decision.objects.get(number=number).state == "CIRCULATED"
        return number

    def egfr(self, value: str) -> dict[str, str]:
        """An eGFR of today, as the form asks for it."""
        return {"value_egfr": value, "taken_egfr": self.now.date().isoformat()}

    def letters(self) -> dict[int, str]:
        """Level to what its participants count as, in the order they came."""
        found: dict[int, str] = {}
        rows = Outcome.objects.filter(is_counted=True).order_by("participant_id")
        for level, letter in rows.values_list("level__ordinal", "letter"):
            found[level] = found.get(level, "") + letter
        return found

    def study_state(self) -> str:
        return Study.objects.get().state

    def says(self) -> tuple[str, int | None]:
        """The stored recommendation, which is on the ladder's page too."""
        advice = self.conduct.advice()
        return advice.verdict, advice.level

    # --- Treatment ---------------------------------------------------------------------------

    def stock(self, code: str, *, billions: int) -> None:
        """A lot received by a pharmacy and released by the manager."""
        self.visitors["pharmacist-ar1"].act(
            f"{STUDY}receive-lot/",
            code=code,
            received_at=self.now.strftime("%Y-%m-%dT%H:%M"),
            total_cells=billions * BILLION,
            viability="0.9",
            expires_on=(self.now + timedelta(days=600)).date().isoformat(),
        )
        self.manager.act(f"{STUDY}lots/{code}/release/")

    def renew(self, number: str) -> None:
        """Screening results measured anew, signed and confirmed again."""
        person = self.one(number)
        days = {name: self.day(number) for name in self._dated(person)}
        self.investigator(number).act(f"{self.page(number)}results/", **days)
        self.investigator(number).act(f"{self.page(number)}sign-screening/")
        self.manager.act(f"{self.page(number)}eligibility/")

    def _dated(self, person: Participant) -> list[str]:
        fields = person.protocol_version.document["eligibility"]["fields"]
        dated = {each["key"] for each in fields if each["valid_days"] is not None}
        return [
            f"{row.field}__measured_on" for row in person.screening.results.filter(field__in=dated)
        ]

    def condition(self, number: str, *, regimen: str, **entered: Any) -> None:
        """Lymphodepletion begun today, every dose given on its day, complete; then Day 0."""
        visitor, address = self.investigator(number), f"{self.page(number)}lymphodepletion/"
        days = {"flu_cy": 5, "cy": 3}[regimen]
        day_0 = self.now + timedelta(days=days)
        said = visitor.confirm(
            f"{address}begin/",
            regimen=regimen,
            started_at=self.at(number),
            first_infusion_on=self.at(number, day_0),
            height_cm="170",
            weight_kg="70.5",
            **entered,
        )
        assert "Body surface 1.82 m²" in said
        doses = LdAdministration.objects.filter(course__participant=self.one(number))
        for at, dose in enumerate(doses, start=1):
            self.wait_until(day_0 + timedelta(days=dose.day))
            visitor.act(
                f"{address}{at}/give/",
                started_at=self.at(number),
                stopped_at=self.at(number),
            )
        visitor.act(f"{address}complete/", ended_at=self.at(number))
        self.wait_until(day_0)

    def infuse(self, number: str, infusion: int, *, share: str = "1") -> None:
        """The safety check where it is asked for, then the infusion, now."""
        visitor, address = self.investigator(number), f"{self.page(number)}infusions/{infusion}/"
        if infusion > 1:
            form = visitor.open(f"{address}check/").form()
            answers = {name: "yes" for name in form.names if name.startswith("answer_")}
            visitor.act(f"{address}check/", checked_at=self.at(number), **answers)
        cells = (self.one(number).outcome.level.dose * Decimal(share)).quantize(Decimal(1))
        visitor.act(
            f"{address}give/",
            given_at=self.at(number),
            given_cells=cells,
            lot=self._lot_choice(f"{address}give/", visitor, LOT),
            **({"reduced_because": "fewer cells in the bag"} if share != "1" else {}),
        )

    def _lot_choice(self, address: str, visitor: Visitor, lot: str) -> str:
        found = re.search(rf'<option value="(\d+)"[^>]*>\s*{lot}\b', visitor.open(address).html)
        assert found is not None, f"no lot {lot} on {address}"
        return found.group(1)

    def treat(
        self,
        number: str,
        *,
        days: tuple[int, ...] = (0, 7, 14),
        shares: tuple[str, ...] = ("1", "1", "1"),
    ) -> None:
        """The infusions, from today on; `shares` of the assigned cells."""
        day_0 = self.now
        for infusion, (day, share) in enumerate(zip(days, shares, strict=False), start=1):
            self.wait_until(day_0 + timedelta(days=day))
            self.infuse(number, infusion, share=share)

    def report_dlt(self, number: str, *, criterion: str, term: str, grade: int) -> None:
        """An event that began now, reported as a DLT."""
        self.investigator(number).act(
            f"{self.page(number)}event/",
            term=term,
            onset_at=self.at(number),
            aware_at=self.at(number),
            grade=grade,
            causality="PROBABLE",
            is_serious="yes",
            criterion=criterion,
        )

    def sign_no_dlt(self, number: str) -> None:
        self.investigator(number).act(f"{self.page(number)}statement/", has_dlt="no")

    # --- Small things ------------------------------------------------------------------------

    def page(self, number: str) -> str:
        return f"{STUDY}participants/{number}/"

    def one(self, number: str) -> Participant:
        return Participant.objects.select_related("protocol_version").get(screening_number=number)


@cache
def shipped(name: str) -> ProtocolDocument:
    """A shipped protocol, read once: YAML is slow."""
    return read_file(demo.PROTOCOLS / name)


def _set_up(now: datetime) -> Conduct:
    """The study in set-up, its planned sites, and the people."""
    document = shipped("ntrust-1-a.yaml")
    study = create_study(
        "ntrust-1",
        title=document.title,
        protocol_number=document.protocol_number,
        product=document.product,
        now=now,
    )
    common: dict[str, Any] = {"study": study, "password": PASSWORD, "now": now}
    manager = enlist("manager", role=Role.STUDY_MANAGER, **common)
    monitor = enlist("monitor", role=Role.MEDICAL_MONITOR, **common)
    rows: list[Mapping[str, Any]] = yaml.safe_load(
        (Path(demo.PROTOCOLS) / "ntrust-1-sites.yaml").read_text(encoding="utf-8")
    )
    crews = []
    for row in rows:
        site = add_site(study, by=manager, now=now, **row)
        if site.code in SITES:
            code = site.code.lower()
            crews.append(
                Crew(
                    site,
                    enlist(f"investigator-{code}", role=Role.INVESTIGATOR, site=site, **common),
                    enlist(f"pharmacist-{code}", role=Role.PHARMACIST, site=site, **common),
                )
            )
    study = Study.objects.get(pk=study.pk)
    return Conduct(study, manager, monitor, PASSWORD, "flu_cy", now, crews)
