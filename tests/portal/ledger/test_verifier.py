"""The stand-alone verifier: its Ed25519 is the standard's, and no single bit of an export can change unnoticed."""

from __future__ import annotations

import ast
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from portal.ledger import checkpointing, verifier
from portal.ledger.core.chain import Sealed, link_hash
from portal.ledger.core.checkpoints import Head, leaf, merkle_root
from portal.ledger.exporting import export
from portal.ledger.signing import own_key
from tests.conftest import CommittedDatabase
from tests.portal.ledger.exported import verified

# RFC 8032 section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_signatures_of_the_standard(key: str, message: str, signature: str) -> None:
    assert verifier.is_signed(bytes.fromhex(message), signature, key)
    assert not verifier.is_signed(bytes.fromhex(message) + b"x", signature, key)
    assert not verifier.is_signed(bytes.fromhex(message), signature.upper(), key)
    again = int.from_bytes(bytes.fromhex(signature)[32:], "little") + verifier.L  # the same number once around
    assert not verifier.is_signed(bytes.fromhex(message), signature[:64] + again.to_bytes(32, "little").hex(), key)


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), bit=st.integers(0, 511))
def test_signatures_are_as_another_program_makes_them(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = private.public_key().public_bytes_raw().hex(), private.sign(message)
    assert verifier.is_signed(message, signature.hex(), key)
    assert not verifier.is_signed(message, flipped(signature, bit).hex(), key)


@pytest.mark.parametrize(
    "key",
    [
        "02" + "00" * 31,  # no point has this y
        "ff" * 31 + "7f",  # y is no remainder: it is greater than P
        "01" + "00" * 30 + "80",  # x = 0 with a sign
    ],
)
def test_what_is_no_public_key(key: str) -> None:
    assert verifier.point(bytes.fromhex(key)) is None
    assert not verifier.is_signed(b"", VECTORS[0][2], key)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(
    st.lists(st.tuples(texts, st.integers(1, 2**40), st.binary(min_size=32, max_size=32).map(bytes.hex)), max_size=9)
)
def test_trees_are_the_portals(heads: list[tuple[str, int, str]]) -> None:
    ours = merkle_root([leaf(Head(*head)) for head in heads])
    assert verifier.merkle_root([verifier.leaf(*head) for head in heads]) == ours


@given(
    stream=texts,
    seq=st.integers(1, 2**62),
    prev=st.binary(min_size=32, max_size=32),
    at=st.datetimes(timezones=st.just(UTC)),
    rest=st.tuples(texts, texts, texts, texts, texts, texts, texts),
)
def test_hashes_are_the_portals(stream: str, seq: int, prev: bytes, at: datetime, rest: tuple[str, ...]) -> None:
    at_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    event = dict(zip(verifier.FIELDS, [stream, seq, prev.hex(), written(at), *rest, ""], strict=True))
    assert verifier.link_hash(event) == link_hash(Sealed(stream, seq, prev, at_us, *rest)).hex()


def written(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# Exports


@pytest.fixture
def record(committed_db: CommittedDatabase, settings: object, tmp_path: Path) -> Path:
    """An empty record with a key of its own; the folder for exports."""
    settings.PORTAL_LEDGER_KEY = tmp_path / "key" / "checkpoint.key"  # type: ignore[attr-defined]
    return tmp_path


def put(events: list[tuple[str, ...]]) -> None:
    """Recorded as a trigger records, with any text at all."""
    names = "stream, source, op, row_key, actor, context, body"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO ledger_event ({names}) VALUES (%s, %s, %s, %s, %s, %s, %s)", events)


one_event = st.tuples(
    st.sampled_from(["plan:1", "plan:2", "people", "Ωmega", "=x"]),
    texts,
    st.sampled_from(["INSERT", "UPDATE", "DELETE", "EXISTING"]),
    st.integers(-5, 9**9).map(str),
    st.sampled_from(["", "7"]),
    texts,
    texts.map(lambda text: json.dumps({"note": text}, ensure_ascii=False)),
)
places = st.tuples(st.integers(0, 4), st.floats(0, 1, exclude_max=True))


@settings_of_hypothesis(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.lists(one_event, min_size=1, max_size=6), min_size=1, max_size=4),
    checkpoints=st.booleans(),
    flips=st.lists(places, min_size=5, max_size=5),
)
def test_no_bit_of_an_export_changes_unnoticed(
    record: Path, batches: list[list[tuple[str, ...]]], checkpoints: bool, flips: list[tuple[int, float]]
) -> None:
    for batch in batches:
        put(batch)
        if checkpoints:
            checkpointing.checkpoint(wall_at=timezone.now())
    folder = record / str(time.monotonic_ns())
    export(to=folder, by=None, wall_at=timezone.now())
    verdict = verified(folder, "--key", own_key().public.hex(), program=Path(verifier.__file__))
    assert (verdict.status, verdict.text[:6]) == (0, "SOUND:")
    for number, place in flips:
        files = sorted(path for path in folder.iterdir() if path.stat().st_size)
        path = files[number % len(files)]
        data = path.read_bytes()
        path.write_bytes(flipped(data, int(place * len(data) * 8)))
        verdict = verified(folder, program=Path(verifier.__file__))
        assert (verdict.status, verdict.text[:9]) == (1, "NOT SOUND")
        path.write_bytes(data)
    assert verified(folder).status == 0


def test_no_bit_of_the_signature_changes_unnoticed(record: Path) -> None:
    put([("plan:1", "a", "INSERT", "1", "", "", "{}")])
    export(to=record / "export", by=None, wall_at=timezone.now())
    path = record / "export" / "manifest.json"
    data = path.read_bytes()
    begins = data.index(b'"signature"') * 8
    for bit in range(begins, len(data) * 8):
        path.write_bytes(flipped(data, bit))
        assert verifier.check(record / "export", [])[1] != []
    path.write_bytes(data)
    assert verifier.check(record / "export", [])[1] == []


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(verifier.__file__).read_text())
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported = plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported = {name.split(".")[0] for name in imported}
    assert imported <= sys.stdlib_module_names
