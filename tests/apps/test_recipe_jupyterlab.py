"""JupyterLab behind the gateway, as docs/apps/jupyterlab.md has it: its pages, files and kernels."""

import asyncio
import json
import uuid

import httpx
import pytest
from harness import websocket
from harness.process import LIMIT
from harness.recipe import refuses_unauthenticated
from websockets.exceptions import InvalidStatus

PAGE = "jupyterlab"
# The tests may run as root.
MORE = "--allow-root"


@pytest.fixture(scope="module", autouse=True)
def lab(site):
    """Maria is let in."""
    site.maria.opens(site.at("/lab"))
    refused = site.maria.opens(site.at("/lab"))
    assert refused.status_code == 403
    site.app.gateway.command("users", "groups", "maria@example.com", "--add", "lab")
    site.maria.opens(site.at("/lab"))


def ask(site, method, path, **more):
    """As its page's script does."""
    headers = {"Origin": site.origin, "X-XSRFToken": site.maria.client.cookies.get("_xsrf", "")}
    return site.maria.ask(method, site.at(path), headers=headers, **more)


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/lab", "/api/contents", "/static/lab/index.html")


def test_the_page_comes_and_knows_who_is_signed_in(site):
    page = site.maria.opens(site.at("/lab"))
    assert page.status_code == 200 and "jupyter-config-data" in page.text
    answer = site.maria.ask("GET", site.at("/api/me"), headers={"X-Remote-User": "ann@example.com"})
    assert answer.json()["identity"]["username"] == "maria@example.com"


def test_past_the_gateway_there_is_no_user_without_the_header(site):
    """Its own token is gone, but not its asking."""
    address = f"http://127.0.0.1:{site.app.app_port}"
    for path in ("/api/contents", "/api/kernels", "/api/me", "/api/terminals"):
        assert httpx.get(address + path, trust_env=False).status_code == 403
    assert httpx.post(address + "/api/kernels", json={}, trust_env=False).status_code == 403


def test_a_file_goes_up_and_comes_down(site):
    told = {"type": "file", "format": "text", "content": "hello"}
    assert ask(site, "PUT", "/api/contents/hello.txt", json=told).status_code == 201
    assert site.maria.ask("GET", site.at("/files/hello.txt"), headers={"Referer": site.at("/lab")}).text == "hello"
    without = site.maria.ask("PUT", site.at("/api/contents/other.txt"), json=told)
    assert without.status_code == 403, "what does not come from its page has no token of it"


def test_a_kernel_computes(site):
    async def computed(kernel):
        path = f"/api/kernels/{kernel}/channels"
        async with opened(site, site.maria, path) as socket:
            content = {
                "code": "6 * 7",
                "silent": False,
                "store_history": False,
                "user_expressions": {},
                "allow_stdin": False,
            }
            header = {
                "msg_id": uuid.uuid4().hex,
                "session": "s",
                "username": "",
                "version": "5.3",
                "msg_type": "execute_request",
            }
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            await socket.send(json.dumps(message))
            while True:
                said = json.loads(await asyncio.wait_for(socket.recv(), LIMIT))
                if said["msg_type"] == "execute_result":
                    return said["content"]["data"]["text/plain"]

    started = ask(site, "POST", "/api/kernels", json={"name": "python3"})
    assert started.status_code == 201, started.text
    assert asyncio.run(computed(started.json()["id"])) == "42"
    for person, origin, status in ((site.unknown_client, site.origin, 401), (site.maria, "https://elsewhere.example", 403)):
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(only_open(site, person, f"/api/kernels/{started.json()['id']}/channels", origin))
        assert refused.value.response.status_code == status


def opened(site, person, path, origin=None):
    headers = {"Cookie": person.cookies_at(site.origin), "Origin": origin or site.origin}
    return websocket.opened(site.app.gateway, site.app.host, path, headers)


async def only_open(site, person, path, origin):
    async with opened(site, person, path, origin):
        pass
