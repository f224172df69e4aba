"""`/api/v1/signals`: what was sent. Nothing here writes."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.filters import OrderingFilter
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from dispatch.api.serializers import SignalOutput, SignalQuery
from dispatch.models import Signal
from dispatch.queries import all_signals, signals_of_plan


class MayViewSignals(BasePermission):
    """The right to look at signals."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (DRF's signature)
        """Whoever may see signals."""
        return bool(request.user.has_perm("dispatch.view_signal"))


@extend_schema(parameters=[SignalQuery])
class SignalListView(ListAPIView[Signal]):
    """Signals in the order they were queued, of all plans or of one."""

    permission_classes = [IsAuthenticated, MayViewSignals]
    serializer_class = SignalOutput
    filter_backends = [OrderingFilter]
    ordering = ("id",)
    ordering_fields = ("id",)

    def get_queryset(self) -> QuerySet[Signal]:
        """All, or those of `?plan=`."""
        asked = SignalQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        plan_id = asked.validated_data.get("plan")
        return all_signals() if plan_id is None else signals_of_plan(plan_id)
