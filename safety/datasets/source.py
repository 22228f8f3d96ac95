"""What the datasets are made of: the rows of a study as they were at a revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from cohorts.protocol import ProtocolDocument
from safety.datasets.shape import Variable

Row = Mapping[str, Any]

STUDYID = Variable("STUDYID", "Study Identifier")
DOMAIN = Variable("DOMAIN", "Domain Abbreviation")
USUBJID = Variable("USUBJID", "Unique Subject Identifier")


def head(domain: str) -> tuple[Variable, ...]:
    """The variables every domain of a participant's data begins with."""
    return (STUDYID, DOMAIN, USUBJID, Variable(f"{domain}SEQ", "Sequence Number", "integer"))


@dataclass(frozen=True)
class Source:
    """`rows` by the model's name, each with its columns; `ended` says when a participant came to
    the state they are in. Documents by the key of their version; the newest in force comes last."""

    study: str
    revision: int
    cut_at: datetime
    documents: Mapping[int, ProtocolDocument]
    sites: Mapping[int, tuple[str, str]]
    rows: Mapping[str, Sequence[Row]]
    ended: Mapping[int, datetime]

    @cached_property
    def document(self) -> ProtocolDocument | None:
        """The protocol in force at the revision; None before the first."""
        return list(self.documents.values())[-1] if self.documents else None

    @property
    def study_id(self) -> str:
        """STUDYID."""
        return self.document.protocol_number if self.document else self.study

    def of(self, model: str) -> Sequence[Row]:
        """Rows of a model, in the order in which they were first written."""
        return self.rows[model]

    @cached_property
    def people(self) -> dict[int, Row]:
        """Participants by key."""
        return {row["id"]: row for row in self.of("Participant")}

    @cached_property
    def courses(self) -> dict[int, Row]:
        """Courses of treatment by key."""
        return {row["id"]: row for row in self.of("Course")}

    @cached_property
    def levels(self) -> dict[int, Row]:
        """Dose levels by key."""
        return {row["id"]: row for row in self.of("DoseLevel")}

    @cached_property
    def first_infused(self) -> dict[int, datetime]:
        """When each was first given the product."""
        found: dict[int, datetime] = {}
        for row in self.of("Infusion"):
            if row["given_at"] is not None:
                person = self.courses[row["course_id"]]["participant_id"]
                found[person] = min(found.get(person, row["given_at"]), row["given_at"])
        return found

    def subject(self, person: int) -> str:
        """USUBJID: one for a person, also where they were screened twice."""
        row = self.people[person]
        while row["rescreens_id"] is not None:
            row = self.people[row["rescreens_id"]]
        site, _ = self.sites[row["site_id"]]
        return f"{self.study_id}-{site}-{row['screening_number']}"

    def keys(self, domain: str, person: int, number: int) -> dict[str, Any]:
        """STUDYID, DOMAIN, USUBJID, --SEQ."""
        return {
            "STUDYID": self.study_id,
            "DOMAIN": domain,
            "USUBJID": self.subject(person),
            f"{domain}SEQ": number,
        }

    def local(self, person: int, moment: datetime | None) -> datetime | None:
        """A moment by the clock of the participant's site."""
        _, zone = self.sites[self.people[person]["site_id"]]
        return moment.astimezone(ZoneInfo(zone)) if moment else None

    def day(self, person: int, on: date | datetime | None) -> int | None:
        """Study day: 1 is the day of the first infusion, and there is no day 0."""
        first = self.local(person, self.first_infused.get(person))
        if on is None or first is None:
            return None
        day = self.local(person, on).date() if isinstance(on, datetime) else on  # type: ignore[union-attr]
        apart = (day - first.date()).days
        return apart + 1 if apart >= 0 else apart

    def version_of(self, person: int) -> ProtocolDocument | None:
        """The protocol a participant is treated under."""
        return self.documents.get(self.people[person]["protocol_version_id"], self.document)
