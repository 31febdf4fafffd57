"""What owners do with their account at one gateway is so at the other: another address, its end, and a recovery that is held."""

import pytest
from conftest import NUMBERS, world_on
from fido2.client import ClientError
from harness.pairs import maria, world  # noqa: F401
from harness.person import NAVIGATES, Person, Refused, decoded, fresh_address
from harness.process import until

HELD = 'recovery = "delayed"\nrecovery_delay = "24h"\n'


@pytest.fixture(scope="module")
def pair(server, folder, mailbox, app):
    with world_on(server.database(f"owners{next(NUMBERS)}"), folder, mailbox, app) as world:
        world.a, world.b = world.two(more=HELD)
        yield world


def told(person: Person, gateway) -> str:
    """The address that the app is told."""
    answer = person.visit(gateway)
    assert answer.status == 200, answer.status
    return decoded(answer.body.decode().split(".")[1])["email"]


def assert_unknown(person: Person, gateway) -> None:
    """No account has that address: the challenge names no passkey, or the answer is refused."""
    with pytest.raises((Refused, ClientError)):
        person.sign_in(gateway)


def change_address(world, maria: Person) -> str:
    """Asked for at one gateway, its code entered at the other; the address from before."""
    before, after = maria.email, fresh_address("new")
    maria.confirm(world.here, world.there, {"act": "change-address", "to": after}, page="account")
    code = world.mailbox.code(after)
    done = maria.form(world.there, "account/address", maria.page(world.here, "account/address"), {"code": code})
    assert (done.status, done.headers["Location"]) == (303, "/_bmauth/account?changed"), done.body[:300]
    maria.email = after
    return before


def test_another_address_is_asked_for_at_one_and_proved_at_the_other(world, maria):
    assert told(maria, world.here) == maria.email
    before = change_address(world, maria)
    assert told(maria, world.there) == maria.email
    until(lambda: told(maria, world.here) == maria.email, "the other gateway tells apps the new address", 5)
    for gateway in (world.here, world.there):
        assert maria.sign_in(gateway).account
        assert_unknown(Person(world.site, before, maria.key), gateway)


def test_a_code_for_another_address_counts_once_for_both(world, maria):
    after = fresh_address("new")
    maria.confirm(world.here, world.there, {"act": "change-address", "to": after}, page="account")
    code = world.mailbox.code(after)
    page = maria.page(world.here, "account/address")
    for number, gateway in enumerate([world.here, world.there] * 2 + [world.here], 1):
        wrong = f"{(int(code) + number) % 1_000_000:06}"
        with pytest.raises(Refused):
            maria.form(gateway, "account/address", page, {"code": wrong})
    for gateway in (world.here, world.there):
        with pytest.raises(Refused):
            maria.form(gateway, "account/address", page, {"code": code})
        assert told(maria, gateway) == maria.email


def test_another_address_is_undone_at_the_gateway_that_was_not_asked(world, maria):
    before = change_address(world, maria)
    tokens = maria.sign_in(world.there)
    assert maria.is_in(world.here, tokens)
    link, owner = world.mailbox.link(before, "account/undo"), Person(world.site, before, maria.key)
    owner.form(world.here, "account/undo", owner.page(world.there, "account/undo"), {"link": link})
    for gateway in (world.here, world.there):
        until(lambda: maria.is_out(gateway, tokens), "what was signed in is out", 5)
        assert maria.visit(gateway).status == 401
        assert_unknown(maria, gateway)
        assert owner.sign_in(gateway).account == tokens.account
    with pytest.raises(Refused):
        owner.form(world.there, "account/undo", owner.page(world.there, "account/undo"), {"link": link})


def test_an_account_that_is_deleted_at_one_is_gone_at_the_other(world, maria):
    other = Person(world.site, maria.email, maria.key)
    tokens = other.sign_in(world.there)
    other.sign_in_at_pages(world.there, world.here)
    streams = [other.stream(world.there), other.stream(world.there, tokens), other.socket(world.there)]
    maria.confirm(world.here, world.here, {"act": "delete-account", "email": maria.email}, page="account")
    for stream in streams:
        assert stream.ended.wait(10), "a stream outlives its account"
        stream.close()
    for gateway in (world.here, world.there):
        until(lambda: other.is_out(gateway, tokens), "out at both", 5)
        with pytest.raises(Refused):
            other.refresh(gateway, tokens)
        assert_unknown(other, gateway)
    # Its address may have another one at once, at either.
    again = Person(world.site, maria.email)
    again.register(world.there, world.here, Later(world.mailbox, maria.email))
    assert decoded(again.visit(world.here).body.decode().split(".")[1])["sub"] != tokens.account


def hold(world, lost: Person) -> None:
    """A recovery is asked for at one gateway, and its code entered at the other: it has to wait."""
    after = len(world.mailbox.letters(lost.email))
    lost.form(world.here, "recover", lost.page(world.here, "recover"), {"email": lost.email})
    code = world.mailbox.code(lost.email, after=after)
    held = lost.form(world.there, "recover/code", lost.page(world.there, "recover/code"), {"code": code})
    assert held.status == 200, "it leads on at once"


@pytest.mark.parametrize("way", ["by the link in the letter", "with a passkey"])
def test_a_recovery_that_is_held_is_cancelled_at_the_other_gateway(world, maria, way):
    lost = Person(world.site, maria.email)
    hold(world, lost)
    devices = maria.ask(world.here, "GET", "/_bmauth/devices", headers=NAVIGATES).body.decode()
    assert "stop-recovery" in devices, "My devices says so at the other gateway"
    link = world.mailbox.link(maria.email, "recover/cancel")
    if way == "with a passkey":
        maria.confirm(world.here, world.there, {"act": "stop-recovery"})
    else:
        owner = Person(world.site, maria.email)
        owner.form(world.here, "recover/cancel", owner.page(world.there, "recover/cancel"), {"link": link})
    for gateway in (world.here, world.there):
        devices = maria.ask(gateway, "GET", "/_bmauth/devices", headers=NAVIGATES).body.decode()
        assert "stop-recovery" not in devices
        assert lost.ask(gateway, "GET", "/_bmauth/recover/code", headers=NAVIGATES).status == 410
        owner = Person(world.site, maria.email)
        with pytest.raises(Refused) as refused:
            owner.form(gateway, "recover/cancel", owner.page(gateway, "recover/cancel"), {"link": link})
        assert refused.value.status == 410
        assert maria.visit(gateway).status == 200, "its owner's session goes on"


class Later:
    """The letters of an address from now on."""

    def __init__(self, mailbox, email: str):
        self.mailbox, self.after = mailbox, len(mailbox.letters(email))

    def code(self, to: str) -> str:
        return self.mailbox.code(to, after=self.after)
