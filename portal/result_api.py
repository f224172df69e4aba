"""`/api/v1/plans/{id}/result`: what a plan's event delivered. Here because plans do not know dispatch."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dispatch.queries import result_of
from planning.api.problems import problems
from planning.api.views import number_of
from planning.queries import plans

PLAN_ID = OpenApiParameter("plan_id", int, OpenApiParameter.PATH)


class MayViewResults(BasePermission):
    """Whoever may see what was sent may see what came of it."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (DRF's signature)
        """The right to look at signals."""
        return bool(request.user.has_perm("dispatch.view_signal"))


class ResultOutput(serializers.Serializer[Any]):
    """What an event delivered. Reads an `EventResult`."""

    plan = serializers.IntegerField(source="claim.plan_id")
    window_start = serializers.DateTimeField(source="claim.version.window_start")
    window_end = serializers.DateTimeField(source="claim.version.window_end")
    planned_mw = serializers.ListField(child=serializers.FloatField(), help_text="15-minute means over the window")
    delivered_mw = serializers.ListField(child=serializers.FloatField(), help_text="15-minute means over the window")
    delivered_mwh = serializers.FloatField()
    rebound_mwh = serializers.FloatField(help_text="above baseline in the 6 h after, so far as they have passed")
    rebound_until = serializers.DateTimeField(help_text="portal time up to which the rebound is counted")
    cost_usd = serializers.FloatField(help_text="incentives paid")
    value_usd = serializers.FloatField(allow_null=True, help_text="null: a price of the window is not known")
    endpoints = serializers.IntegerField(help_text="called")
    opt_outs = serializers.IntegerField()
    offline = serializers.IntegerField()
    measured_at = serializers.DateTimeField(help_text="portal time")
    telemetry = serializers.CharField(source="source")


class ResultView(APIView):
    """One event's result."""

    permission_classes = [IsAuthenticated, MayViewResults]

    @extend_schema(
        operation_id="plans_result",
        parameters=[PLAN_ID],
        responses={200: ResultOutput, **problems(401, 403, 404)},
    )
    def get(self, _request: Request, plan_id: str) -> Response:
        """Planned and delivered MW, rebound, cost and value; 404 until the event has ended and was measured."""
        plan = plans().filter(pk=number_of(plan_id)).first()
        if plan is None:
            raise NotFound(f"There is no plan {plan_id}.")
        result = result_of(plan)
        if result is None:
            raise NotFound(f"Plan {plan_id} is {plan.status}: nothing has been measured yet.")
        return Response(ResultOutput(result).data)
