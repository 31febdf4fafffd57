"""Where it was measured, and with what."""

import os
import pathlib
import platform
import re
import subprocess

from . import processes
from .gateway import ROOT


def describe():
    return {
        "processor": _processor(),
        "cores": processes.cores(),
        "memory_gb": round(os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "virtual": _said("systemd-detect-virt") or "unknown",
        "load_before": os.getloadavg()[0],
        "commit": _said("git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"),
        "changed": bool(_said("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no")),
        "rust": _said("rustc", "--version"),
        "nginx": _said("nginx", "-v"),
        "HAProxy": _said("haproxy", "-v"),
        "Caddy": _said("caddy", "version"),
        "Envoy": re.sub(r".*/(\d+\.\d+\.\d+)/.*", r"\1", _said("envoy", "--version")),
        "Traefik": _said("traefik", "version").replace("Version:", "").strip(),
        "wrk": _said("wrk", "-v"),
    }


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _said(*command):
    """The first line that is not empty of what a command says; empty where there is no such command."""
    try:
        run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=30)
    except OSError:
        return ""
    lines = [line.strip() for line in (run.stdout + run.stderr).splitlines() if line.strip()]
    return lines[0] if lines else ""
