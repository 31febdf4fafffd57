"""klaus behind the gateway: a repository that is looked at and cloned, with a branch that has a slash in its name."""

import re
import subprocess

import pytest
from free_ports import free_port
from harness import peers
from harness.gateway import Route
from harness.http1 import Http1
from harness.process import alone

BRANCH = "feature/x"
FILES = {"a.txt": "one\n", "with space/%2F#é.txt": "two\n"}
BRANCHES = 60
"""So many that what a client says of them is sent compressed."""


def git(folder, *arguments):
    command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *map(str, arguments)]
    # Pages say how long ago that was.
    dates = {"GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
    done = subprocess.run(command, cwd=folder, env=alone(folder) | dates, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def repository(running):
    folder = running.folder / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "empty")
    git(folder, "checkout", "-q", "-b", BRANCH)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "files")
    for number in range(BRANCHES):
        commit = git(folder, "commit-tree", "-m", f"number {number}", "-p", "HEAD", "HEAD^{tree}").strip()
        git(folder, "update-ref", f"refs/heads/many/{number}", commit)
    return folder


@pytest.fixture(scope="module")
def klaus(running, repository):
    port = free_port()
    return running.app("klaus", [peers.PYTHON, "-m", "klaus.cli", "--port", port, "--smarthttp", repository], port)


@pytest.fixture(scope="module")
def gateway(running, klaus):
    return running.gateway(Route("localhost", klaus.port))


def page(asked, path):
    connection = Http1(asked, "localhost")
    try:
        return connection.open("GET", path).whole()
    finally:
        connection.close()


@pytest.mark.parametrize("branch", [BRANCH, "feature%2Fx", "feature%2fx"])
@pytest.mark.parametrize("path", ["tree/{}/", "tree/{}/with%20space", "blob/{}/a.txt", "raw/{}/a.txt", "commit/{}/"])
def test_a_page_of_the_branch_is_the_one_that_klaus_has(gateway, klaus, branch, path):
    target = f"/repository/{path.format(branch)}"
    through, straight = page(gateway, target), page(klaus, target)
    assert (through.status, straight.status) == (200, 200)
    # Pages name the host that they were asked for.
    hosts = [f"localhost:{asked.port}".encode() for asked in (gateway, klaus)]
    assert through.body.replace(hosts[0], hosts[1]) == straight.body


def test_every_link_of_a_page_leads_where_it_does_at_klaus(gateway, klaus):
    home = f"/repository/tree/{BRANCH}/with%20space"
    links = set(re.findall(r'href="(/repository/[^"]*)"', page(gateway, home).body.decode()))
    own = {link for link in links if BRANCH in link}
    assert any("%2523" in link or "%23" in link for link in own)
    for link in own:
        assert page(gateway, link).status == page(klaus, link).status, link


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_the_branch_is_cloned(gateway, running, protocol):
    clone = running.folder / f"clone-{protocol}"
    address = f"http://localhost:{gateway.port}/repository"
    git(running.folder, "-c", f"protocol.version={protocol}", "clone", "-q", "-b", BRANCH, address, clone)
    assert {name: (clone / name).read_text() for name in FILES} == FILES
    many = git(clone, "for-each-ref", "--format=%(refname)", "refs/remotes/origin/many").split()
    assert len(many) == BRANCHES
    git(clone, "fsck", "--strict")
