"""Passkeys in software for the people of tests, and what they sign."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from planning.models import Plan
from planning.operations import begin_enrolment, begin_signing, enrol_passkey
from planning.passkeys import RelyingParty, Signed
from portal.models import User
from portal.software_authenticator import SoftwareAuthenticator

PARTY = RelyingParty("testserver", "http://testserver")
"""As Django's test client names the portal."""


class Keyring:
    """One key a person, enrolled when first needed."""

    def __init__(self) -> None:
        self._keys: dict[int, SoftwareAuthenticator] = {}

    def of(self, person: User) -> SoftwareAuthenticator:
        if person.pk not in self._keys:
            key = SoftwareAuthenticator(PARTY)
            made = key.create(begin_enrolment(by=person, party=PARTY))
            enrol_passkey(by=person, signed=_now(made), label="test")
            self._keys[person.pk] = key
        return self._keys[person.pk]

    def sign(self, person: User, plan: Plan, content_hash: str, decision: str = "APPROVE") -> Signed:
        """The person's key answers a fresh challenge for this decision."""
        key = self.of(person)
        asked = begin_signing(plan_id=plan.pk, content_hash=content_hash, decision=decision, by=person, party=PARTY)
        return _now(key.get(asked))


def _now(credential: dict[str, Any]) -> Signed:
    return Signed(credential, PARTY, timezone.now())
