"""Decisions reach sites that were activated after they were signed."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from cohorts.models import Circulation, Decision, in_force
from cohorts.states import CohortState, DecisionState
from ntrust.change import Change
from ntrust.models import Site
from ntrust.states import SiteState


def circulate_to_new_sites(change: Change) -> None:
    """Before the rules run: every active site is asked to acknowledge what it may act on.

    That is each decision still going round, and each whose seats are open. A site that comes later
    holds up nobody else; but it seats nobody before its clinic and pharmacy have read the decision.
    """
    asked = Circulation.objects.filter(decision=OuterRef(OuterRef("pk")), site=OuterRef("pk"))
    active = Site.objects.filter(study=change.study, state=SiteState.ACTIVE)
    standing = Decision.objects.filter(
        Exists(active.exclude(Exists(asked))),
        Q(state=DecisionState.SIGNED)
        | in_force() & Q(cohorts__state__in=[CohortState.OPEN, CohortState.FULL]),
        study=change.study,
    ).only("number", "level__ordinal")
    for decision in standing.select_related("level").order_by("number").distinct():
        late = list(active.exclude(circulation__decision=decision))
        Circulation.objects.bulk_create(
            Circulation(decision=decision, site=site, is_pharmacy=is_pharmacy)
            for site in late
            for is_pharmacy in (False, True)
        )
        for site in late:
            change.record(
                "DECISION_SENT",
                f"Decision #{decision.number} waits for site {site.code} to acknowledge it.",
                level=decision.level.ordinal if decision.level else None,
                site=site,
                decision=decision.number,
            )
