"""Protocol versions over HTTP: read by everybody, written and signed by the manager."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import add_protocol_version
from cohorts.models import ProtocolVersion
from cohorts.policies import document_of
from cohorts.protocol import write_document
from cohorts.queries import viewer_of
from cohorts.queries.impact import read_impact
from cohorts.queries.protocols import list_versions
from ntrust import clock
from safety.management.conduct import Conduct
from tests.factories import (
    cast,
    client_of,
    fingerprint,
    make_document,
    make_trial,
    open_level,
    revision_of,
    run_cohort,
    shared_trial,
    typed_by,
)

pytestmark = pytest.mark.django_db
READ = ("protocol", "protocol_changes", "protocol_impact")
WRITE = ("edit_protocol", "approve_protocol", "withdraw_approval")


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NNN")
    add_protocol_version(
        trial.study,
        document=make_document(version="B", min_n_at_mtd=3, confirm_top_dose=False, doses=4),
        by=trial.manager,
        now=trial.tick(),
    )
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def address(name: str, *label: str) -> str:
    return reverse(f"cohorts:{name}", args=["trial", *label])


def draft() -> ProtocolVersion:
    return ProtocolVersion.objects.get(version="B")


def upload(trial: Conduct, content: bytes, name: str = "c.yaml") -> Any:
    file = io.BytesIO(content)
    file.name = name
    data = {"file": file, "text": "", "revision": revision_of(trial)}
    return client_of(trial.manager).post(address("add_protocol"), data)


def text_of(version: str, **document: Any) -> str:
    made = make_document(version=version, **document)
    return write_document(document_of(ProtocolVersion(document=made, document_hash=version * 3)))


MEMBERS = ("manager", "monitor", "investigator", "pharmacist", "committee", "auditor")
STRANGERS = ("superuser", "stranger", "revoked")


def test_every_member_reads_every_version(trial: Conduct) -> None:
    people = cast(trial)
    pages = [
        address("protocols"),
        *(address(name, label) for name in READ[:2] for label in ("A", "B")),
    ]

    for who in MEMBERS:
        client = client_of(people[who])
        assert [client.get(page).status_code for page in pages] == [200] * len(pages), who
    for who in STRANGERS:
        client = client_of(people[who])
        assert [client.get(page).status_code for page in pages] == [404] * len(pages), who


def test_impact_is_for_those_who_see_every_site(trial: Conduct) -> None:
    people = cast(trial)

    status = {
        who: client_of(people[who]).get(address("protocol_impact", "B")).status_code
        for who in (*MEMBERS, *STRANGERS)
    }

    central = dict.fromkeys(("manager", "monitor", "committee", "auditor"), 200)
    bound = dict.fromkeys(("investigator", "pharmacist"), 403)
    assert status == central | bound | dict.fromkeys(STRANGERS, 404)


@pytest.mark.parametrize("name", ["add_protocol", *WRITE])
def test_pages_that_write_are_the_managers(trial: Conduct, name: str) -> None:
    people = cast(trial)
    label = () if name == "add_protocol" else ("B",)
    before = fingerprint()

    for who in (*MEMBERS[1:], *STRANGERS):
        client = client_of(people[who])
        expected = 404 if who in STRANGERS else 403
        assert client.get(address(name, *label)).status_code == expected
        assert client.post(address(name, *label), {}).status_code == expected
    assert client_of(people["manager"]).get(address(name, *label)).status_code == 200
    assert fingerprint() == before


def test_unknown_version_is_not_there(trial: Conduct) -> None:
    client = client_of(trial.manager)

    assert {client.get(address(name, "Z")).status_code for name in (*READ, *WRITE)} == {404}
    since = address("protocol_changes", "B") + "?since=Z"
    assert client.get(since).status_code == 404


def test_file_becomes_a_draft_and_shows_in_full(trial: Conduct) -> None:
    answer = upload(trial, text_of("C", infusion_days=(0, 7)).encode())

    assert answer.status_code == 302
    version = ProtocolVersion.objects.get(version="C")
    assert version.state == "DRAFT"
    assert version.document["infusions"]["days"] == [0, 7]
    page = client_of(trial.manager).get(address("protocol", "C")).content.decode()
    assert "<code>infusions.days</code>" in page
    assert "0, 7" in page
    changes = client_of(trial.manager).get(address("protocol_changes", "C")).content.decode()
    assert "3 changes from version A" in changes


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"version: C\nwindow: {days: 0}\n", "c.yaml", "c.yaml, line 2, window.days"),
        (b"x" * 400_001, "c.yaml", "larger than 400 kB"),
        (b"x" * 5_000_000, "c.yaml", "larger than 400 kB"),
        (b"x" * 300_000, "c.yaml", "at most 200,000"),
        (b"PK\x03\x04", "c.zip", "no YAML file"),
        (b"PK\x03\x04\x00\x00", "c.yaml", "c.yaml: special characters are not allowed"),
        (b"\xff\xfe\x00", "c.yaml", "no text in UTF-8"),
        (b"a: &a [x, x]\nb: [*a, *a]\n", "c.yaml", "c.yaml, line 2: an alias"),
        (b"a: !!python/object/apply:os.system [ls]\n", "c.yaml", "line 1: a tag"),
        (b"[" * 5000, "c.yaml", "nested more than 30 deep"),
        (b"version: A\nversion: B\n", "c.yaml", "line 2: version is there twice"),
        (b'version: "a\\0b"\n', "c.yaml", "line 1: a control character"),
        (b'version: "a\\ud800b"\n', "c.yaml", "c.yaml"),
        (b"version: 2026-02-30\n", "c.yaml", "day is out of range"),
        (b"based_on: ntrust-1.yaml\nchanges: {}\n", "c.yaml", "give all of it"),
    ],
)
def test_bad_upload_is_refused_in_words(
    trial: Conduct, content: bytes, name: str, words: str
) -> None:
    before = fingerprint()

    answer = upload(trial, content, name)

    assert answer.status_code == 409
    assert words in answer.content.decode()
    assert fingerprint() == before


def test_nothing_given_is_refused(trial: Conduct) -> None:
    assert upload(trial, b"").status_code in (409, 422)
    assert not ProtocolVersion.objects.filter(version="C").exists()


def test_draft_is_edited_and_a_second_edit_of_the_same_page_refused(trial: Conduct) -> None:
    client = client_of(trial.manager)
    data = {
        "text": text_of("B", min_n_at_mtd=3, doses=5),
        "seen_hash": draft().document_hash,
        "revision": revision_of(trial),
    }

    first = client.post(address("edit_protocol", "B"), data)
    second = client.post(address("edit_protocol", "B"), data)

    assert (first.status_code, second.status_code) == (302, 409)
    assert "stale_document" in second.content.decode()
    assert len(draft().document["ladder"]["levels"]) == 5


def approval(trial: Conduct, **changed: Any) -> dict[str, Any]:
    return {
        "effective_on": trial.now.date().isoformat(),
        "reason": "better options",
        **typed_by(trial.manager),
        "seen_hash": draft().document_hash,
        "revision": revision_of(trial),
        **changed,
    }


def test_manager_approves_and_the_version_is_in_force(trial: Conduct) -> None:
    client = client_of(trial.manager)

    wrong = client.post(address("approve_protocol", "B"), approval(trial, password="no"))
    stale = client.post(address("approve_protocol", "B"), approval(trial, seen_hash="0" * 64))
    right = client.post(address("approve_protocol", "B"), approval(trial), follow=True)

    assert (wrong.status_code, stale.status_code) == (409, 409)
    assert "stale_document" in stale.content.decode()
    assert right.redirect_chain == [(address("protocol", "B"), 302)]
    assert "Version B is active." in right.content.decode()
    assert "better options" in right.content.decode()
    assert draft().state == "ACTIVE"


def test_approval_for_tomorrow_is_withdrawn_over_the_page(trial: Conduct) -> None:
    client = client_of(trial.manager)
    tomorrow = (trial.now.date() + timedelta(days=1)).isoformat()
    client.post(address("approve_protocol", "B"), approval(trial, effective_on=tomorrow))
    assert draft().state == "APPROVED"

    data = {"reason": "not yet", "revision": revision_of(trial)}
    answer = client.post(address("withdraw_approval", "B"), data)

    assert answer.status_code == 302
    assert draft().state == "DRAFT"


def test_impact_says_what_would_differ(trial: Conduct) -> None:
    same = client_of(trial.monitor).get(address("protocol_impact", "B")).content.decode()
    open_level(trial, 2)
    run_cohort(trial, 2, "NNT")
    other = client_of(trial.monitor).get(address("protocol_impact", "B")).content.decode()

    assert "The rules would have said the same each time." in same
    assert "follow-up" in same or "treated" in same
    assert "enrolled under version A" in other


def test_lists_cost_the_same_however_many_versions(trial: Conduct) -> None:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None
    costs = []
    for label in "CDE":
        with CaptureQueriesContext(connection) as queries:
            list_versions(viewer)
        costs.append(len(queries))
        document = make_document(version=label)
        add_protocol_version(trial.study, document=document, by=trial.manager, now=trial.tick())

    assert costs == [1, 1, 1]


def test_impact_costs_the_same_however_many_recommendations(trial: Conduct) -> None:
    open_level(trial, 2)
    costs = []
    for letters in ("N", "N"):
        run_cohort(trial, 2, letters)
        with CaptureQueriesContext(connection) as queries:
            read_impact(draft(), now=trial.now)
        costs.append(len(queries))

    assert costs[0] == costs[1]
