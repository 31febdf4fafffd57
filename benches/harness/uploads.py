"""Long uploads by HTTP/1.1 and by HTTP/2, over TLS to the gateway and in clear to an app that only reads."""

import pathlib
import socket
import subprocess
import threading

from . import processes

LENGTH = 256 * 1024 * 1024
ROUNDS = 5
PIECE = 1024 * 1024


def uploads(bench):
    """Bytes a second of each version, round by round."""
    file = bench.folder / "upload"
    with open(file, "wb") as zeros:
        zeros.truncate(LENGTH)
    with Sink() as sink:
        gateway = bench.home("uploads").start(tls=True, uploads=sink.port)
        with gateway.process:
            seen = {version: [] for version in ("HTTP/1.1", "HTTP/2")}
            for _ in range(ROUNDS):
                for version, rates in seen.items():
                    rates.append(_upload(gateway, file, version))
    bench.say("uploads: " + ", ".join(f"{version} {max(rates) / 1e6:.0f} MB/s" for version, rates in seen.items()))
    return seen


def _upload(gateway, file: pathlib.Path, version):
    asked = ["curl", "--silent", "--show-error", "--insecure", {"HTTP/1.1": "--http1.1", "HTTP/2": "--http2"}[version]]
    asked += ["--header", "Expect:", "--upload-file", file, "--output", "/dev/null"]
    asked += ["--write-out", "%{http_code} %{http_version} %{speed_upload}", f"{gateway.origin}/upload"]
    if processes.cores() > 1:
        asked = ["taskset", "-c", str(processes.LOAD_CORE), *asked]
    said = subprocess.run([str(part) for part in asked], check=True, capture_output=True, text=True, timeout=120).stdout
    status, spoken, rate = said.split()
    if status != "200" or f"HTTP/{spoken}" != version:
        raise RuntimeError(f"an upload by {version} was answered with {said}")
    return float(rate)


class Sink:
    """An app that reads whole requests and answers each."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection):
        room = bytearray(PIECE)
        with connection:
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = connection.recv(65536)
                    if not more:
                        return
                    head += more
                head, _, body = head.partition(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
                left = int(fields[b"content-length"]) - len(body)
                while left > 0:
                    left -= connection.recv_into(room, min(left, PIECE))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
