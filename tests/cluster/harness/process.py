"""Programs that the tests start, each below a guard that ends it with the tests."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[3]
TOOLS = ROOT / "target/tools"
GUARD = pathlib.Path(__file__).with_name("guard.py")
LIMIT = 60
"""Seconds after which whatever is awaited counts as hanging. Nothing is measured by it."""
SERVERS_USER = 65534
"""The user that servers run as where the tests are root's: PostgreSQL refuses to be root's."""
AS_ROOT = os.geteuid() == 0


def until(true, what: str, limit: float = LIMIT, pause: float = 0.05):
    """Waits until `true()` says something, which it returns, and fails where it does not."""
    end = time.monotonic() + limit
    while not (said := true()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(pause)
    return said


def given_away(path: pathlib.Path) -> pathlib.Path:
    """Gives a file or folder to the user whom servers run as."""
    if AS_ROOT:
        os.chown(path, SERVERS_USER, SERVERS_USER)
    return path


def folder_below(parent: pathlib.Path, name: str) -> pathlib.Path:
    folder = parent / name
    folder.mkdir(mode=0o700)
    return given_away(folder)


@contextlib.contextmanager
def temporary_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bmauth-cluster-"))
    given_away(folder).chmod(0o700)
    # It takes the folder away too where the tests are killed: by then everything that writes there is.
    keeper = subprocess.Popen(
        ["sh", "-c", 'trap "" INT TERM HUP; read -r _; sleep 1; rm -rf "$0"', str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        keeper.stdin.close()
        keeper.wait()


def as_its_user() -> dict:
    return {"user": SERVERS_USER, "group": SERVERS_USER, "extra_groups": []} if AS_ROOT else {}


def environment(folder: pathlib.Path, more: dict | None = None) -> dict[str, str]:
    """One without settings of the user's own, and which goes through no proxy."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **(more or {})}


def run(command: list, folder: pathlib.Path, env: dict | None = None) -> str:
    """What a command prints that ends by itself, run as the servers are."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=folder, env=environment(folder, env), capture_output=True, text=True, timeout=LIMIT, **as_its_user()
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


class Process:
    """A program with a log of its own."""

    def __init__(self, name: str, command: list, folder: pathlib.Path, env: dict | None = None):
        self.name, self.folder = name, folder
        self.command = [str(word) for word in command]
        self.env = environment(folder, env)
        self.log_file = folder / f"{name}.log"
        given_away_log(self.log_file)
        self.guard = None
        self.start()

    def start(self) -> None:
        """Also again, after it has ended."""
        with self.log_file.open("ab") as log:
            self.guard = subprocess.Popen(
                [sys.executable, str(GUARD), *self.command],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.env,
                start_new_session=True,
                bufsize=0,
                **as_its_user(),
            )
        self.pid = int(self.guard.stdout.readline())

    def tell(self, word: str) -> None:
        self.guard.stdin.write(f"{word}\n".encode())

    def ended(self) -> bool:
        return self.guard.poll() is not None

    def kill(self) -> None:
        """All at once, as where a machine loses its power; returns when nothing is left."""
        self.tell("kill")
        self.guard.wait(LIMIT)

    def pause(self) -> None:
        """All of it, as where a machine is stopped."""
        self.tell("stop")

    def go_on(self) -> None:
        self.tell("cont")

    def terminate(self) -> None:
        """As an operator does it, who waits."""
        self.tell("term")
        self.guard.wait(LIMIT)

    def stop(self) -> None:
        """In any state."""
        with contextlib.suppress(OSError):
            self.guard.stdin.close()
        self.guard.wait(LIMIT)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_until_it_listens(self, port: int) -> None:
        def listens():
            assert not self.ended(), f"{self.name} ended: {self.log()[-4000:]}"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True

        until(listens, f"{self.name} listens")


def given_away_log(path: pathlib.Path) -> None:
    path.touch()
    given_away(path)
