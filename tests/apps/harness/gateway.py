"""The real binary, plain or with TLS, with routes to the apps."""

import os
import pathlib
import re
import subprocess
import urllib.request
from dataclasses import dataclass

from free_ports import free_port

from .process import ROOT, Process, until

BINARY = pathlib.Path(os.environ.get("BMAUTH_BIN", ROOT / "target/debug/bmauth")).absolute()


def make_certificate(folder: pathlib.Path) -> None:
    """One for every host below localhost, self-signed."""
    names = "subjectAltName=DNS:localhost,DNS:*.localhost"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run([*command.split(), "-addext", names, *files], check=True, capture_output=True)


@dataclass(frozen=True)
class Route:
    host: str
    port: int
    """Where its app listens."""
    path: str = "/"
    access: str = "public"


class Gateway(Process):
    """`server` is what else its configuration says of that, `more` what stands after the routes."""

    def __init__(
        self,
        name: str,
        folder: pathlib.Path,
        routes: list[Route],
        tls: bool,
        server: str = "",
        port: int | None = None,
        more: str = "",
    ):
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is not there: run 'cargo build' first, or 'make test-apps'.")
        port, self.admin, self.tls = port or free_port(), free_port(), tls
        self.origin = f"{'https' if tls else 'http'}://localhost:{port}"
        """Where people sign in."""
        self.settings = settings = folder / f"{name}.toml"
        settings.write_text(f"""
public_url = "{self.origin}"
[server]
listen = ["127.0.0.1:{port}"]
admin = "127.0.0.1:{self.admin}"
{'tls = { cert = "cert.pem", key = "key.pem" }' if tls else ""}
{server}
[storage]
path = "{name}/bmauth.redb"
[email]
from = "Apps <apps@example.com>"
transport = "log"
[accounts]
registration = "open"
{"".join(map(_written, routes))}{more}""")
        super().__init__(
            name,
            [BINARY, "serve", "-c", settings],
            port,
            folder,
            {"RUST_LOG": os.environ.get("RUST_LOG", "warn"), "NO_COLOR": "1"},
        )

    def command(self, *arguments: str) -> str:
        """What a command of the operator prints beside it."""
        words = [BINARY, *arguments, "-c", self.settings]
        return subprocess.run(words, check=True, capture_output=True, text=True, cwd=self.log_file.parent).stdout

    def requests(self) -> dict[str, int]:
        """How many requests ended so far, by what became of them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(r'^bmauth_requests_total\{outcome="(.*)"\} (\d+)$', text, re.MULTILINE)
        return {outcome: int(count) for outcome, count in found}

    def open(self) -> dict[str, int]:
        """What is open now: clients' connections, requests, connections to apps."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found = (re.fullmatch(r'bmauth_open\{what="([a-z-]+)"\} (\d+)', line) for line in lines)
        return {match[1]: int(match[2]) for match in found if match}

    def holds_no_more_than(self, files: int, limit: float = 10) -> None:
        """Nothing is left open that was not open before."""
        until(lambda: self.open_files() <= files, f"{self.name} has {files} files open or fewer", limit)


def _written(route: Route) -> str:
    return f"""
[[route]]
host = "{route.host}"
path = "{route.path}"
access = "{route.access}"
upstream = ["http://127.0.0.1:{route.port}"]
"""
