"""The way between gateways and their database breaks: right after a COMMIT was forwarded, or without a word."""

import re

import pytest
from conftest import world_on
from fido2.client import ClientError
from harness.acts import Keepers, Writers, check
from harness.person import Person, Tokens
from harness.process import until
from harness.wire import Wire
from security_key import SecurityKey


@pytest.fixture
def world(server, fresh_url, folder, mailbox, app):
    """Two gateways, each with a way of its own."""
    wires = [Wire(server.port), Wire(server.port)]
    with world_on(fresh_url, folder, mailbox, app) as world:
        world.wires = wires
        database = fresh_url.rpartition("/")[2]
        due = "SELECT count(*) FROM letters WHERE due_at <= extract(epoch FROM now())"
        world.no_letter_is_due = lambda: server.sql(due, database=database) == [(0,)]
        for name, wire in zip(("a", "b"), wires):
            world.site.gateway(name, fresh_url.replace(f":{server.port}/", f":{wire.port}/"))
        yield world
    for wire in wires:
        wire.stop()


def test_a_commit_whose_answer_is_lost_is_done_once(world):
    """Every fifth COMMIT is carried out, and its answer is lost. Elevations are tried by themselves below."""
    gateways = world.site.gateways
    keepers = Keepers(world.site, gateways, world.mailbox)
    for wire in world.wires:
        wire.cut_every = 5
    writers = Writers(world.site, gateways, world.mailbox, elevate=False)
    try:
        writers.wait_for(350)
    finally:
        book = writers.stop()
        looks = keepers.stop()
    for wire in world.wires:
        wire.cut_every = 0
    cuts = sum(wire.cuts for wire in world.wires)
    print(f"  {cuts} commits were cut off; {book.told()}; refused: {len(book.refused)}; known sessions: {looks}")
    assert cuts > 50
    # What is looked for of a sign-up is its letter, which may have left by then: the person begins once more.
    others = [refused for refused in book.refused if "/signup/webauthn/verify: 400" not in refused]
    assert not others, others[:10]
    check(book, gateways, world.mailbox)
    twice = [to for to in book.mailed if len(codes(world, to)) != 1]
    assert not twice, f"letters that did not come once: {twice[:5]}"


@pytest.mark.parametrize(
    "act",
    [
        "sign-up",
        "code",
        "sign-in",
        "sign-in at pages",
        "refresh",
        "elevate",
        "add",
        "remove",
        "sign-out",
        "link",
        "groups",
    ],
)
def test_an_act_whose_answer_is_lost_is_told_to_be_done(world, act):
    """Of one act, the answer to the COMMIT is lost, of which the gateway finds out by itself."""
    a, b = world.site.gateways
    wire = world.wires[0]
    maria, site = Person(world.site), world.site

    def cut(does):
        before = wire.cuts
        wire.cut_next = 1
        done = does()
        assert wire.cuts == before + 1, "the commit was cut off"
        return done

    options = maria.post(a, "/signup/webauthn", {"email": maria.email})
    made = {"credential": maria.key.create(options, site.origin), "ticket": True}
    keep = lambda: maria.post(a, "/signup/webauthn/verify", made)["ticket"]  # noqa: E731
    ticket = cut(keep) if act == "sign-up" else keep()
    code = world.mailbox.code(maria.email)
    # Letters leave by commits too: who sends them must be through.
    until(world.no_letter_is_due, "no letter is due")
    enter = lambda: maria.enter_code(a, code, ticket)  # noqa: E731
    tokens = cut(enter) if act == "code" else enter()
    until(world.no_letter_is_due, "no letter is due")
    if act == "sign-in":
        options = maria.post(a, "/signin/webauthn", {"email": maria.email})
        answer = {"email": maria.email, "credential": maria.key.get(options, site.origin)}
        tokens = Tokens.of(cut(lambda: maria.post(a, "/signin/webauthn/verify", answer))["session"])
    elif act == "sign-in at pages":
        asked = {"email": maria.email, "return_to": "/"}
        begun, token = maria.step(a, "sign-in/options", maria.page(a, "sign-in"), asked)
        used = {"ceremony": begun["ceremony"], "credential": maria.key.get(begun["options"], site.origin)}
        cut(lambda: maria.step(a, "sign-in/verify", token, used))
        assert maria.visit(b).status == 200
    elif act == "refresh":
        tokens = cut(lambda: maria.refresh(a, tokens))
        assert maria.refresh(b, tokens).account == tokens.account
    elif act == "elevate":
        options = maria.post(a, "/elevate/webauthn", tokens=tokens)
        answer = {"credential": maria.key.get(options, site.origin)}
        tokens = Tokens.of(cut(lambda: maria.post(a, "/elevate/webauthn/verify", answer, tokens))["session"])
    elif act in ("add", "remove"):
        tokens, second = maria.elevate(a, tokens), SecurityKey()
        made = second.create(maria.post(a, "/user/webauthn/add", tokens=tokens), site.origin)
        added = {"credential": made, "nickname": "Another"}
        add = lambda: maria.post(a, "/user/webauthn/verify", added, tokens)["id"]  # noqa: E731
        passkey = cut(add) if act == "add" else add()
        assert maria.sign_in(b, key=second).account == tokens.account
        if act == "remove":
            until(world.no_letter_is_due, "no letter is due")
            maria.sign_in_at_pages(a, b)
            token = maria.page(a, "devices")
            begun, token = maria.step(a, "devices/confirm", token, {"act": "remove", "passkey": passkey})
            used = {"ceremony": begun["ceremony"], "credential": maria.key.get(begun["options"], site.origin)}
            cut(lambda: maria.step(a, "devices/confirm/verify", token, used))
            with pytest.raises(ClientError):  # The challenge no longer names it.
                maria.sign_in(b, key=second)
    elif act == "sign-out":
        cut(lambda: maria.sign_out(a, tokens))
        until(lambda: maria.is_out(b, tokens), "out at the other gateway", 5)
    elif act == "link":
        phone = Person(site, maria.email)
        shown, _ = phone.step(b, "link/ask", phone.page(b, "link/start"), {"return_to": "/"})
        maria.sign_in_at_pages(b, b)
        code, token = shown["url"].partition("#")[2], maria.page(a, "link")
        _, token = cut(lambda: maria.step(a, "link/find", token, {"code": code}))
        number = {"link": shown["link"], "number": shown["number"]}
        challenge, token = maria.step(a, "link/number", token, number)
        used = {"ceremony": challenge["ceremony"], "credential": maria.key.get(challenge["options"], site.origin)}
        approved, _ = cut(lambda: maria.step(a, "link/approve", token, used))
        assert approved["stage"] == "approved"
    elif act == "groups":
        open_streams = [maria.stream(gateway, tokens) for gateway in (a, b)]
        cut(lambda: a.command("users", "groups", maria.email, "--set", "staff"))
        assert "staff" in b.command("users", "groups", maria.email)
        # Each gateway breaks off the answers during which it hears of this, and is asked again once it has.
        assert all(stream.ended.wait(5) for stream in open_streams)
    if act != "sign-out":
        assert maria.is_in(a, tokens) and maria.is_in(b, tokens)


def test_a_database_that_says_nothing_any_more_is_waited_for_no_longer_than_a_moment(world):
    gateways = world.site.gateways
    keepers = Keepers(world.site, gateways, world.mailbox)
    writers = Writers(world.site, gateways, world.mailbox)
    try:
        writers.wait_for(100)
        for wire in world.wires:
            wire.swallowing = True
        # Each writer has its answer, which is that it does not work now.
        before = sum(book_failures(writers))
        until(lambda: sum(book_failures(writers)) >= before + 6, "writers are told that it does not work now")
        for gateway in gateways:
            assert gateway.asked("/readyz").startswith("degraded:")
        for wire in world.wires:
            wire.swallowing = False
            # What was swallowed never comes: a wait on such a connection is in vain.
        writers.wait_for(100)
    finally:
        book = writers.stop()
        looks = keepers.stop()
    print(f"  {book.told()}; refused: {len(book.refused)}; known sessions: {looks}")
    assert not book.refused, book.refused[:10]
    check(book, gateways, world.mailbox)


def book_failures(writers: Writers) -> list[int]:
    with writers.book.lock:
        return list(writers.book.failed.values())


def codes(world, to: str) -> list[str]:
    return [letter for letter in world.mailbox.letters(to) if re.search(r"\b\d{3}\s\d{3}\b", letter)]
