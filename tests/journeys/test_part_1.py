"""A story: Part 1 of Ntrust-1, from the first consent to the selection of the RDE.

Four cohorts, two diseases, both regimens of lymphodepletion, one participant replaced, a cohort
expanded, a de-escalation, and an amendment in the middle. Everything goes over a page.
"""

import pytest

from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Deviation, Recommendation
from dosing.models import Course
from safety.models import DltReport
from tests.journeys.ntrust_1 import LN, PMN, SITES, STUDY, Part1


@pytest.fixture
def part(live_url: str, monkeypatch: pytest.MonkeyPatch) -> Part1:
    """Version A in force, three sites active, product released."""
    part = Part1(live_url, monkeypatch)
    part.adopt("ntrust-1-a.yaml", label="A", reason="the first version")
    for code in SITES:
        part.manager.act(f"{STUDY}sites/{code}/activate/")
    part.stock("A12", billions=200)
    return part


def test_part_1(part: Part1) -> None:
    first_cohort_with_a_replacement_and_an_amendment(part)
    second_cohort_with_one_dlt(part)
    expanded_cohort_with_a_second_dlt(part)
    back_at_level_1(part)

    assert part.says() == ("STOP", None)
    advice = Recommendation.objects.latest("id")
    assert (advice.outcome, advice.mtd) == ("MTD", 1)
    assert part.letters() == {1: "NXNNNNN", 2: "NTNNT"}
    cohorts = Cohort.objects.order_by("number").values_list("level__ordinal", "state")
    assert list(cohorts) == [(1, "CLOSED"), (2, "STOPPED"), (2, "STOPPED"), (1, "IN_REVIEW")]
    assert set(Course.objects.values_list("regimen", flat=True)) == {"cy", "flu_cy"}
    assert "STOP: the MTD is DL1" in part.manager.read(STUDY)

    the_rde_ends_part_1(part)


def first_cohort_with_a_replacement_and_an_amendment(part: Part1) -> None:
    """Level 1 under version A: LN, cyclophosphamide alone. The second withdraws and is replaced."""
    part.decide(Verdict.ENROL, 1)
    one_who_fails_screening(part)
    one, two, three = (part.enrol(LN, code=code, level=1) for code in ("AR1", "PR1", "NY1"))
    full = one_too_many(part)
    assert part.investigator(two).open(part.page(one)).status == 404, "another site's participant"

    part.condition(one, regimen="cy")
    begin = f"{part.page(two)}lymphodepletion/begin/"
    waits = part.investigator(two).read(begin)
    assert "Stagger: a participant of another site is in lymphodepletion" in waits
    part.treat(one)

    part.renew(two)
    part.condition(two, regimen="cy")
    part.infuse(two, 1)
    part.investigator(two).act(f"{part.page(two)}leave/", to="WITHDRAWN", reason="moved away")
    part.monitor.act(f"{part.page(two)}not-evaluable/", reason="withdrew, not for toxicity")
    part.renew(full)
    part.take_seat_now(full, 1)
    part.wait(days=14)

    part.renew(three)
    part.condition(three, regimen="cy")
    part.treat(three)
    part.adopt("ntrust-1.yaml", label="B", reason="pMN and fludarabine added, 48 participants")
    part.renew(full)
    part.condition(full, regimen="cy")
    part.treat(full)
    assert part.one(full).protocol_version.version == "A", "pinned to the version enrolled under"

    part.wait(days=30)
    for number in (one, three, full):
        part.sign_no_dlt(number)
    assert part.says() == ("ESCALATE", 2)


def one_who_fails_screening(part: Part1) -> None:
    """Proteinuria under the bound: failed with the criterion's id, counted in the log."""
    number = part.consent(LN, code="NY1")
    part.screen(number, upcr="1.4", proteinuria="1.2")
    assert "screen failed" in part.investigator(number).act(f"{part.page(number)}screen-failure/")
    assert "LI3" in part.manager.read(f"{STUDY}screening/")


def one_too_many(part: Part1) -> str:
    """A fourth, eligible and in the queue: three seats are taken. Answers the number."""
    number = part.consent(LN, code="AR1")
    part.screen(number)
    part.investigator(number).act(f"{part.page(number)}sign-screening/")
    part.manager.act(f"{part.page(number)}eligibility/")
    part.investigator(number).act(f"{part.page(number)}seat/request/")
    level = part.conduct.level(1).pk
    part.manager.refused(f"{part.page(number)}seat/reserve/", "no_seat", level=level)
    return number


def second_cohort_with_one_dlt(part: Part1) -> None:
    """Level 2 under version B: both diseases, Flu/Cy, and Cy alone for one who is cytopenic."""
    part.decide(Verdict.ESCALATE, 2)
    lupus = part.enrol(LN, code="AR1", level=2)
    part.condition(lupus, regimen="flu_cy", **part.egfr("72"))
    part.treat(lupus)
    hit = part.enrol(PMN, code="PR1", level=2)
    part.condition(hit, regimen="flu_cy", **part.egfr("60"))
    part.infuse(hit, 1)
    part.wait(days=7)
    second = f"{part.page(hit)}infusions/2/give/"
    part.investigator(hit).refused(
        second, "no_infusion", given_at=part.at(hit), given_cells="1500000000"
    )
    part.infuse(hit, 2)
    part.wait(days=2)
    part.report_dlt(hit, criterion="D3", term="Immune effector cell neurotoxicity", grade=3)
    report = DltReport.objects.get().pk
    part.monitor.act(f"{STUDY}reports/{report}/adjudicate/", is_confirmed="yes", reason="ICANS 3")
    third = f"{part.page(hit)}infusions/3/miss/"
    part.investigator(hit).act(third, is_for_toxicity="yes", reason="dose-limiting toxicity")
    part.wait(days=6)

    low = part.enrol(PMN, code="NY1", level=2)
    counts = {"value_platelets": "118", "taken_platelets": part.day(low)}
    part.condition(low, regimen="cy", reason="thrombocytopenia", **counts)
    part.treat(low, shares=("1", "0.75", "1"))
    assert Deviation.objects.filter(participant__screening_number=low).exists()
    part.wait(days=30)
    part.sign_no_dlt(lupus)
    part.sign_no_dlt(low)
    assert part.says() == ("EXPAND_COHORT", 2)


def expanded_cohort_with_a_second_dlt(part: Part1) -> None:
    """Three more at level 2; the second has the second DLT there, the third is not treated."""
    part.decide(Verdict.EXPAND_COHORT, 2)
    well = part.enrol(LN, code="NY1", level=2)
    part.condition(well, regimen="flu_cy", **part.egfr("90"))
    part.treat(well)
    hit = part.enrol(LN, code="AR1", level=2)
    waiting = part.enrol(PMN, code="PR1", level=2)
    part.condition(hit, regimen="flu_cy", **part.egfr("70"))
    part.treat(hit, days=(0, 7))
    part.report_dlt(hit, criterion="D2", term="Cytokine release syndrome", grade=3)
    assert part.says() == ("WAIT", 2)
    assert "A provisional DLT may be the second at level 2" in part.investigator(waiting).read(
        f"{part.page(waiting)}lymphodepletion/begin/"
    )
    part.wait(hours=73)
    assert part.says() == ("DE_ESCALATE", 1), "72 h without a resolution: it counts"
    assert "Two or more DLTs at level 2" in part.investigator(waiting).read(
        f"{part.page(waiting)}lymphodepletion/begin/"
    )
    part.manager.act(f"{part.page(waiting)}seat/release/", reason="level 2 is closed")
    part.wait(days=40)
    part.sign_no_dlt(well)


def back_at_level_1(part: Part1) -> None:
    """Three more at level 1, which makes six."""
    part.decide(Verdict.DE_ESCALATE, 1)
    numbers = []
    for disease, code in ((PMN, "AR1"), (LN, "PR1"), (PMN, "NY1")):
        number = part.enrol(disease, code=code, level=1)
        part.condition(number, regimen="flu_cy", **part.egfr("74"))
        part.treat(number)
        numbers.append(number)
    part.wait(days=30)
    for number in numbers:
        part.sign_no_dlt(number)


def the_rde_ends_part_1(part: Part1) -> None:
    """The committee agrees to stop; level 1 is selected, level 2 cannot be."""
    part.decide(Verdict.STOP, None)
    level = part.conduct.level(2).pk
    page = part.manager.open(f"{STUDY}rde/").html
    assert f'value="{level}"' not in page, "no level above the MTD is offered"
    part.manager.act(
        f"{STUDY}rde/",
        level=part.conduct.level(1).pk,
        reason="the MTD, with none of six",
        committee_verdict="level 1 for Part 2",
    )
    part.put_in_force()

    assert part.study_state() == "RDE_SELECTED"
    assert "RDE" in part.manager.read(STUDY)
