"""For FastAPI: who is signed in, as a dependency of a path operation or a WebSocket.

    @app.get("/api/me")
    def me(user: SignedIn):
        return {"account": user.id, "email": user.email}

Whom to trust is read from the environment when this module is imported, which raises ConfigurationError without it."""

from collections.abc import Callable, Iterable
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from ._carried import verifier_of
from ._errors import Refusal
from ._identity import Identity, any_of, demand_groups
from ._verify import Verifier
from .starlette import http_exception, identify

__all__ = ["Identity", "Optional", "SignedIn", "optional", "require", "signed_in"]

_verifier = Verifier.read()


async def optional(connection: HTTPConnection) -> Identity | None:
    """Who is signed in, or None. An invalid token is answered with 401."""
    try:
        return await identify(connection.scope, _verifier)
    except Refusal as refusal:
        raise http_exception(refusal) from None


Optional = Annotated[Identity | None, Depends(optional)]
"""Who is signed in, or None on an `optional` route."""


async def signed_in(connection: HTTPConnection, identity: Optional) -> Identity:
    """Who is signed in. Others are answered with 401."""
    try:
        return verifier_of(connection.scope, _verifier).demand(identity)
    except Refusal as refusal:
        raise http_exception(refusal) from None


SignedIn = Annotated[Identity, Depends(signed_in)]
"""Who is signed in. Others are answered with 401."""


def require(*, groups: str | Iterable[str]) -> Callable[[Identity], Identity]:
    """A dependency: who is signed in and in any of these groups: 403 without the group, 401 without a sign-in.

    `Staff = Annotated[Identity, Depends(require(groups="staff"))]`"""
    wanted = any_of(groups)

    def in_group(identity: SignedIn) -> Identity:
        try:
            return demand_groups(identity, wanted)
        except Refusal as refusal:
            raise http_exception(refusal) from None

    return in_group
