"""For Starlette, and as middleware for any ASGI app.

    app = Starlette(routes=…, middleware=[Middleware(BMAuthMiddleware, verifier=Verifier.read())])

    async def home(request):
        return PlainTextResponse(f"Hello, {signed_in(request).email}")

`Verifier.read()` raises ConfigurationError where the app is not told whom to trust."""

from collections.abc import Iterable

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ._carried import IDENTITY, VERIFIED_BY, verifier_of
from ._errors import Refusal
from ._identity import Identity, any_of, demand_groups
from ._verify import Verifier

__all__ = ["BMAuthMiddleware", "Identity", "Verifier", "identify", "optional", "require", "signed_in"]


class BMAuthMiddleware:
    """Verifies the identity of every request and WebSocket before the app sees it.

    An invalid token is answered with 401, and so is a request without one unless sign-in is `optional`. The identity is
    `scope["bmauth.identity"]`, or None."""

    def __init__(self, app: ASGIApp, *, verifier: Verifier, optional: bool = False) -> None:
        self.app = app
        self.verifier = verifier
        self.optional = optional

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        verifier = verifier_of(scope, self.verifier)
        try:
            identity = await identify(scope, verifier)
            if not self.optional:
                verifier.demand(identity)
        except Refusal as refusal:
            await _answer(refusal, scope, receive, send)
            return
        scope[IDENTITY], scope[VERIFIED_BY] = identity, verifier
        await self.app(scope, receive, send)


async def identify(scope: Scope, default: Verifier) -> Identity | None:
    """Who is there, as `Verifier.identify` tells. The event loop does not wait where keys have to be fetched."""
    verifier = verifier_of(scope, default)
    name = verifier.settings.header.lower().encode("ascii")
    values = [value.decode("latin-1") for field, value in scope["headers"] if field.lower() == name]
    if verifier.would_wait(values):
        return await to_thread.run_sync(verifier.identify, values)
    return verifier.identify(values)


def optional(connection: HTTPConnection) -> Identity | None:
    """Who is signed in, or None."""
    _verified_by(connection)
    found: Identity | None = connection.scope[IDENTITY]
    return found


def signed_in(connection: HTTPConnection) -> Identity:
    """Who is signed in. Others are answered with 401."""
    try:
        return _verified_by(connection).demand(optional(connection))
    except Refusal as refusal:
        raise http_exception(refusal) from None


def require(connection: HTTPConnection, *, groups: str | Iterable[str]) -> Identity:
    """Who is signed in and in any of these groups: 403 without the group, 401 without a sign-in."""
    wanted = any_of(groups)
    try:
        return demand_groups(signed_in(connection), wanted)
    except Refusal as refusal:
        raise http_exception(refusal) from None


def http_exception(refusal: Refusal) -> HTTPException:
    """A refusal as the framework has it; before a WebSocket opens, too."""
    return HTTPException(refusal.status, refusal.sentence)


def _verified_by(connection: HTTPConnection) -> Verifier:
    verifier = connection.scope.get(VERIFIED_BY)
    if not isinstance(verifier, Verifier):
        raise RuntimeError("BMAuthMiddleware is not among the app's middleware, and no identity is known without it")
    return verifier


async def _answer(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    response = PlainTextResponse(refusal.sentence, refusal.status)
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await WebSocket(scope, receive, send).close(1008, refusal.sentence)
