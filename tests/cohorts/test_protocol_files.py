"""Versions of Ntrust-1 as shipped: written once, compared exactly, refused on the right line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cohorts.protocol import (
    ABSENT,
    FieldChange,
    ProtocolDocument,
    compare_documents,
    illustrative_paths,
    read_document,
    read_fields,
    read_file,
    validate_document,
    write_document,
)
from ntrust.errors import Refused
from tests.factories import make_document

SHIPPED = Path(__file__).parents[2] / "cohorts" / "protocols"
LN, PMN = "lupus nephritis", "primary membranous nephropathy"


@pytest.fixture(scope="module")
def versions() -> dict[str, ProtocolDocument]:
    files = ("ntrust-1-a.yaml", "ntrust-1.yaml", "ntrust-1-c.yaml")
    documents = [read_file(SHIPPED / name) for name in files]
    return {document.version: document for document in documents}


def changes(old: ProtocolDocument, new: ProtocolDocument) -> dict[str, tuple[str, str]]:
    return {one.path: (one.old, one.new) for one in compare_documents(old, new)}


def test_a_to_b_adds_a_disease_a_regimen_and_participants(
    versions: dict[str, ProtocolDocument],
) -> None:
    found = changes(versions["A"], versions["B"])
    criteria = {path for path in found if path.startswith("eligibility.")}
    added = {path for path in found if found[path][0] == ABSENT}

    assert {path: found[path] for path in found.keys() - criteria - added} == {
        "version": ("A", "B"),
        "diseases": (LN, f"{LN}, {PMN}"),
        "plan.participants": ("21", "48"),
        f"plan.split.by_disease.{LN}": ("21", "30"),
        **{path: found[path] for path in found if path.startswith("lymphodepletion[cy]")},
    }
    assert added - criteria == {
        "lymphodepletion[flu_cy]",
        "part_2.cohorts[2]",
        f"plan.split.by_disease.{PMN}",
    }
    assert criteria == {
        "eligibility.groups.pMN",
        *(f"eligibility.criteria[MI{number}]" for number in range(1, 5)),
        *(
            f"eligibility.fields[{key}]"
            for key in (
                "anti_pla2r",
                "biopsy_shows_pmn",
                "pmn_agent_given",
                "pmn_intolerant",
                "pmn_remission",
                "pmn_treatment_days",
            )
        ),
    }
    assert [regimen.key for regimen in versions["A"].lymphodepletion] == ["cy"]
    assert versions["A"].regimen("cy").requires_any == ()


def test_b_to_c_changes_what_is_public_and_the_plan(
    versions: dict[str, ProtocolDocument],
) -> None:
    assert changes(versions["B"], versions["C"]) == {
        "version": ("B", "C"),
        "stagger.illustrative": ("yes", "no"),
        "stagger.days": ("14", "0"),
        "eligibility.criteria[GI1].text": ("Age ≥18 and ≤65", "Age ≥18 and ≤70"),
        "eligibility.criteria[GI1].check.all[2].at_most": ("65", "70"),
        "plan.phase": ("1", "1/2"),
        "plan.participants": ("48", "96"),
        f"plan.split.by_disease.{LN}": ("30", "60"),
        f"plan.split.by_disease.{PMN}": ("18", "36"),
        "plan.split.per_site": ("4", "8"),
    }


def test_document_does_not_differ_from_itself_however_it_is_written(
    versions: dict[str, ProtocolDocument],
) -> None:
    for document in versions.values():
        again = read_document(write_document(document), name="again.yaml")

        assert again == document
        assert compare_documents(document, again) == ()


def test_values_that_mean_the_same_are_no_change() -> None:
    old, new = make_document(), make_document()
    new["evaluability"]["minimum_fraction"] = "0.800"
    new["dlt_criteria"].reverse()

    assert compare_documents(valid(old), valid(new)) == ()


def valid(document: dict[str, object]) -> ProtocolDocument:
    return validate_document(document, name="x")


def test_thing_that_goes_is_one_change() -> None:
    old, new = make_document(), make_document()
    del new["dlt_criteria"][0]
    new["dlt_criteria"][0]["clock_hours"] = 48
    new["options"]["confirm_top_dose"] = False

    assert compare_documents(valid(old), valid(new)) == (
        FieldChange("options.confirm_top_dose", "yes", "no"),
        FieldChange("dlt_criteria[NOW]", "id: NOW; text: Dose-limiting at once", ABSENT),
        FieldChange("dlt_criteria[IN72H].clock_hours", "72", "48"),
    )


def test_illustrative_values_are_listed_and_marked(
    versions: dict[str, ProtocolDocument],
) -> None:
    paths = set(illustrative_paths(versions["B"]))
    fields = {field.path: field.is_illustrative for field in read_fields(versions["B"])}

    assert {"ladder.levels[-1]", "ladder.levels[3]", "options", "window", "stagger"} <= paths
    assert {"ladder.levels[1]", "ladder", "plan", "infusions"}.isdisjoint(paths)
    assert fields["ladder.levels[3].dose"] is True
    assert fields["ladder.levels[1].dose"] is False
    assert fields["window.days"] is True
    assert fields["part_2.boundary.alpha"] is True
    assert not any(path.endswith("illustrative") for path in fields)


def written(folder: Path, changes: str) -> Path:
    """A base and a file of changes beside it."""
    base = write_document(valid(make_document()))
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    path = folder / "more.yaml"
    path.write_text(changes, encoding="utf-8")
    return path


def test_changes_merge_remove_and_replace(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
based_on: base.yaml
changes:
  version: B
  diseases: [something else]
  dlt_criteria:
    - {id: NOW, remove: true}
    - {id: IN72H, clock_hours: 48}
    - {id: NEW, text: "New one"}
  ladder:
    levels:
      - {ordinal: 4, dose: "4"}
  notifications:
    HOLD_PLACED: null
    DLT_REPORTED: {urgent: false}
""",
    )

    document = read_file(path)

    assert (document.version, document.diseases) == ("B", ("something else",))
    criteria = [(each.id, each.text, each.clock_hours) for each in document.dlt_criteria]
    assert criteria == [
        ("IN72H", "Dose-limiting unless it resolves in 72 h", 48),
        ("NEW", "New one", None),
    ]
    assert [level.ordinal for level in document.ladder.levels] == [1, 2, 3, 4]
    assert "HOLD_PLACED" not in document.notifications
    assert document.notifications["DLT_REPORTED"].urgent is False
    assert len(document.notifications["DLT_REPORTED"].roles) == 4


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["  window: {days: 0}"], "more.yaml, line 3, window.days:"),
        (["  version: B", "  colour: blue"], "more.yaml, line 4, colour:"),
        (["  dlt_criteria:", "    - {id: D9, remove: true}"], "more.yaml, line 4: there is no D9"),
        (["  stagger: null"], "more.yaml, line 3: there is no stagger to take out"),
        (["  infusions: {days: [1]}"], "more.yaml, line 3, infusions:"),
        (["  version: B", "  version: C"], "more.yaml, line 4: version is there twice"),
        (["  options: {min_n_at_mtd: 4}"], "more.yaml, line 3, options.min_n_at_mtd:"),
        (["  notifications:", "    SUN_ROSE: {roles: []}"], "more.yaml, line 4, notifications.SUN"),
    ],
)
def test_refusal_names_the_file_and_line_that_is_wrong(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    path = written(tmp_path, "\n".join(["based_on: base.yaml", "changes:", *lines]))

    with pytest.raises(Refused) as caught:
        read_file(path)

    assert caught.value.code == "bad_protocol"
    assert words in caught.value.sentence


def test_what_is_wrong_in_the_base_is_named_there(tmp_path: Path) -> None:
    path = written(tmp_path, "based_on: base.yaml\nchanges: {version: B}")
    base = tmp_path / "base.yaml"
    text = base.read_text(encoding="utf-8").replace("quorum: 3", "quorum: 0")
    base.write_text(text, encoding="utf-8")
    line = 1 + next(n for n, row in enumerate(text.splitlines()) if "quorum" in row)

    with pytest.raises(Refused) as caught:
        read_file(path)

    assert caught.value.sentence.startswith(f"base.yaml, line {line}, review.quorum:")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("based_on: more.yaml\nchanges: {}", "no other file beside"),
        ("based_on: ../base.yaml\nchanges: {}", "no other file beside"),
        ("based_on: none.yaml\nchanges: {}", "no other file beside"),
        ("based_on: base.yaml", "has based_on and changes"),
        ("based_on: base.yaml\nchanges: {}\nversion: B", "has based_on and changes"),
    ],
)
def test_base_is_another_file_of_the_folder(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read_file(written(tmp_path, text))


def test_unknown_kind_is_refused_in_a_new_document_and_read_in_a_stored_one() -> None:
    document = make_document()
    document["notifications"]["SUN_ROSE"] = {"roles": ["AUDITOR"]}

    with pytest.raises(Refused, match=r"notifications\.SUN_ROSE: nothing of that kind"):
        valid(document)
    assert "SUN_ROSE" in ProtocolDocument.model_validate(document).notifications


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("version", "A/B", "version"),
        ("version", "", "version"),
        ("version", "x" * 21, "version"),
    ],
)
def test_version_is_a_name_that_fits_an_address(field: str, value: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        valid({**make_document(), field: value})


@pytest.mark.parametrize("dose", ["1e30", "0.00001", "NaN", "Infinity"])
def test_dose_that_no_table_holds_is_refused(dose: str) -> None:
    document = make_document()
    document["ladder"]["levels"][2]["dose"] = dose

    with pytest.raises(Refused, match=r"ladder\.levels\.2\.dose"):
        valid(document)
