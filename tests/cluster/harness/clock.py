"""A clock that gateways go by and tests set: libfaketime, which the programs are started with."""

import pathlib

from .process import TOOLS, folder_below, given_away


class Clock:
    """Goes as the machine's does, so many seconds ahead. What counts time that passed, not the time it is, goes on as ever."""

    def __init__(self, parent: pathlib.Path, name: str):
        libraries = list(TOOLS.glob("faketime/usr/lib/*/faketime/libfaketimeMT.so.1"))
        assert libraries, "libfaketime is missing: run `scripts/setup cluster`."
        self.ahead = 0
        self._file = folder_below(parent, name) / "clock"
        self.go_on(0)
        self.env = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def go_on(self, seconds: int) -> None:
        """For all that goes by it, at once."""
        self.ahead += seconds
        # In the place of the file before, which a gateway may be reading.
        following = self._file.with_name("following")
        following.write_text(f"+{self.ahead}\n")
        given_away(following).rename(self._file)
