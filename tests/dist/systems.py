"""Debian systems in folders, which systemd runs in namespaces of their own; and what `make dist` has made."""

import os
import pathlib
import shutil
import subprocess
import tarfile
import time

ROOT = pathlib.Path(__file__).parents[2]
HERE = pathlib.Path(__file__).parent
DIST = ROOT / "target/dist"
SYSTEMS = ROOT / "target/dist-systems"
LIMIT = 60
"""Seconds after which whatever is awaited counts as hanging. Nothing is measured by it."""

PACKAGES = "systemd,systemd-sysv,dbus,adduser,ca-certificates,curl"


def only(pattern: str) -> pathlib.Path:
    """The one file of a release with such a name."""
    found = list(DIST.glob(pattern))
    assert len(found) == 1, f"{pattern}: {found}; `make dist` makes it"
    return found[0]


def until(true, what: str):
    end = time.monotonic() + LIMIT
    while not (said := true()):
        assert time.monotonic() < end, f"not within {LIMIT} s: {what}"
        time.sleep(0.1)
    return said


def run(*command, check=True, **more) -> subprocess.CompletedProcess:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, **more)
    if check:
        assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def debian(suite: str) -> pathlib.Path:
    """A small Debian as a tar file, which is made once."""
    file = SYSTEMS / f"{suite}.tar"
    if not file.exists():
        SYSTEMS.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished.tar")
        run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", suite, unfinished)
        unfinished.rename(file)
    return file


def unpack(suite: str, folder: pathlib.Path) -> None:
    run("tar", "--extract", "--numeric-owner", "--exclude=./dev/*", "--directory", folder, "--file", debian(suite))


class System:
    """A machine with that Debian, as far as its programs can see: processes, network, folders and systemd of its own."""

    def __init__(self, suite: str, folder: pathlib.Path):
        self.suite, self.root = suite, folder
        unpack(suite, folder)
        # Otherwise its first start would ask about it at the terminal.
        (folder / "etc/machine-id").write_text("uninitialized\n")
        for unit in ("systemd-firstboot", "systemd-networkd", "systemd-resolved", "systemd-timesyncd"):
            (folder / f"etc/systemd/system/{unit}.service").unlink(missing_ok=True)
            (folder / f"etc/systemd/system/{unit}.service").symlink_to("/dev/null")
        with (folder.parent / f"{suite}.log").open("wb") as log:
            self.child = subprocess.Popen(
                ["unshare", "--kill-child", "-m", "-p", "-f", "-u", "-i", "-n", "-C", HERE / "boot", folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pid = until(self._first_process, "systemd is started")
        until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), "it is up")

    def _first_process(self) -> str:
        assert self.child.poll() is None, (self.root.parent / f"{self.suite}.log").read_text()
        children = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        is_up = children and pathlib.Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd"
        return children[0] if is_up else ""

    def run(self, *command, check=True, **more) -> subprocess.CompletedProcess:
        """A command of root's there."""
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}
        return run("nsenter", "--target", self.pid, "--all", "--", *command, check=check, env=clean, **more)

    def in_its_network(self, *command, **more) -> subprocess.CompletedProcess:
        """A command of this machine, which reaches that one as localhost."""
        return run("nsenter", "--target", self.pid, "--net", "--", *command, **more)

    def file(self, path: str) -> pathlib.Path:
        """A file there, seen from here."""
        return pathlib.Path(f"/proc/{self.pid}/root{path}")

    def write(self, path: str, text: str) -> None:
        """As an editor does that keeps owner and mode."""
        self.file(path).write_text(text)

    def install(self, package: pathlib.Path) -> str:
        """Returns what it said."""
        shutil.copy(package, self.file("/srv/package.deb"))
        done = self.run("apt-get", "install", "--yes", "--no-install-recommends", "-o", "APT::Sandbox::User=root", "/srv/package.deb")
        return done.stdout + done.stderr

    def stat(self, path: str) -> str:
        """Mode, owner and group."""
        return self.run("stat", "--format=%a %U:%G", path).stdout.strip()

    def unit(self, what: str) -> str:
        return self.run("systemctl", "show", "--value", "--property", what, "bmauth").stdout.strip()

    def journal(self) -> str:
        return self.run("journalctl", "--unit=bmauth", "--output=cat", "--no-pager").stdout

    def stop(self) -> None:
        self.child.kill()
        self.child.wait()


def newer(package: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The same package as the release after it."""
    run("dpkg-deb", "--raw-extract", package, folder / "newer")
    control = folder / "newer/DEBIAN/control"
    text = control.read_text()
    version = next(line.split(": ")[1] for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(f"Version: {version}\n", f"Version: {version}.1\n"))
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", folder / "newer", folder / "newer.deb")
    return folder / "newer.deb"


def members(archive: pathlib.Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as files:
        return {member.name: member for member in files.getmembers()}


def configuration(public_url: str, listen: str, admin: str) -> str:
    """One that serves an app on port 8000, with the mails in the log."""
    return f"""
public_url = "{public_url}"
[server]
listen = ["{listen}"]
admin = "{admin}"
[storage]
path = "/var/lib/bmauth/bmauth.redb"
[email]
from = "Notes <notes@example.com>"
transport = "log"
[accounts]
registration = "open"
[[route]]
upstream = ["http://127.0.0.1:8000"]
"""
