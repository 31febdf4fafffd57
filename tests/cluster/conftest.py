"""Servers that all tests share, and what they print."""

import contextlib
import itertools
import sys
from dataclasses import dataclass

import pytest
from harness.app import App
from harness.clock import Clock
from harness.gateway import Gateway, Site, migrate
from harness.mail import Mailbox
from harness.postgresql import PROGRAMS, Cluster, Server, version
from harness.process import temporary_folder

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def folder():
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def mailbox():
    mailbox = Mailbox()
    yield mailbox
    mailbox.stop()


@pytest.fixture(scope="session")
def app():
    app = App()
    yield app
    app.stop()


@pytest.fixture(scope="session", params=PROGRAMS)
def each_server(request, folder):
    """A PostgreSQL of each version by itself."""
    programs = PROGRAMS[request.param]()
    print(f"\nPostgreSQL {version(programs)}")
    server = Server(f"postgresql-{request.param}", folder, programs)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server(folder):
    server = Server("postgresql", folder, PROGRAMS["debian"]())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cluster(folder):
    """Three members, etcd and HAProxy."""
    cluster = Cluster(folder, PROGRAMS["debian"]())
    yield cluster
    cluster.stop()


@dataclass
class World:
    """A site, and what it needs."""

    site: Site
    mailbox: Mailbox
    url: str

    def two(self, **more) -> list[Gateway]:
        return [self.site.gateway(name, self.url, **more) for name in ("a", "b")]


@contextlib.contextmanager
def world_on(url: str, folder, mailbox, app, is_migrated: bool = True, **more):
    site = Site(folder, f"site{next(NUMBERS)}", mailbox.port, app.port, app.sockets_port, **more)
    try:
        if is_migrated:
            migrate(site, url)
        yield World(site, mailbox, url)
    finally:
        site.stop()


@pytest.fixture
def clock(folder):
    return Clock(folder, f"clock{next(NUMBERS)}")


@pytest.fixture
def fresh_url(server):
    return server.database(f"db{next(NUMBERS)}")


@pytest.fixture
def world(fresh_url, folder, mailbox, app):
    """A site on a database of its own."""
    with world_on(fresh_url, folder, mailbox, app) as world:
        yield world


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Of a test that fails, what the gateways said is told."""
    report = (yield).get_result()
    if report.failed and "world" in item.funcargs:
        for gateway in item.funcargs["world"].site.gateways:
            print(f"\nthe log of gateway {gateway.name}:\n{gateway.log()[-6000:]}", file=sys.stderr)
