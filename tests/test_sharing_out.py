"""How the tests of a run are shared out between its workers."""

from types import SimpleNamespace
from unittest.mock import Mock

from tests.architecture import ROOT
from tests.sharing_out import LONGEST, TOGETHER, ByModule, group_of, rank_of

COLLECTED = [
    "tests/cohorts/test_a.py::test_one[x::y]",
    "tests/browser/test_homes.py::test_home",
    "tests/cohorts/test_a.py::test_two",
    "tests/docs/test_pictures.py::test_pictures",
]


def test_every_named_module_is_there() -> None:
    named = [*TOGETHER, *(name for name in LONGEST if name not in TOGETHER.values())]

    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert set(TOGETHER.values()) <= set(LONGEST)


def test_longest_come_first_and_modules_stay_whole() -> None:
    ordered = sorted(COLLECTED, key=rank_of)

    assert ordered == [COLLECTED[1], COLLECTED[3], COLLECTED[0], COLLECTED[2]]
    assert [group_of(test) for test in ordered] == ["the demo"] * 2 + [
        "tests/cohorts/test_a.py"
    ] * 2


def test_workers_take_whole_modules_in_the_order_of_the_run() -> None:
    sent: dict[str, list[int]] = {"a": [], "b": []}
    nodes = [Mock(shutting_down=False, send_runtest_some=sent[name].extend) for name in sent]
    option = SimpleNamespace(loadscopereorder=True, maxprocesses=None)
    config = SimpleNamespace(option=option, getvalue=lambda name: ["2*popen"])
    scheduler = ByModule(config)

    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, sorted(COLLECTED, key=rank_of))
    scheduler.schedule()

    assert sent == {"a": [0, 1], "b": [2, 3]}
