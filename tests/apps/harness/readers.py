"""The servers whose apps say how they read a request, each as it is where nothing is configured."""

from free_ports import free_ports

from .peers import PYTHON, program
from .process import APPS, Process


def uvicorn(http: str, ws: str = "websockets"):
    options = ["--http", http, "--ws", ws, "--log-level", "error"]
    return lambda port: [PYTHON, "-m", "uvicorn", "reading:asgi", "--port", port, *options]


READERS = {
    "gunicorn": lambda port: [PYTHON, "-m", "gunicorn", "reading:wsgi", "--bind", f"127.0.0.1:{port}"],
    "uvicorn-h11": uvicorn("h11"),
    "uvicorn-httptools": uvicorn("httptools"),
    "waitress": lambda port: [PYTHON, "-m", "waitress", f"--listen=127.0.0.1:{port}", "reading:wsgi"],
    "wsgiref": lambda port: [PYTHON, APPS / "reading_wsgiref.py", port],
    "node-decoded": lambda port: [program("node"), APPS / "reading.mjs", port, "decoded"],
    "node-lowercased": lambda port: [program("node"), APPS / "reading.mjs", port, "lowercased"],
}


def all_started(folder) -> dict[str, Process]:
    """By name; they start at the same time."""
    ports = dict(zip(READERS, free_ports(len(READERS))))
    return {name: Process(name, command(ports[name]), ports[name], folder) for name, command in READERS.items()}
