"""How long a revocation at one gateway takes to be in force at the other one, for thousands of them.

    tests/cluster/.venv/bin/python tests/cluster/measure_revocations.py [--count N] [--at-once N] [--way told|looking]

Each session is made at the one, known to the other, ended at the one, and asked for at the other one every two milliseconds
from the answer on until it is refused there. `told`: by notifications; `looking`: none arrive. Nothing is asserted of how long
it takes. `BMAUTH_BIN` names another program than the debug build."""

import argparse
import concurrent.futures
import os
import pathlib
import statistics
import sys
import time

sys.path += [str(pathlib.Path(__file__).parents[1] / folder) for folder in ("api", "loopback")]

from conftest import world_on  # noqa: E402
from harness.app import App  # noqa: E402
from harness.gateway import BINARY  # noqa: E402
from harness.mail import Mailbox  # noqa: E402
from harness.person import NotDone, Person  # noqa: E402
from harness.postgresql import PROGRAMS, Server, version  # noqa: E402
from harness.process import ROOT, temporary_folder, until  # noqa: E402
from harness.wire import Wire  # noqa: E402

PAUSE = 0.002
GENEROUS = 60
"""Seconds after which a revocation counts as not in force at all."""
WAYS = ("told", "looking")
SHARES = (50, 90, 99, 99.9)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--count", type=int, default=10_000)
    asked.add_argument("--at-once", type=int, default=8)
    asked.add_argument("--way", choices=WAYS, action="append")
    asked = asked.parse_args()
    programs = PROGRAMS["debian"]()
    program = BINARY.relative_to(ROOT) if BINARY.is_relative_to(ROOT) else BINARY
    print(f"PostgreSQL {version(programs)}, {program}, {os.cpu_count()} cores, {asked.at_once} at once")
    with temporary_folder() as folder:
        server, mailbox, app = Server("postgresql", folder, programs), Mailbox(), App()
        try:
            for way in asked.way or WAYS:
                took = measure(way, asked, server, folder, mailbox, app)
                print(told(way, took), flush=True)
        finally:
            server.stop()
            app.stop()
            mailbox.stop()


def measure(way: str, asked, server: Server, folder: pathlib.Path, mailbox: Mailbox, app: App) -> list[float]:
    url, wire = server.database(way), Wire(server.port)
    wire.is_deaf = way == "looking"
    with world_on(url, folder, mailbox, app) as world:
        a = world.site.gateway("a", url)
        b = world.site.gateway("b", url.replace(f":{server.port}/", f":{wire.port}/"))

        def signed_up() -> Person:
            person = Person(world.site)
            ticket = person.begin_sign_up(a)
            person.enter_code(a, mailbox.code(person.email), ticket)
            return person

        def revoke(owner: Person) -> float:
            # From a network of its own: what is limited is not what is measured.
            person = Person(world.site, owner.email, owner.key)
            tokens = person.sign_in(a)
            if not person.is_in(b, tokens):
                raise NotDone("a new session is not known at the other gateway")
            person.sign_out(a, tokens)
            answered = time.monotonic()
            until(lambda: person.is_out(b, tokens), "out at the other gateway", GENEROUS, pause=PAUSE)
            return time.monotonic() - answered

        def one_after_another(owner: Person, count: int) -> list[float]:
            return [revoke(owner) for _ in range(count)]

        # Each owner's key is used by one of them alone: it counts its uses.
        with concurrent.futures.ThreadPoolExecutor(asked.at_once) as pool:
            owners = list(pool.map(lambda _: signed_up(), range(asked.at_once)))
            counts = [asked.count // asked.at_once + (n < asked.count % asked.at_once) for n in range(asked.at_once)]
            took = sorted(sum(pool.map(one_after_another, owners, counts), []))
    wire.stop()
    return took


def told(way: str, took: list[float]) -> str:
    shares = [f"p{share} {took[min(len(took) - 1, int(len(took) * share / 100))] * 1000:.0f} ms" for share in SHARES]
    late = sum(seconds > 1 for seconds in took)
    rest = f"longest {took[-1] * 1000:.0f} ms, mean {statistics.mean(took) * 1000:.0f} ms, later than a second: {late}"
    return f"{way}: {len(took)} revocations: {', '.join(shares)}, {rest}"


if __name__ == "__main__":
    main()
