"""Bytes with a known order: byte number i is i % 251."""

CYCLE = 251
PIECE = 64 * 1024
_SOME = bytes(range(CYCLE)) * (PIECE // CYCLE + 2)


def at(place: int, count: int) -> bytes:
    """Up to `PIECE` bytes."""
    start = place % CYCLE
    return _SOME[start : start + count]


def pieces(count: int, size: int = PIECE):
    for place in range(0, count, size):
        yield at(place, min(size, count - place))


def whole(count: int) -> bytes:
    return b"".join(pieces(count))
