"""Whom an app trusts: read before it starts, and refused there rather than guessed."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ._errors import ConfigurationError

HEADER = "X-BMAuth-JWT"
JWKS_PATH = "/_bmauth/jwks.json"
NAMES = ("BMAUTH_URL", "BMAUTH_AUDIENCE", "BMAUTH_JWKS_URL")

_EXAMPLE = "BMAUTH_URL has to say where people sign in, like BMAUTH_URL=https://notes.example.com"
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
# Such a host is an address in another spelling (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
_PRINTED = re.compile(r"[!-~]+")
_TOKEN = re.compile(r"[A-Za-z0-9-]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Where the gateway's admin listener, which also has the keys, is reached in a private network.
_INTERNAL = (".internal", ".local", ".svc")


@dataclass(frozen=True)
class Settings:
    """Whom an app trusts. `Settings.of` and `Settings.read` make one, and check it."""

    issuer: str
    """`iss` of every token: the gateway's public_url, or its `identity.issuer`."""
    audience: str
    """`aud` of every token: the host of the app's route, or the route's `audience`."""
    jwks_url: str
    """Where the gateway's public keys are."""
    header: str = HEADER
    """The gateway's `identity.header`."""

    @classmethod
    def of(
        cls,
        url: str,
        *,
        audience: str | None = None,
        jwks_url: str | None = None,
        issuer: str | None = None,
        header: str = HEADER,
    ) -> "Settings":
        """Of the gateway's public_url.

        `issuer` and `header` are for gateways whose `identity.issuer` or `identity.header` is another than the default.
        Raises ConfigurationError."""
        origin, host = _origin(url)
        if issuer is not None and not _PRINTED.fullmatch(issuer):
            raise ConfigurationError(f"The issuer is {issuer!r}: it is what the gateway's identity.issuer says")
        if not _TOKEN.fullmatch(header):
            raise ConfigurationError(f"The header is {header!r}: it is the name that the gateway's identity.header says")
        return cls(
            issuer=issuer or origin,
            audience=_audience(audience) if audience else host,
            jwks_url=_jwks_url(jwks_url) if jwks_url else origin + JWKS_PATH,
            header=header,
        )

    @classmethod
    def read(cls, *places: Mapping[str, Any]) -> "Settings":
        """From BMAUTH_URL, BMAUTH_AUDIENCE and BMAUTH_JWKS_URL: in the first of the places that says something, and else
        in the environment. Raises ConfigurationError."""
        url, audience, jwks_url = (_said(name, *places, os.environ) for name in NAMES)
        return cls.of(url, audience=audience or None, jwks_url=jwks_url or None)


def _said(name: str, *places: Mapping[str, Any]) -> str:
    for place in places:
        value = place.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise ConfigurationError(f"{name} is {value!r}, and has to be a text")
        return value
    return ""


def _origin(url: str) -> tuple[str, str]:
    """Scheme, host and, where it is not the scheme's own, port; and the host alone."""
    if not url:
        raise ConfigurationError(_EXAMPLE)
    parts, host = _split(url, "BMAUTH_URL", _EXAMPLE)
    if parts.path not in ("", "/") or "?" in url or "#" in url:
        raise ConfigurationError(f"{_EXAMPLE}: a scheme and a host, and no path. It is {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"{_EXAMPLE}: http:// is for this machine alone (http://localhost:8080). It is {url!r}")
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}", host


def _jwks_url(url: str) -> str:
    example = "BMAUTH_JWKS_URL has to say where the gateway's keys are, like BMAUTH_JWKS_URL=http://bmauth:9091/jwks.json"
    parts, host = _split(url, "BMAUTH_JWKS_URL", example)
    if "#" in url:
        raise ConfigurationError(f"{example}. It is {url!r}")
    if parts.scheme == "http" and not _is_internal(host):
        raise ConfigurationError(
            f"{example}: keys that come by http:// from {host} could be those of another. Use https://, "
            "or the gateway's admin listener in a private network"
        )
    return url


def _audience(audience: str) -> str:
    if not _PRINTED.fullmatch(audience):
        raise ConfigurationError(
            f"BMAUTH_AUDIENCE has to be the host of the app's route, like wiki.example.com. It is {audience!r}"
        )
    return audience


def _split(url: str, name: str, example: str) -> tuple[SplitResult, str]:
    """An address in parts, and its host. What could be read in two ways is refused."""
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise ConfigurationError(f"{example}. {name} has a user name or password in it, which does not belong there")
    if not _PRINTED.fullmatch(url) or "\\" in url:
        raise ConfigurationError(f"{example}. It is {url!r}; a name with other letters is written as xn--…")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(f"{example}. It is {url!r}") from None
    if parts.scheme not in _DEFAULT_PORTS or port == 0 or not _is_host(host):
        raise ConfigurationError(f"{example}. It is {url!r}")
    return parts, host


def _is_host(host: str) -> bool:
    return _address(host) is not None or bool(_HOST.fullmatch(host) and not _NUMBER.fullmatch(host))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets and port, is this machine."""
    address = _address(host)
    if address is not None:
        return address.is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _is_internal(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_private
    return is_loopback(host) or "." not in host or host.endswith(_INTERNAL) or host.endswith(".svc.cluster.local")
