"""A wire between a test and an app that goes around the gateway: the app is told what to do, and says what it sees.

An app that is asked for `?tell=PORT` connects there, and both sides speak in lines."""

import socket

from .process import LIMIT


class Told:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]
        self._lines = None

    def lines(self):
        """What the app says; waits until it has come."""
        if self._lines is None:
            wire, _ = self.listener.accept()
            wire.settimeout(LIMIT)
            self._lines = wire.makefile("rw", newline="\n")
        return self._lines

    def say(self, line: str) -> None:
        self.lines().write(line + "\n")
        self.lines().flush()

    def hear(self) -> str:
        return self.lines().readline().rstrip("\n")

    def hear_until(self, begins: str) -> str:
        """The next line that begins so."""
        while line := self.hear():
            if line.startswith(begins):
                return line
        raise AssertionError(f"the app went without saying {begins!r}")

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
        self.listener.close()
