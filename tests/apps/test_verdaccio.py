"""Verdaccio behind the gateway: npm publishes a package with a scope, whose name it writes as one segment with %2f, and
installs it."""

import json
import subprocess

import pytest
from free_ports import free_port
from harness import peers
from harness.gateway import Route
from harness.http1 import Http1
from harness.process import ROOT, alone

VERDACCIO = ROOT / "tests/apps/verdaccio/node_modules/verdaccio/bin/verdaccio"
NAME, VERSION = "@example/thing", "1.2.3"

if not VERDACCIO.exists() or peers.found("npm") is None:
    pytest.skip("Verdaccio or npm is missing here; scripts/setup apps says why", allow_module_level=True)


@pytest.fixture(scope="module")
def gateway(running):
    port = free_port()
    settings = running.folder / "verdaccio.yaml"
    settings.write_text("""
storage: ./storage
uplinks: {}
packages:
  "@example/*": { access: $all, publish: $anonymous, unpublish: $anonymous }
web: { enable: false }
middlewares: {}
log: { type: stdout, format: pretty, level: warn }
""")
    command = [peers.program("node"), VERDACCIO, "--config", settings, "--listen", f"127.0.0.1:{port}"]
    running.app("verdaccio", command, port)
    return running.gateway(Route("localhost", port))


@pytest.fixture(scope="module")
def npm(gateway, running):
    """Runs npm with the registry behind the gateway and no other, and returns what it printed."""
    registry = f"localhost:{gateway.port}/"
    # npm publishes only where it has a token, whatever one; Verdaccio knows no user by this one.
    lines = [f"registry=http://{registry}", f"//{registry}:_authToken=nobody", "audit=false", "fund=false"]
    (running.folder / ".npmrc").write_text("\n".join([*lines, "update-notifier=false", "fetch-retries=0", ""]))

    def run(folder, *arguments):
        done = subprocess.run(
            [peers.program("npm"), *arguments], cwd=folder, env=alone(running.folder), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def published(npm, running):
    folder = running.folder / "thing"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"name": NAME, "version": VERSION, "main": "thing.js"}))
    (folder / "thing.js").write_text('module.exports = "the thing";\n')
    npm(folder, "publish")
    return folder


def ask(gateway, path):
    connection = Http1(gateway, "localhost")
    try:
        return connection.open("GET", path).whole()
    finally:
        connection.close()


def test_a_published_package_is_installed_from_where_it_is_asked_for(npm, running, gateway, published):
    folder = running.folder / "user"
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}')
    npm(folder, "install", NAME)
    assert (folder / "node_modules" / NAME / "thing.js").read_text() == (published / "thing.js").read_text()
    (address,) = [
        entry["resolved"]
        for path, entry in json.loads((folder / "package-lock.json").read_text())["packages"].items()
        if path.endswith(NAME)
    ]
    assert address.startswith(f"http://localhost:{gateway.port}/@example/thing/-/")


@pytest.mark.parametrize("path", ["/@example%2fthing", "/@example%2Fthing", "/@example/thing", "/%40example%2fthing"])
def test_the_package_is_found_by_each_spelling_that_clients_use(gateway, published, path):
    answer = ask(gateway, path)
    assert answer.status == 200
    assert json.loads(answer.body)["dist-tags"] == {"latest": VERSION}


def test_a_tag_is_set_and_the_package_taken_back(npm, gateway, published):
    """What npm does by PUT and DELETE, also below the encoded name."""
    npm(published, "dist-tag", "add", f"{NAME}@{VERSION}", "next")
    assert json.loads(ask(gateway, "/@example%2fthing").body)["dist-tags"] == {"latest": VERSION, "next": VERSION}
    npm(published, "unpublish", "--force", NAME)
    assert ask(gateway, "/@example%2fthing").status == 404
