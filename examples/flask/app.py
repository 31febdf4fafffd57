"""A small Flask app behind BMAuth. It has no sign-in of its own: `bmauth.flask` tells it who is there."""

from typing import Any

from bmauth.flask import BMAuth, identity, require, signed_in
from flask import Flask

app = Flask(__name__)
BMAuth(app)


@app.get("/")
@signed_in
def home() -> tuple[str, dict[str, str]]:
    return f"Hello, {identity().email}", {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/api/me")
@signed_in
def me() -> dict[str, Any]:
    return dict(identity().claims)


@app.get("/staff")
@require(groups=["staff"])
def staff() -> str:
    return "Hello, staff"


@app.get("/optional")
def optional() -> tuple[str, dict[str, str]]:
    found = identity()
    return f"Hello, {found.email if found else 'guest'}", {"Content-Type": "text/plain; charset=utf-8"}
