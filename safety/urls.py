"""Addresses of participants and of what is stated about them."""

from django.urls import path

from safety import forms, views

app_name = "safety"
_ONE = "studies/<slug:key>/participants/<str:number>/"

urlpatterns = [
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
    path("studies/<slug:key>/gates/", views.show_gates, name="gates"),
    path("studies/<slug:key>/participants/", views.participants, name="participants"),
    path(_ONE, views.participant, name="participant"),
    path(f"{_ONE}statement/", forms.SignStatement.as_view(), name="statement"),
    path(f"{_ONE}event/", forms.ReportEvent.as_view(), name="event"),
]
