"""openapi.json against the gateway: schemathesis makes what it allows and what it does not, and checks every answer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import requests
from conftest import API, LIMIT_SECONDS, Client
from security_key import SecurityKey

HERE = Path(__file__).parent
RUN_LIMIT_SECONDS = 900


@pytest.fixture
def described(tmp_path) -> Path:
    """The description as a file: read from its address, schemathesis would leave that address out."""
    file = tmp_path / "openapi.json"
    file.write_bytes(requests.get(f"{API}/openapi.json", timeout=LIMIT_SECONDS).content)
    return file


def test_its_examples_fit_what_they_show(described):
    whole = json.loads(described.read_text())
    shown = list(examples(whole))
    assert len(shown) > 20
    for schema, example in shown:
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": whole["components"]})
        assert not [error.message for error in validator.iter_errors(example)], example


def examples(part):
    """Each example of the description with its schema."""
    if isinstance(part, dict):
        if {"schema", "example"} <= part.keys():
            yield part["schema"], part["example"]
        for each in part.values():
            yield from examples(each)
    elif isinstance(part, list):
        for each in part:
            yield from examples(each)


def operations(described: Path) -> int:
    return sum(len(path) for path in json.loads(described.read_text())["paths"].values())


def schemathesis(described: Path, *more: str, **environment: str) -> str:
    command = [Path(sys.executable).with_name("st"), "--config-file", HERE / "schemathesis.toml", "run", described]
    done = subprocess.run(
        [*command, "--url", API, *more],
        cwd=described.parent,
        env={**os.environ, "PYTHONPATH": str(HERE), **environment},
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_true_for_an_unknown_client(described):
    assert f"Tested: {operations(described)}\n" in schemathesis(described)


def test_it_is_true_for_who_is_signed_in(described):
    client = Client()
    client.sign_up("described@example.com", SecurityKey())
    # Signing out would end the session that asks.
    told = schemathesis(described, "--exclude-path", "/signout", BMAUTH_ACCESS=client.access)
    assert f"Tested: {operations(described) - 1}\n" in told
    assert client.get("/user")["email"] == "described@example.com", "the session that asked is over"
