"""Whatever the tests have started ends with them."""

import os
import pathlib
import signal
import subprocess
import sys

from harness.process import folder_below, until

STARTS = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from harness.process import Process
folder = pathlib.Path(sys.argv[2])
# What it starts is of another session, and its own starter ends at once.
Process("one", ["sh", "-c", "setsid sh -c 'echo $$ > later; exec sleep 600' & echo $$ > first; exec sleep 600"], folder)
print("started", flush=True)
sys.stdin.read()
"""


def test_nothing_outlives_tests_that_are_killed(folder):
    own = folder_below(folder, "guarded")
    words = [sys.executable, "-c", STARTS, str(pathlib.Path(__file__).parent), str(own)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tests:
        assert tests.stdout.readline() == b"started\n"
        files = [own / "first", own / "later"]
        until(lambda: all(file.exists() and file.read_text().strip() for file in files), "both run")
        started = [int(file.read_text()) for file in files]
        assert all(map(runs, started))
        os.kill(tests.pid, signal.SIGKILL)
    until(lambda: not any(map(runs, started)), "nothing runs any more")


def runs(process: int) -> bool:
    return pathlib.Path(f"/proc/{process}").exists()
