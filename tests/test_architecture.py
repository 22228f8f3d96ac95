"""The layout holds, and each rule that says so is shown able to fail."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator

import pghistory.models
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models
from django.db.migrations.loader import MigrationLoader

from tests import architecture
from tests.architecture import APPS, CHECKS, ROOT, Module

Check = Callable[[Module], list[str]]

# Tables whose rows need no copies. Each with the reason; a clinical table is never among them.
WITHOUT_HISTORY: dict[str, str] = {
    "ntrust.KeyedAnswer": "what a program was answered under its key; what it did has history",
    "ntrust.JobRun": "when the service's own jobs ran; nothing of the trial",
    "ntrust.Watch": "whether the queue works just now; nothing of the trial",
    "safety.PacketFile": "drawn from a sealed packet, and once ready refused every change",
    "safety.SavedView": "how one person looks at a list; nothing of the trial",
}

BAD = [
    (architecture.check_event_kinds, "cohorts.actions", "change.record('SUN_ROSE', 'it did')"),
    (architecture.check_event_kinds, "dosing.actions", "record_course(change, x, f'SUN_{to}')"),
    (architecture.check_layers, "cohorts.policies", "from cohorts.actions import decide"),
    (architecture.check_layers, "cohorts.models", "from cohorts import policies"),
    (architecture.check_layers, "cohorts.models.seats", "from ..queries import ladder"),
    (architecture.check_layers, "ntrust.models", "from cohorts.states import COHORT"),
    (architecture.check_layers, "cohorts.actions", "import dosing.actions"),
    (architecture.check_layers, "safety.views", "from cohorts.views import ladder"),
    (architecture.check_layers, "cohorts.tasks", "from ntrust.celery import app"),
    (architecture.check_layers, "cohorts.stuff", ""),
    (architecture.check_imports_on_top, "cohorts.actions", "def f():\n    import json"),
    (architecture.check_size, "cohorts.actions", "x = 1\n" * 401),
    (architecture.check_size, "cohorts.actions", "def f():\n" + "    x = 1\n" * 45),
    (architecture.check_name, "cohorts.utils", ""),
    (architecture.check_name, "dosing.actions.helpers", ""),
    (architecture.check_only_actions_write, "cohorts.views", "Cohort.objects.create(level=1)"),
    (architecture.check_only_actions_write, "cohorts.queries.ladder", "rows.update(level=1)"),
    (architecture.check_only_actions_write, "dosing.forms", "form.save()"),
    (architecture.check_only_actions_write, "safety.tasks", "Review.objects.bulk_create(rows)"),
    (architecture.check_save_names_fields, "cohorts.actions", "cohort.save()"),
    (architecture.check_no_hidden_work, "cohorts.models", "from django.db.models.signals import x"),
    (architecture.check_no_hidden_work, "cohorts.models", "class A:\n    def save(self): ..."),
    (architecture.check_engine, "cohorts.engine.rules", "import django"),
    (architecture.check_engine, "cohorts.engine", "from cohorts.states import COHORT"),
    (architecture.check_engine, "cohorts.engine.rules", "import random"),
    (architecture.check_engine, "cohorts.engine.rules", "open('x')"),
]

GOOD = [
    ("cohorts.actions", "from cohorts.policies import check_x\nfrom ntrust.models import Study"),
    ("dosing.actions", "from cohorts.actions import update_outcome"),
    ("cohorts.views", "from safety.queries import gate_ledger\nfrom safety.states import X"),
    ("ntrust.urls", "from safety.views import review"),
    ("cohorts.engine.rules", "import enum\nfrom cohorts.engine.design import Design"),
    ("cohorts.queries", "counts = {}\ncounts.update(other)"),
    ("safety.actions", "_record(change, f'DLT_{to}', 'x')\nrecord('DLT_CLEARED')"),
    ("cohorts.actions", "row.save(update_fields=['state'])\nRow.objects.create(state=1)"),
]

# Runs where only the standard library and the checkout can be found: -I and -S leave out the
# environment and site-packages, and the finder refuses the rest by name.
ENGINE_ALONE = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])

class Refuse:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first != "cohorts" and first not in sys.stdlib_module_names:
            raise ImportError(f"the engine may not import {name}")

sys.meta_path.insert(0, Refuse())
import cohorts.engine
for each in pkgutil.walk_packages(cohorts.engine.__path__, "cohorts.engine."):
    importlib.import_module(each.name)
from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, ExpandOn, SecondDlt
from cohorts.engine.notation import count, find_current, parse
design = Design(
    doses=3, min_n_at_mtd=6, allow_deescalation=True, confirm_top_dose=True,
    second_dlt=SecondDlt.STOP_NOW, level_minus_one=False, expand_on_first_dlt=ExpandOn.AT_THREE,
    escalate_with_pending=False,
)
history = parse("1NNN 2NTT")
print(recommend(design, count(history), find_current(history)).answer.verdict.value)
try:
    import django
except ImportError:
    print("alone")
"""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_layout_keeps_the_rule(check: Check) -> None:
    faults = [fault for module in architecture.project_modules() for fault in check(module)]

    assert faults == [], "\n" + "\n".join(faults)


@pytest.mark.parametrize(("check", "name", "text"), BAD)
def test_rule_can_fail(check: Check, name: str, text: str) -> None:
    assert len(check(Module(name, text))) == 1


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_rules_let_good_code_pass(name: str, text: str) -> None:
    assert [fault for check in CHECKS for fault in check(Module(name, text))] == []


def test_every_rule_is_shown_able_to_fail() -> None:
    assert {check for check, _, _ in BAD} == set(CHECKS)


def test_layout_walk_reaches_every_app() -> None:
    names = {module.name for module in architecture.project_modules()}

    assert {f"{app}.models" for app in APPS} <= {architecture.unit_of(name) for name in names}
    assert "cohorts.engine.design" in names
    assert not any("migrations" in name for name in names)


@pytest.mark.parametrize("folder", ["tests", "local", "bench"])
def test_other_code_keeps_its_size(folder: str) -> None:
    faults = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        module = Module(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        faults += architecture.check_size(module) + architecture.check_imports_on_top(module)

    assert faults == [], "\n" + "\n".join(faults)


def test_apps_are_installed_in_their_order() -> None:
    installed = [config.name for config in apps.get_app_configs() if config.name in APPS]

    assert installed == list(APPS)


def test_engine_runs_where_nothing_else_can_be_imported() -> None:
    command = [sys.executable, "-I", "-S", "-c", ENGINE_ALONE, str(ROOT)]

    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert answer.stderr == ""
    assert answer.stdout.split() == ["DE_ESCALATE", "alone"]


@pytest.mark.parametrize("app", APPS)
def test_app_has_one_migration_head(app: str) -> None:
    heads = MigrationLoader(None).graph.leaf_nodes(app)

    assert len(heads) == 1, heads


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    output = io.StringIO()

    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=output)
    except SystemExit:
        pytest.fail(output.getvalue())


@pytest.mark.parametrize("app", APPS)
def test_migration_is_named_for_what_it_does_and_stands_alone(app: str) -> None:
    for path in sorted((ROOT / app / "migrations").glob("0*.py")):
        text = path.read_text(encoding="utf-8")
        ours = [each for _, each in architecture.imports(Module(path.stem, text))]

        assert "_auto_" not in path.stem
        assert path.stem[5:] != "initial"
        assert [each for each in ours if each.partition(".")[0] in APPS] == []


def our_models() -> Iterator[type[models.Model]]:
    """Every table of the four apps, the copies kept by history left out."""
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            if not issubclass(model, pghistory.models.Event):
                yield model


def history_tables() -> list[type[models.Model]]:
    """The tables in which triggers keep copies of rows."""
    return [each for each in apps.get_models() if issubclass(each, pghistory.models.Event)]


def trigger_names(model: type[models.Model]) -> set[str]:
    """The database triggers declared for a table."""
    return {trigger.name for trigger in getattr(model._meta, "triggers", [])}


def tables_without_history() -> list[str]:
    """Tables whose rows can change without a trace."""
    tracked = {each.pgh_tracked_model for each in history_tables()}
    return [
        model._meta.label
        for model in our_models()
        if model not in tracked and not {"append_only", "written_once"} & trigger_names(model)
    ]


def test_every_table_has_history_or_is_append_only() -> None:
    assert set(tables_without_history()) == set(WITHOUT_HISTORY)


def test_history_cannot_be_changed_or_emptied() -> None:
    kept = {"append_only", "never_truncated"}

    open_tables = [each._meta.label for each in history_tables() if kept - trigger_names(each)]

    assert open_tables == []
    assert len(history_tables()) > 0
