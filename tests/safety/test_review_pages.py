"""Reviews and decisions over HTTP: convened, recorded, signed, read, looked at again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cohorts.actions import Conclusion
from cohorts.engine.design import Verdict
from cohorts.models import Decision, ReReview
from ntrust import clock
from safety.management.conduct import Conduct
from safety.models import Review
from tests.factories import (
    PASSWORD,
    cast,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    report_late_dlt,
    run_cohort,
    shared_trial,
)
from tests.re_reviewing import REASON, REVIEW

pytestmark = pytest.mark.django_db
MEMBERS = {
    **{f"name_{n}": f"Member {n}" for n in (1, 2, 3)},
    "role_1": "clinician",
    "role_2": "statistician",
    "role_3": "member",
    **{f"at_{n}": "FOR" for n in (1, 2, 3)},
    "minutes_reference": "SRC minutes 4",
    "votes_for": "3",
    "votes_against": "0",
    "votes_abstain": "0",
}
CONCLUDED = {**MEMBERS, "committee": "AGREES", "decided": "", "reason": ""}


def build() -> Conduct:
    """1NNN at two sites: the rules say escalate."""
    trial = open_level(make_trial(sites=2, conduct={"review": REVIEW}))
    run_cohort(trial, 1, "NNN")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _at(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", trial.tick)


def url(name: str, *more: Any) -> str:
    return reverse(f"safety:{name}", args=["trial", *more])


def read(client: Client, name: str, *more: Any) -> str:
    answer = client.get(url(name, *more))
    assert answer.status_code == 200, answer.status_code
    return re.sub(r"\s+", " ", answer.content.decode())


def send(client: Client, name: str, *more: Any, **entered: Any) -> Any:
    return client.post(url(name, *more), {"revision": "0", **entered}, follow=True)


def sign(trial: Conduct, name: str, number: int) -> str:
    for user in (trial.manager, trial.monitor):
        client = client_of(user)
        check = send(client, name, number).content.decode()
        carried = dict(re.findall(r'type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"', check))
        proof = {"username": user.username, "password": PASSWORD}
        answer = send(client, name, number, **{**carried, **proof})
        assert answer.status_code == 200, answer.content.decode()
    return re.sub(r"\s+", " ", answer.content.decode())


def test_from_the_packet_to_a_decision_in_force(trial: Conduct) -> None:
    manager = client_of(trial.manager)

    shown = send(manager, "convene_review", re_reviews="").content.decode()
    review = Review.objects.get(state="CONVENED")
    assert review.packet.content_hash in shown
    assert "How many, how serious, who" in shown
    shown = send(manager, "record_meeting", review.number, **CONCLUDED).content.decode()
    decision = Decision.objects.latest("number")
    assert f"Decision #{decision.number} awaits the signatures" in shown
    page = sign(trial, "sign_decision", decision.number)
    assert page.count("signature valid") == 2
    assert "UTC (+00:00)" in page
    assert f"approves decision #{decision.number}" in page
    assert "4 still owe" in page
    for crew in trial.crews:
        for reader in (crew.investigator, crew.pharmacist):
            seen = read(client_of(reader), "decision", decision.number)
            assert "owes it" in seen
            send(client_of(reader), "acknowledge_decision", decision.number, site=crew.site.code)

    decision.refresh_from_db()
    assert decision.state == "CIRCULATED"
    assert "Acknowledged everywhere." in read(manager, "decision", decision.number)
    record = read(manager, "review", review.number)
    assert "3 for, 0 against, 0 abstaining" in record
    assert "agrees with the recommendation" in record
    assert "SRC minutes 4" in record


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"at_3": "CONFLICT", "conflict_3": "shares", "votes_for": "2"}, "needs 3 members"),
        ({"at_3": "CONFLICT", "conflict_3": ""}, "say which it is"),
        ({"role_1": "member"}, "in the role of clinician"),
        ({"votes_for": "4"}, "the minutes say 4, 0 and 0"),
        ({"name_3": ""}, "Name the member."),
        ({"at_2": ""}, "Say whether they were there"),
        (
            {
                "decided": "ESCALATE:3",
                "seats": "1",
                "reason": REASON,
                "committee_verdict": "go on",
            },
            "does not go beyond that",
        ),
        ({"committee": "OTHER"}, "Needed, where the committee gave another verdict."),
        (
            {
                "committee": "OTHER",
                "committee_answer": "ESCALATE:3",
                "committee_verdict": "go on",
                "seats": "1",
                "reason": "short",
            },
            "at least 20 characters",
        ),
        (
            {
                "committee": "OTHER",
                "committee_answer": "ENROL:1",
                "committee_verdict": "three more",
                "seats": "3",
            },
            "say why",
        ),
    ],
)
def test_meeting_that_does_not_hold_is_refused_on_its_page(
    trial: Conduct, entered: dict[str, str], said: str
) -> None:
    manager = client_of(trial.manager)
    send(manager, "convene_review", re_reviews="")
    review = Review.objects.get(state="CONVENED")
    before = fingerprint()

    answer = send(manager, "record_meeting", review.number, **{**CONCLUDED, **entered})

    assert answer.status_code in (409, 422)
    assert said in answer.content.decode()
    assert fingerprint() == before


def test_override_is_shown_on_every_page_ever_after(trial: Conduct) -> None:
    manager = client_of(trial.manager)
    send(manager, "convene_review", re_reviews="")
    review = Review.objects.get(state="CONVENED")
    send(
        manager,
        "record_meeting",
        review.number,
        **{
            **CONCLUDED,
            "committee": "OTHER",
            "committee_answer": "ESCALATE:3",
            "committee_verdict": "straight to three",
            "seats": "1",
            "reason": REASON,
        },
    )
    decision = Decision.objects.latest("number")
    trial.circulate(trial.sign(decision))

    pages = [
        manager.get(reverse(f"cohorts:{name}", args=["trial"])).content.decode()
        for name in ("ladder", "path")
    ]
    pages.append(read(manager, "decision", decision.number))
    send(manager, "convene_review", re_reviews="")
    pages.append(read(manager, "review", Review.objects.get(state="CONVENED").number))

    for page in pages:
        assert "less safe than the rules" in page
        assert REASON in page
        assert "straight to three" in page


def test_signature_is_no_longer_valid_once_the_basis_changed(trial: Conduct) -> None:
    manager = client_of(trial.manager)
    trial.decide(Verdict.ESCALATE, 2)
    assert read(manager, "decision", 2).count("signature valid") == 2

    report_late_dlt(trial, trial.study.participants.earliest("id"))

    page = read(manager, "decision", 2)
    assert page.count("Signature no longer valid: the basis changed") == 2
    assert "signature valid" not in page
    assert "Convene its re-review" in page
    send(manager, "convene_review", re_reviews="2")
    review = Review.objects.get(state="CONVENED")
    look = {"verdict": "UPHELD", "committee_verdict": "go on", "reason": "one DLT of four"}
    shown = send(manager, "record_meeting", review.number, **MEMBERS, **look, decided="")
    assert "awaits the signatures" in shown.content.decode()
    page = sign(trial, "sign_re_review", 2)
    assert page.count("signature valid") == 2
    assert page.count("upheld by the re-review below") == 2
    assert ReReview.objects.get().state == "SIGNED"


def test_everybody_sees_what_is_theirs(trial: Conduct) -> None:
    people = cast(trial)
    trial.sign(trial.propose(Conclusion(Verdict.ESCALATE, trial.level(2), "agrees")))
    number = Review.objects.latest("number").number
    central = {"manager", "monitor", "committee", "auditor"}
    sites = {"investigator", "investigator elsewhere", "pharmacist", "pharmacist elsewhere"}

    for name, user in people.items():
        client = client_of(user)
        wanted = 200 if name in central else 403 if name in sites else 404
        assert client.get(url("reviews")).status_code == wanted, name
        assert client.get(url("review", number)).status_code == wanted, name
        wanted = 200 if name in central | sites else 404
        assert client.get(url("decisions")).status_code == wanted, name
        assert client.get(url("decision", 2)).status_code == wanted, name
        can = {
            page: client.get(url(page, *more)).status_code
            for page, *more in (
                ("convene_review",),
                ("sign_decision", 2),
                ("acknowledge_decision", 2),
            )
        }
        acts = {page for page, status in can.items() if status == 200}
        assert acts == (
            {"convene_review", "sign_decision"}
            if name == "manager"
            else {"sign_decision"}
            if name == "monitor"
            else {"acknowledge_decision"}
            if name in sites
            else set()
        ), name


def test_sites_do_not_see_what_is_not_signed(trial: Conduct) -> None:
    trial.propose(Conclusion(Verdict.ESCALATE, trial.level(2), "agrees"))
    site = client_of(trial.crews[0].investigator)

    assert site.get(url("decision", 2)).status_code == 404
    assert "#2" not in read(site, "decisions")
    assert "#2" in read(client_of(trial.monitor), "decisions")


def test_site_sees_its_own_readers_and_a_count_of_the_others(trial: Conduct) -> None:
    trial.sign(trial.propose(Conclusion(Verdict.ESCALATE, trial.level(2), "agrees")))

    page = read(client_of(trial.crews[0].investigator), "decision", 2)

    assert "Site S1, clinic" in page
    assert "Site S2" not in page
    assert "2 more at other sites" in page


def test_site_cannot_acknowledge_for_another(trial: Conduct) -> None:
    trial.sign(trial.propose(Conclusion(Verdict.ESCALATE, trial.level(2), "agrees")))
    before = fingerprint()

    answer = send(client_of(trial.crews[0].investigator), "acknowledge_decision", 2, site="S2")

    assert answer.status_code == 422
    assert fingerprint() == before


def test_meeting_of_a_review_that_is_over_is_not_there(trial: Conduct) -> None:
    manager = client_of(trial.manager)
    done = Review.objects.latest("number").number

    assert manager.get(url("record_meeting", done)).status_code == 404
    assert manager.get(url("record_meeting", 99)).status_code == 404
    assert manager.get(url("review", 99)).status_code == 404
    assert manager.get(url("decision", 99)).status_code == 404
    assert manager.get(url("sign_re_review", 1)).status_code == 404
