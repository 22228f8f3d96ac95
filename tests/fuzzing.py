"""What schemathesis makes up from the API's description, sent to the live service.

What is not made up at random names things that are there: otherwise nearly everything would be
answered with "not there". Looked at after each request: the answer is one of those described, and
nothing was written without an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from unittest import SkipTest

import requests
import schemathesis
from django.db.models import Model
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cohorts.models import DoseLevel, Participant
from dosing.models import Infusion, ProductLot
from ntrust.api.schema import describe
from ntrust.models import User
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport
from tests.factories import CRITERIA, DISEASE, PASSWORD, fingerprint

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OWN_RECORD: Final = {"ntrust_keyedanswer", "ntrust_loginattempt", "ntrust_accountevent"}
"""Tables whose rows are themselves the record of what was asked, beside `ntrust_event`."""
KEYLESS: Final = 20
"""Each so many-th request has no key of its own: most would be refused for nothing else."""
_LAST: Final = ("/terminate/", "/key}/complete/", "/holds/place/")
"""What ends nearly everything else is asked for at the end."""


def known_of(trial: Conduct, user: User) -> dict[str, list[Any]]:
    """Entries and variables of addresses that mean something in this trial, by their names."""
    now = trial.now
    days = [now - timedelta(days=30), now - timedelta(days=1), now]

    def numbers(model: type[Model]) -> list[int]:
        return list(model._default_manager.values_list("pk", flat=True)[:6])

    people = Participant.objects.filter(study=trial.study)
    return {
        "key": [trial.study.key],
        "number": [1, 2, 10**30, *people.values_list("screening_number", flat=True)],
        "infusion": [1, 2],
        "event": numbers(AdverseEvent),
        "report": numbers(DltReport),
        "lot": numbers(ProductLot),
        "level": numbers(DoseLevel),
        "code": ["S1", *ProductLot.objects.values_list("code", flat=True)],
        "dose": [1, 2],
        "label": ["A", "1.0"],
        "site": [trial.crews[0].site.code, trial.crews[0].site.pk],
        "username": [user.username],
        "password": [PASSWORD],
        "disease": [DISEASE],
        "criterion": [one["id"] for one in CRITERIA],
        "grading_system": ["CTCAE v5.0"],
        "regimen": ["flu_cy"],
        "given_cells": list(Infusion.objects.values_list("course__level__dose", flat=True)[:1]),
        "If-Match": ['"999999999"'],
        "date-time": [day.isoformat() for day in days],
        "date": [day.date().isoformat() for day in days],
    }


def narrowed(known: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The description, in which what is known by name is one of the known, or an odd one."""
    said = deepcopy(describe())
    for methods in said["paths"].values():
        for operation in methods.values():
            for one in operation.get("parameters", ()):
                one["schema"] = _known(one["schema"], known.get(one["name"]))
                one["required"] = one.get("required", False) or one["name"] in known
            for content in operation.get("requestBody", {"content": {}})["content"].values():
                inside = content["schema"].get("properties", {})
                for name, schema in inside.items():
                    values = known.get(name) or known.get(schema.get("format", ""))
                    inside[name] = _known(schema, values)
    return said


def _known(schema: dict[str, Any], values: list[Any] | None) -> dict[str, Any]:
    kinds = schema.get("type", [])
    words = {"string": str, "integer": int, "number": (int, float, Decimal)}
    allowed = [words[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)
               if kind in words]  # fmt: skip
    fitting = [one for one in values or () if any(isinstance(one, kind) for kind in allowed)]
    return {"enum": fitting} if fitting and "enum" not in schema else schema


@dataclass
class Fuzz:
    """One person's requests: how many there were, what was answered, what was wrong."""

    url: str
    token: str
    known: dict[str, list[Any]]
    may_write: bool = True
    sent: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def run(self, mode: GenerationMode, *, each: int, seed: int = 0, only: str = "") -> None:
        """Send `each` made-up requests to every operation (`only`: with this method)."""
        said = narrowed(self.known) if mode is GenerationMode.POSITIVE else describe()
        schema = schemathesis.openapi.from_dict(said)
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token}"
        operations = [result.ok() for result in schema.get_all_operations()]
        self._before = fingerprint()
        for operation in sorted(operations, key=_rank):
            if only in ("", operation.method.upper()):
                for case in cases(operation, mode, most=each, number=seed):
                    self._send(case, session)

    def _send(self, case: Case, session: requests.Session) -> None:
        self.sent += 1
        if case.method.upper() == "POST" and self.sent % KEYLESS:
            case.headers["Idempotency-Key"] = f"fuzz-{self.sent}"
        answer = case.call(base_url=self.url, session=session)
        self.answers[answer.status_code] += 1
        wrong = []
        try:
            case.validate_response(answer, checks=CHECKS)
        except AssertionError as error:
            wrong.append(str(error))
        except BaseExceptionGroup as group:
            wrong.extend(map(str, group.exceptions))
        after = fingerprint()
        wrong += unrecorded(self._before, after, is_refused=answer.status_code >= 400)
        if after != self._before and not self.may_write:
            wrong.append("somebody who may write nothing wrote")
        self._before = after
        if wrong:
            said = f"{case.as_curl_command()}\n{answer.status_code} {answer.content[:300]!r}"
            self.faults.append("\n".join([said, *wrong]))


def unrecorded(
    before: Mapping[str, int], after: Mapping[str, int], *, is_refused: bool
) -> list[str]:
    """What is wrong with what was written: without an event, or though it was refused."""
    grown = {name for name in after if after[name] != before[name]}
    if is_refused and grown:
        return [f"refused, and yet written: {sorted(grown)}"]
    if grown - OWN_RECORD and not grown & {"ntrust_event", "ntrust_accountevent"}:
        return [f"written without an event: {sorted(grown)}"]
    return []


def _rank(operation: APIOperation) -> tuple[bool, bool]:
    """Reads first, and last what ends nearly everything else."""
    is_write = operation.method.upper() == "POST"
    return is_write, is_write and any(word in operation.path for word in _LAST)


def cases(operation: APIOperation, mode: GenerationMode, *, most: int, number: int) -> list[Case]:
    """Up to `most` made-up requests, the same each time for the same number; none where nothing
    wrong can be made up. The first one is always the simplest there is, and left out."""
    found: list[Case] = []

    @seed(number)
    @settings(
        max_examples=most + 1,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Case) -> None:
        found.append(case)

    with suppress(Unsatisfiable, SkipTest):
        collect()
    return found[1:]
