"""What a gateway does for the apps behind it, and what forgers try."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bmauth import Keys, Settings, Verifier

NOW = 1_800_000_000
URL = "https://notes.example.com"
HOST = "notes.example.com"
ANN = "0198c0de-0000-7000-8000-00000000000a"

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk_of(key: PrivateKey, kid: str) -> dict[str, Any]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw), "kid": kid, "use": "sig", "alg": "EdDSA"}
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": kid, "use": "sig", "alg": "ES256"}


def signed(head: Any, payload: Any, key: PrivateKey) -> str:
    """A token with any head and payload, signed as its key signs."""
    name = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
    text = f"{encoded(head)}.{encoded(payload)}"
    algorithm: Any = jwt.algorithms.get_default_algorithms()[name]
    return f"{text}.{encoded(algorithm.sign(text.encode(), key))}"


def signed_hs256(head: Any, payload: Any, secret: bytes) -> str:
    text = f"{encoded(head)}.{encoded(payload)}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


class Gateway:
    """Keys, and tokens of them at a time that the test says."""

    def __init__(self, now: Callable[[], float] = lambda: NOW) -> None:
        self.now = now
        self.keys: dict[str, PrivateKey] = {"one": new_key()}

    def jwks(self) -> bytes:
        return json.dumps({"keys": [jwk_of(key, kid) for kid, key in self.keys.items()]}).encode()

    def claims(self, **more: Any) -> dict[str, Any]:
        """As the gateway writes them; a claim that is None is left out."""
        now = int(self.now())
        whole = {
            "iss": URL,
            "aud": HOST,
            "sub": ANN,
            "email": "ann@example.com",
            "email_verified": True,
            "groups": [],
            "amr": ["swk", "user"],
            "auth_time": now - 100,
            "sid": "a-session",
            "iat": now - 30,
            "nbf": now - 30,
            "exp": now + 300,
            **more,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def head(self, **more: Any) -> dict[str, Any]:
        whole = {"alg": "ES256", "typ": "JWT", "kid": "one", **more}
        return {name: value for name, value in whole.items() if value is not None}

    def token(self, *, kid: str = "one", head: dict[str, Any] | None = None, **claims: Any) -> str:
        key = self.keys[kid]
        alg = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
        return signed(self.head(kid=kid, alg=alg, **(head or {})), self.claims(**claims), key)

    def verifier(self) -> Verifier:
        """One that trusts it, with its clock, and fetches without a thread."""
        keys = Keys("https://notes.example.com/jwks", fetch=lambda _: self.jwks(), clock=self.now, start=at_once)
        return Verifier(Settings.of(URL), keys=keys, clock=self.now)


def at_once(run: Callable[[], None]) -> None:
    """Does a thread's work before the thread would be there."""
    run()


class Served:
    """An HTTP server on loopback: what it answers is a function of the path."""

    def __init__(self, answer: Callable[[str], tuple[int, dict[str, str], bytes]]) -> None:
        outer = self
        self.answer = answer
        self.asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                status, headers, body = outer.answer(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, path: str = "/jwks.json") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
