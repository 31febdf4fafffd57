"""Patroni changes the primary, in every way there is, while people come, go and look at two gateways: one finds the primary
by a list of hosts, the other one through HAProxy.

Nothing that was acknowledged may be missing afterwards, and no known session may be thrown out meanwhile."""

import time

import pytest
from conftest import world_on
from harness.acts import Keepers, Writers, check
from harness.process import until


@pytest.fixture(scope="module")
def failing(cluster, folder, mailbox, app):
    hosts, proxy = cluster.database("failing")
    with world_on(hosts, folder, mailbox, app) as world:
        world.site.gateway("hosts", hosts)
        world.site.gateway("proxy", proxy)
        yield world


@pytest.fixture
def world(cluster, failing):
    cluster.wait_until_whole()
    return failing


def stays_true_through(world, happens) -> None:
    gateways = world.site.gateways
    keepers = Keepers(world.site, gateways, world.mailbox)
    writers = Writers(world.site, gateways, world.mailbox)
    try:
        writers.wait_for(60)
        begun = time.monotonic()
        happens(writers)
        writers.wait_for(60)
        lasted = time.monotonic() - begun
    finally:
        book = writers.stop()
        looks = keepers.stop()
    print(f"  {book.told()}; refused: {len(book.refused)}; known sessions: {looks}; {lasted:.1f} s in all")
    # What is relaxed, the challenge of a step, may be lost with a primary: the person begins that step again.
    stale = ("invalid-email-password", "invalid-request")
    others = [refused for refused in book.refused if not any(error in refused for error in stale)]
    assert not others, others[:10]
    check(book, gateways, world.mailbox)


def test_a_switch_over_loses_nothing(world, cluster):
    def happens(_):
        leader = cluster.leader()
        cluster.switch()
        cluster.wait_for_another(leader)

    stays_true_through(world, happens)


def test_the_leader_killed_with_its_patroni_loses_nothing(world, cluster):
    killed = cluster.leader()

    def happens(_):
        killed.process.kill()
        cluster.wait_for_another(killed)

    try:
        stays_true_through(world, happens)
    finally:
        killed.process.start()


@pytest.mark.parametrize("way", ["proxy", "hosts"])
def test_a_paused_leader_that_wakes_up_again_loses_nothing(way, cluster, folder, mailbox, app):
    """It takes connections meanwhile, for its kernel does that, and answers nothing."""
    cluster.wait_until_whole()
    paused = cluster.leader()
    hosts, proxy = cluster.database(f"paused_by_{way}")
    url = hosts if way == "hosts" else proxy
    with world_on(url, folder, mailbox, app) as world:
        world.two()

        def happens(writers):
            paused.process.pause()
            try:
                cluster.wait_for_another(paused)
                writers.wait_for(30, 40)
            finally:
                paused.process.go_on()
            until(lambda: not paused.is_primary(), "the one that woke up is no primary any more")

        stays_true_through(world, happens)


def test_etcd_lost_and_back_loses_nothing(world, cluster):
    def happens(_):
        cluster.etcd.kill()
        try:
            until(lambda: not cluster.leader(), "there is no primary without etcd", 90)
        finally:
            cluster.etcd.start()
        until(cluster.leader, "there is a primary again", 90)

    stays_true_through(world, happens)
