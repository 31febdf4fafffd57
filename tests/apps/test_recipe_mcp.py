"""An MCP server behind the gateway, as docs/apps/mcp.md has it, and the client of its own library."""

import json

PAGE = "mcp"


def test_unknown_clients_are_refused(site):
    for fields in ({}, {"Authorization": "Bearer e30.e30.e30"}, {"X-Remote-User": "maria@example.com"}):
        answer = site.unknown_client.ask("POST", site.at("/mcp"), json={}, headers=fields)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_a_tool_knows_whose_access_token_it_is(site):
    (site.app.folder / "here.json").write_text(
        json.dumps({"port": site.app.gateway_port, "url": site.at("/mcp"), "token": site.maria.access_token()})
    )
    (site.app.folder / "client.py").write_text(CLIENT)
    assert site.app.run("python client.py").splitlines()[-2:] == ["['who_am_i']", "maria@example.com"]


CLIENT = """
import asyncio
import json

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

here = json.load(open("here.json"))


class Loopback(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request):
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


async def main():
    headers = {"Authorization": "Bearer " + here["token"]}
    async with httpx.AsyncClient(transport=Loopback(verify=False), headers=headers, trust_env=False) as http:
        async with streamable_http_client(here["url"], http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                print([tool.name for tool in (await session.list_tools()).tools])
                print((await session.call_tool("who_am_i", {})).content[0].text)


asyncio.run(main())
"""
