"""Routes under `/api/v1/`."""

from django.urls import path

from cohorts.api.views import CohortDetailView, CohortListView, FlexibilityView

urlpatterns = [
    path("cohorts", CohortListView.as_view(), name="cohorts"),
    path("cohorts/<int:cohort_id>", CohortDetailView.as_view(), name="cohort"),
    path("cohorts/<int:cohort_id>/flexibility", FlexibilityView.as_view(), name="cohort_flexibility"),
]
