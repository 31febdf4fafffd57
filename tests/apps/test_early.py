"""Answers that come while the request is still being sent."""

import pytest
from harness.answer import BrokenOff

LARGE = 64 * 1024 * 1024
PIECE = b"x" * 65_536


def send(call, data: bytes) -> bool:
    """Whether all of it was taken, which is not needed once the answer is there."""
    try:
        call.send(data)
    except (OSError, BrokenOff):
        return False
    return True


def loses_no_answers(peer, closes, **_) -> bool:
    """nginx itself loses the answer of an app behind it that closes now and then, also without the gateway."""
    return peer.name != "nginx" or not closes


@pytest.mark.only_where(lambda **named: loses_no_answers(**named))
@pytest.mark.only_where(lambda peer, has_length, **_: peer.takes_chunks or has_length)
@pytest.mark.parametrize("closes", [True, False], ids=["app-closes", "app-keeps"])
@pytest.mark.parametrize("status", [413, 401])
@pytest.mark.parametrize("has_length", [True, False], ids=["length", "no-length"])
def test_an_early_answer_arrives_before_the_upload_ends(client, peer, status, closes, has_length):
    path = f"/early?status={status}&close={int(closes)}"
    for _ in range(10):
        call = client.connect().open("POST", path, length=LARGE if has_length else None, has_body=True)
        # Nothing more is sent before the answer is there.
        send(call, PIECE + b"x" * peer.reads_on)
        answer = call.whole()
        assert (answer.status, answer.body) == (status, b"too early")
    assert client.ask("GET", "/hello").body == b"hello"


@pytest.mark.only_where(lambda **named: loses_no_answers(**named))
@pytest.mark.parametrize("closes", [True, False], ids=["app-closes", "app-keeps"])
def test_an_early_answer_arrives_while_the_client_sends_on(client, peer, closes):
    """All is sent that is taken; whether the answer is read afterwards is up to the version of HTTP."""
    call = client.connect().open("POST", f"/early?status=413&close={int(closes)}", length=LARGE, has_body=True)
    sent = 0
    while sent < LARGE and send(call, PIECE):
        sent += len(PIECE)
    try:
        assert call.whole().status == 413
    except ConnectionResetError:
        # TCP throws away what was not read yet once what was sent is refused. So would it be without the gateway.
        assert client.version == "HTTP/1.1"
    assert client.ask("GET", "/hello").body == b"hello"


def test_a_connection_is_not_used_again_with_half_a_request_on_it(client, peer):
    """Many requests whose bodies are refused, and others between them."""
    for _ in range(10):
        call = client.connect().open("POST", "/early?status=401", length=LARGE, has_body=True)
        send(call, b"GET /status/500 HTTP/1.1\r\nHost: a\r\n\r\n" * (100 + peer.reads_on // 32))
        assert call.head().status == 401
        assert client.ask("GET", "/hello").body == b"hello"
        call.leave()
        assert client.ask("GET", "/hello").body == b"hello"
