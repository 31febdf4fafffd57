"""The app without the gateway: BMAUTH_URL=http://localhost:8080 pytest. No gateway is asked."""

from app import app
from bmauth.testing import signed_in
from fastapi.testclient import TestClient

client = TestClient(app)


def test_the_app_knows_who_is_signed_in():
    with signed_in(app, email="ann@example.com") as ann:
        assert client.get("/api/me").json()["email"] == "ann@example.com"
        assert ann.id in client.get("/").text
    assert client.get("/api/me").status_code == 401
