"""Headers that would tell an app another path, scheme, client or person than the one that was decided on."""

import json

import pytest

BELOW = "/open/admin"
"""Open to everyone; an app that is told it were mounted at /open reads its admin area there."""

TELLING = [
    ("SCRIPT_NAME", "/open"),
    ("script_name", "/open"),
    ("Script_Name", "/open"),
    ("Script-Name", "/open"),
    ("SCRIPT.NAME", "/open"),
    ("X-Script-Name", "/open"),
    ("X_SCRIPT_NAME", "/open"),
    ("PATH_INFO", "/admin"),
    ("Path-Info", "/admin"),
    ("path.info", "/admin"),
    ("X-Forwarded-Prefix", "/open"),
    ("X_Forwarded_Prefix", "/open"),
    ("X-Forwarded-Path", "/admin"),
    ("X-Forwarded-Uri", "/admin"),
    ("X-Original-URL", "/admin"),
    ("X_Original_URL", "/admin"),
    ("X-Original-URI", "/admin"),
    ("X-Rewrite-URL", "/admin"),
    ("X-Rewrite-URI", "/admin"),
    ("X-Envoy-Original-Path", "/admin"),
    ("X-Forwarded-User", "root"),
    ("X-Forwarded-Email", "root@example.com"),
    ("Remote-User", "root"),
    ("Remote_User", "root"),
    ("remote.user", "root"),
    ("REMOTE_USER", "root"),
    ("X-Remote-User", "root"),
    ("X-BMAuth-JWT", "e30.e30.e30"),
    ("X_BMAuth_JWT", "e30.e30.e30"),
    ("X-Forwarded-Proto", "wss"),
    ("X_Forwarded_Proto", "wss"),
    ("X-Forwarded-Protocol", "ssl"),
    ("X-Forwarded-Ssl", "on"),
    ("X-Scheme", "wss"),
    ("X-Url-Scheme", "wss"),
    ("Front-End-Https", "on"),
    ("X-Forwarded-Host", "elsewhere.example"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-For", "203.0.113.9"),
    ("Forwarded", "for=203.0.113.9;proto=wss;host=elsewhere.example"),
    ("X-Real-IP", "203.0.113.9"),
    ("Client-IP", "203.0.113.9"),
    ("X-Client-IP", "203.0.113.9"),
    ("True-Client-IP", "203.0.113.9"),
    ("CF-Connecting-IP", "203.0.113.9"),
    ("REMOTE_ADDR", "203.0.113.9"),
    ("Proxy", "http://203.0.113.9"),
]


def read(client, fields=(), connection=None):
    answer = client.ask("GET", BELOW, fields, connection=connection)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


@pytest.mark.parametrize("field", TELLING, ids=lambda field: field[0])
def test_the_app_reads_the_same_request_with_it_and_without(through, field):
    connection = through.connect()
    without = read(through, connection=connection)
    assert read(through, [field], connection) == without
    assert without["area"] == "open"


def test_the_app_reads_the_same_request_with_all_of_them(through):
    connection = through.connect()
    assert read(through, TELLING, connection) == read(through, connection=connection)


def test_another_header_is_told(through):
    """So what is the same above is so because it was taken away, not because the app says nothing of it."""
    assert "is told" in json.dumps(read(through, [("X-Other", "is told")])["told"])


@pytest.mark.parametrize("reader", ["gunicorn"])
@pytest.mark.parametrize("name", ["SCRIPT_NAME", "script_name"])
def test_gunicorn_alone_takes_a_clients_word_for_the_script_name(straight, name):
    """The attack: where nothing is configured it believes every client on loopback, as the gateway is."""
    read_as = read(straight, [(name, "/open")])
    assert read_as["area"] == "admin area"
    assert (read_as["told"]["SCRIPT_NAME"], read_as["told"]["PATH_INFO"]) == ("/open", "/admin")


SCHEME = {"gunicorn": "wsgi.url_scheme", "uvicorn-h11": "scheme", "uvicorn-httptools": "scheme"}


@pytest.mark.parametrize("reader", SCHEME)
def test_these_alone_take_a_clients_word_for_the_scheme(straight, reader):
    assert read(straight, [("X-Forwarded-Proto", "https")])["told"][SCHEME[reader]] == "https"


@pytest.mark.parametrize("reader", ["uvicorn-h11", "uvicorn-httptools"])
def test_these_alone_take_a_clients_word_for_the_client(straight):
    assert read(straight, [("X-Forwarded-For", "203.0.113.9")])["told"]["client"] == "203.0.113.9"
