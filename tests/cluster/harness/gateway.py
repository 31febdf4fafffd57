"""The real binary, several times: gateways of one site on one database."""

import os
import pathlib
import urllib.request

from free_ports import free_ports

from .clock import Clock
from .process import ROOT, Process, folder_below, given_away, run

BINARY = pathlib.Path(os.environ.get("BMAUTH_BIN", ROOT / "target/debug/bmauth")).absolute()


class Site:
    """What all gateways of one site share: their address, key and mail server, and the app behind them, with its port for
    WebSockets. With a `clock`, they go by that one."""

    def __init__(
        self,
        parent: pathlib.Path,
        name: str,
        mail_port: int,
        app_port: int,
        sockets_port: int,
        host: str = "localhost",
        clock: Clock | None = None,
    ):
        assert BINARY.exists(), f"{BINARY} is not there: run `cargo build` first, or `make test-cluster`."
        self.folder, self.name = folder_below(parent, name), name
        self.mail_port, self.app_port, self.sockets_port, self.clock = mail_port, app_port, sockets_port, clock
        self.host = f"{host}:{free_ports(1)[0]}"
        """What browsers call it; a load balancer would listen there."""
        self.origin = f"http://{self.host}"
        self.key = self.folder / "storage.key"
        run([BINARY, "keys", "new-file", self.key], self.folder)
        self.gateways: list[Gateway] = []

    def gateway(self, name: str, url: str, **more) -> "Gateway":
        gateway = Gateway(self, name, url, **more)
        self.gateways.append(gateway)
        return gateway

    def stop(self) -> None:
        for gateway in self.gateways:
            gateway.process.stop()


class Gateway:
    """What else its configuration says: `storage` of the storage; `more` of accounts, and tables after that, as lines."""

    def __init__(self, site: Site, name: str, url: str, storage: str = "", more: str = "", wait: bool = True):
        self.site, self.name = site, name
        self.port, self.admin = free_ports(2)
        self.folder = folder_below(site.folder, name)
        self.settings = given_away_text(
            self.folder / "bmauth.toml",
            f"""
public_url = "{site.origin}"
[server]
listen = ["127.0.0.1:{self.port}"]
admin = "127.0.0.1:{self.admin}"
admin_socket = "{self.folder}/admin.sock"
trusted_proxies = ["127.0.0.1"]
[storage]
url = "{url}"
key_file = "{site.key}"
{storage}
[email]
from = "Apps <apps@example.com>"
smtp_url = "smtp://127.0.0.1:{site.mail_port}?tls=off"
[accounts]
registration = "open"
{more}
[[route]]
upstream = ["http://127.0.0.1:{site.app_port}"]
access = "signed-in"
[[route]]
path = "/open"
upstream = ["http://127.0.0.1:{site.app_port}"]
access = "public"
[[route]]
path = "/ws"
upstream = ["http://127.0.0.1:{site.sockets_port}"]
access = "signed-in"
""",
        )
        self.env = {"RUST_LOG": os.environ.get("RUST_LOG", "warn"), "NO_COLOR": "1"}
        if site.clock:
            self.env |= site.clock.env
        self.process = Process("bmauth", [BINARY, "serve", "-c", self.settings], self.folder, self.env)
        if wait:
            self.wait()

    def wait(self) -> None:
        self.process.wait_until_it_listens(self.port)

    def command(self, *arguments: str) -> str:
        """What a command of the operator prints."""
        return run([BINARY, *arguments, "-c", self.settings], self.folder, self.env)

    def asked(self, path: str) -> str:
        """What the admin listener answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()

    def log(self) -> str:
        return self.process.log()


def migrate(site: Site, url: str) -> None:
    """Makes the tables."""
    folder = folder_below(site.folder, f"migrate-{len(list(site.folder.iterdir()))}")
    settings = given_away_text(
        folder / "bmauth.toml",
        f"""
public_url = "{site.origin}"
[storage]
url = "{url}"
key_file = "{site.key}"
[email]
from = "Apps <apps@example.com>"
transport = "log"
[accounts]
registration = "open"
[[route]]
upstream = ["http://127.0.0.1:{site.app_port}"]
access = "signed-in"
""",
    )
    run([BINARY, "migrate", "-c", settings], folder)


def given_away_text(path: pathlib.Path, text: str) -> pathlib.Path:
    path.write_text(text)
    return given_away(path)
