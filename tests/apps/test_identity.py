"""Who is signed in, in plain headers, as real servers read them: over HTTP and where a WebSocket is opened."""

import asyncio
import json
from urllib.parse import unquote

import pytest
from free_ports import free_ports
from harness import readers
from harness.gateway import Route
from harness.http1 import Http1
from harness.person import sign_up
from harness.process import LIMIT
from harness.websocket import opened

NAME, EMAIL = "Zoë Ångström 100 %", "zoe@example.com"
ASCII = "Zo%C3%AB %C3%85ngstr%C3%B6m 100 %25"
FORGED = [("Remote-Name", "Admin"), ("X-Who", "admin@example.com"), ("X_Who", "admin"), ("Remote-User", "admin")]

WEBSOCKET = {
    **{f"uvicorn-{ws}": readers.uvicorn("h11", ws) for ws in ("websockets", "websockets-sansio", "wsproto")},
    "node-decoded": readers.READERS["node-decoded"],
}
APPS = {**readers.READERS, **WEBSOCKET}


@pytest.fixture(scope="module")
def apps(running):
    """Each app's port."""
    ports = dict(zip(APPS, free_ports(len(APPS))))
    for name, command in APPS.items():
        running.app(name, command(ports[name]), ports[name])
    return ports


@pytest.fixture(scope="module")
def gateway(running, apps):
    routes = [
        Route(f"{name}.localhost", port, path, access)
        for name, port in apps.items()
        for path, access in (("/", "signed-in"), ("/optional", "optional"))
    ]
    names = '{ Remote-Name = "name", X-Who = "email", X-WebAuth-User = "email", Remote-Groups = "groups" }'
    return running.gateway(*routes, server=f"[identity]\nplain_headers = {names}")


@pytest.fixture(scope="module")
def access(gateway):
    return sign_up(gateway, EMAIL, NAME)


def told(said: bytes | str) -> dict[str, str]:
    """What the app read of the identity, by the name in lowercase with hyphens, from whichever form it says it in."""
    told = json.loads(said)["told"]
    fields = told.get("fields")
    if fields is None:  # WSGI
        pairs = [(name.removeprefix("HTTP_"), value) for name, value in told.items()]
    elif fields and isinstance(fields[0], str):  # Node: names and values in turn
        pairs = list(zip(fields[::2], fields[1::2]))
    else:
        pairs = fields
    known = {name.lower().replace("_", "-"): value for name, value in pairs}
    return {name: value for name, value in known.items() if name.startswith(("remote-", "x-who", "x-webauth"))}


def get(gateway, name, path, fields):
    connection = Http1(gateway, f"{name}.localhost")
    try:
        answer = connection.open("GET", path, fields).whole()
    finally:
        connection.close()
    assert answer.status == 200, answer.body
    return told(answer.body)


def is_zoe(read):
    assert read["remote-name"] == ASCII and unquote(ASCII) == NAME
    assert (read["x-who"], read["x-webauth-user"], read["remote-groups"]) == (EMAIL, EMAIL, "")
    assert "admin" not in json.dumps(read).lower(), "what the client says of itself arrived"


@pytest.mark.parametrize("name", readers.READERS)
def test_a_name_arrives_in_ascii_and_reads_back_as_it_was(gateway, access, name):
    is_zoe(get(gateway, name, "/", [("Authorization", f"Bearer {access}"), *FORGED]))


@pytest.mark.parametrize("name", readers.READERS)
def test_without_a_session_the_app_gets_no_identity(gateway, access, name):
    without = get(gateway, name, "/optional", [])
    assert get(gateway, name, "/optional", FORGED) == without
    assert "x-who" not in without and "remote-name" not in without


@pytest.mark.parametrize("name", WEBSOCKET)
def test_a_websocket_opens_for_any_name(gateway, access, name):
    async def first_message():
        async with opened(gateway, f"{name}.localhost", "/", {"Authorization": f"Bearer {access}"}) as wire:
            return await asyncio.wait_for(wire.recv(), LIMIT)

    is_zoe(told(asyncio.run(first_message())))
