"""Few accounts, and all at once: sign-ins, passkeys that come and go, and groups that an operator sets."""

import random
import threading

import pytest
from conftest import NUMBERS, world_on
from harness.person import NotDone, Person, Refused
from security_key import SecurityKey

ACCOUNTS = 4
ACTS = 400
GROUPS = ["", "staff", "staff,admins", "guests"]


@pytest.fixture(scope="module")
def storm(server, folder, mailbox, app):
    """It is over."""
    name = f"storm{next(NUMBERS)}"
    with world_on(server.database(name), folder, mailbox, app) as world:
        a, b = world.two()
        owners = [Person(world.site, key=Synced()) for _ in range(ACCOUNTS)]
        for owner in owners:
            owner.register(a, b, mailbox)
        storm = Storm(owners, [a, b])
        storm.run()
        storm.deadlocks = server.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = %s", name)[0][0]
        print(f"  {dict(storm.done)}; {storm.deadlocks} deadlocks; answered 503: {len(storm.failed)}")
        yield storm


def test_what_meets_on_few_accounts_leaves_them_whole(storm):
    assert not storm.wrong, storm.wrong[:10]
    a, b = storm.gateways
    for owner in storm.owners:
        for gateway in (a, b):
            tokens = owner.sign_in(gateway)
            assert owner.is_in(a, tokens) and owner.is_in(b, tokens)
        shown = a.command("users", "groups", owner.email)
        assert any(all(group in shown for group in groups.split(",")) for groups in GROUPS)


def test_what_meets_on_few_accounts_waits_in_one_direction(storm):
    assert (storm.deadlocks, storm.failed) == (0, [])


class Synced(SecurityKey):
    """One of several devices, which counts no uses: it can be used at two places at once."""

    def _said(self, *words) -> bytes:
        self.counter = -1
        return super()._said(*words)


class Storm:
    def __init__(self, owners: list[Person], gateways: list):
        self.owners, self.gateways = owners, gateways
        self.lock = threading.Lock()
        self.done: dict[str, int] = {}
        self.wrong: list[str] = []
        self.failed: list[str] = []
        """Answered 503, or the same to an operator, which says: later."""

    def run(self) -> None:
        acts = [self._sign_in] * 4 + [self._come_and_go] * 4 + [self._set_groups] * 2
        threads = [threading.Thread(target=self._repeat, args=(act, number)) for number, act in enumerate(acts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(180)
            assert not thread.is_alive(), "it hangs"

    def _total(self) -> int:
        with self.lock:
            return sum(self.done.values())

    def _repeat(self, act, number: int) -> None:
        randomly = random.Random(number)
        while self._total() < ACTS and not self.wrong:
            owner, gateways = randomly.choice(self.owners), randomly.sample(self.gateways, 2)
            try:
                act(owner, gateways, randomly)
            except Refused as refused:
                self.wrong.append(f"{act.__name__}: {refused}")
            except NotDone as error:
                self.failed.append(f"{act.__name__}: {error}")
            except AssertionError as error:
                self.wrong.append(f"{act.__name__}: {error}")
            else:
                with self.lock:
                    self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def _sign_in(self, owner, gateways, _) -> None:
        owner.sign_in(gateways[0], gateways[1])

    def _come_and_go(self, owner, gateways, _) -> None:
        """A second passkey is added, and removed with it as the proof."""
        here, there = gateways
        visitor = Person(owner.site, owner.email, owner.key)
        visitor.sign_in_at_pages(here, there)
        elevated = visitor.elevate(here, visitor.sign_in(there), there)
        key = Synced()
        passkey = visitor.add(there, elevated, key, here)
        second = Person(owner.site, owner.email, key)
        second.sign_in_at_pages(here, there)
        visitor.remove(there, passkey, owner.key, here)

    def _set_groups(self, owner, gateways, randomly) -> None:
        try:
            gateways[0].command("users", "groups", owner.email, "--set", randomly.choice(GROUPS))
        except AssertionError as error:
            if "Nothing could be read or written" in str(error):
                raise NotDone(error) from None
            # Two operators at once: one of them is told to look again.
            if "The account was changed by someone else" not in str(error):
                raise
