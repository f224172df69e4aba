"""What a process is told at its start, and what it says when that makes no sense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.environment import (
    INSECURE_KEY,
    EnvironmentInvalid,
    parse_database_url,
    read_environment,
    require_secret_key,
)

ROOT = Path(__file__).resolve().parents[2]
URL = "postgresql://portal_web:p%40ss@db.example:5433/portal"


class TestParseDatabaseUrl:
    def test_reads_host_port_and_escaped_password(self) -> None:
        entry = parse_database_url(URL)
        assert (entry["USER"], entry["PASSWORD"], entry["HOST"], entry["PORT"], entry["NAME"]) == (
            "portal_web",
            "p@ss",
            "db.example",
            "5433",
            "portal",
        )

    def test_reads_a_socket_folder(self) -> None:
        assert parse_database_url("postgresql://u:p@/portal?host=%2Frun%2Fpg")["HOST"] == "/run/pg"

    @pytest.mark.parametrize("url", ["mysql://u@h/n", "postgresql://u@h", "nonsense"])
    def test_refuses_what_is_no_postgresql_database(self, url: str) -> None:
        with pytest.raises(ValueError, match="postgresql://"):
            parse_database_url(url)


class TestReadEnvironment:
    def test_reports_every_problem_at_once(self, tmp_path: Path) -> None:
        environ = {
            "PORTAL_ROLE": "boss",
            "PORTAL_SIMULATION_SEED": "x",
            "DATABASE_URL": "mysql://h/n",
            "PORTAL_DATA_DIR": str(tmp_path),
        }
        with pytest.raises(EnvironmentInvalid) as refused:
            read_environment(environ)
        said = str(refused.value)
        assert all(name in said for name in ("PORTAL_ROLE", "PORTAL_SIMULATION_SEED", "DATABASE_URL"))

    def test_with_one_url_every_role_uses_it(self, tmp_path: Path) -> None:
        found = read_environment({"DATABASE_URL": URL, "PORTAL_DATA_DIR": str(tmp_path)})
        assert set(found.database_users.values()) == {"portal_web"}

    def test_falls_back_to_the_data_directory(self, tmp_path: Path) -> None:
        (tmp_path / "secret_key").write_text("kept here\n")
        (tmp_path / "database_urls.json").write_text(json.dumps({"web": URL}))
        found = read_environment({"PORTAL_DATA_DIR": str(tmp_path)})
        assert (found.secret_key, found.database["HOST"]) == ("kept here", "db.example")

    def test_ends_statements_of_pages_that_hang_and_of_nobody_else(self, tmp_path: Path) -> None:
        environ = {"DATABASE_URL": URL + "?options=-c%20lock_timeout%3D5s", "PORTAL_DATA_DIR": str(tmp_path)}
        web = read_environment(environ).database
        worker = read_environment(environ | {"PORTAL_ROLE": "worker"}).database
        assert web["OPTIONS"] == {"options": "-c lock_timeout=5s -c statement_timeout=15s"}
        assert worker["OPTIONS"] == {"options": "-c lock_timeout=5s"}


class TestRequireSecretKey:
    def test_refuses_the_key_anybody_can_read(self) -> None:
        with pytest.raises(EnvironmentInvalid, match="PORTAL_SECRET_KEY"):
            require_secret_key(INSECURE_KEY)

    def test_nothing_serves_without_a_key_of_its_own(self, tmp_path: Path) -> None:
        environ = {k: v for k, v in os.environ.items() if k != "PORTAL_SECRET_KEY"} | {"PORTAL_DATA_DIR": str(tmp_path)}
        run = subprocess.run(
            [sys.executable, "-c", "import portal.wsgi"],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert run.returncode != 0
        assert "PORTAL_SECRET_KEY is not set" in run.stderr


def test_less_than_three_years_of_the_record_only_for_demonstrations() -> None:
    assert read_environment({}).record.retention_days == 2557
    assert read_environment({"PORTAL_RETENTION_DAYS": "1096"}).record.retention_days == 1096
    with pytest.raises(EnvironmentInvalid, match="below 1096 needs PORTAL_RETENTION_SHORT=1"):
        read_environment({"PORTAL_RETENTION_DAYS": "1095"})
    with pytest.raises(EnvironmentInvalid, match="must be a whole number of days"):
        read_environment({"PORTAL_RETENTION_DAYS": "-2"})
    short = read_environment({"PORTAL_RETENTION_DAYS": "30", "PORTAL_RETENTION_SHORT": "1"}).record
    assert (short.retention_days, short.retention_short) == (30, True)
