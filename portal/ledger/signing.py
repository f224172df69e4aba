"""The key that signs checkpoints and exports: Ed25519 (RFC 8032), kept outside the database.

What is signed is `utility-hitl-portal `, the domain, a newline and the bytes: a signature made for one purpose says
nothing for another. portal/ledger/verifier.py checks the same without this module and without any library.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

PREFIX: Final = b"utility-hitl-portal "
KEY_ID_LENGTH: Final = 16
OPEN_TO_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP


class KeyUnusable(Exception):
    """The signing key cannot be used; `reason` says why in words."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"The record's signing key {path} {reason}")


class KeyMissing(KeyUnusable):
    """There is no signing key in its place."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "is not there.")


@dataclass(frozen=True)
class SigningKey:
    """A private key with what others may know of it."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        return key_id(self.public)

    def sign(self, domain: bytes, data: bytes) -> bytes:
        """The 64-byte signature over data for one purpose."""
        return self.private.sign(signed_bytes(domain, data))


def key_id(public: bytes) -> str:
    """A public key's short name: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:KEY_ID_LENGTH]


def signed_bytes(domain: bytes, data: bytes) -> bytes:
    """What is signed. Raises ValueError for a domain with a line end, which would make two readings possible."""
    if b"\n" in domain:
        raise ValueError("a domain is one line")
    return PREFIX + domain + b"\n" + data


def verify(domain: bytes, data: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the signature is the public key's over data for this purpose. Malformed ones are not."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed_bytes(domain, data))
    except (InvalidSignature, ValueError):
        return False
    return True


def key_path() -> Path:
    """Where this portal's key is (PORTAL_LEDGER_KEY, else `ledger/checkpoint.key` in the data directory)."""
    return Path(settings.PORTAL_LEDGER_KEY)


def public_path(path: Path) -> Path:
    """Where the public key stands beside the private one: hex, for whoever verifies."""
    return path.with_suffix(".pub")


def own_key(path: Path | None = None) -> SigningKey:
    """This portal's key. Raises KeyMissing or KeyUnusable."""
    path = path or key_path()
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & OPEN_TO_OTHERS:
                raise KeyUnusable(path, "is open to other users; `chmod 600` it.")
            text = file.read()
    except FileNotFoundError as error:
        raise KeyMissing(path) from error
    except OSError as error:
        raise KeyUnusable(path, f"cannot be read: {error.strerror}.") from error
    try:
        private = load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(path, "is not a private key in PEM without a password.") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable(path, "is not an Ed25519 key.")
    return SigningKey(private)


def own_public(path: Path | None = None) -> bytes:
    """The raw public key, also where only that is kept. Raises KeyMissing or KeyUnusable."""
    path = path or key_path()
    try:
        return own_key(path).public
    except KeyMissing:
        beside = public_path(path)
        if not beside.exists():
            raise
    try:
        public = bytes.fromhex(beside.read_text().strip())
        Ed25519PublicKey.from_public_bytes(public)
    except (OSError, ValueError) as error:
        raise KeyUnusable(beside, "is not a public key in hex.") from error
    return public


def own_or_new_key(path: Path | None = None) -> SigningKey:
    """This portal's key, made where there is none. Of two processes that make one at once, one does; both use it."""
    path = path or key_path()
    try:
        key = own_key(path)
    except KeyMissing:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(path, _pem(Ed25519PrivateKey.generate()), 0o600)
        key = own_key(path)
    if not public_path(path).exists():
        _put(public_path(path), f"{key.public.hex()}\n".encode(), 0o644)
    return key


def _pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _put(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole, unless one has come to stand there."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(name, path)  # unlike a rename this never replaces what another process has put there
        except FileExistsError:
            return
    finally:
        Path(name).unlink(missing_ok=True)
