"""The expedited report of a serious event: recorded as sent, or taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404

from ntrust import clock
from ntrust.acts import MomentField, ReasonForm
from ntrust.states import Role
from safety.actions import record_report_sent, withdraw_report_sent
from safety.forms.course import EventAct
from safety.queries.serious import ClockRow, read_clocks


class SentForm(ReasonForm):
    """When, and to whom."""

    field_order = ("sent_at", "reason")

    sent_at = MomentField(label="Sent at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = "To whom, and where it is filed"


class _ClockAct(EventAct):
    roles = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
    clock: ClockRow

    def find(self) -> None:
        """The clock of the address: `<int:event>` and `<int:days>`."""
        super().find()
        rows = read_clocks(self.thing, now=clock.now())
        found = next((row for row in rows if row.days == self.kwargs["days"]), None)
        if found is None:
            raise Http404
        self.clock = found

    def facts(self) -> Mapping[str, Any]:
        """Which event, and which clock."""
        ends = self.clock.ends_at
        more = {"Ends": f"{ends:%d-%b-%Y %H:%M} UTC"} if ends else {}
        return {**super().facts(), "Clock": self.clock.name, **more}


class RecordReportSent(_ClockAct):
    """It was sent; its clock is over."""

    title, button = "Record that the report was sent", "Record"
    form_class = SentForm

    def run(self, **entered: Any) -> str:
        record_report_sent(self.thing, days=self.clock.days, by=self.user, **entered)
        return "Recorded: nobody is reminded of this clock any more."


class WithdrawReportSent(_ClockAct):
    """It was not sent after all."""

    title, button = "The report was not sent after all", "Take back"
    form_class = ReasonForm

    def run(self, **entered: Any) -> str:
        withdraw_report_sent(self.thing, days=self.clock.days, by=self.user, **entered)
        return "Taken back: the clock runs on."
