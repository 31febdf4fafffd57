#!/usr/bin/env python3
"""Random visitors against an app that behaves and misbehaves, for SOAK_MINUTES (10 unless said otherwise).

Every whole answer is held against what it must be, and no cut one may look whole. At the end the gateway has to be as
it was near the beginning: files, threads, memory, and nothing under way. SOAK_SEED repeats what the visitors do."""

import contextlib
import os
import pathlib
import random
import sys
import threading
import time
from collections import Counter

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "apps"), str(HERE.parent / "loopback")]

from free_ports import free_port  # noqa: E402
from harness import peers  # noqa: E402
from harness.gateway import Gateway, Route, make_certificate  # noqa: E402
from harness.process import APPS, temporary_folder  # noqa: E402
from soaking import calls, requests, sockets  # noqa: E402
from soaking.visitor import Visitor  # noqa: E402

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
SEED = int(os.environ.get("SOAK_SEED", random.randrange(1 << 32)))
VISITORS = 12
WARM_UP = min(60, MINUTES * 60 / 5)
QUIET = 10
"""Seconds after which an idle gateway has closed what it need not keep."""
MORE_MEMORY = 48 * 1024 * 1024
MORE_FILES = 5
KINDS = [(requests.visit, 12), (sockets.visit, 2), (calls.visit, 2)]


def start(name, port, folder):
    return peers.started(name, [peers.PYTHON, APPS / f"{name}.py", port], port, folder)


def visit_until(stop, gateways, folder, number, counted, failed):
    choices = random.Random(f"{SEED} {number}")
    visits, weights = zip(*KINDS)
    visitor = Visitor(gateways, folder, choices)
    while not stop.is_set():
        (visit,) = choices.choices(visits, weights)
        try:
            counted[visit(visitor)] += 1
        except Exception as error:
            failed.append(f"visitor {number}: {visitor.does}: {error!r}")
            print(failed[-1], flush=True)
    visitor.close()


def visits(gateways, folder, seconds, numbers, counted, failed):
    stop = threading.Event()
    common = (stop, gateways, folder)
    threads = [threading.Thread(target=visit_until, args=(*common, number, counted, failed)) for number in numbers]
    for thread in threads:
        thread.start()
    with contextlib.suppress(KeyboardInterrupt):
        stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    time.sleep(QUIET)


def state(gateway):
    return {"files": gateway.open_files(), "threads": gateway.threads(), "memory": gateway.memory()}


def is_as_it_was(gateway, before) -> list[str]:
    """What is not."""
    now = state(gateway)
    print(f"{gateway.name}: {before} -> {now}, {gateway.requests()}")
    bounds = {"files": MORE_FILES, "threads": 2, "memory": MORE_MEMORY}
    more = [
        f"{gateway.name}: {what} {before[what]} -> {now[what]}"
        for what in bounds
        if now[what] > before[what] + bounds[what]
    ]
    ended = gateway.requests()
    time.sleep(2)
    more += [f"{gateway.name}: a request ended only now"] if gateway.requests() != ended else []
    left = {what: number for what, number in gateway.open().items() if number}
    return more + ([f"{gateway.name}: still open: {left}"] if left else [])


def main() -> int:
    print(f"{MINUTES} minutes, SOAK_SEED={SEED}", flush=True)
    counted, failed = Counter(), []
    with temporary_folder() as folder, contextlib.ExitStack() as running:
        make_certificate(folder)
        ports = {name: free_port() for name in ("raw", "websockets_server", "grpc_server")}
        for name, port in ports.items():
            running.callback(start(name, port, folder).stop)
        routes = [Route(f"{name.partition('_')[0]}.localhost", port) for name, port in ports.items()]
        gateways = [Gateway("plain", folder, routes, tls=False), Gateway("tls", folder, routes, tls=True)]
        for gateway in gateways:
            running.callback(gateway.stop)
            gateway.wait_until_it_listens()
        around = (gateways, folder)
        visits(*around, WARM_UP, range(VISITORS), counted, failed)
        before = [state(gateway) for gateway in gateways]
        visits(*around, MINUTES * 60 - WARM_UP, range(VISITORS, 2 * VISITORS), counted, failed)
        for gateway, was in zip(gateways, before):
            failed += is_as_it_was(gateway, was)
            if gateway.requests()["fault"]:
                failed.append(f"{gateway.name}: a fault of the gateway's own, see its log")
                print(gateway.log())
    for what, count in sorted(counted.items()):
        print(f"{count:8} {what}")
    for what in failed:
        print(f"FAILED {what}")
    print(f"{sum(counted.values())} passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
