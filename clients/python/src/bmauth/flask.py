"""For Flask: who is signed in, known before a view runs.

    app = Flask(__name__)
    BMAuth(app)

    @app.get("/api/me")
    @signed_in
    def me():
        return {"account": identity().id}

Without knowing whom to trust the app does not start (ConfigurationError)."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, current_app, request

from ._carried import IDENTITY, environ_values, verifier_of
from ._errors import Refusal
from ._identity import Identity, any_of, demand_groups
from ._verify import Verifier

__all__ = ["BMAuth", "Identity", "Verifier", "identity", "require", "signed_in"]

P = ParamSpec("P")
R = TypeVar("R")
_NAME = "bmauth"


class BMAuth:
    """Verifies the identity of every request of an app, which does not start without knowing whom to trust.

    That is `verifier`, or BMAUTH_URL (BMAUTH_AUDIENCE, BMAUTH_JWKS_URL) of the app's configuration or the environment."""

    def __init__(self, app: Flask | None = None, *, verifier: Verifier | None = None) -> None:
        self._verifier = verifier
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Raises ConfigurationError."""
        app.extensions[_NAME] = self._verifier or Verifier.read(app.config)
        app.register_error_handler(Refusal, _answer)
        # First, so that no other hook runs for a token that does not hold.
        app.before_request_funcs.setdefault(None, []).insert(0, _know)


def identity() -> Identity | None:
    """Who is signed in, or None. An invalid token is answered with 401."""
    default = current_app.extensions.get(_NAME)
    if default is None:
        raise RuntimeError("BMAuth(app) was not called, and no identity is known without it")
    # Kept with the request: `g` is shared where a test has pushed a context of the app.
    kept = request.environ.get(IDENTITY)
    if not (isinstance(kept, tuple) and kept[0] is default):
        verifier = verifier_of(request.environ, default)
        found = verifier.identify(environ_values(request.environ, verifier.settings.header))
        kept = request.environ[IDENTITY] = (default, found)
    who: Identity | None = kept[1]
    return who


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """A view for those who are signed in. Others are answered with 401."""
    return _guarded(view, lambda found: found)


def require(*, groups: str | Iterable[str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A view for those in any of these groups: 403 without the group, 401 without a sign-in."""
    wanted = any_of(groups)
    return lambda view: _guarded(view, lambda found: demand_groups(found, wanted))


def _guarded(view: Callable[P, R], demand: Callable[[Identity], object]) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        found = identity()
        verifier: Verifier = current_app.extensions[_NAME]
        demand(verifier.demand(found))
        made: R = current_app.ensure_sync(view)(*args, **kwargs)
        return made

    return guarded


def _know() -> None:
    identity()


def _answer(refusal: Refusal) -> Response:
    return Response(refusal.sentence + "\n", refusal.status, mimetype="text/plain")
