"""What every test has at hand. The machinery is in tests/servers.py, committed.py and live.py."""

import django
import pytest

from tests.servers import prepare_environment

# Before anything reads a setting: pytest is not told DJANGO_SETTINGS_MODULE for that reason.
prepare_environment()
django.setup()

from tests.committed import committed_db, django_db_setup, name_test_database  # noqa: E402
from tests.live import celery_worker_process, live_url  # noqa: E402
from tests.migrated import migrated_template  # noqa: E402

__all__ = ["celery_worker_process", "committed_db", "django_db_setup", "live_url"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Two runs against one PostgreSQL keep apart; so do the workers of one run."""
    name_test_database(migrated_template())
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")
