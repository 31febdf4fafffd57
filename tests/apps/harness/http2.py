"""HTTP/2 over TLS, one frame at a time. What was not read is not acknowledged, so a test that reads nothing stops the
other side."""

import contextlib
import socket
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from .answer import Answer, BrokenOff, Head
from .process import LIMIT


class Http2:
    """A connection."""

    version = "HTTP/2"

    def __init__(self, gateway, host: str):
        self.host = f"{host}:{gateway.port}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=LIMIT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        assert self.socket.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.calls: dict[int, Call2] = {}
        self.is_over = False
        self.flush()

    def flush(self) -> None:
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def open(self, method: str, path: str, fields=(), length: int | None = None, has_body: bool = False) -> "Call2":
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self.host), (":path", path)]
        lengths = [] if length is None else [("content-length", str(length))]
        ordinary = [(name.lower(), value) for name, value in fields]
        call = self.calls[stream] = Call2(self, stream, has_body)
        self.h2.send_headers(stream, [*pseudo, *ordinary, *lengths], end_stream=not has_body)
        self.flush()
        return call

    def pump(self) -> None:
        """Reads once, and hands out what came."""
        data = self.socket.recv(256 * 1024)
        events = self.h2.receive_data(data) if data else []
        if not data:
            self.is_over = True
        for event in events:
            if isinstance(event, h2.events.ConnectionTerminated):
                self.is_over = self.is_over or event.error_code != 0
            elif (call := self.calls.get(getattr(event, "stream_id", None))) is not None:
                call.come(event)
        self.flush()

    def close(self, reset: bool = False) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()


class Call2:
    """A request and its answer."""

    def __init__(self, connection: Http2, stream: int, has_body: bool):
        self.connection, self.stream, self.is_sent = connection, stream, not has_body
        self.informational: list[Head] = []
        self._head: Head | None = None
        self._pieces: list[tuple[bytes, int]] = []
        self._ended = False
        self.reset: int | None = None
        self.trailers: list[tuple[str, str]] = []

    def come(self, event) -> None:
        match event:
            case h2.events.InformationalResponseReceived():
                self.informational.append(_head(event.headers))
            case h2.events.ResponseReceived():
                self._head = _head(event.headers)
            case h2.events.DataReceived():
                self._pieces.append((event.data, event.flow_controlled_length))
            case h2.events.TrailersReceived():
                self.trailers = list(event.headers)
            case h2.events.StreamEnded():
                self._ended = True
            case h2.events.StreamReset():
                self.reset = event.error_code

    def _wait(self, why: str) -> None:
        if self.reset is not None or self.connection.is_over:
            raise BrokenOff(f"{why}: reset {self.reset}")
        self.connection.pump()

    def send(self, data: bytes, last: bool = False) -> None:
        """`last` ends the body in the same frame."""
        protocol = self.connection.h2
        while data:
            room = min(protocol.local_flow_control_window(self.stream), protocol.max_outbound_frame_size)
            if room <= 0 or self.reset is not None:
                self._wait("while sending")
                continue
            piece, data = data[:room], data[room:]
            self._push(lambda piece=piece, end=last and not data: protocol.send_data(self.stream, piece, end))
        self.is_sent = self.is_sent or last

    def finish(self) -> None:
        """Ends the body in an empty frame."""
        self._push(lambda: self.connection.h2.end_stream(self.stream))
        self.is_sent = True

    def _push(self, frame) -> None:
        try:
            frame()
        except h2.exceptions.ProtocolError as error:
            raise BrokenOff(f"while sending: {error}") from error
        self.connection.flush()

    def next_head(self) -> Head:
        before = len(self.informational)
        while self._head is None and len(self.informational) == before:
            self._wait("before the head")
        return self.informational[-1] if len(self.informational) > before else self._head

    def head(self) -> Head:
        while self._head is None:
            self._wait("before the head")
        return self._head

    def read(self) -> bytes:
        self.head()
        while not any(data for data, _ in self._pieces):
            if self._ended:
                return b""
            self._wait("in the body")
        pieces, self._pieces = self._pieces, []
        for _, counted in pieces:
            if counted and not self.connection.is_over:
                with contextlib.suppress(h2.exceptions.StreamClosedError):
                    self.connection.h2.acknowledge_received_data(counted, self.stream)
        self.connection.flush()
        return b"".join(data for data, _ in pieces)

    def whole(self) -> Answer:
        head = self.head()
        pieces = []
        while piece := self.read():
            pieces.append(piece)
        return Answer(head.status, head.fields, b"".join(pieces), self.informational)

    def leave(self, reset: bool = False) -> None:
        """Breaks off, and leaves the connection open."""
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            self.connection.h2.reset_stream(self.stream, h2.errors.ErrorCodes.CANCEL)
        self.connection.flush()


def _head(fields) -> Head:
    named = [(name, value) for name, value in fields if not name.startswith(":")]
    return Head(int(dict(fields)[":status"]), named)
