"""PgBouncer between a gateway and its database."""

import re
import subprocess

import pytest
from free_ports import free_port
from harness.gateway import BINARY
from harness.process import TOOLS, Process, as_its_user, environment, folder_below, given_away

WARNING = "a pooler stands before it that gives connections to others between transactions"


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_check_tells_a_pooler_that_gives_connections_away(mode, world, server):
    gateway = world.site.gateway("a", world.url)
    folder, port = folder_below(world.site.folder, f"pgbouncer-{mode}"), free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=bmauth\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = {mode}\n"
        "unix_socket_dir =\nignore_startup_parameters = extra_float_digits\n"
    )
    libraries = {"LD_LIBRARY_PATH": str(TOOLS / "pgbouncer/usr/lib/x86_64-linux-gnu")}
    pooler = Process("pgbouncer", [TOOLS / "pgbouncer/usr/sbin/pgbouncer", given_away(settings)], folder, libraries)
    try:
        pooler.wait_until_it_listens(port)
        name = world.url.rpartition("/")[2]
        direct = gateway.settings.read_text()
        gateway.settings.write_text(direct.replace(world.url, f"postgres://bmauth@127.0.0.1:{port}/{name}"))
        # It also says that the addresses are examples.
        said = subprocess.run(
            [BINARY, "check", "-c", gateway.settings],
            cwd=folder, env=environment(folder, gateway.env), capture_output=True, text=True, timeout=60, **as_its_user(),
        )  # fmt: skip
        told = re.sub(r"\s+", " ", said.stdout + said.stderr)
        assert (WARNING in told) == (mode == "transaction"), told
        assert "FAILED store" not in told, told
    finally:
        pooler.stop()
