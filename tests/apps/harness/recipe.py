"""The pages of docs/apps, and each app as its page has it: what people copy from there is what the tests run."""

import contextlib
import os
import pathlib
import re
import shlex
import subprocess
from urllib.parse import urlsplit

from free_ports import free_ports

from .gateway import Gateway
from .process import LIMIT, ROOT, Process, alone

PAGES = ROOT / "docs/apps"
TOOLS = ROOT / "tests/apps/recipes"
DOMAIN = "example.com"
"""The one that the pages write; here it is localhost."""


def names() -> list[str]:
    return sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "README")


class Page:
    """One of them, and its blocks of code."""

    def __init__(self, name: str):
        self.name, self.text = name, (PAGES / f"{name}.md").read_text()
        self.blocks = re.findall(r"^```([a-z]+)\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)

    def all(self, language: str) -> list[str]:
        return [text for named, text in self.blocks if named == language]

    def first(self, language: str) -> str:
        return self.all(language)[0]

    def host(self) -> str:
        """That of its first route, without the domain."""
        return re.search(rf'^host = "([a-z0-9-]+)\.{re.escape(DOMAIN)}"$', self.first("toml"), re.MULTILINE)[1]

    def port(self) -> str:
        """Where its app listens."""
        return re.search(r'^upstream = \["[a-z0-9]+://127\.0\.0\.1:(\d+)"\]$', self.first("toml"), re.MULTILINE)[1]


class App:
    """The app of a page, started as the page says, and a gateway with TLS that has the route of the page."""

    def __init__(self, name: str, folder: pathlib.Path):
        self.page, self.folder = Page(name), folder
        self.app_port, self.gateway_port = free_ports(2)
        self.host = f"{self.page.host()}.localhost"
        self.origin = f"https://{self.host}:{self.gateway_port}"
        self.ours = {f"https://{self.page.host()}.{DOMAIN}": self.origin}
        """What stands for what the page writes, besides its domain and its port."""
        route = self.here(self.page.first("toml"))
        self.gateway = Gateway("gateway", folder, [], tls=True, port=self.gateway_port, more=route)
        self.ours[f"https://auth.{DOMAIN}"] = self.gateway.origin
        self.ours["127.0.0.1:9091"] = f"127.0.0.1:{self.gateway.admin}"
        self.running = [self.gateway]

    def here(self, text: str) -> str:
        """A text of the page with this test's names and ports."""
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours)
        return re.sub(rf"\b{self.page.port()}\b", str(self.app_port), text.replace(f".{DOMAIN}", ".localhost"))

    def write_files(self) -> None:
        """The blocks that begin with the name of their file."""
        for _, text in self.page.blocks:
            if begins := re.match(r"(?:#|//|;) ([\w./-]+\.\w+)(, at its end)?$", text.splitlines()[0]):
                file = self.folder / begins[1]
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("a" if begins[2] else "w") as written:
                    written.write(self.here(text))

    def env(self) -> dict[str, str]:
        """The programs that scripts/setup has installed, and no user's settings."""
        verdaccio = ROOT / "tests/apps/verdaccio/node_modules/.bin"
        programs = [TOOLS / ".venv/bin", TOOLS / "node_modules/.bin", verdaccio, ROOT / "target/tools/bin"]
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        return {**alone(self.folder), "PATH": path, "PYTHONPATH": ""}

    def run(self, command: str) -> str:
        """What the command prints, in the app's folder."""
        words = shlex.split(command)
        done = subprocess.run(words, cwd=self.folder, env=self.env(), capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, more: str = "") -> None:
        """Runs what stands in the page's first block of the shell, with what has to be said besides where tests run."""
        command = ["sh", "-ec", f"exec {self.here(self.page.first('sh')).rstrip()} {more}"]
        self.running.append(Process(self.page.name, command, self.app_port, self.folder, self.env()))
        for process in self.running:
            process.wait_until_it_listens()

    def stop(self) -> None:
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                process.stop()


def refuses_unauthenticated(site, page: str, *loaded: str) -> None:
    """Who opens the page is sent to sign in; what it loads is refused; headers that say who it is change nothing."""
    forged = dict.fromkeys(["X-Remote-User", "Remote-User", "X_Remote_User", "X.Remote.User"], "maria@example.com")
    for fields in ({}, forged):
        answer = site.unknown_client.ask("GET", site.at(page), headers={"Accept": "text/html", **fields})
        assert answer.status_code == 303
        assert urlsplit(answer.headers["location"]).path == "/_bmauth/sign-in"
        for path in loaded:
            answer = site.unknown_client.ask("GET", site.at(path), headers={"Accept": "*/*", **fields})
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
