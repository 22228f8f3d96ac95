"""Addresses of participants and of what is stated about them."""

from django.urls import path

from safety import forms, live, views
from safety.forms import (
    chats,
    decisions,
    on_call,
    preferences,
    rde,
    reports,
    reports_sent,
    reviews,
    tokens,
    undelivered,
)
from safety.states import PacketForm
from safety.views import alerts, committee
from safety.views import undelivered as unsent

app_name = "safety"
_UNSENT = "studies/<slug:key>/undelivered/"
_HOOKS = "studies/<slug:key>/webhooks/"
_REPORT = "studies/<slug:key>/reports/<int:report>/"
_DECISION = "studies/<slug:key>/decisions/<int:number>/"
_ONE = "studies/<slug:key>/participants/<str:number>/"
_EVENT = "studies/<slug:key>/events/<int:event>/"
_SITE = "site/<slug:key>/"
_MANAGE = "manage/<slug:key>/"
_QUERY = "studies/<slug:key>/queries/<int:number>/"

_ON_CALL = "studies/<slug:key>/on-call/"
_PACKET = "committee/<slug:key>/reviews/<int:number>/"

urlpatterns = [
    path("inbox/", alerts.show_inbox, name="inbox"),
    path("inbox/<int:row>/open/", alerts.open_alert, name="open_alert"),
    path("inbox/<int:row>/acknowledge/", alerts.acknowledge_alert, name="acknowledge_alert"),
    path("studies/<slug:key>/noise/", alerts.show_noise, name="noise"),
    path("studies/<slug:key>/noise/<str:form>/", alerts.export_noise, name="export_noise"),
    path(_ON_CALL, alerts.show_on_call, name="on_call"),
    path(f"{_ON_CALL}put/", on_call.PutOnCall.as_view(), name="put_on_call"),
    path(f"{_ON_CALL}away/", on_call.EnterAbsence.as_view(), name="enter_absence"),
    path(f"{_ON_CALL}deputy/", on_call.NameDeputy.as_view(), name="name_deputy"),
    path(f"{_ON_CALL}<int:row>/off/", on_call.TakeOffCall.as_view(), name="take_off_call"),
    path(
        f"{_ON_CALL}away/<int:row>/withdraw/",
        on_call.WithdrawAbsence.as_view(),
        name="withdraw_absence",
    ),
    path("live/<slug:key>/parts/<str:names>/", live.show_parts, name="parts"),
    path("accounts/tokens/", tokens.Tokens.as_view(), name="tokens"),
    path(
        "accounts/tokens/<int:number>/revoke/",
        tokens.RevokeToken.as_view(),
        name="revoke_token",
    ),
    path("accounts/preferences/", preferences.Preferences.as_view(), name="preferences"),
    path("accounts/chat/", chats.OwnChatPage.as_view(), name="chat"),
    path("committee/", committee.choose_study, name="committee_studies"),
    path("committee/<slug:key>/", committee.show_committee, name="committee"),
    path(_PACKET, committee.show_packet, name="packet"),
    path(f"{_PACKET}progress/", committee.packet_progress, name="packet_progress"),
    path(f"{_PACKET}packet.pdf", committee.packet_file(PacketForm.PDF), name="packet_pdf"),
    path(f"{_PACKET}packet.xlsx", committee.packet_file(PacketForm.XLSX), name="packet_xlsx"),
    path(f"{_PACKET}packet.json", committee.packet_file(PacketForm.JSON), name="packet_json"),
    path(_UNSENT, unsent.show_undelivered, name="undelivered"),
    path(f"{_UNSENT}again/", undelivered.SendAllAgain.as_view(), name="send_all_again"),
    path(f"{_UNSENT}<int:number>/", unsent.show_course, name="delivery"),
    path(f"{_UNSENT}<int:number>/again/", undelivered.SendAgain.as_view(), name="send_again"),
    path(_HOOKS, unsent.show_webhooks, name="webhooks"),
    path(f"{_HOOKS}new/", undelivered.AddWebhook.as_view(), name="add_webhook"),
    path(f"{_HOOKS}<int:number>/try/", undelivered.TryWebhook.as_view(), name="try_webhook"),
    path(f"{_HOOKS}<int:number>/pause/", undelivered.PauseWebhook.as_view(), name="pause_webhook"),
    path(
        f"{_HOOKS}<int:number>/resume/", undelivered.ResumeWebhook.as_view(), name="resume_webhook"
    ),
    path("studies/<slug:key>/audit/", views.show_audit, name="audit"),
    path("studies/<slug:key>/audit/<str:form>/", views.export_audit, name="export_audit"),
    path(
        "studies/<slug:key>/export/<slug:name>/<slug:form>/",
        views.export_list,
        name="export_list",
    ),
    path("studies/<slug:key>/known/", views.show_known, name="known"),
    path("studies/<slug:key>/accounts/", views.show_accounts, name="accounts"),
    path("studies/<slug:key>/take-over/", views.take_over, name="take_over"),
    path(
        "studies/<slug:key>/take-over/template.xlsx",
        views.take_over_template,
        name="take_over_template",
    ),
    path(
        "studies/<slug:key>/take-over/stage/",
        forms.StageTakeOver.as_view(),
        name="stage_take_over",
    ),
    path(
        "studies/<slug:key>/take-over/sign/",
        forms.SignTakeOver.as_view(),
        name="sign_take_over",
    ),
    path(
        "studies/<slug:key>/take-over/withdraw/",
        forms.WithdrawTakeOver.as_view(),
        name="withdraw_take_over",
    ),
    path("studies/<slug:key>/swimmer/", views.show_swimmer, name="swimmer"),
    path("studies/<slug:key>/reports/", views.show_reports, name="reports"),
    path(f"{_REPORT}adjudicate/", reports.AdjudicateDlt.as_view(), name="adjudicate"),
    path(f"{_REPORT}rule-again/", reports.ReadjudicateDlt.as_view(), name="readjudicate"),
    path(f"{_REPORT}resolution/", reports.ClearDlt.as_view(), name="clear"),
    path(f"{_REPORT}supersede/", reports.SupersedeDlt.as_view(), name="supersede"),
    path(
        "studies/<slug:key>/superseding/<int:superseding>/",
        reports.RuleSuperseding.as_view(),
        name="rule_superseding",
    ),
    path(
        "studies/<slug:key>/inbox/<int:alert>/settle/",
        reports.SettleAlert.as_view(),
        name="settle_alert",
    ),
    path("studies/<slug:key>/rde/", rde.SelectRde.as_view(), name="select_rde"),
    path("studies/<slug:key>/reviews/", views.show_reviews, name="reviews"),
    path(
        "studies/<slug:key>/reviews/convene/",
        reviews.ConveneReview.as_view(),
        name="convene_review",
    ),
    path("studies/<slug:key>/reviews/<int:number>/", views.show_review, name="review"),
    path(
        "studies/<slug:key>/reviews/<int:number>/meeting/",
        reviews.RecordMeeting.as_view(),
        name="record_meeting",
    ),
    path("studies/<slug:key>/decisions/", views.show_decisions, name="decisions"),
    path(_DECISION, views.show_decision, name="decision"),
    path(f"{_DECISION}sign/", decisions.SignDecision.as_view(), name="sign_decision"),
    path(
        f"{_DECISION}acknowledge/",
        decisions.AcknowledgeDecision.as_view(),
        name="acknowledge_decision",
    ),
    path(
        f"{_DECISION}re-review/sign/",
        decisions.SignReReview.as_view(),
        name="sign_re_review",
    ),
    path(
        "studies/<slug:key>/decisions/<int:number>/bundle.zip",
        views.inspection_bundle,
        name="inspection_bundle",
    ),
    path("studies/<slug:key>/data/", views.show_data, name="data"),
    path("studies/<slug:key>/data/datasets/", views.export_datasets, name="export_datasets"),
    path(
        "studies/<slug:key>/data/<int:number>/datasets/",
        views.export_datasets,
        name="export_cut_datasets",
    ),
    path("studies/<slug:key>/data/lock/", forms.LockCut.as_view(), name="lock_cut"),
    path("studies/<slug:key>/data/<int:number>/", views.show_cut, name="cut"),
    path("studies/<slug:key>/queries/", views.show_queries, name="queries"),
    path(_QUERY, views.show_query, name="query"),
    path(f"{_QUERY}answer/", forms.AnswerQuery.as_view(), name="answer_query"),
    path(f"{_QUERY}close/", forms.CloseQuery.as_view(), name="close_query"),
    path(f"{_QUERY}again/", forms.ReopenQuery.as_view(), name="reopen_query"),
    path(
        "studies/<slug:key>/verifications/<int:number>/withdraw/",
        forms.WithdrawVerification.as_view(),
        name="withdraw_verification",
    ),
    path(f"{_ONE}verify/", forms.VerifyRows.as_view(), name="verify"),
    path(f"{_ONE}query/", forms.RaiseQuery.as_view(), name="raise_query"),
    path("studies/<slug:key>/gates/", views.show_gates, name="gates"),
    path("studies/<slug:key>/participants/", views.participants, name="participants"),
    path(_ONE, views.participant, name="participant"),
    path(f"{_ONE}statement/", forms.SignStatement.as_view(), name="statement"),
    path("studies/<slug:key>/events/", views.events, name="events"),
    path(_EVENT, views.one_event, name="one_event"),
    path(f"{_EVENT}grade/", forms.AddGrade.as_view(), name="add_grade"),
    path(f"{_EVENT}end/", forms.EndEvent.as_view(), name="end_event"),
    path(f"{_EVENT}complete/", forms.CompleteEvent.as_view(), name="complete_event"),
    path(
        f"{_EVENT}clocks/<int:days>/sent/",
        reports_sent.RecordReportSent.as_view(),
        name="report_sent",
    ),
    path(
        f"{_EVENT}clocks/<int:days>/not-sent/",
        reports_sent.WithdrawReportSent.as_view(),
        name="report_not_sent",
    ),
    path(f"{_EVENT}dlt/", forms.StateDlt.as_view(), name="state_dlt"),
    path(f"{_EVENT}not-dlt/", forms.StateNotDlt.as_view(), name="state_not_dlt"),
    path(f"{_EVENT}rule/", forms.RuleOnEvent.as_view(), name="rule_on_event"),
    path(f"{_ONE}event/reading/", views.event_reading, name="event_reading"),
    path(f"{_ONE}event/", forms.ReportEvent.as_view(), name="event"),
    path("manage/", views.manage, name="manage"),
    path(_MANAGE, views.show_today, name="today"),
    path(f"{_MANAGE}calendar/", views.show_calendar, name="calendar"),
    path(f"{_MANAGE}look-ahead/", views.show_ahead, name="ahead"),
    path(f"{_MANAGE}design/", views.show_design, name="design"),
    path(_SITE, views.site_home, name="site"),
    path(f"{_SITE}calendar/", views.site_calendar, name="site_calendar"),
    path(f"{_SITE}report/", views.site_report, name="site_report"),
    path(f"{_SITE}sent/<int:event>/", views.site_sent, name="site_sent"),
    path(f"{_SITE}participants/<str:number>/gates/", views.site_gates, name="site_gates"),
    path(f"{_SITE}participants/<str:number>/today/", views.site_today, name="site_today"),
]
