"""Row history by database triggers, and the guard that no clinical write goes without context.

`clinical` marks a model: every insert, update and delete keeps a copy of the row with time
(clock_timestamp), user, reason and study revision in an append-only table; a write outside
`ntrust.change.study_change` is refused, raw SQL included; the table refuses TRUNCATE.
`tracked` keeps the history without the guard, for accounts and roles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pghistory
import pgtrigger
from django.db import models

M = TypeVar("M", bound=type[models.Model])

_HAS_NO_REVISION = (
    "NULLIF(current_setting('pghistory.context_metadata', true), '')::jsonb ->> 'revision' IS NULL"
)


def _needs_context() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="needs_context",
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        when=pgtrigger.Before,
        func=pgtrigger.Func(
            f"IF {_HAS_NO_REVISION} THEN "
            "RAISE EXCEPTION 'clinical rows change only inside a study change "
            "(who, why, study revision): % on %', TG_OP, TG_TABLE_NAME; END IF; "
            "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"
        ),
    )


def _never_truncated() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="never_truncated",
        operation=pgtrigger.Truncate,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        func="RAISE EXCEPTION '% is never truncated', TG_TABLE_NAME;",
    )


def tracked(*, exclude: Sequence[str] = ()) -> Callable[[M], M]:
    """Keep every version of each row, append-only."""

    def decorate(model: M) -> M:
        pghistory.track(
            pghistory.InsertEvent(),
            pghistory.UpdateEvent(),
            pghistory.DeleteEvent(),
            exclude=list(exclude) or None,
            obj_field=pghistory.ObjForeignKey(related_name="row_history"),
            meta={"triggers": [_never_truncated()]},
        )(model)
        return model

    return decorate


def clinical(model: M) -> M:
    """Keep every version of each row, and refuse a write without who, why and revision."""
    pgtrigger.register(_needs_context(), _never_truncated())(model)
    return tracked()(model)


def append_only(model: M) -> M:
    """Rows are written once, inside a study change, and stay."""
    pgtrigger.register(
        _needs_context(),
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        _never_truncated(),
    )(model)
    return model
