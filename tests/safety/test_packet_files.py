"""A packet's files: made once, in the background, and never another time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.engine.design import Verdict
from ntrust import clock
from safety.actions import convene_review, packet_files
from safety.actions.packet_files import Draft, prepare_newest, prepare_packet
from safety.management.conduct import Conduct
from safety.models import PacketFile, Review
from safety.queries.packet_files import MOST_TRIES, read_file, read_files
from safety.queries.packet_pages import PacketPage, read_packet_page
from safety.states import PacketFileState, PacketForm
from safety.tasks import prepare_review
from tests.factories import cast, client_of, fingerprint, make_trial, open_level, shared_trial

KEY = "trial"
FORMS = list(PacketForm)


def build() -> Conduct:
    """A level open, and a packet that was convened after it."""
    trial = open_level(make_trial(sites=2))
    convene_review(trial.study, by=trial.manager, now=trial.tick())
    return trial


_built, trial = shared_trial(build)


class Makers(dict[PacketForm, Callable[[Draft], bytes]]):
    """Makers that say what was made; `broken` are forms that cannot be."""

    def __init__(self, *broken: PacketForm) -> None:
        super().__init__({form: self.maker(form) for form in FORMS})
        self.made: list[PacketForm] = []
        self.broken = set(broken)

    def maker(self, form: PacketForm) -> Callable[[Draft], bytes]:
        def make(draft: Draft) -> bytes:
            self.made.append(form)
            if form in self.broken:
                raise OSError("no room on /srv/secret")
            assert (draft.page is None) == (form == PacketForm.PAGE)
            return f"{form} of {draft.packet.review}".encode()

        return make


@pytest.fixture
def _at(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", trial.tick)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker was asked for; nobody is there."""
    found: list[Any] = []
    monkeypatch.setattr(packet_files, "ask_worker", lambda task, **named: found.append(named))
    return found


def newest() -> int:
    return Review.objects.latest("number").number


def page_of(trial: Conduct) -> PacketPage:
    page = read_packet_page(trial.study, newest())
    assert page is not None
    return page


def states() -> dict[str, str]:
    return dict(PacketFile.objects.values_list("form", "state"))


@pytest.mark.django_db
@pytest.mark.usefixtures("_at")
class TestPreparing:
    """By one worker."""

    def test_each_form_is_made_once_with_its_hash(self, trial: Conduct) -> None:
        makers = Makers()

        assert prepare_packet(KEY, newest(), makers, now=trial.now)
        assert not prepare_packet(KEY, newest(), makers, now=trial.now)

        assert makers.made == FORMS
        for row in PacketFile.objects.all():
            assert row.state == PacketFileState.READY
            assert row.percent == 100
            assert row.content_hash == hashlib.sha256(bytes(row.content)).hexdigest()
        files = read_files(page_of(trial), now=trial.now)
        assert (files.percent, files.is_ready) == (100, True)
        assert read_file(page_of(trial), PacketForm.PDF) == f"PDF of {newest()}".encode()

    def test_nothing_of_the_study_is_written(self, trial: Conduct) -> None:
        before = fingerprint()

        prepare_packet(KEY, newest(), Makers(), now=trial.now)

        after = fingerprint()
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {PacketFile._meta.db_table}

    def test_file_that_is_ready_stays(self, trial: Conduct) -> None:
        prepare_packet(KEY, newest(), Makers(), now=trial.now)
        changes: tuple[tuple[str, Any], ...] = (
            ("UPDATE safety_packetfile SET content = %s", b"other"),
            ("UPDATE safety_packetfile SET state = %s", "FAILED"),
            ("DELETE FROM safety_packetfile WHERE form = %s", "PDF"),
        )
        for statement, value in changes:
            with (
                pytest.raises(DatabaseError, match=r"Cannot|Invalid"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement, [value])

        assert read_file(page_of(trial), PacketForm.PDF) == f"PDF of {newest()}".encode()

    def test_what_fails_is_said_without_its_reason_and_tried_again(self, trial: Conduct) -> None:
        broken = Makers(PacketForm.PDF)

        assert prepare_packet(KEY, newest(), broken, now=trial.now)

        assert states() == {"PAGE": "READY", "PDF": "FAILED"}
        row = PacketFile.objects.get(form="PDF")
        assert (row.failed_because, row.content) == ("OSError", None)
        mended = Makers()
        assert prepare_packet(KEY, newest(), mended, now=trial.now)
        assert mended.made == FORMS[1:]
        assert set(states().values()) == {"READY"}

    def test_by_itself_it_gives_up_and_for_somebody_it_tries_again(self, trial: Conduct) -> None:
        broken = Makers(PacketForm.PAGE)

        for _ in range(MOST_TRIES + 3):
            prepare_newest(broken, now=trial.now)

        assert len(broken.made) == MOST_TRIES
        prepare_packet(KEY, newest(), broken, now=trial.now)
        assert len(broken.made) == MOST_TRIES + 1

    def test_worker_that_was_killed_is_followed_by_the_next(self, trial: Conduct) -> None:
        page = page_of(trial)
        packet = Review.objects.latest("number").packet
        PacketFile.objects.create(
            packet=packet, edition=page.edition, form="PAGE", percent=10, started_at=trial.now
        )
        makers = Makers()

        assert prepare_packet(KEY, newest(), makers, now=trial.now)

        assert makers.made == FORMS
        assert PacketFile.objects.get(form="PAGE").tries == 2

    def test_signature_makes_another_edition_and_leaves_the_first(self, trial: Conduct) -> None:
        prepare_packet(KEY, newest(), Makers(), now=trial.now)
        first = page_of(trial).edition
        trial.decide(Verdict.ENROL, 1, seats=1, reason="The committee asks for one more here.")
        number = newest()
        prepare_packet(KEY, number, Makers(), now=trial.now)

        page = page_of(trial)
        assert page.edition != first
        assert [one.under for one in page.signatures].count("decision #2") == 2
        assert PacketFile.objects.filter(edition=first).count() == len(FORMS)


@pytest.mark.django_db
@pytest.mark.usefixtures("_at")
class TestPage:
    """What the page says meanwhile."""

    def test_page_asks_the_worker_and_says_that_it_waits(
        self, trial: Conduct, asked: list[Any]
    ) -> None:
        client = client_of(cast(trial)["committee"])
        address = reverse("safety:packet", args=[KEY, newest()])
        before = fingerprint()

        shown = client.get(address).content.decode()

        assert asked == [{"study": KEY, "number": newest()}]
        assert "Waiting for the worker." in shown
        assert "<progress" in shown
        assert "How many, how serious, who" in shown
        assert fingerprint() == before

    def test_dead_broker_is_told(self, trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packet_files, "ask_worker", lambda task, **named: False)
        client = client_of(cast(trial)["committee"])

        shown = client.get(reverse("safety:packet", args=[KEY, newest()])).content.decode()

        assert "The worker cannot be reached now." in shown

    def test_page_that_is_prepared_asks_nobody(self, trial: Conduct, asked: list[Any]) -> None:
        prepare_review(study=KEY, number=newest())
        client = client_of(cast(trial)["committee"])

        shown = client.get(reverse("safety:packet", args=[KEY, newest()])).content.decode()
        progress = client.get(reverse("safety:packet_progress", args=[KEY, newest()]))

        assert asked == []
        assert "<progress" not in shown
        assert progress["HX-Refresh"] == "true"

    def test_file_that_is_not_ready_leads_to_the_page(
        self, trial: Conduct, asked: list[Any]
    ) -> None:
        client = client_of(cast(trial)["committee"])

        answer = client.get(reverse("safety:packet_pdf", args=[KEY, newest()]))

        assert (answer.status_code, answer["Location"]) == (
            302,
            reverse("safety:packet", args=[KEY, newest()]),
        )
        assert asked == []

    def test_home_costs_the_same_with_more_packets(self, trial: Conduct, asked: list[Any]) -> None:
        client = client_of(cast(trial)["committee"])
        address = reverse("safety:committee", args=[KEY])
        client.get(address)
        with CaptureQueriesContext(connection) as few:
            client.get(address)
        for _ in range(3):
            convene_review(trial.study, by=trial.manager, now=trial.tick())
        client.get(address)

        with CaptureQueriesContext(connection) as many:
            shown = client.get(address).content.decode()

        assert len(few) == len(many)
        assert f"Review {newest() - 1}" in shown
