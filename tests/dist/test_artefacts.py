"""What `make dist` leaves: whole, consistent, and with the papers that belong to it."""

import hashlib
import json
import re
import subprocess
import tarfile

import pytest
from systems import DIST, ROOT, members, only, run


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def archive():
    with tarfile.open(only("*.tar.gz")) as files:
        yield {member.name.split("/", 1)[-1]: (member, files.extractfile(member).read() if member.isfile() else b"") for member in files}


def test_the_checksums_are_those_of_everything_that_is_released():
    sums = dict(reversed(line.split("  ")) for line in (DIST / "SHA256SUMS").read_text().splitlines())
    assert sums == {path.name: digest(path.read_bytes()) for path in DIST.iterdir() if path.is_file() and path.name != "SHA256SUMS"}
    assert len(sums) == 3


def test_the_archive_has_the_binary_its_papers_and_a_configuration(archive):
    for name in ("README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "config/bmauth.toml", "config/minimal.toml"):
        assert archive[name][1] == (ROOT / name).read_bytes(), name
    assert archive["bmauth"][0].mode == 0o755
    assert b"docs/several-apps.md" in archive["README.md"][1] and "docs/several-apps.md" in archive


def test_nothing_in_the_archive_tells_where_or_when_it_was_made(archive):
    times = {member.mtime for member, _ in archive.values()}
    assert times == {int(run("git", "log", "-1", "--format=%ct", cwd=ROOT).stdout)}
    assert {(member.uid, member.gid, member.uname, member.gname) for member, _ in archive.values()} == {(0, 0, "", "")}


def test_one_binary_is_in_all_of_them(archive, tmp_path):
    run("dpkg-deb", "--extract", only("*.deb"), tmp_path)
    packaged = tmp_path / "usr/bin/bmauth"
    assert digest(packaged.read_bytes()) == digest(archive["bmauth"][1]) == digest((DIST / "bin/bmauth").read_bytes())
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert run(packaged, "version").stdout.strip().endswith(version)


def test_the_package_needs_only_the_c_library_and_what_makes_its_user():
    needs = run("dpkg-deb", "--field", only("*.deb"), "Depends").stdout
    names = {re.match(r"[a-z0-9.+-]+", part)[0] for part in needs.strip().split(", ")}
    # libgcc-s1 is needed by libc6 itself.
    assert {"adduser", "libc6"} <= names <= {"adduser", "libc6", "libgcc-s1"}


def test_the_package_has_no_file_outside_its_folders():
    listed = run("dpkg-deb", "--contents", only("*.deb")).stdout
    files = [line.split()[5] for line in listed.splitlines() if not line.startswith("d")]
    folders = ("./usr/bin/bmauth", "./usr/lib/systemd/system/bmauth.service", "./etc/bmauth/bmauth.toml", "./usr/share/doc/bmauth/")
    assert files and all(file.startswith(folders) for file in files), files
    assert run("dpkg-deb", "--info", only("*.deb"), "conffiles").stdout.split() == ["/etc/bmauth/bmauth.toml"]


def test_the_list_of_parts_has_what_is_linked_and_nothing_that_only_tests_use():
    bill = json.loads(only("*.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    names = {part["name"]: part for part in bill["components"]}
    assert {"pingora", "redb", "webauthn-rs", "aws-lc-sys"} <= names.keys()
    assert not {"webauthn-authenticator-rs", "proptest"} & names.keys()
    assert all(part["purl"].startswith("pkg:cargo/") for part in bill["components"])


def test_each_linked_library_is_named_with_its_licence(archive):
    papers = archive["THIRD-PARTY-LICENSES.txt"][1].decode()
    for name in ("pingora", "webauthn-rs", "aws-lc-sys", "rustls", "redb"):
        assert re.search(rf"^{name} [0-9.]+: \S", papers, re.MULTILINE), name
    assert re.search(r"^webauthn-rs [0-9.]+: MPL-2.0; https://", papers, re.MULTILINE), "the MPL asks for where the source is"
    assert "Apache License" in papers and "Permission is hereby granted" in papers
    assert "webauthn-authenticator-rs" not in papers


def test_every_file_of_the_package_has_the_time_of_the_commit(tmp_path):
    data = tmp_path / "data.tar"
    with data.open("wb") as out:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", only("*.deb")], check=True, stdout=out)
    times = {member.mtime for member in members(data).values()}
    assert times == {int(run("git", "log", "-1", "--format=%ct", cwd=ROOT).stdout)}
