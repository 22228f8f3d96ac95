"""Addresses of the escalation's pages."""

from django.urls import path

from cohorts import views
from cohorts.forms import deviations

app_name = "cohorts"

urlpatterns = [
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
]
