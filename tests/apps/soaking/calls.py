"""Calls over gRPC: whole, failed, cancelled, late, and to an app that does not speak it."""

import grpc
from raw import content

LIMIT = 30
ENDS = (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


def visit(visitor) -> str:
    (call,) = visitor.choices.choices([echo, many, count, cancel, late, refuse, unauthenticated], [4, 3, 3, 1, 1, 1, 1])
    visitor.does = f"gRPC {call.__name__}"
    if visitor.channel is None or visitor.happens(0.1):
        if visitor.channel is not None:
            visitor.channel.close()
        visitor.channel = opened(visitor, "grpc.localhost")
    call(visitor, visitor.channel)
    return visitor.does


def opened(visitor, host):
    trusted = grpc.ssl_channel_credentials((visitor.folder / "cert.pem").read_bytes())
    named = [("grpc.ssl_target_name_override", host)]
    # Else all of this process would share one connection.
    apart = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.secure_channel(f"127.0.0.1:{visitor.tls.port}", trusted, named + apart)


def echo(visitor, channel):
    message = content(visitor.choices.randrange(1 << 32), visitor.size())
    assert channel.unary_unary("/apps.Calls/echo")(message, timeout=LIMIT) == message


def many(visitor, channel):
    count = visitor.choices.randrange(500)
    come = list(channel.unary_stream("/apps.Calls/many")(str(count).encode(), timeout=LIMIT))
    assert come == [str(number).encode() for number in range(count)]


def count(visitor, channel):
    pieces = [b"x" * visitor.size() for _ in range(visitor.choices.randrange(10))]
    answer = channel.stream_unary("/apps.Calls/count")(iter(pieces), timeout=LIMIT)
    assert answer == str(sum(map(len, pieces))).encode()


def cancel(visitor, channel):
    call = channel.unary_stream("/apps.Calls/many")(b"100000", timeout=LIMIT)
    for _ in range(visitor.choices.randrange(1, 50)):
        next(call)
    call.cancel()


def late(visitor, channel):
    ends_with(
        ENDS, lambda: list(channel.unary_stream("/apps.Calls/many")(b"1000000", timeout=visitor.choices.random()))
    )


def refuse(visitor, channel):
    pieces = (b"x" * 50_000 for _ in range(50))
    ends_with(
        [grpc.StatusCode.RESOURCE_EXHAUSTED], lambda: channel.stream_unary("/apps.Calls/refuse")(pieces, timeout=LIMIT)
    )


def unauthenticated(visitor, _channel):
    with opened(visitor, "raw.localhost") as channel:
        ends_with([grpc.StatusCode.UNAVAILABLE], lambda: channel.unary_unary("/apps.Calls/echo")(b"", timeout=LIMIT))


def ends_with(codes, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() in codes, f"{error.code()}: {error.details()}"
    else:
        raise AssertionError("the call ended well")
