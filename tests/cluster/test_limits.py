"""What one network may ask of all gateways together."""

from harness.person import Person
from harness.process import until

BURST = 400
ENOUGH = 3000


def test_a_network_has_one_bucket_at_all_gateways(world, server):
    a, b = world.two()
    hasty, patient = Person(world.site), Person(world.site)
    taken = given(hasty, a)
    assert taken >= BURST, taken
    # At the other one, only until that has heard of it.
    until(lambda: refused(hasty, b), "the other gateway refuses the network, too", pause=0)
    assert not refused(patient, b), "another network has a bucket of its own"
    buckets = server.sql("SELECT count(*), max(taken) FROM buckets", database=world.url.rpartition("/")[2])
    assert buckets[0][0] == 1 and buckets[0][1] >= BURST, buckets


def given(person: Person, gateway) -> int:
    """How often it answers before it refuses."""
    for times in range(ENOUGH):
        if refused(person, gateway):
            return times
    raise AssertionError("it refuses nothing")


def refused(person: Person, gateway) -> bool:
    # A form without its token costs nothing but a place in the bucket.
    status = person.ask(gateway, "POST", "/_bmauth/sign-out").status
    assert status in (403, 429), status
    return status == 429
