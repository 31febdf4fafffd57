"""The servers whose way through the gateway is tried, and how each is started with the app."""

import contextlib
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from free_ports import free_port

from .process import APPS, ROOT, Process

PYTHON = sys.executable
SLOW_TO_CLOSE, QUICK_TO_CLOSE = 30, 1
"""Seconds after which a server closes an idle connection: longer than the gateway keeps it, and shorter."""


@dataclass(frozen=True)
class Peer:
    name: str
    start: Callable[[int, int, pathlib.Path], list[Process]]
    """Given a port, the seconds that unused connections are kept, and a folder; returns what has to be stopped."""
    takes_chunks: bool = True
    """Requests without a length can be read."""
    asks_for_bodies: bool = True
    """100 is sent to clients that wait for it."""
    has_hints: bool = False
    """103 can be sent."""
    has_websocket: bool = False
    has_http: bool = True
    keeps_connections: bool = True
    closes_on_half_requests: bool = False
    """A connection ends with an answer that came before the end of the request."""
    reads_on: int = 0
    """So many bytes of a request are awaited before an answer to it leaves."""


def started(name: str, command: list, port: int, folder: pathlib.Path) -> Process:
    process = Process(f"{name}-{port}", command, port, folder)
    try:
        process.wait_until_it_listens()
    except BaseException:
        process.stop()
        raise
    return process


def uvicorn(http: str, loop: str, ws: str):
    def start(port, keep, folder):
        command = [PYTHON, "-m", "uvicorn", "asgi:app", "--port", port, "--log-level", "warning", "--no-server-header"]
        kinds = ["--http", http, "--loop", loop, "--ws", ws, "--timeout-keep-alive", keep]
        return [started(f"uvicorn-{http}", [*command, *kinds, "--no-proxy-headers"], port, folder)]

    return start


def gunicorn(worker: str, *more):
    def start(port, keep, folder):
        command = [PYTHON, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
        kinds = ["--worker-class", worker, "--keep-alive", keep, "--worker-tmp-dir", "/dev/shm", *more]
        return [started(f"gunicorn-{worker}", [*command, *kinds], port, folder)]

    return start


def python(script: str):
    return lambda port, keep, folder: [started(script, [PYTHON, APPS / f"{script}.py", port], port, folder)]


def node(port, keep, folder):
    return [started("node", [program("node"), APPS / "node.mjs", port, keep], port, folder)]


def go(port, keep, folder):
    return [started("go", [go_app(), port, keep], port, folder)]


@cache
def go_app() -> pathlib.Path:
    """The app, built once; Go keeps what it compiled."""
    tools = ROOT / "target/tools"
    binary = ROOT / "target/apps/go-app"
    env = {"GOCACHE": tools / "go-cache", "GOPATH": tools / "go-path", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
    command = ["env", *(f"{name}={value}" for name, value in env.items()), program("go"), "build", "-o", binary, "."]
    subprocess.run(command, cwd=APPS / "go", check=True)
    return binary


def found(name: str) -> str | None:
    beside = ROOT / "target/tools/bin" / name
    return str(beside) if beside.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin")


def program(name: str) -> str:
    there = found(name)
    assert there, f"{name} is missing: run 'scripts/setup apps', or 'make test-apps'"
    return there


def in_front_of_uvicorn(name: str, configuration, *options: str):
    """A proxy between the gateway and the app."""

    def start(port, keep, folder):
        app = free_port()
        behind = uvicorn("httptools", "asyncio", "websockets")(app, SLOW_TO_CLOSE, folder)
        settings = folder / f"{name}-{port}.conf"
        settings.write_text(configuration(port, app, keep, folder))
        try:
            return [*behind, started(name, [program(name), *options, settings], port, folder)]
        except BaseException:
            stop(behind)
            raise

    return start


TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]


def nginx_conf(port, app, keep, folder):
    temporary = "\n".join(f"  {kind}_temp_path {folder}/nginx-{kind}-{port};" for kind in TEMPORARY)
    return f"""
daemon off;
master_process off;
pid {folder}/nginx-{port}.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
{temporary}
  client_max_body_size 0;
  keepalive_timeout {keep}s;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{app};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""


def haproxy_conf(port, app, keep, folder):
    return f"""
global
  maxconn 1000
defaults
  mode http
  option http-server-close
  timeout connect 5s
  timeout client 5m
  timeout server 5m
  timeout tunnel 5m
  timeout http-keep-alive {keep}s
listen app
  bind 127.0.0.1:{port}
  server app 127.0.0.1:{app}
"""


def stop(processes) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.stop()


PEERS = [
    Peer("uvicorn-h11", uvicorn("h11", "asyncio", "wsproto"), has_websocket=True),
    Peer("uvicorn-httptools", uvicorn("httptools", "uvloop", "websockets"), has_websocket=True),
    Peer("gunicorn-sync", gunicorn("sync", "--workers", "4"), keeps_connections=False),
    Peer("gunicorn-gthread", gunicorn("gthread", "--workers", "2", "--threads", "8")),
    Peer("wsgiref", python("wsgiref_server"), takes_chunks=False, asks_for_bodies=False, keeps_connections=False),
    Peer("node", node, has_hints=True),
    Peer("go", go, has_hints=True, reads_on=256 * 1024),
    Peer("nginx", in_front_of_uvicorn("nginx", nginx_conf, "-c"), has_websocket=True),
    Peer(
        "haproxy", in_front_of_uvicorn("haproxy", haproxy_conf, "-f"), has_websocket=True, closes_on_half_requests=True
    ),
    Peer("websockets", python("websockets_server"), has_websocket=True, has_http=False),
]
HTTP = [peer for peer in PEERS if peer.has_http]
WEBSOCKET = [peer for peer in PEERS if peer.has_websocket]
