"""Ports for programs that are told where to listen."""

import itertools
import os
import socket

FIRST, COUNT = 12_500, 2_500

_numbers = itertools.count(os.getpid() * 50)


def free_port() -> int:
    """A port that nothing listens on, given out once. It is below those that the system hands out by itself: between
    now and its use, no other listener and no outgoing connection can get it."""
    for number in itertools.islice(_numbers, COUNT):
        port = FIRST + number % COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port is free from {FIRST} on")


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]
