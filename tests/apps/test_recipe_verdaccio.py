"""Verdaccio behind the gateway, as docs/apps/verdaccio.md has it: its pages, and npm with an access token."""

import json
import subprocess

import pytest
from harness import peers
from harness.process import alone
from harness.recipe import refuses_unauthenticated

PAGE = "verdaccio"

# npm asks the resolver, which need not know names below localhost.
RESOLVES = """
const dns = require('dns');
const { lookup } = dns;
dns.lookup = (name, ...more) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...more);
"""


@pytest.fixture(scope="module")
def npm(site):
    folder = site.app.folder
    (folder / "resolves.cjs").write_text(RESOLVES)
    registry = site.at("/").removeprefix("https:")
    lines = [f"registry=https:{registry}", f"{registry}:_authToken={site.maria.access_token()}", "strict-ssl=false"]
    (folder / ".npmrc").write_text(
        "\n".join([*lines, "audit=false", "fund=false", "update-notifier=false", "fetch-retries=0", ""])
    )

    def run(inside, *arguments):
        env = {**alone(folder), "NODE_OPTIONS": f"--require={folder}/resolves.cjs"}
        done = subprocess.run([peers.program("npm"), *arguments], cwd=inside, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/-/verdaccio/data/packages", "/@example%2fthing")


def test_its_pages_come(site):
    page = site.maria.opens(site.at("/"))
    assert page.status_code == 200 and "Verdaccio" in page.text
    # It writes its own address into its pages, by what the gateway says of host and scheme.
    assert f"{site.origin}/-/static/" in page.text
    assert site.maria.ask("GET", site.at("/-/verdaccio/data/packages")).status_code == 200


def test_a_package_is_published_and_installed_with_an_access_token(site, npm):
    made, used = site.app.folder / "thing", site.app.folder / "user"
    made.mkdir()
    used.mkdir()
    (made / "package.json").write_text(json.dumps({"name": "@example/thing", "version": "1.2.3", "main": "thing.js"}))
    (made / "thing.js").write_text('module.exports = "the thing";\n')
    npm(made, "publish")
    (used / "package.json").write_text('{"private": true}')
    npm(used, "install", "@example/thing")
    assert (used / "node_modules/@example/thing/thing.js").read_text() == (made / "thing.js").read_text()
