"""Bodies of every size and framing, byte for byte."""

import hashlib
import itertools

import pattern
import pytest
from harness.http2 import Http2

MIB = 1024 * 1024
SIZES = [0, 1, 65_535, 65_536, MIB, 20 * MIB]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def cut(body: bytes):
    """In pieces of which no two neighbours are alike in size."""
    sizes = itertools.cycle([1, 16_384, 100_000, 7, 65_536])
    place = 0
    while place < len(body):
        size = next(sizes)
        yield body[place : place + size]
        place += size


def is_echoed(client, body: bytes, pieces, length):
    answer = client.ask("POST", "/echo", pieces=pieces, length=length)
    assert answer.status == 200, answer
    assert len(answer.body) == len(body)
    assert digest(answer.body) == digest(body)


@pytest.mark.parametrize("size", SIZES)
def test_a_body_with_a_length_comes_back(client, size):
    body = pattern.whole(size)
    is_echoed(client, body, cut(body), size)


@pytest.mark.only_where(lambda peer, **_: peer.takes_chunks)
@pytest.mark.parametrize("size", SIZES)
def test_a_body_without_a_length_comes_back(client, peer, size):
    """Over HTTP/2 it ends in an empty frame."""
    body = pattern.whole(size)
    is_echoed(client, body, cut(body), None)


@pytest.mark.only_where(lambda client, **_: client is Http2)
@pytest.mark.only_where(lambda peer, has_length, **_: peer.takes_chunks or has_length)
@pytest.mark.parametrize("has_length", [True, False], ids=["length", "no-length"])
def test_a_body_may_end_in_a_full_frame(client, peer, has_length):
    body = pattern.whole(100_000)
    call = client.connect().open("POST", "/echo", length=len(body) if has_length else None, has_body=True)
    call.send(body, last=True)
    assert call.whole().body == body


@pytest.mark.only_where(lambda peer, **_: peer.takes_chunks)
def test_a_request_without_a_body_may_say_so_in_a_frame(client, peer):
    """DATA that is empty and ends the stream, after a head that did not."""
    connection = client.connect()
    for _ in range(3):
        call = connection.open("POST", "/echo", has_body=True)
        call.finish()
        answer = call.whole()
        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("size", [0, 1, 65_536, 5 * MIB])
def test_an_answer_without_a_length_comes_whole(client, size):
    connection = client.connect()
    answer = client.ask("GET", f"/unsized?bytes={size}", connection=connection)
    assert (answer.status, digest(answer.body)) == (200, digest(pattern.whole(size)))
    if answer.one("connection") != "close":
        assert client.ask("GET", "/hello", connection=connection).body == b"hello"


@pytest.mark.parametrize("size", [1, 65_536, 20 * MIB])
def test_an_answer_with_a_length_comes_whole(client, size):
    answer = client.ask("GET", f"/sized?bytes={size}")
    assert answer.one("content-length") == str(size)
    assert digest(answer.body) == digest(pattern.whole(size))


@pytest.mark.only_where(lambda peer, **_: peer.asks_for_bodies)
def test_a_body_waits_until_it_is_asked_for(client, peer, request):
    """Expect: 100-continue."""
    if client.connects is Http2:
        request.applymarker(pytest.mark.xfail(raises=TimeoutError, reason="over HTTP/2 the gateway passes no 100 on"))
    body = pattern.whole(100_000)
    fields = [("Expect", "100-continue")]
    connection = client.connect()
    connection.socket.settimeout(5)
    call = connection.open("POST", "/echo", fields, length=len(body), has_body=True)
    head = call.next_head()
    assert head.status == 100, "only the app asks for the body"
    call.send(body)
    call.finish()
    assert call.whole().body == body


def test_a_body_that_is_not_wanted_need_not_be_sent(client):
    fields = [("Expect", "100-continue")]
    call = client.connect().open("POST", "/early?status=413&close=1", fields, length=MIB, has_body=True)
    answer = call.whole()
    assert (answer.status, answer.body) == (413, b"too early")
