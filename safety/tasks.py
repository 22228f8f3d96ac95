"""Background work of the trial's clocks."""

from __future__ import annotations

from celery import shared_task

from ntrust import clock
from safety.actions import pass_time_everywhere
from safety.actions.packet_files import prepare_newest, prepare_packet
from safety.reports import MAKERS


@shared_task(name="safety.tasks.pass_time")
def pass_time() -> int:
    """Apply moments that have passed; how many studies were changed.

    Every change of a study does the same first, so nothing trusts this task to have run.
    """
    return pass_time_everywhere(now=clock.now())


@shared_task(name="safety.tasks.prepare_packets")
def prepare_packets() -> int:
    """Prepare the newest packet of each study; how many were. Every minute by the beat, so that a
    broker that was down, or a worker that was killed, delays the files and loses none."""
    return prepare_newest(MAKERS, now=clock.now())


@shared_task(name="safety.tasks.prepare_review")
def prepare_review(*, study: str, number: int) -> bool:
    """Prepare the packet of one review, for somebody who looks at it."""
    return prepare_packet(study, number, MAKERS, now=clock.now())
