"""Addresses of the escalation's pages."""

from django.urls import path

from cohorts import views

app_name = "cohorts"

urlpatterns = [
    path("", views.my_studies, name="studies"),
    path("studies/<slug:key>/", views.show_ladder, name="ladder"),
    path("studies/<slug:key>/path/", views.show_path, name="path"),
    path("studies/<slug:key>/trail/", views.show_trail, name="trail"),
]
