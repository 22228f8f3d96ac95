"""What nobody types: every form answers in words, never with a fault, and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.urls.converters import IntConverter

from ntrust import clock
from safety.management.conduct import Conduct
from tests.everything import build_everything
from tests.factories import client_of, fingerprint, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_everything)
APPS = ("cohorts", "dosing", "safety")
ODD = [
    "NaN",
    "-Infinity",
    "1e400",
    "-1",
    "9" * 400,
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "0001-01-01",
    "9999-12-31",
    "2026-03-08T02:30",
    "\u202e\U0001f9ec ١٢",
    "a\x00b",
]
LEAST_FORMS = 40


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def addresses(trial: Conduct) -> Iterator[str]:
    """Every address of the three applications, about the first participant."""
    known = {
        "key": trial.study.key,
        "number": "S-001",
        "code": trial.crews[0].site.code,
        "label": "A",
        "form": "csv",
    }
    for resolver in get_resolver().url_patterns:
        if getattr(resolver, "app_name", "") not in APPS:
            continue
        for pattern in resolver.url_patterns:
            assert isinstance(pattern, URLPattern)
            arguments = {
                name: 1 if isinstance(kind, IntConverter) else known.get(name, "1")
                for name, kind in pattern.pattern.converters.items()
            }
            yield reverse(f"{resolver.app_name}:{pattern.name}", kwargs=arguments)


def forms(trial: Conduct) -> Iterator[tuple[Client, str, list[str]]]:
    """Each form that somebody gets, with the names of its fields."""
    crew = trial.crews[0]
    people = [trial.manager, trial.monitor, crew.investigator, crew.pharmacist]
    clients = [client_of(user) for user in people]
    for client in clients:
        client.raise_request_exception = False
    for address in addresses(trial):
        for client in clients:
            shown = client.get(address)
            assert shown.status_code < 500, address
            if shown.status_code != 200 or "text/html" not in shown["Content-Type"]:
                continue
            names = re.findall(r'name="([a-zA-Z_][\w-]*)"', shown.content.decode())
            if "revision" in names:
                yield client, address, [name for name in names if name != "csrfmiddlewaretoken"]
                break


def test_odd_values_are_answered_in_words(trial: Conduct) -> None:
    bad, seen = [], 0
    for client, address, names in forms(trial):
        seen += 1
        before = fingerprint()
        for odd in ODD:
            status = client.post(address, dict.fromkeys(names, odd)).status_code
            after = fingerprint()
            if status >= 500 or (status != 302 and after != before):
                bad.append((address, odd[:20], status))
            before = after
        for body, kind in ((b"", "application/json"), (b"\xff\xfe", "text/plain")):
            status = client.post(address, body, content_type=kind).status_code
            if status >= 500:
                bad.append((address, kind, status))

    assert bad == []
    assert seen >= LEAST_FORMS
