"""gRPC through the gateway: Google's own client and server at its ends."""

import queue
import threading

import grpc
import pytest
from harness import peers
from harness.process import APPS, LIMIT

MIB = 1024 * 1024
LARGE = [("grpc.max_receive_message_length", 64 * MIB), ("grpc.max_send_message_length", 64 * MIB)]


@pytest.fixture(scope="module")
def channel(world):
    before = world.tls.open_files()
    port = world.ports["grpc"]
    app = peers.started("grpc", [peers.PYTHON, APPS / "grpc_server.py", port], port, world.folder)
    trusted = grpc.ssl_channel_credentials((world.folder / "cert.pem").read_bytes())
    # The name is in the certificate; where it is, is said beside it.
    named = [("grpc.ssl_target_name_override", "grpc.localhost")]
    try:
        with grpc.secure_channel(f"127.0.0.1:{world.tls.port}", trusted, [*LARGE, *named]) as channel:
            yield channel
        world.tls.holds_no_more_than(before)
    finally:
        app.stop()


class Calls:
    def __init__(self, channel):
        for kind, methods in {
            channel.unary_unary: ["echo", "fail", "wait"],
            channel.unary_stream: ["many", "fail_late"],
            channel.stream_unary: ["count", "refuse"],
            channel.stream_stream: ["both", "refuse_late"],
        }.items():
            for method in methods:
                setattr(self, method, kind(f"/apps.Calls/{method}"))


@pytest.fixture
def calls(channel):
    return Calls(channel)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, MIB, 20 * MIB])
def test_a_message_comes_back_with_its_metadata(calls, size):
    message = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    answer, call = calls.echo.with_call(message, timeout=LIMIT)
    assert answer == message
    assert call.code() == grpc.StatusCode.OK
    assert ("x-initial", "first") in call.initial_metadata()
    assert ("x-trailing", "last") in call.trailing_metadata()


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_a_stream_of_answers_comes_whole(calls, count):
    call = calls.many(str(count).encode(), timeout=LIMIT)
    assert list(call) == [str(number).encode() for number in range(count)]
    assert ("x-count", str(count)) in call.trailing_metadata()


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_a_stream_of_requests_arrives_whole(calls, count):
    assert calls.count((b"x" * 1000 for _ in range(count)), timeout=LIMIT) == str(count * 1000).encode()


def test_each_side_may_wait_for_the_other(calls):
    said = queue.SimpleQueue()
    call = calls.both(iter(said.get, None), timeout=LIMIT)
    for number in range(200):
        said.put(str(number).encode())
        assert next(call) == str(number).encode()
    said.put(None)
    assert list(call) == []
    assert call.code() == grpc.StatusCode.OK


def test_a_failure_comes_with_its_words_and_trailers(calls):
    with pytest.raises(grpc.RpcError) as failed:
        calls.fail(b"", timeout=LIMIT)
    error = failed.value
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == "not like this: \N{SNOWMAN}"
    assert ("x-why", "it is broken") in error.trailing_metadata()
    assert ("x-why-bin", b"\0\1\2\xff") in error.trailing_metadata()


def test_a_failure_after_answers_comes_after_them(calls):
    call = calls.fail_late(b"", timeout=LIMIT)
    assert [next(call), next(call)] == [b"one", b"two"]
    with pytest.raises(grpc.RpcError):
        next(call)
    assert (call.code(), call.details()) == (grpc.StatusCode.DATA_LOSS, "the rest is gone")


REFUSED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "that is enough")


@pytest.fixture
def upload():
    """Messages that do not end before the test does."""
    over = threading.Event()

    def messages(count):
        for _ in range(count):
            yield b"x" * 100_000
        over.wait(LIMIT)

    yield messages
    over.set()


@pytest.mark.parametrize("count", [1, 200])
def test_a_failure_arrives_before_the_upload_ends(calls, upload, count):
    for _ in range(10):
        with pytest.raises(grpc.RpcError) as failed:
            calls.refuse(upload(count), timeout=LIMIT)
        assert (failed.value.code(), failed.value.details()) == REFUSED
        assert calls.echo(b"after it", timeout=LIMIT) == b"after it"


@pytest.mark.parametrize("count", [1, 200])
def test_a_failure_after_answers_arrives_before_the_upload_ends(calls, upload, count):
    for _ in range(10):
        call = calls.refuse_late(upload(count), timeout=LIMIT)
        assert next(call) == b"one"
        with pytest.raises(grpc.RpcError):
            next(call)
        assert (call.code(), call.details()) == REFUSED
        assert ("x-trailing", "last") in call.trailing_metadata()
        assert calls.echo(b"after it", timeout=LIMIT) == b"after it"


def test_a_deadline_ends_the_call_at_the_app_too(calls, told):
    with pytest.raises(grpc.RpcError) as failed:
        calls.wait(str(told.port).encode(), timeout=1)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert [told.hear(), told.hear()] == ["waiting", "ended"]


def test_who_cancels_is_gone_for_the_app_too(calls, told):
    call = calls.wait.future(str(told.port).encode(), timeout=LIMIT)
    assert told.hear() == "waiting"
    call.cancel()
    assert told.hear() == "ended"
    assert calls.echo(b"after it", timeout=LIMIT) == b"after it"


def test_many_calls_at_once(calls):
    """More than one connection to the app takes."""
    waiting = [calls.echo.future(str(number).encode() * 1000, timeout=LIMIT) for number in range(300)]
    for number, call in enumerate(waiting):
        assert call.result() == str(number).encode() * 1000
