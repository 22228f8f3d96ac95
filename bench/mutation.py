"""What the engine's tests would miss: `make mutate`.

Changes the engine in one place at a time, with the operators of mutmut, and runs its tests on each
changed copy. mutmut's own runner leaves code outside functions alone, and the rule table is such
code; so here a whole changed module is put in the place of the real one, in memory, in a process of
its own. Nothing on disk changes but the list of survivors in .data/.

`python -m bench.mutation [MODULE ...]`, for example `python -m bench.mutation rules bounds`.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import io
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import hypothesis  # noqa: F401  (loaded once, before the processes part)
import pytest
from libcst import CSTNode, FunctionDef, parse_module
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "cohorts" / "engine"
SURVIVORS = ROOT / ".data" / "mutation-survivors.txt"
ELIGIBILITY = ["test_eligibility.py", "test_eligibility_results.py"]
OWN = {
    "basis": ["test_basis.py"],
    "eligibility.checks": ELIGIBILITY,
    "eligibility.fields": ELIGIBILITY,
    "eligibility.judging": ELIGIBILITY,
    "evaluability": ["test_evaluability.py"],
    "flags": ["test_flags.py"],
    "legality": ["test_legality.py"],
    "lookahead": ["test_lookahead.py"],
    "monitoring": ["test_monitoring.py"],
    "notation": ["test_notation.py", "test_rules.py"],
    "paths": ["test_paths.py"],
    "table": ["test_decision_table.py"],
    "wire": ["test_wire.py"],
}
RULES = ["test_rules.py", "test_advice.py", "test_wire.py", "test_decision_table.py"]
MORE = ["test_flags.py", "test_table_a.py", "test_oracle.py", "test_paths.py"]
NOT_HERE = "not four_levels and not [4] and not [5] and not exactly_when"
CPU_SECONDS = 60
MEMORY = 2_000_000_000


class _Everywhere(MutationVisitor):
    """Also looks into properties, which mutmut's own runner could not change."""

    def _skip_node_and_children(self, node: CSTNode) -> bool:
        return not isinstance(node, FunctionDef) and super()._skip_node_and_children(node)


class Mutant(NamedTuple):
    """One change: where it is, and the whole module with it."""

    module: str
    line: int
    before: str
    after: str
    source: str


def main(names: list[str]) -> int:
    """Run all mutants of the modules, print each survivor, then the score."""
    modules = names or _engine_modules()
    began = time.monotonic()
    killed, survivors = 0, []
    for name in modules:
        if is_killed(Mutant(name, 0, "", "", _path(name).read_text(encoding="utf-8"))):
            print(f"{name}: its tests fail without any change: nothing can be learnt from them")
            return 1
        tried = survived = 0
        for mutant in mutants(name):
            tried += 1
            if is_killed(mutant):
                killed += 1
                continue
            survived += 1
            survivors.append(mutant)
            print(
                f"  survived {name}.py:{mutant.line}: {mutant.before}  ->  {mutant.after}",
                flush=True,
            )
        print(f"{name}: {tried - survived} of {tried} killed", flush=True)
    total = killed + len(survivors)
    print(f"\n{killed} of {total} killed: {100 * killed / max(total, 1):.1f}%", end="")
    print(f" in {(time.monotonic() - began) / 60:.0f} min")
    SURVIVORS.parent.mkdir(exist_ok=True)
    SURVIVORS.write_text(
        "".join(f"{m.module}:{m.line}: {m.before} -> {m.after}\n" for m in survivors)
    )
    return 0


def _engine_modules() -> list[str]:
    """Dotted names below the engine, packages' own files left out."""
    paths = (path for path in ENGINE.rglob("*.py") if path.stem != "__init__")
    return sorted(".".join(path.relative_to(ENGINE).with_suffix("").parts) for path in paths)


def _path(name: str) -> Path:
    return ENGINE.joinpath(*name.split(".")).with_suffix(".py")


def mutants(name: str) -> Iterator[Mutant]:
    """Every change of one module that is still Python and not merely its documentation."""
    original = _path(name).read_text(encoding="utf-8")
    visitor = _Everywhere(mutation_operators, IgnoredCode(set(), set(), set()))
    module = MetadataWrapper(parse_module(original)).visit(visitor)
    seen = {original}
    for mutation in visitor.mutations:
        source = module.deep_replace(mutation.original_node, mutation.mutated_node).code
        if source in seen or not _compiles(source):
            continue
        seen.add(source)
        line, before, after = _difference(original, source)
        yield Mutant(name, line, before, after, source)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _difference(original: str, source: str) -> tuple[int, str, str]:
    old, new = original.splitlines(), source.splitlines()
    line = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    return line + 1, old[line].strip(), new[line].strip()


def is_killed(mutant: Mutant) -> bool:
    """Whether some test of the module fails on it; for the rules themselves, first the quick ones.

    Left out for their length: the largest exhaustive walks, the properties and the command line.
    """
    if mutant.module in OWN:
        return _fails(mutant, OWN[mutant.module])
    return _fails(mutant, RULES) or _fails(mutant, MORE)


def _fails(mutant: Mutant, files: list[str]) -> bool:
    """Run these test files on the mutant in a process of its own."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os._exit(_run_tests(mutant, files))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def _run_tests(mutant: Mutant, files: list[str]) -> int:
    sys.meta_path.insert(0, _Replace(f"cohorts.engine.{mutant.module}", mutant.source))
    folder = ROOT / "tests" / "engine"
    paths = [str(folder / file) for file in files]
    options = ["-x", "-q", "--noconftest", "-p", "no:cacheprovider", "-k", NOT_HERE]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        try:
            return int(pytest.main([*options, *paths]))
        except BaseException:  # whatever a mutant raises while it is loaded kills it
            return 1


class _Replace(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a changed source."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, f"{self.name} (mutant)", "exec"), module.__dict__)


if __name__ == "__main__":
    os.nice(10)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.exit(main(sys.argv[1:]))
