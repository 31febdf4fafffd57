"""What examples/ says about running the gateway: BMAuth takes each configuration, and the proxies of examples/compose work
in front of it."""

import contextlib
import os
import re
import subprocess
from dataclasses import dataclass

import pytest
from free_ports import free_ports
from harness import peers
from harness.gateway import BINARY
from harness.person import Person
from harness.process import ROOT, Process, temporary_folder

EXAMPLES = ROOT / "examples"
COMPOSE = EXAMPLES / "compose"
FILES = sorted(EXAMPLES.glob("*/bmauth.toml"))
TOOLS = ROOT / "target/tools/bin"
PATH = f"{TOOLS}:{os.environ['PATH']}:/usr/sbin"


def embedded(file):
    """The configuration that stands in a manifest or in the values of a chart."""
    text = file.read_text()
    start = re.search(r"^( *)(bmauth\.toml|config): \|\n", text, re.MULTILINE)
    inside = re.match(rf"(?:{start[1]}  .*\n|\n)*", text[start.end() :])[0]
    return re.sub(rf"^{start[1]}  ", "", inside, flags=re.MULTILINE)


def written(file, text, folder):
    """As the configuration is found where it runs: with the files that its keys name."""
    for key, path in re.findall(r'^(\w+_file) = "([^"]+)"', text, re.MULTILINE):
        name = folder / f"secret-{key}"
        if key == "key_file":
            subprocess.run([BINARY, "keys", "new-file", name], check=True, capture_output=True)
        elif not name.exists():
            name.touch(mode=0o600)
            name.write_text({"smtp_url_file": "smtps://user:secret@mail.home.arpa", "url_file": "postgres://bmauth@database/bmauth"}[key])
        text = text.replace(f'"{path}"', f'"{name}"')
    # It refuses what is only an example, as it should.
    there = folder / "bmauth.toml"
    there.write_text(text.replace("example.com", "home.arpa"))
    return there


def is_taken(file):
    done = subprocess.run([BINARY, "check", "--offline", "-c", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_each_configuration_is_taken(file, tmp_path):
    is_taken(written(file, file.read_text(), tmp_path))


@pytest.mark.parametrize("name", ["bmauth.yaml", "chart/values.yaml"])
def test_those_of_kubernetes_are_taken(name, tmp_path):
    file = EXAMPLES / "kubernetes" / name
    is_taken(written(file, embedded(file), tmp_path))


def test_that_of_the_package_has_its_store_where_the_unit_lets_it_write():
    """scripts/dist changes this line."""
    text = (ROOT / "config/bmauth.toml").read_text()
    assert text.splitlines().count('# path = "data/bmauth.redb"') == 1
    unit = (ROOT / "packaging/bmauth.service").read_text()
    assert "\nStateDirectory=bmauth\n" in unit and "\nExecStart=/usr/bin/bmauth serve -c /etc/bmauth/bmauth.toml\n" in unit


@dataclass
class Front:
    origin: str
    gateway: Process
    maria: Person


COMMANDS = {
    "nginx": lambda folder: ["nginx", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"],
    "caddy": lambda folder: ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"],
    "traefik": lambda folder: ["traefik", f"--configFile={folder}/traefik.yml"],
}


@pytest.fixture(scope="module", params=["alone", *COMMANDS])
def front(request):
    """The configuration of examples/compose, with addresses of this machine in the place of names."""
    with temporary_folder() as folder, contextlib.ExitStack() as stack:
        port, behind, admin, app = free_ports(4)
        name = request.param
        if name == "alone":
            behind = port
        here = {
            "http://localhost:8080": f"http://localhost:{port}",
            "0.0.0.0:8080": f"127.0.0.1:{behind}",
            "0.0.0.0:9091": f"127.0.0.1:{admin}",
            "/var/lib/bmauth": str(folder),
            'smtp_url = "smtp://mail:1025?tls=off"': 'transport = "log"',
            "http://app:8000": f"http://127.0.0.1:{app}",
            "bmauth:8080": f"127.0.0.1:{behind}",
            "listen 8080;": f"listen 127.0.0.1:{port};",
            "address: :8080": f"address: 127.0.0.1:{port}",
            "/etc/traefik": str(folder),
            "/tmp/": f"{folder}/",
        }

        def put(file):
            names = "|".join(map(re.escape, here))
            (folder / file.name).write_text(re.sub(names, lambda found: here[found[0]], file.read_text()))

        put(COMPOSE / "bmauth.toml")
        trusted = {} if name == "alone" else {"BMAUTH__SERVER__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
        running = []
        stack.callback(peers.stop, running)
        settings = {"NO_COLOR": "1", "RUST_LOG": "warn", **trusted}
        gateway = Process("gateway", [BINARY, "serve", "-c", folder / "bmauth.toml"], behind, folder, settings)
        running.append(gateway)
        fastapi = EXAMPLES / "fastapi"
        command = [fastapi / ".venv/bin/uvicorn", "--port", str(app), "--app-dir", fastapi, "app:app"]
        origin = f"http://localhost:{port}"
        keys = {"BMAUTH_URL": origin, "BMAUTH_JWKS_URL": f"http://127.0.0.1:{admin}/jwks.json", "PYTHONPATH": ""}
        running.append(Process("app", command, app, folder, keys))
        if name in COMMANDS:
            for file in (COMPOSE / name).iterdir():
                put(file)
            more = {"PATH": PATH, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
            running.append(Process(name, ["env", *COMMANDS[name](folder)], port, folder, more))
        for process in running:
            process.wait_until_it_listens()
        gateway.origin = origin
        maria = Person(gateway)
        stack.callback(maria.close)
        maria.register("maria@example.com")
        yield Front(origin, gateway, maria)


def test_a_person_registers_and_the_app_knows_them(front):
    assert "maria@example.com" in front.maria.opens(f"{front.origin}/").text
    assert front.maria.ask("GET", f"{front.origin}/api/me").json()["email"] == "maria@example.com"


def test_unknown_clients_and_forgers_get_nowhere(front):
    unknown_client = Person(front.gateway)
    with contextlib.closing(unknown_client):
        for headers in ({}, {"X-BMAuth-JWT": "e30.e30.e30"}, {"Remote-User": "maria"}, {"X-Forwarded-Uri": "/optional"}):
            answer = unknown_client.ask("GET", f"{front.origin}/api/me", headers=headers)
            assert answer.status_code in (400, 401, 403), (headers, answer.status_code)
        assert "Hello, guest" in unknown_client.ask("GET", f"{front.origin}/optional").text


def test_no_client_outside_asks_what_only_proxies_may_ask(front):
    for path in ("/_bmauth/forward-auth", "/_bmauth/forward-auth/x"):
        answer = front.maria.ask("GET", front.origin + path, headers={"X-Original-URL": front.origin + "/", "X-Original-Method": "GET"})
        assert answer.status_code in (403, 404, 418), answer.status_code
        assert "x-bmauth-jwt" not in answer.headers
