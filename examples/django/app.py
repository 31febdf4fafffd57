"""A small Django app behind BMAuth, in one file. It has no sign-in of its own: `bmauth.django` tells it who is there."""

import os
import pathlib
import secrets
import sys

from bmauth.django import identity, require, signed_in
from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_urlsafe(48),
    # The gateway passes on the host that the visitor asked for, and answers for no other.
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "bmauth.django",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "bmauth.django.middleware.BMAuthMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["bmauth.django.backends.BMAuthBackend"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("DATABASE") or pathlib.Path(__file__).with_name("db.sqlite3"),
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # The gateway writes X-Forwarded-Proto itself, and alone reaches this app.
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
)


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"Hello, {request.user}", content_type="text/plain; charset=utf-8")


@signed_in
def me(request: HttpRequest) -> HttpResponse:
    return JsonResponse(dict(identity(request).claims))


@require(groups=["staff"])
def staff(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, staff", content_type="text/plain")


def optional(request: HttpRequest) -> HttpResponse:
    found = identity(request)
    return HttpResponse(f"Hello, {found.email if found else 'guest'}", content_type="text/plain; charset=utf-8")


urlpatterns = [path("", home), path("api/me", me), path("staff", staff), path("optional", optional)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
else:
    application = get_wsgi_application()
