"""What the container files promise; and, without any container, the same commands as processes on a PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from coopschool.api import edge, shape
from coopschool.api.oidc import ALGORITHMS
from coopschool.postgres_programs import binaries
from tests.support.issuer import AUDIENCE, Issuer
from tests.support.plain_server import PASSWORD, PlainServer

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["migrate", "api", "projections", "upkeep"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SECONDS_TO_BECOME_HEALTHY = 60


def test_postgresql_the_migration_the_api_and_the_projections_are_services_of_their_own() -> None:
    assert set(SERVICES) == {"database", "keycloak", *OURS}
    assert SERVICES["database"]["image"].startswith("postgres:18")


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root_or_gains_rights(name: str) -> None:
    assert str(SERVICES[name]["user"]).split(":")[0] not in ("0", "root")
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


@pytest.mark.parametrize("name", ["database", "api", "projections", "keycloak"])
def test_what_keeps_running_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_nothing_starts_before_what_it_needs() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("api", "projections"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_from_files_that_are_made_for_each_deployment(name: str, tmp_path: Path) -> None:
    environment = SERVICES[name]["environment"]
    for variable, value in environment.items():
        if re.search("PASSWORD|SECRET|KEY", variable):
            assert variable.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in SERVICES[name]["secrets"]
        assert not re.search(r"://[^/@]+:[^/@]+@", value), "a URL holds a password"
    made = make_secrets(tmp_path)
    assert set(SERVICES[name]["secrets"]) <= set(COMPOSE["secrets"]) == {file.name for file in made.iterdir()}


def test_each_deployment_has_secrets_of_its_own_and_keeps_them(tmp_path: Path) -> None:
    one, two = make_secrets(tmp_path / "one"), make_secrets(tmp_path / "two")
    first = {file.name: file.read_text() for file in one.iterdir()}
    assert len({*first.values(), *(file.read_text() for file in two.iterdir())}) == 2 * len(first)
    assert all(len(secret) >= 32 for secret in first.values())
    assert one.stat().st_mode & 0o077 == 0
    assert {file.name: file.read_text() for file in make_secrets(tmp_path / "one").iterdir()} == first


def test_the_image_is_small_debian_installed_from_hashes_and_not_root() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all("slim" in image and "alpine" not in image for image in images)
    installs = re.findall(r"pip install (.*)", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert 'ENTRYPOINT ["coopschool"]' in DOCKERFILE


def test_everything_that_the_image_copies_is_there_and_reaches_the_builder() -> None:
    sources = [
        path for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for path in line.split()
    ]
    allowed = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    for source in sources:
        assert (ROOT / source).exists()
        assert source.split("/")[0] in allowed


@pytest.mark.parametrize("name", ["dev", "run", "build"])
def test_lock_files_carry_hashes_and_no_index_addresses(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not [line for line in lines if "://" in line or "index" in line.partition("==")[0].split("-")]


def test_people_sign_in_for_the_audience_of_the_api_and_nobody_is_there_beforehand() -> None:
    text = (ROOT / "deploy" / "keycloak" / "coopschool-realm.json").read_text()
    realm = json.loads(text)
    clients = {client["clientId"]: client for client in realm["clients"]}
    assert (realm["realm"], realm["registrationAllowed"], clients.keys()) == (
        "coopschool",
        False,
        {"coopschool-api", "coopschool-web"},
    )
    assert clients["coopschool-api"]["bearerOnly"]
    web = clients["coopschool-web"]
    assert (web["publicClient"], web["implicitFlowEnabled"], web["directAccessGrantsEnabled"]) == (True, False, False)
    assert web["attributes"]["pkce.code.challenge.method"] == "S256"
    (mapper,) = web["protocolMappers"]
    assert mapper["protocolMapper"] == "oidc-audience-mapper"
    assert mapper["config"]["included.client.audience"] == "coopschool-api"
    assert mapper["config"]["access.token.claim"] == "true"
    assert "users" not in realm
    assert not re.search('"(secret|credentials|password|privateKey)"', text)
    assert realm["defaultSignatureAlgorithm"] in {name for names in ALGORITHMS.values() for name in names}


def test_the_example_settings_name_the_realm_and_the_audience_that_come_along() -> None:
    lines = (ROOT / "deploy" / "sign-in.env").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    realm = json.loads((ROOT / "deploy" / "keycloak" / "coopschool-realm.json").read_text())
    assert said["COMPOSE_PROFILES"] in SERVICES["keycloak"]["profiles"]
    assert said["COOPSCHOOL_OIDC_ISSUER"].endswith(f":8080/realms/{realm['realm']}")
    assert f"/realms/{realm['realm']}/.well-known/openid-configuration" in said["COOPSCHOOL_OIDC_DISCOVERY_URL"]
    assert said["COOPSCHOOL_OIDC_AUDIENCE"] in {client["clientId"] for client in realm["clients"]}
    needed = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert needed <= said.keys()


def test_what_is_said_of_limits_and_of_the_proxy_is_so() -> None:
    said = " ".join((ROOT / "docs" / "deploy.md").read_text().split())
    assert f"at most {shape.MAX_BODY_BYTES >> 20} MiB and {shape.MAX_DEPTH} levels" in said
    assert f"waits {edge.SECONDS_FOR_BODY:.0f} s for a body and {edge.SECONDS_FOR_ANSWER:.0f} s for an answer" in said
    assert f"lets {edge.WAITING_AT_MOST} requests wait" in said
    assert f"a crowd of {edge.CROWD} grows no more once its first has waited {edge.SECONDS_IN_A_CROWD:.0f} s" in said
    assert f"client_max_body_size {shape.MAX_BODY_BYTES >> 20}m;" in said
    for place in ("/", "/answer/"):
        assert re.search(rf"location {place} {{ limit_req zone=\w+ burst", said), place
    assert "proxy_set_header X-Forwarded-For" in said


def test_the_identity_provider_gets_the_realm_and_its_password_from_files() -> None:
    keycloak = SERVICES["keycloak"]
    assert any("coopschool-realm.json:/opt/keycloak/data/import/" in volume for volume in keycloak["volumes"])
    assert "/run/secrets/keycloak_password" in keycloak["command"][0]
    assert all(port.startswith("127.0.0.1:") for port in keycloak["ports"])


def make_secrets(directory: Path) -> Path:
    subprocess.run([ROOT / "deploy" / "secrets.sh", directory], check=True, capture_output=True)
    return directory


class Deployment:
    """The services of docker-compose.yml as processes here, against a PostgreSQL of their own."""

    def __init__(self, server: PlainServer, directory: Path, variables: dict[str, str]) -> None:
        self._server = server
        self._variables = variables
        self._directory = directory
        self._secrets = make_secrets(directory / "secrets")
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def make_database(self) -> None:
        """As PostgreSQL's image does on its first start."""
        with self._server.connect() as connection:
            connection.execute("create database coopschool")
        command = [str(binaries() / "psql"), "-v", "ON_ERROR_STOP=1", "-f", str(ROOT / "deploy" / "logins.sql")]
        url = self._server.url(database="coopschool")
        variables = {"SECRETS_DIR": str(self._secrets), "PGPASSWORD": PASSWORD}
        subprocess.run([*command, url], check=True, env={**os.environ, **variables}, capture_output=True)

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs another command with the service's environment."""
        line = self._coopschool(command or SERVICES[service]["command"])
        return self._call(line, service)

    @contextmanager
    def started(self, service: str) -> Iterator[None]:
        """The service, until it has been asked to stop and has done so in order."""
        line = self._coopschool(SERVICES[service]["command"])
        log = self._directory / f"{service}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                line, env=self._environment(service), cwd=self._directory, stdout=output, stderr=output
            )
        try:
            self._wait_until_healthy(service, process, log)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0, log.read_text()

    def _wait_until_healthy(self, service: str, process: subprocess.Popen[bytes], log: Path) -> None:
        kind, *check = map(self._here, SERVICES[service]["healthcheck"]["test"])
        assert kind == "CMD"
        line = [sys.executable if check[0] == "python" else check[0], *check[1:]]
        deadline = time.monotonic() + SECONDS_TO_BECOME_HEALTHY
        while self._call(line, service).returncode:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()

    def _call(self, line: list[str], service: str) -> subprocess.CompletedProcess[str]:
        environment = self._environment(service)
        return subprocess.run(line, env=environment, cwd=self._directory, capture_output=True, text=True, check=False)

    def _coopschool(self, command: Any) -> list[str]:
        return [sys.executable, "-m", "coopschool.cli", *map(self._here, command)]

    def _environment(self, service: str) -> dict[str, str]:
        meant = {name: self._here(value) for name, value in SERVICES[service]["environment"].items()}
        return {**os.environ, "PYTHONPATH": str(ROOT), **meant}

    def _here(self, value: str) -> str:
        """What a value of the compose file is on this machine."""
        value = re.sub(r"\$\{(\w+):-(.*?)\}", lambda found: self._variables.get(found[1], found[2]), value)
        value = re.sub(r"\$\{(\w+):\?.*?\}", lambda found: self._variables[found[1]], value)
        value = re.sub("^/tmp/", f"{self._directory}/", value)
        value = value.replace("database:5432", f"127.0.0.1:{self._server.port}")
        value = value.replace("0.0.0.0", "127.0.0.1").replace("8000", str(self._port))
        return value.replace("/run/secrets", str(self._secrets))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_services_work_together_as_processes(plain_server: PlainServer, tmp_path: Path) -> None:
    with Issuer() as issuer:
        _work_together(Deployment(plain_server, tmp_path, _people_sign_in_at(issuer)), issuer)


def _people_sign_in_at(issuer: Issuer) -> dict[str, str]:
    """The variables that a deployment needs, with another issuer in them."""
    lines = (ROOT / "deploy" / "sign-in.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if not line.startswith("#")}
    assert names >= {"COOPSCHOOL_OIDC_ISSUER", "COOPSCHOOL_OIDC_AUDIENCE"}
    return {"COOPSCHOOL_OIDC_ISSUER": issuer.url, "COOPSCHOOL_OIDC_AUDIENCE": AUDIENCE}


def _work_together(deployment: Deployment, issuer: Issuer) -> None:
    deployment.make_database()
    refused = deployment.run("api")
    assert refused.returncode == 3
    assert "coopschool migrate" in refused.stderr
    migrated = deployment.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    again = deployment.run("migrate")
    assert again.returncode == 0, again.stderr
    with deployment.started("projections"), deployment.started("api"):
        granted = deployment.run("api", "grant", issuer.url, "ada", "coordinator")
        assert granted.returncode == 0, granted.stderr
        headers = {"Authorization": f"Bearer {issuer.token(sub='ada')}"}
        with httpx.Client(base_url=deployment.url, headers=headers) as client:
            body = {"category": "A", "joined_on": "2026-01-05"}
            joined = client.post("/api/members", json=body, headers={"Idempotency-Key": "one"})
            assert joined.status_code == 201, joined.text
            position = joined.json()["position"]
            report = client.get("/api/reports/progress", params={"min_position": position})
            assert report.status_code == 200, report.text
            assert report.json()["provenance"]["position"] >= position


def test_each_login_has_the_rights_of_its_service_alone(plain_server: PlainServer, tmp_path: Path) -> None:
    with plain_server.connect() as connection:
        found = connection.execute(
            "select m.rolname, array_agg(r.rolname order by r.rolname) from pg_auth_members a "
            "join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid "
            "where m.rolname = any(%s) group by 1 order by 1",
            [["coopschool_migrator", "coopschool_api", "coopschool_projections"]],
        ).fetchall()
    assert found == [
        ("coopschool_api", ["coopschool_app", "coopschool_reader"]),
        ("coopschool_migrator", ["coopschool_owner"]),
        ("coopschool_projections", ["coopschool_projector", "coopschool_reader"]),
    ]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(plain_server.url("coopschool_api", "coopschool", "coopschool_api"))
