"""Signs made-up people in to an app, so that it is tested without the gateway.

    with signed_in(app, email="ann@example.com", groups=["staff"]):
        assert TestClient(app).get("/api/me").json()["email"] == "ann@example.com"

Nothing is switched off: requests of that app get a real token, by a key made for this, and it goes through the same
verifying as the gateway's. When the block ends, the app is as it was."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from ._carried import VERIFIER, environ_name
from ._identity import Identity
from ._keys import Keys
from ._settings import NAMES, Settings
from ._verify import Verifier

__all__ = ["Identity", "Issuer", "signed_in"]

LIFETIME = 300
_NAMESPACE = uuid.UUID("6f0b8f64-6b1c-4f3c-9a53-0f6a0a2c9f1d")


class Issuer:
    """Makes tokens as the gateway does, by a key of its own, and a verifier that knows this key alone."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._key = ec.generate_private_key(ec.SECP256R1())
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        jwks = json.dumps({"keys": [{**jwk, "kid": "bmauth.testing", "use": "sig", "alg": "ES256"}]}).encode()
        self.verifier = Verifier(
            settings, keys=Keys(settings.jwks_url, fetch=lambda _: jwks, start=lambda run: run()), clock=clock
        )

    def token(self, claims: Mapping[str, Any]) -> str:
        """A token with these claims besides those that every token has."""
        now = int(self._clock())
        whole = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "iat": now - 30,
            "nbf": now - 30,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
            **claims,
        }
        return jwt.encode(whole, self._key, "ES256", {"kid": "bmauth.testing"})


def claims_of(
    email: str, groups: Iterable[str], name: str | None, sub: str | None, now: float, more: Mapping[str, Any]
) -> dict[str, Any]:
    """What the gateway says of a person who has signed in with a passkey. One address is always the same account."""
    if isinstance(groups, str):
        raise TypeError(f"groups is a list of names, like [{groups!r}]")
    return {
        "sub": sub or str(uuid.uuid5(_NAMESPACE, email)),
        "email": email,
        "email_verified": True,
        **({"name": name} if name is not None else {}),
        "groups": list(groups),
        "sid": str(uuid.uuid5(_NAMESPACE, f"session of {email}")),
        "amr": ["swk", "user"],
        "acr": "phr",
        "auth_time": int(now),
        **more,
    }


@contextmanager
def signed_in(
    app: Any = None,
    *,
    email: str,
    groups: Iterable[str] = (),
    name: str | None = None,
    sub: str | None = None,
    claims: Mapping[str, Any] | None = None,
) -> Iterator[Identity]:
    """Signs a made-up person in to a FastAPI, Starlette or Flask app, or to Django, whose app need not be named.

    Every request of that app without an identity header of its own is theirs until the block ends; the innermost block
    counts. `claims` are more claims, or others. Gives the identity that the app sees."""
    attach = _way_into(app)
    told = claims_of(email, groups, name, sub, time.time(), claims or {})
    with attach(told) as issuer:
        identity = issuer.verifier.demand(issuer.verifier.identify([issuer.token(told)]))
        yield identity


Attach = Callable[[Mapping[str, Any]], AbstractContextManager[Issuer]]


def _way_into(app: Any) -> Attach:
    kinds = [(one.__module__.partition(".")[0], one.__name__) for one in type(app).__mro__]
    if ("starlette", "Starlette") in kinds:
        return lambda told: _starlette(app, told)
    if ("flask", "Flask") in kinds:
        return lambda told: _flask(app, told)
    if app is None or ("django", "BaseHandler") in kinds:
        return _django
    raise TypeError(f"signed_in is for an app of FastAPI, Starlette or Flask, or None for Django, and not for {app!r}")


@contextmanager
def _starlette(app: Any, told: Mapping[str, Any]) -> Iterator[Issuer]:
    issuer = Issuer(_settings_of_starlette(app))
    before = app.middleware_stack
    inner = before if before is not None else app.build_middleware_stack()

    async def with_identity(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = dict(scope)
            _put_into_scope(scope, issuer, told)
        await inner(scope, receive, send)

    app.middleware_stack = with_identity
    try:
        yield issuer
    finally:
        app.middleware_stack = before


def _settings_of_starlette(app: Any) -> Settings:
    """Those of the app's middleware, or of the environment, which bmauth.fastapi reads."""
    for middleware in app.user_middleware:
        verifier = middleware.kwargs.get("verifier")
        if isinstance(verifier, Verifier):
            return verifier.settings
    return Settings.read()


@contextmanager
def _flask(app: Any, told: Mapping[str, Any]) -> Iterator[Issuer]:
    verifier = app.extensions.get("bmauth")
    if not isinstance(verifier, Verifier):
        raise RuntimeError("BMAuth(app) was not called, and no identity is known without it")
    issuer = Issuer(verifier.settings)
    before = app.wsgi_app

    def with_identity(environ: MutableMapping[str, Any], start_response: Any) -> Any:
        _put_into_environ(environ, issuer, told)
        return before(environ, start_response)

    app.wsgi_app = with_identity
    try:
        yield issuer
    finally:
        app.wsgi_app = before


@contextmanager
def _django(told: Mapping[str, Any]) -> Iterator[Issuer]:
    try:
        from django.conf import settings
        from django.core.signals import request_started
    except ImportError:
        raise TypeError("signed_in has to be told the app: signed_in(app, email=…). Django alone needs none") from None

    issuer = Issuer(Settings.read({name: getattr(settings, name, None) for name in NAMES}))

    def with_identity(
        environ: MutableMapping[str, Any] | None = None, scope: MutableMapping[str, Any] | None = None, **_: Any
    ) -> None:
        """Comes with each request before Django reads it: of WSGI or ASGI, and of the test client."""
        if environ is not None:
            _put_into_environ(environ, issuer, told)
        elif scope is not None:
            _put_into_scope(scope, issuer, told)

    _attached.append(with_identity)
    request_started.connect(_innermost_first, dispatch_uid=_innermost_first)
    try:
        yield issuer
    finally:
        _attached.remove(with_identity)
        if not _attached:
            request_started.disconnect(dispatch_uid=_innermost_first)


_attached: list[Callable[..., None]] = []


def _innermost_first(**request: Any) -> None:
    for with_identity in reversed(_attached):
        with_identity(**request)


def _put_into_environ(environ: MutableMapping[str, Any], issuer: Issuer, told: Mapping[str, Any]) -> None:
    if VERIFIER not in environ:
        environ.setdefault(environ_name(issuer.verifier.settings.header), issuer.token(told))
        environ[VERIFIER] = issuer.verifier


def _put_into_scope(scope: MutableMapping[str, Any], issuer: Issuer, told: Mapping[str, Any]) -> None:
    if VERIFIER not in scope:
        header = issuer.verifier.settings.header.lower().encode()
        if all(field.lower() != header for field, _ in scope["headers"]):
            scope["headers"] = [*scope["headers"], (header, issuer.token(told).encode())]
        scope[VERIFIER] = issuer.verifier
