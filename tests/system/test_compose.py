"""The deployment files held against the code: no Docker is needed to see a setting that does not exist, or that is missing."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML
from typer.testing import CliRunner

from console.deployment import DEFAULT_SOURCES, find_server
from console.main import app
from console.principals import Principals
from console.topology import SERVICES, principals
from contracts.roles import PEOPLE
from eventlog.bounds import SOURCES_VARIABLE, authority_of, read_bounds
from eventlog.settings import Variable, aside_variable, seed_variable
from eventlog.transport import TRANSPORT_VARIABLES, transport_from
from services.allowance.settings import VARIABLES as ALLOWANCE
from services.registry.settings import VARIABLES as REGISTRY
from services.talent.settings import VARIABLES as TALENT

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, tuple[Variable, ...]] = {"registry": REGISTRY, "allowance": ALLOWANCE, "talent": TALENT}
USERS = [principal.name for principal in principals(DEFAULT_SOURCES)]
SEEDS = {seed_variable(user): user for user in USERS}
ASIDE = {aside_variable(service): service for service in SERVICES}
KNOWN = (
    SEEDS.keys()
    | {variable.name for variables in SETTINGS.values() for variable in variables}
    | {variable.name for variable in TRANSPORT_VARIABLES}
    | {"HONGLING_LANG", "HONGLING_DATA", "HONGLING_NATS_URL"}
)
CLUSTER = {"NATS_SERVER_NAME", "NATS_CLUSTER_PASSWORD", "NATS_ROUTE_1", "NATS_ROUTE_2", "NATS_ROUTE_3"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """The names in .env.example, with what a secret would look like."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return {line.split("=")[0]: "p0123" for line in lines if line and not line.startswith("#")}


def environment(compose: dict[str, Any], service: str) -> dict[str, str]:
    return dict(compose["services"][service].get("environment", {}))


def mounts(compose: dict[str, Any], service: str) -> list[tuple[str, str, str]]:
    """(volume or folder, folder in it, where in the container), however it is written."""
    found = []
    for each in compose["services"][service].get("volumes", ()):
        if isinstance(each, str):
            source, target = each.split(":")[:2]
            found.append((source, "", target))
        else:
            found.append((each["source"], each["volume"]["subpath"], each["target"]))
    return found


# --- settings -----------------------------------------------------------------------------------------------------------


def test_every_setting_in_the_compose_file_exists() -> None:
    """A HONGLING_* name that no code reads is a slip of the pen that nobody would notice."""
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("docker-compose.yml", ".env.example"))
    assert set(re.findall(r"HONGLING_[A-Z_]+", text)) - KNOWN == set()


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_gets_every_setting_that_it_must_have(compose: dict[str, Any], service: str) -> None:
    required = {variable.name for variable in SETTINGS[service] if variable.default is None}
    assert required - environment(compose, service).keys() == set()


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_reads_who_has_which_role_and_what_is_whose_to_say(
    compose: dict[str, Any], service: str, tmp_path: Path
) -> None:
    """The file that is mounted is the one that is made with the principals; no secret is in its folder."""
    folder, name = environment(compose, service)[SOURCES_VARIABLE.name].rsplit("/", 1)
    assert ("principals", "known", folder) in mounts(compose, service)
    principals = Principals(tmp_path)
    principals.create(DEFAULT_SOURCES)
    assert (principals.known_file.parent.name, principals.known_file.name) == ("known", name)
    found = read_bounds(str(principals.known_file))
    assert authority_of(found).keys() == {*DEFAULT_SOURCES, "talent"}
    assert {name: each.roles for name, each in found.items() if name in PEOPLE} == {role: frozenset({role}) for role in PEOPLE}


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_gets_a_secret_of_another(compose: dict[str, Any], service: str) -> None:
    """A service knows its own password and its own database, and nobody else's."""
    assert environment(compose, service).keys() - {variable.name for variable in SETTINGS[service]} == set()


def test_only_provision_gets_the_owner_of_the_databases_and_the_admin_of_the_broker(compose: dict[str, Any]) -> None:
    broker = {"nats", "nats-2", "nats-3"}
    for name in compose["services"].keys() - broker - {"provision"}:
        values = environment(compose, name)
        assert "HONGLING_ADMIN_NATS_SEED_FILE" not in values
        assert not [value for key, value in values.items() if key.startswith("HONGLING_") and "_owner:" in value]


def test_nobody_both_prepares_and_checks_and_only_the_desk_has_the_keys(compose: dict[str, Any]) -> None:
    """经办与复核分离; and the file of a run is joined where people may see names."""
    seeds = {"HONGLING_CASHIER_NATS_SEED_FILE", "HONGLING_REVIEWER_NATS_SEED_FILE"}
    people = [name for name in compose["services"] if not name.startswith("nats")]
    assert {name: found for name in people if (found := seeds & environment(compose, name).keys())} == {
        "cashier": {"HONGLING_CASHIER_NATS_SEED_FILE"},
        "reviewer": {"HONGLING_REVIEWER_NATS_SEED_FILE"},
    }
    keys = [name for name in people if any(volume == "keys" for volume, _, _ in mounts(compose, name))]
    assert sorted(keys) == ["desk", "keys", "registry"]


def test_services_run_under_the_role_that_provisioning_grants(compose: dict[str, Any]) -> None:
    """The same name in the roles' script, in provisioning and in the URLs of whoever runs under it."""
    made = (ROOT / "deploy/postgres/10-roles.sh").read_text(encoding="utf-8")
    [role] = granted(compose, "--runtime-role")
    assert f"role {role} " in made
    for name in SERVICES:
        assert {user for user, _ in logins(compose, name)} == {role}


def granted(compose: dict[str, Any], option: str) -> list[str]:
    command = compose["services"]["provision"]["command"]
    return [value for name, value in pairwise(command) if name == option]


def logins(compose: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """(role, ${password}) of every database that a container logs in to."""
    urls = [value for key, value in environment(compose, name).items() if key.endswith("_DATABASE_URL")]
    return [(found[1], found[2]) for url in urls if (found := re.match(r"postgresql://([a-z_]+):\$\{([A-Z_]+)\}@", url))]


def test_people_log_in_to_databases_under_roles_that_can_only_read(compose: dict[str, Any]) -> None:
    """One for each purpose, with passwords of their own; no container of people has a password of a service's."""
    made = (ROOT / "deploy/postgres/10-roles.sh").read_text(encoding="utf-8")
    purposes = {
        "console": granted(compose, "--reader-role"),
        "desk": granted(compose, "--desk-role"),
        "cashier": granted(compose, "--payment-role")[:1],
        "reviewer": granted(compose, "--payment-role")[1:],
    }
    services = {password for name in (*SERVICES, "provision") for _, password in logins(compose, name)}
    for name, roles in purposes.items():
        assert [{user} for user, _ in logins(compose, name)] == [set(roles)] * len(logins(compose, name)), name
        assert f"role {roles[0]} " in made
        text = str(compose["services"][name])
        assert not [password for password in services if f"${{{password}}}" in text], name
        assert "hongling_runtime" not in text
    assert {name: len(logins(compose, name)) for name in purposes} == {"console": 3, "desk": 3, "cashier": 1, "reviewer": 1}
    passwords = [password for name in (*SERVICES, "provision", *purposes) for _, password in logins(compose, name)]
    assert len(set(passwords)) == len(passwords)


def test_the_env_example_names_every_secret_and_holds_none(compose: dict[str, Any]) -> None:
    """Every ${NAME} of the compose file that has no default stands there, empty."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    asked = {name for name, default in re.findall(r"\$\{([A-Z_0-9]+)(:-[^}]*)?", text) if not default}
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) == asked
    assert set(given.values()) == {""}


def test_new_env_fills_every_secret_with_one_of_its_own(example: dict[str, str], tmp_path: Path) -> None:
    """Letters and digits after a letter: such a value is text to the broker and stands in a URL unescaped."""
    file = tmp_path / "env"
    told = subprocess.run(["sh", str(ROOT / "deploy/new-env.sh"), str(file)], capture_output=True, text=True, check=True)
    assert told.stdout == ""
    made = dict(line.split("=", 1) for line in file.read_text().splitlines() if line and not line.startswith("#"))
    assert set(made) == set(example)
    assert all(re.fullmatch("p[0-9a-f]{48}", value) for value in made.values())
    assert len(set(made.values())) == len(made)


def test_new_env_is_for_its_owner_only_and_replaces_nothing(tmp_path: Path) -> None:
    """Whatever the umask is; a second call leaves the secrets that are in use."""
    file = tmp_path / "env"
    command = ["sh", "-c", f"umask 0; exec sh {ROOT / 'deploy/new-env.sh'} {file}"]
    subprocess.run(command, check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, file.read_text()) == (2, before)
    assert "is there already" in again.stderr


# --- shape --------------------------------------------------------------------------------------------------------------


def test_there_is_a_database_for_each_service_and_they_wait_for_provisioning(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in SERVICES:
        assert services[service]["depends_on"] == {"provision": {"condition": "service_completed_successfully"}}
        assert f"@{service}-db:5432/{service}" in environment(compose, service)[f"HONGLING_{service.upper()}_DATABASE_URL"]
        assert services[f"{service}-db"]["healthcheck"]
        assert services["provision"]["depends_on"][f"{service}-db"] == {"condition": "service_healthy"}
    assert services["provision"]["depends_on"]["nats"] == {"condition": "service_healthy"}


def test_every_volume_that_is_mounted_is_declared(compose: dict[str, Any]) -> None:
    mounted = {volume for service in compose["services"] for volume, _, _ in mounts(compose, service)}
    assert {name for name in mounted if not name.startswith("./")} == set(compose["volumes"])
    assert all((ROOT / name).exists() for name in mounted if name.startswith("./"))


def test_every_command_that_a_container_runs_exists(compose: dict[str, Any]) -> None:
    """Also its options: asked of the command itself."""
    commands = [c for s in compose["services"].values() if (c := s.get("command")) and c[0] == "hongling"]
    commands += [s["healthcheck"]["test"][1:] for s in compose["services"].values() if "hongling" in str(s.get("healthcheck"))]
    assert len(commands) == 4
    for command in commands:
        told = CliRunner().invoke(app, [*(w for w in command[1:] if not w.startswith("$")), "--help"])
        assert told.exit_code == 0, told.output
        for option in (word for word in command if word.startswith("--")):
            assert option in told.output


def test_the_broker_image_is_the_version_that_the_tests_run_on(compose: dict[str, Any]) -> None:
    version = subprocess.run([find_server(), "--version"], capture_output=True, text=True, check=True).stdout
    tested = re.search(r"v(\d+\.\d+)\.", version)
    assert tested
    assert compose["services"]["nats"]["image"] == f"nats:{tested[1]}-alpine${{NATS_IMAGE_DIGEST:-}}"


def test_every_container_is_hardened_alike(compose: dict[str, Any]) -> None:
    """Broker and databases as the services: no root, no rights, nothing to write but mounts, and limits."""
    for name, service in compose["services"].items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"cap_add", "privileged", "devices", "pid", "ipc"} & service.keys(), name
        assert 0 < service["pids_limit"] <= 1024, name
        assert service["mem_limit"] in ("2g", "4g"), name
        assert "/tmp" in service["tmpfs"], name
        # What is built here says its user in the Dockerfile.
        built = "build" in service
        assert built != ("user" in service), name
        assert service.get("user", "1:1").split(":")[0] != "0", name
    assert "USER hongling" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_every_image_that_is_not_built_here_can_be_pinned(compose: dict[str, Any], tmp_path: Path) -> None:
    """By three variables, which a script fills; docker stands in here, since a test reaches no registry."""
    images = {service["image"] for service in compose["services"].values() if "build" not in service}
    assert {re.sub(r":.*\$", " $", image) for image in images} == {
        "nats ${NATS_IMAGE_DIGEST:-}", "postgres ${POSTGRES_IMAGE_DIGEST:-}"}  # fmt: skip
    builds = [service["build"]["args"] for service in compose["services"].values() if "build" in service]
    assert {args["PYTHON_IMAGE_DIGEST"] for args in builds} == {"${PYTHON_IMAGE_DIGEST:-}"}
    docker = tmp_path / "docker"
    script = ["sh", str(ROOT / "deploy/pin-images.sh")]
    environment_of = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    docker.write_text(f'#!/bin/sh\necho "$4" >> {tmp_path}/asked\nprintf "sha256:%064d\\n" 7\n')
    docker.chmod(0o755)
    told = subprocess.run(script, env=environment_of, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [f"{name}_IMAGE_DIGEST=@sha256:{7:064}" for name in ("NATS", "POSTGRES", "PYTHON")]
    tags = [re.sub(r"\$.*", "", image) for image in sorted(images)]
    python = re.findall(r"^FROM (python:\S+?)\$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert (tmp_path / "asked").read_text().split() == [*tags, *python]
    docker.write_text("#!/bin/sh\necho manifest unknown\n")
    wrong = subprocess.run(script, env=environment_of, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (1, "")


# --- on the wire --------------------------------------------------------------------------------------------------------


def test_nothing_between_containers_is_plain(compose: dict[str, Any], principals_folder: Path) -> None:
    """Each shows its own certificate to broker and database, and checks theirs: what the code itself would refuse otherwise."""
    folders = {
        name: {folder for volume, folder, _ in mounts(compose, name) if volume == "principals"} for name in compose["services"]
    }
    users = [name for name in compose["services"] if "HONGLING_NATS_URL" in environment(compose, name)]
    assert set(users) == {"provision", *SERVICES, "console", "desk", "cashier", "reviewer"}
    for name in users:
        values = environment(compose, name)
        assert "HONGLING_PLAIN_ALLOWED" not in values
        holder = values["HONGLING_NATS_TLS_CERT"].split("/")[2]
        assert holder in folders[name]
        files = {
            key: f"/principals/{holder}/{file}" for key, file in (("CA", "ca.crt"), ("CERT", "tls.crt"), ("KEY", "tls.key"))
        }
        assert {key: values[f"HONGLING_NATS_TLS_{key}"] for key in files} == files
        assert all((principals_folder / holder / file.rpartition("/")[2]).exists() for file in files.values())
        here = {key: value.replace("/principals", str(principals_folder), 1) for key, value in values.items()}
        assert transport_from(here).broker(values["HONGLING_NATS_URL"]) is not None
        for key, url in values.items():
            if key.endswith("_DATABASE_URL"):
                transport_from(values).check_database(key, url)
                words = [f"ssl{part}={files[which]}" for part, which in (("rootcert", "CA"), ("cert", "CERT"), ("key", "KEY"))]
                assert url.partition("?")[2] == "&".join(("sslmode=verify-full", *words))


def test_a_database_takes_nobody_without_tls_and_a_certificate(compose: dict[str, Any]) -> None:
    """It starts with its own certificate, found in its own folder, and with the list that the tests try on a real one."""
    rules = [
        line.split()
        for line in (ROOT / "deploy/postgres-hba.conf").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert [rule for rule in rules if rule[0] != "local"] == [
        ["hostssl", "all", "all", "all", "scram-sha-256", "clientcert=verify-ca"]
    ]
    assert all("scram-sha-256" in rule for rule in rules)
    for service in SERVICES:
        name = f"{service}-db"
        command, where = compose["services"][name]["command"], {target: (v, f) for v, f, target in mounts(compose, name)}
        assert where["/tls"] == ("principals", name)
        assert where["/etc/postgresql/hba.conf"] == ("./deploy/postgres-hba.conf", "")
        assert {"-cssl=on", "-chba_file=/etc/postgresql/hba.conf", "-cssl_min_protocol_version=TLSv1.3"} <= set(command)
        copied = compose["services"][name]["entrypoint"][2]
        for setting in ("ssl_cert_file", "ssl_key_file", "ssl_ca_file"):
            [file] = [word.partition("=")[2] for word in command if word.startswith(f"-c{setting}=")]
            assert file.startswith("/run/tls/")
            assert f"/tls/{file.rpartition('/')[2]} " in copied


def test_the_key_of_a_database_is_read_by_its_own_user_only(compose: dict[str, Any]) -> None:
    """By the group that the container of the principals gives it to, which is that of no other container."""
    setup = compose["services"]["principals"]
    group = setup["command"][setup["command"].index("--database-group") + 1]
    assert setup["group_add"] == [group]
    members = [name for name, each in compose["services"].items() if each.get("user") == f"{group}:{group}"]
    assert sorted(members) == sorted(f"{service}-db" for service in SERVICES)


# --- the broker's configuration -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def principals_folder(compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the container `principals` makes in its volume."""
    folder = tmp_path_factory.mktemp("compose") / "principals"
    command = compose["services"]["principals"]["command"]
    # No test may give files to a group that it is not in.
    here = {"/principals": str(folder), "999": str(os.getgid())}
    told = CliRunner().invoke(app, [here.get(word, word) for word in command[1:]])
    assert told.exit_code == 0, told.output
    return folder


def test_each_container_finds_its_own_seeds_and_no_others(compose: dict[str, Any], principals_folder: Path) -> None:
    """The setting names a file of the one folder of the volume that is mounted for it."""
    setup = {"principals", "nats", "nats-2", "nats-3", *(f"{service}-db" for service in SERVICES)}
    for name in compose["services"].keys() - setup:
        named = {SEEDS[key]: value for key, value in environment(compose, name).items() if key in SEEDS}
        named |= {f"aside/{ASIDE[key]}": value for key, value in environment(compose, name).items() if key in ASIDE}
        seeds = [each for each in mounts(compose, name) if each[0] == "principals" and each[1] != "known"]
        mounted = {folder: target for _, folder, target in seeds}
        assert {user: value.rpartition("/")[0] for user, value in named.items()} == mounted
        for user, value in named.items():
            assert (principals_folder / user / value.rpartition("/")[2]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["nats.conf", "cluster.conf"])
def test_the_real_server_takes_the_configuration(
    compose: dict[str, Any], example: dict[str, str], principals_folder: Path, tmp_path: Path, name: str
) -> None:
    """With exactly the variables that the compose file gives to the broker, and not one seed in it."""
    [(_, folder, target)] = [each for each in mounts(compose, "nats") if each[0] == "principals"]
    assert f"{target}/" in compose["services"]["nats"]["command"][-1]
    variables = {
        key: re.sub(r"\$\{([A-Z_0-9]+)[^}]*\}", lambda found: example[found[1]], value)
        for key, value in environment(compose, "nats").items()
    }
    assert variables.keys() == CLUSTER
    # The certificates are where the volume is mounted; here they are where it was made.
    here = tmp_path / name
    text = (principals_folder / folder / name).read_text(encoding="utf-8")
    assert f'"{target}/tls.key"' in text
    here.write_text(text.replace(f'"{target}/', f'"{principals_folder / folder}/'), encoding="utf-8")
    checked = subprocess.run(
        [find_server(), "--config", str(here), "-t"],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert not [user for user in USERS if (principals_folder / user / "nats.nk").read_text().strip() in text]


# --- the image ------------------------------------------------------------------------------------------------------------


def test_everything_that_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert copied
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def pins(name: str) -> dict[tuple[str, str], str]:
    """(Package, marker) → version, from a lock. One package may stand twice, for two versions of Python."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line.removesuffix(" \\")) for line in lines if line and not line.startswith((" ", "#"))]
    return {(requirement.name, str(requirement.marker or "")): str(requirement.specifier) for requirement in found}


def test_the_image_installs_a_part_of_what_is_tested() -> None:
    """Each pin of the runtime lock stands in the other with the same version; the tools of the tests do not."""
    all_pins, runtime = pins("requirements.lock"), pins("requirements-runtime.lock")
    assert runtime.items() <= all_pins.items()
    assert {"pytest", "mypy", "ruff", "setuptools"} & {package for package, _ in runtime} == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-runtime.lock"])
def test_a_lock_has_a_hash_for_each_pin_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|index-url|find-links|/home|/root|/tmp", text)
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) == len(pins(name))
    assert all("--hash=sha256:" in block for block in blocks)
