"""The decision table that people have read, cell by cell, is what the engine says."""

from pathlib import Path

from cohorts.engine.design import Tally
from cohorts.engine.table import LEGEND, cases, cells, grid, short
from tests.engine.designs import advise, make_design

READ_TABLE = Path(__file__).with_name("decision_table.txt")

DESIGNS = {
    "the shipped protocol": {},
    "min_n_at_mtd 3": {"min_n": 3},
    "min_n_at_mtd 3, no de-escalation": {"min_n": 3, "deescalate": False},
    "no confirm_top_dose": {"confirm": False},
    "second_dlt complete_cohort": {"complete": True},
    "level_minus_one": {"minus_one": True},
    "expand_on_first_dlt at_once": {"at_once": True},
    "escalate_with_pending": {"with_pending": True},
}


def render():
    """The whole file: the shipped protocol, then what each option changes."""
    lines = ["Decision table of the 3+3 rules, three dose levels.", "", LEGEND]
    printed = {}
    for name, options in DESIGNS.items():
        design = make_design(3, **options)
        lines += ["", "", f"=== {name} ==="]
        for case in cases(design):
            rows = tuple(grid(cells(design, case)))
            where = printed.setdefault((case.title, rows), name)
            lines += ["", case.title]
            lines += rows if where == name else [f"  as under {where}"]
    return "\n".join(lines) + "\n"


def test_every_cell_is_the_one_people_have_read():
    """To change it: run this file, read every changed line against the rules, commit both."""
    assert render() == READ_TABLE.read_text(encoding="utf-8")


def test_table_has_every_count_up_to_seven():
    design = make_design(3)
    for case in cases(design):
        found = [cell.tally for cell in cells(design, case)]
        assert found == [
            Tally(n, x, pending) for n in range(8) for x in range(n + 1) for pending in range(8 - n)
        ]


def test_cases_follow_the_ladder():
    toxic = Tally(3, 2)

    assert [case[1:] for case in cases(make_design(1))] == [(1, 1, {})]
    assert [case[1:] for case in cases(make_design(2))] == [
        (1, 1, {}),
        (1, 2, {2: toxic}),
        (1, 1, {2: toxic}),
        (2, 2, {1: Tally(3, 0)}),
    ]
    assert [case[1:] for case in cases(make_design(1, minus_one=True))] == [
        (1, 1, {}),
        (-1, -1, {1: toxic}),
    ]


def test_short_forms():
    assert short(advise("1NNN")) == "ESC 2"
    assert short(advise("1NNN 2TT")) == "DE-ESC 1"
    assert short(advise("1NNN 2TTP", complete=True)) == "WAIT+ 2"
    assert short(advise("1NNNP")) == "WAIT? 1 !"
    assert short(advise("1NPP")) == "WAIT 1"
    assert short(advise("1TT")) == "NONE"
    assert short(advise("1NNNNNN 2TT")) == "MTD 1"
    assert short(advise("1NNN 2NNN 3NNNNNN")) == "TOP 3"
    assert short(advise("1NNT")) == "EXPAND 1"
    assert short(advise("")) == "ENROL 1"


if __name__ == "__main__":
    READ_TABLE.write_text(render(), encoding="utf-8")
