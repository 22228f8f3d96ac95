"""What every test has at hand. The machinery is in tests/servers.py, committed.py and live.py."""

import gc
import math
from typing import Any

import django
import pytest

from tests.servers import hide_settings, prepare_environment

# Before anything reads a setting: pytest is not told DJANGO_SETTINGS_MODULE for that reason.
prepare_environment()
django.setup()

from ntrust.standing import KEPT  # noqa: E402
from tests.committed import committed_db, django_db_setup, name_test_database  # noqa: E402
from tests.demo import demo_db, demo_url  # noqa: E402
from tests.live import celery_worker_process, live_url  # noqa: E402
from tests.migrated import migrated_template  # noqa: E402
from tests.sharing_out import ByModule, rank_of  # noqa: E402

__all__ = [
    "celery_worker_process",
    "committed_db",
    "demo_db",
    "demo_url",
    "django_db_setup",
    "live_url",
]


# Pages say for some seconds what they last read of the queue. Tests that count statements, or look
# at pages, are to see the same each time: that all is well.
KEPT.until = math.inf


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Two runs against one PostgreSQL keep apart; so do the workers of one run."""
    name_test_database(migrated_template())
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Before the workers of the run are started."""
    hide_settings()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule | None:
    """Where nobody asks for another one by `--dist`."""
    return ByModule(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first; the order within a module stays."""
    items.sort(key=lambda item: rank_of(item.nodeid))


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector need not go through it again and again,
    which took a tenth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
