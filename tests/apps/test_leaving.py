"""Clients that leave in the middle: the app learns of it."""

import pytest

MIB = 1024 * 1024


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "close"])
def test_the_app_sees_that_a_download_is_left(client, told, reset):
    call = client.connect().open("GET", f"/sized?bytes={200 * MIB}&tell={told.port}")
    taken = 0
    while taken < MIB:
        taken += len(call.read())
    call.leave(reset)
    assert told.hear_until("ended")
    assert client.ask("GET", "/hello").body == b"hello"


@pytest.mark.only_where(lambda peer, has_length, **_: peer.takes_chunks or has_length)
@pytest.mark.parametrize("has_length", [True, False], ids=["length", "no-length"])
def test_the_app_does_not_take_half_an_upload_for_a_whole_one(client, peer, told, has_length):
    length = 4 * MIB if has_length else None
    call = client.connect().open("POST", f"/take?tell={told.port}", length=length, has_body=True)
    told.say("go")
    call.send(b"x" * MIB)
    told.hear_until("took")
    call.leave()
    while (line := told.hear()).startswith("took"):
        pass
    assert line.startswith("broken"), line
    assert client.ask("GET", "/hello").body == b"hello"


def test_a_client_that_leaves_between_head_and_answer_stops_no_other_client(client, told):
    for _ in range(3):
        call = client.connect().open("GET", "/hello")
        call.leave(reset=True)
    assert client.ask("GET", "/hello").body == b"hello"
