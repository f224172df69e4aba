"""`/api/v1/`: who decides how. Translate in, make one call, translate out."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from grid import clock
from planning import operations
from planning.api.approval_serializers import (
    BreakGlassInput,
    BreakGlassOutput,
    ChallengeInput,
    ChallengeOutput,
    CommentInput,
    CommentOutput,
    DelegationInput,
    DelegationOutput,
    DriftOutput,
    EnrolInput,
    EstimateInput,
    EstimateOutput,
    FreezeInput,
    FreezeOutput,
    PasskeyOutput,
    PasswordInput,
    PolicyInput,
    PolicyOutput,
    ProofInput,
    ReviewInput,
    WordsInput,
)
from planning.api.people import party_of, person_named, signed_of
from planning.api.problems import problems
from planning.api.serializers import StatusOutput
from planning.api.views import MayViewPlans, PlansView, in_shape, number_of
from planning.approval_queries import comments_of, delegations, forced, freezes, policy_rows
from planning.known import drift_of, drift_of_card
from planning.models import BreakGlass, Plan
from planning.passkeys import Signed
from planning.queries import plan_cards, plan_page

READ = problems(401, 403)
WRITE = problems(400, 401, 403, 404, 409, 415, 422)


class RecordsView(GenericAPIView[Any]):
    """What lists of records share."""

    permission_classes = [IsAuthenticated, MayViewPlans]
    queryset = Plan.objects.none()

    def validated(self, kind: type[Serializer[Any]], right: str) -> dict[str, Any]:
        """The body in shape; who may not do it at all is told so first."""
        return dict(in_shape(self.request, kind, right).validated_data)

    def page_of(self, rows: QuerySet[Any], output: type[Serializer[Any]]) -> Response:
        """One page, newest first."""
        return self.get_paginated_response(output(self.paginate_queryset(rows), many=True).data)

    def made(self, output: type[Serializer[Any]], row: Any) -> Response:
        """201."""
        return Response(output(row).data, status=201)


class ChallengeView(PlansView):
    """Begin to sign a decision with a passkey."""

    @extend_schema(operation_id="plans_challenge", request=ChallengeInput, responses={200: ChallengeOutput, **WRITE})
    def post(self, request: Request, plan_id: str) -> Response:
        """What the authenticator has to sign for exactly this content; then send the answer as `assertion`."""
        given = self.validated(ChallengeInput, "planning.approve_plan").validated_data
        options = operations.begin_signing(
            plan_id=number_of(plan_id),
            content_hash=given["content_hash"],
            decision=given["decision"],
            by=request.user,
            party=party_of(request),
        )
        return Response({"public_key": options})


class EstimateView(PlansView):
    """One's own number first."""

    @extend_schema(operation_id="plans_estimate", request=EstimateInput, responses={201: EstimateOutput, **WRITE})
    def post(self, request: Request, plan_id: str) -> Response:
        """Say how many MW the plan gives in your own judgement, before you vote in a high tier."""
        given = self.validated(EstimateInput, "planning.approve_plan").validated_data
        made = operations.give_estimate(
            plan_id=number_of(plan_id),
            content_hash=given["content_hash"],
            by=request.user,
            at=clock.now(),
            mw=given["mw"],
        )
        return Response(EstimateOutput(made).data, status=201)


class DriftView(PlansView):
    """What has moved since the proposal."""

    @extend_schema(operation_id="plans_drift", responses={200: DriftOutput, **problems(401, 403, 404)})
    def get(self, request: Request, plan_id: str) -> Response:  # noqa: ARG002 (DRF's signature)
        """The plan's basis against the same numbers now: ok, amber (a reason is needed) or red (plan again)."""
        page = plan_page(number_of(plan_id))
        if page is None or page.card.content is None:
            raise NotFound(f"There is no plan {plan_id} with a content.")
        at = clock.now()
        return Response(DriftOutput(drift_of_card(page.card, at=at) or drift_of(page.card.content, at=at)).data)


class ForceView(PlansView):
    """Break-glass."""

    @extend_schema(operation_id="plans_break_glass", request=BreakGlassInput, responses={200: StatusOutput, **WRITE})
    def post(self, request: Request, plan_id: str) -> Response:
        """Force exactly this content through, alone, on record; somebody else has to review it within a day."""
        given = self.validated(BreakGlassInput, "planning.break_glass").validated_data
        plan = operations.force_plan(
            plan_id=number_of(plan_id),
            content_hash=given["content_hash"],
            by=request.user,
            at=clock.now(),
            emergency=operations.Emergency(given["reason_code"], given["incident"], given["reason"]),
            signed=signed_of(request, given.get("assertion")),
        )
        return Response(StatusOutput(plan_cards([plan])[0]).data)


class BreakGlassListView(RecordsView):
    """What was forced."""

    @extend_schema(operation_id="break_glass_list", responses={200: BreakGlassOutput(many=True), **READ})
    def get(self, request: Request) -> Response:  # noqa: ARG002 (DRF's signature)
        """List it, newest first."""
        return self.page_of(forced(), BreakGlassOutput)


class ReviewView(RecordsView):
    """Look at what somebody else forced."""

    @extend_schema(operation_id="break_glass_review", request=ReviewInput, responses={201: BreakGlassOutput, **WRITE})
    def post(self, request: Request, number: str) -> Response:
        """Say whether it was justified."""
        given = self.validated(ReviewInput, "planning.review_break_glass")
        operations.review_break_glass(
            break_glass_id=number_of(number),
            by=request.user,
            at=clock.now(),
            finding=given["finding"],
            text=given["text"],
        )
        return self.made(BreakGlassOutput, BreakGlass.objects.get(pk=number_of(number)))


class CommentListView(RecordsView):
    """Words about a plan's versions."""

    @extend_schema(operation_id="plans_comments", responses={200: CommentOutput(many=True), **READ})
    def get(self, request: Request, plan_id: str) -> Response:  # noqa: ARG002 (DRF's signature)
        """List them, newest first."""
        return self.page_of(comments_of(plan_id=number_of(plan_id)), CommentOutput)

    @extend_schema(operation_id="plans_comment", request=CommentInput, responses={201: CommentOutput, **WRITE})
    def post(self, request: Request, plan_id: str) -> Response:
        """Say something about exactly this content; a blocker holds up every approval until it is resolved."""
        given = self.validated(CommentInput, "planning.reject_plan")
        made = operations.add_comment(
            plan_id=number_of(plan_id),
            content_hash=given["content_hash"],
            by=request.user,
            at=clock.now(),
            text=given["text"],
            about=given.get("about", ""),
            blocker=given["blocker"],
        )
        return self.made(CommentOutput, made)


class ResolveView(RecordsView):
    """Settle a blocker."""

    @extend_schema(operation_id="comments_resolve", request=WordsInput, responses={201: CommentOutput, **WRITE})
    def post(self, request: Request, number: str) -> Response:
        """Say what settled it."""
        given = self.validated(WordsInput, "planning.reject_plan")
        made = operations.resolve_comment(
            comment_id=number_of(number), by=request.user, at=clock.now(), text=given["text"]
        )
        return self.made(CommentOutput, made.comment)


class FreezeListView(RecordsView):
    """The kill switch."""

    @extend_schema(operation_id="freezes_list", responses={200: FreezeOutput(many=True), **READ})
    def get(self, request: Request) -> Response:  # noqa: ARG002 (DRF's signature)
        """List freezes, newest first."""
        return self.page_of(freezes(), FreezeOutput)

    @extend_schema(operation_id="freezes_add", request=FreezeInput, responses={201: FreezeOutput, **WRITE})
    def post(self, request: Request) -> Response:
        """Stop all approvals and sending."""
        given = self.validated(FreezeInput, "planning.freeze_sending")
        made = operations.freeze(
            by=request.user,
            at=clock.now(),
            reason=given["reason"],
            starts_at=given.get("starts_at"),
            ends_at=given.get("ends_at"),
        )
        return self.made(FreezeOutput, made)


class LiftView(RecordsView):
    """Let approvals and sending begin again."""

    @extend_schema(operation_id="freezes_lift", request=WordsInput, responses={201: FreezeOutput, **WRITE})
    def post(self, request: Request, number: str) -> Response:
        """Lift a freeze, saying why."""
        given = self.validated(WordsInput, "planning.lift_freeze")
        made = operations.lift_freeze(
            freeze_id=number_of(number), by=request.user, at=clock.now(), reason=given["text"]
        )
        return self.made(FreezeOutput, made.freeze)


class DelegationListView(RecordsView):
    """Who may vote for whom."""

    @extend_schema(operation_id="delegations_list", responses={200: DelegationOutput(many=True), **READ})
    def get(self, request: Request) -> Response:  # noqa: ARG002 (DRF's signature)
        """List delegations, newest first."""
        return self.page_of(delegations(), DelegationOutput)

    @extend_schema(operation_id="delegations_add", request=DelegationInput, responses={201: DelegationOutput, **WRITE})
    def post(self, request: Request) -> Response:
        """Lend your right to vote to somebody, for a time and up to so many MW."""
        given = self.validated(DelegationInput, "planning.delegate_vote")
        loan = operations.Loan(
            delegate_id=person_named(given["delegate"], "delegate"),
            starts_at=given["starts_at"],
            ends_at=given["ends_at"],
            max_mw=given["max_mw"],
            reason=given["reason"],
        )
        made = operations.delegate_vote(loan=loan, by=request.user, at=clock.now(), password=given.get("password"))
        return self.made(DelegationOutput, made)


class EndDelegationView(RecordsView):
    """Take the right to vote back."""

    @extend_schema(operation_id="delegations_end", request=None, responses={201: DelegationOutput, **WRITE})
    def post(self, request: Request, number: str) -> Response:
        """End a delegation; either of the two can."""
        ended = operations.end_delegation(delegation_id=number_of(number), by=request.user, at=clock.now())
        return self.made(DelegationOutput, ended.delegation)


class PolicyListView(RecordsView):
    """The approval policy and its versions."""

    @extend_schema(operation_id="approval_policies_list", responses={200: PolicyOutput(many=True), **READ})
    def get(self, request: Request) -> Response:  # noqa: ARG002 (DRF's signature)
        """List them, newest first."""
        return Response({"results": [_policy(item.row.number) for item in policy_rows()], "next": None})

    @extend_schema(
        operation_id="approval_policies_propose", request=PolicyInput, responses={201: PolicyOutput, **WRITE}
    )
    def post(self, request: Request) -> Response:
        """Propose another policy; it is in force once a second person has confirmed it."""
        given = self.validated(PolicyInput, "planning.change_policy")
        made = operations.propose_policy(
            rules=json.dumps(given["rules"]),
            by=request.user,
            at=clock.now(),
            reason=given["reason"],
            password=given.get("password"),
        )
        return Response(_policy(made.number), status=201)


class ConfirmPolicyView(RecordsView):
    """The second person."""

    @extend_schema(
        operation_id="approval_policies_confirm", request=PasswordInput, responses={201: PolicyOutput, **WRITE}
    )
    def post(self, request: Request, number: str) -> Response:
        """Confirm what somebody else proposed."""
        given = self.validated(PasswordInput, "planning.change_policy")
        operations.confirm_policy(
            number=number_of(number), by=request.user, at=clock.now(), password=given.get("password")
        )
        return Response(_policy(number_of(number)), status=201)


def _policy(number: int) -> dict[str, Any]:
    item = next(item for item in policy_rows() if item.row.number == number)
    confirmation = getattr(item.row, "confirmation", None)
    return {
        "number": number,
        "rules": json.loads(item.row.rules),
        "rules_sha256": item.row.rules_sha256,
        "proposed_by": item.row.proposed_by.username if item.row.proposed_by else None,
        "confirmed_by": confirmation.by.username if confirmation else None,
        "reason": item.row.reason,
        "in_force": item.in_force,
    }


class PasskeyListView(RecordsView):
    """One's own passkeys."""

    @extend_schema(operation_id="passkeys_list", responses={200: PasskeyOutput(many=True), **READ})
    def get(self, request: Request) -> Response:
        """List those that are still believed."""
        keys = operations.passkeys_of(request.user)
        return Response({"results": PasskeyOutput(keys, many=True).data, "next": None})

    @extend_schema(operation_id="passkeys_enrol", request=EnrolInput, responses={201: PasskeyOutput, **WRITE})
    def post(self, request: Request) -> Response:
        """Keep a new key: the answer to the options of `passkeys/challenge`."""
        given = self.validated(EnrolInput, "planning.view_plan")
        signed = Signed(given["credential"], party_of(request), timezone.now())
        made = operations.enrol_passkey(by=request.user, signed=signed, label=given.get("label", ""), at=clock.now())
        return self.made(PasskeyOutput, made)


class PasskeyChallengeView(RecordsView):
    """Begin to enrol."""

    @extend_schema(operation_id="passkeys_challenge", request=ProofInput, responses={200: ChallengeOutput, **WRITE})
    def post(self, request: Request) -> Response:
        """What the authenticator is asked to make a new key, against the password or an enrolled key's signature."""
        given = self.validated(ProofInput, "planning.view_plan")
        options = operations.begin_enrolment(
            by=request.user,
            party=party_of(request),
            at=clock.now(),
            password=given.get("password"),
            signed=signed_of(request, given.get("assertion")),
        )
        return Response({"public_key": options})


class PasskeyProofView(RecordsView):
    """Prove who asks to enrol another key."""

    @extend_schema(operation_id="passkeys_proof", request=None, responses={200: ChallengeOutput, **WRITE})
    def post(self, request: Request) -> Response:
        """What an enrolled key has to sign; then send the answer to `passkeys/challenge` as `assertion`."""
        return Response({"public_key": operations.begin_proof(by=request.user, party=party_of(request))})


class EndPasskeyView(RecordsView):
    """Stop believing a key."""

    @extend_schema(operation_id="passkeys_end", request=None, responses={204: None, **WRITE})
    def post(self, request: Request, number: str) -> Response:
        """End one of one's own keys."""
        operations.end_passkey(passkey_id=number_of(number), by=request.user)
        return Response(status=204)
