"""The embedded PostgreSQL that serves when no DATABASE_URL is set. No Django.

One server per data directory: scram passwords, a Unix socket in a private folder and no TCP port, never run as root.
It dies with the process that started it, and a start after any kind of death repairs what that death left behind.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, Self
from urllib.parse import quote

import psycopg

from portal.postgres_binaries import Binaries, can_reach, copy_for_everyone, find_binaries
from portal.postgres_home import Home, find_home, make_folder, shared_binaries_dir, write_private
from portal.postgres_roles import (
    ROLES,
    SUPERUSER,
    create_database,
    create_missing_roles,
    database_exists,
    drop_database,
    furnish_database,
    login_name,
)
from portal.processes import FolderLock, command_of, die_with_parent, wait_until

DATABASE = "portal"
PORT = "5432"  # only names the socket file; nothing listens on TCP
START_TIMEOUT_S = 60.0  # replaying the log after a power cut takes longer than an ordinary start
STOP_TIMEOUT_S = 3.0

# For servers that are thrown away: what a power cut would cost there is worth nothing.
FAST_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedPostgresFailed(Exception):
    """A PostgreSQL program ended with an error; `output` has its last lines."""

    def __init__(self, what: str, output: str) -> None:
        self.what = what
        self.output = output
        super().__init__(f"{what}\n{output.strip()}")


class EmbeddedPostgres:
    """One server: `prepare`, `init`, `start`, `provision`, then `dsn(role)`; `stop` at the end. Or a `with` block."""

    def __init__(
        self, data_dir: Path, *, log_path: Path | None = None, durable: bool = True, binaries: Binaries | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._log_path = log_path
        self._durable = durable
        self._binaries = binaries
        self._home: Home | None = None
        self._lock = FolderLock(self.data_dir / "postgres.lock")
        self._process: subprocess.Popen[bytes] | None = None
        self._passwords: dict[str, str] = {}

    @property
    def home(self) -> Home:
        """Where the database lives and as whom it runs (after `prepare`)."""
        assert self._home is not None, "prepare() comes first"
        return self._home

    @property
    def binaries(self) -> Binaries:
        assert self._binaries is not None, "prepare() comes first"
        return self._binaries

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def has_own_folder(self) -> bool:
        """Whether the database could not live inside the data directory."""
        return self.home.path != self.data_dir / "postgres"

    # Life cycle

    def prepare(self) -> None:
        """Take the lock, choose folders and user, find programs that user may run.

        Raises AlreadyLocked, HomeUnusable or PostgresNotFound.
        """
        if not self.data_dir.exists():
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            make_folder(self.data_dir, 0o700)
        self._lock.acquire()
        try:
            self._home = find_home(self.data_dir)
            found = self._binaries or find_binaries()
            account = self._home.account
            if found.root and not can_reach(found.bin_dir / "postgres", account.uid, account.gid):
                found = copy_for_everyone(found, shared_binaries_dir(self._home))
            self._binaries = found
            self._log_path = self._log_path or self._home.path / "postgres.log"
        except BaseException:
            self._lock.release()
            raise

    def init(self) -> bool:
        """Make the cluster unless it is there; True when it was made. One cut off half way is made anew."""
        home = self.home
        if home.cluster.exists():
            self._check_version()
            self._passwords = json.loads(home.passwords.read_text())
            return False
        self._passwords = {role: secrets.token_urlsafe(24) for role in (*ROLES, SUPERUSER)}
        write_private(home.passwords, json.dumps(self._passwords))  # first: a cluster without passwords is lost
        _remove_tree(home.half_made_cluster)
        make_folder(home.half_made_cluster, 0o700, home.account)
        self._run_initdb(home.half_made_cluster)
        home.half_made_cluster.rename(home.cluster)
        _sync_folder(home.path)
        return True

    def start(self) -> None:
        """Start the server and wait until it answers. Raises EmbeddedPostgresFailed with the end of its log."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            self._end_leftover_server()
            self._process = self._spawn()
            if self._answers_before(deadline):
                return
            tail = self._log_tail()
            # Children of a killed server hold its shared memory for a moment longer.
            if "shared memory block" not in tail or time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(f"PostgreSQL did not start in {self.home.cluster}:", tail)
            time.sleep(0.2)

    def stop(self) -> None:
        """End the server (open sessions are cut) and give the lock back. Safe to call at any point, and twice."""
        process = self._process
        if process is not None:
            # SIGTERM would wait for every client to leave.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                if process.poll() is None:
                    process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_TIMEOUT_S)
                    break
            self._process = None
        self._lock.release()

    def remove(self) -> None:
        """Delete the database's files (temporary servers; after `stop`)."""
        _remove_tree(self.home.path)
        _remove_tree(self.home.socket_dir)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.prepare()
            self.init()
            self.start()
            self.provision()
            undo.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # Databases and roles

    def provision(self, database: str = DATABASE) -> None:
        """Make the four roles and a database with btree_gist. Idempotent; also for further databases of tests."""
        with self._connect("postgres") as connection:
            create_missing_roles(connection, self._passwords)
            exists = database_exists(connection, database)
        if not exists:
            with self._connect("template1") as connection:  # so that databases made later by others have it too
                connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
            with self._connect("postgres") as connection:
                create_database(connection, database)
        with self._connect(database) as connection:
            furnish_database(connection, database)

    def clone_database(self, template: str, database: str) -> None:
        """Copy a whole database with its contents; nobody may be connected to the template."""
        with self._connect("postgres") as connection:
            create_database(connection, database, template)
        with self._connect(database) as connection:
            furnish_database(connection, database)

    def drop_database(self, database: str) -> None:
        """Remove a database, cutting the sessions in it."""
        with self._connect("postgres") as connection:
            drop_database(connection, database)

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """The URL for web, worker, dispatch or owner; `superuser` for provisioning and tests only."""
        login = f"{login_name(role)}:{quote(self._passwords[role], safe='')}"
        host = quote(os.fspath(self.home.socket_dir), safe="")
        return f"postgresql://{login}@/{quote(database, safe='')}?host={host}"

    def urls(self, database: str = DATABASE) -> dict[str, str]:
        """The URLs of the four roles."""
        return {role: self.dsn(role, database) for role in ROLES}

    def write_urls(self) -> Path:
        """Write database_urls.json (0600) into the data directory; returns its path."""
        path = self.data_dir / "database_urls.json"
        text = json.dumps(self.urls(), indent=2) + "\n"
        if not path.exists() or path.read_text() != text:
            write_private(path, text)
        return path

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=os.fspath(self.home.socket_dir),
            port=PORT,
            user=login_name(SUPERUSER),
            password=self._passwords[SUPERUSER],
            dbname=database,
            autocommit=True,
            options="-c timezone=UTC",
        )

    # Processes

    def _run_initdb(self, cluster: Path) -> None:
        reader, writer = os.pipe()
        try:
            os.write(writer, self._passwords[SUPERUSER].encode() + b"\n")
            os.close(writer)
            if not self.home.account.is_ours:
                os.fchown(reader, self.home.account.uid, self.home.account.gid)  # initdb opens /dev/fd/N anew
            locale = ["--locale=C.UTF-8"]
            if self.binaries.major >= 17:  # the release that brought the builtin provider
                locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            command = [os.fspath(self.binaries.bin_dir / "initdb"), "-D", os.fspath(cluster), "-U", "postgres"]
            command += ["-A", "scram-sha-256", f"--pwfile=/dev/fd/{reader}", "-E", "UTF8", *locale]
            command += ["--no-instructions"] if self._durable else ["--no-instructions", "--no-sync"]
            done = subprocess.run(
                command,
                pass_fds=[reader],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=_clean_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us; a half-made cluster is made anew in any case
                preexec_fn=die_with_parent(signal.SIGKILL),
                **self._as_account(),
            )
        finally:
            os.close(reader)
        if done.returncode != 0:
            raise EmbeddedPostgresFailed("PostgreSQL could not make its data folder:", done.stdout)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = ["listen_addresses=", f"port={PORT}", f"unix_socket_directories={_escaped(self.home.socket_dir)}"]
        settings += ["unix_socket_permissions=0700", "password_encryption=scram-sha-256", "logging_collector=off"]
        settings += ["log_destination=stderr", "log_line_prefix=%m [%p] %u ", "log_timezone=UTC", "timezone=UTC"]
        settings += [] if self._durable else FAST_SETTINGS
        options = [part for setting in settings for part in ("-c", setting)]
        with self._open_log() as log:
            return subprocess.Popen(
                [self.binaries.bin_dir / "postgres", "-D", self.home.cluster, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_clean_environment(),
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **self._as_account(),
            )

    def _as_account(self) -> dict[str, Any]:
        account = self.home.account
        if account.is_ours:
            return {}
        return {"user": account.uid, "group": account.gid, "extra_groups": []}

    def _answers_before(self, deadline: float) -> bool:
        assert self._process is not None
        process = self._process

        def settled() -> bool:
            return process.poll() is not None or self._answers()

        return wait_until(settled, max(0.0, deadline - time.monotonic())) and process.poll() is None

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise
            return False
        return True

    def _end_leftover_server(self) -> None:
        """Deal with postmaster.pid of an earlier run: end a server nobody holds any more, forget one that is gone.

        PostgreSQL itself refuses to start when the pid was given to another process of the same user since. We hold
        the folder's lock, so a server that still runs has lost the process that started it.
        """
        file = self.home.cluster / "postmaster.pid"
        if not sys.platform.startswith("linux") or not file.exists():
            return
        first = file.read_text().partition("\n")[0].strip()
        pid = int(first) if first.isdigit() else 0
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if not self._is_our_server(pid):
                break
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            wait_until(lambda: not self._is_our_server(pid), STOP_TIMEOUT_S)
        file.unlink(missing_ok=True)

    def _is_our_server(self, pid: int) -> bool:
        command = command_of(pid) if pid else []
        return bool(command) and Path(command[0]).name == "postgres" and os.fspath(self.home.cluster) in command

    def _open_log(self) -> IO[bytes]:
        assert self._log_path is not None
        descriptor = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "ab")

    def _log_tail(self, size_bytes: int = 1500) -> str:
        assert self._log_path is not None
        return self._log_path.read_bytes()[-size_bytes:].decode("utf-8", "replace")

    def _check_version(self) -> None:
        made_by = (self.home.cluster / "PG_VERSION").read_text().strip()
        if made_by != str(self.binaries.major):
            raise EmbeddedPostgresFailed(
                f"{self.home.cluster} was made by PostgreSQL {made_by}, but the programs here are "
                f"{self.binaries.major}.",
                "Run `make setup`, or move the database over with pg_dump and pg_restore.",
            )


@contextmanager
def temporary_postgres() -> Iterator[EmbeddedPostgres]:
    """A provisioned server in a new temporary folder; stopped and deleted at the end."""
    folder = Path(mkdtemp(prefix="hitl-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)  # new and ours: the unprivileged user may pass through it
    try:
        with EmbeddedPostgres(folder, durable=False) as server:
            try:
                yield server
            finally:
                server.stop()
                server.remove()
    finally:
        _remove_tree(folder)


def _clean_environment() -> dict[str, str]:
    """The child's environment: nothing of ours (no PG* variable, no secret)."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _escaped(path: Path) -> str:
    """A folder as unix_socket_directories reads it: a quoted item of a list."""
    return '"' + os.fspath(path).replace('"', '""') + '"'


def _remove_tree(path: Path) -> None:
    """Remove a folder of our own making; tries again while a dying process still writes into it."""
    for _attempt in range(20):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            if not path.exists():
                return
        except OSError:
            time.sleep(0.1)
        else:
            return
    shutil.rmtree(path)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
