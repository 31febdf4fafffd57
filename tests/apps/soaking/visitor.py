"""A visitor that acts at random through the gateway."""

import contextlib

from harness.http1 import Http1
from harness.http2 import Http2


class Visitor:
    def __init__(self, gateways, folder, choices):
        self.plain, self.tls = gateways
        self.folder, self.choices = folder, choices
        self.does = ""
        self._kept = {}
        self.channel = None

    def happens(self, share: float) -> bool:
        return self.choices.random() < share

    def size(self) -> int:
        """Mostly small."""
        return self.choices.choice([0, 1, 100, 16_384, 65_535, 65_536, 300_000, 300_000, 2_000_000])

    def connection(self, kind):
        """A new one, or the one that was kept of that kind."""
        kept = self._kept.pop(kind, None)
        return kept or kind(self.tls if kind is Http2 else self.plain, "raw.localhost")

    def keep(self, kind, connection) -> None:
        if kind in self._kept or self.happens(0.1):
            connection.close()
        else:
            self._kept[kind] = connection

    def kind(self):
        return self.choices.choice([Http1, Http2])

    def close(self) -> None:
        for connection in self._kept.values():
            connection.close()
        if self.channel is not None:
            with contextlib.suppress(Exception):
                self.channel.close()
