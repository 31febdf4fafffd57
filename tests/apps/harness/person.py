"""Somebody who registers by the JSON API, with a security key in software."""

import re
import sys

import httpx

from .gateway import Gateway
from .process import LIMIT, ROOT, until

sys.path.append(str(ROOT / "tests/api"))
from security_key import SecurityKey  # noqa: E402


def sign_up(gateway: Gateway, email: str, name: str | None = None) -> str:
    """Returns an access token, which opens routes as the cookie does. The gateway prints its letters."""
    origin = f"http://localhost:{gateway.port}"

    def post(path, body):
        answer = httpx.post(f"{origin}/_bmauth/v1{path}", json=body, timeout=LIMIT, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    more = {"options": {"displayName": name}} if name else {}
    options = post("/signup/webauthn", {"email": email, **more})
    post("/signup/webauthn/verify", {"credential": SecurityKey().create(options, origin)})
    said = post("/signin/otp/email/verify", {"email": email, "otp": _code(gateway, email)})
    return said["session"]["accessToken"]


def _code(gateway: Gateway, email: str) -> str:
    def found():
        return re.search(rf"Mail to {re.escape(email)}\n(\d{{3}})\s(\d{{3}}) is your", gateway.log())

    until(found, f"a letter to {email}")
    return "".join(found().groups())
