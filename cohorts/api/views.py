"""`/api/v1/cohorts`: translate in, one call, translate out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.filters import OrderingFilter
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cohorts.api.serializers import (
    CohortInput,
    CohortOutput,
    FlexibilityOutput,
    FlexibilityQuery,
    flexibility_json,
)
from cohorts.models import Cohort
from cohorts.operations import create_cohort, update_cohort
from cohorts.queries import all_cohorts, availability_of, cohort_by_id, cohort_flexibility
from grid import clock


class CohortRights(BasePermission):
    """Who may look may not always change. The operations ask again."""

    right_by_method: Mapping[str, str] = {
        "GET": "cohorts.view_cohort",
        "HEAD": "cohorts.view_cohort",
        "OPTIONS": "cohorts.view_cohort",
        "POST": "cohorts.add_cohort",
        "PATCH": "cohorts.change_cohort",
    }

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (DRF's signature)
        """Methods without a row are answered 405 by the view itself."""
        right = self.right_by_method.get(request.method or "")
        return right is None or bool(request.user.has_perm(right))


class CohortListView(GenericAPIView):
    """List and create."""

    permission_classes = [IsAuthenticated, CohortRights]
    serializer_class = CohortOutput
    queryset = all_cohorts()
    filter_backends = [OrderingFilter]
    ordering = ("id",)
    ordering_fields = ("id",)

    @extend_schema(operation_id="cohorts_list", responses=CohortOutput(many=True))
    def get(self, _request: Request) -> Response:
        """Every cohort with its enrolled, available and firm MW."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([*_represented(page)])

    @extend_schema(request=CohortInput, responses={201: CohortOutput})
    def post(self, request: Request) -> Response:
        """Create a cohort with its accounts and endpoints."""
        given = CohortInput(data=request.data)
        given.is_valid(raise_exception=True)
        cohort = create_cohort(by=request.user, at=clock.now(), **given.creation())  # type: ignore[arg-type]
        headers = {"Location": request.build_absolute_uri(f"{request.path.rstrip('/')}/{cohort.pk}")}
        return Response(_represented([cohort])[0], status=201, headers=headers)


class CohortDetailView(APIView):
    """Read and change one."""

    permission_classes = [IsAuthenticated, CohortRights]

    @extend_schema(responses=CohortOutput)
    def get(self, _request: Request, cohort_id: int) -> Response:
        """One cohort."""
        return Response(_represented([cohort_by_id(cohort_id)])[0])

    @extend_schema(request=CohortInput, responses=CohortOutput)
    def patch(self, request: Request, cohort_id: int) -> Response:
        """Change some fields. `accounts` and `slug` are fixed."""
        given = CohortInput(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        cohort = update_cohort(
            cohort_id=cohort_id,
            by=request.user,  # type: ignore[arg-type]
            at=clock.now(),
            changes=given.changes(),
        )
        return Response(_represented([cohort])[0])


class FlexibilityView(APIView):
    """What a cohort can shed."""

    permission_classes = [IsAuthenticated, CohortRights]

    @extend_schema(parameters=[FlexibilityQuery], responses=FlexibilityOutput)
    def get(self, request: Request, cohort_id: int) -> Response:
        """P10, P50 and P90 MW for every quarter-hour of [start, end)."""
        cohort = cohort_by_id(cohort_id)
        asked = FlexibilityQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(flexibility_json(cohort_flexibility(cohort=cohort, at=clock.now(), **asked.validated_data)))


def _represented(cohorts: Sequence[Cohort]) -> Any:
    availability = availability_of(cohorts, at=clock.now())
    return CohortOutput(cohorts, many=True, context={"availability": availability}).data
