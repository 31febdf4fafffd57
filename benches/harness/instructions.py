"""User-space instructions a request, counted by callgrind: the same on a busy machine as on a quiet one.

Only what a request adds is counted: the slope between two numbers of requests to a running process.
"""

import pathlib
import re
import subprocess

from . import load, peers
from .bench import running

FEW, MANY = 1000, 4000
WARM = 300


def count(bench):
    """Instructions a request, by row."""
    home = bench.home("instructions")
    run = home.start()
    with run.process:
        session = home.register(run)
    seen = {}
    counter = Counter(bench, "gateway")
    run = home.start(wrapper=counter.wrapper)
    with run.process:
        page = {**run.headers(), "Accept": "text/html"}
        for name, target in {
            "gateway, public": load.Target(run.port, "/public/a", run.headers()),
            "gateway, signed in": load.Target(run.port, "/", run.headers(session)),
            "gateway, a page without a session": load.Target(run.port, "/", page, status=303),
        }.items():
            seen[name] = counter.slope(run.process, target)
    counter = Counter(bench, "forward-auth")
    run = home.start(wrapper=counter.wrapper, behind_proxy=True)
    with run.process:
        asked = {**run.headers(session), "X-Original-URL": f"{run.origin}/", "X-Original-Method": "GET"}
        seen["gateway, forward-auth"] = counter.slope(run.process, load.Target(run.port, "/_bmauth/forward-auth", asked))
    counter = Counter(bench, "logged")
    run = home.start(wrapper=counter.wrapper, log=None)
    with run.process:
        target = load.Target(run.port, "/", run.headers(session))
        seen["gateway, signed in, its log on"] = counter.slope(run.process, target)
    no_session = {"Host": "localhost"}
    counter = Counter(bench, "bare")
    with running(*peers.bare(bench.folder, bench.app, bench.programs.bare, counter.wrapper)) as (process, ports):
        seen["bare Pingora"] = counter.slope(process, load.Target(ports["plain"], headers=no_session))
    counter = Counter(bench, "nginx")
    with running(*peers.nginx(bench.folder, bench.app, wrapper=counter.wrapper)) as (process, ports):
        seen["nginx"] = counter.slope(process, load.Target(ports["plain"], headers=no_session))
        seen["nginx + auth_request"] = counter.slope(process, load.Target(ports["authed"], headers=no_session))
    return seen


class Counter:
    """One process under callgrind."""

    def __init__(self, bench, name):
        self._bench = bench
        self._out = bench.folder / f"callgrind-{name}"
        self._dumps = 0
        self.wrapper = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={self._out}"]

    def slope(self, process, target):
        """What each request adds between few and many of them; `None` where it is not answered as it should be."""
        try:
            target.check()
        except RuntimeError as error:
            self._bench.say(f"not counted: {error}")
            return None
        self._bench.warm(target, WARM)
        self._dump(process)
        self._bench.warm(target, FEW)
        few = self._dump(process)
        self._bench.warm(target, MANY)
        many = self._dump(process)
        return (many - few) / (MANY - FEW)

    def _dump(self, process):
        """Has callgrind write down what it counted since the last time, and begin again; returns the total."""
        asked = ["callgrind_control", "--dump", str(process.group)]
        subprocess.run(asked, check=True, capture_output=True, timeout=60)
        self._dumps += 1
        written = pathlib.Path(f"{self._out}.{self._dumps}").read_text()
        return int(re.search(r"^totals: (\d+)", written, re.MULTILINE)[1])


def text(seen):
    """A table."""
    base = seen["bare Pingora"]
    rows = [
        f"| {name} | not counted | |" if value is None else f"| {name} | {value:,.0f} | {value - base:+,.0f} |"
        for name, value in seen.items()
    ]
    return "\n".join(["| | instructions a request | to bare Pingora |", "|---|---:|---:|", *rows]) + "\n"
