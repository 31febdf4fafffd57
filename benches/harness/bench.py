"""What all measurements share: the folder, the app, the programs, and how long everything takes."""

import contextlib
import dataclasses
import os
import pathlib
import resource
import shutil
import sys
import time

from . import gateway, load, peers, processes


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured."""

    launches: int
    seconds: int
    """Of a round; wrk takes whole ones."""
    sessions: tuple
    accounts: tuple
    storm: int
    """Seconds of a storm of sign-ins."""


FULL = Size(launches=5, seconds=1, sessions=(1_000, 10_000, 100_000, 1_000_000), accounts=(10, 100, 1_000, 10_000, 100_000), storm=5)
QUICK = Size(launches=2, seconds=1, sessions=(1_000, 10_000), accounts=(10, 100, 1_000), storm=2)


@dataclasses.dataclass
class Bench:
    size: Size
    folder: pathlib.Path
    programs: gateway.Programs
    app: peers.App
    began: float = dataclasses.field(default_factory=time.monotonic)

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def warm(self, target, number=1000):
        """Requests that are not measured: connections are opened, tokens made, code is compiled."""
        if target.tls:
            load.round_of(target, 1, 64)
            return
        headers = {"Host": "localhost", **target.headers}
        lines = [f"GET {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        at = ["--address", f"127.0.0.1:{target.port}", "--head", "\n".join(lines), "--status", target.status]
        gateway.tool(self.programs.visitors, "requests", *at, "--count", number, "--connections", 8)

    def home(self, name):
        """A folder for a gateway of its own."""
        return gateway.Home(self.programs, self.folder / name, self.app)


@contextlib.contextmanager
def prepared():
    """Builds everything and starts the app; at the end, nothing of it is left but the builds."""
    programs = gateway.Programs.build()
    tools = gateway.ROOT / "target/tools/bin"
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
    # Every connection is a file.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = gateway.ROOT / "target/bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size = QUICK if os.environ.get("BENCH_QUICK") == "1" else FULL
    app = peers.App.start(folder)
    try:
        yield Bench(size, folder, programs, app)
    finally:
        app.process.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Both:
    """Several processes counted as one."""

    def __init__(self, *parts):
        self._parts = parts

    def cpu_seconds(self):
        return sum(part.cpu_seconds() for part in self._parts)

    def resident_bytes(self):
        return sum(part.resident_bytes() for part in self._parts)


@contextlib.contextmanager
def running(process, ports):
    """A peer from when it listens until it is stopped."""
    with process:
        for port in ports.values():
            processes.await_port(process, port)
        yield process, ports
