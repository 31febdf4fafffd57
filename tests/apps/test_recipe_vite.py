"""Vite's dev server behind the gateway, as docs/apps/vite.md has it."""

import asyncio
import json
import re

import pytest
from harness import websocket
from harness.process import LIMIT
from harness.recipe import refuses_unauthenticated
from websockets.exceptions import InvalidStatus

PAGE = "vite"


def prepare(app):
    (app.folder / "package.json").write_text('{ "type": "module" }')
    (app.folder / "index.html").write_text(
        '<!doctype html><title>Dev</title><script type="module" src="/main.js"></script>'
    )
    (app.folder / "main.js").write_text(
        'import { text } from "./text.js";\nimport.meta.hot.accept("./text.js", () => {});\ntext;\n'
    )
    (app.folder / "text.js").write_text('export const text = "first";\n')


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/main.js", "/@vite/client")


def test_the_page_and_what_it_loads_come(site):
    assert "/main.js" in site.maria.opens(site.at("/")).text
    assert "text.js" in site.maria.ask("GET", site.at("/main.js")).text


def opened(site, person, **fields):
    token = re.search(r'const wsToken = "([^"]+)"', site.maria.ask("GET", site.at("/@vite/client")).text)[1]
    headers = {"Cookie": person.cookies_at(site.origin), "Origin": site.origin, **fields}
    return websocket.opened(site.app.gateway, site.app.host, f"/?token={token}", headers, subprotocols=["vite-hmr"])


def test_a_change_is_told_over_the_websocket(site):
    async def told():
        async with opened(site, site.maria) as socket:
            assert json.loads(await socket.recv()) == {"type": "connected"}
            (site.app.folder / "text.js").write_text('export const text = "second";\n')
            return json.loads(await asyncio.wait_for(socket.recv(), LIMIT))

    site.maria.ask("GET", site.at("/text.js"))
    change = asyncio.run(told())
    assert (change["type"], [update["path"] for update in change["updates"]]) == ("update", ["/main.js"])


def test_no_other_origin_opens_it(site):
    async def tried(person, **fields):
        async with opened(site, person, **fields):
            pass

    for person, fields, status in (
        (site.unknown_client, {}, 401),
        (site.maria, {"Origin": "https://elsewhere.example"}, 403),
    ):
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(tried(person, **fields))
        assert refused.value.response.status_code == status
