"""A Django app in one file, with an in-memory store of sessions and a database of its own."""

import tempfile
from typing import Any

import django
from django.conf import settings

if not settings.configured:
    folder = tempfile.TemporaryDirectory(prefix="bmauth-django-")
    settings.configure(
        SECRET_KEY="of these tests alone",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "bmauth.django",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "bmauth.django.middleware.BMAuthMiddleware",
        ],
        AUTHENTICATION_BACKENDS=["django_backend.StaffBackend", "django.contrib.auth.backends.ModelBackend"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder.name}/db.sqlite3"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware

from bmauth.django import identity, require, signed_in


@sync_and_async_middleware
def asks_early(get_response: Any) -> Any:
    """Another middleware, which has asked for the user before."""

    async def ask(request: HttpRequest) -> Any:
        await request.auser()
        return await get_response(request)

    return ask


def home(request: HttpRequest) -> HttpResponse:
    found = identity(request)
    user: Any = request.user
    return JsonResponse(
        {
            "user": user.get_username(),
            "id": found.id if found else None,
            "kept": request.session.get("kept"),
        }
    )


@signed_in
def me(request: HttpRequest) -> HttpResponse:
    found = identity(request)
    assert found
    return JsonResponse({"id": found.id})


@require(groups=["staff"])
def staff(request: HttpRequest) -> HttpResponse:
    return HttpResponse("staff")


@login_required
def login(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


def keep(request: HttpRequest) -> HttpResponse:
    request.session["kept"] = request.GET["what"]
    return HttpResponse("kept")


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse("sent")


async def who(request: HttpRequest) -> HttpResponse:
    user: Any = await request.auser()
    return HttpResponse(user.get_username())


@signed_in
async def later(request: HttpRequest) -> HttpResponse:
    found, user = identity(request), await request.auser()
    assert found
    return JsonResponse({"id": found.id, "user": user.get_username()})


@require(groups=["staff"])
async def later_staff(request: HttpRequest) -> HttpResponse:
    return HttpResponse("staff")


urlpatterns = [
    path("", home),
    path("me", me),
    path("staff", staff),
    path("login", login),
    path("keep", keep),
    path("form", form),
    path("who", who),
    path("later", later),
    path("later/staff", later_staff),
]
