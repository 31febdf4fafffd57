"""Requests and answers of every ordinary kind, by each version of HTTP, behind each server."""

import json

import pytest
from harness.http2 import Http2


def test_an_answer_comes_as_the_app_gave_it(client):
    answer = client.ask("GET", "/hello")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.one("content-length") == "5"
    assert answer.one("content-type").startswith("text/plain")


def test_head_has_no_body_and_its_connection_serves_the_next(client):
    connection = client.connect()
    for _ in range(3):
        answer = client.ask("HEAD", "/hello", connection=connection)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.one("content-length") in ("5", None)
        assert client.ask("GET", "/hello", connection=connection).body == b"hello"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_ends_with_its_head(client, status):
    connection = client.connect()
    for _ in range(2):
        fields = [("If-None-Match", '"v1"')]
        answer = client.ask("GET", f"/status/{status}", fields, connection=connection)
        assert (answer.status, answer.body, answer.one("etag")) == (status, b"", '"v1"')
        assert answer.one("transfer-encoding") is None
    assert client.ask("GET", "/hello", connection=connection).body == b"hello"


@pytest.mark.parametrize("status", [200, 201, 400, 404, 418, 429, 500, 503])
def test_a_status_is_the_apps(client, status):
    answer = client.ask("GET", f"/status/{status}")
    assert (answer.status, answer.body) == (status, f"status {status}".encode())


def test_a_redirect_is_passed_on(client):
    answer = client.ask("GET", "/redirect")
    assert (answer.status, answer.one("location")) == (303, "/hello")


def test_each_cookie_is_a_field_of_its_own_in_order(client):
    answer = client.ask("GET", "/cookies")
    assert answer.all("set-cookie") == [f"c{n}=v{n}; Path=/" for n in range(30)]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_arrive_as_they_are(client, method):
    assert json.loads(client.ask(method, "/seen").body)["method"] == method


def test_a_connection_serves_many_requests(client):
    connection = client.connect()
    for number in range(100):
        body = f"number {number}".encode()
        answer = client.ask("POST", "/echo", pieces=[body], length=len(body), connection=connection)
        assert answer.body == body


@pytest.mark.only_where(lambda client, **_: client is Http2)
def test_streams_of_one_connection_do_not_wait_for_each_other(client, peer):
    connection = client.connect()
    calls = [
        connection.open("POST", "/echo", has_body=True, length=1000) for _ in range(4 if "sync" in peer.name else 20)
    ]
    for number, call in reversed(list(enumerate(calls))):
        call.send(bytes([number]) * 1000, last=True)
    for number, call in enumerate(calls):
        assert call.whole().body == bytes([number]) * 1000
