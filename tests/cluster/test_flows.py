"""What is begun at one gateway goes on at the other one, on PostgreSQL of each version."""

import http.client
import itertools
import json
import re

import pytest
from conftest import world_on
from harness.pairs import maria, world  # noqa: F401
from harness.person import NAVIGATES, NotDone, Person, Refused, decoded
from harness.process import LIMIT, until
from security_key import SecurityKey

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def pair(each_server, folder, mailbox, app):
    url = each_server.database(f"flows{next(NUMBERS)}")
    with world_on(url, folder, mailbox, app) as world:
        world.a, world.b = world.two()
        yield world


def test_registering_and_signing_in_at_the_pages(world, maria):
    for gateway in (world.here, world.there):
        assert maria.visit(gateway).status == 200
    again = Person(world.site, maria.email, maria.key)
    again.sign_in_at_pages(world.here, world.there)
    for gateway in (world.here, world.there):
        assert again.visit(gateway).status == 200
    assert len(codes(world, maria)) == 1, "one letter brought the code"


def test_who_signs_out_at_one_is_out_at_the_other(world, maria):
    assert maria.visit(world.there).status == 200
    session = dict(maria.cookies)
    maria.sign_out_at_pages(world.here)
    maria.cookies = session
    until(lambda: maria.is_out(world.there), "out at the other gateway", 5)


def test_signing_up_refreshing_and_elevating_by_the_api(world):
    maria, second = Person(world.site), SecurityKey()
    here, there = world.here, world.there
    ticket = maria.begin_sign_up(here, there)
    code = world.mailbox.code(maria.email)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    with pytest.raises(Refused):
        maria.enter_code(here, wrong, ticket)
    first = maria.enter_code(there, code, ticket)
    with pytest.raises(Refused):
        maria.enter_code(here, code, ticket)
    tokens = maria.refresh(here, first)
    assert maria.refresh(there, first).refresh == tokens.refresh, "the same client, at once, gets the same next token"
    tokens = maria.refresh(there, tokens)
    assert maria.is_in(here, tokens) and maria.is_in(there, tokens)
    elevated = maria.elevate(here, tokens, there)
    maria.add(there, elevated, second, here)
    assert maria.sign_in(there, here, key=second).account == tokens.account
    # With the elevation used, the tokens from before are dead at both.
    for gateway in (here, there):
        until(lambda: maria.is_out(gateway, tokens), "the tokens from before are dead", 5)
    assert maria.is_in(here, elevated) and maria.is_in(there, elevated)


def test_an_answer_to_a_challenge_counts_at_one_gateway_once(world, maria):
    options = maria.post(world.here, "/signin/webauthn", {"email": maria.email})
    answer = {"email": maria.email, "credential": maria.key.get(options, world.site.origin)}
    maria.post(world.there, "/signin/webauthn/verify", answer)
    for gateway in (world.here, world.there):
        with pytest.raises(Refused):
            maria.post(gateway, "/signin/webauthn/verify", answer)


def test_a_code_is_tried_five_times_at_all_gateways_together(world):
    maria = Person(world.site)
    ticket = maria.begin_sign_up(world.here, world.there)
    code = world.mailbox.code(maria.email)
    for number, gateway in enumerate([world.here, world.there] * 2 + [world.here], 1):
        with pytest.raises(Refused) as refused:
            maria.enter_code(gateway, f"{(int(code) + number) % 1_000_000:06}", ticket)
        assert refused.value.status == 401
    for gateway in (world.here, world.there):
        with pytest.raises(Refused):
            maria.enter_code(gateway, code, ticket)


def test_a_link_shown_at_one_is_approved_at_the_other(world, maria):
    """Its waiting page hears of it, and the new device makes its passkey at the gateway of the approval."""
    here, there = world.here, world.there
    phone = Person(world.site, maria.email)
    shown, _ = phone.step(here, "link/ask", phone.page(here, "link/start"), {"return_to": "/"})
    waiting = Events(here, phone, shown["link"])
    assert waiting.next()["stage"] == "shown"
    code = shown["url"].partition("#")[2]
    token = maria.page(there, "link")
    found, token = maria.step(there, "link/find", token, {"code": code})
    assert found["stage"] == "found"
    assert waiting.next()["stage"] == "found"
    challenge, token = maria.step(there, "link/number", token, {"link": shown["link"], "number": shown["number"]})
    used = {"ceremony": challenge["ceremony"], "credential": maria.key.get(challenge["options"], world.site.origin)}
    approved, token = maria.step(there, "link/approve", token, used)
    assert approved["stage"] == "approved"
    assert waiting.next()["stage"] == "approved"
    waiting.close()
    token = phone.page(here, "link/start")
    begun, token = phone.step(there, "link/passkey/options", token, {"link": shown["link"]})
    made = {"ceremony": begun["ceremony"], "credential": phone.key.create(begun["options"], world.site.origin)}
    phone.step(here, "link/passkey/verify", token, made)
    for gateway in (here, there):
        assert phone.visit(gateway).status == 200
    assert phone.sign_in(there).account == maria.sign_in(here).account


def test_a_recovery_begun_at_one_ends_at_the_other(world, maria):
    here, there = world.here, world.there
    assert maria.visit(there).status == 200
    lost = Person(world.site, maria.email)
    before = len(world.mailbox.letters(maria.email))
    lost.form(here, "recover", lost.page(here, "recover"), {"email": maria.email})
    code = world.mailbox.code(maria.email, after=before)
    entered = lost.form(there, "recover/code", lost.page(there, "recover/code"), {"code": code})
    assert entered.status == 303, entered.body[:300]
    begun, token = lost.step(here, "recover/passkey/options", lost.page(here, "recover/device"), {})
    made = {"ceremony": begun["ceremony"], "credential": lost.key.create(begun["options"], world.site.origin)}
    lost.step(there, "recover/passkey/verify", token, made)
    assert len(codes(world, maria)) == 2, "one letter brought each code"
    until(lambda: maria.is_out(there), "the sessions from before are over", 5)


def test_what_an_operator_does_at_one_is_so_at_the_other(world, maria):
    tokens = maria.sign_in(world.here)
    assert maria.is_in(world.there, tokens)
    world.here.command("users", "disable", maria.email, "--yes")
    until(lambda: maria.is_out(world.there, tokens), "a disabled account is out at the other gateway", 5)
    assert maria.visit(world.there).status == 401
    with pytest.raises(Refused):
        maria.sign_in(world.there)
    world.there.command("users", "enable", maria.email)
    assert maria.is_in(world.here, maria.sign_in(world.here))


def test_an_app_is_told_of_groups_that_were_set_at_the_other_gateway(world, maria):
    def groups():
        try:
            return decoded(maria.visit(world.there).body.decode().split(".")[1]).get("groups")
        except NotDone:  # An answer during which they were set is broken off.
            return None

    assert groups() == []
    world.here.command("users", "groups", maria.email, "--set", "staff")
    until(lambda: groups() == ["staff"], "the groups are told at the other gateway", 5)


def test_of_many_letters_each_comes_once(world):
    people = [Person(world.site) for _ in range(40)]
    for number, person in enumerate(people):
        person.begin_sign_up(*((world.here, world.there) if number % 2 else (world.there, world.here)))
    for person in people:
        world.mailbox.code(person.email)
    assert [len(world.mailbox.letters(person.email)) for person in people] == [1] * len(people)


def codes(world, person: Person) -> list[str]:
    """The letters with codes that came."""
    return [letter for letter in world.mailbox.letters(person.email) if re.search(r"\b\d{3}\s\d{3}\b", letter)]


class Events:
    """The stream of a page that waits for its link."""

    def __init__(self, gateway, person, link: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=LIMIT)
        headers = person._headers({**NAVIGATES, "Accept": "text/event-stream", "Sec-Fetch-Site": "same-origin"})
        self.connection.request("GET", f"/_bmauth/link/events?link={link}", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def next(self) -> dict:
        while line := self.answer.readline():
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        raise AssertionError("the stream has ended")

    def close(self) -> None:
        self.connection.close()
