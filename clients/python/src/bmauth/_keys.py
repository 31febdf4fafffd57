"""The gateway's public keys by their ids: kept, and fetched again aside from requests.

A request waits for a fetch only where it cannot be judged without one. While the gateway's keys cannot be fetched, those
that are known go on to work; a key that is missing from a set that was fetched has stopped to."""

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Literal

from ._errors import InvalidToken, KeysUnavailable
from ._fetch import Key, fetch, read_keys

log = logging.getLogger("bmauth")

FRESH = 300.0
"""Seconds after which the keys are fetched again, aside from requests."""
LATE = 900.0
"""Seconds after which a request waits for that: the app was idle, and a key may have been taken back meanwhile."""
FORGOTTEN = 24 * 3600.0
"""Seconds after which keys that could not be fetched again count for nothing."""
PAUSE = 10.0
"""Seconds between two fetches for ids that are not known, which may be made up."""
RETRY = 5.0
"""Seconds between two fetches that fail."""
PATIENCE = 8.0
"""Seconds that a request waits for a fetch at most."""

Need = Literal["nothing", "refresh", "wait"]


def start_thread(run: Callable[[], None]) -> None:
    """Runs it aside; it does not keep the program from ending."""
    threading.Thread(target=run, name="bmauth-keys", daemon=True).start()


class Keys:
    """The keys at `url`. For all threads of a process, and for those it forks."""

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] = start_thread,
    ) -> None:
        self.url = url
        self._fetch, self._clock, self._start = fetch, clock, start
        self._known: dict[str, Key] = {}
        self._fetched: float | None = None
        self._started = float("-inf")
        self._failure: str | None = None
        self._lock = threading.Lock()
        self._running: threading.Event | None = None
        _ALL.add(self)

    def find(self, kid: str) -> Key:
        """The key of that id; waits for a fetch where there has to be one.

        Raises InvalidToken where the gateway has no such key, KeysUnavailable where that cannot be known."""
        with self._lock:
            need = self._need(kid)
            running, is_new = self._running, self._running is None and need != "nothing"
            if is_new:
                running, self._started = threading.Event(), self._clock()
                self._running = running
        if running and is_new:
            self._begin(running)
        if running and need == "wait":
            running.wait(PATIENCE)
        with self._lock:
            key = None if self._age() >= FORGOTTEN else self._known.get(kid)
            if key is not None:
                return key
            if self._failure is not None or self._age() >= FORGOTTEN or self._running is not None:
                raise KeysUnavailable(self._failure or "there is no answer")
        raise InvalidToken(f"its key {kid!r:.80} is not among those at {self.url}")

    def would_wait(self, kid: str) -> bool:
        """Whether `find` would wait for a fetch."""
        with self._lock:
            return self._need(kid) == "wait"

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock() - self._fetched

    def _need(self, kid: str) -> Need:
        age = self._age()
        usable = kid in self._known and age < FORGOTTEN
        if usable and age < FRESH:
            return "nothing"
        if self._running is not None and self._clock() - self._started >= PATIENCE:
            return "nothing"  # it hangs, and no second request waits for it
        pause = PAUSE if self._failure is None else RETRY
        if self._running is None and self._clock() - self._started < pause:
            return "nothing"
        if usable and (self._failure is not None or age < LATE):
            return "refresh"
        return "wait"

    def _begin(self, running: threading.Event) -> None:
        try:
            self._start(lambda: self._refresh(running))
        except RuntimeError as error:  # the system has no thread for it
            self._note(running, None, str(error))

    def _refresh(self, running: threading.Event) -> None:
        try:
            keys = read_keys(self._fetch(self.url))
        except Exception as error:
            self._note(running, None, f"{error}" or type(error).__name__)
        else:
            self._note(running, keys, None)

    def _note(self, running: threading.Event, keys: dict[str, Key] | None, failure: str | None) -> None:
        with self._lock:
            if self._running is running:
                self._running = None
            before, self._failure = self._failure, failure
            if keys is not None:
                self._known, self._fetched = keys, self._clock()
            known = len(self._known)
        running.set()
        if failure is not None and known:
            log.error("The gateway's keys cannot be fetched from %s: %s. Those that are known are used", self.url, failure)
        elif before is not None and failure is None:
            log.info("The gateway's keys are fetched from %s again", self.url)

    def _after_fork(self) -> None:
        """Threads are not forked: a lock may be held by one that is not there, a fetch is made by none."""
        self._lock, self._running, self._started = threading.Lock(), None, float("-inf")


_ALL: "weakref.WeakSet[Keys]" = weakref.WeakSet()


def _after_fork() -> None:
    for keys in list(_ALL):
        keys._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
