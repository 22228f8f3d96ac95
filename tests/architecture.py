"""The rules of the layout, as functions from source text to sentences; no sentence, no fault.

tests/test_architecture.py runs them over the project, and over bad text to show that they can fail.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ntrust.states import EVENT_KINDS

ROOT = Path(__file__).resolve().parents[1]
APPS = ("ntrust", "cohorts", "dosing", "safety")  # low to high
MOST_LINES = 400
MOST_FUNCTION_LINES = 45
FORBIDDEN_NAMES = {"utils", "helpers", "common", "services", "signals"}

WIRING, EDGE, ACTIONS, POLICIES, MODELS, PURE = 5, 4, 3, 2, 1, 0
# The file name gives the layer. A new name needs a line here: say where it belongs.
LAYERS = {
    "apps": WIRING,
    "forms": EDGE, "views": EDGE, "api": EDGE, "urls": EDGE, "admin": EDGE, "tasks": EDGE,
    "management": EDGE, "templatetags": EDGE, "charts": EDGE, "acts": EDGE,
    "actions": ACTIONS,
    "policies": POLICIES, "queries": POLICIES,
    "models": MODELS,
    "states": PURE, "engine": PURE, "protocol": PURE,
}  # fmt: skip
SPECIAL_LAYERS = {
    "ntrust.urls": WIRING, "ntrust.celery": WIRING, "ntrust.asgi": WIRING, "ntrust.wsgi": WIRING,
    "ntrust.settings": WIRING, "ntrust.pure_settings": WIRING, "ntrust.offline_settings": WIRING,
    "ntrust.environment": WIRING, "ntrust.logs": WIRING, "ntrust.startup": WIRING,
    "ntrust.checks": WIRING, "ntrust.probe": WIRING,
    "ntrust.metrics": EDGE,
    "ntrust.live": EDGE, "ntrust.health": EDGE, "ntrust.failures": EDGE, "ntrust.middleware": EDGE,
    "ntrust.accounts": EDGE, "ntrust.account_events": EDGE, "ntrust.hashers": EDGE,
    "ntrust.context_processors": EDGE, "ntrust.limits": POLICIES,
    "dosing.windows": POLICIES, "dosing.doses": PURE,
    "safety.reports": EDGE, "safety.exports": EDGE, "safety.spreadsheets": EDGE,
    "safety.takeover": POLICIES, "safety.bundles": POLICIES, "safety.datasets": POLICIES,
    "ntrust.events": MODELS, "ntrust.notifications": MODELS, "ntrust.change": MODELS,
    "ntrust.history": MODELS, "ntrust.signing": MODELS, "ntrust.previews": MODELS,
    "ntrust.seals": MODELS, "ntrust.sealing": ACTIONS, "ntrust.verifying": POLICIES,
    "ntrust.jobs": ACTIONS, "ntrust.sweeper": EDGE, "ntrust.standing": POLICIES,
    "ntrust.tracking": POLICIES, "ntrust.past": POLICIES,
    "ntrust.hints": MODELS, "ntrust.fragments": POLICIES, "safety.live": EDGE,
    "ntrust.errors": PURE, "ntrust.clock": PURE, "ntrust.instruments": PURE,
    "ntrust.schedule": PURE,
}  # fmt: skip
# `acts` are the shapes of pages, `api` those of endpoints, and `charts` drawings, that apps above
# may build on; no other edge is shared.
_SHARED_EDGES = (["acts"], ["api"], ["charts"])
# Only actions write; these layers' files may not.
READERS = {
    "views",
    "acts",
    "api",
    "tasks",
    "queries",
    "policies",
    "forms",
    "reports",
    "exports",
    "bundles",
    "datasets",
    "live",
}
WRITES = {
    "save", "create", "delete", "get_or_create", "update_or_create", "bulk_create", "bulk_update",
    "asave", "acreate", "adelete", "aupdate", "aget_or_create", "aupdate_or_create",
}  # fmt: skip
# The engine has no clock, no chance and no contact with the world.
ENGINE_REFUSES = {
    "asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlite3",
    "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip


@dataclass(frozen=True)
class Module:
    """A source file: its dotted name and its text."""

    name: str
    text: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    @property
    def app(self) -> str:
        """The app it belongs to."""
        return self.name.partition(".")[0]


def project_modules() -> Iterator[Module]:
    """Every file of the four apps, migrations and tests left out."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" in parts or "tests" in parts:
                continue
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            yield Module(name, path.read_text(encoding="utf-8"), is_package)


def layer_of(name: str) -> int | None:
    """The layer of a module; None when its file name has none."""
    unit = unit_of(name)
    if unit in SPECIAL_LAYERS:
        return SPECIAL_LAYERS[unit]
    _, _, file = unit.partition(".")
    return LAYERS.get(file) if file else WIRING


def unit_of(name: str) -> str:
    """App and file, or package: what a layer is given to."""
    return ".".join(name.split(".")[:2])


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Each import as (line, dotted name); relative ones made whole."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.name.split(".")
                keep = len(parts) - node.level + (1 if module.is_package else 0)
                base = ".".join([*parts[:keep], *([node.module] if node.module else [])])
            # `from cohorts import models` names a module, `from cohorts.models import X` does not.
            deeper = base in APPS
            yield from (
                (node.lineno, f"{base}.{alias.name}" if deeper else base) for alias in node.names
            )


def check_layers(module: Module) -> list[str]:
    """Imports point down: to the same or a lower layer, to the same or a lower app."""
    layer = layer_of(module.name)
    if layer is None:
        return [f"{module.name}: no layer for this file name; see tests/architecture.py"]
    faults = []
    for line, target in imports(module):
        if target.partition(".")[0] in APPS and unit_of(target) != unit_of(module.name):
            reason = _why_not(module, layer, target)
            if reason:
                faults.append(f"{module.name}:{line} imports {target}: {reason}")
    return faults


def _why_not(module: Module, layer: int, target: str) -> str:
    """Why a module may not import another; empty when it may."""
    other_layer = layer_of(target)
    other_app = target.partition(".")[0]
    if other_layer is None:
        return "it has no layer"
    if other_layer > layer:
        return f"layer {other_layer} lies above layer {layer}"
    if layer == WIRING:
        return ""
    is_shared = (
        target.split(".")[1:2] in _SHARED_EDGES and layer == EDGE and not _is_above(target, module)
    )
    if other_layer == EDGE and other_app != module.app and not is_shared:
        return "it is an edge of another app"
    if layer < EDGE and _is_above(target, module):
        return f"{other_app} lies above {module.app}"
    return ""


def _is_above(target: str, module: Module) -> bool:
    return APPS.index(target.partition(".")[0]) > APPS.index(module.app)


def check_imports_on_top(module: Module) -> list[str]:
    """No imports inside functions: they hide a circle."""
    functions = [
        n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [
        f"{module.name}:{node.lineno} imports inside {function.name}"
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def check_size(module: Module) -> list[str]:
    """Files of at most 400 lines, functions of at most 45."""
    lines = module.text.count("\n")
    faults = [f"{module.name}: {lines} lines, at most {MOST_LINES}"] if lines > MOST_LINES else []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > MOST_FUNCTION_LINES:
                faults.append(
                    f"{module.name}:{node.lineno} {node.name} has {length} lines, "
                    f"at most {MOST_FUNCTION_LINES}"
                )
    return faults


def check_name(module: Module) -> list[str]:
    """A name says what is inside; these say nothing."""
    bad = FORBIDDEN_NAMES & set(module.name.split("."))
    return [f"{module.name}: no module is called {name}" for name in sorted(bad)]


def check_only_actions_write(module: Module) -> list[str]:
    """Views, API, tasks, queries, policies and forms change no row."""
    if unit_of(module.name).partition(".")[2] not in READERS:
        return []
    return [
        f"{module.name}:{node.lineno} writes with .{node.func.attr}()"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr in WRITES or _updates_rows(node, node.func))
    ]


def _updates_rows(call: ast.Call, function: ast.Attribute) -> bool:
    """`.update(x=1)` on a queryset; a dict's or a hash's update names no field."""
    return function.attr == "update" and any(keyword.arg for keyword in call.keywords)


def check_save_names_fields(module: Module) -> list[str]:
    """`save(update_fields=[...])` always, so that nobody writes a stale column back."""
    return [
        f"{module.name}:{node.lineno} saves without update_fields"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "save"
        and not any(keyword.arg in ("update_fields", None) for keyword in node.keywords)
    ]


def check_no_hidden_work(module: Module) -> list[str]:
    """No signals of Django, and no model that works in save() or its constructor."""
    faults = [
        f"{module.name}:{line} uses {target}"
        for line, target in imports(module)
        if target.startswith(("django.dispatch", "django.db.models.signals", "django.core.signals"))
    ]
    if layer_of(module.name) == MODELS:
        faults += [
            f"{module.name}:{method.lineno} {owner.name} works in {method.name}"
            for owner in ast.walk(module.tree)
            if isinstance(owner, ast.ClassDef) and unit_of(module.name).endswith(".models")
            for method in owner.body
            if isinstance(method, ast.FunctionDef) and method.name in ("save", "delete", "__init__")
        ]
    return faults


def check_engine(module: Module) -> list[str]:
    """The engine needs the standard library and itself, and of that nothing that acts."""
    if unit_of(module.name) != "cohorts.engine":
        return []
    faults = []
    for line, target in imports(module):
        first = target.partition(".")[0]
        is_own = unit_of(target) == "cohorts.engine"
        if not is_own and (first not in sys.stdlib_module_names or first in ENGINE_REFUSES):
            faults.append(f"{module.name}:{line} imports {target}")
    faults += [
        f"{module.name}:{node.lineno} calls {node.func.id}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("open", "print", "input", "__import__", "eval", "exec")
    ]
    return faults


def check_event_kinds(module: Module) -> list[str]:
    """A kind of event that an action records is in the table by which documents are checked.

    Looked at: capitals given to a function called `record…`; f-strings by how they begin.
    """
    faults = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _is_record(node.func):
            for argument in node.args:
                said = _capitals(argument)
                known = EVENT_KINDS if isinstance(argument, ast.Constant) else _BEGINNINGS
                if said and said not in known:
                    faults.append(
                        f"{module.name}:{node.lineno} records {said}, "
                        "which is not in EVENT_KINDS of ntrust/states.py"
                    )
    return faults


_BEGINNINGS = {kind[: n + 1] for kind in EVENT_KINDS for n in range(len(kind))}


def _is_record(function: ast.expr) -> bool:
    name = getattr(function, "attr", getattr(function, "id", ""))
    return name.lstrip("_").startswith("record")


def _capitals(argument: ast.expr) -> str:
    """A constant in capitals, or how an f-string begins; empty for anything else."""
    if isinstance(argument, ast.JoinedStr):
        argument = argument.values[0]
    value = argument.value if isinstance(argument, ast.Constant) else None
    is_kind = isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9_]+", value)
    return str(value) if is_kind else ""


CHECKS = (
    check_event_kinds,
    check_layers,
    check_imports_on_top,
    check_size,
    check_name,
    check_only_actions_write,
    check_save_names_fields,
    check_no_hidden_work,
    check_engine,
)
