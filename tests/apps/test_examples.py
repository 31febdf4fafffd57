"""The examples of Django, Flask, Express and FastAPI behind the gateway: each knows who is signed in, by the token alone."""

import contextlib
import sys
from dataclasses import dataclass

import httpx
import pytest
from free_ports import free_port
from harness import peers
from harness.gateway import Gateway, Route, make_certificate
from harness.person import Person
from harness.process import LIMIT, ROOT, Process, temporary_folder

EXAMPLES = ROOT / "examples"
BIN = ROOT / "clients/python/.venv/bin"
# Forked after the app was loaded, as it is where memory is short.
GUNICORN = [BIN / "gunicorn", "--workers", "2", "--preload", "--no-control-socket"]
UVICORN = [EXAMPLES / "fastapi/.venv/bin/uvicorn"]


def commands(port):
    at = ["--bind", f"127.0.0.1:{port}"]
    return {
        "django": [*GUNICORN, *at, "--chdir", EXAMPLES / "django", "app:application"],
        "flask": [*GUNICORN, *at, "--chdir", EXAMPLES / "flask", "app:app"],
        "express": ["node", EXAMPLES / "express/app.js"],
        "fastapi": [*UVICORN, "--port", str(port), "--app-dir", EXAMPLES / "fastapi", "app:app"],
        "fastapi-by-hand": [*UVICORN, "--port", str(port), "--app-dir", EXAMPLES / "fastapi-by-hand", "app:app"],
    }


NAMES = sorted(commands(0))
WITH_GROUPS = ["django", "express", "flask"]


@dataclass
class World:
    gateway: Gateway
    ports: dict[str, int]
    maria: Person
    ben: Person
    unknown_client: Person

    def at(self, name: str, path: str) -> str:
        return f"https://{name}.localhost:{self.gateway.port}{path}"

    def past_the_gateway(self, name: str, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.ports[name]}{path}", headers=headers, timeout=LIMIT, trust_env=False)


@pytest.fixture(scope="module")
def world():
    with temporary_folder() as folder, contextlib.ExitStack() as stack:
        make_certificate(folder)
        ports = {name: free_port() for name in NAMES}
        routes = [
            Route(f"{name}.localhost", port, path, access)
            for name, port in ports.items()
            for path, access in (("/", "signed-in"), ("/optional", "optional"))
        ]
        gateway = Gateway("gateway", folder, routes, True)
        running = [gateway]
        stack.callback(peers.stop, running)
        gateway.wait_until_it_listens()
        for name, port in ports.items():
            env = {
                "BMAUTH_URL": gateway.origin,
                "BMAUTH_AUDIENCE": f"{name}.localhost",
                # A certificate of one's own authority, or the keys of the admin listener.
                **({"BMAUTH_JWKS_URL": f"http://127.0.0.1:{gateway.admin}/jwks.json"} if name == "express" else {}),
                "SSL_CERT_FILE": str(folder / "cert.pem"),
                "DATABASE": str(folder / "django.sqlite3"),
                "SECRET_KEY": "of this test alone",
                "PORT": str(port),
                "PYTHONPATH": "",
            }
            if name == "django":
                prepared = Process("migrate", [BIN / "python", EXAMPLES / "django/app.py", "migrate"], port, folder, env)
                assert prepared.child.wait(LIMIT) == 0, prepared.log()
            app = Process(name, commands(port)[name], port, folder, env)
            running.append(app)
            app.wait_until_it_listens()
        maria, ben, unknown_client = Person(gateway), Person(gateway), Person(gateway)
        for person in (maria, ben, unknown_client):
            stack.callback(person.close)
        maria.register("maria@example.com")
        ben.register("ben@example.com")
        yield World(gateway, ports, maria, ben, unknown_client)
        for process in running:
            print(f"\nthe log of {process.name}:\n{process.log()}", file=sys.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_it_knows_who_is_signed_in(world, name):
    for _ in range(3):
        for person, email in ((world.maria, "maria@example.com"), (world.ben, "ben@example.com")):
            assert email in person.opens(world.at(name, "/")).text
            claims = person.opens(world.at(name, "/api/me")).json()
            assert (claims["email"], claims["iss"], claims["aud"]) == (email, world.gateway.origin, f"{name}.localhost")
            assert email in person.opens(world.at(name, "/optional")).text


@pytest.mark.parametrize("name", NAMES)
def test_unknown_clients_have_no_identity(world, name):
    assert world.unknown_client.ask("GET", world.at(name, "/api/me")).status_code == 401
    assert "Hello, guest" in world.unknown_client.ask("GET", world.at(name, "/optional")).text


@pytest.mark.parametrize("name", NAMES)
def test_an_identity_that_a_client_writes_itself_reaches_no_app(world, name):
    world.maria.opens(world.at(name, "/"))
    for header in ("X-BMAuth-JWT", "X_BMAuth_JWT", "x-bmauth_jwt", "Remote-User"):
        answer = world.maria.ask("GET", world.at(name, "/api/me"), headers={header: "e30.e30.e30"})
        assert (answer.status_code, answer.json()["email"]) == (200, "maria@example.com")
        answer = world.unknown_client.ask("GET", world.at(name, "/optional"), headers={header: "e30.e30.e30"})
        assert (answer.status_code, "Hello, guest" in answer.text) == (200, True)


@pytest.mark.parametrize("name", NAMES)
def test_who_gets_past_the_gateway_needs_a_token_of_it(world, name):
    forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."
    assert world.past_the_gateway(name, "/api/me", []).status_code == 401
    for path in ("/api/me", "/optional"):
        for value in (forged, "maria@example.com", f"{forged},{forged}", "A" * 6000):
            assert world.past_the_gateway(name, path, [("X-BMAuth-JWT", value)]).status_code == 401
        twice = [("X-BMAuth-JWT", forged), ("X-BMAuth-JWT", forged)]
        assert world.past_the_gateway(name, path, twice).status_code == 401
        # Servers drop the other spelling, refuse it, or join it to the first; none takes it for an identity.
        other = world.past_the_gateway(name, path, [("X_BMAuth_JWT", forged), ("Remote-User", "maria@example.com")])
        assert other.status_code in (400, 401) or (path == "/optional" and "Hello, guest" in other.text)


@pytest.mark.parametrize("name", WITH_GROUPS)
def test_groups_count_with_the_next_request(world, name):
    page = world.at(name, "/staff")
    assert world.ben.opens(page).status_code == 403
    world.gateway.command("users", "groups", "ben@example.com", "--add", "staff")
    assert world.ben.opens(page).status_code == 200
    world.gateway.command("users", "groups", "ben@example.com", "--remove", "staff")
    assert world.ben.opens(page).status_code == 403
