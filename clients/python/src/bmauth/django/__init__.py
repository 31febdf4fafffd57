"""For Django: the gateway's accounts as users of the app.

    INSTALLED_APPS += ["bmauth.django"]
    MIDDLEWARE += ["bmauth.django.middleware.BMAuthMiddleware"]        # after AuthenticationMiddleware
    AUTHENTICATION_BACKENDS = ["bmauth.django.backends.BMAuthBackend"]

`request.user` is then the Django user of the account, and `request.bmauth` the Identity, or None. For views
there is `login_required` of Django, or `signed_in` and `require` of this module, which answer 401 and 403."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from .._errors import Refusal
from .._identity import Identity, any_of, demand_groups
from .._verify import demand

__all__ = ["Identity", "identity", "require", "signed_in"]

View = Callable[..., Any]


def identity(request: HttpRequest) -> Identity | None:
    """Who is signed in, or None."""
    if not hasattr(request, "bmauth"):
        raise ImproperlyConfigured("bmauth.django.middleware.BMAuthMiddleware is not in MIDDLEWARE")
    found: Identity | None = request.bmauth
    return found


def signed_in(view: View) -> View:
    """A view for those who are signed in. Others are answered with 401."""
    return _guarded(view, lambda found: found)


def require(*, groups: str | Iterable[str]) -> Callable[[View], View]:
    """A view for those in any of these groups: 403 without the group, 401 without a sign-in."""
    wanted = any_of(groups)
    return lambda view: _guarded(view, lambda found: demand_groups(found, wanted))


def answer(refusal: Refusal) -> HttpResponse:
    """A refusal as the framework has it."""
    return HttpResponse(refusal.sentence + "\n", status=refusal.status, content_type="text/plain; charset=utf-8")


def _guarded(view: View, check: Callable[[Identity], object]) -> View:
    def refused(request: HttpRequest) -> HttpResponse | None:
        try:
            check(demand(identity(request)))
        except Refusal as refusal:
            return answer(refusal)
        return None

    if iscoroutinefunction(view):

        @wraps(view)
        async def async_guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            no = refused(request)
            return no if no is not None else await view(request, *args, **kwargs)

        return async_guarded

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        no = refused(request)
        return no if no is not None else view(request, *args, **kwargs)

    return guarded
