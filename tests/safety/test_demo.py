"""The demo: once, complete, and never in production."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from cohorts.models import Consent, Outcome, Participant, ProtocolVersion
from cohorts.queries.impact import read_impact
from ntrust import clock
from ntrust.models import Study, User
from safety.management.commands import load_demo
from safety.management.demo import PASSWORD, demo_logins, set_up
from tests.factories import fingerprint
from tests.safety.test_replay import SMALL

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_small_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_demo, "read_trials", lambda: {"small": deepcopy(SMALL)})


def load(*arguments: str) -> str:
    out = StringIO()
    call_command("load_demo", *arguments, stdout=out)
    return out.getvalue()


def test_demo_is_loaded_once() -> None:
    text = load()
    rows = fingerprint()

    again = load()

    assert fingerprint() == rows
    assert "Loading" in text
    assert "Loading" not in again
    assert sorted(Study.objects.values_list("key", flat=True)) == ["ntrust-1", "replay-small"]
    assert {"CONDITIONING", "SLOTTED", "TREATED"} <= set(
        Participant.objects.filter(study__key="ntrust-1").values_list("state", flat=True)
    )
    assert set(Outcome.objects.values_list("letter", flat=True)) == {"N", "T", "P", "X"}
    versions = ProtocolVersion.objects.filter(study__key="ntrust-1").order_by("id")
    assert list(versions.values_list("version", "state")) == [
        ("A", "SUPERSEDED"),
        ("B", "ACTIVE"),
        ("C", "DRAFT"),
    ]
    preview = read_impact(versions[2], now=clock.now())
    assert (preview.unfit, preview.answers) == ("", ())
    assert set(Consent.objects.values_list("form__label", flat=True)) == {"B 1.0"}
    for username, _ in demo_logins():
        user = User.objects.get(username=username)
        assert user.is_demo
        assert user.check_password(PASSWORD)
        assert user.memberships.exists()
        assert not user.is_superuser


@pytest.mark.parametrize("arguments", [[], ["--show-logins"]])
def test_demo_is_refused_in_production(settings: Any, arguments: list[str]) -> None:
    settings.NTRUST_MODE = "production"

    with pytest.raises(CommandError, match="never loaded in production"):
        load(*arguments)

    assert not Study.objects.exists()
    assert not User.objects.exists()


def test_logins_are_shown_without_loading() -> None:
    text = load("--show-logins")

    assert "manager" in text
    assert not Study.objects.exists()


@pytest.mark.parametrize("minutes", range(1, 5))
def test_consent_shortly_before_midnight_at_the_site_is_renewed(minutes: int) -> None:
    """The demo is loaded at any time of the day: steps of one person may fall on two days."""
    conduct = set_up(datetime(2026, 1, 6, 6, 0, tzinfo=UTC))
    conduct.now = datetime(2026, 1, 10, 6, 0, tzinfo=UTC) - timedelta(minutes=minutes)
    person = conduct.screen(disease="lupus nephritis", crew=0)
    midnight = conduct.now.astimezone(ZoneInfo(person.site.timezone)).date()
    assert person.consented_at.astimezone(ZoneInfo(person.site.timezone)).date() < midnight

    conduct.now += timedelta(days=8)
    conduct.renew(person)

    assert Participant.objects.get(pk=person.pk).state == "ELIGIBLE"
