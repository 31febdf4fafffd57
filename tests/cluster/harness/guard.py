"""Runs a command, and ends all that came of it when the program that started this is gone.

`guard.py COMMAND…` starts it and reads words from standard input, one a line: `kill`, `stop` and `cont` are for the command
and everything below it, `term` for the command alone. At the end of the input everything below is killed. A server whose
starter ended becomes a child of this process (prctl(2), PR_SET_CHILD_SUBREAPER), so nothing gets away, in whatever group or
session of its own it is."""

import contextlib
import ctypes
import os
import pathlib
import select
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "cont": signal.SIGCONT}
ROUNDS = 50
"""How often it is looked for processes that began while others were killed."""


def parents() -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    found[int(folder.name)] = int(fields[1])
    return found


def below(root: int) -> list[int]:
    parent_of = parents()
    found = [root]
    for process in found:
        found += [child for child, parent in parent_of.items() if parent == process]
    return found[1:]


def signal_all(number: int) -> bool:
    """Whether there was anything to be told."""
    processes = below(os.getpid())
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
    return bool(processes)


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=2, preexec_fn=default_signals)
    print(child.pid, flush=True)
    while True:
        if select.select([0], [], [], 0.1)[0]:
            word = sys.stdin.buffer.raw.readline().decode().strip()
            if not word:
                break
            if word == "term":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)
            else:
                # What is begun meanwhile is told in a second round.
                signal_all(SIGNALS[word])
                signal_all(SIGNALS[word])
        reap()
        if not below(os.getpid()):
            return
    for _ in range(ROUNDS):
        if not signal_all(signal.SIGKILL):
            return
        select.select([], [], [], 0.02)
        reap()


def default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    main()
