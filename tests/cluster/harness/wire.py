"""A way between a gateway and its database that can fail."""

from free_ports import free_port
import contextlib
import selectors
import socket
import threading


COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The message of the simple protocol, as tokio-postgres sends it."""
LISTEN = b"LISTEN bmauth"


class Wire:
    """Forwards to `target`, a port of this machine.

    `cut_every` closes the gateway's side right after each so many COMMITs were forwarded, `cut_next` after that many next
    ones; `is_deaf` keeps notifications back. While it is `swallowing`, bytes go nowhere and connections stay open."""

    def __init__(self, target: int):
        self.target, self.port = target, free_port()
        self.cut_every, self.cut_next, self.is_deaf, self.swallowing = 0, 0, False, False
        self.commits = self.cuts = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self.target)) as server:
            self._open.add(client)
            try:
                self._forward(client, server)
            finally:
                self._open.discard(client)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    piece = key.fileobj.recv(65536)
                    if not piece:
                        return
                    if self.swallowing:
                        continue
                    if key.fileobj is client and self.is_deaf:
                        piece = piece.replace(LISTEN, b"SELECT 1".ljust(len(LISTEN)))
                    key.data.sendall(piece)
                    if key.fileobj is client and COMMIT in piece and self._is_to_be_cut():
                        client.close()
                        # What was forwarded is carried out; then the server may go.
                        server.shutdown(socket.SHUT_WR)
                        while server.recv(65536):
                            pass
                        return

    def _is_to_be_cut(self) -> bool:
        with self._lock:
            self.commits += 1
            is_its_turn = self.cut_next > 0 or (self.cut_every > 0 and self.commits % self.cut_every == 0)
            self.cut_next = max(0, self.cut_next - 1)
            self.cuts += is_its_turn
            return is_its_turn

    def drop_all(self) -> None:
        """Closes all connections that are open."""
        for client in list(self._open):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.listener.close()
        self.drop_all()
