"""One sign-in for several hosts: the page that hands over comes from one gateway, and its code is redeemed at the other."""

import concurrent.futures
import dataclasses
import html
import re
import urllib.parse

import pytest
from conftest import NUMBERS, world_on
from harness.person import NAVIGATES, SESSION, Answer, Person
from harness.process import until

HOME, WIKI = "auth.localhost", "wiki.localhost"
ROUNDS = 4
"""As many sessions as a browser has at one host, besides the first one."""


@dataclasses.dataclass
class Host:
    """Another host of a site."""

    host: str
    origin: str


@pytest.fixture(scope="module")
def hosts(server, folder, mailbox, app):
    """People sign in at one host, and the app is at another as well."""
    name = f"hosts{next(NUMBERS)}"
    with world_on(server.database(name), folder, mailbox, app, host=HOME) as world:
        wiki = f'[[route]]\nhost = "{WIKI}"\nupstream = ["http://127.0.0.1:{app.port}"]\n'
        world.a, world.b = world.two(more=wiki)
        host = world.site.host.replace(HOME, WIKI)
        world.wiki = Host(host, f"http://{host}")
        of = "SELECT count(*) FROM sessions JOIN accounts ON accounts.id = sessions.account WHERE email = %s"
        world.sessions = lambda: server.sql(of, world.maria.email, database=name)[0][0]
        yield world


@pytest.fixture
def world(hosts):
    """Maria is signed in at the home host."""
    hosts.maria = Person(hosts.site)
    hosts.maria.register(hosts.a, hosts.b, hosts.mailbox)
    return hosts


@dataclasses.dataclass
class Form:
    """What the page between two hosts sends."""

    action: str
    fields: dict

    @classmethod
    def of(cls, page: Answer) -> "Form":
        text = page.body.decode()
        found = re.search(r'<form [^>]*action="([^"]*)"', text)
        assert page.status == 200 and found, (page.status, text[:500])
        inputs = re.findall(r"<input [^>]*>", text)
        pairs = [(re.search(r'name="([^"]*)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs]
        return cls(html.unescape(found[1]), {html.unescape(name[1]): html.unescape(value[1]) for name, value in pairs})


def leave(world, visitor: Person, gateway) -> str:
    """From the other host to where people sign in: the path there."""
    answer = visitor.ask(gateway, "GET", "/_bmauth/sign-in?return_to=/deep", headers=NAVIGATES)
    to = answer.headers["Location"]
    assert answer.status == 303 and to.startswith(world.site.origin), (answer.status, to)
    return to.removeprefix(world.site.origin)


def between(world, gateway, path: str) -> Form:
    return Form.of(world.maria.ask(gateway, "GET", path, headers=NAVIGATES))


def redeem(world, visitor: Person, gateway, form: Form) -> Answer:
    """The page sends its form: from the one host to the other."""
    assert form.action == f"{world.wiki.origin}/_bmauth/hand-off"
    sent = {**NAVIGATES, "Origin": world.site.origin, "Sec-Fetch-Site": "same-site"}
    sent["Content-Type"] = "application/x-www-form-urlencoded"
    return visitor.ask(gateway, "POST", "/_bmauth/hand-off", urllib.parse.urlencode(form.fields).encode(), sent)


def begins_again(world, answer: Answer) -> bool:
    """Whether a page leads to where people sign in, once more."""
    to = f'content="0;url={world.site.origin}/_bmauth/sign-in?'
    assert answer.status == 200 and to in answer.body.decode(), (answer.status, answer.body)
    return True


def test_a_code_of_one_gateway_is_redeemed_at_the_other_and_once(world):
    for here, there in ((world.a, world.b), (world.b, world.a)):
        before = world.sessions()
        visitor, newcomer = Person(world.wiki), Person(world.wiki)
        form = between(world, here, leave(world, visitor, there))
        on_the_way = dict(visitor.cookies)
        # Another browser has no use for the code, nor does it spend it: it is sent back to begin by itself.
        other = redeem(world, newcomer, there, form)
        assert SESSION not in newcomer.cookies and begins_again(world, other)
        done = redeem(world, visitor, there, form)
        assert (done.status, done.headers["Location"]) == (303, f"{world.wiki.origin}/deep")
        for gateway in (here, there):
            assert visitor.visit(gateway).status == 200
        assert world.sessions() == before + 1
        # The very press again, at either gateway, makes no second session, and the browser has the one it had.
        session = visitor.cookies[SESSION]
        for gateway in (here, there):
            again = dataclasses.replace(visitor, cookies=dict(on_the_way))
            assert redeem(world, again, gateway, form).status == 303
            assert again.cookies.get(SESSION, session) == session
        assert world.sessions() == before + 1


def test_a_code_that_comes_to_both_gateways_at_once_makes_one_session(world):
    for _ in range(ROUNDS):
        before = world.sessions()
        visitor = Person(world.wiki)
        form = between(world, world.a, leave(world, visitor, world.b))
        tabs = [dataclasses.replace(visitor, cookies=dict(visitor.cookies)) for _ in range(2)]
        with concurrent.futures.ThreadPoolExecutor(len(tabs)) as pool:
            done = list(pool.map(redeem, [world] * 2, tabs, (world.a, world.b), [form] * 2))
        assert [answer.status for answer in done] == [303, 303], [answer.body[:300] for answer in done]
        assert world.sessions() == before + 1
        assert tabs[0].cookies[SESSION] == tabs[1].cookies[SESSION]
        for gateway in (world.a, world.b):
            assert tabs[0].visit(gateway).status == 200


def test_who_signs_out_at_one_host_and_gateway_is_out_at_the_other_host_and_gateway(world):
    visitor = Person(world.wiki)
    form = between(world, world.a, leave(world, visitor, world.b))
    redeem(world, visitor, world.b, form)
    assert world.maria.visit(world.b).status == 200
    session = dict(world.maria.cookies)
    visitor.sign_out_at_pages(world.a)
    world.maria.cookies = session
    until(lambda: world.maria.is_out(world.b), "out at the other host", 5)


def test_a_code_whose_session_has_ended_at_one_gateway_opens_nothing_at_the_other(world):
    visitor = Person(world.wiki)
    form = between(world, world.a, leave(world, visitor, world.b))
    world.maria.sign_out_at_pages(world.a)
    done = redeem(world, visitor, world.b, form)
    assert SESSION not in visitor.cookies and begins_again(world, done)
    assert world.sessions() == 0
