"""Files, lists that grow, one's own wishes and a webhook's secret, as other systems get them."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ntrust import clock
from ntrust.actions import make_token
from ntrust.models import KeyedAnswer, Preference, User
from ntrust.states import TokenScope
from safety.actions import lock_cut
from safety.actions.packet_files import prepare_newest
from safety.api.files import FILES
from safety.management.conduct import Conduct
from safety.reports import MAKERS
from tests.factories import (
    DISEASE,
    PASSWORD,
    cast,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db
STUDY = "/api/v1/studies/trial/"


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "TPU")
    trial.stock("A12", total_cells=Decimal(9), viability=Decimal("0.9"), lasts=timedelta(days=90))
    lock_cut(trial.study, purpose="review", by=trial.manager, password=PASSWORD, now=trial.tick())
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)
    User.objects.update(password_changed_at=trial.now - timedelta(days=1))


def post(client: Client, where: str, data: Any = None, **headers: str) -> Any:
    return client.post(where, data or {}, content_type="application/json", headers=headers)


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


TAKEN = ["audit/csv/", "audit/json/", "noise/csv/", "export/participants/csv/", "data/datasets/",
         "data/1/datasets/"]  # fmt: skip


@pytest.mark.parametrize("where", TAKEN)
def test_a_file_is_taken_as_from_its_page_and_that_is_an_event(trial: Conduct, where: str) -> None:
    events = trial.study.events.count()

    answer = post(client_of(trial.manager), STUDY + where)

    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    assert len(body_of(answer)) > 100
    assert trial.study.events.count() == events + 1
    assert trial.study.events.latest("id").by == trial.manager


def test_a_file_is_filtered_as_its_page_is(trial: Conduct) -> None:
    where = f"{STUDY}export/participants/csv/"

    every, one = (
        body_of(post(client_of(trial.manager), f"{where}{asked}")).decode()
        for asked in ("", "?stage=treated")
    )

    assert "S-003" in every
    assert ("S-001" in one, "S-003" in one, "stage = treated" in one) == (True, False, True)


def test_nobody_takes_what_their_pages_refuse(trial: Conduct) -> None:
    people = cast(trial)
    _, secret = make_token(
        trial.manager,
        name="reader",
        scope=TokenScope.READ,
        ends_at=trial.now + timedelta(days=1),
        by=trial.manager,
        now=trial.now,
    )
    before = fingerprint()

    for where in (STUDY + one for one in TAKEN):
        for who in ("committee", "stranger", "revoked", "superuser"):
            assert post(client_of(people[who]), where).status_code == 404, (who, where)
        assert client_of(trial.manager).get(where).status_code in (404, 405, 200), where
        reading = post(Client(), where, Authorization=f"Bearer {secret}")
        assert (reading.status_code, reading.json()["code"]) == (403, "read_only_token")
    elsewhere = client_of(people["investigator elsewhere"])
    assert post(elsewhere, f"{STUDY}noise/csv/").status_code == 404
    assert post(elsewhere, f"{STUDY}data/datasets/").status_code == 403
    assert post(client_of(trial.manager), f"{STUDY}data/9/datasets/").status_code == 404
    assert post(client_of(trial.manager), f"{STUDY}audit/exe/").status_code == 404
    assert fingerprint() == before


def test_own_sites_rows_are_all_that_a_site_takes(trial: Conduct) -> None:
    answer = post(client_of(trial.crews[1].investigator), f"{STUDY}export/participants/csv/")

    said = body_of(answer).decode()
    assert "site = S2" in said
    assert "S-001" not in said


def test_a_packets_files_are_there_once_they_are_made(trial: Conduct) -> None:
    client = client_of(cast(trial)["committee"])
    where = f"{STUDY}packets/1/"

    early = client.get(f"{where}packet.json")
    prepare_newest({form: lambda draft: b"{}" for form in MAKERS}, now=trial.now)
    said = client.get(where).json()["data"]
    file = client.get(f"{where}packet.json", headers={"Accept": "application/pdf"})

    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    assert said["is_sealed"] is True
    assert said["record"]["content_hash"] == said["packet_hash"]
    assert said["are_files_ready"] is True
    assert (file.status_code, body_of(file)) == (200, b"{}")
    site = client_of(trial.crews[0].investigator)
    assert site.get(where).status_code == 404
    assert site.get(f"{where}packet.pdf").status_code == 403
    assert client.get(f"{STUDY}packets/9/packet.pdf").status_code == 404


def test_what_is_inserted_meanwhile_moves_no_page(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safety.api.endpoints.PAGE", 1)
    client, where = client_of(trial.manager), f"{STUDY}participants/"
    known = [row["screening_number"] for row in _pages(client, where)]

    first = client.get(where).json()
    trial.consent(disease=DISEASE)
    second = client.get(where, {"cursor": first["next"]}).json()

    assert [first["results"][0]["screening_number"], second["results"][0]["screening_number"]] == (
        known[:2]
    )


def test_a_cursor_whose_row_is_gone_is_refused_loudly(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safety.api.endpoints.PAGE", 1)
    client, where = client_of(trial.manager), f"{STUDY}participants/"
    cursor = client.get(where).json()["next"]

    gone = client.get(where, {"cursor": cursor, "stage": "treated"})
    odd = [client.get(where, {"cursor": one}) for one in ("%%", "MTAw", "é")]

    assert (gone.status_code, gone.json()["code"]) == (409, "list_changed")
    assert {(one.status_code, one.json()["code"]) for one in odd} == {(400, "bad_cursor")}


def test_the_audit_trail_is_read_to_its_end_while_it_grows(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safety.api.records.PAGE", 40)
    client, where = client_of(trial.manager), f"{STUDY}audit/"
    whole = [_version(row) for row in _pages(client, where)]

    first = client.get(where).json()
    trial.consent(disease=DISEASE)
    rest = list(_pages(client, where, cursor=first["next"]))

    assert len(whole) > 100
    assert [_version(row) for row in [*first["results"], *rest]] == whole
    odd = [client.get(where, {"cursor": one}).status_code for one in ("%%", "MTAw", "abc=")]
    assert odd == [400, 400, 400]


def _version(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def _pages(client: Client, where: str, cursor: str | None = "") -> Any:
    while cursor is not None:
        page = client.get(where, {"cursor": cursor} if cursor else {}).json()
        yield from page["results"]
        cursor = page["next"]


def test_preferences_are_ones_own_and_stale_ones_are_refused(trial: Conduct) -> None:
    client, where = client_of(trial.manager), "/api/v1/preferences/"
    read = client.get(where)
    chosen = {"digest_hour": 6, "timezone": "Europe/Berlin", "mails_at_once": "yes"}

    unread = post(client, where, chosen)
    wrong = post(client, where, {**chosen, "digest_hour": 25}, If_Match=read["ETag"])
    assert not Preference.objects.filter(user=trial.manager).exists()
    done = post(client, where, chosen, If_Match=read["ETag"])
    stale = post(client, where, {**chosen, "digest_hour": 9}, If_Match=read["ETag"])

    assert (unread.status_code, unread.json()["code"]) == (428, "if_match_needed")
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["digest_hour"])
    assert (done.status_code, done.json()["data"]["hour"]) == (200, 6)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_page")
    assert Preference.objects.get(user=trial.manager).digest_hour == 6


def test_the_token_of_a_study_leaves_its_owners_preferences_alone(trial: Conduct) -> None:
    ends_at = trial.now + timedelta(days=1)
    _, secret = make_token(
        trial.manager, name="x", scope=TokenScope.ACT, study=trial.study, ends_at=ends_at,
        by=trial.manager, now=trial.now,
    )  # fmt: skip

    answer = Client().get("/api/v1/preferences/", headers={"Authorization": f"Bearer {secret}"})

    assert answer.status_code == 404


def test_the_secret_of_a_webhook_is_told_once_and_kept_nowhere(
    trial: Conduct, settings: Any
) -> None:
    settings.NTRUST_LOOPBACK_TARGETS = True
    client, where = client_of(trial.manager), f"{STUDY}webhooks/new/"
    body = {"name": "EDC", "url": "http://127.0.0.1:9/", "kinds": [], "reason": "the EDC listens"}
    headers = {"Idempotency-Key": "hook", "If-Match": client.get(where)["ETag"]}

    first = post(client, where, body, **headers)
    again = post(client, where, body, **headers)

    secret = first.json()["secret"]
    (row,) = client.get(f"{STUDY}webhooks/").json()["results"]
    assert secret.startswith("whsec_")
    assert again.json() == {**first.json(), "secret": ""}
    assert secret not in str(KeyedAnswer.objects.get().body)
    assert (row["name"], row["is_active"]) == ("EDC", True)
    assert secret not in client.get(f"{STUDY}webhooks/").content.decode()
    assert client_of(trial.crews[0].investigator).get(f"{STUDY}webhooks/").status_code == 404


PARTS = {"live", "revision", "progress", "reading", "parts"}
WITHOUT = {
    "committee/", "committee/<slug:key>/", "manage/", "",
    "accounts/tokens/", "accounts/tokens/<int:number>/revoke/", "accounts/chat/",
    "inbox/<int:row>/open/",
    "studies/<slug:key>/take-over/template.xlsx",
    "site/<slug:key>/report/", "site/<slug:key>/sent/<int:event>/",
    "site/<slug:key>/participants/<str:number>/gates/",
    "site/<slug:key>/participants/<str:number>/today/",
}  # fmt: skip
"""Pages without an endpoint: choices of a study, a person's log-in and tokens, and parts of what
another endpoint says whole."""
ELSEWHERE = {
    "committee/<slug:key>/reviews/<int:number>/": "packets/<int:number>/",
    "trail/": "feed/",
    "manage/<slug:key>/": "today/",
    "site/<slug:key>/": "own-site/",
    "site/<slug:key>/calendar/": "calendar/",
    "accounts/preferences/": "preferences/",
}


def addresses(app: str) -> set[str]:
    """What answers in an application, or in the API."""

    def inside(patterns: Any, before: str = "") -> Any:
        for one in patterns:
            if isinstance(one, URLResolver):
                yield from inside(one.url_patterns, f"{before}{one.pattern}")
            elif isinstance(one, URLPattern):
                yield f"{before}{one.pattern}"

    return {
        where
        for one in get_resolver().url_patterns
        if isinstance(one, URLResolver) and one.app_name == app
        for where in inside(one.url_patterns)
    }


def test_every_page_has_an_endpoint_or_a_reason() -> None:
    offered, missing = addresses("api"), set()
    for app in ("cohorts", "dosing", "safety"):
        for page in addresses(app) - WITHOUT:
            where = page
            for own, other in ELSEWHERE.items():
                where = where.replace(own, other) if where.endswith((own, *_FILES)) else where
            short = where.partition("<slug:key>/")[2] or where
            said = {where, short, f"studies/<slug:key>/{short}"}
            if not said & offered and not PARTS & set(page.split("/")):
                missing.add(page)

    assert missing == set()
    assert len(FILES) == len({file.name for file in FILES})


_FILES = ("packet.pdf", "packet.xlsx", "packet.json")
