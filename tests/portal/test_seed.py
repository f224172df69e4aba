"""Demo people, their keys, and the demo cohorts."""

from __future__ import annotations

import json
import stat
import threading
import time
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from cohorts.demo import DemoCohortsHaveOtherAccounts
from cohorts.models import Account, Cohort
from portal.acting import acting_as
from portal.models import ApiToken, User
from portal.seeding import DEMO_PEOPLE, Seeded, read_credentials, seed, write_credentials

AT = datetime(2023, 9, 6, 20, 0, tzinfo=UTC)
NAMES = ["operator", "operator2", "supervisor", "supervisor2", "auditor", "admin"]


@pytest.fixture
def run(db: None, tmp_path: Path) -> Any:
    """Seed a small demo into a fresh data directory, again and again if asked."""

    def seed_once(**options: Any) -> Seeded:
        return seed(data_dir=tmp_path / "data", at=AT, **{"accounts": 60, **options})

    return seed_once


def hashes() -> dict[str, str]:
    return dict(User.objects.values_list("username", "password"))


class TestPeople:
    def test_roles_and_staff(self, run: Any) -> None:
        assert list(run().people_renewed) == NAMES
        found = User.objects.order_by("pk").values_list("username", "groups__name", "is_staff", "is_superuser")
        assert list(found) == [
            ("operator", "operator", False, False),
            ("operator2", "operator", False, False),
            ("supervisor", "supervisor", True, False),
            ("supervisor2", "supervisor", True, False),
            ("auditor", "auditor", False, False),
            ("admin", "admin", True, False),
        ]

    def test_the_file_opens_their_doors(self, run: Any) -> None:
        path = run().credentials_path
        users = json.loads(path.read_text())["users"]
        assert list(users) == NAMES
        assert len({entry["password"] for entry in users.values()}) == 6
        for entry in users.values():
            assert sorted(entry) == ["api_token", "password", "username"]
            person = authenticate(username=entry["username"], password=entry["password"])
            assert person is not None
            assert person.password.startswith("argon2$argon2id$")
            response = Client(headers={"authorization": f"Token {entry['api_token']}"}).get("/api/v1/cohorts")
            assert response.status_code == 200

    def test_only_its_owner_can_read_the_file(self, run: Any) -> None:
        path = run().credentials_path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [entry.name for entry in path.parent.iterdir()] == ["credentials.json"]

    def test_the_database_keeps_no_secret(self, run: Any) -> None:
        users = read_credentials(run().credentials_path)
        kept = json.dumps([list(User.objects.values()), list(ApiToken.objects.values())], default=str)
        for entry in users.values():
            assert entry["password"] not in kept
            assert entry["api_token"] not in kept


class TestAgain:
    @pytest.fixture(autouse=True)
    def quick_hashes(self, settings: Any) -> None:
        """What is asked here does not depend on how dear a password's hash is."""
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    def test_nothing_changes(self, run: Any) -> None:
        path = run().credentials_path
        before = (path.read_text(), hashes(), ApiToken.objects.count(), Account.objects.count())
        second = run()
        assert (second.people_renewed, second.cohorts_created) == ((), ())
        assert (path.read_text(), hashes(), ApiToken.objects.count(), Account.objects.count()) == before

    def test_is_fast(self, run: Any) -> None:
        run(accounts=None)
        started = time.perf_counter()
        run(accounts=None)
        assert time.perf_counter() - started < 1
        assert Account.objects.count() == 13_000

    def test_a_lost_file_means_new_secrets_for_all(self, run: Any) -> None:
        path = run().credentials_path
        old = read_credentials(path)
        path.unlink()
        assert list(run().people_renewed) == NAMES
        new = read_credentials(path)
        for name in NAMES:
            assert authenticate(username=name, password=old[name]["password"]) is None
            assert authenticate(username=name, password=new[name]["password"]) is not None
            assert ApiToken.objects.get(digest=ApiToken.digest_of(old[name]["api_token"])).revoked_at is not None
        assert User.objects.count() == 6

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"users": []}', '{"users": {"operator": 3}}'])
    def test_a_spoilt_file_is_replaced(self, run: Any, text: str) -> None:
        path = run().credentials_path
        path.write_text(text)
        assert list(run().people_renewed) == NAMES
        assert list(read_credentials(path)) == NAMES

    def test_one_wrong_line_renews_one_person(self, run: Any) -> None:
        path = run().credentials_path
        old = read_credentials(path)
        write_credentials(path, {**old, "auditor": {**old["auditor"], "api_token": "wrong"}})
        assert run().people_renewed == ("auditor",)
        new = read_credentials(path)
        assert {name for name in NAMES if new[name] != old[name]} == {"auditor"}

    def test_does_not_undo_what_an_administrator_decided(self, run: Any) -> None:
        run()
        User.objects.filter(username="operator2").update(is_active=False)
        ApiToken.objects.filter(user__username="operator2").update(revoked_at=AT)
        User.objects.get(username="auditor").groups.clear()
        assert run().people_renewed == ()
        assert not User.objects.get(username="operator2").is_active
        assert not User.objects.get(username="auditor").groups.exists()

    def test_a_refusal_writes_nothing(self, run: Any, tmp_path: Path) -> None:
        run()
        (tmp_path / "data" / "credentials.json").unlink()
        before = hashes()
        with pytest.raises(DemoCohortsHaveOtherAccounts):
            run(accounts=61)
        assert hashes() == before
        assert not (tmp_path / "data" / "credentials.json").exists()


class TestCommand:
    def test_says_what_it_wrote(self, committed_db: Any, settings: Any, tmp_path: Path) -> None:
        settings.DATA_DIR = tmp_path
        first, second = StringIO(), StringIO()
        call_command("seed", stdout=first)
        call_command("seed", stdout=second)
        assert "6 created, 13,000 accounts, 103.9 MW enrolled" in first.getvalue()
        assert "new passwords for operator, operator2" in first.getvalue()
        assert str(tmp_path / "credentials.json") in first.getvalue()
        assert second.getvalue().count("already there") == 2
        assert Cohort.objects.count() == 6

    def test_refuses_in_words(self, committed_db: Any, settings: Any, tmp_path: Path) -> None:
        settings.DATA_DIR = tmp_path
        with pytest.raises(CommandError, match="3 accounts are too few"):
            call_command("seed", "--accounts", "3")
        assert not User.objects.exists()

    def test_two_at_once_write_one_set_of_secrets(self, committed_db: Any, tmp_path: Path) -> None:
        def seed_as_owner() -> None:
            try:
                seed(data_dir=tmp_path, at=AT, accounts=60)
            finally:
                connection.close()

        threads = [threading.Thread(target=seed_as_owner) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        users = read_credentials(tmp_path / "credentials.json")
        assert (User.objects.count(), Cohort.objects.count(), ApiToken.objects.count()) == (6, 6, 6)
        assert len(users) == len(DEMO_PEOPLE)
        for name, entry in users.items():
            assert authenticate(username=name, password=entry["password"]) is not None


def test_serving_roles_cannot_read_tokens(committed_db: Any) -> None:
    from django.db import ProgrammingError

    for role in ("worker", "dispatch"):
        with acting_as(role), pytest.raises(ProgrammingError, match="permission denied"):
            list(ApiToken.objects.all())
