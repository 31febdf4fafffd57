"""Fixtures of tests that are done both ways round: what begins at either gateway goes on at the other one. `pair` is the test
file's own."""

import pytest

from .person import Person


@pytest.fixture(params=["a-b", "b-a"])
def world(request, pair):
    """Both ways round."""
    gateways = {"a": pair.a, "b": pair.b}
    pair.here, pair.there = (gateways[name] for name in request.param.split("-"))
    return pair


@pytest.fixture
def maria(world):
    """A person who has an account."""
    maria = Person(world.site)
    maria.register(world.here, world.there, world.mailbox)
    return maria
