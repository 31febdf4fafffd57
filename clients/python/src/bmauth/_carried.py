"""What a request carries inside the app, by names that no header can set: an ASGI scope or a WSGI environ."""

from collections.abc import Mapping
from typing import Any

from ._verify import Verifier

IDENTITY = "bmauth.identity"
VERIFIER = "bmauth.verifier"
VERIFIED_BY = "bmauth.verified_by"


def verifier_of(carried: Mapping[str, Any], default: Verifier) -> Verifier:
    """That which `bmauth.testing` gave this one request, and else the app's own."""
    found = carried.get(VERIFIER)
    return found if isinstance(found, Verifier) else default


def environ_name(header: str) -> str:
    """What WSGI calls a header (PEP 3333)."""
    return "HTTP_" + header.upper().replace("-", "_")


def environ_values(environ: Mapping[str, Any], header: str) -> list[str]:
    """The values of a header in WSGI, which has joined repeated ones with a comma."""
    value = environ.get(environ_name(header))
    return [value] if isinstance(value, str) else []
