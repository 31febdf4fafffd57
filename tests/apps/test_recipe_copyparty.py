"""copyparty behind the gateway, as docs/apps/copyparty.md has it."""

import httpx
from harness.recipe import refuses_unauthenticated

PAGE = "copyparty"


def prepare(app):
    (app.folder / "shared").mkdir()
    (app.folder / "shared/hello.txt").write_text("hello")


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/hello.txt")


def test_the_page_and_what_it_loads_come(site):
    page = site.maria.opens(site.at("/"))
    assert page.status_code == 200 and "hello.txt" in page.text
    assert site.maria.ask("GET", site.at("/.cpr/w/browser.css")).status_code == 200


def test_it_knows_who_is_signed_in(site):
    answer = site.maria.ask("GET", site.at("/?ls"), headers={"X-Remote-User": "ann@example.com"})
    assert answer.json()["acct"] == "maria@example.com"


def test_a_file_goes_up_as_the_page_sends_it_and_comes_down(site):
    sent = {"act": (None, "bput"), "f": ("up.bin", bytes(range(256)) * 4096)}
    answer = site.maria.ask("POST", site.at("/"), files=sent, headers={"Origin": site.origin})
    assert answer.status_code == 201, answer.text
    assert (site.app.folder / "shared/up.bin").read_bytes() == sent["f"][1]
    assert site.maria.ask("GET", site.at("/up.bin")).content == sent["f"][1]


def test_past_the_gateway_a_header_alone_signs_no_one_in(site):
    """Its second word is the name of a header that the gateway alone knows."""
    address = f"http://127.0.0.1:{site.app.app_port}/?ls"
    fields = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Remote-User": "maria@example.com"}
    assert httpx.get(address, headers=fields, trust_env=False).json()["acct"] == "*"
