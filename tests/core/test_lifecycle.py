"""The table of moves: what may follow what, and where an abort leads."""

from __future__ import annotations

import pytest

from planning.core.lifecycle import (
    AWAITING_VOTE,
    COMMITTED,
    LIVE,
    MOVES,
    RUNNING,
    TERMINAL,
    Status,
    abort_target,
    may_move,
)


class TestMoves:
    def test_every_state_has_a_row(self) -> None:
        assert set(MOVES) == set(Status)

    def test_terminal_states_absorb(self) -> None:
        assert all(MOVES[status] == frozenset() for status in TERMINAL)

    def test_live_and_terminal_are_a_partition(self) -> None:
        assert frozenset(Status) == LIVE | TERMINAL
        assert not LIVE & TERMINAL

    def test_only_a_vote_leads_to_authorised(self) -> None:
        assert {old for old in Status if may_move(old, Status.AUTHORISED)} == AWAITING_VOTE

    def test_only_authorised_leads_to_dispatching(self) -> None:
        assert {old for old in Status if may_move(old, Status.DISPATCHING)} == {Status.AUTHORISED}

    def test_an_authorised_plan_is_never_superseded(self) -> None:
        assert not any(may_move(old, Status.SUPERSEDED) for old in COMMITTED)

    def test_every_terminal_state_can_be_reached(self) -> None:
        reached = {new for targets in MOVES.values() for new in targets}
        assert reached >= TERMINAL

    def test_no_state_moves_to_itself(self) -> None:
        assert not any(may_move(status, status) for status in Status)


class TestAbortTarget:
    @pytest.mark.parametrize("status", sorted({Status.PLANNING, Status.DRAFT} | AWAITING_VOTE))
    def test_withdraws_before_the_decision(self, status: Status) -> None:
        assert abort_target(status) == Status.WITHDRAWN
        assert may_move(status, Status.WITHDRAWN)

    def test_cancels_before_anything_was_sent(self) -> None:
        assert abort_target(Status.AUTHORISED) == Status.CANCELLED

    @pytest.mark.parametrize("status", [Status.DISPATCHING, Status.ACTIVE])
    def test_aborts_what_was_sent(self, status: Status) -> None:
        assert abort_target(status) == Status.ABORTING
        assert status in RUNNING

    @pytest.mark.parametrize("status", sorted(TERMINAL | {Status.ABORTING}))
    def test_nothing_is_left_to_stop(self, status: Status) -> None:
        assert abort_target(status) is None
