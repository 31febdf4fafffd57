"""Child processes: on which core they run, what they cost, and that none of them outlives this one."""

import atexit
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

PROXY_CORE = 0
"""Where what is measured runs."""
LOAD_CORE = 1
"""Where the load, the app and, unless a row says otherwise, the auth server run."""

_running = []


def cores():
    """How many cores this process may use; nothing is pinned where it is only one."""
    return len(os.sched_getaffinity(0))


class Process:
    """A child with everything it starts: one process group, known by the id of its first process."""

    def __init__(self, command, core, log, env=None):
        if cores() > 1:
            command = ["taskset", "-c", str(core), *command]
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as out:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        self.group = self._child.pid
        _running.append(self)

    def is_running(self):
        return self._child.poll() is None

    def stop(self):
        """Asks the group to end, then makes it."""
        if self in _running:
            _running.remove(self)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.group, number)
            except ProcessLookupError:
                break
            try:
                self._child.wait(15)
                break
            except subprocess.TimeoutExpired:
                continue
        self._child.wait()
        # Whatever its first process left behind in the group.
        try:
            os.killpg(self.group, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def members(self):
        """The ids of all processes of the group."""
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                after_name = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(after_name[2]) == self.group:
                yield int(stat.parent.name)

    def cpu_seconds(self):
        """The time that all threads of the group have run, from the scheduler: exact where ticks are not."""
        total = 0
        for member in self.members():
            for schedstat in pathlib.Path(f"/proc/{member}/task").glob("*/schedstat"):
                try:
                    total += int(schedstat.read_text().split()[0])
                except OSError:
                    continue
        return total / 1e9

    def resident_bytes(self):
        """The memory that the group has in use. What processes share counts for each of them."""
        pages = 0
        for member in self.members():
            try:
                pages += int(pathlib.Path(f"/proc/{member}/statm").read_text().split()[1])
            except OSError:
                continue
        return pages * os.sysconf("SC_PAGESIZE")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def await_port(process, port, patience=60):
    """Waits until something listens."""
    end = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if not process.is_running() or time.monotonic() > end:
                raise RuntimeError(f"nothing listens on {port}:\n{process.log.read_text()[-2000:]}") from None
            time.sleep(0.01)


def _stop_all():
    for process in list(_running):
        process.stop()


atexit.register(_stop_all)
for _number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, lambda number, _frame: sys.exit(128 + number))
