"""The Debian package on the Debians that it is for: installed, configured, started, upgraded, removed and purged, with
systemd; and what a newcomer does with it."""

import os
import sys

import pytest
from systems import HERE, ROOT, System, configuration, newer, only, until

CONFIGURATION = configuration("http://localhost", listen="127.0.0.1:80", admin="127.0.0.1:9091")
SECRETS = "/etc/bmauth/bmauth.toml"
STORE = "/var/lib/bmauth/bmauth.redb"
CAP_NET_BIND_SERVICE = 1 << 10


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def system(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "root"
    folder.mkdir()
    system = System(request.param, folder)
    yield system
    system.stop()


@pytest.fixture(scope="module")
def package():
    return only("*_amd64.deb")


@pytest.fixture(scope="module")
def installed(system, package):
    system.said = system.install(package)
    return system


@pytest.fixture(scope="module")
def started(installed):
    installed.write(SECRETS, CONFIGURATION)
    installed.run("systemctl", "enable", "--now", "bmauth")
    return installed


def answers(system) -> str:
    """The status of the first page without a session, or nothing."""
    return system.run("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "http://localhost/", check=False).stdout


class TestInstalled:
    def test_it_says_what_to_do_and_starts_nothing(self, installed):
        assert "Edit /etc/bmauth/bmauth.toml" in installed.said
        assert "systemctl enable --now bmauth" in installed.said
        assert installed.unit("ActiveState") == "inactive"
        assert installed.unit("UnitFileState") == "disabled"

    def test_the_gateway_reads_its_configuration_and_no_other_user_does(self, installed):
        assert installed.stat("/etc/bmauth") == "750 root:bmauth"
        assert installed.stat(SECRETS) == "640 root:bmauth"
        assert installed.run("runuser", "-u", "nobody", "--", "cat", SECRETS, check=False).returncode != 0
        assert installed.run("runuser", "-u", "bmauth", "--", "touch", SECRETS, check=False).returncode != 0

    def test_its_configuration_is_complete_but_for_its_examples(self, installed):
        done = installed.run("bmauth", "check", "--offline", check=False)
        assert done.returncode != 0
        assert "example" in done.stdout + done.stderr
        assert not installed.file(STORE).exists()

    def test_the_unit_is_one_that_systemd_takes(self, installed):
        done = installed.run("systemd-analyze", "verify", "bmauth.service", check=False)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "bmauth.service" in line]
        if installed.suite == "bookworm":
            # systemd 252 does not know this type, and takes the line before.
            said = [line for line in said if "Failed to parse service type, ignoring: notify-reload" not in line]
        assert not said, said
        assert installed.unit("Type") == ("notify" if installed.suite == "bookworm" else "notify-reload")

    def test_systemd_finds_little_that_the_unit_could_still_do(self, installed):
        done = installed.run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", "bmauth.service", check=False)
        assert done.returncode == 0, done.stdout

    def test_the_manual_the_licences_and_the_configuration_come_with_it(self, installed):
        for name in ("README.md", "CHANGELOG.md", "copyright", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY-LICENSES.txt"):
            assert installed.file(f"/usr/share/doc/bmauth/{name}").stat().st_size > 100, name
        assert installed.run("bmauth", "version").stdout.strip()


class TestStarted:
    def test_it_serves_as_soon_as_systemd_says_so(self, started):
        assert answers(started) == "401"
        assert started.unit("ActiveState") == "active"
        assert started.run("bmauth", "health").stdout.strip() == "ok"

    def test_it_is_a_user_who_may_listen_on_port_80_and_nothing_else(self, started):
        status = dict(line.split(":\t", 1) for line in started.file(f"/proc/{started.unit('MainPID')}/status").read_text().splitlines())
        user = started.run("id", "-u", "bmauth").stdout.strip()
        assert status["Uid"].split() == [user] * 4
        assert {int(status[name], 16) for name in ("CapEff", "CapBnd", "CapPrm")} == {CAP_NET_BIND_SERVICE}
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")

    def test_the_store_is_the_gateways_alone(self, started):
        assert started.stat("/var/lib/bmauth") == "700 bmauth:bmauth"
        assert started.stat(STORE) == "600 bmauth:bmauth"

    def test_a_person_registers_and_gets_to_the_app(self, started):
        letters = ["nsenter", "--target", started.pid, "--all", "--", "journalctl", "--unit=bmauth", "--output=cat", "--no-pager"]
        modules = os.pathsep.join(str(ROOT / "tests" / folder) for folder in ("apps", "loopback"))
        done = started.in_its_network(
            sys.executable, HERE / "newcomer.py", "http://localhost", *letters,
            env={**os.environ, "PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert "ann@example.com is signed in" in done.stdout
        assert "ann@example.com" in started.run("bmauth", "users", "list").stdout

    def test_a_reload_is_over_when_everything_was_read_again(self, started):
        def read():
            return started.journal().count("the configuration says what it said at the start")

        before, process = read(), started.unit("MainPID")
        if started.suite == "bookworm":
            assert started.run("systemctl", "reload", "bmauth", check=False).returncode != 0
            started.run("systemctl", "kill", "--signal=HUP", "bmauth")
            until(lambda: read() == before + 1, "it was read again")
        else:
            started.run("systemctl", "reload", "bmauth")
            until(lambda: read() == before + 1, "the journal has it")
        assert (started.unit("ActiveState"), started.unit("MainPID")) == ("active", process)
        assert answers(started) == "401"

    def test_a_stop_is_orderly(self, started):
        started.run("systemctl", "stop", "bmauth")
        assert (started.unit("ActiveState"), started.unit("Result")) == ("inactive", "success")
        assert "stopping" in started.journal()
        started.run("systemctl", "start", "bmauth")

    def test_a_configuration_that_cannot_be_used_is_not_tried_again_and_again(self, started):
        started.write(SECRETS, CONFIGURATION + 'acces = "public"\n')
        assert started.run("systemctl", "restart", "bmauth", check=False).returncode != 0
        assert (started.unit("ActiveState"), started.unit("ExecMainStatus"), started.unit("NRestarts")) == ("failed", "2", "0")
        assert "Did you mean" in started.journal()
        started.write(SECRETS, CONFIGURATION)
        started.run("systemctl", "restart", "bmauth")
        assert answers(started) == "401"

    def test_what_dies_is_started_again(self, started):
        process = started.unit("MainPID")
        started.run("systemctl", "kill", "--signal=KILL", "bmauth")
        until(lambda: started.unit("ActiveState") == "active" and started.unit("MainPID") != process, "it is there again")
        assert "ann@example.com" in started.run("bmauth", "users", "list").stdout


class TestUpgraded:
    """The tests of a class come in their order, each on what the one before has left."""

    def test_an_upgrade_restarts_what_runs_and_changes_nothing_of_the_administrators(self, started, package, tmp_path):
        process = started.unit("MainPID")
        started.run("chmod", "0755", "/etc/bmauth")
        # The tests before have started it more often within ten seconds than systemd allows.
        started.run("systemctl", "reset-failed", "bmauth")
        said = started.install(newer(package, tmp_path))
        assert "Edit /etc/bmauth/bmauth.toml" not in said
        assert started.unit("ActiveState") == "active"
        assert started.unit("MainPID") != process
        assert answers(started) == "401"
        assert started.file(SECRETS).read_text() == CONFIGURATION
        assert (started.stat(SECRETS), started.stat("/etc/bmauth")) == ("640 root:bmauth", "755 root:bmauth")
        assert "ann@example.com" in started.run("bmauth", "users", "list").stdout

    def test_an_upgrade_starts_nothing_that_was_stopped(self, started, package):
        started.run("systemctl", "stop", "bmauth")
        started.run("apt-get", "install", "--yes", "--allow-downgrades", "/srv/package.deb")
        started.run("dpkg", "--force-downgrade", "--install", "/srv/package.deb")
        assert started.unit("ActiveState") == "inactive"
        assert started.unit("UnitFileState") == "enabled"
        started.run("systemctl", "start", "bmauth")

    def test_what_is_removed_is_stopped_and_leaves_accounts_and_configuration(self, started):
        started.run("apt-get", "remove", "--yes", "bmauth")
        assert answers(started) == "000"
        assert not started.file("/usr/bin/bmauth").exists()
        assert not started.file("/usr/lib/systemd/system/bmauth.service").exists()
        assert started.stat(STORE) == "600 bmauth:bmauth"
        assert started.file(SECRETS).read_text() == CONFIGURATION

    def test_a_purge_leaves_neither_accounts_nor_keys(self, started):
        started.run("apt-get", "purge", "--yes", "bmauth")
        for path in ("/var/lib/bmauth", "/etc/bmauth", "/run/bmauth"):
            assert not started.file(path).exists(), path
        assert started.run("systemctl", "is-enabled", "bmauth", check=False).returncode != 0
        left = started.run("find", "/etc", "/usr", "/var", "/run", "-name", "*bmauth*", "-not", "-path", "/var/log/*").stdout.split()
        assert not left, left
