"""Routes under `/api/v1/`. An id is text here: one that is no number is unknown (404), like any other."""

from __future__ import annotations

from django.urls import path

from planning.api import approval_views as approval
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
    path("plans/<str:plan_id>/challenge", approval.ChallengeView.as_view(), name="plan_challenge"),
    path("plans/<str:plan_id>/estimate", approval.EstimateView.as_view(), name="plan_estimate"),
    path("plans/<str:plan_id>/drift", approval.DriftView.as_view(), name="plan_drift"),
    path("plans/<str:plan_id>/break-glass", approval.ForceView.as_view(), name="plan_break_glass"),
    path("plans/<str:plan_id>/comments", approval.CommentListView.as_view(), name="plan_comments"),
    path("comments/<str:number>/resolve", approval.ResolveView.as_view(), name="comment_resolve"),
    path("break-glass", approval.BreakGlassListView.as_view(), name="break_glass"),
    path("break-glass/<str:number>/review", approval.ReviewView.as_view(), name="break_glass_review"),
    path("freezes", approval.FreezeListView.as_view(), name="freezes"),
    path("freezes/<str:number>/lift", approval.LiftView.as_view(), name="freeze_lift"),
    path("delegations", approval.DelegationListView.as_view(), name="delegations"),
    path("delegations/<str:number>/end", approval.EndDelegationView.as_view(), name="delegation_end"),
    path("approval-policies", approval.PolicyListView.as_view(), name="approval_policies"),
    path("approval-policies/<str:number>/confirm", approval.ConfirmPolicyView.as_view(), name="policy_confirm"),
    path("passkeys", approval.PasskeyListView.as_view(), name="passkeys"),
    path("passkeys/challenge", approval.PasskeyChallengeView.as_view(), name="passkey_challenge"),
    path("passkeys/proof", approval.PasskeyProofView.as_view(), name="passkey_proof"),
    path("passkeys/<str:number>/end", approval.EndPasskeyView.as_view(), name="passkey_end"),
    path("approvals", views.ApprovalListView.as_view(), name="approvals"),
]
