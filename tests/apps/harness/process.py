"""Programs that the tests start, and what the system says of them."""

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[3]
APPS = ROOT / "tests/apps/apps"
LIMIT = 120
"""Seconds after which whatever is awaited counts as hanging. Nothing is measured by it."""


def until(true, what: str, limit: float = LIMIT) -> None:
    """Waits until `true()` says something, and fails where it does not."""
    end = time.monotonic() + limit
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.05)


def alone(folder: pathlib.Path) -> dict[str, str]:
    """An environment for clients that read no user's settings, ask no questions and go through no other proxy."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, "HOME": str(folder), **git}


class Process:
    """A program with a log of its own, which listens on loopback once it is started."""

    def __init__(self, name: str, command: list, port: int, folder: pathlib.Path, env: dict | None = None):
        self.name, self.port = name, port
        self.log_file = folder / f"{name}.log"
        with self.log_file.open("wb") as log:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(APPS), **(env or {})},
            )

    @property
    def pid(self) -> int:
        return self.child.pid

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")[-8000:]

    def wait_until_it_listens(self) -> None:
        try:
            until(self._listens, f"{self.name} listens")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def _listens(self) -> bool:
        if self.child.poll() is not None:
            raise AssertionError(f"{self.name} ended with code {self.child.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def memory(self, field: str = "VmRSS") -> int:
        """In bytes. `VmHWM` is the most there was since `forget_peak`."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(field)

    def forget_peak(self) -> None:
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def temporary_folder():
    with tempfile.TemporaryDirectory(prefix="bmauth-apps-") as folder:
        yield pathlib.Path(folder)
