"""Syncthing's page behind the gateway, as docs/apps/syncthing.md has it."""

import re

import pytest
from free_ports import free_port
from harness.recipe import refuses_unauthenticated

PAGE = "syncthing"

ALONE = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "crashReportingEnabled": "false",
    "autoUpgradeIntervalH": "0",
    "urAccepted": "-1",
}
"""It looks for no peers, and no peer finds it."""


def prepare(app):
    app.run("syncthing generate --no-default-folder --skip-port-probing")
    (settings,) = app.folder.rglob("config.xml")
    text = settings.read_text()
    for name, value in {**ALONE, "listenAddress": f"tcp://127.0.0.1:{free_port()}"}.items():
        text, count = re.subn(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>", text)
        assert count == 1, name
    settings.write_text(text)
    app.key = re.search("<apikey>([^<]*)</apikey>", text)[1]


@pytest.fixture(scope="module", autouse=True)
def staff(site):
    assert site.maria.opens(site.at("/")).status_code == 403
    site.app.gateway.command("users", "groups", "maria@example.com", "--add", "staff")


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/rest/system/status")
    key = {"X-API-Key": site.app.key}
    assert site.unknown_client.ask("GET", site.at("/rest/system/status"), headers=key).status_code == 401


def test_its_page_and_its_answers_to_it_come(site):
    page = site.maria.opens(site.at("/"))
    assert page.status_code == 200 and "Syncthing" in page.text
    (cookie,) = [cookie for cookie in site.maria.client.cookies.jar if cookie.name.startswith("CSRF-Token")]
    status = site.maria.ask("GET", site.at("/rest/system/status"), headers={f"X-{cookie.name}": cookie.value})
    assert status.status_code == 200 and status.json()["myID"]
    assert site.maria.ask("GET", site.at("/rest/system/status")).status_code == 403


def test_a_script_has_both_keys(site):
    headers = {"Authorization": f"Bearer {site.maria.access_token()}", "X-API-Key": site.app.key}
    assert site.unknown_client.ask("GET", site.at("/rest/system/status"), headers=headers).status_code == 200
