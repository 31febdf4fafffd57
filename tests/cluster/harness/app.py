"""The app behind the gateways: says which identity it gets, streams, and has WebSockets on a port of their own."""

import contextlib
import http.server
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

TICK = 0.02


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/stream"):
            self._stream()
            return
        body = (self.headers.get("X-BMAuth-JWT") or "").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.server.stopping.is_set():
                self.wfile.write(b"9\r\ndata: 1\n\n\r\n")
                time.sleep(TICK)
        except OSError:
            pass

    def log_message(self, *_words) -> None:
        pass


def tick(socket: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.send("1")
            time.sleep(TICK)


class App(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        self.stopping = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.sockets = serve(tick, "127.0.0.1", 0, ping_interval=None)
        self.sockets_port = self.sockets.socket.getsockname()[1]
        threading.Thread(target=self.sockets.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address) -> None:
        """A gateway may close a connection whenever it likes."""

    def stop(self) -> None:
        self.stopping.set()
        self.sockets.shutdown()
        self.shutdown()
        self.server_close()
