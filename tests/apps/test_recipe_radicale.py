"""Radicale behind the gateway, as docs/apps/radicale.md has it."""

from harness.recipe import refuses_unauthenticated

PAGE = "radicale"
MINE = "/maria@example.com/"
MEETING = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//example//EN\r
BEGIN:VEVENT\r
UID:1@example.com\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260102T100000Z\r
SUMMARY:Meeting\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_unknown_clients_see_nothing(site):
    refuses_unauthenticated(site, "/.web/", "/.web/css/main.css")
    forged = {"X-Remote-User": "maria@example.com"}
    assert site.unknown_client.ask("PROPFIND", site.at("/"), headers=forged).status_code == 401


def test_its_web_interface_comes(site):
    page = site.maria.opens(site.at("/"))
    assert page.status_code == 200 and "Radicale" in page.text
    assert site.maria.ask("GET", site.at("/.web/css/main.css")).status_code == 200


WHO = '<propfind xmlns="DAV:"><prop><current-user-principal /></prop></propfind>'


def test_it_knows_who_is_signed_in(site):
    fields = {"Depth": "0", "X-Remote-User": "ann@example.com"}
    answer = site.maria.ask("PROPFIND", site.at("/"), headers=fields, content=WHO)
    assert answer.status_code == 207
    mine = MINE.replace("@", "%40")
    assert f"<current-user-principal><href>{mine}</href>" in answer.text


def test_a_calendar_is_made_and_filled_and_no_other_persons_is_reached(site):
    assert site.maria.ask("MKCALENDAR", site.at(f"{MINE}work/")).status_code == 201
    assert site.maria.ask("PUT", site.at(f"{MINE}work/1.ics"), content=MEETING).status_code == 201
    assert "Meeting" in site.maria.ask("GET", site.at(f"{MINE}work/1.ics")).text
    assert site.maria.ask("MKCALENDAR", site.at("/ann@example.com/work/")).status_code == 403
