"""Passkeys in software for the people of tests, and what they sign."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from planning.models import Passkey, Plan, StepUpChallenge
from planning.operations import (
    begin_enrolment,
    begin_proof,
    begin_signing,
    enrol_passkey,
    password_enrols,
    reset_passkeys,
)
from planning.passkeys import RelyingParty, Signed
from portal.models import User
from portal.software_authenticator import SoftwareAuthenticator

PARTY = RelyingParty("testserver", "http://testserver")
"""As Django's test client names the portal."""
AT = datetime(2026, 8, 12, 19, 0, tzinfo=UTC)


def password_of(person: User) -> str:
    """Their name; who has no password is given it."""
    if not person.check_password(person.username):
        person.set_password(person.username)
        person.save(update_fields=["password"])
    return person.username


def asked(person: User, party: RelyingParty = PARTY) -> dict[str, Any]:
    """What a new first key is asked, against the password."""
    return begin_enrolment(by=person, party=party, at=AT, password=password_of(person))


def lose_all(person: User) -> None:
    """An administrator resets the person's keys, so that their password enrols again."""
    by, _made = User.objects.get_or_create(username="locksmith")
    by.groups.add(Group.objects.get(name="admin"))
    reset_passkeys(user_id=person.pk, by=User.objects.get(pk=by.pk), reason="lost", at=AT)


def proven(person: User, key: SoftwareAuthenticator) -> Signed:
    """An enrolled key's answer that lets another one be enrolled."""
    return _now(key.get(begin_proof(by=person, party=PARTY)))


def asked_with(person: User, key: SoftwareAuthenticator) -> dict[str, Any]:
    """What a further key is asked, against one there is already."""
    return begin_enrolment(by=person, party=PARTY, at=AT, signed=proven(person, key))


def some_key(person: User, credential_id: bytes = b"k") -> Passkey:
    """Rows as an enrolment leaves them; nothing in them was signed."""
    challenge = StepUpChallenge.objects.create(
        user=person, purpose="ENROL", proof="PASSWORD", nonce=b"enrol " + credential_id, used_at=timezone.now()
    )
    return Passkey.objects.create(
        user=person, credential_id=credential_id, public_key=b"-", label="test", challenge=challenge
    )


class Keyring:
    """One key a person, enrolled when first needed."""

    def __init__(self) -> None:
        self._keys: dict[int, SoftwareAuthenticator] = {}

    def of(self, person: User) -> SoftwareAuthenticator:
        if person.pk not in self._keys:
            if not password_enrols(person):
                lose_all(person)
            key = SoftwareAuthenticator(PARTY)
            enrol_passkey(by=person, signed=_now(key.create(asked(person))), label="test", at=AT)
            self._keys[person.pk] = key
        return self._keys[person.pk]

    def sign(self, person: User, plan: Plan, content_hash: str, decision: str = "APPROVE") -> Signed:
        """The person's key answers a fresh challenge for this decision."""
        key = self.of(person)
        asked = begin_signing(plan_id=plan.pk, content_hash=content_hash, decision=decision, by=person, party=PARTY)
        return _now(key.get(asked))


def _now(credential: dict[str, Any]) -> Signed:
    return Signed(credential, PARTY, timezone.now())
