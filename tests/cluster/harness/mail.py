"""A mail server that keeps what it is given."""

import email
import email.policy
import re
import socketserver
import threading

from .process import LIMIT


class Handler(socketserver.StreamRequestHandler):
    """SMTP (RFC 5321), as far as a client needs it."""

    timeout = LIMIT

    def handle(self) -> None:
        self._say("220 localhost ESMTP")
        while line := self.rfile.readline(2048):
            word = line.split(None, 1)[0].upper() if line.split() else b""
            if word in (b"EHLO", b"HELO"):
                self._say("250-localhost", "250-8BITMIME", "250 SMTPUTF8")
            elif word == b"DATA":
                self._say("354 go on")
                self.server.mailbox.take(self._body())
                self._say("250 taken")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 yes")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline(8192)) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address) -> None:
        """A gateway that is killed says no goodbye."""


class Mailbox:
    def __init__(self):
        self._letters: dict[str, list[str]] = {}
        self._came = threading.Condition()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.mailbox = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        letter = email.message_from_bytes(body, policy=email.policy.default)
        text = f"{letter['Subject']}\n{letter.get_body(('plain',)).get_content()}"
        with self._came:
            self._letters.setdefault(letter["To"].addresses[0].addr_spec, []).append(text)
            self._came.notify_all()

    def letters(self, to: str) -> list[str]:
        with self._came:
            return list(self._letters.get(to, ()))

    def code(self, to: str, after: int = 0, limit: float = LIMIT) -> str:
        """The code of the first letter with one, of those after so many."""

        def found():
            codes = (re.search(r"\b(\d{3})[\s\u00a0](\d{3})\b", text) for text in self._letters.get(to, [])[after:])
            return next((match for match in codes if match), None)

        with self._came:
            assert self._came.wait_for(found, limit), f"no code came to {to}"
            return "".join(found().groups())

    def link(self, to: str, page: str, after: int = 0, limit: float = LIMIT) -> str:
        """What the link to a page says behind its `#`, in the first letter with one, of those after so many."""

        def found():
            links = (re.search(rf"/{page}#(\S+)", text) for text in self._letters.get(to, [])[after:])
            return next((match for match in links if match), None)

        with self._came:
            assert self._came.wait_for(found, limit), f"no link to {page} came to {to}"
            return found()[1]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
