"""People in the supervisors' site: the role admin makes and changes them, and cannot make itself more than it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from planning.models import PasskeyReset
from planning.operations import NobodyToReset, ReasonMissing, passkeys_of, password_enrols
from portal.models import ApiToken, User
from tests.keys import Keyring
from tests.planning import builders
from tests.planning.builders import refused
from tests.portal.test_admin_queue import signed_in

PEOPLE = "/admin/portal/user/"


@pytest.fixture
def admin_person(db: None) -> User:
    return builders.person("adam", "admin", is_staff=True)


@pytest.fixture
def client(admin_person: User) -> Client:
    return signed_in(admin_person)


def group(role: str) -> int:
    return Group.objects.get(name=role).pk


def form_of(person: User, **changes: Any) -> dict[str, Any]:
    return {"username": person.username, "is_active": "on", "groups": [group("operator")]} | changes


class TestPeople:
    def test_creates_a_person_with_a_role(self, client: Client) -> None:
        form = {
            "username": "nina",
            "password1": "a long enough secret 7",
            "password2": "a long enough secret 7",
            "usable_password": "true",
            "groups": [group("operator")],
        }
        assert client.post(f"{PEOPLE}add/", form).status_code == 302
        nina = User.objects.get(username="nina")
        assert (nina.has_perm("planning.propose_plan"), nina.is_superuser, nina.is_staff) == (True, False, False)

    def test_changes_a_role(self, client: Client, other: User) -> None:
        form = form_of(other, groups=[group("auditor")])
        assert client.post(f"{PEOPLE}{other.pk}/change/", form).status_code == 302
        assert [g.name for g in User.objects.get(pk=other.pk).groups.all()] == ["auditor"]

    def test_makes_nobody_superuser(self, client: Client, other: User) -> None:
        form = form_of(other, is_superuser="on", user_permissions=["1"])
        client.post(f"{PEOPLE}{other.pk}/change/", form)
        changed = User.objects.get(pk=other.pk)
        assert (changed.is_superuser, changed.user_permissions.count()) == (False, 0)
        assert "superuser" not in client.get(f"{PEOPLE}{other.pk}/change/").content.decode()

    def test_gives_itself_no_role(self, client: Client, admin_person: User) -> None:
        form = form_of(admin_person, groups=[group("supervisor")], is_staff="on")
        client.post(f"{PEOPLE}{admin_person.pk}/change/", form)
        assert [g.name for g in User.objects.get(pk=admin_person.pk).groups.all()] == ["admin"]

    def test_does_not_reach_a_superuser(self, client: Client) -> None:
        root = builders.person("root", is_staff=True, is_superuser=True)
        assert client.post(f"{PEOPLE}{root.pk}/change/", form_of(root), follow=True).status_code in {200, 404}
        assert client.get(f"{PEOPLE}{root.pk}/password/").status_code in {302, 404}
        assert "root" not in client.get(PEOPLE).content.decode()

    def test_deletes_nobody(self, client: Client, other: User) -> None:
        assert client.post(f"{PEOPLE}{other.pk}/delete/", {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=other.pk).exists()

    def test_shows_no_token(self, client: Client, other: User) -> None:
        digest = ApiToken.digest_of("secret")
        ApiToken.objects.create(user=other, digest=digest)
        page = client.get(f"{PEOPLE}{other.pk}/change/").content.decode()
        assert digest not in page
        assert client.get("/admin/portal/apitoken/").status_code == 404

    def test_roles_themselves_are_not_edited_here(self, client: Client) -> None:
        assert client.get("/admin/auth/group/").status_code == 404

    @pytest.mark.parametrize("role", ["supervisor", "operator", "auditor"])
    def test_is_for_the_role_admin_alone(self, role: str, db: None) -> None:
        other_client = signed_in(builders.person("petra", role, is_staff=True))
        assert other_client.get(PEOPLE).status_code == 403
        assert other_client.get(f"{PEOPLE}add/").status_code == 403


class TestPasskeys:
    """A lost key: an administrator resets it, on record, by the operation the command calls too."""

    def test_are_reset_with_a_reason(self, client: Client, admin_person: User, other: User) -> None:
        Keyring().of(other)
        path = f"{PEOPLE}{other.pk}/passkeys/"
        assert path in client.get(f"{PEOPLE}{other.pk}/change/").content.decode()
        assert "test" in client.get(path).content.decode()
        answer = client.post(path, {"reason": "phone lost"}, follow=True)
        assert "the passkeys of omar are reset" in answer.content.decode()
        made = PasskeyReset.objects.get()
        assert (made.user, made.by, made.reason) == (other, admin_person, "phone lost")
        assert (passkeys_of(other), password_enrols(other)) == ([], True)

    def test_not_without_a_reason(self, client: Client, admin_person: User, other: User) -> None:
        Keyring().of(other)
        with refused(ReasonMissing, None, admin_person, "reset passkeys"):
            answer = client.post(f"{PEOPLE}{other.pk}/passkeys/", {"reason": " "}, follow=True)
            assert "Say why" in answer.content.decode()
            raise ReasonMissing

    def test_ones_own_are_not(self, client: Client, admin_person: User) -> None:
        with refused(NobodyToReset, None, admin_person, "reset passkeys"):
            client.post(f"{PEOPLE}{admin_person.pk}/passkeys/", {"reason": "x"})
            raise NobodyToReset

    def test_not_by_a_supervisor(self, other: User, db: None) -> None:
        before = builders.everything()
        path = f"{PEOPLE}{other.pk}/passkeys/"
        supervisor = signed_in(builders.person("sam", "supervisor", is_staff=True))
        assert [supervisor.get(path).status_code, supervisor.post(path, {"reason": "x"}).status_code] == [403, 403]
        assert builders.everything() == before

    def test_by_command(self, admin_person: User, other: User, capsys: pytest.CaptureFixture[str]) -> None:
        Keyring().of(other)
        call_command("reset_passkeys", "omar", by="adam", reason="phone lost")
        assert "The passkeys of omar are reset" in capsys.readouterr().out
        assert PasskeyReset.objects.get().by == admin_person
        for given in ({"by": "omar", "reason": "x"}, {"by": "nobody", "reason": "x"}, {"by": "adam", "reason": ""}):
            before = builders.everything()
            with pytest.raises(CommandError):
                call_command("reset_passkeys", "omar", **given)
            assert builders.everything() == before
