"""A client of the API. Every answer it gets is held against the gateway's own openapi.json."""

import os
from dataclasses import dataclass

import pytest
import requests
import schemathesis
from security_key import SecurityKey

ORIGIN = os.environ["BMAUTH_ORIGIN"]
API = f"{ORIGIN}/_bmauth/v1"
# Answers GET /address with the code of the next mail to it, when it comes.
MAILBOX = os.environ["BMAUTH_MAILBOX"]
LIMIT_SECONDS = 60

description = schemathesis.openapi.from_url(f"{API}/openapi.json")


def code_for(email: str) -> str:
    answer = requests.get(f"{MAILBOX}/{email}", timeout=LIMIT_SECONDS)
    answer.raise_for_status()
    return answer.text


@dataclass
class Refusal:
    status: int
    error: str


@dataclass
class Client:
    """An app that keeps tokens, and neither cookies nor tickets: no other client begins anything for its addresses."""

    access: str | None = None
    refresh: str | None = None
    network: str = "203.0.113.7"

    def call(self, method: str, path: str, body: object = None) -> object:
        """The answer's JSON; a refusal as `Refusal`."""
        headers = {"X-Forwarded-For": self.network}
        if self.access:
            headers["Authorization"] = f"Bearer {self.access}"
        answer = requests.request(method, API + path, json=body, headers=headers, timeout=LIMIT_SECONDS)
        description[path][method].validate_response(answer)
        said = answer.json()
        return said if answer.ok else Refusal(answer.status_code, said["error"])

    def post(self, path: str, body: object = None) -> object:
        return self.call("POST", path, body)

    def get(self, path: str) -> object:
        return self.call("GET", path)

    def keep(self, session: dict) -> dict:
        """Goes on with the tokens of a session."""
        self.access, self.refresh = session["accessToken"], session["refreshToken"]
        return session

    def sign_up(self, email: str, key: SecurityKey, **more) -> dict:
        """Everything from the address to the session."""
        options = self.post("/signup/webauthn", {"email": email, **more})
        made = {"credential": key.create(options, ORIGIN)}
        assert self.post("/signup/webauthn/verify", made) == {"session": None}
        return self.enter_code(email)

    def prove(self, email: str) -> object:
        return self.post("/signin/otp/email/verify", {"email": email, "otp": code_for(email)})

    def enter_code(self, email: str) -> dict:
        return self.keep(self.prove(email)["session"])

    def sign_in(self, key: SecurityKey, email: str | None = None) -> dict:
        named = {"email": email} if email else {}
        credential = key.get(self.post("/signin/webauthn", named), ORIGIN)
        return self.keep(self.post("/signin/webauthn/verify", {**named, "credential": credential})["session"])

    def elevate(self, key: SecurityKey) -> dict:
        credential = key.get(self.post("/elevate/webauthn"), ORIGIN)
        return self.keep(self.post("/elevate/webauthn/verify", {"credential": credential})["session"])

    def add(self, key: SecurityKey, nickname: str) -> object:
        made = key.create(self.post("/user/webauthn/add"), ORIGIN)
        return self.post("/user/webauthn/verify", {"credential": made, "nickname": nickname})


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def another() -> Client:
    return Client()
