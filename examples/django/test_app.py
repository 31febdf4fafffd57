"""The app without the gateway: BMAUTH_URL=http://localhost:8080 pytest. No gateway is asked."""

import os
import tempfile

folder = tempfile.TemporaryDirectory(prefix="bmauth-example-")
os.environ["DATABASE"] = f"{folder.name}/db.sqlite3"

import app  # noqa: E402, F401  the settings
from bmauth.testing import signed_in  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

call_command("migrate", verbosity=0)


def test_the_app_knows_who_is_signed_in():
    browser = Client()
    with signed_in(email="ann@example.com", groups=["staff"]):
        assert browser.get("/").text == "Hello, ann@example.com"
        assert browser.get("/api/me").json()["email"] == "ann@example.com"
        assert browser.get("/staff").status_code == 200
    with signed_in(email="bob@example.com"):
        assert browser.get("/").text == "Hello, bob@example.com"
        assert browser.get("/staff").status_code == 403
    assert browser.get("/").status_code == 401
    assert browser.get("/optional").text == "Hello, guest"
