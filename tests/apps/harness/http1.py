"""HTTP/1.1 by hand, so that each byte is known and each phase can be left."""

import contextlib
import socket
import struct

from .answer import Answer, BrokenOff, Head
from .process import LIMIT


class Http1:
    """A connection."""

    version = "HTTP/1.1"

    def __init__(self, gateway, host: str, source: str | None = None):
        self.host = f"{host}:{gateway.port}"
        bound = (source, 0) if source else None
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=LIMIT, source_address=bound)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.come = bytearray()

    def open(self, method: str, path: str, fields=(), length: int | None = None, has_body: bool = False) -> "Call1":
        """Sends a head. A body comes in chunks, unless its length is said."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", *(f"{name}: {value}" for name, value in fields)]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        elif has_body:
            lines.append("Transfer-Encoding: chunked")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        return Call1(self, method, is_chunked=has_body and length is None)

    def read_some(self) -> bool:
        """Whether there was more."""
        piece = self.socket.recv(256 * 1024)
        self.come += piece
        return bool(piece)

    def take(self, count: int) -> bytes:
        taken = bytes(self.come[:count])
        del self.come[:count]
        return taken

    def line(self) -> bytes:
        while (end := self.come.find(b"\r\n")) < 0:
            if not self.read_some():
                raise BrokenOff(f"in a line, after {bytes(self.come)!r}")
        return self.take(end + 2)[:-2]

    def close(self, reset: bool = False) -> None:
        with contextlib.suppress(OSError):
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()


class Call1:
    """A request and its answer."""

    def __init__(self, connection: Http1, method: str, is_chunked: bool):
        self.connection, self.method, self.is_chunked = connection, method, is_chunked
        self.informational: list[Head] = []
        self._head: Head | None = None
        self._left: int | None = None
        """Bytes to come: of the body, or of the chunk; `None` where the connection's end is the body's."""
        self._in_chunks = self._over = False

    def send(self, data: bytes, last: bool = False) -> None:
        if self.is_chunked and data:
            self.connection.socket.sendall(b"%x\r\n" % len(data) + data + b"\r\n")
        elif data:
            self.connection.socket.sendall(data)
        if last:
            self.finish()

    def finish(self) -> None:
        if self.is_chunked:
            self.connection.socket.sendall(b"0\r\n\r\n")

    def read_head(self) -> Head:
        _, status, *_ = self.connection.line().split(b" ", 2)
        fields = []
        while line := self.connection.line():
            name, _, value = line.partition(b":")
            fields.append((name.decode().lower(), value.strip().decode("latin-1")))
        return Head(int(status), fields)

    def next_head(self) -> Head:
        """The final head, or an informational one before it."""
        head = self.read_head()
        if 100 <= head.status < 200 and head.status != 101:
            self.informational.append(head)
        else:
            self._head = head
            self._look_at_framing(head)
        return head

    def head(self) -> Head:
        while self._head is None:
            self.next_head()
        return self._head

    def _look_at_framing(self, head: Head) -> None:
        length, coding = head.one("content-length"), head.one("transfer-encoding")
        assert not (length and coding), "one length or chunks, not both"
        self._in_chunks = coding == "chunked"
        self._left = 0 if self._in_chunks else int(length) if length else None
        if self.method == "HEAD" or head.status in (204, 304):
            self._over = True
        elif self._left == 0 and not self._in_chunks:
            self._over = True

    def read(self) -> bytes:
        """The next piece of the body as it comes; nothing at its end."""
        self.head()
        connection = self.connection
        if self._over:
            return b""
        if self._in_chunks and self._left == 0:
            self._left = int(connection.line().split(b";")[0], 16)
            if self._left == 0:
                while connection.line():
                    pass
                self._over = True
                return b""
        if not connection.come and not connection.read_some():
            if self._left is None:
                self._over = True
                return b""
            raise BrokenOff(f"{self._left} bytes before the end")
        piece = connection.take(len(connection.come) if self._left is None else self._left)
        if self._left is not None:
            self._left -= len(piece)
            if self._left == 0 and self._in_chunks:
                assert connection.line() == b"", "a chunk ends in a line"
            elif self._left == 0:
                self._over = True
        return piece

    def whole(self) -> Answer:
        head = self.head()
        pieces = []
        while piece := self.read():
            pieces.append(piece)
        return Answer(head.status, head.fields, b"".join(pieces), self.informational)

    def leave(self, reset: bool = False) -> None:
        """Breaks off."""
        self.connection.close(reset)
