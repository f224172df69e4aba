"""Routes under `/api/v1/`. An id is text here: one that is no number is unknown (404), like any other."""

from __future__ import annotations

from django.urls import path

from planning.api import views

urlpatterns = [
    path("plans", views.PlanListView.as_view(), name="plans"),
    path("plans/propose", views.ProposeView.as_view(), name="plan_propose"),
    path("plans/<str:plan_id>", views.PlanView.as_view(), name="plan"),
    path("plans/<str:plan_id>/status", views.StatusView.as_view(), name="plan_status"),
    path("plans/<str:plan_id>/approve", views.ApproveView.as_view(), name="plan_approve"),
    path("plans/<str:plan_id>/reject", views.RejectView.as_view(), name="plan_reject"),
    path("plans/<str:plan_id>/edit", views.EditView.as_view(), name="plan_edit"),
    path("plans/<str:plan_id>/abort", views.AbortView.as_view(), name="plan_abort"),
    path("approvals", views.ApprovalListView.as_view(), name="approvals"),
]
