"""The RDE and the study's own life: in a study whose Part 1 is over, with the same people."""

from cohorts.actions import Selection
from ntrust.actions import grant_role
from ntrust.models import Membership
from safety.management.conduct import Conduct
from tests.expanding import make_part_1, select, selection, stop
from tests.safety.rights.scene import MANAGER, REASON, C, Rights, S

_OVER: list[Conduct] = []


def over() -> Conduct:
    """The trial whose Part 1 is over."""
    return _OVER[-1]


def PREPARE(trial: Conduct) -> None:
    found = make_part_1(["NNN"], key="over", sites=2)
    stop(found)
    _OVER.append(found)


def _same_people(trial: Conduct) -> None:
    """Everybody in the trial is the same in the study that is over."""
    study = over().study
    sites = {site.code: site for site in study.sites.all()}
    for row in Membership.objects.filter(study=trial.study, revoked_at__isnull=True):
        site = sites.get(row.site.code) if row.site else None
        if site is not None or row.site is None:
            grant_role(row.user, study=study, role=row.role, site=site, by=None, now=trial.now)


def _selected(trial: Conduct) -> None:
    _same_people(trial)
    select(over(), 1)


def _selection() -> Selection:
    return selection(over(), 1)


FIRST = {
    "safety.select_rde": _same_people,
    "cohorts.start_part_2": _selected,
    "cohorts.complete_study": _selected,
    "cohorts.terminate_study": _same_people,
}
RIGHTS: Rights = {
    "safety.select_rde": (
        MANAGER,
        lambda s: S.select_rde(over().study, _selection(), **s.who),
    ),
    "cohorts.start_part_2": (MANAGER, lambda s: C.start_part_2(over().study, **s.who)),
    "cohorts.complete_study": (
        MANAGER,
        lambda s: C.complete_study(
            over().study, reason="all was seen", still_on_study=REASON, **s.signing
        ),
    ),
    "cohorts.terminate_study": (
        MANAGER,
        lambda s: C.terminate_study(over().study, reason="the sponsor stops", **s.signing),
    ),
}
