"""`/api/v1/plans` and `/api/v1/approvals`: translate in, make one call, translate out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from grid import clock
from planning.api.output import PlanOutput, PlanSummaryOutput
from planning.api.people import lender_named, signed_of
from planning.api.problems import problems
from planning.api.serializers import (
    AbortInput,
    AcceptedOutput,
    ApprovalOutput,
    ApproveInput,
    EditInput,
    ProposeInput,
    RejectInput,
    StatusOutput,
)
from planning.approval_queries import as_shown_to, owed_estimates
from planning.core.lifecycle import Status
from planning.models import Plan
from planning.operations import PermissionNeeded, abort_plan, approve_plan, edit_plan, propose_plan, reject_plan
from planning.queries import PlanCard, PlanPage, plan_cards, plan_page, plans, plans_awaiting_approval

PLAN_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
EVENT_ID = OpenApiParameter("event_id", str, description="Only the plan whose current version holds this event.")
STATUS = OpenApiParameter("status", str, description="Only plans in this state; several: PENDING,PARTIAL.")
KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 128 visible ASCII characters. The same key again gets the same plan.",
)
Given = TypeVar("Given", bound=Serializer[Any])


class MayViewPlans(BasePermission):
    """Reading needs `planning.view_plan`; what else is needed, the operations ask."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (DRF's signature)
        """Raises PermissionNeeded (403) in words."""
        if not request.user.has_perm("planning.view_plan"):
            raise PermissionNeeded("planning.view_plan")
        return True


def in_shape(request: Request, kind: type[Given], right: str) -> Given:
    """The body in shape. Who may not do it at all is told so (403) before what is wrong with the body (422)."""
    given = kind(data=request.data)
    if not given.is_valid() and not request.user.has_perm(right):
        raise PermissionNeeded(right)
    given.is_valid(raise_exception=True)
    return given


class PlansView(GenericAPIView[Plan]):
    """What all of these share: who may come in."""

    permission_classes = [IsAuthenticated, MayViewPlans]
    queryset = Plan.objects.none()  # tells the schema what an id is

    def validated(self, kind: type[Given], right: str) -> Given:
        """The body in shape; who may not do it at all is told so first."""
        return in_shape(self.request, kind, right)

    def accepted(self, plan: Plan) -> Response:
        """202: the planner works on it."""
        url = reverse("api:plan_status", args=[plan.pk], request=self.request)
        body = {"id": plan.pk, "status": plan.status, "url": url}
        return Response(body, status=202, headers={"Location": url})

    def decided(self, plan: Plan) -> Response:
        """200: where the plan stands now."""
        return Response(StatusOutput(plan_cards([plan])[0]).data)

    def page_of(self, rows: QuerySet[Plan], output: type[Serializer[Any]]) -> Response:
        """One page of plans."""
        page: Iterable[Plan] = self.paginate_queryset(rows) or []
        cards = plan_cards(page)
        return self.get_paginated_response(output(cards, many=True, context=self.seen_by_person(cards)).data)

    def seen_by_person(self, cards: Iterable[PlanCard]) -> dict[str, Any]:
        """Context of what tells MW: covered while the person owes their own estimate."""
        return {"request": self.request, "covered": owed_estimates(cards, person_id=int(self.request.user.pk or 0))}


def number_of(plan_id: str) -> int:
    """The id in a path as a number; one that cannot be is unknown (404)."""
    if not PLAN_ID.fullmatch(plan_id):
        raise NotFound("There is nothing of this number.")
    return int(plan_id)


class PlanListView(PlansView):
    """All plans, newest first."""

    @extend_schema(
        operation_id="plans_list",
        parameters=[STATUS],
        responses={200: PlanSummaryOutput(many=True), **problems(401, 403, 422)},
    )
    def get(self, request: Request) -> Response:
        """List plans."""
        rows = plans()
        if wanted := request.query_params.get("status"):
            rows = rows.filter(status__in=_statuses(wanted))
        return self.page_of(rows, PlanSummaryOutput)


def _statuses(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(Status))
    if unknown:
        message = f"{unknown[0][:40]!r} is not one of {', '.join(Status)}."
        raise ValidationError({"status": message})
    return names


class ProposeView(PlansView):
    """Ask the planner."""

    @extend_schema(
        operation_id="plans_propose",
        parameters=[KEY],
        request=ProposeInput,
        responses={202: AcceptedOutput, **problems(400, 401, 403, 413, 415, 422)},
    )
    def post(self, request: Request) -> Response:
        """Ask for a plan. The worker answers within seconds; a solved plan awaits its votes by itself."""
        given = self.validated(ProposeInput, "planning.propose_plan")
        plan = propose_plan(
            wish=given.wish(),
            by=request.user,
            at=clock.now(),
            mode=clock.state().mode,
            idempotency_key=_idempotency_key(request),
        )
        return self.accepted(plan)


def _idempotency_key(request: Request) -> str:
    key: str = request.headers.get("Idempotency-Key", "")
    if key and not IDEMPOTENCY_KEY.fullmatch(key):
        raise ValidationError({"Idempotency-Key": "Give 1 to 128 visible ASCII characters."})
    return key


class PlanView(PlansView):
    """One plan in full."""

    @extend_schema(responses={200: PlanOutput, **problems(401, 403, 404)})
    def get(self, request: Request, plan_id: str) -> Response:
        """Everything about one plan: its current content, votes, requests and history."""
        shown = as_shown_to(_page(plan_id), person_id=int(request.user.pk or 0))
        return Response(PlanOutput(shown, context=self.seen_by_person([shown.card])).data)


class StatusView(PlansView):
    """Where one plan stands."""

    @extend_schema(responses={200: StatusOutput, **problems(401, 403, 404)})
    def get(self, request: Request, plan_id: str) -> Response:  # noqa: ARG002 (DRF's signature)
        """State, content hash and votes of one plan."""
        return Response(StatusOutput(_page(plan_id).card).data)


def _page(plan_id: str) -> PlanPage:
    page = plan_page(number_of(plan_id))
    if page is None:
        raise NotFound(f"There is no plan {plan_id}.")
    return page


class ApproveView(PlansView):
    """Vote for a plan."""

    @extend_schema(
        operation_id="plans_approve",
        request=ApproveInput,
        responses={200: StatusOutput, **problems(400, 401, 403, 404, 409, 415, 422)},
    )
    def post(self, request: Request, plan_id: str) -> Response:
        """Approve exactly the content named. With the last vote needed, the plan is AUTHORISED and goes out."""
        given = self.validated(ApproveInput, "planning.approve_plan").validated_data
        plan = approve_plan(
            plan_id=number_of(plan_id),
            content_hash=given["content_hash"],
            by=request.user,
            at=clock.now(),
            reason=given.get("reason") or "",
            password=given.get("password"),
            signed=signed_of(request, given.get("assertion")),
            on_behalf_of=lender_named(given.get("on_behalf_of")),
        )
        return self.decided(plan)


class RejectView(PlansView):
    """Veto a plan."""

    @extend_schema(
        operation_id="plans_reject",
        request=RejectInput,
        responses={200: StatusOutput, **problems(400, 401, 403, 404, 409, 415, 422)},
    )
    def post(self, request: Request, plan_id: str) -> Response:
        """Reject exactly the content named; one rejection ends the plan."""
        given = self.validated(RejectInput, "planning.reject_plan").validated_data
        plan = reject_plan(
            plan_id=number_of(plan_id),
            content_hash=given["content_hash"],
            by=request.user,
            at=clock.now(),
            reason=given["reason"],
        )
        return self.decided(plan)


class EditView(PlansView):
    """Ask for another version."""

    @extend_schema(
        operation_id="plans_edit",
        request=EditInput,
        responses={202: AcceptedOutput, **problems(400, 401, 403, 404, 409, 415, 422)},
    )
    def post(self, request: Request, plan_id: str) -> Response:
        """Ask for a changed version of an undecided plan. Votes on the old one lead nowhere; the editor has none."""
        given = self.validated(EditInput, "planning.edit_plan")
        plan = edit_plan(
            plan_id=number_of(plan_id),
            content_hash=given.validated_data["content_hash"],
            change=given.change(),
            by=request.user,
            at=clock.now(),
            reason=given.validated_data["reason"],
        )
        return self.accepted(plan)


class AbortView(PlansView):
    """Stop a plan."""

    @extend_schema(
        operation_id="plans_abort",
        request=AbortInput,
        responses={200: StatusOutput, **problems(400, 401, 403, 404, 409, 415, 422)},
    )
    def post(self, request: Request, plan_id: str) -> Response:
        """Withdraw, cancel or abort, whatever the plan's state calls for. One person suffices."""
        given = self.validated(AbortInput, "planning.abort_plan").validated_data
        plan = abort_plan(plan_id=number_of(plan_id), by=request.user, at=clock.now(), reason=given.get("reason") or "")
        return self.decided(plan)


class ApprovalListView(PlansView):
    """What waits for a vote."""

    @property
    def paginator(self) -> Any:
        """The usual pages, the most urgent plan first."""
        pages: Any = super().paginator
        pages.ordering = ("approve_by", "id")
        return pages

    @extend_schema(parameters=[EVENT_ID], responses={200: ApprovalOutput(many=True), **problems(401, 403)})
    def get(self, request: Request) -> Response:
        """List the contents that wait for a vote."""
        rows = plans_awaiting_approval()
        if event_id := request.query_params.get("event_id"):
            named = rows.filter(current_version__events__event_name=event_id)
            rows = rows.none() if "\0" in event_id else named  # PostgreSQL has no text with a null byte
        return self.page_of(rows, ApprovalOutput)
