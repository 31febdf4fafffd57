"""What is passed on as it comes, in both directions, and what slows whom."""

import threading
import time

import pattern
import pytest
from harness.http1 import Http1

MIB = 1024 * 1024
OFFERED = 256 * MIB
BOUND = 48 * MIB
"""How much more memory a gateway may take for one client that does not read."""


def test_each_event_arrives_before_the_next_is_sent(client, told):
    call = client.connect().open("GET", f"/events?tell={told.port}", [("Accept", "text/event-stream")])
    told.say("first")
    assert call.head().status == 200
    come = b""
    for event in ["first", "second", "x" * 5000, "third"]:
        if event != "first":
            told.say(event)
        expected = f"data: {event}\n\n".encode()
        while len(come) < len(expected):
            piece = call.read()
            assert piece, "the stream ended"
            come += piece
        assert come == expected
        come = b""
    told.say("end")
    assert call.read() == b""


# A read() of gunicorn waits until all that is asked for has come.
@pytest.mark.only_where(lambda peer, **_: peer.takes_chunks and "gunicorn" not in peer.name)
def test_each_piece_of_an_upload_arrives_before_the_next_is_sent(client, peer, told):
    call = client.connect().open("POST", f"/take?tell={told.port}", has_body=True)
    told.say("go")
    for number in range(1, 6):
        call.send(b"x" * 1000)
        assert told.hear_until(f"took {number * 1000}")
    call.finish()
    assert told.hear_until("whole") == "whole 5000"
    assert call.whole().body == b"5000"


def test_a_client_that_does_not_read_slows_the_app(client, told):
    gateway = client.gateway
    gateway.forget_peak()
    before = gateway.memory("VmHWM")
    call = client.connect().open("GET", f"/sized?bytes={OFFERED}&tell={told.port}")
    heard = Heard(told)
    heard.until_it_rests()
    assert 0 < heard.count < OFFERED, "the app is slowed"
    assert gateway.memory("VmHWM") - before < BOUND
    # Nothing of what was held back is lost.
    place = 0
    while place < 4 * MIB:
        piece = call.read()
        assert piece == b"".join(
            pattern.at(place + at, min(65_536, len(piece) - at)) for at in range(0, len(piece), 65_536)
        )
        place += len(piece)
    assert gateway.memory("VmHWM") - before < BOUND
    call.leave()
    told_end = heard.last()
    assert told_end.startswith("ended")


def test_an_app_that_does_not_read_slows_the_client(client, told):
    gateway = client.gateway
    gateway.forget_peak()
    before = gateway.memory("VmHWM")
    connection = client.connect()
    call = connection.open("POST", f"/take?tell={told.port}", length=OFFERED, has_body=True)
    told.lines()
    connection.socket.settimeout(2)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < OFFERED:
            call.send(b"x" * 65_536)
            sent += 65_536
    assert gateway.memory("VmHWM") - before < BOUND
    call.leave() if client.connects is Http1 else connection.close()
    told.say("go")
    assert told.hear_until("broken")


class Heard:
    """What the app says while no client waits for it."""

    def __init__(self, told):
        self.line, self.moved = "", time.monotonic()
        lines = told.lines()

        def listen():
            for line in lines:
                self.line, self.moved = line.strip(), time.monotonic()

        self.thread = threading.Thread(target=listen, daemon=True)
        self.thread.start()

    @property
    def count(self) -> int:
        return int(self.line.split()[1])

    def until_it_rests(self) -> None:
        while not self.line or (time.monotonic() - self.moved < 1 and self.count < OFFERED):
            time.sleep(0.1)

    def last(self) -> str:
        self.thread.join(30)
        assert not self.thread.is_alive(), f"the app goes on: {self.line}"
        return self.line
