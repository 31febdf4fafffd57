"""Datasette behind the gateway, as docs/apps/datasette.md has it."""

import sqlite3

from harness.recipe import refuses_unauthenticated

PAGE = "datasette"


def prepare(app):
    with sqlite3.connect(app.folder / "notes.db") as notes:
        notes.execute("create table notes (text)")
        notes.executemany("insert into notes values (?)", [[f"note {number}"] for number in range(300)])


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/", "/notes.json", "/-/static/app.css")


def test_the_page_and_what_it_loads_come(site):
    page = site.maria.opens(site.at("/notes/notes"))
    assert page.status_code == 200 and "note 7" in page.text
    assert site.maria.ask("GET", site.at("/-/static/app.css")).status_code == 200


def test_the_actor_is_who_is_signed_in_whatever_the_browser_says(site):
    answer = site.maria.ask("GET", site.at("/-/actor.json"), headers={"X-Remote-User": "ann@example.com"})
    assert answer.json() == {"actor": {"id": "maria@example.com"}}


def test_addresses_lead_back_to_where_people_are(site):
    answer = site.maria.ask("GET", site.at("/notes/notes.json?_size=1"))
    assert answer.json()["next_url"].startswith(site.origin + "/")


def test_a_long_answer_comes_whole(site):
    answer = site.maria.ask("GET", site.at("/notes/notes.csv?_stream=1"))
    assert len(answer.text.splitlines()) == 301
