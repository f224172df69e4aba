"""Bring the whole portal up in the foreground and take it down again. No Django: database work runs in a child.

`manage.py up` is the entry point; docs/operating.md says what an operator sees.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from portal.embedded import EmbeddedPostgres
from portal.environment import ROLES, URL_VARIABLES
from portal.postgres_home import make_folder, write_private
from portal.processes import FolderLock, die_with_parent
from portal.supervisor import SUPERVISED, Service, Supervisor, end_orphans, rotate

PROJECT = Path(__file__).resolve().parent.parent
WEB_WORKERS = 2
WEB_CONNECTIONS = 6000  # per worker, open event streams among them (portal/live/hub.py allows 5,000)
READY_WITHIN_S = 30.0
TICK_S = 0.1


class PortBusy(Exception):
    """Something else listens where the portal should."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"Port {port} on {host} is in use by another program. "
            f"Choose another one with --port (or `make run PORT={port + 1}`), or stop that program."
        )


class HostUnusable(Exception):
    """The address to serve on is not one of this machine, or the port is not ours to take."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"Cannot listen on {host} port {port} (--host, --port): {reason}.")


class PreparationFailed(Exception):
    """Migrations, demo data or the clock could not be set; the child has said why (exit code 2: the options)."""

    def __init__(self, exit_code: int, log_path: Path) -> None:
        self.exit_code = exit_code
        self.log_path = log_path
        said = log_path.read_text(errors="replace")[-2000:].strip()
        words = said.removeprefix("CommandError: ")
        super().__init__(words if exit_code == 2 else f"The database could not be prepared ({log_path}):\n{said}")


@dataclass(frozen=True)
class UpOptions:
    """What the operator asked for; `prepare_options` are passed on to `manage.py prepare`."""

    host: str
    port: int
    data_dir: Path
    prepare_options: tuple[str, ...] = ()

    @property
    def bind_host(self) -> str:
        """`localhost` is a name for people and passkeys; one address serves it."""
        return "127.0.0.1" if self.host == "localhost" else self.host

    @property
    def url(self) -> str:
        shown = "localhost" if self.host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else self.host  # noqa: S104
        return f"http://{shown}:{self.port}"


class Portal:
    """One run of the portal: `run()` returns when it was told to stop, everything ended."""

    def __init__(self, options: UpOptions, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.data_dir = options.data_dir.absolute()
        self.log_dir = self.data_dir / "logs"
        self.stop_asked = False
        self._supervisor = Supervisor(self.log_dir, say)
        self._server: EmbeddedPostgres | None = None

    def run(self) -> None:
        """Start everything, serve until SIGTERM, SIGINT or SIGHUP, stop everything (PostgreSQL last)."""
        check_port_free(self.options)
        with ExitStack() as at_end:
            at_end.enter_context(_signals_caught(self._ask_to_stop))
            self._open_data_dir(at_end)
            urls = self._open_database(at_end)
            if self.stop_asked:
                return
            at_end.callback(self._supervisor.stop)
            if self._prepare_database(urls):
                check_port_free(self.options)  # somebody may have come in between
                self._serve(urls)
            self.say("Stopping ...")

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_asked = True  # a second signal changes nothing: make passes on what the group already got

    # Steps

    def _open_data_dir(self, at_end: ExitStack) -> None:
        if not self.data_dir.exists():
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            make_folder(self.data_dir, 0o700)
        elif self.data_dir.stat().st_mode & 0o077:
            self.say(f"Note: {self.data_dir} is open to other users of this machine (its secret files are not).")
        lock = FolderLock(self.data_dir / "up.lock")
        lock.acquire()
        at_end.callback(lock.release)
        make_folder(self.log_dir, 0o700)
        if count := end_orphans(self.data_dir):
            self.say(f"Ended {count} processes an earlier run had left behind.")

    def _open_database(self, at_end: ExitStack) -> dict[str, str]:
        """URL by role: of the embedded server, started here, unless the environment names another."""
        outside = {role: os.environ[name] for role, name in URL_VARIABLES.items() if os.environ.get(name)}
        if outside:
            # The settings have refused a set of URLs without DATABASE_URL, which stands in for those not given.
            urls = {role: outside.get(role, outside["web"]) for role in ROLES}
            write_private(self.data_dir / "database_urls.json", json.dumps(urls, indent=2) + "\n")
            return urls
        rotate(self.log_dir / "postgres.log")
        server = EmbeddedPostgres(self.data_dir, log_path=self.log_dir / "postgres.log")
        at_end.callback(server.stop)
        server.prepare()
        if server.has_own_folder:
            self.say(
                f"The database is in {server.home.path}: PostgreSQL runs as {server.home.account.name}, "
                f"who cannot enter {self.data_dir}."
            )
        if server.init():
            self.say("Made a new database.")
        server.start()
        server.provision()
        server.write_urls()
        self._server = server
        return server.urls()

    def _keep_database(self) -> None:
        if self._server is not None and self._server.pid is None:
            self.say("PostgreSQL has ended by itself; starting it again.")
            self._server.start()

    def _prepare_database(self, urls: Mapping[str, str]) -> bool:
        """Migrations, rights, demo data and clock, as owner in a child; False when told to stop meanwhile."""
        log_path = self.log_dir / "prepare.log"
        with log_path.open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "manage.py", "prepare", *self.options.prepare_options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment("owner", urls, all_urls=True),
                cwd=PROJECT,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        while child.poll() is None:
            if self.stop_asked:
                child.terminate()
                child.wait()
                return False
            time.sleep(TICK_S / 2)
        if child.returncode != 0:
            raise PreparationFailed(child.returncode, log_path)
        return True

    def _serve(self, urls: Mapping[str, str]) -> None:
        for name, command in self._commands().items():
            self._supervisor.start(Service(name, command, self._environment(name, urls), PROJECT))
        readiness = _Readiness(self)
        while not self.stop_asked:
            self._keep_database()
            self._supervisor.watch()
            readiness.look()
            time.sleep(TICK_S)

    def _commands(self) -> dict[str, list[str]]:
        options = self.options
        web = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", options.bind_host]
        web += ["--port", str(options.port), "--workers", str(WEB_WORKERS), "--backpressure", str(WEB_CONNECTIONS)]
        web += ["--no-ws", "--workers-kill-timeout", "3", "--respawn-failed-workers", "portal.asgi:application"]
        return {
            "web": web,
            "worker": [sys.executable, "manage.py", "worker"],
            "dispatch": [sys.executable, "manage.py", "dispatch"],
        }

    def _environment(self, role: str, urls: Mapping[str, str], *, all_urls: bool = False) -> dict[str, str]:
        """The environment of one process: its own role's database URL and no other."""
        dropped = set(URL_VARIABLES.values())
        if not os.environ.get("DATABASE_URL"):  # PGPORT and the like would bend the way to the embedded server
            dropped |= {name for name in os.environ if name.startswith("PG")}
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        environment |= {URL_VARIABLES[r]: url for r, url in urls.items() if all_urls or r == role}
        environment |= {
            "PORTAL_ROLE": role,
            "PORTAL_DATA_DIR": str(self.data_dir),
            "PORTAL_SECRET_KEY": _secret_key(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PYTHONUNBUFFERED": "1",
            SUPERVISED: str(self.data_dir),
        }
        if self.options.host not in {"localhost", "127.0.0.1"}:
            environment.setdefault("PORTAL_ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{self.options.host}")
        return environment


class _Readiness:
    """Asks /readyz until it says yes, once says what is missing, then leaves it alone."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._started_s = time.monotonic()
        self._next_look_s = 0.0
        self._settled = False
        self._complained = False

    def look(self) -> None:
        now_s = time.monotonic()
        if self._settled or now_s < self._next_look_s:
            return
        self._next_look_s = now_s + (1.0 if self._complained else 0.2)
        state = read_readiness(self._portal.options)
        if state.get("ready"):
            self._settled = True
            self._announce(str(state.get("mode", "")))
        elif now_s - self._started_s > READY_WITHIN_S and not self._complained:
            self._complained = True
            self._complain(state)

    def _announce(self, mode: str) -> None:
        portal = self._portal
        portal.say(f"Ready after {time.monotonic() - self._started_s:.1f} s. Mode: {mode}.")
        portal.say(f"  {portal.options.url}")
        if (portal.data_dir / "credentials.json").exists():
            portal.say(f"  Demo users and their passwords: {portal.data_dir / 'credentials.json'}")
        portal.say(f"  Logs: {portal.log_dir}   Stop: Ctrl-C")

    def _complain(self, state: Mapping[str, Any]) -> None:
        portal = self._portal
        portal.say(f"Not ready after {READY_WITHIN_S:.0f} s; still trying.")
        checks = state.get("checks") or {"web": {"ok": False, "detail": state.get("detail", "no answer")}}
        for name, check in checks.items():
            if not check.get("ok"):
                log = portal.log_dir / f"{name}.log"
                hint = f" (see {log})" if log.exists() else ""
                portal.say(f"  {name}: {check.get('detail', 'failed')}{hint}")


def read_readiness(options: UpOptions) -> dict[str, Any]:
    """What /readyz answers; `{"detail": ...}` when nobody or nothing sensible answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(options.bind_host, options.bind_host)  # noqa: S104
    request = urllib.request.Request(f"http://{host}:{options.port}/readyz", headers={"Host": "localhost"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=2) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    except OSError as error:
        return {"detail": str(error)}
    try:
        state = json.loads(body)
    except ValueError:
        return {"detail": "the answer is not JSON"}
    return state if isinstance(state, dict) else {"detail": "the answer is not an object"}


def check_port_free(options: UpOptions) -> None:
    """Raise PortBusy or HostUnusable. `localhost` must be free on both its addresses: browsers try either."""
    _try_to_listen(options.bind_host, options.port)
    if options.host == "localhost" and socket.has_ipv6:
        try:
            _try_to_listen("::1", options.port)
        except HostUnusable:
            return  # no IPv6 on this machine


def _try_to_listen(host: str, port: int) -> None:
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is no busy port
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(host, port) from error
        raise HostUnusable(host, port, error.strerror or str(error)) from error


def _secret_key(data_dir: Path) -> str:
    """Django's signing key, made once per data directory."""
    path = data_dir / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(50) + "\n")
    return path.read_text().strip()


class _signals_caught:  # noqa: N801 - reads as a statement: with _signals_caught(handler)
    """Hand SIGTERM, SIGINT and SIGHUP to a handler while the block runs."""

    def __init__(self, handler: Callable[[int, FrameType | None], None]) -> None:
        self._handler = handler
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._handler)

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
