"""Addresses of treatment and of what is recorded beside it."""

from django.urls import path

from dosing import views
from dosing.forms import measurements, medications

app_name = "dosing"
_STUDY = "studies/<slug:key>/"
_ONE = f"{_STUDY}participants/<str:number>/"

urlpatterns = [
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
]
