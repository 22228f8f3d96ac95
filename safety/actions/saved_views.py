"""Views of the record lists: named, and let go of, by the person whose they are."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import User
from safety.models import SavedView
from safety.queries.records import RECORD_LISTS, reading_of

_MOST: Final = 30
_LONGEST_NAME: Final = 60
_LONGEST_QUERY: Final = 2000


def save_view(
    record_list: str, *, name: str, query: str, by: User, now: datetime | None = None
) -> SavedView:
    """Keep the filter of a record list under a name, for this person alone.

    Refuses a list that this person does not read, a name that is empty, long, taken or not
    printable, a filter that is too long, and more views of a list than fit above it.
    """
    if record_list not in RECORD_LISTS or not reading_of(by).studies(record_list):
        raise Refused("wrong_role", "This list is not one of yours.")
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Refused("bad_name", f"Name the view in 1 to {_LONGEST_NAME} printable characters.")
    if len(query) > _LONGEST_QUERY or not query.isprintable():
        raise Refused("bad_filter", "This filter is too long to be saved.")
    own = SavedView.objects.filter(owner=by, record_list=record_list)
    if own.filter(name__iexact=name).exists():
        raise Refused("name_taken", f"You have a view “{name}” of this list already.")
    if own.count() >= _MOST:
        raise Refused("too_many_views", f"{_MOST} views of a list are enough: delete one first.")
    return SavedView.objects.create(
        owner=by, record_list=record_list, name=name, query=query, saved_at=now or clock.now()
    )


def delete_view(view: SavedView, *, by: User) -> None:
    """Let go of a view. Refuses everybody but its owner."""
    if view.owner_id != by.pk:
        raise Refused("wrong_role", "This view is somebody else's.")
    view.delete()
