"""Apps that close unused connections after a second, and requests just then: none of them is lost."""

import random
import threading
import time
from collections import Counter

import pytest
from harness import peers
from harness.http1 import Http1
from harness.http2 import Http2

SECONDS = 15
CLIENTS = 8
"""For each app and version of HTTP."""
METHODS = ["GET", "PUT", "DELETE"]


@pytest.fixture
def quick_peers(world):
    running, chosen = [], [peer for peer in peers.HTTP if peer.keeps_connections]
    try:
        for peer in chosen:
            running += peer.start(world.ports[f"{peer.name}-quick"], peers.QUICK_TO_CLOSE, world.folder)
        yield chosen
    finally:
        peers.stop(running)


def test_no_request_is_lost_when_the_app_closes_an_unused_connection(world, quick_peers):
    """All apps at the same time, so that it is soon over."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    outcomes: Counter = Counter()
    end = time.monotonic() + SECONDS

    def visit(name, kind, number):
        random_numbers = random.Random(f"{seed} {name} {kind.version} {number}")
        gateway = world.tls if kind is Http2 else world.plain
        connection = kind(gateway, f"{name}-quick.localhost")
        while time.monotonic() < end:
            method = random_numbers.choice(METHODS)
            # A PUT has a length, as browsers say it, and no body.
            length = {"length": 0} if method == "PUT" else {}
            try:
                outcomes[name, connection.open(method, "/hello", **length).whole().status] += 1
            except Exception as error:
                outcomes[name, repr(error)] += 1
                connection = kind(gateway, f"{name}-quick.localhost")
            spread = random_numbers.choice([0.002, 0.02, 0.2])
            time.sleep(max(0, 1 + random_numbers.uniform(-spread, spread)))
        connection.close()

    visitors = [
        threading.Thread(target=visit, args=(peer.name, kind, number))
        for peer in quick_peers
        for kind in (Http1, Http2)
        for number in range(CLIENTS)
    ]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert {status for _, status in outcomes} == {200}, outcomes
    assert {name for name, _ in outcomes} == {peer.name for peer in quick_peers}
