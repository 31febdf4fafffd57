"""WsgiDAV behind the gateway, with a folder for those who are signed in: nothing gets in or out from beside it."""

import io

import pytest
from free_ports import free_port
from harness import peers
from harness.gateway import Route
from harness.http1 import Http1
from harness.process import APPS
from webdav4.client import Client, ForbiddenOperation, HTTPError


@pytest.fixture(scope="module")
def folder(running):
    folder = running.folder / "files"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def wsgidav(running, folder):
    port = free_port()
    return running.app("wsgidav", [peers.PYTHON, APPS / "webdav.py", port, folder], port)


@pytest.fixture(scope="module")
def gateway(running, wsgidav):
    return running.gateway(
        Route("localhost", wsgidav.port), Route("localhost", wsgidav.port, "/closed", access="signed-in")
    )


@pytest.fixture(autouse=True)
def files(folder):
    """As they are at the start of each test."""
    for name in ("open", "closed"):
        (folder / name).mkdir(exist_ok=True)
        for left in (folder / name).iterdir():
            left.unlink()
    (folder / "open/a b").write_text("open")
    (folder / "closed/secret").write_text("secret")


def texts(folder):
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def client(gateway):
    client = Client(f"http://localhost:{gateway.port}", trust_env=False, retry=False)
    yield client
    client.http.close()


def test_a_file_is_written_read_copied_moved_and_removed(client, folder):
    client.upload_fileobj(io.BytesIO(b"new"), "/open/é (1)")
    client.copy("/open/é (1)", "/open/[2] & 3")
    client.move("/open/é (1)", "/open/second")
    taken = io.BytesIO()
    client.download_fileobj("/open/second", taken)
    assert taken.getvalue() == b"new"
    client.remove("/open/second")
    assert texts(folder / "open") == {"a b": "open", "[2] & 3": "new"}


def test_a_folder_is_made_moved_and_removed(client, folder):
    client.mkdir("/open/one")
    client.upload_fileobj(io.BytesIO(b"new"), "/open/one/file")
    client.move("/open/one", "/open/two")
    assert client.exists("/open/two/file") and not client.exists("/open/one")
    client.remove("/open/two")
    assert texts(folder / "open") == {"a b": "open"}


def test_a_listing_of_one_level_has_the_names_there(client):
    assert {entry["name"] for entry in client.ls("/", detail=True)} == {"open", "closed"}
    assert client.ls("/open", detail=False) == ["open/a b"]
    assert client.info("/open/a b")["content_length"] == 4


@pytest.mark.parametrize("act", ["move", "copy"])
@pytest.mark.parametrize("source", ["/open/a b", "/open"])
def test_nothing_is_moved_or_copied_in(client, folder, act, source):
    before = texts(folder)
    with pytest.raises(ForbiddenOperation):
        getattr(client, act)(source, "/closed/new")
    assert texts(folder) == before


@pytest.mark.parametrize("act", ["move", "copy"])
@pytest.mark.parametrize("source", ["/closed/secret", "/closed"])
def test_nothing_is_moved_or_copied_out(client, folder, act, source):
    before = texts(folder)
    with pytest.raises(HTTPError) as refused:
        getattr(client, act)(source, "/open/taken")
    assert refused.value.status_code == 401
    assert texts(folder) == before


def ask(asked, method, path, **fields):
    connection = Http1(asked, "localhost")
    try:
        return connection.open(method, path, fields.items()).whole()
    finally:
        connection.close()


INTO_IT = [
    "/closed/new",
    "http://localhost:{port}/closed/new",
    "http://localhost/closed/new",
    "https://localhost:1/closed/new",
    "/%63losed/new",
    "//closed/new",
    "//localhost:{port}/closed/new",
    "/closed%2Fnew",
    "/%2Fclosed/new",
    "/CLOSED/new",
    "/open/../closed/new",
    "/open/%2e%2e/closed/new",
    "/open/..%2fclosed/new",
    "/closed/new#x",
    "/closed/new?x",
    "/closed;x/new",
    "closed/new",
    "http://elsewhere.example/closed/new",
]


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
@pytest.mark.parametrize("destination", INTO_IT)
def test_no_spelling_of_the_destination_leads_in(gateway, folder, method, destination):
    before = texts(folder)
    answer = ask(gateway, method, "/open/a%20b", Destination=destination.format(port=gateway.port))
    assert answer.status in (400, 403)
    assert texts(folder) == before


@pytest.mark.parametrize("destination", ["/closed/new", "http://localhost:{port}/closed/new", "/%63losed/new"])
def test_wsgidav_alone_goes_there(wsgidav, folder, destination):
    answer = ask(wsgidav, "MOVE", "/open/a%20b", Destination=destination.format(port=wsgidav.port))
    assert answer.status == 201
    assert texts(folder)["closed/new"] == "open"


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("PROPFIND", "/", {"Depth": "0"}, 207),
        ("PROPFIND", "/", {"Depth": "1"}, 207),
        ("PROPFIND", "/", {"Depth": "infinity"}, 403),
        ("PROPFIND", "/", {}, 403),
        ("PROPFIND", "/open", {"Depth": "infinity"}, 207),
        ("PROPFIND", "/closed", {"Depth": "0"}, 401),
        ("DELETE", "/", {}, 403),
        ("DELETE", "/closed", {}, 401),
        ("DELETE", "/open/a%20b", {}, 204),
        ("LOCK", "/", {}, 403),
        ("COPY", "/", {"Destination": "/open/all"}, 403),
        ("MOVE", "/", {"Destination": "/open/all"}, 403),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_how_far_down_a_request_reaches(gateway, folder, method, path, fields, status):
    before = texts(folder / "closed")
    answer = ask(gateway, method, path, **fields)
    assert answer.status == status
    assert b"secret" not in answer.body
    assert texts(folder / "closed") == before


def test_wsgidav_alone_tells_what_is_below(wsgidav):
    assert b"secret" in ask(wsgidav, "PROPFIND", "/", Depth="infinity").body
