"""The simulated supervisors of a headless scenario: they bring to their vote all that a plan's policy asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from planning.core.policy import StepUp
from planning.models import Plan
from planning.operations import approve_plan, begin_enrolment, begin_signing, enrol_passkey, give_estimate
from planning.passkeys import RelyingParty, Signed
from planning.queries import VoteCount, vote_counts
from portal.models import User
from portal.seeding import CREDENTIALS_FILE, read_credentials
from portal.software_authenticator import SoftwareAuthenticator

VOTERS: Final = ("supervisor", "supervisor2")
PARTY: Final = RelyingParty(host="localhost", origin="http://localhost")
REASON: Final = "approved by the scenario's supervisor"


@dataclass
class ScenarioPeople:
    """Two supervisors who did not ask for the plan."""

    work_dir: Path
    _keys: dict[str, SoftwareAuthenticator] = field(default_factory=dict)

    def approve(self, plan: Plan, *, at: datetime) -> None:
        """As many votes as the plan needs, each on exactly the current content. Raises as `approve_plan` does."""
        assert plan.current_version is not None
        count = vote_counts([plan.current_version.pk])[plan.current_version.pk]
        for name in VOTERS[: count.required]:
            self._vote(plan, count, User.objects.get(username=name), at)

    def _vote(self, plan: Plan, count: VoteCount, by: User, at: datetime) -> None:
        version = plan.current_version
        assert version is not None
        content: dict[str, Any] = {"plan_id": plan.pk, "content_hash": version.content_hash}
        if count.needs.estimate:
            give_estimate(**content, by=by, at=at, mw=max(event.mean_mw for event in version.events.all()))
        proof: dict[str, Any] = {}
        if count.needs.step_up == StepUp.PASSWORD:
            proof["password"] = self._password_of(by)
        if count.needs.step_up == StepUp.PASSKEY:
            key = self._key_of(by, at)
            options = begin_signing(**content, decision="APPROVE", by=by, party=PARTY)
            proof["signed"] = Signed(key.get(options), PARTY, timezone.now())
        approve_plan(**content, by=by, at=at, reason=REASON, **proof)

    def _password_of(self, by: User) -> str:
        return read_credentials(self.work_dir / CREDENTIALS_FILE)[by.username]["password"]

    def _key_of(self, by: User, at: datetime) -> SoftwareAuthenticator:
        if by.username not in self._keys:
            key = SoftwareAuthenticator(PARTY)
            made = key.create(begin_enrolment(by=by, party=PARTY, at=at, password=self._password_of(by)))
            enrol_passkey(by=by, signed=Signed(made, PARTY, timezone.now()), label="simulated", at=at)
            self._keys[by.username] = key
        return self._keys[by.username]
