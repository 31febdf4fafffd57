"""What is revoked at one gateway is out at the other one, streams too: told by a notification, and found by looking alone.

How long it took is printed; only that it happens is asserted, within a time that no working gateway needs."""

import concurrent.futures
import json
import statistics
import time

import pytest
from conftest import world_on
from harness.person import Person, decoded
from harness.process import until
from harness.wire import Wire
from security_key import SecurityKey

REVOCATIONS = 500
PEOPLE = 25
STREAMS = 40
AT_ONCE = 8
GENEROUS = 10
"""Seconds. The promise is 1."""


@pytest.fixture(params=["told", "looking"])
def world(request, server, fresh_url, folder, mailbox, app):
    """Two gateways; `looking`: nothing that the other one is told arrives."""
    wire = Wire(server.port)
    wire.is_deaf = request.param == "looking"
    with world_on(fresh_url, folder, mailbox, app) as world:
        world.a = world.site.gateway("a", fresh_url)
        world.b = world.site.gateway("b", fresh_url.replace(f":{server.port}/", f":{wire.port}/"))
        world.way = request.param
        yield world
    wire.stop()


def test_what_is_revoked_is_out_at_the_other_gateway(world):
    def signed_up() -> Person:
        person = Person(world.site)
        ticket = person.begin_sign_up(world.a)
        person.enter_code(world.a, world.mailbox.code(person.email), ticket)
        return person

    def revoked(person: Person) -> list[float]:
        took = []
        for _ in range(REVOCATIONS // PEOPLE):
            tokens = person.sign_in(world.a)
            assert person.is_in(world.b, tokens)
            person.sign_out(world.a, tokens)
            answered = time.monotonic()
            until(lambda: person.is_out(world.b, tokens), "out at the other gateway", GENEROUS, pause=0.002)
            took.append(time.monotonic() - answered)
        return took

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        people = list(pool.map(lambda _: signed_up(), range(PEOPLE)))
        took = sorted(sum(pool.map(revoked, people), []))
    assert len(took) == REVOCATIONS
    print(f"  {told(world.way, 'revocations', took)}")


def test_a_stream_closes_with_what_is_revoked_at_the_other_gateway(world):
    person = Person(world.site)
    ticket = person.begin_sign_up(world.a)
    person.enter_code(world.a, world.mailbox.code(person.email), ticket)
    took = []
    for _ in range(STREAMS):
        tokens = person.sign_in(world.a)
        stream = person.stream(world.b, tokens)
        person.sign_out(world.a, tokens)
        answered = time.monotonic()
        assert stream.ended.wait(GENEROUS), "a stream outlives what is revoked"
        took.append(time.monotonic() - answered)
        stream.close()
    print(f"  {told(world.way, 'streams', sorted(took))}")


def by_removing_the_passkey(world, owner: Person, visitor: Person) -> None:
    owner.remove(world.a, visitor.passkey, owner.key)


def by_disabling_the_account(world, owner: Person, _) -> None:
    world.a.command("users", "disable", owner.email, "--yes")


def by_ending_the_session(world, _, visitor: Person) -> None:
    said = world.a.command("sessions", "end", visitor.sid, "--wait")
    assert "It is in force on 2 of 2 gateways." in said, said
    assert visitor.visit(world.b).status == 401, "it was not waited for"


def by_ending_all_sessions(world, owner: Person, visitor: Person) -> None:
    said = json.loads(world.a.command("sessions", "end", "--user", owner.email, "--wait", "--json"))
    assert said["in_force"] == {"gateways": 2, "waited_for": []} and said["sessions_ended"] >= 1, said
    assert visitor.visit(world.b).status == 401, "it was not waited for"


def by_signing_out(world, _, visitor: Person) -> None:
    visitor.sign_out_at_pages(world.a)


def by_signing_out_everywhere(world, owner: Person, _) -> None:
    owner.form(world.a, "devices/sign-out-everywhere", owner.page(world.a, "devices"), {})


def by_deleting_the_account(world, owner: Person, _) -> None:
    owner.confirm(world.a, world.a, {"act": "delete-account", "email": owner.email}, page="account")


WAYS_OUT = [
    by_removing_the_passkey, by_disabling_the_account, by_ending_the_session, by_ending_all_sessions, by_signing_out,
    by_signing_out_everywhere, by_deleting_the_account,
]  # fmt: skip


def test_websockets_and_streams_at_the_other_gateway_close_with_the_session_however_it_ends(world):
    """Each of them holds a WebSocket and an event stream open at the other gateway, with the cookie of a browser."""
    for way_out in WAYS_OUT:
        owner, key = Person(world.site), SecurityKey()
        owner.register(world.a, world.b, world.mailbox)
        passkey = owner.add(world.a, owner.elevate(world.a, owner.sign_in(world.a)), key)
        visitor = Person(world.site, owner.email, key)
        visitor.sign_in_at_pages(world.a, world.b)
        visitor.passkey = passkey
        visitor.sid = decoded(visitor.visit(world.b).body.decode().split(".")[1])["sid"]
        still_open = [owner.socket(world.b), owner.stream(world.b)]
        closing = [visitor.socket(world.b), visitor.stream(world.b)]
        way_out(world, owner, visitor)
        done = time.monotonic()
        took = []
        for each in closing:
            assert each.ended.wait(GENEROUS), f"it outlives its session: {way_out.__name__}"
            took.append(time.monotonic() - done)
        until(lambda: visitor.visit(world.b).status == 401, "the session is over at the other gateway", GENEROUS)
        if way_out in (by_removing_the_passkey, by_ending_the_session, by_signing_out, by_signing_out_everywhere):
            assert owner.visit(world.b).status == 200
            assert not any(each.ended.is_set() for each in still_open), "another session's end with it"
        for each in closing + still_open:
            each.close()
        name = way_out.__name__.replace("_", " ")
        print(f"  {world.way}: {name}: WebSocket and stream closed within {max(took) * 1000:.0f} ms")


def told(way: str, what: str, took: list[float]) -> str:
    median, late, longest = (seconds * 1000 for seconds in (statistics.median(took), took[len(took) * 99 // 100], took[-1]))
    times = f"p50 {median:.0f} ms, p99 {late:.0f} ms, longest {longest:.0f} ms"
    return f"{way}: {len(took)} {what} in force at the other gateway: {times}"
