"""Gateways that start at once on an empty database, and their signing keys."""

import json

import pytest
from conftest import NUMBERS, world_on
from harness.person import Person, decoded

ROUNDS = 4


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_that_start_at_once_have_one_first_key(number, server, folder, mailbox, app):
    """They make the tables too, both of them."""
    name = f"start{next(NUMBERS)}"
    url = server.database(name)
    with world_on(url, folder, mailbox, app, is_migrated=False) as world:
        a, b = (world.site.gateway(name, url, storage="migrate = true", wait=False) for name in ("a", "b"))
        for gateway in (a, b):
            gateway.wait()
        assert server.sql("SELECT count(*) FROM signing_keys", database=name) == [(1,)]
        assert keys(a) == keys(b) and len(keys(a)) == 1
        person = Person(world.site)
        person.register(a, b, mailbox)
        for gateway in (a, b):
            assert kid_for_the_app(person, gateway) in keys(a)


def test_a_new_key_is_known_at_the_other_gateway_before_it_signs(world):
    """One gateway is started again with another algorithm, whose first key signs at once."""
    a, b = world.two()
    person = Person(world.site)
    person.register(a, b, world.mailbox)
    old = kid_for_the_app(person, a)
    a.process.terminate()
    a.settings.write_text(a.settings.read_text() + '\n[identity]\nalgorithm = "EdDSA"\n')
    a.process.start()
    a.wait()
    new = kid_for_the_app(person, a)
    known = keys(b)
    assert new != old and {old, new} <= known, (old, new, known)
    assert old in keys(a), "what was signed before can be verified"


def keys(gateway) -> set[str]:
    return {key["kid"] for key in json.loads(gateway.asked("/jwks.json"))["keys"]}


def kid_for_the_app(person: Person, gateway) -> str:
    """Which key signed what the app is told."""
    answer = person.visit(gateway)
    assert answer.status == 200, answer.status
    return decoded(answer.body.decode().split(".")[0])["kid"]
