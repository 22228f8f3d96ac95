"""What a site states about a participant, and the take-over of a trial that runs elsewhere."""

from safety.forms.course import (
    AddGrade,
    CompleteEvent,
    EndEvent,
    RuleOnEvent,
    StateDlt,
    StateNotDlt,
)
from safety.forms.data_quality import (
    AnswerQuery,
    CloseQuery,
    LockCut,
    RaiseQuery,
    ReopenQuery,
    VerifyRows,
    WithdrawVerification,
)
from safety.forms.report_event import ReportEvent
from safety.forms.statements import SignStatement
from safety.forms.take_overs import SignTakeOver, StageTakeOver, WithdrawTakeOver

__all__ = [
    "AddGrade",
    "AnswerQuery",
    "CloseQuery",
    "CompleteEvent",
    "EndEvent",
    "LockCut",
    "RaiseQuery",
    "ReopenQuery",
    "ReportEvent",
    "RuleOnEvent",
    "SignStatement",
    "SignTakeOver",
    "StageTakeOver",
    "StateDlt",
    "StateNotDlt",
    "VerifyRows",
    "WithdrawTakeOver",
    "WithdrawVerification",
]
