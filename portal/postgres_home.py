"""Where an embedded PostgreSQL keeps its files, and as which user it runs. No Django.

An ordinary user's database lives in the data directory. Root may not run PostgreSQL: there it runs as `postgres` or
`nobody`, and where the data directory's folders shut that user out it gets a short folder of its own, remembered in the
data directory. Existing folders keep their permissions in every case.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal.postgres_binaries import can_reach

LONGEST_SOCKET_PATH = 100  # bytes; the kernel takes 107
SOCKET_NAME = ".s.PGSQL.5432"
STATE_DIR = Path("/var/lib/utility-hitl-portal")
REMEMBERED = "postgres_home"
_SHORTEST_TEMPORARY = Path("/tmp")  # noqa: S108 - only for a folder made 0700, whose owner and kind are checked


class HomeUnusable(Exception):
    """A folder cannot serve; `reason` says why in words."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} {reason}")


@dataclass(frozen=True)
class Account:
    """The operating-system user the server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()


@dataclass(frozen=True)
class Home:
    """The folders of one embedded server."""

    path: Path
    account: Account
    socket_dir: Path

    @property
    def cluster(self) -> Path:
        return self.path / "data"

    @property
    def half_made_cluster(self) -> Path:
        return self.path / "data.tmp"

    @property
    def passwords(self) -> Path:
        return self.path / "passwords.json"


def find_home(data_dir: Path) -> Home:
    """Choose or find again the folders for this data directory, making those that are missing."""
    path = _remembered(data_dir) or data_dir / "postgres"
    account = choose_account(path / "data")
    if not account.is_ours and not can_reach(path if path.exists() else data_dir, account.uid, account.gid):
        path = _own_folder(data_dir, path, account)
    make_folder(path, 0o700 if account.is_ours else 0o711)
    return Home(path, account, find_socket_dir(path, account))


def choose_account(cluster: Path) -> Account:
    """Ourselves; for root the owner of the existing cluster, else `postgres`, else `nobody`."""
    uid = os.geteuid()
    if uid != 0:
        return Account(_user_name(uid), uid, os.getegid())
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(_user_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise HomeUnusable(cluster, "needs a user `postgres` or `nobody`, since root may not run PostgreSQL.")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _remembered(data_dir: Path) -> Path | None:
    try:
        path = Path((data_dir / REMEMBERED).read_text().strip())
    except FileNotFoundError:
        return None
    if not path.is_dir():
        raise HomeUnusable(
            path,
            f"is named in {data_dir / REMEMBERED} as the place of the database, but is not there. "
            "Bring it back, or remove that file to begin with an empty database.",
        )
    _check_ours(path)
    return path


def _own_folder(data_dir: Path, wanted: Path, account: Account) -> Path:
    if (wanted / "data").exists():
        raise HomeUnusable(wanted, f"holds the database, but the user {account.name} cannot reach it any more.")
    path = Path(tempfile.mkdtemp(prefix="db-", dir=_state_dir()))
    path.chmod(0o711)
    write_private(data_dir / REMEMBERED, f"{path}\n")
    return path


def _state_dir() -> Path:
    """A folder of root's that everybody may pass through; the system's folder for state, else the temporary one."""
    try:
        make_folder(STATE_DIR, 0o755)
        _check_ours(STATE_DIR)
    except (OSError, HomeUnusable):
        return Path(tempfile.gettempdir())
    return STATE_DIR


def shared_binaries_dir(home: Home) -> Path:
    """Where a readable copy of the programs goes: beside all databases of this machine, else beside this one."""
    state = _state_dir()
    return state if state == STATE_DIR else home.path


def _check_ours(path: Path) -> None:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise HomeUnusable(path, "is not a folder (a symbolic link is not followed here).")
    if status.st_uid != os.geteuid():
        raise HomeUnusable(path, f"belongs to user {_user_name(status.st_uid)}, not to {_user_name(os.geteuid())}.")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise HomeUnusable(path, "can be written by other users.")


def find_socket_dir(home: Path, account: Account) -> Path:
    """A 0700 folder of the account's for the socket, with a path the kernel can take."""
    inside = home / "run"
    if len(os.fsencode(inside / SOCKET_NAME)) < LONGEST_SOCKET_PATH:
        make_folder(inside, 0o700, account)
        return inside
    short_name = f"hitl-{account.uid}-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]}"
    reasons = []
    for base in _runtime_dirs():
        path = base / short_name
        if len(os.fsencode(path / SOCKET_NAME)) >= LONGEST_SOCKET_PATH:
            continue
        try:
            make_folder(path, 0o700, account)
            _check_private(path, account)
        except (OSError, HomeUnusable) as error:
            reasons.append(str(error))
            continue
        if can_reach(base, account.uid, account.gid):
            return path
        reasons.append(f"{base} shuts out {account.name}.")
    raise HomeUnusable(home, "is too long a path for a socket, and no short folder serves: " + " ".join(reasons))


def _runtime_dirs() -> list[Path]:
    if os.geteuid() == 0:
        return [Path("/run"), _SHORTEST_TEMPORARY]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    candidates = [Path(runtime)] if runtime else []
    return [*candidates, Path(f"/run/user/{os.geteuid()}"), Path(tempfile.gettempdir()), _SHORTEST_TEMPORARY]


def _check_private(path: Path, account: Account) -> None:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise HomeUnusable(path, "is not a folder (a symbolic link is not followed here).")
    if status.st_uid != account.uid:
        raise HomeUnusable(path, f"belongs to user {_user_name(status.st_uid)}, not to {account.name}.")
    if stat.S_IMODE(status.st_mode) != 0o700:
        raise HomeUnusable(path, "is open to other users.")


def make_folder(path: Path, mode: int, owner: Account | None = None) -> bool:
    """Make a folder with exactly this mode and owner; an existing one is left as it is. True when it was made."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return False
    if owner is not None and not owner.is_ours:
        os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)  # a narrow umask must not shut the server out of its own folder
    return True


def write_private(path: Path, text: str, sync: Callable[[int], None] = os.fsync) -> None:
    """Put a 0600 file in place in one step, so that a reader or a crash never meets half of it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            sync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
