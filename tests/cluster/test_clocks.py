"""What takes hours and months, at two gateways: their clocks are set, and the database's is not."""

import json

import pytest
from conftest import world_on
from harness.person import NAVIGATES, Person, Refused, Tokens, decoded
from harness.process import until

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
RETRY = 10
"""Seconds for which a spent refresh token is answered once more."""


@pytest.fixture
def world(fresh_url, folder, mailbox, app, clock):
    """Two gateways that go by a clock of the test's."""
    with world_on(fresh_url, folder, mailbox, app, clock=clock) as world:
        world.clock = clock
        world.a, world.b = world.two(more='recovery = "delayed"\nrecovery_delay = "24h"\n[sessions]\nabsolute = "60d"\n')
        yield world


def keys(gateway) -> set[str]:
    return {key["kid"] for key in json.loads(gateway.asked("/jwks.json"))["keys"]}


def signed_by(person: Person, gateway) -> str:
    """Which key signed what the app is told."""
    answer = person.visit(gateway)
    assert answer.status == 200, answer.status
    return decoded(answer.body.decode().split(".")[0])["kid"]


def start_again(gateway) -> None:
    """It looks whether a key is due, as it does once an hour."""
    gateway.process.terminate()
    gateway.process.start()
    gateway.wait()


def test_keys_change_in_their_time_and_no_app_that_keeps_the_key_set_meets_one_it_does_not_know(world):
    a, b, clock = world.a, world.b, world.clock
    (old,) = keys(a)
    # A day before the first key has signed for 90 days the next one is due.
    clock.go_on(89 * DAY + HOUR)
    maria = Person(world.site)
    maria.register(a, b, world.mailbox)
    assert keys(a) == keys(b) == {old}
    start_again(a)
    until(lambda: len(keys(b)) == 2, "the other gateway shows the next key", 5)
    # From now on the app keeps the set that it was given, by either gateway.
    kept = keys(b)
    assert keys(a) == kept
    (new,) = kept - {old}
    assert [signed_by(maria, gateway) for gateway in (a, b)] == [old, old]

    clock.go_on(DAY - MINUTE)
    before = maria.sign_in(a)
    assert before.kid() == old and [signed_by(maria, gateway) for gateway in (a, b)] == [old, old]
    clock.go_on(2 * MINUTE)
    after = maria.sign_in(b)
    assert after.kid() == new
    for gateway in (a, b):
        # Of which key an access token is, neither gateway minds.
        assert maria.is_in(gateway, before) and maria.is_in(gateway, after)
        assert signed_by(maria, gateway) in kept
    # A token that an app was given is given again for half of its time.
    clock.go_on(HOUR)
    assert [signed_by(maria, gateway) for gateway in (a, b)] == [new, new]

    # The old key goes once its last token is over, at both.
    clock.go_on(HOUR)
    start_again(b)
    until(lambda: keys(a) == keys(b) == {new}, "the old key is gone", 5)
    for gateway in (a, b):
        assert signed_by(maria, gateway) == new
    assert not maria.cleared


def test_a_recovery_that_was_held_at_one_is_finished_at_the_other(world):
    a, b = world.a, world.b
    maria = Person(world.site)
    maria.register(a, b, world.mailbox)
    lost = Person(world.site, maria.email)

    def enter_a_code(here, there):
        after = len(world.mailbox.letters(maria.email))
        lost.form(here, "recover", lost.page(here, "recover"), {"email": maria.email})
        code = world.mailbox.code(maria.email, after=after)
        return lost.form(there, "recover/code", lost.page(there, "recover/code"), {"code": code})

    assert enter_a_code(a, b).status == 200, "it is held"
    world.clock.go_on(23 * HOUR)
    assert enter_a_code(b, a).status == 200, "it is still held, by the other gateway"
    assert len([letter for letter in world.mailbox.letters(maria.email) if "/recover/cancel#" in letter]) == 1
    world.clock.go_on(HOUR)
    maria.sign_in_at_pages(a, b)
    led_on = enter_a_code(a, b)
    assert (led_on.status, led_on.headers["Location"]) == (303, "/_bmauth/recover/device"), led_on.body[:300]
    begun, token = lost.step(b, "recover/passkey/options", lost.page(a, "recover/device"), {})
    made = {"ceremony": begun["ceremony"], "credential": lost.key.create(begun["options"], world.site.origin)}
    lost.step(a, "recover/passkey/verify", token, made)
    until(lambda: maria.is_out(b), "what was signed in is out", 5)
    # Who has it now says what becomes of the older passkey, which rests until then.
    listed = [part.split('"')[0] for part in reviewed(lost, b).split('name="passkey" value="')[1:]]
    asked = {"remove": listed, "listed": listed, "return_to": "/"}
    begun, token = lost.step(a, "recover/review/options", lost.page(b, "recover/review"), asked)
    used = {"ceremony": begun["ceremony"], "credential": lost.key.get(begun["options"], world.site.origin)}
    lost.step(b, "recover/review/verify", token, used)
    for gateway in (a, b):
        until(lambda: lost.visit(gateway).status == 200, "the review was answered", 5)
    # It is used up: the next one is held anew, at either.
    assert enter_a_code(b, a).status == 200


def reviewed(person: Person, gateway) -> str:
    answer = person.ask(gateway, "GET", "/_bmauth/recover/review", headers=NAVIGATES)
    assert answer.status == 200, answer.status
    return answer.body.decode()


def signed_in(world) -> tuple[Person, Tokens]:
    maria = Person(world.site)
    ticket = maria.begin_sign_up(world.a, world.b)
    return maria, maria.enter_code(world.b, world.mailbox.code(maria.email), ticket)


def test_refresh_tokens_go_on_at_both_gateways_in_turn(world):
    maria, tokens = signed_in(world)
    used = [tokens]
    for gateway in [world.a, world.b] * 10:
        used.append(maria.refresh(gateway, used[-1]))
    assert len({tokens.refresh for tokens in used}) == len(used)
    # The client that did not get its answer asks again, elsewhere, and has the one that is out.
    for gateway in (world.a, world.b):
        for again in used[-3:-1]:
            assert maria.refresh(gateway, again).refresh == used[-1].refresh
        assert maria.is_in(gateway, used[-1])


@pytest.mark.parametrize("late", [False, True], ids=["another client at once", "the same client later"])
def test_a_copied_refresh_token_ends_the_session_at_both_gateways(world, late):
    maria, first = signed_in(world)
    tokens = maria.refresh(world.a, first)
    assert maria.is_in(world.a, tokens) and maria.is_in(world.b, tokens)
    copier = maria if late else Person(world.site, maria.email)
    if late:
        world.clock.go_on(RETRY + 1)
    with pytest.raises(Refused):
        copier.refresh(world.b, first)
    for gateway in (world.b, world.a):
        until(lambda: maria.is_out(gateway, tokens), "the session is over", 5)
        with pytest.raises(Refused):
            maria.refresh(gateway, tokens)
    # Their passkey signs them in again.
    again = maria.sign_in(world.a, world.b)
    assert maria.is_in(world.a, again) and maria.is_in(world.b, again)


def test_an_access_token_ends_in_its_time_at_both_gateways_and_is_refreshed_at_either(world):
    maria, tokens = signed_in(world)
    world.clock.go_on(tokens.claims()["exp"] - tokens.claims()["iat"])
    for gateway in (world.a, world.b):
        assert maria.is_out(gateway, tokens)
        tokens = maria.refresh(gateway, tokens)
        assert maria.is_in(world.a, tokens) and maria.is_in(world.b, tokens)
        world.clock.go_on(tokens.claims()["exp"] - tokens.claims()["iat"])
