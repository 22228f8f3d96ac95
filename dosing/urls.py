"""Addresses of treatment and of what is recorded beside it."""

from django.urls import path

from dosing import views
from dosing.forms import (
    calls,
    inflight,
    infusions,
    leaving,
    lots,
    lymphodepletion,
    measurements,
    medications,
    rulings,
)

app_name = "dosing"
_STUDY = "studies/<slug:key>/"
_ONE = f"{_STUDY}participants/<str:number>/"
_INFUSION = f"{_ONE}infusions/<int:infusion>/"
_LATER_INFUSION = f"{_ONE}cycles/<int:cycle>/infusions/<int:infusion>/"
_LD = f"{_ONE}lymphodepletion/"
_LOT = f"{_STUDY}lots/<str:code>/"

_INFUSION_ACTS: tuple[tuple[str, str, type[infusions.InfusionAct]], ...] = (
    ("in-flight", "in_flight_answer", inflight.AnswerInFlight),
    ("instruct", "in_flight_instruct", inflight.InstructInfusion),
    ("check", "infusion_check", infusions.CheckSafety),
    ("give", "infusion_give", infusions.GiveInfusion),
    ("already-given", "infusion_given_already", infusions.RecordGiven),
    ("miss", "infusion_miss", infusions.MissInfusion),
    ("hold", "infusion_hold", infusions.HoldInfusion),
    ("resume", "infusion_resume", infusions.ResumeInfusion),
    ("reschedule", "infusion_reschedule", infusions.RescheduleInfusion),
    ("lot", "infusion_lot", infusions.AssignLot),
    ("correct", "infusion_correct", infusions.CorrectInfusion),
    ("not-given", "infusion_not_given", infusions.MarkNotGiven),
)

urlpatterns = [
    path(f"{_STUDY}in-flight/", views.show_in_flight, name="in_flight"),
    path(f"{_STUDY}calls/", views.show_calls, name="calls"),
    path(f"{_STUDY}calls/<int:number>/answer/", calls.AnswerCall.as_view(), name="call_answer"),
    path(f"{_LD}begin/", lymphodepletion.BeginLymphodepletion.as_view(), name="ld_begin"),
    path(f"{_LD}complete/", lymphodepletion.CompleteLymphodepletion.as_view(), name="ld_complete"),
    path(f"{_LD}cycle/", lymphodepletion.BeginCycle.as_view(), name="cycle_begin"),
    path(f"{_LD}<int:dose>/give/", lymphodepletion.GiveDose.as_view(), name="ld_give"),
    path(f"{_LD}<int:dose>/omit/", lymphodepletion.OmitDose.as_view(), name="ld_omit"),
    path(f"{_ONE}leave/", leaving.LeaveStudy.as_view(), name="leave"),
    path(f"{_ONE}off-study/", leaving.CompleteFollowUp.as_view(), name="follow_up_complete"),
    path(f"{_STUDY}trends/", views.show_trends, name="trends"),
    path(f"{_ONE}measurements/", views.show_measurements, name="measurements"),
    path(
        f"{_ONE}measurements/new/",
        measurements.RecordMeasurements.as_view(),
        name="record_measurements",
    ),
    path(
        f"{_STUDY}measurements/<int:number>/correct/",
        measurements.CorrectMeasurement.as_view(),
        name="correct_measurement",
    ),
    path(
        f"{_ONE}medications/new/", medications.RecordMedication.as_view(), name="record_medication"
    ),
    path(
        f"{_STUDY}medications/<int:number>/correct/",
        medications.CorrectMedication.as_view(),
        name="correct_medication",
    ),
    path(
        f"{_STUDY}medications/<int:number>/accept/",
        medications.AcceptMedication.as_view(),
        name="accept_medication",
    ),
    *(
        path(f"{infusion}{word}/", act.as_view(), name=name)
        for infusion in (_INFUSION, _LATER_INFUSION)
        for word, name, act in _INFUSION_ACTS
    ),
    path(f"{_ONE}not-evaluable/", rulings.RuleNotEvaluable.as_view(), name="rule_out"),
    path(f"{_ONE}counts/", rulings.RuleCounts.as_view(), name="rule_counts"),
    path(f"{_ONE}ruling/", rulings.WithdrawRuling.as_view(), name="ruling_withdraw"),
    path(f"{_STUDY}lots/", views.lots, name="lots"),
    path(f"{_STUDY}receive-lot/", lots.ReceiveLot.as_view(), name="lot_receive"),
    path(f"{_LOT}release/", lots.ReleaseLot.as_view(), name="lot_release"),
    path(f"{_LOT}quarantine/", lots.QuarantineLot.as_view(), name="lot_quarantine"),
    path(f"{_LOT}discard/", lots.DiscardLot.as_view(), name="lot_discard"),
    path(f"{_LOT}correct/", lots.CorrectLot.as_view(), name="lot_correct"),
]
