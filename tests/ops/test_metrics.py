"""/metrics: what Prometheus reads, who may, and what is said of a part that cannot be asked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from ntrust import clock
from safety.queries.figures import read_figures
from tests.committed import CommittedDb
from tests.factories import make_trial, open_level, run_cohort

TOKEN = "prometheus-knows-this-and-nobody-else-does"


def read(client: Client, settings: Settings) -> dict[str, float]:
    """Every figure without labels, and those with them by `name{value}`."""
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Cache-Control"].endswith("no-store, must-revalidate, private")
    text = answer.content.decode()
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("sent", ["", "Bearer ", "Bearer wrong", TOKEN, f"bearer {TOKEN}é"])
def test_without_the_token_there_is_no_such_page(
    client: Client, settings: Settings, sent: str, db: None
) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics", headers={"Authorization": sent}).status_code == 404


def test_a_scraper_inside_the_network_is_not_sent_to_https(settings: Settings, db: None) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert read(Client(), settings)
    assert Client().get("/accounts/login/").status_code == 301


def test_where_no_token_is_set_nobody_reads(client: Client, settings: Settings, db: None) -> None:
    settings.METRICS_TOKEN = ""

    for sent in ("", "Bearer ", "Bearer"):
        assert client.get("/metrics", headers={"Authorization": sent}).status_code == 404


def test_requests_are_counted_by_route_and_not_by_address(
    client: Client, settings: Settings, db: None
) -> None:
    one = "ntrust_request_seconds_count{GET}{accounts/login/}{200}"
    none = "ntrust_request_seconds_count{GET}{none}{404}"
    odd = "ntrust_request_seconds_count{other}{none}{404}"
    before = read(client, settings)

    client.get("/accounts/login/?next=/studies/ntrust-1/participants/P-004/")
    client.get("/P-004/made/up/")
    client.generic("BREW", "/P-005/")

    after = read(client, settings)
    for name in (one, none, odd):
        assert after[name] == before.get(name, 0) + 1, name
    assert not [name for name in after if re.search(r"P-00\d", name)]


@pytest.mark.django_db
def test_changes_and_the_rules_are_timed(client: Client, settings: Settings) -> None:
    before = read(client, settings)

    open_level(make_trial())

    after = read(client, settings)
    for name in ("ntrust_change_seconds_count", "ntrust_recommendation_seconds_count"):
        assert after[name] > before[name], name


@pytest.mark.django_db
def test_what_waits_for_somebody_is_counted(client: Client, settings: Settings) -> None:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "P")
    assert read_figures(now=trial.now)["statements_overdue"][1] == 0

    later = read_figures(now=trial.now + timedelta(days=60))

    assert later["statements_overdue"][1] == 1
    now = clock.now()
    figures = read(client, settings)
    assert figures["ntrust_up{database}"] == figures["ntrust_up{redis}"] == 1
    for name in ("queue_depth", "messages_waiting", "oldest_message_seconds", "silent_jobs"):
        assert f"ntrust_{name}" in figures
    for name, (_, value) in read_figures(now=now).items():
        assert figures[f"ntrust_{name}"] == value


def test_a_lost_part_has_no_figures(
    client: Client, committed_db: CommittedDb, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    without_redis = read(client, settings)

    assert without_redis["ntrust_up{redis}"] == 0
    assert without_redis["ntrust_up{database}"] == 1
    assert "ntrust_queue_depth" not in without_redis
    connection.close()
    kept = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    try:
        without_both = read(client, settings)
    finally:
        connection.close()
        connection.settings_dict["PORT"] = kept
    assert without_both["ntrust_up{database}"] == 0
    assert "ntrust_messages_waiting" not in without_both
    assert "ntrust_statements_overdue" not in without_both
