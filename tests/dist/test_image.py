"""The container image: built without a daemon, looked into, and its command run in it with a root that is read-only."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from systems import HERE, LIMIT, ROOT, configuration, debian, run, until

CONFIGURATION = configuration("http://localhost:8080", listen="0.0.0.0:8080", admin="0.0.0.0:9091")
# The image's user in namespaces of its own, as `podman run --read-only --cap-drop=ALL` has it.
START = """
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
mount --bind "$2/bmauth.toml" "$1/etc/bmauth/bmauth.toml"
mount --bind "$2/data" "$1/var/lib/bmauth"
mount -o remount,bind,ro "$1"
ip link set lo up
exec python3 -c "$3" "$1" "$4"
"""
# prctl: 24 drops a capability for good, 38 is no-new-privileges.
BECOME = """
import ctypes, json, os, sys
prctl = ctypes.CDLL(None).prctl
root, words = sys.argv[1], json.loads(sys.argv[2])
os.chroot(root)
os.chdir("/")
capability = 0
while prctl(24, capability, 0, 0, 0) == 0:
    capability += 1
os.setgroups([])
os.setgid(65532)
os.setuid(65532)
assert prctl(38, 1, 0, 0, 0) == 0
os.execvpe(words[0], words, {"PATH": "/usr/bin"})
"""


@pytest.fixture(scope="module")
def buildah(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buildah")
    command = ["buildah", "--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs"]
    yield lambda *words, **more: run(*command, *words, **more)
    run(*command, "unmount", "--all", check=False)


@pytest.fixture(scope="module")
def image(buildah):
    """Its settings, and its files in a folder. There is nothing to pull Debian's image from: it is made of its packages."""
    base = buildah("from", "scratch").stdout.strip()
    buildah("add", base, debian("bookworm"), "/")
    buildah("commit", "--quiet", base, "localhost/debian:bookworm")
    buildah("rm", base)
    arguments = ["--build-arg", "BINARY=dist", "--build-arg", "DEBIAN=localhost/debian:bookworm"]
    buildah("build", "--isolation", "chroot", "--format", "docker", *arguments, "--file", ROOT / "Containerfile", "--tag", "bmauth:test", ROOT)
    settings = json.loads(buildah("inspect", "--type", "image", "bmauth:test").stdout)["Docker"]["config"]
    container = buildah("from", "bmauth:test").stdout.strip()
    return settings, pathlib.Path(buildah("mount", container).stdout.strip())


def test_the_containerfile_is_clean():
    done = run(HERE / ".venv/bin/hadolint", "--ignore", "DL3008", ROOT / "Containerfile", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_without_root_and_is_asked_for_its_health(image):
    settings, _ = image
    assert settings["User"] == "65532:65532"
    assert settings["Cmd"] == ["bmauth", "serve", "-c", "/etc/bmauth/bmauth.toml"]
    assert settings["Healthcheck"]["Test"] == ["CMD", "bmauth", "health", "-c", "/etc/bmauth/bmauth.toml"]
    assert list(settings["Volumes"]) == ["/var/lib/bmauth"]
    assert not settings.get("Entrypoint")


def test_it_has_the_binary_and_its_libraries_and_no_shell(image):
    _, root = image
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
    known = ("usr/bin/bmauth", "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ssl/certs/ca-certificates.crt")
    assert set(known) <= set(files)
    assert all(".so" in file for file in files if file not in known), files
    writable = [path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o002]
    assert [str(path.relative_to(root)) for path in writable] == ["tmp"]
    assert (root / "var/lib/bmauth").stat().st_uid == 65532


def test_its_command_serves_where_it_may_write_to_its_volume_alone(image, tmp_path):
    settings, mounted = image
    root = tmp_path / "root"
    shutil.copytree(mounted, root, symlinks=True)
    (root / "etc/bmauth/bmauth.toml").touch()
    (tmp_path / "bmauth.toml").write_text(CONFIGURATION)
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 65532, 65532)
    log = (tmp_path / "log").open("wb")
    words = ["unshare", "-m", "-n", "sh", "-c", START, "sh", str(root), str(tmp_path), BECOME, json.dumps(settings["Cmd"])]
    gateway = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        inside = ["nsenter", "--target", gateway.pid, "--mount", "--net", "--"]
        health = [*inside, "chroot", "--userspec=65532:65532", root, "/usr/bin/bmauth", *settings["Healthcheck"]["Test"][2:]]
        until(lambda: gateway.poll() is not None or run(*health, check=False).returncode == 0, "it is healthy")
        assert gateway.poll() is None, (tmp_path / "log").read_text()
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{gateway.pid}/status").read_text().splitlines())
        assert (status["Uid"].split()[0], int(status["CapEff"], 16), int(status["CapBnd"], 16)) == ("65532", 0, 0)
        assert (tmp_path / "data/bmauth.redb").stat().st_uid == 65532
        page = run(*inside, "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "http://localhost:8080/")
        assert page.stdout == "401"
        gateway.terminate()
        assert gateway.wait(LIMIT) == 0
        assert run(*health, check=False).returncode != 0
    finally:
        gateway.kill()
        gateway.wait()
