"""WebAuthn: what a browser or authenticator is asked, and whether what it answers was signed by the key we know.

The challenge of a decision is SHA-256(nonce, content hash, decision): what was signed names what was decided. It does
not prove what the screen showed. Knows no models; the `webauthn` package checks the signatures.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

NONCE_BYTES: Final = 32
RP_NAME: Final = "Utility HITL Portal"


class NotSigned(Exception):
    """The answer is not what the key would have signed; `why` in words."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whose page asks: the host name keys are bound to, and the page's origin (https, or http on localhost)."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Signed:
    """What an authenticator answered (a PublicKeyCredential as JSON), on whose page, and when it came (wall time)."""

    credential: Mapping[str, Any]
    party: RelyingParty
    received_at: datetime

    @property
    def credential_id(self) -> bytes:
        """Raises NotSigned."""
        return _bytes(self.credential.get("rawId") or self.credential.get("id"))

    def part(self, name: str) -> bytes:
        """A part of the answer: clientDataJSON, authenticatorData, signature. Raises NotSigned."""
        answer = self.credential.get("response")
        return _bytes(answer.get(name) if isinstance(answer, Mapping) else None)

    @property
    def challenge(self) -> bytes:
        """The challenge the client says was signed. Raises NotSigned."""
        try:
            told = json.loads(self.part("clientDataJSON"))
        except ValueError:
            raise NotSigned("its client data cannot be read") from None
        return _bytes(told.get("challenge") if isinstance(told, dict) else None)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as enrolled: to be kept with its person."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def new_nonce() -> bytes:
    """Random, for one challenge."""
    return secrets.token_bytes(NONCE_BYTES)


def challenge_of(nonce: bytes, content_hash: str, decision: str) -> bytes:
    """What is signed: 32 bytes that only this nonce, content and decision give."""
    return hashlib.sha256(nonce + content_hash.encode() + decision.encode()).digest()


def enrolment_options(
    *, party: RelyingParty, user_id: int, username: str, challenge: bytes, known: Iterable[bytes]
) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked, as JSON."""
    options = generate_registration_options(
        rp_id=party.host,
        rp_name=RP_NAME,
        user_id=str(user_id).encode(),
        user_name=username,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def signing_options(*, party: RelyingParty, challenge: bytes, known: Iterable[bytes]) -> dict[str, Any]:
    """What `navigator.credentials.get` is asked, as JSON."""
    options = generate_authentication_options(
        rp_id=party.host,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def enrolled(signed: Signed, *, challenge: bytes) -> NewKey:
    """The key of a finished enrolment. Raises NotSigned."""
    try:
        found = verify_registration_response(
            credential=dict(signed.credential),
            expected_challenge=challenge,
            expected_rp_id=signed.party.host,
            expected_origin=signed.party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotSigned(str(error)) from error
    return NewKey(found.credential_id, found.credential_public_key, found.sign_count)


def sign_count_of(signed: Signed, *, challenge: bytes, public_key: bytes, sign_count: int) -> int:
    """The counter of a signature by this key over this challenge. Raises NotSigned when it is not that."""
    try:
        found = verify_authentication_response(
            credential=dict(signed.credential),
            expected_challenge=challenge,
            expected_rp_id=signed.party.host,
            expected_origin=signed.party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotSigned(str(error)) from error
    return found.new_sign_count


def text_of(raw: bytes) -> str:
    """Bytes as WebAuthn's JSON writes them."""
    return bytes_to_base64url(raw)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not value:
        raise NotSigned("a part of it is missing")
    try:
        return base64url_to_bytes(value)
    except ValueError:
        raise NotSigned("a part of it is not base64url") from None
