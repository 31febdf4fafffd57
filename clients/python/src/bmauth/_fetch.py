"""Fetches the gateway's public keys over HTTP, and reads them."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import IO, Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ._settings import is_loopback

TIMEOUT = 5.0
"""Seconds that the server may be silent, and that the whole answer may take besides."""
MOST_BYTES = 64 * 1024
MOST_KEYS = 32
MOST_KID = 256

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True)
class Key:
    """A public key, with the one algorithm that it is for."""

    public: PublicKey
    algorithm: str


class _SameOriginRedirects(urllib.request.HTTPRedirectHandler):
    """Keys are believed from the host that was named, and from no other."""

    max_redirections = 3
    max_repeats = 1

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if _origin(newurl) != _origin(req.full_url):
            raise urllib.error.HTTPError(req.full_url, code, "it leads to another host, which is not asked", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def fetch(url: str) -> bytes:
    """The body at `url`. Raises OSError, http.client.HTTPException or ValueError."""
    loopback = is_loopback(urlsplit(url).hostname or "")
    proxies = urllib.request.ProxyHandler({} if loopback else None)  # HTTP_PROXY is not for this machine itself
    opener = urllib.request.build_opener(proxies, _SameOriginRedirects)
    headers = {"Accept": "application/json", "User-Agent": "bmauth-python"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  Settings takes http and https alone
    end = time.monotonic() + 2 * TIMEOUT
    body = b""
    with opener.open(request, timeout=TIMEOUT) as answer:
        while piece := answer.read1(MOST_BYTES):
            body += piece
            if len(body) > MOST_BYTES:
                raise ValueError(f"the answer is longer than {MOST_BYTES} bytes")
            if time.monotonic() > end:
                raise TimeoutError("the answer takes too long")
    return body


def read_keys(body: bytes) -> dict[str, Key]:
    """The keys of a JWKS (RFC 7517) that the gateway's tokens can be signed with, by their ids. Others are left out.

    Raises ValueError where it is no JWKS, or one id has two keys."""
    said = _json(body)
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list):
        raise ValueError("the answer is not a set of keys (JWKS)")
    found: dict[str, Key] = {}
    for jwk in keys[:MOST_KEYS]:
        kid, key = (jwk.get("kid"), _key(jwk)) if isinstance(jwk, dict) else (None, None)
        if key is None or not isinstance(kid, str) or not 0 < len(kid) <= MOST_KID:
            continue
        if kid in found:
            raise ValueError(f"two keys have the id {kid!r}")
        found[kid] = key
    return found


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None


def _key(jwk: Mapping[str, Any]) -> Key | None:
    algorithm = {("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    # RFC 9864 has a name of its own for EdDSA with this curve.
    fits = jwk.get("alg") in (None, algorithm) or (jwk.get("alg"), algorithm) == ("Ed25519", "EdDSA")
    if algorithm is None or not fits or jwk.get("use") not in (None, "sig"):
        return None
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    try:
        key = jwt.PyJWK.from_dict(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):  # older PyJWT lets the last two through
        return None
    if isinstance(key, Ed25519PublicKey) or (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
        return Key(key, algorithm)
    return None
