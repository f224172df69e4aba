"""The embedded PostgreSQL: made, started, killed, half made, locked, out of reach, and nothing loosened."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal import postgres_home
from portal.embedded import EmbeddedPostgres, EmbeddedPostgresFailed, temporary_postgres
from portal.postgres_binaries import Binaries, can_reach, copy_for_everyone, find_binaries, machine_binaries
from portal.postgres_home import HomeUnusable, choose_account, find_socket_dir
from portal.processes import AlreadyLocked, command_of, start_time_of, wait_until

PROJECT = Path(__file__).resolve().parent.parent.parent
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="needs root")

HOLDER = """
import sys, time
from pathlib import Path
from portal.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short temporary folder the server's user may pass through."""
    path = Path(tempfile.mkdtemp(prefix="hitl-"))
    if AS_ROOT:
        path.chmod(0o711)
    yield path
    subprocess.run(["rm", "-rf", path], check=True)


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that is not started yet; stopped at the end whatever the test did."""
    embedded = EmbeddedPostgres(folder, durable=False)
    yield embedded
    embedded.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedPostgres]:
    """One running server for the tests that only look."""
    with temporary_postgres() as embedded:
        yield embedded


def ask(server: EmbeddedPostgres, role: str, query: str, database: str = "portal") -> object:
    with psycopg.connect(server.dsn(role, database)) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class TestFirstStart:
    def test_serves_four_roles_and_no_tcp(self, running: EmbeddedPostgres) -> None:
        for role in ("web", "worker", "dispatch", "owner"):
            assert ask(running, role, "SELECT current_user") == f"portal_{role}"
        assert ask(running, "superuser", "SHOW listen_addresses") == ""
        assert ask(running, "superuser", "SHOW data_checksums") == "on"
        assert ask(running, "superuser", "SHOW server_encoding") == "UTF8"

    def test_refuses_wrong_passwords_and_trusts_nobody(self, running: EmbeddedPostgres) -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=str(running.home.socket_dir), user="postgres", password="guess", dbname="portal")
        rules = (running.home.cluster / "pg_hba.conf").read_text().splitlines()
        methods = {line.split()[-1] for line in rules if line.strip() and not line.startswith("#")}
        assert methods == {"scram-sha-256"}

    def test_roles_own_and_may_nothing_beyond_their_part(self, running: EmbeddedPostgres) -> None:
        with psycopg.connect(running.dsn("owner")) as owner:
            owner.execute("CREATE TABLE thing (id int)")
        for role in ("web", "worker", "dispatch"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ask(running, role, "SELECT 1 FROM thing")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ask(running, role, "CREATE TABLE other (id int)")
        privileged = ask(
            running,
            "superuser",
            "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'portal_%' "
            "AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)",
        )
        assert privileged == 0

    def test_files_are_private(self, running: EmbeddedPostgres) -> None:
        home = running.home
        assert mode_of(home.cluster) == 0o700
        assert mode_of(home.socket_dir) == 0o700
        assert mode_of(home.passwords) == 0o600
        assert mode_of(running.write_urls()) == 0o600
        assert set(json.loads(running.write_urls().read_text())) == {"web", "worker", "dispatch", "owner"}
        assert mode_of(home.socket_dir / ".s.PGSQL.5432") == 0o700

    def test_passwords_stand_in_no_log_and_no_database_file(self, running: EmbeddedPostgres) -> None:
        passwords = [password.encode() for password in json.loads(running.home.passwords.read_text()).values()]
        files = [path for path in running.home.path.rglob("*") if path.is_file() and path != running.home.passwords]
        assert running.home.path / "postgres.log" in files
        assert not [path for path in files if any(password in path.read_bytes() for password in passwords)]

    def test_database_has_btree_gist_as_have_later_ones(self, running: EmbeddedPostgres) -> None:
        query = "SELECT extname FROM pg_extension WHERE extname = 'btree_gist'"
        running.provision("another")
        running.provision("another")
        assert ask(running, "web", query) == "btree_gist"
        assert ask(running, "web", query, "another") == "btree_gist"
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'another'"
        assert ask(running, "owner", owner) == "portal_owner"

    @only_root
    def test_root_does_not_run_it_as_root(self, running: EmbeddedPostgres) -> None:
        assert running.pid
        assert Path(f"/proc/{running.pid}").stat().st_uid == running.home.account.uid != 0


class TestRestart:
    def test_keeps_rows_and_passwords(self, server: EmbeddedPostgres, folder: Path) -> None:
        with server, psycopg.connect(server.dsn("owner")) as owner:
            owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        before = json.loads(server.home.passwords.read_text())
        again = EmbeddedPostgres(folder, durable=False)
        with again:
            assert ask(again, "owner", "SELECT answer FROM kept") == 42
        assert json.loads(again.home.passwords.read_text()) == before

    def test_stop_cuts_open_sessions_and_is_quick(self, server: EmbeddedPostgres) -> None:
        server.__enter__()
        session = psycopg.connect(server.dsn("web"))
        session.execute("SELECT 1")
        pid, began = server.pid, time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3
        assert pid is not None
        assert start_time_of(pid) is None
        session.close()

    def test_recovers_after_kill_of_the_server(self, server: EmbeddedPostgres) -> None:
        with server:
            with psycopg.connect(server.dsn("owner")) as owner:
                owner.execute("CREATE TABLE kept AS SELECT 7 AS answer")
            with psycopg.connect(server.dsn("superuser"), autocommit=True) as connection:
                connection.execute("CHECKPOINT")  # this server does not write through: it is one for tests
            assert server.pid
            os.kill(server.pid, signal.SIGKILL)
            assert wait_until(lambda: server.pid is None, 5)
            server.start()
            assert ask(server, "owner", "SELECT answer FROM kept") == 7

    def test_server_dies_with_a_killed_holder_and_the_next_start_works(self, folder: Path) -> None:
        holder, pid = start_holder(folder)
        holder.kill()
        holder.wait()
        assert wait_until(lambda: start_time_of(pid) is None, 5)
        with EmbeddedPostgres(folder, durable=False) as again:
            assert ask(again, "web", "SELECT 1") == 1

    def test_does_not_wait_for_a_killed_holder_s_server_to_be_gone(self, folder: Path) -> None:
        holder, _pid = start_holder(folder)
        holder.kill()
        holder.wait()
        with EmbeddedPostgres(folder, durable=False) as again:
            assert ask(again, "web", "SELECT 1") == 1


def start_holder(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that holds a server in `folder`, and the server's pid."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert holder.stdout
    with holder.stdout:
        return holder, int(holder.stdout.readline())


class TestRepairs:
    def test_cut_off_initdb_is_made_anew(self, server: EmbeddedPostgres) -> None:
        server.prepare()
        half = server.home.half_made_cluster
        half.mkdir()
        (half / "PG_VERSION").write_text("18\n")
        (half / "base").mkdir()
        assert server.init()
        server.start()
        server.provision()
        assert ask(server, "web", "SELECT 1") == 1
        assert not half.exists()

    def test_failed_initdb_leaves_no_cluster(self, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
        server.prepare()
        with monkeypatch.context() as patched:
            patched.setattr(type(server.home), "half_made_cluster", property(lambda home: home.path / "no" / "where"))
            with pytest.raises(FileNotFoundError):
                server.init()
        assert not server.home.cluster.exists()
        assert server.init()

    @pytest.mark.parametrize("left_by", ["a pid that is gone", "a pid used again", "no pid at all"])
    def test_stale_postmaster_pid_is_forgotten(self, server: EmbeddedPostgres, left_by: str) -> None:
        with server:
            file = server.home.cluster / "postmaster.pid"
            lines = file.read_text().splitlines(keepends=True)
        gone = subprocess.Popen(["true"])
        gone.wait()
        other = subprocess.Popen(["sleep", "60"], **as_account(server))
        try:
            first = {"a pid that is gone": f"{gone.pid}\n", "a pid used again": f"{other.pid}\n"}.get(left_by, "")
            file.write_text("".join([first, *lines[1:]]) if first else "")
            os.chown(file, server.home.account.uid, server.home.account.gid)
            with server:
                assert ask(server, "web", "SELECT 1") == 1
            assert other.poll() is None  # the stranger was left alone
        finally:
            other.kill()
            other.wait()

    def test_zombie_counts_as_gone(self) -> None:
        child = subprocess.Popen(["true"])
        assert wait_until(lambda: start_time_of(child.pid) is None, 5)  # not reaped yet
        assert command_of(child.pid) == []
        child.wait()


def as_account(server: EmbeddedPostgres) -> dict[str, int]:
    account = server.home.account
    return {} if account.is_ours else {"user": account.uid, "group": account.gid}


class TestTwoStarts:
    def test_second_is_refused_by_name_and_pid(self, server: EmbeddedPostgres, folder: Path) -> None:
        with server:
            second = EmbeddedPostgres(folder, durable=False)
            with pytest.raises(AlreadyLocked) as caught:
                second.prepare()
            assert str(folder) in str(caught.value)
            assert caught.value.holder == os.getpid()
            assert ask(server, "web", "SELECT 1") == 1

    def test_two_folders_at_once(self) -> None:
        with temporary_postgres() as one, temporary_postgres() as two:
            assert one.home.socket_dir != two.home.socket_dir
            assert ask(one, "web", "SELECT 1") == ask(two, "web", "SELECT 1") == 1

    def test_temporary_server_leaves_nothing(self) -> None:
        with temporary_postgres() as server:
            folder, pid = server.data_dir, server.pid
        assert pid is not None
        assert start_time_of(pid) is None
        assert not folder.exists()


class TestPlaces:
    def test_long_path_gets_a_short_private_socket_folder(self, folder: Path) -> None:
        data_dir = folder / ("deep-" * 12) / ("deeper-" * 8)
        data_dir.mkdir(parents=True)
        with EmbeddedPostgres(data_dir, durable=False) as server:
            socket_dir = server.home.socket_dir
            assert len(os.fsencode(socket_dir / ".s.PGSQL.5432")) < 100
            assert not socket_dir.is_relative_to(folder)
            assert mode_of(socket_dir) == 0o700
            assert socket_dir.lstat().st_uid == server.home.account.uid
            assert ask(server, "web", "SELECT 1") == 1
        with EmbeddedPostgres(data_dir, durable=False) as server:
            assert server.home.socket_dir == socket_dir
        server.remove()

    @pytest.mark.parametrize("trap", ["symbolic link", "open to other users"])
    def test_prepared_socket_folder_is_not_used(self, folder: Path, trap: str, monkeypatch: pytest.MonkeyPatch) -> None:
        runtime, spare = folder / "runtime", folder / "spare"
        for path in (runtime, spare):
            path.mkdir()
            path.chmod(0o711)
        monkeypatch.setattr(postgres_home, "_runtime_dirs", lambda: [runtime, spare])
        home = folder / ("long-" * 20)
        account = choose_account(home / "data")
        taken = runtime / find_socket_dir(home, account).name
        taken.rmdir()
        if trap == "symbolic link":
            taken.symlink_to(spare)
        else:
            taken.mkdir()
            os.chown(taken, account.uid, account.gid)
            taken.chmod(0o777)
        assert find_socket_dir(home, account).parent == spare
        monkeypatch.setattr(postgres_home, "_runtime_dirs", lambda: [runtime])
        with pytest.raises(HomeUnusable, match=trap):
            find_socket_dir(home, account)

    def test_existing_folders_keep_their_permissions(self, folder: Path) -> None:
        parent, data_dir = folder / "parent", folder / "parent" / "data"
        data_dir.mkdir(parents=True)
        before = {parent: 0o750, data_dir: 0o711}
        for path, mode in before.items():
            path.chmod(mode)
        server = EmbeddedPostgres(data_dir, durable=False)
        with server:
            assert ask(server, "web", "SELECT 1") == 1
        assert {path: mode_of(path) for path in before} == before
        server.remove()

    @only_root
    def test_shut_out_user_gets_a_folder_of_its_own(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        state = folder / "state"
        monkeypatch.setattr(postgres_home, "STATE_DIR", state)
        private = folder / "private"
        private.mkdir(mode=0o700)
        data_dir = private / "data"
        server = EmbeddedPostgres(data_dir, durable=False)
        with server, psycopg.connect(server.dsn("owner")) as owner:
            owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            assert server.has_own_folder
            assert server.home.path.parent == state
        assert mode_of(private) == mode_of(data_dir) == 0o700
        again = EmbeddedPostgres(data_dir, durable=False)
        with again:
            assert again.home.path == server.home.path
            assert ask(again, "owner", "SELECT answer FROM kept") == 42
        again.remove()
        with pytest.raises(HomeUnusable, match="postgres_home"):
            EmbeddedPostgres(data_dir, durable=False).prepare()

    @only_root
    def test_programs_the_user_cannot_reach_are_copied_once(self, folder: Path) -> None:
        wheel = find_binaries()
        assert wheel.root
        shut = folder / "shut"
        shut.mkdir(mode=0o700)
        hidden = copy_for_everyone(wheel, shut)
        copies = folder / "copies"
        copies.mkdir(mode=0o755)
        account = choose_account(folder / "none")
        assert not can_reach(hidden.bin_dir / "postgres", account.uid, account.gid)
        copy = copy_for_everyone(hidden, copies)
        assert copy_for_everyone(hidden, copies) == copy
        assert can_reach(copy.bin_dir / "postgres", account.uid, account.gid)
        with EmbeddedPostgres(folder, durable=False, binaries=copy) as server:
            assert ask(server, "web", "SELECT 1") == 1
        assert [path.name for path in copies.iterdir()] == [copy.root.name if copy.root else ""]


class TestPrograms:
    def test_the_machine_s_own_serve_as_fallback(self, folder: Path) -> None:
        own = machine_binaries()
        if not own:
            pytest.skip("no PostgreSQL >= 15 of the machine's own")
        with EmbeddedPostgres(folder, durable=False, binaries=own[0]) as server:
            assert ask(server, "web", "SELECT current_setting('server_version_num')::int / 10000") == own[0].major
            assert ask(server, "web", "SELECT upper('ä')") == "Ä"

    def test_another_major_version_is_refused(self, server: EmbeddedPostgres, folder: Path) -> None:
        with server:
            made_by = server.binaries
        other = EmbeddedPostgres(folder, durable=False, binaries=Binaries(made_by.bin_dir, 17, made_by.root))
        with pytest.raises(EmbeddedPostgresFailed, match="was made by PostgreSQL 18"):
            other.__enter__()
        with server:
            assert ask(server, "web", "SELECT 1") == 1
