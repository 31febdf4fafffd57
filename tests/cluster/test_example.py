"""examples/cluster: its roles are enough, and no more; its configuration is read; its compose file names what is there."""

import re

import psycopg
import pytest
import yaml
from conftest import NUMBERS, world_on
from harness.gateway import BINARY
from harness.person import Person
from harness.postgresql import PROGRAMS, Server
from harness.process import ROOT, folder_below, given_away, run

EXAMPLE = ROOT / "examples/cluster"


@pytest.fixture(scope="module")
def prepared(folder):
    """A server on which roles.sh was run, as the image of PostgreSQL does it."""
    programs = PROGRAMS["debian"]()
    server = Server("example", folder, programs)
    secrets = folder_below(server.folder, "secrets")
    for name in ("owner", "gateway"):
        (secrets / name).write_text(f"{name}'s \"password\"\n")
        given_away(secrets / name)
    told = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "POSTGRES_USER": "bmauth_super", "SECRETS": str(secrets)}
    server.sql("CREATE ROLE bmauth_super SUPERUSER LOGIN")
    server.sql("ALTER ROLE bmauth RENAME TO initial", user="bmauth_super")
    told["PATH"] = f"{programs}:/usr/bin:/bin"
    run(["sh", EXAMPLE / "roles.sh"], server.folder, told)
    yield server
    server.stop()


def test_the_roles_are_enough_and_no_more(prepared, folder, mailbox, app):
    def url(role):
        return f"postgres://{role}@127.0.0.1:{prepared.port}/bmauth"

    with world_on(url("bmauth_owner"), folder, mailbox, app) as world:
        a, b = (world.site.gateway(name, url("bmauth")) for name in ("a", "b"))
        maria = Person(world.site)
        maria.register(a, b, mailbox)
        assert maria.visit(b).status == 200
        with psycopg.connect(f"host=127.0.0.1 port={prepared.port} user=bmauth dbname=bmauth") as connection:
            # As where the outcome of a commit is unknown.
            connection.execute("SELECT pg_logical_emit_message(true, 'bmauth', '')")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DROP TABLE sessions")


def test_the_configuration_is_read(folder, server):
    own = folder_below(folder, f"example{next(NUMBERS)}")
    secrets = folder_below(own, "secrets")
    run([BINARY, "keys", "new-file", secrets / "storage.key"], own)
    written = {
        own / "bmauth.toml": (EXAMPLE / "bmauth.toml").read_text(),
        secrets / "url": server.database(f"example{next(NUMBERS)}"),
        secrets / "smtp_url": "smtps://user:password@mail.example.com",
    }
    for file, text in written.items():
        file.write_text(text)
        given_away(file)
    assert "the tables were made" in run([BINARY, "migrate", "-c", own / "bmauth.toml"], own)


def test_the_compose_file_names_what_is_there():
    compose = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())
    services = compose["services"]
    readme = (EXAMPLE / "README.md").read_text()
    for name, service in services.items():
        assert set(service) <= KNOWN, (name, set(service) - KNOWN)
        assert set(service["depends_on"] if "depends_on" in service else ()) <= set(services), name
        assert set(service.get("networks", ())) <= set(compose["networks"]), name
        assert set(service.get("secrets", ())) <= set(compose["secrets"]), name
        for source, target, *_ in (volume.split(":") for volume in service.get("volumes", ())):
            assert target.startswith("/")
            if source.startswith("./secrets"):
                assert source.removeprefix("./") in readme, source
            elif source.startswith("./"):
                assert (EXAMPLE / source).exists(), source
            else:
                assert source in compose["volumes"], source
    for secret in compose["secrets"].values():
        assert re.fullmatch(r"\./secrets/\w+_password", secret["file"])
    gateways = [services[name] for name in ("gateway-a", "gateway-b")]
    assert gateways[0] == gateways[1]
    caddy = (EXAMPLE / "Caddyfile").read_text()
    assert all(f"{name}:8080" in caddy for name in ("gateway-a", "gateway-b"))
    (network,) = compose["networks"]["inside"]["ipam"]["config"]
    assert f'trusted_proxies = ["{network["subnet"]}"]' in (EXAMPLE / "bmauth.toml").read_text()


KNOWN = {
    "image", "user", "command", "restart", "read_only", "cap_drop", "security_opt", "tmpfs", "stop_grace_period", "networks",
    "volumes", "depends_on", "environment", "secrets", "healthcheck", "ports",
}  # fmt: skip
"""Of the Compose Specification, what the file uses: a key that is misspelled is not among them."""
