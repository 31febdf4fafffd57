"""Gateways are replaced one by one, on tables that a newer program has changed; and a program that is too old for them.

There is one program and one step of the tables so far. The next one is made here, by hand and as it may be: it adds columns, an
index and a table, and says that programs of before may go on. So the program of these tests is the older one of two."""

import contextlib
import urllib.error

import psycopg
import pytest
from harness.acts import Keepers, Writers, check
from harness.person import Person
from harness.process import until

NEXT_STEP = """
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE sessions ADD COLUMN newer text;
ALTER TABLE accounts ADD COLUMN newer bigint NOT NULL DEFAULT 7;
ALTER TABLE passkeys ADD COLUMN newer boolean;
ALTER TABLE letters ADD COLUMN newer bytea;
ALTER TABLE changes ADD COLUMN newer integer;
CREATE INDEX accounts_by_newer ON accounts (newer);
CREATE TABLE newer (account uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE);
UPDATE gateway SET schema = 2;
INSERT INTO changes (origin, kind, subject) VALUES (gen_random_uuid(), 'a newer kind', '');
COMMIT;
"""
TOO_OLD = "a newer bmauth has changed the database, and this one is too old for it: install the newer one"


@pytest.fixture
def world(server, world):
    world.name = world.url.rpartition("/")[2]
    world.sql = lambda statement, *parameters: server.sql(statement, *parameters, database=world.name)
    world.a, world.b = world.two()
    return world


def test_gateways_are_replaced_one_by_one_on_newer_tables_and_nothing_is_lost(world):
    gateways = [world.a, world.b]
    keepers = Keepers(world.site, gateways, world.mailbox)
    writers = Writers(world.site, gateways, world.mailbox)
    try:
        writers.wait_for(40)
        migrate(world)
        writers.wait_for(40)
        for gateway in gateways:
            # As an operator does it: it is asked to stop, has its time, and the next one starts in its place.
            gateway.process.terminate()
            gateway.process.start()
            gateway.wait()
            writers.wait_for(40)
    finally:
        book = writers.stop()
        looks = keepers.stop()
    print(f"  {book.told()}; refused: {len(book.refused)}; known sessions: {looks}")
    assert not book.refused, book.refused[:10]
    check(book, gateways, world.mailbox)
    assert "up to date (step 2)" in world.a.command("migrate")


def migrate(world) -> None:
    """Where it does not get its locks at once, it lets all others go on, and tries again."""

    def made() -> bool:
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            world.sql(NEXT_STEP)
            return True
        return False

    until(made, "the next step of the tables", pause=0.2)


def test_a_program_that_is_too_old_neither_starts_nor_goes_on_and_signs_no_one_out(world):
    gateways, maria = [world.a, world.b], Person(world.site)
    maria.register(world.a, world.b, world.mailbox)
    for gateway in gateways:
        assert maria.visit(gateway).status == 200
    world.sql("UPDATE gateway SET schema = 2, oldest = 2")
    late = world.site.gateway("c", world.url, wait=False)
    until(late.process.ended, "it ends by itself")
    assert TOO_OLD in late.log(), late.log()
    for command in ("migrate", "check"):
        with pytest.raises(AssertionError, match="too old for it"):
            late.command(command)
    assert world.sql("SELECT schema, oldest FROM gateway") == [(2, 2)]
    # Those that run are told nothing, and find out all the same.
    for gateway in gateways:
        until(lambda: maria.visit(gateway).status == 503, "it refuses what needs the store", 30)
        assert maria.visit(gateway, "/open").status == 200
        with pytest.raises(urllib.error.HTTPError, match="503"):
            gateway.asked("/readyz")
    assert not maria.cleared
    # As the newer program, which is this one as soon as it knows the tables.
    world.sql("UPDATE gateway SET oldest = 1")
    for gateway in gateways:
        gateway.process.terminate()
        gateway.process.start()
        gateway.wait()
        assert maria.visit(gateway).status == 200


def test_a_row_of_a_newer_program_is_neither_misread_nor_taken_for_a_sign_out(world):
    """The first byte of a record is its version, which is exchanged for an unknown one, and back."""
    maria, bob = Person(world.site), Person(world.site)
    for person in (maria, bob):
        person.register(world.a, world.b, world.mailbox)
        assert person.visit(world.a).status == 200
    exchange = "UPDATE sessions SET record = set_byte(record, 0, 200 - get_byte(record, 0)) WHERE account = "
    exchange += "(SELECT id FROM accounts WHERE email = %s)"
    world.sql(exchange, maria.email)
    late = world.site.gateway("c", world.url)
    assert (maria.visit(late).status, bob.visit(late).status) == (503, 200)
    # Who knows the session already goes on with it.
    assert maria.visit(world.a).status == 200
    world.sql(exchange, maria.email)
    assert maria.visit(late).status == 200
    assert not maria.cleared
