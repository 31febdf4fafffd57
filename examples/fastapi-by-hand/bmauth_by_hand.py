"""Who is signed in: verifies the header that BMAuth puts on every request it lets through. Copy this file where the
package `bmauth` (clients/python) cannot be installed.

BMAUTH_URL says whom to trust: the gateway's public_url. BMAUTH_AUDIENCE is the host of the app's route, where that is
another one; BMAUTH_JWKS_URL is where the keys are, if the app does not reach the gateway by BMAUTH_URL."""

import json
import logging
import os
import threading
import time
import urllib.request
from http.client import HTTPException as HTTPError
from typing import Annotated, Any
from urllib.parse import urlsplit

import jwt
from fastapi import Depends, HTTPException
from fastapi.requests import HTTPConnection

HEADER = "X-BMAuth-JWT"
ISSUER = os.environ.get("BMAUTH_URL", "").rstrip("/")
HOST = urlsplit(ISSUER).hostname
if HOST is None:
    raise RuntimeError("BMAUTH_URL has to say where people sign in, like BMAUTH_URL=https://notes.example.com")
AUDIENCE = os.environ.get("BMAUTH_AUDIENCE") or HOST
JWKS_URL = os.environ.get("BMAUTH_JWKS_URL") or f"{ISSUER}/_bmauth/jwks.json"
log = logging.getLogger("bmauth")


class Keys:
    """The gateway's public keys by their ids. They are fetched again after five minutes, and for an id that is not
    among them; but for made-up ids at most every 30 seconds, and where that fails every five. Meanwhile the known ones
    are used."""

    def __init__(self) -> None:
        self.known: dict[str, jwt.PyJWK] = {}
        self.fetched = self.tried = -1e9
        self.failure: Exception | None = None
        self.lock = threading.Lock()

    def get(self, kid: str) -> jwt.PyJWK:
        with self.lock:
            now = time.monotonic()
            if (kid not in self.known or now - self.fetched > 300) and now - self.tried > (5 if self.failure else 30):
                self.tried = now
                try:
                    self.known, self.fetched, self.failure = self.fetch(), now, None
                except (OSError, HTTPError, ValueError, jwt.PyJWTError) as error:
                    self.failure = error
            if kid in self.known:
                return self.known[kid]
            if self.failure:
                log.error("The gateway's keys cannot be fetched from %s: %s", JWKS_URL, self.failure)
                raise HTTPException(503, "The gateway's keys cannot be fetched")
            raise jwt.InvalidKeyError(f"its key {kid!r:.80} is not among those at {JWKS_URL}")

    def fetch(self) -> dict[str, jwt.PyJWK]:
        host = urlsplit(JWKS_URL).hostname or ""
        loopback = host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")
        proxies = urllib.request.ProxyHandler({} if loopback else None)  # HTTP_PROXY is not for this machine itself
        with urllib.request.build_opener(proxies).open(JWKS_URL, timeout=5) as answer:
            return {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.load(answer)).keys if key.key_id}


keys = Keys()


def claims(connection: HTTPConnection) -> dict[str, Any] | None:
    """The verified claims of the visitor, or None (on an `optional` or `public` route)."""
    tokens = connection.headers.getlist(HEADER)
    if tokens in ([], [""]):  # a proxy that copies BMAuth's answer may send an empty header
        return None
    try:
        if len(tokens) != 1:
            raise jwt.InvalidTokenError("it came more than once")
        return jwt.decode(
            tokens[0],
            keys.get(jwt.get_unverified_header(tokens[0]).get("kid", "")),
            algorithms=["ES256", "EdDSA"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=30,  # seconds that this machine's clock may be wrong
            options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp"]},
        )
    except jwt.PyJWTError as error:
        log.warning("%s was refused: %s", HEADER, why(tokens[0], error))
        raise HTTPException(401, "The identity header is not valid") from None


def why(token: str, error: jwt.PyJWTError) -> str:
    """What is wrong with a token, for the log. The token itself is never written there: it may still open something."""
    try:
        said = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return "it is no token"
    kid, now = said["header"].get("kid"), time.time()
    iss, aud, exp, nbf, iat = (said["payload"].get(name, 0) for name in ("iss", "aud", "exp", "nbf", "iat"))
    if isinstance(error, jwt.InvalidIssuerError):
        return f"its issuer is {iss!r:.80}, and BMAUTH_URL is {ISSUER!r}"
    if isinstance(error, jwt.InvalidAudienceError):
        return f"it is for {aud!r:.80}, and not for {AUDIENCE!r}; BMAUTH_AUDIENCE has to be the host of the app's route"
    if isinstance(error, jwt.ExpiredSignatureError):
        return f"it expired {now - int(exp):.0f} s ago, by the clock of this machine"
    if isinstance(error, jwt.ImmatureSignatureError):
        return f"it is good in {max(int(nbf), int(iat)) - now:.0f} s, by the clock of this machine"
    if isinstance(error, jwt.InvalidSignatureError):
        return f"its signature is not that of the key {kid!r:.80}"
    return str(error)  # of PyJWT, or of ours above


def signed_in(found: Annotated[dict[str, Any] | None, Depends(claims)]) -> dict[str, Any]:
    """The verified claims of the visitor; 401 without a sign-in."""
    if found is None:
        log.warning("There is no %s: the request did not come through the gateway, or its route is an open one", HEADER)
        raise HTTPException(401, "Sign in first")
    return found


SignedIn = Annotated[dict[str, Any], Depends(signed_in)]
MaybeSignedIn = Annotated[dict[str, Any] | None, Depends(claims)]
