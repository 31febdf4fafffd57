"""Sign-ins with PostgreSQL in the place of the embedded store: alone, with a standby that every commit waits for, and by
two gateways; and what grows with what is in it."""

import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import time

from . import gateway, growth, processes

USER = 65534
"""Whom the servers run as where this is root's: PostgreSQL refuses to be root's."""
ANYWHERE = f"0-{os.cpu_count() - 1}"
"""The servers share all cores with what is measured, as on a machine that has them all."""
ROUNDS = 3
"""How often each kind of store is measured, in turn."""
PEOPLE = 1000
"""How many people sign in."""
GROWN = (100_000, 1_000_000, 10_000_000)
GROWN_QUICK = (10_000,)
"""How many sessions there are, with a tenth as many accounts and passkeys."""


def sign_ins(bench):
    """Storms of sign-ins for each kind of store, in turn, so that what else the machine does falls on all of them."""
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(Server(bench.folder, "alone"))
        pair = stack.enter_context(Server(bench.folder, "pair"))
        standby = stack.enter_context(Standby(pair))
        standby.await_synchronous()
        kinds = {"the embedded store": [filled(bench, "embedded", None)]}
        for name, server in {"PostgreSQL": alone, "PostgreSQL, synchronous standby": pair}.items():
            kinds[name] = [filled(bench, server.name, server)]
        first = kinds["PostgreSQL"][0]
        second = bench.home("second")
        second.storage, second.people_of = first.storage, first
        kinds["PostgreSQL, two gateways"] = [first, second]
        seen = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, homes in kinds.items():
                seen[name].append(_storm(bench, homes))
    for name, rounds in seen.items():
        bench.say(f"{name}: {sorted(each['rate'] for each in rounds)[ROUNDS // 2]:.0f} sign-ins a second")
    return seen


def _storm(bench, homes):
    """One of all gateways at once."""
    with contextlib.ExitStack() as stack:
        runs = []
        for home in homes:
            run = home.start(behind_proxy=True)
            stack.enter_context(run.process)
            runs.append(run)
        before = [run.process.cpu_seconds() for run in runs]
        storms = [_begun(bench, home, run) for home, run in zip(homes, runs)]
        storms = [storm() for storm in storms]
        spent = sum(run.process.cpu_seconds() - was for run, was in zip(runs, before))
    signed_in = sum(storm["sign_ins"] for storm in storms)
    return {
        "rate": sum(storm["rate"] for storm in storms),
        "p50_ms": max(storm["p50_ms"] for storm in storms),
        "p99_ms": max(storm["p99_ms"] for storm in storms),
        "cpu_us": spent / max(signed_in, 1) * 1e6,
        "turned_away": sum(storm["turned_away"] for storm in storms),
        "failed": sum(storm["failed"] for storm in storms),
    }


def _begun(bench, home, run):
    """A storm that goes on while others begin; what this returns waits for its end."""
    at = [*run.at(), "--people", home.people, "--seconds", bench.size.storm]
    return gateway.begun_tool(bench.programs.visitors, "storm", *at)


def grown(bench):
    """For each number of sessions in the database: how soon a gateway is ready, sign-ins a second, what it all takes."""
    points = []
    sizes = GROWN_QUICK if bench.size.storm < 5 else GROWN
    with Server(bench.folder, "grown") as server:
        home, had = filled(bench, "grown", server), 0
        for size in sizes:
            began = time.monotonic()
            server.grow(had, size)
            had = size
            filling = time.monotonic() - began
            run = home.start(behind_proxy=True)
            with run.process:
                storm = growth.storm(bench, home, run)
                swept = server.seconds_of(_SWEEP_OF_NOTHING)
            point = {"sessions": size, "accounts": size // 10, "ready_seconds": run.ready_after, "storm": storm}
            point |= {"database_mb": server.megabytes(), "sweep_of_nothing_seconds": swept, "filling_seconds": filling}
            bench.say(f"{size} sessions in the database: {storm['rate']:.0f} sign-ins a second")
            points.append(point)
    return points


# What each sweep begins with.
_SWEEP_OF_NOTHING = (
    "SELECT token FROM sessions WHERE head IS NULL AND looked_at < 1 ORDER BY looked_at LIMIT 1000 FOR UPDATE SKIP LOCKED"
)


def filled(bench, name, server):
    """A gateway's home whose store has people, in a file or copied from one to the server."""
    home = bench.home(name)
    run = home.start()
    with run.process:
        home.register(run)
    home.fill(PEOPLE, 1)
    if server:
        key = home.folder / "storage.key"
        key.write_bytes(secrets.token_bytes(32))
        key.chmod(0o600)
        copy = [bench.programs.gateway, "store", "copy", "--from", f"redb:{home.store}", "--to", server.url, "--key-file", key]
        subprocess.run([str(word) for word in copy], check=True, capture_output=True, timeout=300)
        home.storage = f'url = "{server.url}"\nkey_file = "{key}"\n'
    return home


def programs():
    """Where PostgreSQL's programs are: those of scripts/setup, or the system's."""
    for place in (gateway.ROOT / "target/tools/postgresql/usr/lib/postgresql", pathlib.Path("/usr/lib/postgresql")):
        versions = sorted(int(folder.name) for folder in place.glob("*") if folder.name.isdigit())
        if versions and versions[-1] >= 15:
            return place / str(versions[-1]) / "bin"
    raise RuntimeError("PostgreSQL 15 or later is missing: run scripts/setup bench")


class Server:
    """A PostgreSQL server with what it is by default, but for its memory."""

    settings = {
        "listen_addresses": "127.0.0.1", "max_connections": 100, "shared_buffers": "512MB", "max_wal_size": "4GB",
        "max_wal_senders": 4,
    }  # fmt: skip

    def __init__(self, logs, name):
        self.name, self.folder, self.port = f"postgresql-{name}", _folder(), processes.free_port()
        self.logs, self.data = logs, self.folder / "data"
        self.make()
        settings = self.settings | {"port": self.port, "unix_socket_directories": self.folder}
        words = [word for setting, value in settings.items() for word in ("-c", f"{setting}={value}")]
        command = [*_as_user(), programs() / "postgres", "-D", self.data, *words]
        self.process = processes.Process(command, ANYWHERE, logs / f"{self.name}.log")
        processes.await_port(self.process, self.port)
        self.await_answer()

    def make(self):
        """The files of a new server."""
        words = ["-D", self.data, "-U", "bmauth", "-A", "trust", "-E", "UTF8", "--locale=C"]
        self.run("initdb", *words)

    def run(self, program, *words, patience=120):
        command = [str(word) for word in [*_as_user(), programs() / program, *words]]
        run = subprocess.run(command, capture_output=True, text=True, timeout=patience, cwd=self.folder)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{run.stderr}{run.stdout}")
        return run.stdout

    @property
    def url(self):
        return f"postgres://bmauth@127.0.0.1:{self.port}/postgres"

    def sql(self, statement, patience=120):
        words = ["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", self.port, "-U", "bmauth", "-d", "postgres"]
        return self.run("psql", *words, "-v", "ON_ERROR_STOP=1", "-c", statement, patience=patience).strip()

    def await_answer(self):
        end = time.monotonic() + 60
        while True:
            try:
                self.sql("SELECT 1")
                return
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def grow(self, had, size):
        """Adds sessions, and accounts and passkeys, whose records are copies: what has its columns right is found, counted
        and swept as any other."""
        accounts, had_accounts = size // 10, had // 10
        now = int(time.time())
        # Quicker than by the gateway, and the same rows: what refers to what is right by construction.
        self.sql(
            f"""
            SET session_replication_role = replica; SET synchronous_commit = off;
            INSERT INTO accounts (id, email, disabled, record)
                SELECT md5('account ' || n)::uuid, 'grown' || n || '@example.com', false, (SELECT record FROM accounts LIMIT 1)
                FROM generate_series({had_accounts + 1}, {accounts}) AS n;
            INSERT INTO passkeys (id, account, counter, created_at, record)
                SELECT sha256(('passkey ' || n)::bytea), md5('account ' || n)::uuid, 0, {now},
                    (SELECT record FROM passkeys LIMIT 1)
                FROM generate_series({had_accounts + 1}, {accounts}) AS n;
            INSERT INTO sessions (token, account, head, credential, created_at, last_seen_at, looked_at, record)
                SELECT sha256(('session ' || n)::bytea), md5('account ' || (n % {accounts}) + 1)::uuid, NULL, NULL,
                    {now} - n % 36000, {now} - n % 36000, {now} - n % 36000, (SELECT record FROM sessions LIMIT 1)
                FROM generate_series({had + 1}, {size}) AS n;
            """,
            patience=1800,
        )
        self.sql("VACUUM ANALYZE", patience=1800)

    def seconds_of(self, statement):
        """How long a statement takes that answers nothing."""
        timed = self.run(
            "psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", self.port, "-U", "bmauth", "-d", "postgres",
            "-c", f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}",
        )  # fmt: skip
        return float(timed.split('"Execution Time":')[1].split("}")[0].strip().rstrip(",")) / 1000

    def megabytes(self):
        return int(self.sql("SELECT pg_database_size(current_database())")) / 1e6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Standby(Server):
    """A standby that every commit of its primary waits for."""

    def __init__(self, primary):
        self.primary = primary
        super().__init__(primary.logs, "standby")

    def make(self):
        self.run("pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", self.primary.port, "-U", "bmauth", "-R", "-X", "stream")

    def await_synchronous(self):
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.sql("SELECT pg_reload_conf()")
        end = time.monotonic() + 60
        while self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1":
            if time.monotonic() > end:
                raise RuntimeError("the standby does not come up")
            time.sleep(0.05)


def _as_user():
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []


def _folder():
    """One that the server's user reaches, which may not reach this tree."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bmauth-bench-"))
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)
    return folder
