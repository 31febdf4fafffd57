"""What grows with the number of sessions and accounts, and what should not; and storms of sign-ins."""

import contextlib
import socket
import statistics
import threading
import time

from . import gateway, load, peers
from .bench import running

PATIENCE = 150
"""For how many seconds sessions are used one after the other; a million of them fit on a quiet machine."""
IDLE = 1000
"""How many connections are kept idle."""
ROUNDS = 3
"""How often requests are measured beside sign-ins, each kind in turn."""


def sessions(bench):
    """For each number of sessions: how fast they are hit at random, what each takes, and how soon all is ready."""
    points = []
    for number in bench.size.sessions:
        home = _filled(bench, f"sessions-{number}", accounts=min(number, 1000), sessions=number)
        run = home.start()
        with run.process:
            point = {"sessions": number, "ready_seconds": run.ready_after, "store_mb": home.store.stat().st_size / 1e6}
            began = time.monotonic()
            point["used"] = _touch(home, run)
            point["first_use_a_second"] = point["used"] / (time.monotonic() - began)
            point["resident_mb"] = run.process.resident_bytes() / 1e6
            target = load.Target(run.port, headers=run.headers(), secrets=home.secrets)
            rounds = [load.measured(run.process, target, bench.size.seconds, 64) for _ in range(3)]
            point["rounds"] = rounds
        point |= gateway.tool(bench.programs.filler, "sweep", "--store", home.store)
        bench.say(f"{number} sessions: {sorted(each['rate'] for each in rounds)[1]:.0f} requests a second")
        points.append(point)
        home.store.unlink()
    return points


def _touch(home, run):
    """Uses every session once, as far as the time goes: it is read from the store, and a token is made."""
    at = ["--address", f"127.0.0.1:{run.port}", "--head", f"GET / HTTP/1.1\nHost: {run.host}"]
    which = ["--secrets", home.secrets, "--seconds", PATIENCE]
    return gateway.tool(home.programs.visitors, "touch", *at, *which)["requests"]


def accounts(bench):
    """For each number of accounts: sign-ins a second, and what the store takes."""
    points = []
    for number in bench.size.accounts:
        home = _filled(bench, f"accounts-{number}", accounts=number, sessions=number)
        run = home.start(behind_proxy=True)
        with run.process:
            point = {"accounts": number, "ready_seconds": run.ready_after, "store_mb": home.store.stat().st_size / 1e6}
            point["storm"] = storm(bench, home, run)
            point["resident_mb"] = run.process.resident_bytes() / 1e6
        home.store.unlink()
        bench.say(f"{number} accounts: {point['storm']['rate']:.0f} sign-ins a second")
        points.append(point)
    return points


def sign_ins(bench):
    """A storm of sign-ins as fast as they go, then at half of that; and what requests of others notice of each, and
    they of a flood of requests."""
    home = _filled(bench, "storm", accounts=1000, sessions=1)
    run = home.start(behind_proxy=True)
    with run.process:
        session = home.sign_in(run)[0]
        others = load.Target(run.port, headers=run.headers(session))
        others.check()
        bench.warm(others)
        before = run.process.cpu_seconds()
        most = storm(bench, home, run)
        most["cpu_us"] = (run.process.cpu_seconds() - before) / max(most["sign_ins"], 1) * 1e6
        half = most["rate"] / 2
        seen = {"most": most, "half": storm(bench, home, run, half)}
        beside = {
            "quiet": lambda: load.round_of(others, max(bench.size.storm - 1, 1), 4),
            "beside_half": lambda: _beside(bench, home, run, others, 4, half),
            "beside_most": lambda: _beside(bench, home, run, others, 4, None),
            "flood": lambda: _beside(bench, home, run, others, 64, half),
        }
        rounds = [{name: measure() for name, measure in beside.items()} for _ in range(ROUNDS)]
    seen |= {name: _middle([each[name] for each in rounds]) for name in beside}
    bench.say(f"{most['rate']:.0f} sign-ins a second")
    return seen


def _beside(bench, home, run, others, connections, rate):
    """Requests of others over that many connections while people sign in, and what becomes of those people."""
    people = {}
    meanwhile = threading.Thread(target=lambda: people.update(storm(bench, home, run, rate)))
    meanwhile.start()
    seen = load.round_of(others, max(bench.size.storm - 1, 1), connections)
    meanwhile.join()
    return seen | {f"sign_ins_{name}": people[name] for name in ("rate", "p50_ms", "p99_ms", "turned_away", "failed")}


def _middle(rounds):
    """The median of each number, and all of them."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]} | {"rounds": rounds}


def storm(bench, home, run, rate=None):
    """Sign-ins from 64 browsers at once."""
    rates = ["--rate", rate] if rate else []
    at = [*run.at(), "--people", home.people, "--seconds", bench.size.storm]
    return gateway.tool(bench.programs.visitors, "storm", *at, *rates)


def memory(bench):
    """What a proxy takes at rest, and what each idle connection adds to it, in bytes."""
    home = _filled(bench, "memory", accounts=1, sessions=1)
    run = home.start()
    with run.process:
        seen = {"gateway": _idle(run.process, load.Target(run.port, "/public/a", run.headers()))}
    for name, start in {"nginx": peers.nginx, "bare Pingora": _bare(bench)}.items():
        with running(*start(bench.folder, bench.app)) as (process, ports):
            seen[name] = _idle(process, load.Target(ports["plain"], headers={"Host": "localhost"}))
    weighed = gateway.tool(bench.programs.filler, "weigh", "--sessions", 100_000)
    return {"idle": seen, "weighed": weighed}


def _bare(bench):
    return lambda folder, app: peers.bare(folder, app, bench.programs.bare)


def _idle(process, target):
    request = f"GET {target.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in target.headers.items()) + "\r\n"
    at_rest = process.resident_bytes()
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", target.port), 10))
            connection.sendall(request.encode())
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("an idle connection was refused")
        return {"at_rest_mb": at_rest / 1e6, "bytes_a_connection": (process.resident_bytes() - at_rest) / IDLE}


def _filled(bench, name, accounts, sessions):
    """A gateway's home with a first person who registered, and others like them."""
    home = bench.home(name)
    run = home.start()
    with run.process:
        home.register(run)
    home.fill(accounts, sessions)
    return home
