"""An export and its verifier, run as an auditor runs it: another interpreter, no packages, no environment."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.ledger import verifier
from portal.ledger.signing import SigningKey


@dataclass(frozen=True)
class Verdict:
    status: int
    text: str


def verified(folder: Path, *arguments: str, program: Path | None = None) -> Verdict:
    """What verify.py (the folder's own) says of a folder."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(program or folder / "verify.py"), *arguments, str(folder)],
        capture_output=True,
        text=True,
        env={},
    )
    return Verdict(run.returncode, run.stdout + run.stderr)


def signed_anew(folder: Path, key: SigningKey, **changes: Any) -> None:
    """Make the manifest fit what the files are now, as somebody does who has a key."""
    document = json.loads((folder / "manifest.json").read_bytes())
    manifest = {**document["manifest"], "public_key": key.public.hex(), **changes}
    for name in manifest["files"]:
        data = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": verifier.hashlib.sha256(data).hexdigest(), "size": len(data)}
    signature = key.sign(b"manifest 1", verifier.canonical(manifest)).hex()
    (folder / "manifest.json").write_bytes(verifier.document_of({"manifest": manifest, "signature": signature}))
