"""Containers, compose file and nginx example agree with the code: nothing here can be run without an engine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from portal.environment import URL_VARIABLES, read_environment
from portal.startup import Portal, UpOptions

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
COMPOSE_TEXT = (PROJECT / "compose.yaml").read_text()
NGINX = (PROJECT / "deploy" / "nginx.conf").read_text()
INIT_SCRIPT = (PROJECT / "deploy" / "postgres-init.sh").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_TEXT)["services"]

ROLE_OF = {"prepare": "owner", "web": "web", "worker": "worker", "dispatch": "dispatch"}
PROCESSES = ("web", "worker", "dispatch")
READ_BY_THE_PORTAL = set(re.findall(r'"(PORTAL_\w+)"', (PROJECT / "portal" / "environment.py").read_text())) | set(
    URL_VARIABLES.values()
)
SECRET = re.compile(r"\$\{(\w+_PASSWORD)\b")


def filled(service: str) -> dict[str, str]:
    """The environment of a service with every `${NAME...}` replaced by the name in small letters."""
    replaced = lambda match: match[1].lower()  # noqa: E731
    return {k: re.sub(r"\$\{(\w+)[^}]*\}", replaced, str(v)) for k, v in SERVICES[service]["environment"].items()}


def instructions(name: str) -> list[str]:
    """What follows each instruction of that name, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()
    return [line.split(maxsplit=1)[1] for line in map(str.strip, lines) if line.startswith(f"{name} ")]


class TestRoles:
    def test_there_is_one_service_for_each_role(self) -> None:
        assert {*SERVICES} == {"postgres", *ROLE_OF}
        assert {name: SERVICES[name]["environment"]["PORTAL_ROLE"] for name in ROLE_OF} == ROLE_OF

    @pytest.mark.parametrize("service", PROCESSES)
    def test_a_process_is_told_its_own_url_and_no_other(self, service: str) -> None:
        urls = {name for name in SERVICES[service]["environment"] if name in URL_VARIABLES.values()}
        assert urls == {URL_VARIABLES[service]}

    @pytest.mark.parametrize("service", ROLE_OF)
    def test_a_service_is_told_its_own_password_and_no_other(self, service: str) -> None:
        told = set(SECRET.findall(str(SERVICES[service])))
        assert told == {f"{ROLE_OF[service].upper()}_PASSWORD"}

    def test_prepare_knows_the_names_it_grants_to(self) -> None:
        read = read_environment(filled("prepare"))
        assert read.database_users == {role: f"portal_{role}" for role in ROLE_OF.values()}
        assert [role for role, entry in read.databases.items() if entry["PASSWORD"]] == ["owner"]

    @pytest.mark.parametrize("service", ROLE_OF)
    def test_the_portal_understands_the_environment(self, service: str) -> None:
        role = ROLE_OF[service]
        read = read_environment(filled(service))
        assert (read.role, read.secret_key) == (role, "portal_secret_key")
        wanted = {"USER": f"portal_{role}", "PASSWORD": f"{role}_password", "HOST": "postgres", "NAME": "portal"}
        assert {key: read.database[key] for key in wanted} == wanted

    def test_web_answers_to_its_name_and_to_its_health_check(self) -> None:
        assert {"127.0.0.1", "localhost", "portal_host"} <= {*read_environment(filled("web")).allowed_hosts}

    @pytest.mark.parametrize("service", ROLE_OF)
    def test_no_variable_is_one_nobody_reads(self, service: str) -> None:
        assert {*SERVICES[service]["environment"]} <= READ_BY_THE_PORTAL

    def test_every_login_is_made_with_its_own_password(self) -> None:
        made = re.findall(r"CREATE ROLE portal_(\w+) LOGIN PASSWORD :'(\w+)'", INIT_SCRIPT)
        assert sorted(made) == sorted((role, f"{role}_password") for role in URL_VARIABLES)
        passwords = {name for name in SERVICES["postgres"]["environment"] if name.endswith("_PASSWORD")}
        assert passwords == {"POSTGRES_PASSWORD", *(f"{role.upper()}_PASSWORD" for role in URL_VARIABLES)}
        assert set(re.findall(r"\\getenv \w+ (\w+)", INIT_SCRIPT)) == passwords - {"POSTGRES_PASSWORD"}

    def test_what_the_manual_asks_of_an_outside_database_is_done(self) -> None:
        manual = (PROJECT / "docs" / "operating.md").read_text()
        asked = [line.strip() for line in manual.splitlines() if re.match(r"    (CREATE|ALTER) ", line)]
        assert len(asked) == 7
        done = re.sub(r":'\w+'", "'...'", INIT_SCRIPT)
        assert [statement for statement in asked if statement not in done] == []


class TestCommands:
    def test_the_processes_are_those_of_up(self, tmp_path: Path) -> None:
        ours = Portal(UpOptions("0.0.0.0", 8000, tmp_path), print)._commands()
        for name, command in ours.items():
            assert SERVICES[name]["command"] == ["python", *command[1:]]
        assert {*ours} == {*PROCESSES}

    def test_management_commands_exist(self) -> None:
        commands = [SERVICES[name]["command"] for name in ROLE_OF if "manage.py" in SERVICES[name]["command"]]
        assert {command[2] for command in commands} == {"prepare", "worker", "dispatch"}
        assert {command[2] for command in commands} <= {*get_commands()}

    def test_the_image_starts_the_web_server_as_compose_does(self) -> None:
        assert yaml.safe_load(instructions("CMD")[-1]) == SERVICES["web"]["command"]

    def test_the_image_asks_for_a_sign_of_life(self) -> None:
        check = instructions("HEALTHCHECK")[-1]
        _python, _option, source = yaml.safe_load(check[check.index("[") :])
        compile(source, "HEALTHCHECK", "exec")
        assert "'/healthz'" in source
        assert "8000" in source

    def test_the_init_script_is_shell(self) -> None:
        subprocess.run(["bash", "-n"], input=INIT_SCRIPT, text=True, check=True)

    @pytest.mark.parametrize("service", ["worker", "dispatch"])
    def test_health_checks_are_python(self, service: str) -> None:
        kind, program, option, source = SERVICES[service]["healthcheck"]["test"]
        assert (kind, program, option) == ("CMD", "python", "-c")
        compile(source, service, "exec")
        assert "$" not in source  # compose would replace it


class TestHardening:
    @pytest.mark.parametrize("service", ROLE_OF)
    def test_no_rights_and_nothing_to_write_to(self, service: str) -> None:
        settings_of = SERVICES[service]
        assert settings_of["read_only"]
        assert settings_of["cap_drop"] == ["ALL"]
        assert settings_of["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in settings_of
        assert "user" not in settings_of

    def test_the_image_is_not_run_as_root(self) -> None:
        assert instructions("USER") == ["10001"]
        assert DOCKERFILE.index("\nUSER ") < DOCKERFILE.index("\nCMD ")

    def test_images_have_a_version(self) -> None:
        images = [line.split()[0] for line in instructions("FROM")] + [SERVICES["postgres"]["image"]]
        assert all(re.fullmatch(r"\w+:\d+[\w.-]*", image) for image in images), images
        assert "latest" not in DOCKERFILE + COMPOSE_TEXT

    def test_the_image_is_built_from_locked_requirements_only(self) -> None:
        install = next(line for line in instructions("RUN") if '"install", "--require-hashes"' in line)
        assert '"/tmp/requirements.txt"' in install
        assert "requirements-dev" not in DOCKERFILE
        assert all(line.startswith("[") for line in instructions("RUN")), "exec form"

    def test_the_image_holds_the_code_and_nothing_else(self) -> None:
        lines = (PROJECT / ".dockerignore").read_text().split("\n")
        listed = [line for line in lines if line and not line.startswith("#")]
        assert listed[0] == "*"
        named = {line[1:] for line in listed if line.startswith("!")}
        apps = {path.parent.name for path in PROJECT.glob("*/apps.py")}
        packages = {"requirements.txt", "package.json", "package-lock.json", ".npmrc"}
        assert named == apps | packages | {"manage.py", "LICENSE", "fixtures"}

    def test_no_secret_stands_in_a_file(self) -> None:
        values = re.findall(r"(?m)^ *\w*(?:PASSWORD|SECRET_KEY)\s*[:=]\s*(\S+)", COMPOSE_TEXT + DOCKERFILE)
        assert values
        assert all(value.startswith("${") for value in values), values
        assert re.findall(r"portal_\w+:(?!\$\{)[^/]*@", COMPOSE_TEXT) == []

    def test_only_the_web_server_is_published_and_only_here(self) -> None:
        published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
        assert [*published] == ["web"]
        assert all(port.startswith("127.0.0.1:") for port in published["web"])


class TestOrder:
    @pytest.mark.parametrize("service", PROCESSES)
    def test_processes_wait_for_the_database_to_be_prepared(self, service: str) -> None:
        conditions = {name: wait["condition"] for name, wait in SERVICES[service]["depends_on"].items()}
        assert conditions == {"postgres": "service_healthy", "prepare": "service_completed_successfully"}
        assert SERVICES[service]["restart"] == "unless-stopped"

    def test_prepare_runs_once(self) -> None:
        assert SERVICES["prepare"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert SERVICES["prepare"]["restart"] == "no"


class TestFront:
    def test_the_origin_is_rewritten_exactly_as_long_as_the_portal_does_not_see_https(self) -> None:
        """With both, or neither, every form sent over TLS would be refused."""
        rewritten = "proxy_set_header Origin" in NGINX
        assert rewritten == (settings.SECURE_PROXY_SSL_HEADER is None)

    def test_braces_close(self) -> None:
        assert NGINX.count("{") == NGINX.count("}")
