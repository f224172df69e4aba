"""Checks an export of the portal's record. Needs Python 3.9 or newer and nothing else: no package, no database.

    python3 -I -S verify.py [--key HEX] [FOLDER]

FOLDER is the export (by default the folder of this file); HEX is the portal's public key as you know it from elsewhere.
Without it the export is measured by its own key: that shows damage, but whoever made the export also chose that key.

Looked at: the manifest's signature; size and SHA-256 of every file, and that there is no other; that the table says the
same as the events; each event's hash, its place and the one before it; the chain, signatures and tree roots of the
checkpoints, and that what they said of a stream still stands. Exit status 0: sound; 1: not sound; 2: not checked.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

FORMAT = "utility-hitl-portal ledger export 1"
FIELDS = ["stream", "seq", "prev", "at", "source", "op", "row_key", "actor", "db_role", "context", "body", "hash"]
MANIFEST_SIGNED = b"utility-hitl-portal manifest 1\n"
CHECKPOINT_SIGNED = b"utility-hitl-portal checkpoint 1\n"
LINK = b"utility-hitl-portal ledger link 1\n"
CHECKPOINT = b"utility-hitl-portal ledger checkpoint 1\n"
ORIGIN = "0" * 64
HASH = re.compile(r"[0-9a-f]{64}\Z")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z", re.ASCII)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)  # noqa: UP017 (runs on Python 3.9 too)
Json = dict[str, Any]
Heads = dict[str, dict[int, str]]
Point = tuple[int, int, int, int]


class NotSound(Exception):
    """What is wrong, and where."""


def need(holds: object, words: str) -> None:
    if not holds:
        raise NotSound(words)


# Ed25519, RFC 8032 section 5.1: points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n: int, p: Point) -> Point:
    total = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = add(total, p)
        p, n = add(p, p), n >> 1
    return total


def point(data: bytes) -> Point | None:
    """The point of 32 bytes; None where there is none."""
    y, odd = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and odd):
        return None
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P


def encoded(p: Point) -> bytes:
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(message: bytes, signature: str, key: str) -> bool:
    """Whether `signature` (hex) over the message is the key's (hex), each spelled in the only way there is."""
    if not re.fullmatch("[0-9a-f]{128}", signature) or not re.fullmatch("[0-9a-f]{64}", key):
        return False
    r, s, a = bytes.fromhex(signature)[:32], int.from_bytes(bytes.fromhex(signature)[32:], "little"), bytes.fromhex(key)
    public = point(a)
    if public is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L
    minus = (P - public[0], public[1], 1, P - public[3])
    return encoded(add(times(s, BASE), times(h, minus))) == r


# What is hashed, and how


def framed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def link_hash(event: Json) -> str:
    at = datetime.datetime.strptime(event["at"], "%Y-%m-%dT%H:%M:%S.%f%z") - EPOCH
    at_us = str(at // datetime.timedelta(microseconds=1))
    before = event["stream"].encode(), str(event["seq"]).encode(), bytes.fromhex(event["prev"]), at_us.encode()
    texts = [event[name].encode() for name in FIELDS[4:11]]
    return hashlib.sha256(LINK + framed(*before, *texts)).hexdigest()


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, of hashed leaves."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:half]) + merkle_root(leaves[half:])).digest()


def leaf(stream: str, seq: int, hash_: str) -> bytes:
    return hashlib.sha256(b"\x00" + framed(stream.encode(), str(seq).encode(), bytes.fromhex(hash_))).digest()


def line_of(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def canonical(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def document_of(value: Json) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def cell(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def row_of(values: Iterable[Any]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow([cell(value) for value in values])
    return text.getvalue().encode()


# What is looked at


def check_manifest(folder: Path, keys: list[str]) -> Json:
    """The manifest, once its signature holds."""
    data = (folder / "manifest.json").read_bytes()
    document = json.loads(data)
    need(data == document_of(document), "manifest.json is not as the portal writes it")
    need(list(document) == ["manifest", "signature"], "manifest.json has other parts than a manifest and its signature")
    manifest: Json = document["manifest"]
    need(manifest["format"] == FORMAT, f"manifest.json is of another format: {manifest['format']}")
    key = manifest["public_key"]
    need(not keys or key in keys, f"manifest.json is signed with another key: {key}")
    signed = is_signed(MANIFEST_SIGNED + canonical(manifest), document["signature"], key)
    need(signed, "manifest.json: the signature is not the key's")
    return manifest


def check_files(folder: Path, manifest: Json) -> None:
    there = sorted(path.name for path in folder.iterdir())
    listed = sorted([*manifest["files"], "manifest.json"])
    need(there == listed, f"files are {', '.join(there)}; the manifest names {', '.join(listed)}")
    for name, said in manifest["files"].items():
        digest, size = hashlib.sha256(), 0
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
        need(size == said["size"], f"{name} has {size} bytes; the manifest says {said['size']}")
        need(digest.hexdigest() == said["sha256"], f"{name} was changed: its SHA-256 is not the manifest's")


def check_checkpoints(folder: Path, manifest: Json, keys: list[str]) -> Heads:
    """What the checkpoints say of streams: {stream: {seq: hash}}."""
    by_id = {hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]: key for key in (*keys, manifest["public_key"])}
    heads: Heads = {}
    number, previous = 0, ORIGIN
    with (folder / "checkpoints.jsonl").open("rb") as lines:
        for line in lines:
            made, where = json.loads(line), f"checkpoint {number + 1}"
            named = list(made) == ["number", "body", "signature", "key_id"]
            need(named and line == line_of(made), f"{where}: its line is not as the portal writes it")
            text, signature = made["body"].encode(), made["signature"]
            body = json.loads(text)
            need(text == canonical(body), f"{where}: its text is not canonical")
            need(made["number"] == body["number"] == number + 1, f"{where}: in its place stands {made['number']}")
            need(body["previous"] == previous, f"{where} does not follow the one before")
            key = by_id.get(made["key_id"], "")
            need(key, f"{where} is signed with the key {made['key_id']}, which was not given (--key)")
            need(is_signed(CHECKPOINT_SIGNED + text, signature, key), f"{where}: the signature is not the key's")
            root = merkle_root([leaf(*head) for head in body["heads"]]).hex()
            need(body["root"] == root, f"{where}: its root is not that of its heads")
            number, previous = number + 1, hashlib.sha256(CHECKPOINT + framed(text, signature.encode())).hexdigest()
            for stream, seq, sealed in body["heads"]:
                heads.setdefault(stream, {})[seq] = sealed
    need(number == (manifest["last_checkpoint"] or 0), f"checkpoint {number} is the last; the manifest says otherwise")
    return heads


def events_of(folder: Path) -> Iterator[Json]:
    """The events, each line as it must be and the same in the table."""
    with (folder / "events.jsonl").open("rb") as lines, (folder / "events.csv").open("rb") as table:
        header = row_of(FIELDS)
        need(table.read(len(header)) == header, "events.csv has another header")
        for number, line in enumerate(lines, 1):
            event, where = json.loads(line), f"events.jsonl line {number}"
            need(list(event) == FIELDS and line == line_of(event), f"{where} is not as the portal writes it")
            texts = all(type(event[name]) is str for name in FIELDS if name != "seq") and type(event["seq"]) is int
            formed = texts and HASH.match(event["prev"]) and HASH.match(event["hash"]) and INSTANT.match(event["at"])
            need(formed, f"{where} is not well formed")
            row = row_of(event.values())
            need(table.read(len(row)) == row, f"events.csv says otherwise than {where}")
            yield event
        need(not table.read(1), "events.csv has more rows than events.jsonl")


def check_events(folder: Path, manifest: Json, heads: Heads) -> None:
    """Every event's hash and place, and what manifest and checkpoints say of its stream."""
    said = iter(manifest["streams"])
    stream: Json = {}
    last: Json = {}
    for event in events_of(folder):
        where = f"{event['stream']} no. {event['seq']}"
        if event["stream"] != last.get("stream"):
            check_end(manifest, stream, last, heads)
            stream = next(said, {})
            need(event["stream"] == stream.get("stream"), f"{where}: the manifest does not name this stream here")
            check_begin(manifest, stream, event, heads)
        else:
            need(event["seq"] == last["seq"] + 1, f"{where} stands after no. {last['seq']}")
            need(event["prev"] == last["hash"], f"{where} does not follow the event before it")
        need(event["hash"] == link_hash(event), f"{where} is not what was sealed")
        known = heads.get(event["stream"], {}).pop(event["seq"], event["hash"])
        need(known == event["hash"], f"{where} is another event than a checkpoint names")
        last = event
    check_end(manifest, stream, last, heads)
    left = [rest["stream"] for rest in said]
    need(not left, f"the manifest names what is not there: {', '.join(left[:5])}")
    need(manifest["events"] == sum(one["count"] for one in manifest["streams"]), "the manifest does not add up")
    check_missing(manifest, heads)


def check_begin(manifest: Json, stream: Json, event: Json, heads: Heads) -> None:
    """A stream begins at its origin, where retention cut it, or where the export's filter begins."""
    seq, prev, name = event["seq"], event["prev"], event["stream"]
    need((seq, prev) == (stream["first_seq"], stream["first_prev"]), f"{name} begins elsewhere than the manifest says")
    cut_seq, cut_hash = stream["cut"] or (0, ORIGIN)
    need(
        manifest["filter"]["since"] is not None or seq == cut_seq + 1,
        f"{name} begins at no. {seq} instead of {cut_seq + 1}",
    )
    need(seq != cut_seq + 1 or prev == cut_hash, f"{name} no. {seq} does not follow what was there before it")
    before = heads.get(name, {}).get(seq - 1, prev)
    need(before == prev, f"{name} no. {seq} does not follow the event a checkpoint names")


def check_end(manifest: Json, stream: Json, last: Json, heads: Heads) -> None:
    if not stream:
        return
    name, seq = stream["stream"], last["seq"]
    found = {"last_seq": seq, "head": last["hash"], "count": seq - stream["first_seq"] + 1}
    for what, value in found.items():
        need(stream[what] == value, f"{name}: {what} is {value}; the manifest says {stream[what]}")
    later = [place for place in heads.pop(name, {}) if place > seq]
    whole = manifest["filter"]["until"] is None
    need(not (whole and later), f"{name} ends at no. {seq}; a checkpoint knows no. {max(later, default=0)}")


def check_missing(manifest: Json, heads: Heads) -> None:
    """What a checkpoint names is in the export, unless its filter leaves it out."""
    asked = manifest["filter"]
    if asked["since"] is None and asked["until"] is None:
        missing = sorted(name for name in heads if asked["stream"] in (None, name))
        need(not missing, f"a checkpoint names what the export does not have: {', '.join(missing[:5])}")


def check(folder: Path, keys: list[str]) -> tuple[Json, list[str]]:
    """The manifest and what is wrong."""
    wrong: list[str] = []

    def attempt(step: Callable[..., Any], *given: Any) -> Any:
        try:
            return step(folder, *given)
        except NotSound as error:
            wrong.append(str(error))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError, RecursionError) as error:
            wrong.append(f"{step.__name__}: cannot be read: {error!r}")
        return {}

    manifest = attempt(check_manifest, keys)
    if manifest:
        attempt(check_files, manifest)
        attempt(check_events, manifest, attempt(check_checkpoints, manifest, keys))
    return manifest, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--key", action="append", default=[], help="public key in hex; may be given more than once")
    asked = parser.parse_args()
    if any(not re.fullmatch("[0-9a-f]{64}", key) for key in asked.key):
        parser.error("a key is 64 lower-case hex digits")
    if not (asked.folder / "manifest.json").is_file():
        parser.error(f"there is no manifest.json in {asked.folder}")
    manifest, wrong = check(asked.folder, asked.key)
    if wrong:
        sys.stdout.write("NOT SOUND\n" + "".join(f"- {words}\n" for words in wrong))
        return 1
    streams, checkpoints = len(manifest["streams"]), manifest["last_checkpoint"] or 0
    sys.stdout.write(f"SOUND: {manifest['events']} events in {streams} streams, {checkpoints} checkpoints; ")
    sys.stdout.write(f"made {manifest['made_at']}, filter {json.dumps(manifest['filter'])}\n")
    if not asked.key:
        known = "Compare it with the one you know"
        sys.stdout.write(f"NOTE: measured by the export's own key alone. {known}: {manifest['public_key']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
