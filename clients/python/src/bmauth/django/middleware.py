"""Knows who is there before a view runs, and keeps Django's own login in step with that."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import auth
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, load_backend
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .._carried import environ_values, verifier_of
from .._errors import ConfigurationError, Refusal, SwitchedOff
from .._identity import Identity
from .._settings import NAMES
from .._verify import Verifier, log
from . import answer
from .backends import BMAuthBackend


class BMAuthMiddleware:
    """A token that does not hold is answered with 401. A login of Django's lasts as long as the header names that person:
    where it names another one, or none, it ends and takes its session along.

    BMAUTH_URL (BMAUTH_AUDIENCE, BMAUTH_JWKS_URL) of the settings or the environment says whom to trust; without it the
    app does not start."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        try:
            self.verifier = self.make_verifier()
        except ConfigurationError as error:
            raise ImproperlyConfigured(str(error)) from None
        self.backend, self.path = _backend()
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def make_verifier(self) -> Verifier:
        """Override it for a gateway whose `identity.header` or `identity.issuer` is another than the default."""
        return Verifier.read({name: getattr(settings, name, None) for name in NAMES})

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._acall(request)
        refused = self._know(request)
        response: HttpResponseBase = refused if refused is not None else self.get_response(request)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        refused = await sync_to_async(self._know, thread_sensitive=True)(request)
        response: HttpResponseBase = refused if refused is not None else await self.get_response(request)
        return response

    def _know(self, request: HttpRequest) -> HttpResponseBase | None:
        if not hasattr(request, "user") or not hasattr(request, "session"):
            raise ImproperlyConfigured("BMAuthMiddleware has to stand after AuthenticationMiddleware in MIDDLEWARE")
        # ASGI's scope and WSGI's environ have names that no header can set.
        verifier = verifier_of(getattr(request, "scope", request.META), self.verifier)
        try:
            identity = verifier.identify(environ_values(request.META, verifier.settings.header))
            if identity is None:
                self._end_login(request)
            else:
                self._log_in(request, identity)
        except Refusal as refusal:
            return answer(refusal)
        request.bmauth = identity  # type: ignore[attr-defined]
        return None

    def _end_login(self, request: HttpRequest) -> None:
        """Ends a login of ours, and one that no longer counts: its session is a person's, and not the browser's."""
        session = request.session
        is_ours = session.get(BACKEND_SESSION_KEY) == self.path
        if SESSION_KEY in session and (is_ours or not request.user.is_authenticated):
            auth.logout(request)
            _settle(request)

    def _log_in(self, request: HttpRequest, identity: Identity) -> None:
        is_ours = request.session.get(BACKEND_SESSION_KEY) == self.path
        if is_ours and request.user.is_authenticated and self.backend.is_linked(request.user, identity):
            self.backend.refresh(request.user, identity)
            return
        found = self.backend.authenticate(request, identity)
        if found is None:
            log.warning("The account %s is switched off in this app", identity.id)
            raise SwitchedOff
        # This empties the session of another user.
        auth.login(request, found, backend=self.path)
        _settle(request)


def _settle(request: HttpRequest) -> None:
    """Has asynchronous views see the same user."""
    user = request.user

    async def auser() -> Any:
        return user

    request.auser = auser


def _backend() -> tuple[BMAuthBackend, str]:
    """The backend of ours that the settings name, and the name by which sessions remember it."""
    for path in settings.AUTHENTICATION_BACKENDS:
        backend = load_backend(path)
        if isinstance(backend, BMAuthBackend):
            return backend, path
    raise ImproperlyConfigured("AUTHENTICATION_BACKENDS has to name bmauth.django.backends.BMAuthBackend")
