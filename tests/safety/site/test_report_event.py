"""The alert in two steps: what is asked, the check with change links, the duplicate guard, sending
once, and the confirmation that says who is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cohorts.models import Participant
from ntrust import clock
from ntrust.actions import revoke_role
from ntrust.models import Membership, Study, User
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from safety.models import AdverseEvent, DltReport
from tests.factories import PASSWORD, client_of, fingerprint, shared_trial
from tests.safety.toxic import build, enter, first_of

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(lambda: build("PP"))


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return first_of(trial)


@pytest.fixture
def client(trial: Conduct, person: Participant) -> Client:
    return client_of(trial.investigator_of(person))


def address(person: Participant) -> str:
    return reverse("safety:event", args=["trial", person.screening_number])


def at(trial: Conduct) -> str:
    return trial.now.strftime("%Y-%m-%dT%H:%M")


def alert(trial: Conduct, **changed: Any) -> dict[str, Any]:
    """What a thumb leaves in the form."""
    return {
        "revision": Study.objects.get(key="trial").revision,
        "page_at": at(trial),
        "term": "Colitis",
        "began": "now",
        "onset_at": "",
        "grading_system": "CTCAE v5.0",
        "grade": "3",
        "causality": "POSSIBLE",
        "is_serious": "no",
        "is_ongoing": "yes",
        "ended_at": "",
        "criterion": "to-follow",
        "category": "",
        "aware_at": "",
        **changed,
    }


def words_of(answer: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+([.,;:])", r"\1", " ".join(text.split()))


# --- The form --------------------------------------------------------------------------------


def test_form_has_the_participants_facts_and_each_grades_wording(
    client: Client, person: Participant
) -> None:
    answer = client.get(address(person))
    said, page = words_of(answer), answer.content.decode()

    assert "P-001 lupus nephritis DL1" in said
    assert "day 3 of 28" in said
    assert re.search(r'<progress[^>]*max="28"\s+value="3"', page)
    assert "Grade 3 CTCAE v5.0: Severe or medically significant" in said
    assert "ASTCT CRS: With one vasopressor, or high-flow oxygen or a mask" in said
    assert "<select" not in page


def test_just_now_is_when_the_page_was_opened(trial: Conduct, client: Client) -> None:
    person = first_of(trial)
    sent = alert(trial)
    opened = trial.now
    trial.tick()

    client.post(address(person), sent)

    assert AdverseEvent.objects.get().onset_at == opened.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"began": ""}, "onset_at", "Say when it began."),
        ({"began": "then"}, "onset_at", "Say when it began."),
        ({"page_at": "yesterday"}, "onset_at", "Say when it began."),
        (
            {"onset_at": "2026-01-10T09:00"},
            "began",
            "It began just now, or at that time; not both.",
        ),
        ({"is_ongoing": "no"}, "ended_at", "Say when it ended."),
        (
            {"ended_at": "2026-01-12T09:00"},
            "is_ongoing",
            "It goes on, or it ended then; not both.",
        ),
    ],
)
def test_what_contradicts_itself_is_asked_again(
    trial: Conduct, client: Client, changed: dict[str, str], field: str, sentence: str
) -> None:
    before = fingerprint()

    answer = client.post(address(first_of(trial)), alert(trial, **changed))

    assert answer.status_code == 422
    assert answer.context["form"].errors == {field: [sentence]}
    assert sentence in words_of(answer)
    assert fingerprint() == before


def test_event_that_has_ended_is_entered_with_its_end(trial: Conduct, client: Client) -> None:
    began, ended = "2026-01-12T10:00", "2026-01-12T20:00"

    client.post(
        address(first_of(trial)),
        alert(trial, began="then", onset_at=began, is_ongoing="no", ended_at=ended, criterion=""),
    )

    event = AdverseEvent.objects.get()
    assert (at_of(event.onset_at), at_of(event.ended_at)) == (began, ended)


def at_of(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


# --- Live ------------------------------------------------------------------------------------


def test_look_shows_the_effect_and_keeps_nothing(trial: Conduct, client: Client) -> None:
    before = fingerprint()

    answer = client.post(address(first_of(trial)), alert(trial, step="look"))

    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "If you send this" in words_of(answer)
    assert "1st DLT at DL1" in words_of(answer)
    assert fingerprint() == before


def test_look_at_half_an_alert_asks_for_the_rest(trial: Conduct, client: Client) -> None:
    answer = client.post(address(first_of(trial)), alert(trial, grade="", step="look"))

    assert answer.status_code == 200
    assert "Answer the questions above: then its effect stands here." in words_of(answer)


# --- The check -------------------------------------------------------------------------------


def test_check_shows_answers_readings_and_effect(trial: Conduct, client: Client) -> None:
    before = fingerprint()

    answer = client.post(address(first_of(trial)), alert(trial, step="check"))
    said = words_of(answer)

    assert "What happened Colitis Change: What happened" in said
    assert "Dose-limiting dose-limiting; the criterion follows later" in said
    assert "D7 could meet" in said
    assert "If you send this" in said
    assert "1st DLT at DL1" in said
    assert "Is this the same event?" not in said
    assert fingerprint() == before


def test_change_brings_the_form_back_as_it_was(trial: Conduct, client: Client) -> None:
    before = fingerprint()

    answer = client.post(address(first_of(trial)), alert(trial, step="change"))
    page = answer.content.decode()

    assert answer.status_code == 200
    assert 'value="Colitis"' in page
    assert re.search(r'value="POSSIBLE"[^>]*checked', page)
    assert f'name="page_at" value="{at(trial)}"' in page
    assert fingerprint() == before


def test_same_event_is_asked_about(trial: Conduct, client: Client) -> None:
    person = first_of(trial)
    event = enter(trial, person, term="colitis", grade=2)
    trial.tick()

    said = words_of(client.post(address(person), alert(trial, step="check")))
    other = words_of(client.post(address(person), alert(trial, step="check", term="Fever")))

    assert "Is this the same event? colitis, grade 2, began" in said
    assert "Is this the same event?" not in other
    client.post(address(person), alert(trial))
    assert AdverseEvent.objects.exclude(pk=event.pk).count() == 1


def test_event_of_another_participant_or_another_week_is_not_asked_about(
    trial: Conduct, client: Client
) -> None:
    person = first_of(trial)
    enter(trial, trial.study.participants.order_by("id")[1])
    enter(trial, person, onset_at=trial.now.replace(day=1), grade=1)

    said = words_of(client.post(address(person), alert(trial, step="check")))

    assert "Is this the same event?" not in said


# --- Sent ------------------------------------------------------------------------------------


def test_sent_twice_is_entered_once_and_said_so(trial: Conduct, client: Client) -> None:
    person, sent = first_of(trial), alert(trial)
    first = client.post(address(person), sent)
    before = fingerprint()

    second = client.post(address(person), sent, follow=True)

    assert (AdverseEvent.objects.count(), DltReport.objects.count()) == (1, 1)
    assert second.redirect_chain[0][0] == first.url
    assert "nothing was sent twice, and nothing is lost." in words_of(second)
    assert fingerprint() == before


def test_sent_again_leads_to_that_event_and_no_other(trial: Conduct, client: Client) -> None:
    """Of two events with one term at one time, the one that says what was sent."""
    person = first_of(trial)
    client.post(address(person), alert(trial, causality="UNLIKELY"))
    sent = alert(trial, aware_at=at(trial))
    second = client.post(address(person), sent)
    assert AdverseEvent.objects.count() == DltReport.objects.count() == 2

    again = client.post(address(person), sent)

    assert again.url == second.url  # type: ignore[attr-defined]
    assert again.url.endswith(f"/{AdverseEvent.objects.latest('id').pk}/")  # type: ignore[attr-defined]
    assert AdverseEvent.objects.count() == 2


def test_person_at_two_sites_is_one_person_told_at_both(trial: Conduct, client: Client) -> None:
    both = trial.crews[0].pharmacist
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    for crew in trial.crews[1:]:
        enlist(both.username, role=Role.PHARMACIST, site=crew.site, **common)
        for one in Membership.objects.filter(user=crew.pharmacist):
            revoke_role(one, by=root(), now=trial.now)

    said = words_of(client.post(address(first_of(trial)), alert(trial), follow=True))

    assert f"1 pharmacist at {len(trial.crews)} sites" in said


def root() -> User:
    return User.objects.create_superuser("root", password="x", printed_name="Root")


def test_confirmation_says_who_is_told_and_what_comes_next(trial: Conduct, client: Client) -> None:
    said = words_of(client.post(address(first_of(trial)), alert(trial), follow=True))

    assert "Received: Colitis, grade 3" in said
    assert "DLT report: counts, to be adjudicated." in said
    assert "Told 1 study manager 1 medical monitor 2 investigators at 2 sites" in said
    assert "2 pharmacists at 2 sites" in said
    assert "The medical monitor rules on the DLT; until then it counts" in said
    assert "Enter the rest: " in said


def test_confirmation_of_an_event_of_which_nobody_is_told(trial: Conduct, client: Client) -> None:
    mild = alert(trial, grade="1", criterion="")

    said = words_of(client.post(address(first_of(trial)), mild, follow=True))

    assert "Nobody is sent a message about this event" in said
