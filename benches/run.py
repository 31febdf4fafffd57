#!/usr/bin/env python3
"""Measures the gateway beside its peers, on loopback alone. docs/performance.md says what is measured and how.

  benches/run.py                everything: at most ten minutes once all is built
  BENCH_QUICK=1 benches/run.py  short rounds, few launches: only to see that it works
  benches/run.py instructions   instructions a request, counted by valgrind
  benches/run.py database       sign-ins with PostgreSQL, and what grows in it up to ten million sessions
"""

import argparse
import dataclasses
import datetime
import json
import sys

from harness import database, growth, instructions, machine, plot, report, uploads
from harness.bench import prepared
from harness.gateway import ROOT
from harness.matrix import Matrix

RESULTS = ROOT / "benches/results"


def conditions(bench):
    """When, how much and where."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="minutes")
    return {"date": now, "size": dataclasses.asdict(bench.size), "machine": machine.describe()}


def everything():
    with prepared() as bench:
        results = {
            **conditions(bench),
            "memory": growth.memory(bench),
            "sign_ins": growth.sign_ins(bench),
            "by_store": database.sign_ins(bench),
            "accounts": growth.accounts(bench),
            "uploads": uploads.uploads(bench),
            "sessions": growth.sessions(bench),
            "matrix": Matrix(bench).run(),
        }
        bench.say("done")
    write("", results, report.text(results))
    sessions, accounts = results["sessions"], results["accounts"]
    drawings = {
        "sessions-rate": ("Requests a second, sessions hit at random", "sessions", [(p["sessions"], report.middle(p, "rate")) for p in sessions]),
        "sessions-memory": ("Resident memory, every session used", "MB, by sessions", [(p["sessions"], p["resident_mb"]) for p in sessions]),
        "sessions-ready": ("Start until ready", "seconds, by sessions", [(p["sessions"], p["ready_seconds"]) for p in sessions]),
        "sessions-store": ("The store's file", "MB, by sessions", [(p["sessions"], p["store_mb"]) for p in sessions]),
        "sessions-sweep": ("Sweep that ends a thousand sessions", "ms, by sessions", [(p["sessions"], p["sweep_seconds"] * 1000) for p in sessions]),
        "accounts-rate": ("Sign-ins a second", "accounts", [(p["accounts"], p["storm"]["rate"]) for p in accounts]),
        "accounts-store": ("The store's file", "MB, by accounts", [(p["accounts"], p["store_mb"]) for p in accounts]),
    }  # fmt: skip
    for name, drawing in drawings.items():
        (RESULTS / f"{today()}-{name}.svg").write_text(plot.growth(*drawing))
    return all("rounds" in row for row in results["matrix"].values())


def counted():
    with prepared() as bench:
        results = {"machine": machine.describe(), "instructions": instructions.count(bench)}
    write("-instructions", results, instructions.text(results["instructions"]))
    return True


def databases():
    with prepared() as bench:
        results = {
            **conditions(bench),
            "by_store": database.sign_ins(bench),
            "grown": database.grown(bench),
        }
    write("-database", results, report.database(results))
    return True


def today():
    return datetime.date.today().isoformat()


def write(suffix, results, text):
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{today()}{suffix}.json").write_text(json.dumps(results, indent=1) + "\n")
    (RESULTS / f"{today()}{suffix}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["everything", "instructions", "database"], default="everything")
    sys.exit(0 if {"everything": everything, "instructions": counted, "database": databases}[parser.parse_args().what]() else 1)
