"""What holds of the package beside the rest of the repository: its licences, the examples and the documentation. The sdist
is without this file."""

import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest

from bmauth.testing import signed_in

HERE = pathlib.Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"


@pytest.mark.parametrize("name", ["LICENSE-MIT", "LICENSE-APACHE"])
def test_its_licences_are_those_of_the_project(name: str) -> None:
    assert (HERE.parent / name).read_bytes() == (HERE.parents[2] / name).read_bytes()


@pytest.mark.parametrize("name", ["django", "fastapi", "fastapi-by-hand", "flask"])
def test_an_example_passes_its_own_test(name: str) -> None:
    env = {**os.environ, "BMAUTH_URL": "http://localhost:8080", "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"]
    ran = subprocess.run(words, cwd=EXAMPLES / name, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def block(beginning: str) -> dict[str, Any]:
    """The names that a block of docs/python.md defines."""
    text = (EXAMPLES.parent / "docs/python.md").read_text()
    [code] = [one for one in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if beginning in one]
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code, "docs/python.md", "exec"), names)
    return names


def test_what_the_documentation_says_of_fastapi_and_starlette_runs() -> None:
    from starlette.testclient import TestClient

    app = block("app = FastAPI()")["app"]
    client = TestClient(app)
    with signed_in(app, email="ann@example.com", groups=["staff"]) as ann:
        assert client.get("/api/me").json() == {"account": ann.id, "email": "ann@example.com"}
        assert client.get("/staff").json() == ["staff"]
        with client.websocket_connect("/ws") as socket:
            assert socket.receive_text() == "Hello, ann@example.com"
    assert client.get("/").json() == {"hello": "guest"}
    assert client.get("/staff").status_code == 401

    app = block("app = Starlette(")["app"]
    client = TestClient(app)
    with signed_in(app, email="ann@example.com"):
        assert client.get("/").text == "Hello, ann@example.com"
        assert client.get("/staff").status_code == 403
    assert client.get("/").status_code == 401


def test_what_the_documentation_says_of_flask_runs() -> None:
    app = block("app = Flask(")["app"]
    with signed_in(app, email="ann@example.com") as ann:
        assert app.test_client().get("/api/me").json == {"account": ann.id}
        assert app.test_client().get("/staff").status_code == 403
    assert app.test_client().get("/api/me").status_code == 401
