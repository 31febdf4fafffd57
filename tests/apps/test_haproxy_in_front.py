"""HAProxy in front of the gateway: its checks, and the ways in which it says whose a connection is."""

import csv
import json
import socket
from types import SimpleNamespace

import pytest
from free_ports import free_port, free_ports
from harness import peers
from harness.gateway import Route
from harness.http1 import Http1
from harness.process import until
from harness.readers import READERS

VISITOR = "127.0.0.2"
"""Another address than that of HAProxy."""
ORDINARY, ANNOUNCED = "ordinary", "announced"
HEALTHZ = "option httpchk GET /_bmauth/healthz"
WAYS = {
    "the default check": (ORDINARY, "option httpchk", ""),
    "healthz": (ORDINARY, HEALTHZ, ""),
    "healthz with a host": (ORDINARY, f"{HEALTHZ}\n  http-check send hdr Host localhost ver HTTP/1.1", ""),
    "X-Forwarded-For": (ORDINARY, "option httpchk\n  option forwardfor", ""),
    "PROXY 1": (ANNOUNCED, "option httpchk", "send-proxy"),
    "PROXY 2": (ANNOUNCED, "option httpchk", "send-proxy-v2"),
    "PROXY 2 and healthz": (ANNOUNCED, HEALTHZ, "send-proxy-v2"),
}
"""To which gateway, and what the configuration says of the way and of the server."""
SAYS_WHOSE = [way for way in WAYS if way.startswith(("X-", "PROXY"))]
UNANNOUNCED = "nothing said"


class Front:
    """HAProxy, with a port for each way."""

    def __init__(self, running):
        app = free_port()
        running.app("app", READERS["uvicorn-httptools"](app), app)
        trusted = 'trusted_proxies = ["127.0.0.1/32"]'
        servers = {ORDINARY: trusted, ANNOUNCED: f"{trusted}\nproxy_protocol = true"}
        gateways = {
            name: running.gateway(Route("localhost", app), name=name, server=server).port
            for name, server in servers.items()
        }
        ways = WAYS | {UNANNOUNCED: (ANNOUNCED, "option httpchk", "")}
        self.ports = dict(zip(ways, free_ports(len(ways))))
        self.told = running.folder / "haproxy.sock"
        sections = [self.section(way, gateways[to], *says) for way, (to, *says) in ways.items()]
        settings = running.folder / "haproxy.cfg"
        settings.write_text(f"""
global
  noreuseport
  stats socket {self.told}
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
{"".join(sections)}""")
        running.app("haproxy", [peers.program("haproxy"), "-f", settings], self.ports[UNANNOUNCED])

    def section(self, way, gateway, options, server):
        return f"""
listen {way.replace(" ", "_")}
  bind 127.0.0.1:{self.ports[way]}
  {options}
  server gateway 127.0.0.1:{gateway} check inter 100ms {server}
"""

    def check(self, way):
        """What HAProxy says of the server, and of its last check."""
        with socket.socket(socket.AF_UNIX) as asked, asked.makefile("rw", newline="\n") as lines:
            asked.connect(str(self.told))
            lines.write("show stat\n")
            lines.flush()
            rows = list(csv.DictReader(lines))
        (row,) = [row for row in rows if (row["# pxname"], row["svname"]) == (way.replace(" ", "_"), "gateway")]
        return row["status"], row["check_status"]

    def ask(self, way):
        connection = Http1(SimpleNamespace(port=self.ports[way]), "localhost", VISITOR)
        try:
            return connection.open("GET", "/a").whole()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def front(running):
    return Front(running)


@pytest.mark.parametrize("way", WAYS)
def test_the_gateway_passes_the_check_and_a_request_gets_through(front, way):
    until(lambda: front.check(way)[1].startswith("L7OK"), f"{way}: checked")
    assert front.check(way) == ("UP", "L7OK")
    assert front.ask(way).status == 200


@pytest.mark.parametrize("way", SAYS_WHOSE)
def test_the_app_sees_the_visitors_address(front, way):
    told = json.loads(front.ask(way).body)["told"]
    assert dict(told["fields"])["x-forwarded-for"].split(",")[0] == VISITOR
    assert told["client"] == VISITOR


def test_the_app_sees_the_proxys_where_nothing_is_said(front):
    assert json.loads(front.ask("healthz").body)["told"]["client"] == "127.0.0.1"


def test_a_gateway_that_has_to_be_told_is_down_where_it_is_not(front):
    until(lambda: front.check(UNANNOUNCED)[0] == "DOWN", "down")
    assert front.ask(UNANNOUNCED).status == 503
