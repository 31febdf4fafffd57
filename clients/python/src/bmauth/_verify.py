"""Verifies the header that the gateway puts on every request it lets through. It knows no framework."""

import binascii
import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import jwt

from ._errors import InvalidToken, KeysUnavailable, NotSignedIn
from ._identity import Identity, number, read_identity
from ._keys import Keys
from ._settings import HEADER, Settings

log = logging.getLogger("bmauth")

ALGORITHMS = ("ES256", "EdDSA")
LEEWAY = 30.0
"""Seconds that this machine's clock may be wrong."""
MOST_BYTES = 16 * 1024
CLAIMS = ("iss", "aud", "sub", "iat", "nbf", "exp")

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_JWS = jwt.PyJWS(algorithms=ALGORITHMS)


class Verifier:
    """Tells who is there, of the values of the identity header."""

    def __init__(self, settings: Settings, *, keys: Keys | None = None, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._keys = keys or Keys(settings.jwks_url)
        self._clock = clock

    @classmethod
    def read(cls, *places: Mapping[str, Any]) -> "Verifier":
        """Of BMAUTH_URL, BMAUTH_AUDIENCE and BMAUTH_JWKS_URL; see `Settings.read`. Raises ConfigurationError."""
        return cls(Settings.read(*places))

    def identify(self, values: Sequence[str]) -> Identity | None:
        """Who is signed in, or None (on an `optional` or `public` route).

        `values` are those of every field of the header's name, each as it came. This waits for a fetch of the keys where
        there has to be one. Raises InvalidToken or KeysUnavailable, and writes to the log why."""
        # A proxy that copies the gateway's answer may send an empty header if the visitor is not signed in.
        if len(values) == 0 or (len(values) == 1 and values[0] == ""):
            return None
        try:
            return self._read(values)
        except KeysUnavailable as why:
            log.error("The gateway's keys cannot be fetched from %s: %s", self.settings.jwks_url, why)
            raise
        except InvalidToken as why:
            log.warning("%s was refused: %s", self.settings.header, why)
            raise

    def would_wait(self, values: Sequence[str]) -> bool:
        """Whether `identify` would wait for a fetch of the keys, for callers that must not."""
        try:
            return len(values) == 1 and self._keys.would_wait(_head(values[0])[1])
        except InvalidToken:
            return False

    def demand(self, identity: Identity | None) -> Identity:
        """The same identity. None is refused with NotSignedIn, and the log says so."""
        return demand(identity, self.settings.header)

    def _read(self, values: Sequence[str]) -> Identity:
        # WSGI servers join repeated fields, and fields whose names differ in - and _ alone, with a comma.
        if len(values) != 1 or "," in values[0]:
            raise InvalidToken("it came more than once")
        algorithm, kid = _head(values[0])
        key = self._keys.find(kid)
        if key.algorithm != algorithm:
            raise InvalidToken(f"its alg is {algorithm!r}, and its key {kid!r:.80} is for {key.algorithm}")
        try:
            payload = _JWS.decode_complete(values[0], key.public, algorithms=[key.algorithm])["payload"]
            claims = _object(payload)
        except jwt.InvalidSignatureError:
            raise InvalidToken(f"its signature is not that of the key {kid!r:.80}") from None
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidToken(f"it cannot be read ({type(error).__name__})") from None
        self._check(claims)
        return read_identity(claims)

    def _check(self, claims: Mapping[str, Any]) -> None:
        """Issuer, audience and times (RFC 7519 §4.1)."""
        for name in CLAIMS:
            if claims.get(name) is None:
                raise InvalidToken(f'it is missing the "{name}" claim')
        wanted, iss, aud = self.settings, claims["iss"], claims["aud"]
        if iss != wanted.issuer:
            raise InvalidToken(f"its issuer is {iss!r:.80}, and BMAUTH_URL is {wanted.issuer!r}")
        if aud != wanted.audience:
            raise InvalidToken(
                f"it is for {aud!r:.80}, and not for {wanted.audience!r}; "
                "BMAUTH_AUDIENCE has to be the host of the app's route"
            )
        now = self._clock()
        exp, begins = number(claims, "exp"), max(number(claims, "nbf"), number(claims, "iat"))
        if now >= exp + LEEWAY:
            raise InvalidToken(f"it expired {now - exp:.0f} s ago, by the clock of this machine")
        if now < begins - LEEWAY:
            raise InvalidToken(f"it is good in {begins - now:.0f} s, by the clock of this machine")


def demand(identity: Identity | None, header: str = HEADER) -> Identity:
    """The same identity. None is refused with NotSignedIn, and the log says so."""
    if identity is None:
        log.warning("There is no %s: the request did not come through the gateway, or its route is an open one", header)
        raise NotSignedIn
    return identity


def _head(token: str) -> tuple[str, str]:
    """Algorithm and key id that a token names. Nothing is known of either yet."""
    if len(token) > MOST_BYTES:
        raise InvalidToken(f"it is longer than {MOST_BYTES} bytes")
    compact = _COMPACT.fullmatch(token)
    if not compact:
        raise InvalidToken("it is no token")
    try:
        encoded = compact[1]
        head = _object(binascii.a2b_base64(encoded.translate(_URL_SAFE) + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        raise InvalidToken("it is no token") from None
    algorithm, kid = head.get("alg"), head.get("kid", "")
    if algorithm not in ALGORITHMS:
        raise InvalidToken(f"its alg is {algorithm!r:.80}, and not one of {', '.join(ALGORITHMS)}")
    if not isinstance(kid, str):
        raise InvalidToken("its key id (kid) is not a text")
    if "crit" in head or "b64" in head or head.get("typ", "JWT") != "JWT":
        raise InvalidToken("its head asks for what the gateway's tokens do not have (typ, crit, b64)")
    return algorithm, kid


_URL_SAFE = str.maketrans("-_", "+/")


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object in which no name stands twice. Raises ValueError."""
    found = json.loads(text, parse_constant=_not_json, object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
