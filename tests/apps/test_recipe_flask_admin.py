"""Flask-Admin behind the gateway, as docs/apps/flask-admin.md has it."""

import re

from harness.recipe import refuses_unauthenticated

PAGE = "flask-admin"


def ready(app):
    app.lets_in = lambda: app.gateway.command("users", "groups", "maria@example.com", "--add", "staff")


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/note/", "/static/admin/css/bootstrap4/admin.css")


def test_only_the_staff_gets_in(site):
    assert site.maria.opens(site.at("/note/")).status_code == 403
    site.app.lets_in()
    assert site.maria.opens(site.at("/note/")).status_code == 200


def test_what_is_added_bears_the_name_of_who_is_signed_in(site):
    site.app.lets_in()
    form = site.maria.opens(site.at("/note/new/"))
    token = re.search(r'name="csrf_token"[^>]* value="([^"]*)"', form.text)[1]
    fields = {"csrf_token": token, "text": "milk"}
    headers = {"Origin": site.origin, "X-Remote-User": "ann@example.com"}
    done = site.maria.ask("POST", site.at("/note/new/"), data=fields, headers=headers)
    assert (done.status_code, done.headers["location"]) == (302, "/note/")
    page = site.maria.opens(site.at("/note/"))
    assert "milk" in page.text and "maria@example.com" in page.text
    assert "milk" not in page.text.replace("milk", "", 1)
    without = site.maria.ask("POST", site.at("/note/new/"), data={"text": "eggs"}, headers={"Origin": site.origin})
    assert "eggs" not in site.maria.opens(site.at("/note/")).text, without.text


def test_its_cookie_is_for_https_alone(site):
    (cookie,) = [cookie for cookie in site.maria.client.cookies.jar if cookie.name == "session"]
    assert cookie.secure
