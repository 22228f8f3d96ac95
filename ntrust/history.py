"""Row history by database triggers, and the guard that no clinical write goes without context.

`clinical` marks a model: every insert, update and delete keeps a copy of the row with time
(clock_timestamp), user, reason and study revision in an append-only table; a write outside
`ntrust.change.study_change` is refused, raw SQL included, and so is an update or a delete without
a reason; the table refuses TRUNCATE.
`tracked` keeps the history without the guard, for accounts and roles. Rows of `append_only`
and `written_once` never change. What all these tables hold is sealed (see ntrust/seals.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pghistory
import pgtrigger
from django.db import models

M = TypeVar("M", bound=type[models.Model])

_CONTEXT = "NULLIF(current_setting('pghistory.context_metadata', true), '')::jsonb"


def _needs_context() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="needs_context",
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        when=pgtrigger.Before,
        declare=[("context", "jsonb")],
        func=pgtrigger.Func(
            f"context := {_CONTEXT}; "
            "IF context ->> 'revision' IS NULL THEN "
            "RAISE EXCEPTION 'clinical rows change only inside a study change "
            "(who, why, study revision): % on %', TG_OP, TG_TABLE_NAME; END IF; "
            r"IF TG_OP <> 'INSERT' AND COALESCE(context ->> 'reason', '') !~ '\S' THEN "
            "RAISE EXCEPTION 'a clinical row that has been entered changes only with a reason: "
            "% on %', TG_OP, TG_TABLE_NAME; END IF; "
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
    trackers = (pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
    return _keep(*trackers, exclude=exclude)


def _keep(*trackers: pghistory.Tracker, exclude: Sequence[str] = ()) -> Callable[[M], M]:
    def decorate(model: M) -> M:
        pghistory.track(
            *trackers,
            exclude=list(exclude) or None,
            obj_field=pghistory.ObjForeignKey(related_name="row_history"),
            meta={"triggers": [_never_truncated()]},
        )(model)
        return model

    return decorate


def clinical(model: M) -> M:
    """Keep every version of each row; refuse a write without who, and a change without why."""
    pgtrigger.register(_needs_context(), _never_truncated())(model)
    return tracked()(model)


def append_only(model: M) -> M:
    """Rows are written once, inside a study change, and stay.

    History keeps with each who wrote it, why and when, unless the row says its own `revision`.
    """
    pgtrigger.register(
        _needs_context(),
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        _never_truncated(),
    )(model)
    if any(field.name == "revision" for field in model._meta.fields):
        return model
    return _keep(pghistory.InsertEvent())(model)


def written_once(model: M) -> M:
    """Rows are written once and stay; no study change is needed: tries to prove who one is."""
    pgtrigger.register(
        pgtrigger.Protect(name="written_once", operation=pgtrigger.Update | pgtrigger.Delete),
        _never_truncated(),
    )(model)
    return model
