"""Two gateways, plain and with TLS, in front of every peer; two in front of the apps that say how they read a request;
and the clients of each version of HTTP.

All tests of one peer run together, and after them nothing may be left open in the gateways."""

import contextlib
import sys
from dataclasses import dataclass

import pytest
from free_ports import free_port
from harness import peers, readers
from harness.gateway import Gateway, Route, make_certificate
from harness.http1 import Http1
from harness.http2 import Http2
from harness.person import Person
from harness.process import Process, temporary_folder
from harness.recipe import App
from harness.told import Told

GRPC = "grpc"


@dataclass
class World:
    folder: object
    plain: Gateway
    tls: Gateway
    ports: dict[str, int]
    """Where the app of each name listens, once it is started."""

    def gateways(self):
        return [self.plain, self.tls]


@pytest.fixture(scope="session")
def world():
    names = [name for peer in peers.PEERS for name in (peer.name, quick(peer))] + [GRPC]
    ports = {name: free_port() for name in names}
    routes = [Route(f"{name}.localhost", port) for name, port in ports.items()]
    with temporary_folder() as folder:
        make_certificate(folder)
        running = []
        try:
            for name, tls in (("plain", False), ("tls", True)):
                running.append(Gateway(name, folder, routes, tls))
                running[-1].wait_until_it_listens()
            yield World(folder, *running, ports)
        finally:
            peers.stop(running)
            for gateway in running:
                print(f"\nthe log of the gateway {gateway.name}:\n{gateway.log()}", file=sys.stderr)


def quick(peer) -> str:
    """The name of the peer that closes unused connections at once."""
    return f"{peer.name}-quick"


@pytest.fixture(scope="session")
def peer(request, world):
    """The peer that a test is for, started with the app."""
    peer = request.param
    before = [gateway.open_files() for gateway in world.gateways()]
    running = peer.start(world.ports[peer.name], peers.SLOW_TO_CLOSE, world.folder)
    yield peer
    try:
        for gateway, files in zip(world.gateways(), before):
            gateway.holds_no_more_than(files)
    finally:
        peers.stop(running)


def pytest_generate_tests(metafunc):
    """Each test that has a peer is tried with all of them: those with WebSockets where it says so."""
    if "peer" in metafunc.fixturenames:
        chosen = peers.WEBSOCKET if metafunc.definition.get_closest_marker("websocket") else peers.HTTP
        metafunc.parametrize("peer", chosen, ids=lambda peer: peer.name, indirect=True, scope="session")


def pytest_collection_modifyitems(items):
    """A peer is started once: its tests come together, in the order of the list."""
    places = {peer.name: place for place, peer in enumerate(peers.PEERS)}

    def place(item):
        peer = getattr(item, "callspec", None) and item.callspec.params.get("peer")
        return places[peer.name] if peer else len(places)

    def is_one(item):
        marks = item.iter_markers("only_where")
        return all(holds(**item.callspec.params) for mark in marks for holds in mark.args)

    # What a peer or a version of HTTP does not have is no test of theirs.
    items[:] = sorted(filter(is_one, items), key=place)


@dataclass
class Client:
    """Opens connections of one version to the peer."""

    connects: type
    gateway: Gateway
    host: str
    opened: list

    @property
    def version(self) -> str:
        return self.connects.version

    def connect(self):
        connection = self.connects(self.gateway, self.host)
        self.opened.append(connection)
        return connection

    def ask(self, method, path, fields=(), pieces=None, length=None, connection=None):
        """The whole answer. A body of `pieces` has a length only where that is said."""
        connection = connection or self.connect()
        has_body = pieces is not None
        call = connection.open(method, path, fields, length, has_body)
        if has_body:
            for piece in pieces:
                call.send(piece)
            call.finish()
        return call.whole()


def clients(connects, gateway, name):
    client = Client(connects, gateway, f"{name}.localhost", [])
    yield client
    for connection in client.opened:
        connection.close()


@pytest.fixture(params=[Http1, Http2], ids=["http1", "http2"])
def client(request, world, peer):
    gateway = world.tls if request.param is Http2 else world.plain
    yield from clients(request.param, gateway, peer.name)


@pytest.fixture
def told():
    told = Told()
    yield told
    told.close()


@pytest.fixture(scope="session")
def reading_world():
    """The gateways and the apps. For each app `/` is open to everyone, and `/admin` to those who are signed in."""
    with temporary_folder() as folder:
        make_certificate(folder)
        apps = readers.all_started(folder)
        running = [*apps.values()]
        try:
            for app in apps.values():
                app.wait_until_it_listens()
            ways = {"/": "public", "/admin": "signed-in"}
            routes = [Route(f"{name}.localhost", apps[name].port, *way) for name in apps for way in ways.items()]
            gateways = {Http1: Gateway("plain", folder, routes, False), Http2: Gateway("tls", folder, routes, True)}
            running += gateways.values()
            for gateway in gateways.values():
                gateway.wait_until_it_listens()
            yield gateways, apps
        finally:
            peers.stop(running)


@pytest.fixture(params=readers.READERS)
def reader(request):
    """The name of an app that says how it reads a request."""
    return request.param


@pytest.fixture(params=[Http1, Http2], ids=["http1", "http2"])
def through(request, reader, reading_world):
    """Asks it through a gateway."""
    gateways, _ = reading_world
    yield from clients(request.param, gateways[request.param], reader)


@pytest.fixture
def straight(reader, reading_world):
    """Asks it without one."""
    _, apps = reading_world
    yield from clients(Http1, apps[reader], reader)


@pytest.fixture(scope="module")
def running():
    """Starts programs, and stops them when the tests of a file end."""
    with temporary_folder() as folder, contextlib.ExitStack() as stack:
        yield Running(folder, stack)


@dataclass
class Running:
    folder: object
    stack: contextlib.ExitStack

    def app(self, name, command, port):
        return self._listening(Process(name, command, port, self.folder))

    def gateway(self, *routes, name="gateway", server=""):
        """One without TLS."""
        return self._listening(Gateway(name, self.folder, routes, False, server))

    def _listening(self, process):
        self.stack.callback(peers.stop, [process])
        process.wait_until_it_listens()
        return process


@dataclass
class Site:
    """The app of a page of docs/apps behind the gateway: with a person who is signed in, and a client that is not."""

    app: App
    maria: Person
    unknown_client: Person

    @property
    def origin(self) -> str:
        return self.app.origin

    def at(self, path: str) -> str:
        return self.app.origin + path


MARIA = "maria@example.com"


@pytest.fixture(scope="module")
def site(request):
    """That of the page that the file names.

    Its `prepare` does what comes before the page's files are written, `ready` what comes before the start. `MORE` is what
    the tests say to the program besides."""
    with temporary_folder() as folder, contextlib.ExitStack() as stack:
        make_certificate(folder)
        app = App(request.module.PAGE, folder)
        stack.callback(app.stop)
        getattr(request.module, "prepare", lambda app: None)(app)
        app.write_files()
        getattr(request.module, "ready", lambda app: None)(app)
        app.start(getattr(request.module, "MORE", ""))
        maria, unknown_client = Person(app.gateway), Person(app.gateway)
        for person in (maria, unknown_client):
            stack.callback(person.close)
        maria.register(MARIA)
        maria.opens(app.origin + "/")
        yield Site(app, maria, unknown_client)
        for process in app.running:
            print(f"\nthe log of {process.name}:\n{process.log()}", file=sys.stderr)
