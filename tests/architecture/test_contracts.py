"""The layers hold, the migrations and the schema say what the code says."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

PROJECT = Path(__file__).resolve().parents[2]


class TestLayers:
    def test_import_contracts_hold(self) -> None:
        lint = Path(sys.executable).with_name("lint-imports")
        result = subprocess.run([lint, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.django_db
class TestMigrations:
    def test_none_is_missing(self) -> None:
        out = StringIO()
        try:
            call_command("makemigrations", check=True, dry_run=True, stdout=out)
        except SystemExit:
            pytest.fail(f"Models and migrations differ:\n{out.getvalue()}", pytrace=False)

    def test_each_can_be_reversed(self) -> None:
        from django.db import connection
        from django.db.migrations.loader import MigrationLoader

        loader = MigrationLoader(connection)
        ours = [m for (app, _), m in loader.disk_migrations.items() if app in APPS]
        fixed = [f"{m.app_label}.{m.name}" for m in ours for op in m.operations if not op.reversible]
        assert fixed == []


APPS = {"portal", "dispatch", "planning", "cohorts", "grid"}


class TestSchema:
    def test_is_the_committed_one(self, tmp_path: Path) -> None:
        made = tmp_path / "openapi.yaml"
        call_command("spectacular", file=str(made), validate=True, fail_on_warn=True)
        committed = (PROJECT / "docs" / "openapi.yaml").read_text()
        assert made.read_text() == committed, "Run: manage.py spectacular --file docs/openapi.yaml, review the diff"
