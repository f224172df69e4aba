"""The record's signing key: made once, kept private, and never good for two purposes."""

from __future__ import annotations

import hashlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portal.ledger.signing import (
    KeyMissing,
    KeyUnusable,
    own_key,
    own_or_new_key,
    own_public,
    public_path,
    signed_bytes,
    verify,
)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger" / "checkpoint.key"
    key = own_or_new_key(path)
    assert own_or_new_key(path).public == own_key(path).public == key.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert public_path(path).read_text() == f"{key.public.hex()}\n"
    assert key.key_id == hashlib.sha256(key.public).hexdigest()[:16]
    assert sorted(file.name for file in path.parent.iterdir()) == ["checkpoint.key", "checkpoint.pub"]


def test_two_who_make_it_at_once_use_the_same(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    with ThreadPoolExecutor(8) as pool:
        keys = {key.public for key in pool.map(lambda _: own_or_new_key(path), range(8))}
    assert keys == {own_key(path).public}


def test_a_signature_serves_one_purpose(tmp_path: Path) -> None:
    key = own_or_new_key(tmp_path / "checkpoint.key")
    other = own_or_new_key(tmp_path / "other.key")
    signature = key.sign(b"ledger checkpoint 1", b"body")
    assert verify(b"ledger checkpoint 1", b"body", signature, key.public)
    assert not verify(b"ledger manifest 1", b"body", signature, key.public)
    assert not verify(b"ledger checkpoint 1", b"bodY", signature, key.public)
    assert not verify(b"ledger checkpoint 1", b"body", signature, other.public)
    assert not verify(b"ledger checkpoint 1", b"body", signature[:-1], key.public)
    assert not verify(b"ledger checkpoint 1", b"body", signature, b"short")
    with pytest.raises(ValueError, match="one line"):
        signed_bytes(b"a\nb", b"")


def test_a_missing_key_is_said_and_not_made_in_passing(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match=r"checkpoint\.key is not there"):
        own_key(tmp_path / "checkpoint.key")
    assert list(tmp_path.iterdir()) == []


def test_who_only_verifies_needs_only_the_public_key(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    public = own_or_new_key(path).public
    assert own_public(path) == public
    path.unlink()
    assert own_public(path) == public
    public_path(path).write_text("no key")
    with pytest.raises(KeyUnusable, match=r"checkpoint\.pub is not a public key"):
        own_public(path)
    public_path(path).unlink()
    with pytest.raises(KeyMissing):
        own_public(path)


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o666])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "checkpoint.key"
    own_or_new_key(path)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match="open to other users"):
        own_key(path)


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.key"
    path.write_text("rubbish")
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="not a private key in PEM"):
        own_key(path)
    private = generate_private_key(SECP256R1())
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyUnusable, match="not an Ed25519 key"):
        own_key(path)
