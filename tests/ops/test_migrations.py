"""New migrations can be applied under the version that still runs: docs/operations/upgrade.md."""

from __future__ import annotations

from typing import Final

import pytest
from django.conf import settings
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import PostgresqlAnalyser, analyse_sql_statements

pytestmark = pytest.mark.django_db

SHIPPED: Final = {"ntrust": 19, "cohorts": 16, "dosing": 8, "safety": 14}
"""Up to which number an app's migrations are in databases already, and are not looked at."""
MENDED: Final[dict[str, str]] = {}
"""Migrations that stop the old version, and what the changelog says of it."""


def new_migrations() -> list[Migration]:
    """Those of ours after the last that shipped, in their order."""
    found = MigrationLoader(None).disk_migrations
    return [
        migration
        for (app, name), migration in sorted(found.items())
        if app in SHIPPED and int(name[:4]) > SHIPPED[app]
    ]


def test_every_app_with_migrations_is_looked_at() -> None:
    ours = {name for name in settings.INSTALLED_APPS if "." not in name}
    apps = {app for app, _ in MigrationLoader(None).disk_migrations}

    assert apps & ours >= set(SHIPPED)
    assert apps & {"ntrust", "cohorts", "dosing", "safety"} == set(SHIPPED)


@pytest.mark.parametrize("migration", new_migrations(), ids=str)
def test_new_migration_leaves_the_old_version_working(migration: Migration) -> None:
    if str(migration) in MENDED:
        return
    linter = MigrationLinter(database="default", no_cache=True, no_output=True)

    linter.lint_migration(migration)

    assert linter.nb_total == 1
    assert not linter.has_errors, f"{migration} stops the version that runs"


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "safety_review" DROP COLUMN "minutes";',
        'ALTER TABLE "safety_review" RENAME COLUMN "minutes" TO "record";',
        'ALTER TABLE "safety_review" ADD COLUMN "place" text NOT NULL;',
        'DROP TABLE "safety_review";',
    ],
)
def test_linter_finds_what_would_stop_it(statement: str) -> None:
    errors, _, _ = analyse_sql_statements(PostgresqlAnalyser, [statement])

    assert errors
