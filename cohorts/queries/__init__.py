"""What is: pure reads of the escalation, as frozen rows ready for a page, a mail or a document.

Nobody gets a row without a `Viewer`: what a person may not see is taken out here, not in templates.
Every query takes a constant number of SQL statements, however long the ladder or the list.
"""

from cohorts.queries.account import advice_content
from cohorts.queries.advice import Advice, DesignOption
from cohorts.queries.deviations import (
    DeviationLog,
    DeviationPanel,
    find_deviation,
    may_read_deviations,
    read_deviations,
    read_participant_deviations,
)
from cohorts.queries.forecast import Forecast, read_forecast
from cohorts.queries.gates import GateLine, read_gates
from cohorts.queries.ladder import Ladder, ladder
from cohorts.queries.participants import ParticipantRow, find_participant, list_participants
from cohorts.queries.path import Path, escalation_path
from cohorts.queries.queue import (
    Queue,
    may_read_overrides,
    may_read_queue,
    read_overrides,
    read_queue,
)
from cohorts.queries.seat_panel import SeatPanel, read_seat
from cohorts.queries.studies import StudyCard, studies_for
from cohorts.queries.trail import Trail, may_read_trail, read_trail
from cohorts.queries.viewers import (
    SOMEBODY,
    Viewer,
    cover_for,
    hide_numbers,
    may_inspect,
    viewer_of,
)
from cohorts.queries.words import Mark

__all__ = [
    "SOMEBODY",
    "Advice",
    "DesignOption",
    "DeviationLog",
    "DeviationPanel",
    "Forecast",
    "GateLine",
    "Ladder",
    "Mark",
    "ParticipantRow",
    "Path",
    "Queue",
    "SeatPanel",
    "StudyCard",
    "Trail",
    "Viewer",
    "advice_content",
    "cover_for",
    "hide_numbers",
    "escalation_path",
    "find_deviation",
    "find_participant",
    "ladder",
    "list_participants",
    "may_inspect",
    "may_read_deviations",
    "may_read_overrides",
    "may_read_queue",
    "may_read_trail",
    "read_deviations",
    "read_forecast",
    "read_gates",
    "read_overrides",
    "read_participant_deviations",
    "read_queue",
    "read_seat",
    "read_trail",
    "studies_for",
    "viewer_of",
]
