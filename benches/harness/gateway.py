"""The gateway as it is shipped, and the sessions that its own flows make."""

import dataclasses
import json
import pathlib
import subprocess
import time

from . import load, processes
from .peers import CERTIFICATE

ROOT = pathlib.Path(__file__).parents[2]
QUIET = "warn,pingora_core=error,pingora_proxy=error,pingora=error,webauthn_rs=off,webauthn_rs_core=off"
"""Problems alone are logged, as by the peers, whose access logs are off as well."""


@dataclasses.dataclass
class Programs:
    """What was built: the gateway alone, as it is released, and then what it is measured with."""

    gateway: pathlib.Path
    bare: pathlib.Path
    visitors: pathlib.Path
    filler: pathlib.Path

    @classmethod
    def build(cls):
        found = _build("--bin", "bmauth") | _build("--package", "bmauth-benches", "--bins")
        return cls(found["bmauth"], found["bare"], found["visitors"], found["filler"])


def _build(*what):
    command = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics", *what]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = (json.loads(line) for line in printed.splitlines())
    return {
        artifact["target"]["name"]: pathlib.Path(artifact["executable"])
        for artifact in artifacts
        if artifact.get("executable")
    }


def tool(*command, core=processes.LOAD_CORE, patience=300):
    """Runs one of the tools and returns what it printed."""
    return begun_tool(*command, core=core, patience=patience)()


def begun_tool(*command, core=processes.LOAD_CORE, patience=300):
    """Starts one of the tools; what this returns waits for its end, and returns what it printed."""
    if processes.cores() > 1:
        command = ["taskset", "-c", str(core), *command]
    command = [str(part) for part in command]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def printed():
        with run:
            try:
                out, err = run.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                run.kill()
                raise
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{err}{out}")
        return json.loads(out)

    return printed


@dataclasses.dataclass
class Gateway:
    """A running gateway."""

    process: processes.Process
    port: int
    admin: int
    origin: str
    ready_after: float
    """Seconds from its start until /readyz said yes."""

    @property
    def host(self):
        return self.origin.partition("://")[2]

    def headers(self, session=None):
        """What a visitor sends."""
        named = {"Host": self.host}
        if session:
            name = "__Host-bmauth" if self.origin.startswith("https") else "bmauth"
            named["Cookie"] = f"{name}={session}"
        return named

    def at(self):
        """How the visitors' tool is told where it is."""
        return ["--address", f"127.0.0.1:{self.port}", "--origin", self.origin]


_UPLOADS = """[[route]]
path = "/upload"
access = "public"
upstream = ["http://127.0.0.1:{port}"]
"""


@dataclasses.dataclass
class Home:
    """The folder of a gateway that is started again and again."""

    programs: Programs
    folder: pathlib.Path
    app: object
    storage: str | None = None
    """What `[storage]` says; a file of its own where that is nothing."""
    people_of: "Home | None" = None
    """Whose people these are, where another gateway has the same store."""

    @property
    def store(self):
        return self.folder / "bmauth.redb"

    @property
    def people(self):
        return (self.people_of or self).folder / "people.json"

    @property
    def secrets(self):
        return self.folder / "secrets"

    def start(self, tls=False, behind_proxy=False, core=processes.PROXY_CORE, log=QUIET, wrapper=(), uploads=None):
        """Starts the gateway. `behind_proxy` lets it believe the load what addresses it comes from; `uploads` is the port of
        an app that takes them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        port, admin = processes.free_port(), processes.free_port()
        origin = f"{'https' if tls else 'http'}://localhost:{port}"
        settings = self.folder / "bmauth.toml"
        settings.write_text(f"""
public_url = "{origin}"
[server]
listen = ["127.0.0.1:{port}"]
admin = "127.0.0.1:{admin}"
{f'tls = {{ cert = "{CERTIFICATE}/cert.pem", key = "{CERTIFICATE}/key.pem" }}' if tls else ""}
trusted_proxies = [{'"127.0.0.0/8"' if behind_proxy else ""}]
admin_socket = "{self.folder}/admin.sock"
[storage]
{self.storage or f'path = "{self.store}"'}
[email]
from = "Bench <bench@example.com>"
transport = "log"
[accounts]
registration = "open"
[[route]]
upstream = ["http://127.0.0.1:{self.app.port}"]
[[route]]
path = "/public"
access = "public"
upstream = ["http://127.0.0.1:{self.app.port}"]
{_UPLOADS.format(port=uploads) if uploads else ""}
""")
        began = time.monotonic()
        env = {} if log is None else {"RUST_LOG": log}
        command = [*wrapper, self.programs.gateway, "serve", "--config", settings]
        process = processes.Process(command, core, self.folder / "log", env)
        _await_ready(process, admin)
        return Gateway(process, port, admin, origin, time.monotonic() - began)

    def register(self, gateway):
        """Registers the first person; returns their session's secret."""
        files = ["--mails", gateway.process.log, "--people", self.people]
        return tool(self.programs.visitors, "register", *gateway.at(), *files)["session"]

    def sign_in(self, gateway, count=1):
        """Signs in `count` times; returns the sessions' secrets."""
        how = ["--people", self.people, "--count", count]
        return tool(self.programs.visitors, "sign-in", *gateway.at(), *how)["sessions"]

    def fill(self, accounts, sessions):
        """Adds people and sessions while no gateway runs."""
        of_store = ["--store", self.store, "--people", self.people, "--secrets", self.secrets]
        return tool(self.programs.filler, "fill", *of_store, "--accounts", accounts, "--sessions", sessions)


def _await_ready(process, admin):
    end = time.monotonic() + 120
    while True:
        try:
            if load.Target(admin, "/readyz").get()[0] == 200:
                return
        except OSError:
            if not process.is_running() or time.monotonic() > end:
                raise RuntimeError(f"the gateway is not ready:\n{process.log.read_text()[-2000:]}") from None
        time.sleep(0.005)
