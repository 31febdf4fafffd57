"""One round of wrk."""

import dataclasses
import http.client
import json
import pathlib
import ssl
import subprocess
import time

from . import processes

SCRIPT = pathlib.Path(__file__).with_name("load.lua")


@dataclasses.dataclass
class Target:
    """What is asked for, and what has to come back."""

    port: int
    path: str = "/"
    headers: dict = dataclasses.field(default_factory=dict)
    tls: bool = False
    status: int = 200
    secrets: pathlib.Path | None = None
    """Sessions to be hit at random."""

    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{self.path}"

    def get(self, path=None):
        """Asks once; the status and the body."""
        if self.tls:
            context = ssl.create_default_context()
            # It is our own test certificate, on our own port.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path or self.path, headers=self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def check(self):
        """Fails unless the answer is the one that is to be measured."""
        status, body = self.get()
        if status != self.status:
            raise RuntimeError(f"{self.url()} answers {status} instead of {self.status}: {body[:200]!r}")


def round_of(target, seconds, connections):
    """Loads `target` and returns what wrk saw; a dict."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT)]
    for name, value in target.headers.items():
        command += ["-H", f"{name}: {value}"]
    command.append(target.url())
    if target.secrets:
        command += ["--", str(target.secrets)]
    if processes.cores() > 1:
        command = ["taskset", "-c", str(processes.LOAD_CORE), *command]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    return json.loads(printed.rpartition("result ")[2])


def await_answer(target, patience=30):
    """Waits until the target answers as it should."""
    end = time.monotonic() + patience
    while True:
        try:
            return target.check()
        except (RuntimeError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def measured(process, target, seconds, connections):
    """A round with what it cost `process`."""
    before = process.cpu_seconds()
    seen = round_of(target, seconds, connections)
    cpu = process.cpu_seconds() - before
    requests = max(seen["requests"], 1)
    return {
        "rate": seen["requests"] / seen["seconds"],
        "cpu_us": cpu / requests * 1e6,
        "p50_us": seen["p50_us"],
        "p99_us": seen["p99_us"],
        "errors": seen["errors"],
    }
