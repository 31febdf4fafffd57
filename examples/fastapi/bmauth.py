"""Who is signed in: verifies the header that BMAuth puts on every request it lets through. Copy this file."""

import os
from typing import Annotated, Any

import jwt
from fastapi import Depends, HTTPException
from fastapi.requests import HTTPConnection

HEADER = "X-BMAuth-JWT"
ISSUER = os.environ.get("BMAUTH_ISSUER", "http://localhost:8080")  # public_url, or identity.issuer
AUDIENCE = os.environ.get("BMAUTH_AUDIENCE", "localhost")  # the route's audience: by default its host
JWKS_URL = os.environ.get("BMAUTH_JWKS_URL", "http://127.0.0.1:9091/jwks.json")  # the gateway's admin listener

# Keeps the keys for five minutes. A key id it does not know makes it ask again, at most every 30 seconds.
_keys = jwt.PyJWKClient(JWKS_URL, lifespan=300, cooldown_duration=30, timeout=5)


def claims(connection: HTTPConnection) -> dict[str, Any] | None:
    """The verified claims of the visitor, or None for a stranger (on an `optional` or `public` route)."""
    tokens = connection.headers.getlist(HEADER)
    if tokens in ([], [""]):  # a proxy that copies BMAuth's answer may send an empty header for nobody
        return None
    try:
        if len(tokens) != 1:
            raise jwt.InvalidTokenError("one token is expected")
        return jwt.decode(
            tokens[0],
            _keys.get_signing_key_from_jwt(tokens[0]),
            algorithms=["ES256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=30,  # seconds that this machine's clock may be wrong
            options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise HTTPException(503, "The gateway's keys cannot be fetched") from error
    except jwt.PyJWTError as error:
        raise HTTPException(401, "The identity header is not valid") from error


def signed_in(found: Annotated[dict[str, Any] | None, Depends(claims)]) -> dict[str, Any]:
    """The verified claims of the visitor; a stranger gets 401."""
    if found is None:
        raise HTTPException(401, "Sign in first")
    return found


Claims = Annotated[dict[str, Any] | None, Depends(claims)]
SignedIn = Annotated[dict[str, Any], Depends(signed_in)]
