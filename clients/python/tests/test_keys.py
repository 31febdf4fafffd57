"""Keys over time: kept, fetched again, taken back, and through an outage. The clock and the threads are the test's."""

import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable

import pytest
from gateway import Gateway, at_once, new_key

from bmauth import InvalidToken, Keys, KeysUnavailable
from bmauth._keys import FORGOTTEN, FRESH, LATE, PATIENCE, PAUSE, RETRY


class World:
    """A gateway that can be away, and what is asked of it. What would be done by a thread waits in `aside`."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.gateway = Gateway()
        self.fetches = 0
        self.fault: Exception | None = None
        self.aside: list[Callable[[], None]] = []
        self.inline = True
        self.keys = Keys("https://notes.example.com/jwks", fetch=self.fetch, clock=lambda: self.time, start=self.start)

    def fetch(self, url: str) -> bytes:
        self.fetches += 1
        if self.fault:
            raise self.fault
        return self.gateway.jwks()

    def start(self, run: Callable[[], None]) -> None:
        if self.inline:
            run()
        else:
            self.aside.append(run)

    def rotate(self, old: str, new: str) -> None:
        del self.gateway.keys[old]
        self.gateway.keys[new] = new_key()

    def works(self, kid: str) -> bool:
        try:
            self.keys.find(kid)
        except (InvalidToken, KeysUnavailable):
            return False
        return True


@pytest.fixture
def world() -> World:
    return World()


def test_keys_are_fetched_once_and_kept(world: World) -> None:
    assert world.keys.would_wait("one")
    for _ in range(100):
        world.keys.find("one")
    world.time += FRESH - 1
    world.keys.find("one")
    assert world.fetches == 1
    assert not world.keys.would_wait("one")


def test_nothing_is_fetched_before_a_request_needs_it(world: World) -> None:
    assert world.fetches == 0


def test_keys_are_fetched_again_aside_from_requests(world: World) -> None:
    world.keys.find("one")
    world.rotate("one", "two")
    world.time += FRESH
    world.inline = False
    assert not world.keys.would_wait("one")
    for _ in range(100):
        assert world.works("one")  # no request waits for what is under way
    assert (world.fetches, len(world.aside)) == (1, 1)
    world.aside.pop()()
    assert world.fetches == 2
    assert (world.works("one"), world.works("two")) == (False, True)


def test_a_new_key_is_known_at_its_first_token(world: World) -> None:
    world.keys.find("one")
    world.gateway.keys["two"] = new_key()
    world.time += PAUSE
    assert world.keys.would_wait("two")
    assert world.works("two") and world.works("one")
    assert world.fetches == 2


def test_made_up_ids_do_not_have_the_gateway_asked_again_and_again(world: World) -> None:
    world.keys.find("one")
    for number in range(500):
        with pytest.raises(InvalidToken, match="is not among those at https://notes.example.com/jwks"):
            world.keys.find(f"made-up-{number}")
        world.time += PAUSE / 100
    assert world.fetches <= 6


def test_a_key_that_was_taken_back_stops_working(world: World) -> None:
    world.keys.find("one")
    world.rotate("one", "two")
    world.time += FRESH
    assert not world.works("one")


def test_an_app_that_was_idle_asks_first_whether_a_key_was_taken_back(world: World) -> None:
    world.keys.find("one")
    world.rotate("one", "two")
    world.time += LATE
    assert world.keys.would_wait("one")
    assert not world.works("one")


def test_known_keys_work_through_an_outage_and_no_request_waits(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.keys.find("one")
    world.fault = ConnectionRefusedError("connection refused")
    for _ in range(int(3600 / RETRY)):
        world.time += RETRY
        assert world.works("one")
    assert world.fetches > 100
    assert not world.keys.would_wait("one")
    assert (
        "cannot be fetched from https://notes.example.com/jwks: connection refused. Those that are known are used"
        in caplog.text
    )
    with pytest.raises(KeysUnavailable) as unknown:
        world.keys.find("two")
    assert (unknown.value.status, str(unknown.value)) == (503, "connection refused")


def test_an_outage_ends_by_itself(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fault = ConnectionRefusedError("connection refused")
    assert not world.works("one")
    world.fault = None
    assert not world.works("one")  # it was asked a moment ago
    world.time += RETRY
    with caplog.at_level(logging.INFO, "bmauth"):
        assert world.works("one")
    assert "are fetched from https://notes.example.com/jwks again" in caplog.text


def test_keys_that_could_not_be_fetched_for_a_day_count_for_nothing(world: World) -> None:
    world.keys.find("one")
    world.fault = ConnectionRefusedError("connection refused")
    world.time += FORGOTTEN - 1
    assert world.works("one")
    world.time += 1
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            world.keys.find("one")
        world.time += RETRY
    world.fault = None
    assert world.works("one")


def test_an_empty_set_takes_every_key_back(world: World) -> None:
    world.keys.find("one")
    world.gateway.keys.clear()
    world.time += LATE
    assert not world.works("one")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"keys":{}}', b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_set_of_keys_takes_nothing_back(world: World, body: bytes) -> None:
    world.keys.find("one")
    world.gateway.jwks = lambda: body  # type: ignore[method-assign]
    world.time += LATE
    assert world.works("one")
    with pytest.raises(KeysUnavailable):
        world.keys.find("two")


def test_an_unforeseen_fault_is_an_outage_like_another(world: World) -> None:
    world.fault = MemoryError()
    with pytest.raises(KeysUnavailable, match="MemoryError"):
        world.keys.find("one")


def test_a_system_without_threads_refuses_and_tries_again(world: World) -> None:
    def no_thread(run: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    keys = Keys("https://notes.example.com/jwks", fetch=world.fetch, clock=lambda: world.time, start=no_thread)
    with pytest.raises(KeysUnavailable, match="can't start new thread"):
        keys.find("one")
    keys._start = at_once
    world.time += RETRY
    keys.find("one")


def test_a_fetch_that_hangs_holds_up_no_request_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.keys.find("one")
    world.inline = False
    world.time += LATE
    monkeypatch.setattr("bmauth._keys.PATIENCE", 0.0)
    assert world.works("one")  # after it has waited
    monkeypatch.undo()
    world.time += PATIENCE
    assert not world.keys.would_wait("one")
    assert not world.keys.would_wait("two")
    assert world.works("one")
    with pytest.raises(KeysUnavailable, match="there is no answer"):
        world.keys.find("two")
    assert len(world.aside) == 1
    world.aside.pop()()
    assert world.works("one")


def test_many_threads_make_one_fetch_and_all_get_the_key() -> None:
    gateway, together, fetches = Gateway(), threading.Barrier(20), []

    def fetch(url: str) -> bytes:
        fetches.append(url)
        return gateway.jwks()

    keys, found = Keys("https://notes.example.com/jwks", fetch=fetch), []

    def ask() -> None:
        together.wait()
        found.append(keys.find("one").algorithm)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(fetches)) == (["ES256"] * 20, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_was_forked_in_the_middle_of_a_fetch_fetches_by_itself() -> None:
    gateway, begun, go_on = Gateway(), threading.Event(), threading.Event()
    parent = os.getpid()

    def fetch(url: str) -> bytes:
        if os.getpid() == parent:
            begun.set()
            go_on.wait()
        return gateway.jwks()

    keys = Keys("https://notes.example.com/jwks", fetch=fetch)
    asking = threading.Thread(target=lambda: keys.find("one"))
    asking.start()
    begun.wait()
    with keys._lock:  # as another thread may hold it at that moment
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # the end of one that hangs
            try:
                keys.find("one")
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
    go_on.set()
    asking.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert keys.find("one").algorithm == "ES256"
