"""WsgiDAV behind the gateway, as docs/apps/wsgidav.md has it."""

import httpx
from harness.recipe import refuses_unauthenticated

PAGE = "wsgidav"


def prepare(app):
    (app.folder / "shared").mkdir()
    (app.folder / "shared/hello.txt").write_text("hello")


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/hello.txt")
    asked = site.unknown_client.ask("PROPFIND", site.at("/"), headers={"Depth": "1"})
    # No client is asked for a password that does not exist.
    assert asked.status_code == 401 and asked.headers["www-authenticate"].split()[0] == "Bearer"


def test_its_page_of_the_folder_comes(site):
    page = site.maria.opens(site.at("/"))
    assert page.status_code == 200 and "hello.txt" in page.text and "maria@example.com" in page.text


def test_a_file_is_written_moved_and_read(site):
    assert site.maria.ask("PUT", site.at("/new.txt"), content=b"new").status_code == 201
    moved = site.maria.ask("MOVE", site.at("/new.txt"), headers={"Destination": site.at("/moved.txt")})
    assert moved.status_code == 201
    assert site.maria.ask("GET", site.at("/moved.txt")).content == b"new"


def test_a_client_comes_with_an_access_token(site):
    headers = {"Authorization": f"Bearer {site.maria.access_token()}", "Depth": "1"}
    asked = site.unknown_client.ask("PROPFIND", site.at("/"), headers=headers)
    assert asked.status_code == 207 and "hello.txt" in asked.text


def test_past_the_gateway_no_password_is_accepted(site):
    address = f"http://127.0.0.1:{site.app.app_port}/"
    assert httpx.get(address, trust_env=False).status_code == 401
    assert httpx.get(address, trust_env=False, auth=("nobody", "nobody asks for it")).status_code == 400
