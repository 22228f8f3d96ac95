"""Who looks at a page about people."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest

from cohorts.queries import (
    Viewer,
    viewer_of,
)
from ntrust.models import User
from ntrust.states import Role

_READERS: Final = frozenset(
    role.label
    for role in (
        Role.STUDY_MANAGER,
        Role.MEDICAL_MONITOR,
        Role.DATA_MONITOR,
        Role.INVESTIGATOR,
        Role.PHARMACIST,
        Role.AUDITOR,
    )
)


def reads_data(viewer: Viewer) -> bool:
    """Whether this person reads of participants themselves: everybody but the committee."""
    return bool(_READERS & set(viewer.roles))


def viewer_for(request: HttpRequest, key: str) -> Viewer:
    """Who looks: a member, but not the committee, which reads packets under subject numbers."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None or not reads_data(viewer):
        raise Http404
    return viewer
