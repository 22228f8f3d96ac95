"""Addresses of the escalation's pages."""

from django.urls import path

from cohorts import views
from cohorts.forms import (
    consents,
    deviations,
    holds,
    part_2,
    protocols,
    results,
    screening,
    sites,
    slots,
)

app_name = "cohorts"
_VERSION = "studies/<slug:key>/protocols/<str:label>/"
_SITE = "studies/<slug:key>/sites/<str:code>/"
_ONE = "studies/<slug:key>/participants/<str:number>/"

urlpatterns = [
    path("studies/<slug:key>/protocols/", views.show_protocols, name="protocols"),
    path("studies/<slug:key>/new-protocol/", protocols.AddProtocol.as_view(), name="add_protocol"),
    path(_VERSION, views.show_protocol, name="protocol"),
    path(f"{_VERSION}changes/", views.show_protocol_changes, name="protocol_changes"),
    path(f"{_VERSION}impact/", views.show_protocol_impact, name="protocol_impact"),
    path(f"{_VERSION}edit/", protocols.EditProtocol.as_view(), name="edit_protocol"),
    path(f"{_VERSION}approve/", protocols.ApproveProtocol.as_view(), name="approve_protocol"),
    path(f"{_VERSION}withdraw/", protocols.WithdrawApproval.as_view(), name="withdraw_approval"),
    path("studies/<slug:key>/sites/", views.show_sites, name="sites"),
    path(f"{_SITE}activate/", sites.ActivateSite.as_view(), name="activate_site"),
    path(f"{_SITE}suspend/", sites.SuspendSite.as_view(), name="suspend_site"),
    path(f"{_SITE}resume/", sites.ResumeSite.as_view(), name="resume_site"),
    path("studies/<slug:key>/consents/", views.show_consents, name="consents"),
    path(
        "studies/<slug:key>/consents/new-form/",
        consents.AddConsentForm.as_view(),
        name="add_consent_form",
    ),
    path(f"{_ONE}consent/", consents.RecordConsent.as_view(), name="record_consent"),
    path(f"{_ONE}version/", consents.RePin.as_view(), name="re_pin"),
    path("studies/<slug:key>/screening/", views.show_screening_log, name="screening_log"),
    path(f"{_SITE}new-participant/", screening.Consent.as_view(), name="consent_participant"),
    path(f"{_ONE}results/", results.EnterResults.as_view(), name="results"),
    path(f"{_ONE}dates/", screening.PlanDates.as_view(), name="plan_dates"),
    path(f"{_ONE}sign-screening/", screening.SignScreening.as_view(), name="sign_screening"),
    path(f"{_ONE}screen-failure/", screening.FailScreening.as_view(), name="fail_screening"),
    path(f"{_ONE}eligibility/", screening.ConfirmEligibility.as_view(), name="confirm_eligibility"),
    path(f"{_ONE}screen-again/", screening.Rescreen.as_view(), name="rescreen"),
    path("", views.my_studies, name="studies"),
    path("studies/<slug:key>/", views.show_ladder, name="ladder"),
    path("studies/<slug:key>/path/", views.show_path, name="path"),
    path("studies/<slug:key>/trail/", views.show_trail, name="trail"),
    path("studies/<slug:key>/deviations/", views.show_deviations, name="deviations"),
    path(
        "studies/<slug:key>/deviations/new/",
        deviations.ReportSiteDeviation.as_view(),
        name="report_site_deviation",
    ),
    path(
        "studies/<slug:key>/deviations/<int:number>/classify/",
        deviations.ClassifyDeviation.as_view(),
        name="classify_deviation",
    ),
    path(
        "studies/<slug:key>/deviations/<int:number>/close/",
        deviations.CloseDeviation.as_view(),
        name="close_deviation",
    ),
    path(
        "studies/<slug:key>/deviations/<int:number>/reopen/",
        deviations.ReopenDeviation.as_view(),
        name="reopen_deviation",
    ),
    path(
        "studies/<slug:key>/participants/<str:number>/deviation/",
        deviations.ReportDeviation.as_view(),
        name="report_deviation",
    ),
    path("studies/<slug:key>/part-2/", views.show_part_2, name="part_2"),
    path("studies/<slug:key>/part-2/start/", part_2.StartPart2.as_view(), name="start_part_2"),
    path("studies/<slug:key>/complete/", part_2.CompleteStudy.as_view(), name="complete_study"),
    path("studies/<slug:key>/terminate/", part_2.TerminateStudy.as_view(), name="terminate_study"),
    path("studies/<slug:key>/holds/", views.show_holds, name="holds"),
    path("studies/<slug:key>/holds/place/", holds.PlaceHold.as_view(), name="place_hold"),
    path(
        "studies/<slug:key>/holds/<int:number>/lift/",
        holds.ProposeLift.as_view(),
        name="propose_lift",
    ),
    path(
        "studies/<slug:key>/holds/lifts/<int:number>/sign/",
        holds.SignLift.as_view(),
        name="sign_lift",
    ),
    path("studies/<slug:key>/queue/", views.show_queue, name="queue"),
    path("studies/<slug:key>/queue/overrides/", views.show_overrides, name="overrides"),
    path(f"{_ONE}seat/request/", slots.RequestSlot.as_view(), name="request_slot"),
    path(f"{_ONE}seat/withdraw/", slots.WithdrawRequest.as_view(), name="withdraw_request"),
    path(f"{_ONE}seat/reserve/", slots.ReserveSlot.as_view(), name="reserve_slot"),
    path(f"{_ONE}seat/confirm/", slots.ConfirmSlot.as_view(), name="confirm_slot"),
    path(f"{_ONE}seat/release/", slots.ReleaseSlot.as_view(), name="release_slot"),
]
