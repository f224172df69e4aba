"""A passkey in software, for simulated people: a scenario's supervisors, and tests. Nobody else's votes come from here.

Makes and answers WebAuthn ceremonies as JSON, ES256, attestation "none" (W3C WebAuthn Level 3, sections 6.1 and 6.5).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from planning.passkeys import RelyingParty, text_of

PRESENT_AND_VERIFIED: Final = 0x05
WITH_CREDENTIAL: Final = 0x40
CREDENTIAL_BYTES: Final = 16
ES256: Final = -7


class SoftwareAuthenticator:
    """One key for one page. Every answer counts up, as a hardware key's does."""

    def __init__(self, party: RelyingParty) -> None:
        self.party = party
        self.credential_id = secrets.token_bytes(CREDENTIAL_BYTES)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` would give for these options."""
        client_data = self._client_data("webauthn.create", options)
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._cose_key()
        data = self._authenticator_data(PRESENT_AND_VERIFIED | WITH_CREDENTIAL) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential({"clientDataJSON": text_of(client_data), "attestationObject": text_of(attestation)})

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` would give for these options."""
        client_data = self._client_data("webauthn.get", options)
        self._count += 1
        data = self._authenticator_data(PRESENT_AND_VERIFIED)
        signature = self._key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": text_of(client_data),
                "authenticatorData": text_of(data),
                "signature": text_of(signature),
            }
        )

    def _client_data(self, kind: str, options: Mapping[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.party.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _authenticator_data(self, flags: int) -> bytes:
        return hashlib.sha256(self.party.host.encode()).digest() + bytes([flags]) + self._count.to_bytes(4, "big")

    def _cose_key(self) -> bytes:
        point = self._key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        raw = text_of(self.credential_id)
        return {
            "id": raw,
            "rawId": raw,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }
