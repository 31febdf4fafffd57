"""The app without the gateway: BMAUTH_URL=http://localhost:8080 pytest. No gateway is asked."""

from app import app
from bmauth.testing import signed_in


def test_the_app_knows_who_is_signed_in():
    client = app.test_client()
    with signed_in(app, email="ann@example.com", groups=["staff"]):
        assert client.get("/").text == "Hello, ann@example.com"
        assert client.get("/staff").status_code == 200
    with signed_in(app, email="bob@example.com"):
        assert client.get("/api/me").json["email"] == "bob@example.com"
        assert client.get("/staff").status_code == 403
    assert client.get("/").status_code == 401
    assert client.get("/optional").text == "Hello, guest"
