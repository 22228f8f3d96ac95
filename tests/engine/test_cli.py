"""The command line, as its users see it: through a process, with nothing but standard streams."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "doses": 3,
    "min_n_at_mtd": 6,
    "allow_deescalation": True,
    "confirm_top_dose": True,
    "second_dlt": "stop_now",
    "level_minus_one": False,
    "expand_on_first_dlt": "at_three",
    "escalate_with_pending": False,
}


def run(*arguments, lines=None):
    """The command with servers nowhere to be found."""
    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")
    }
    return subprocess.run(
        [sys.executable, "manage.py", "threeplusthree", *arguments],
        cwd=ROOT,
        env=environment,
        input=lines,
        capture_output=True,
        timeout=60,
        check=False,
    )


def answer(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    return json.loads(done.stdout)


def test_decide_answers_with_exactly_the_agreed_names():
    assert answer("decide", "--doses", "3", "1NNN 2NTP") == {
        "verdict": "WAIT",
        "level": 2,
        "rule": "5 wait, seats taken",
        "stopped": False,
        "mtd": None,
        "outcome": None,
        "flags": [],
        "bounds": [
            {"verdict": "DE_ESCALATE", "level": 1, "outcome": None, "mtd": None},
            {"verdict": "ENROL", "level": 2, "outcome": None, "mtd": None},
            {"verdict": "EXPAND_COHORT", "level": 2, "outcome": None, "mtd": None},
        ],
        "reasons": [
            "All 3 seats at level 2 are taken: 2 evaluable, 1 with a DLT, 1 pending.",
            "It depends on the participant pending. Still possible: de-escalate to level 1; "
            "enrol at level 2; expand the cohort at level 2.",
        ],
    }


def test_decide_a_stop():
    found = answer("decide", "--doses=3", "1NNN 2TT 1NNN")

    assert (found["verdict"], found["level"], found["stopped"]) == ("STOP", None, True)
    assert (found["outcome"], found["mtd"]) == ("MTD", 1)


def test_decide_takes_every_option():
    found = answer(
        "decide", "--doses", "2", "--min-at-mtd", "3", "--no-deescalate", "--no-confirm-top",
        "--second-dlt", "complete_cohort", "--level-minus-one", "--expand-on-first-dlt", "at_once",
        "--escalate-with-pending", "1NNN 2TTP",
    )  # fmt: skip

    assert (found["verdict"], found["level"]) == ("WAIT", 2)


def test_decide_takes_a_history_that_begins_with_level_minus_one():
    found = answer("decide", "--doses", "2", "--level-minus-one", "-1NNN")

    assert (found["verdict"], found["level"]) == ("ESCALATE", 1)
    assert found["flags"] == ["LEVEL_MINUS_ONE_EARLY"]
    assert answer("decide", "-1NNN", "--doses", "2", "--level-minus-one") == found


def test_decide_an_empty_history_is_a_trial_not_started():
    found = answer("decide", "--doses", "3", "")

    assert (found["verdict"], found["level"]) == ("ENROL", 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: question"),
        (["guess"], "argument question: invalid choice: 'guess'"),
        (["decide", "1NNN"], "the following arguments are required: --doses"),
        (["decide", "--doses", "3"], "the following arguments are required: history"),
        (["decide", "--doses", "3", "--frob", "1N"], "unrecognized arguments: --frob"),
        (["decide", "--dose", "3", "1N"], "--doses"),
        (["decide", "--doses", "3", "1N", "2N"], "unrecognized arguments: 2N"),
        (["decide", "--doses", "three", "1N"], "expected a whole number, found 'three'"),
        (["decide", "--doses", "0", "1N"], "A ladder has at least one dose level."),
        (["decide", "--doses", "-1", "1N"], "A ladder has at least one dose level."),
        (["decide", "--doses", "100", "1N"], "A ladder has at most 99 dose levels."),
        (["decide", "--doses", "3", "--min-at-mtd", "4", "1N"], "invalid choice: 4"),
        (["decide", "--doses", "3", "--second-dlt", "x", "1N"], "invalid choice: 'x'"),
        (["decide", "--doses", "3", "--no-deescalate", "1N"], "Six at the MTD needs de-escalation"),
        (["decide", "--doses", "3", "4N"], "Level 4 is not on this ladder (levels 1 to 3)."),
        (["decide", "--doses", "3", "-1NNN"], "Level -1 is not on this ladder (levels 1 to 3)."),
        (["decide", "--doses", "3", "1NNN 2NQ"], "at character 8 of '1NNN 2NQ': found 'Q'."),
        (["decide", "--doses", "3", "-1"], "at character 3 of '-1': the text ends there."),
        (["decide", "--doses", "3", "1N\n2N"], "at character 3 of '1N\\n2N': found '\\n'."),
        (["oc"], "the following arguments are required: --rates"),
        (["oc", "--rates", "0.1,x"], "expected a number, found 'x'"),
        (["oc", "--rates", "0.1,2"], "A true DLT rate lies between 0 and 1, not 2.0."),
        (["oc", "--rates", "-0.1,0.2"], "A true DLT rate lies between 0 and 1, not -0.1."),
        (["oc", "--rates", "0.1", "--level-minus-one"], "A ladder has at least one dose level."),
        (["paths", "--doses", "15"], "At most 14 dose levels can be walked through."),
        (["paths", "--doses", "12"], "add --count to count them."),
        (["boundary", "--rule", "pocock", "--p0", "0.2"], "--rule pocock needs --alpha."),
        (
            ["boundary", "--rule", "beta", "--prior", "1,1", "--theta0", ".3", "--tau", ".9",
             "--p0", ".2"],
            "--rule beta has no --p0.",
        ),
        (
            ["boundary", "--rule", "beta", "--prior", "1", "--theta0", ".3", "--tau", ".9"],
            "--prior is two numbers, such as 1,1.",
        ),
        (
            ["boundary", "--rule", "pocock", "--p0", ".2", "--alpha", ".05", "--nmax", "501"],
            "At most 500 participants, not 501.",
        ),
        (
            ["boundary", "--rule", "pocock", "--p0", "1", "--alpha", ".05"],
            "p0 lies between 0 and 1, not 1.0.",
        ),
        (["lookahead", "--doses", "3", "--cohorts", "9", "1N"], "ask for fewer cohorts"),
        (["lookahead", "--doses", "3", "--rates", ".1", "1N"], "3 true DLT rates are needed"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_status_2_and_one_clear_line(arguments, sentence):
    done = run(*arguments)

    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.endswith(b"\n")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"threeplusthree: ")
    assert sentence in done.stderr.decode()


def test_decide_reads_histories_from_standard_input_in_order():
    lines = b"1NNN\n\n1NNN 2TT\r\n1TT"

    done = run("decide", "--doses", "2", "-", lines=lines)

    assert done.returncode == 0
    assert done.stderr == b""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["verdict"], each["level"], each["outcome"]) for each in found] == [
        ("ESCALATE", 2, None),
        ("ENROL", 1, None),
        ("DE_ESCALATE", 1, None),
        ("STOP", None, "NO_TOLERATED_DOSE"),
    ]


def test_decide_answers_malformed_lines_with_an_error_and_goes_on():
    lines = b"1NNN\n1NNQ\n3N\n-1N\n1N\xff\n1TT\n"

    done = run("decide", "--doses", "2", "-", lines=lines)

    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.get("verdict") for each in found] == ["ESCALATE", None, None, None, None, "STOP"]
    assert [list(each) for each in found[1:5]] == [["error"]] * 4
    assert "at character 4" in found[1]["error"]
    assert "Level 3 is not on this ladder" in found[2]["error"]
    assert "Level -1 is not on this ladder" in found[3]["error"]
    assert "at character 3" in found[4]["error"]


def test_decide_with_no_lines_answers_nothing():
    done = run("decide", "--doses", "2", "-", lines=b"")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_decide_answers_thousands_of_lines_quickly():
    lines = b"1NNN 2NNTNNP 3N\n1NNN 2NPP\n1NNN 2TT 1NPP\n1NNT 1NNN 2NNN 3PPP\n" * 1_000

    began = time.perf_counter()
    done = run("decide", "--doses", "3", "-", lines=lines)
    took = time.perf_counter() - began

    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 4_000
    assert took < 8, f"{took:.1f} s for 4,000 lines"


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} manage.py threeplusthree decide --doses 3 - | head -1"

    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, input=b"1N\n" * 20_000, capture_output=True, check=False
    )

    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_paths_counts_and_lists():
    assert answer("paths", "--doses", "4", "--count") == {"count": 442}
    assert answer("paths", "--doses", "2", "--level-minus-one", "--count") == {"count": 217}
    found = answer("paths", "--doses", "1")
    assert found["count"] == len(found["paths"]) == 10
    assert found["paths"][0] == {
        "history": "1NNN 1NNN",
        "verdict": "STOP",
        "level": None,
        "outcome": "MTD_NOT_REACHED",
        "mtd": 1,
    }


def test_oc_gives_the_known_numbers():
    found = answer("oc", "--rates", "0.05,0.15,0.30")

    assert list(found) == ["recommended", "expected_n", "expected_dlt"]
    assert {level: round(chance, 6) for level, chance in found["recommended"].items()} == {
        "none": 0.027850,
        "1": 0.201028,
        "2": 0.438268,
        "3": 0.332854,
    }
    assert round(found["expected_n"], 6) == 13.090143
    assert 2.2 < found["expected_dlt"] < 2.3


def test_oc_with_level_minus_one_takes_its_rate_first():
    found = answer("oc", "--level-minus-one", "--rates", "0,1,1")

    assert found["recommended"] == {"none": 0, "-1": 1, "1": 0, "2": 0}


def test_boundary_gives_the_known_table():
    found = answer("boundary", "--rule", "pocock", "--p0", "0.2", "--alpha", "0.05", "--nmax", "30")

    assert list(found) == ["boundary"]
    assert list(found["boundary"])[:3] == ["3", "4", "5"]
    assert [found["boundary"][str(n)] for n in (3, 4, 6, 7, 30)] == [3, 4, 4, 5, 12]


def test_boundary_of_the_beta_rule_with_the_chance_of_crossing():
    found = answer(
        "boundary", "--rule", "beta", "--prior", "1,1", "--theta0", "0.3", "--tau", "0.9",
        "--crossing", "0,1",
    )  # fmt: skip

    assert found["boundary"]["30"] == 13
    assert found["crossing"] == {"0.0": 0, "1.0": 1}


def test_table_for_people_and_as_json():
    text = run("table", "--doses", "3")
    found = answer("table", "--doses", "3", "--json")

    assert text.returncode == 0
    assert b"level 1, nothing above tried" in text.stdout
    assert found["design"] == SHIPPED
    assert len(found["cells"]) == 4 * 120
    assert found["cells"][0]["verdict"] == "ENROL"
    assert {"case", "n", "x", "pending", "rule", "flags"} <= set(found["cells"][0])


def test_lookahead_is_a_tree_with_probabilities():
    found = answer("lookahead", "--doses", "3", "--rates", ".05,.15,.3", "1NNN 2NTP")

    assert found["verdict"] == "WAIT"
    assert [child["probability"] for child in found["children"]] == [0.85, 0.15]
    assert found["children"][1]["happened"] == [{"level": 2, "participants": 1, "dlts": 1}]
    assert found["children"][1]["verdict"] == "DE_ESCALATE"
    assert found["children"][1]["tallies"]["2"] == {"n": 3, "x": 2, "pending": 0}


@pytest.mark.parametrize("question", ["", "decide", "oc"])
def test_help_names_the_shipped_defaults(question):
    done = run(*filter(None, [question]), "--help")

    assert done.returncode == 0
    assert (b"shipped protocol" in done.stdout) or question
    assert question != "oc" or b"its rate comes first" in b" ".join(done.stdout.split())
