"""The proxies side by side: each launched several times, in turn, and each of its rows measured in each launch."""

import contextlib
import dataclasses

from . import load, peers, processes
from .bench import Both, running

CONNECTIONS = 64

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "de,en-US;q=0.7,en;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://notes.example.com/notes/6",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Priority": "u=0, i",
}
"""What a browser sends with a page navigation."""

COOKIES = "theme=dark; consent=2026-01-05; _session=Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5d2FsZG8"
"""Two cookies and a session of the app's own."""


@dataclasses.dataclass
class Row:
    target: load.Target
    alone: bool = False
    """Whether it is measured with a single connection, too: what a request waits."""


class Matrix:
    def __init__(self, bench):
        self.bench = bench
        self.home = bench.home("matrix")
        self.seen = {}

    def run(self):
        """Every launch of every proxy; what was seen, by row."""
        gateway = self.home.start()
        with gateway.process:
            self.home.register(gateway)
            self.session = self.home.sign_in(gateway)[0]
        groups = [
            self.nginx,
            self.bare,
            self.gateway,
            self.gateway_asked,
            self.haproxy,
            self.nginx_asks_gateway_apart,
            self.envoy,
            self.gateway_with_tls,
            self.nginx_asks_gateway,
            self.caddy,
            self.gateway_as_shipped,
            self.traefik,
        ]
        for launch in range(self.bench.size.launches):
            self.bench.say(f"launch {launch + 1} of {self.bench.size.launches}")
            # Each launch begins with another one, so that no one always runs on a machine that is warm from the same.
            start = launch * 3 % len(groups)
            for group in groups[start:] + groups[:start]:
                self._launch(group)
        return self.seen

    def _launch(self, group):
        try:
            with group() as (process, rows):
                for name, row in rows.items():
                    self._measure(process, name, row)
        except (RuntimeError, OSError) as error:
            self.seen.setdefault(group.__name__.replace("_", " "), {}).setdefault("wrong", []).append(str(error))
            self.bench.say(f"{group.__name__}: {error}")

    def _measure(self, process, name, row):
        of_row = self.seen.setdefault(name, {})
        try:
            row.target.check()
        except RuntimeError as error:
            of_row.setdefault("wrong", []).append(str(error))
            return
        self.bench.warm(row.target)
        rounds = of_row.setdefault("rounds", [])
        rounds.append(load.measured(process, row.target, self.bench.size.seconds, CONNECTIONS))
        rounds[-1]["resident_mb"] = process.resident_bytes() / 1e6
        if row.alone:
            of_row.setdefault("alone", []).append(load.measured(process, row.target, 1, 1))

    # Each of these is one launch: the process that is measured, and what is asked of it.

    @contextlib.contextmanager
    def nginx(self):
        with running(*peers.nginx(self.bench.folder, self.bench.app)) as (process, ports):
            browser = {**BROWSER, "Cookie": COOKIES}
            yield process, {
                "nginx": Row(load.Target(ports["plain"]), alone=True),
                "nginx, 16 KiB": Row(load.Target(ports["plain"], "/big")),
                "nginx, browser-like": Row(load.Target(ports["plain"], headers=browser)),
                "nginx, access log on": Row(load.Target(ports["logged"])),
                "nginx + auth_request": Row(load.Target(ports["authed"]), alone=True),
                "nginx answers by itself": Row(load.Target(ports["answers"])),
                "nginx TLS": Row(load.Target(ports["tls"], tls=True)),
                "nginx TLS + auth_request": Row(load.Target(ports["tls-authed"], tls=True)),
            }

    @contextlib.contextmanager
    def _nginx_asks(self, core):
        gateway = self.home.start(behind_proxy=True, core=core)
        with gateway.process:
            nginx, ports = peers.nginx(self.bench.folder, self.bench.app, auth=gateway.port, forward_auth=True)
            with running(nginx, ports):
                measured = Both(nginx, gateway.process) if core == processes.PROXY_CORE else nginx
                yield measured, Row(load.Target(ports["authed"], headers=gateway.headers(self.session)))

    @contextlib.contextmanager
    def nginx_asks_gateway_apart(self):
        with self._nginx_asks(processes.LOAD_CORE) as (process, row):
            yield process, {"nginx + auth_request to the gateway": row}

    @contextlib.contextmanager
    def nginx_asks_gateway(self):
        with self._nginx_asks(processes.PROXY_CORE) as (process, row):
            yield process, {"nginx + auth_request to the gateway, one core": row}

    @contextlib.contextmanager
    def bare(self):
        with running(*peers.bare(self.bench.folder, self.bench.app, self.bench.programs.bare)) as (process, ports):
            yield process, {"bare Pingora": Row(load.Target(ports["plain"]), alone=True)}

    @contextlib.contextmanager
    def gateway(self):
        gateway = self.home.start()
        with gateway.process:
            signed_in = gateway.headers(self.session)
            browser = {**BROWSER, **signed_in, "Cookie": f"{COOKIES}; {signed_in['Cookie']}"}
            page = {**gateway.headers(), "Accept": "text/html"}
            self._check_identity(gateway, signed_in)
            yield gateway.process, {
                "gateway, public": Row(load.Target(gateway.port, "/public/a", gateway.headers()), alone=True),
                "gateway, signed in": Row(load.Target(gateway.port, "/", signed_in), alone=True),
                "gateway, signed in, 16 KiB": Row(load.Target(gateway.port, "/big", signed_in)),
                "gateway, signed in, browser-like": Row(load.Target(gateway.port, "/", browser)),
                "gateway, a page without a session": Row(load.Target(gateway.port, "/", page, status=303)),
                "gateway, a script without a session": Row(load.Target(gateway.port, "/", gateway.headers(), status=401)),
            }

    @contextlib.contextmanager
    def gateway_asked(self):
        gateway = self.home.start(behind_proxy=True)
        with gateway.process:
            about = {"X-Original-URL": f"{gateway.origin}/", "X-Original-Method": "GET"}
            target = load.Target(gateway.port, "/_bmauth/forward-auth", {**gateway.headers(self.session), **about})
            yield gateway.process, {"gateway, forward-auth": Row(target)}

    @contextlib.contextmanager
    def gateway_with_tls(self):
        gateway = self.home.start(tls=True)
        with gateway.process:
            signed_in = gateway.headers(self.session)
            yield gateway.process, {"gateway TLS, signed in": Row(load.Target(gateway.port, "/", signed_in, tls=True))}

    @contextlib.contextmanager
    def gateway_as_shipped(self):
        gateway = self.home.start(log=None)
        with gateway.process:
            signed_in = gateway.headers(self.session)
            yield gateway.process, {"gateway, signed in, its log on": Row(load.Target(gateway.port, "/", signed_in))}

    @contextlib.contextmanager
    def _plain_and_authed(self, name, outside, process, ports):
        with running(process, ports):
            rows = {name: Row(load.Target(ports["plain"]))}
            if "authed" in ports:
                rows[f"{name} + {outside}"] = Row(load.Target(ports["authed"]), alone=True)
            for row in rows.values():
                # Some listen before they are ready.
                load.await_answer(row.target)
            yield process, rows

    def haproxy(self):
        return self._plain_and_authed("HAProxy", "", *peers.haproxy(self.bench.folder, self.bench.app))

    def caddy(self):
        return self._plain_and_authed("Caddy", "forward_auth", *peers.caddy(self.bench.folder, self.bench.app))

    def traefik(self):
        return self._plain_and_authed("Traefik", "forwardAuth", *peers.traefik(self.bench.folder, self.bench.app))

    def envoy(self):
        return self._plain_and_authed("Envoy", "ext_authz", *peers.envoy(self.bench.folder, self.bench.app))

    def _check_identity(self, gateway, signed_in):
        """What is measured is the whole path: the app gets the visitor's identity, and none on a public route."""
        asked = {"/echo": True, "/public/echo": False}
        for path, told in asked.items():
            status, token = load.Target(gateway.port, path, signed_in).get()
            if status != 200 or (token.count(b".") == 2) != told:
                raise RuntimeError(f"the app was told the wrong thing at {path}: {status} {token[:80]!r}")
