"""Django's admin behind the gateway, as docs/apps/django-admin.md has it."""

import re

from harness.recipe import refuses_unauthenticated

PAGE = "django-admin"


def prepare(app):
    app.run("django-admin startproject shop .")


def ready(app):
    app.run("python manage.py migrate")


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/admin/", "/admin/jsi18n/")


def test_only_the_staff_gets_in(site):
    assert site.maria.opens(site.at("/admin/")).status_code == 403
    site.app.gateway.command("users", "groups", "maria@example.com", "--add", "staff")
    page = site.maria.opens(site.at("/admin/"))
    assert page.status_code == 200 and "maria@example.com" in page.text
    assert "Site administration" in page.text


def test_its_forms_are_taken_from_its_own_pages_alone(site):
    site.app.gateway.command("users", "groups", "maria@example.com", "--add", "staff")
    form = site.maria.opens(site.at("/admin/auth/group/add/"))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', form.text)[1]
    fields = {"csrfmiddlewaretoken": token, "name": "editors"}

    def sent(origin):
        headers = {"Origin": origin, "Referer": f"{origin}/admin/auth/group/add/"}
        return site.maria.ask("POST", site.at("/admin/auth/group/add/"), data=fields, headers=headers)

    assert sent("https://elsewhere.example").status_code == 403
    done = sent(site.origin)
    assert (done.status_code, done.headers["location"]) == (302, "/admin/auth/group/")
    assert "editors" in site.maria.opens(site.at("/admin/auth/group/")).text


def test_its_cookies_are_for_https_alone(site):
    cookies = [cookie for cookie in site.maria.client.cookies.jar if cookie.name in ("sessionid", "csrftoken")]
    assert len(cookies) == 2 and all(cookie.secure for cookie in cookies)
