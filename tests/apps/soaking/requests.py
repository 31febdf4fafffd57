"""Requests to the raw app: whole ones, and such as are left in each phase."""

import time

from harness.answer import BrokenOff
from harness.http1 import Http1
from raw import content

WELL = ["length", "chunks", "until-close", "echo", "stall"]
EARLY = ["early", "early-and-stays"]
UNANSWERED = ["reset", "close", "no-http"]
CUT = ["cut-length", "cut-chunks", "reset-within"]
PHASES = ["never", "never", "never", "in the head", "after the head", "in the upload", "in the answer", "slowly"]
BROKEN = (BrokenOff, ConnectionError)


def visit(visitor) -> str:
    how = visitor.choices.choice(WELL * 3 + EARLY + UNANSWERED + CUT)
    leaves, kind = visitor.choices.choice(PHASES), visitor.kind()
    size, seed, upload = visitor.size(), visitor.choices.randrange(1 << 32), visitor.size()
    has_length = visitor.happens(0.5)
    visitor.does = f"{kind.version} {how} size={size} seed={seed} upload={upload} length={has_length} leaves {leaves}"
    connection = visitor.connection(kind)
    name = f"{kind.version} {how}"
    if leaves == "in the head":
        if kind is Http1:
            connection.socket.sendall(b"POST /echo HTTP/1.1\r\nHost: raw.local")
        connection.close(reset=visitor.happens(0.5))
        return f"{kind.version} left {leaves}"
    body = content(seed, upload)
    path = f"/{how}?size={size}&seed={seed}"
    try:
        call = connection.open("POST", path, length=upload if has_length else None, has_body=True)
    except BROKEN:
        # One that was kept may have been closed meanwhile.
        connection.close()
        return f"{kind.version} not open any more"
    try:
        if leaves == "after the head":
            return left(call, connection, visitor, leaves)
        for place in range(0, upload, 30_000):
            if leaves == "in the upload" and place >= upload // 2:
                return left(call, connection, visitor, leaves)
            call.send(body[place : place + 30_000])
        call.finish()
    except BROKEN:
        if how not in EARLY + UNANSWERED:
            raise
    expected = body if how == "echo" else content(seed, size)
    try:
        head = call.head()
        if leaves == "in the answer":
            call.read()
            return left(call, connection, visitor, leaves)
        come = bytearray()
        while piece := call.read():
            come += piece
            if leaves == "slowly" and len(come) < 200_000:
                time.sleep(0.05)
    except BROKEN:
        connection.close()
        if how in WELL:
            raise
        return f"{name}: broken off"
    said = check(how, head.status, bytes(come), expected)
    if kind is Http1 and (head.one("connection") == "close" or head.status >= 400):
        connection.close()
    else:
        visitor.keep(kind, connection)
    return f"{name}: {said}"


def check(how: str, status: int, come: bytes, expected: bytes) -> str:
    if how in WELL:
        assert status == 200, status
        assert come == expected, f"{len(come)} bytes, {len(expected)} were sent, or others"
    elif how in EARLY:
        assert (status, come) == (413, b"too large"), (status, come)
    elif how in UNANSWERED:
        assert status == 502, status
    else:
        raise AssertionError(f"a cut answer looks whole: {status}, {len(come)} bytes")
    return str(status)


def left(call, connection, visitor, where) -> str:
    call.leave(reset=visitor.happens(0.5))
    if isinstance(connection, Http1):
        connection.close()
    else:
        visitor.keep(type(connection), connection)
    return f"{connection.version} left {where}"
