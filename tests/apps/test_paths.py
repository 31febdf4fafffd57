"""Paths arrive as they were written, and no spelling leads an unknown client to what signed-in people may see."""

import json

import pytest
from harness.answer import BrokenOff
from harness.http2 import Http2

TARGETS = [
    "/",
    "/@babel%2fcore",
    "/@babel%2Fcore",
    "/api/queues/%2F/q",
    "/api/v4/projects/group%2Fproject/repository/files/a%2Fb.txt?ref=feature%2Fx",
    "//a",
    "/a//b",
    "/a/",
    "/%7Ea",
    "/%41",
    "/caf%E9",
    "/caf%C3%A9",
    "/100%25",
    "/a%20b+c",
    "/a;v=1/b",
    "/a:b@c!$&'()*,=",
    "/a?b=%2F..%2F&c=//d?e",
]

ADMIN = [
    "/admin",
    "/admin/",
    "/admin/x",
    "/admin?x",
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/admi%6E/x",
    "/ADMIN",
    "/Admin/x",
    "/%41dmin",
    "/admin%2F",
    "/admin%2fx",
    "/%2Fadmin",
    "/%2f%2fadmin",
    "//admin",
    "///admin",
    "/admin//",
    "//host/admin",
    "//host/%61dmin",
    "//host/ADMIN",
    "//host:80/admin",
    "//a@host/admin",
    "///host/admin",
    "/%2F/host/admin",
    "/admin;x",
    "/admin;x=1/y",
    "/;x/admin",
    "/admin%3Bx",
    "/admin%253Bx",
    "/admin%3f",
    "/admin/%3Fa=b",
    "/admin%23x",
    "/admin#x",
    "/admin/#x",
    "/#/admin",
    "/%2561dmin",
    "/%252561dmin",
    "/%25%36%31dmin",
    "/./admin",
    "/x/../admin",
    "/x/%2e%2e/admin",
    "/x/.%2e/admin",
    "/x/..%2fadmin",
    "/x%2f..%2fadmin",
    "/x/..;/admin",
    "/..;/admin",
    "/%2e/admin",
    "/%252e%252e/admin",
    "/\\admin",
    "/%5cadmin",
    "/x\\..\\admin",
    "/\\host/admin",
    "\\\\host\\admin",
    "/admin%00",
    "/admin/%00",
    "/admin%0a",
    "/admin/%0d%0a",
    "/%c0%afadmin",
    "/%e0%80%afadmin",
    "/admin/%zz",
    "http://host/admin",
    "http://host//admin",
    "HTTP://HOST/admin",
]


def place(client, target):
    """The answer's status, and what the app calls the place that the request came to. Without an answer: neither."""
    connection = client.connect()
    try:
        answer = client.ask("GET", target, connection=connection)
    except (BrokenOff, ConnectionError):
        return None, None
    finally:
        # gunicorn waits for it before it serves the next.
        connection.close()
    return answer.status, json.loads(answer.body)["area"] if answer.status == 200 else None


@pytest.mark.parametrize("target", TARGETS)
def test_the_app_receives_the_target_byte_for_byte(through, target):
    answer = through.ask("GET", target)
    assert answer.status == 200, answer.body
    read = json.loads(answer.body)
    assert (read["target"], read["area"]) == (target, "open")


@pytest.mark.parametrize("spelling", ADMIN)
def test_no_spelling_leads_an_unknown_client_to_the_admin_area(through, spelling):
    status, area = place(through, spelling)
    # HTTP/2 has a path alone there (RFC 9113, section 8.3.1).
    is_none = through.connects is Http2 and not spelling.startswith("/")
    assert (status, area) in ([(None, None)] if is_none else [(200, "open"), (400, None), (401, None)])


EVERYWHERE = ["/admin", "/admin/", "/admin/x", "/admin?x"]
READ_AS_ADMIN = {
    "gunicorn": ["/%61dmin", "/admin%2F", "/admin%2fx", "/admin#x", "/admin/%00", "http://host/admin"],
    "uvicorn-h11": ["/%61dmin", "/admin%2F", "/admin%2fx"],
    "uvicorn-httptools": ["/%61dmin", "/admin%2F", "/admin%2fx", "/admin#x", "http://host/admin"],
    "waitress": ["/%61dmin", "//admin", "/%2f%2fadmin", "/admin#x", "http://host//admin"],
    "wsgiref": ["/%61dmin", "///admin"],
    "node-decoded": ["//host/admin", "//host/%61dmin", "///host/admin", "/\\host/admin", "/x/%2e%2e/admin"],
    "node-lowercased": ["/ADMIN", "/Admin/x"],
}


@pytest.mark.parametrize(
    ("reader", "spelling"),
    [(reader, spelling) for reader, own in READ_AS_ADMIN.items() for spelling in EVERYWHERE + own],
)
def test_the_app_alone_takes_it_for_its_admin_area(straight, spelling):
    """Each of them would get an unknown client there, if the gateway chose its route only by what is written."""
    assert spelling in ADMIN
    assert place(straight, spelling) == (200, "admin area")
