"""What people do at several gateways while something happens to the database, and what must be true of it afterwards.

Only what a gateway has acknowledged is written down. A person who gets no answer, or 503, knows nothing, and nothing is
checked of it."""

import collections
import concurrent.futures
import random
import threading
import time
from dataclasses import dataclass, field

from security_key import SecurityKey

from .gateway import Gateway, Site
from .mail import Mailbox
from .person import NotDone, Person, Refused, Tokens
from .process import until

LETTER = 30
"""Seconds that a writer waits for a letter before it turns to the next person."""
TRIES = 5
"""Wrong tries after which a code is spent."""


@dataclass(eq=False)
class Known:
    """What is acknowledged of one person."""

    person: Person
    registered: bool = False
    alive: list = field(default_factory=list)
    """Tokens of sessions that no writer has tried to end."""
    ended: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    """Keys besides the first one."""
    spent: list = field(default_factory=list)
    """Codes that opened something or were tried too often, each with its ticket."""


class Stalled(AssertionError):
    """Nothing more is acknowledged."""


class Book:
    def __init__(self):
        self.lock = threading.Lock()
        self.known: list[Known] = []
        self.mailed: list[str] = []
        """Addresses whose sign-up was acknowledged: a code is on its way."""
        self.done = collections.Counter()
        self.failed = collections.Counter()
        self.refused: list[str] = []
        self.times: list[float] = []
        """When something was acknowledged that needs the database."""

    def did(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1
            self.times.append(time.monotonic())

    def total(self) -> int:
        return len(self.times)

    def longest_gap(self) -> float:
        times = sorted(self.times)
        return max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)

    def told(self) -> str:
        done = ", ".join(f"{count} × {what}" for what, count in sorted(self.done.items()))
        failed = ", ".join(f"{count} × {what}" for what, count in self.failed.most_common(4)) or "none"
        return f"acknowledged: {done}; errors: {failed}; longest gap {self.longest_gap():.1f} s"


class Writers:
    """So many at once, each going on with a new person until they are stopped."""

    def __init__(
        self, site: Site, gateways: list[Gateway], mailbox: Mailbox, count: int = 6, seed: int = 1, elevate: bool = True
    ):
        self.elevate = elevate
        self.site, self.gateways, self.mailbox, self.book = site, gateways, mailbox, Book()
        self.stopping = threading.Event()
        self.broken: list[BaseException] = []
        randoms = [random.Random(seed * 1000 + number) for number in range(count)]
        self.threads = [threading.Thread(target=self._go_on, args=(own,), daemon=True) for own in randoms]
        for thread in self.threads:
            thread.start()

    def _go_on(self, randomly: random.Random) -> None:
        while not self.stopping.is_set():
            known = Known(Person(self.site))
            try:
                self._live(known, randomly)
            except NotDone as error:
                with self.book.lock:
                    self.book.failed[str(error)[:60]] += 1
                # Asking more often of a server that is away teaches nothing.
                self.stopping.wait(0.1)
            except Refused as refused:
                with self.book.lock:
                    self.book.refused.append(f"{known.person.email}: {refused}")
            except BaseException as error:
                self.broken.append(error)
                raise
            finally:
                with self.book.lock:
                    self.book.known.append(known)

    def _live(self, known: Known, randomly: random.Random) -> None:
        person, book = known.person, self.book
        a, b = randomly.sample(self.gateways, 2)
        tokens = self._register(known, a, b)
        if tokens is None:
            return

        second = person.sign_in(b, a)
        book.did("sign-in")
        second = person.refresh(a, second)
        book.did("refresh")
        person.sign_out(b, second)
        known.ended.append(second)
        book.did("revocation")

        if self.elevate and randomly.random() < 0.5:
            # The tokens from before die when the elevation is used, so from here on nothing is said of them.
            known.alive.remove(tokens)
            elevated = person.elevate(a, tokens, b)
            known.alive.append(elevated)
            key = SecurityKey()
            person.add(b, elevated, key, a)
            known.keys.append(key)
            book.did("passkey")
        else:
            self._guess(a, b)

    def _register(self, known: Known, a: Gateway, b: Gateway) -> Tokens | None:
        person, book = known.person, self.book
        ticket = person.begin_sign_up(a, b)
        with book.lock:
            book.mailed.append(person.email)
        book.did("sign-up")
        code = self._code(person)
        if code is None:
            return None
        tokens = person.enter_code(a, code, ticket)
        known.registered = True
        known.alive.append(tokens)
        known.spent.append((code, ticket))
        book.did("registration")
        return tokens

    def _guess(self, a: Gateway, b: Gateway) -> None:
        """The code of another person, tried too often."""
        known = Known(Person(self.site))
        ticket = known.person.begin_sign_up(b, a)
        self.book.did("sign-up")
        code = self._code(known.person)
        if code is None:
            return
        for number in range(1, TRIES + 1):
            wrong = f"{(int(code) + number) % 1_000_000:06}"
            try:
                known.person.enter_code(random.choice((a, b)), wrong, ticket)
                raise AssertionError("a wrong code opened something")
            except Refused as refused:
                if refused.status != 401:
                    raise
                self.book.did("wrong try")
        known.spent.append((code, ticket))
        with self.book.lock:
            self.book.known.append(known)

    def _code(self, person: Person) -> str | None:
        # It may be late while the database is away; that it comes is looked at in the end.
        end = time.monotonic() + LETTER
        while not self.stopping.is_set() and time.monotonic() < end:
            try:
                return self.mailbox.code(person.email, limit=0.2)
            except AssertionError:
                continue
        return None

    def wait_for(self, count: int, limit: float = 120) -> None:
        """Until so many more acts are acknowledged."""
        before = self.book.total()

        def more():
            if self.broken:
                raise self.broken[0]
            return self.book.total() >= before + count

        try:
            until(more, f"{count} more acts are acknowledged", limit)
        except AssertionError as error:
            raise Stalled(f"{error}; {self.book.told()}") from None

    def stop(self) -> Book:
        self.stopping.set()
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a writer hangs"
        assert not self.broken, self.broken
        return self.book


class Keepers:
    """People who are signed in, at every gateway, and look at the app all the time."""

    def __init__(self, site: Site, gateways: list[Gateway], mailbox: Mailbox, count: int = 4):
        self.statuses = collections.Counter()
        self.wrong: list[str] = []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.people = [Person(site) for _ in range(count)]
        for person in self.people:
            person.register(gateways[0], gateways[1], mailbox)
            for gateway in gateways:
                assert person.visit(gateway).status == 200
        pairs = [(person, gateway) for person in self.people for gateway in gateways]
        self.threads = [threading.Thread(target=self._look, args=pair, daemon=True) for pair in pairs]
        for thread in self.threads:
            thread.start()

    def _look(self, person: Person, gateway: Gateway) -> None:
        while not self.stopping.wait(0.1):
            try:
                status = person.visit(gateway).status
            except NotDone:
                # A gateway that doubts what it knows closes what is open, and the visitor asks again.
                status = "broken off"
            with self.lock:
                self.statuses[status] += 1
                # 503 is an answer where the store is needed; nothing else is.
                if status not in (200, 503, "broken off"):
                    self.wrong.append(f"{person.email} at {gateway.name}: {status}")

    def stop(self) -> str:
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        cleared = [(person.email, person.cleared) for person in self.people if person.cleared]
        assert not self.wrong, self.wrong[:10]
        assert not cleared, cleared
        return ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items(), key=str))


def check(book: Book, gateways: list[Gateway], mailbox: Mailbox) -> None:
    """Holds every gateway to what was acknowledged by any."""
    problems: list[str] = []

    def look(known: Known) -> None:
        try:
            for gateway in gateways:
                problems.extend(f"{known.person.email} at {gateway.name}: {what}" for what in _wrong(known, gateway))
        except Exception as error:  # Told with the rest.
            problems.append(f"{known.person.email}: {error!r}")

    for email in book.mailed:
        try:
            mailbox.code(email, limit=30)
        except AssertionError as error:
            problems.append(str(error))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(look, book.known))
    assert not problems, f"{len(problems)}: {problems[:10]}"


def _wrong(known: Known, gateway: Gateway) -> list[str]:
    person, wrong = known.person, []
    if known.registered:
        for which, key in enumerate([person.key, *known.keys]):
            try:
                person.sign_in(gateway, key=key)
            except Refused as refused:
                wrong.append(f"passkey {which} is gone: {refused}")
    wrong += ["a session is gone" for tokens in known.alive if not person.is_in(gateway, tokens)]
    wrong += ["what was revoked is back" for tokens in known.ended if person.is_in(gateway, tokens)]
    for tokens in known.ended:
        try:
            person.refresh(gateway, tokens)
            wrong.append("the refresh token of what was revoked is good")
        except Refused:
            pass
    for code, ticket in known.spent:
        try:
            person.enter_code(gateway, code, ticket)
            wrong.append("a spent code opens something")
        except Refused as refused:
            if refused.status != 401:
                wrong.append(f"a spent code: {refused}")
    return wrong
