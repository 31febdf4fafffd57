"""The app without the gateway: BMAUTH_URL=http://localhost:8080 pytest. No gateway is asked."""

import bmauth_by_hand
from app import app
from fastapi.testclient import TestClient


def test_the_app_knows_who_is_signed_in():
    app.dependency_overrides[bmauth_by_hand.signed_in] = lambda: {"sub": "1", "email": "ann@example.com"}
    assert TestClient(app).get("/api/me").json()["email"] == "ann@example.com"
