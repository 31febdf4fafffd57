import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import django_app
import pytest
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test import AsyncClient, Client, RequestFactory, override_settings
from gateway import ANN, URL, Gateway

from bmauth import Keys, Settings, Verifier
from bmauth.django.backends import BMAuthBackend
from bmauth.django.middleware import BMAuthMiddleware
from bmauth.django.models import Account
from bmauth.testing import signed_in as signs_in

User: Any = get_user_model()
BOB = "0198c0de-0000-7000-8000-00000000000b"


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    yield
    User.objects.all().delete()
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


@pytest.fixture
def browser() -> Client:
    return Client()


def home(browser: Client, token: str | None = None) -> dict[str, Any]:
    answer = browser.get("/", headers={} if token is None else {"X-BMAuth-JWT": token})
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    return said


def test_a_token_makes_a_user_who_is_found_by_the_account(browser: Client, live: Gateway) -> None:
    assert home(browser, live.token()) == {"user": "ann@example.com", "id": ANN, "kept": None}
    [ann] = User.objects.all()
    assert (ann.username, ann.email, ann.has_usable_password()) == ("ann@example.com", "ann@example.com", False)
    assert (ann.is_staff, ann.is_superuser, ann.bmauth_account.sub, str(ann.bmauth_account)) == (False, False, ANN, ANN)
    home(browser, live.token())
    home(Client(), live.token())
    assert User.objects.count() == Account.objects.count() == 1


def test_another_address_of_the_same_account_is_the_same_user(browser: Client, live: Gateway) -> None:
    home(browser, live.token())
    before = User.objects.get()
    assert home(browser, live.token(email="ann@new.example"))["user"] == "ann@new.example"
    after = User.objects.get()
    assert (after.pk, after.username, after.email) == (before.pk, "ann@new.example", "ann@new.example")


def test_an_address_that_goes_to_another_account_is_another_user(browser: Client, live: Gateway) -> None:
    home(browser, live.token())
    bob = Client()
    assert home(bob, live.token(sub=BOB))["user"] == BOB  # the name is still Ann's
    assert User.objects.count() == 2
    home(browser, live.token(email="ann@new.example"))
    assert home(bob, live.token(sub=BOB))["user"] == "ann@example.com"
    assert User.objects.get(bmauth_account__sub=ANN).username == "ann@new.example"


@pytest.mark.parametrize("name", ["ann@example.com", "Ann@Example.com"])
def test_a_user_who_is_there_already_is_never_taken_over(browser: Client, live: Gateway, name: str) -> None:
    User.objects.create_superuser(name, "ann@example.com", "secret")
    assert home(browser, live.token())["user"] == ANN
    ann = User.objects.get(bmauth_account__sub=ANN)
    assert not ann.is_superuser
    assert User.objects.get(username=name).is_superuser


def test_a_user_who_was_made_with_the_id_of_an_account_is_not_that_account(browser: Client, live: Gateway) -> None:
    User.objects.create_user("ann@example.com")
    User.objects.create_user(ANN, password="an attacker's")
    with pytest.raises(Exception, match="UNIQUE"):
        home(browser, live.token())
    assert Account.objects.count() == 0


def test_the_login_ends_with_the_header(browser: Client, live: Gateway) -> None:
    home(browser, live.token())
    browser.get("/keep?what=secret", headers={"X-BMAuth-JWT": live.token()})
    assert home(browser, live.token())["kept"] == "secret"
    key = browser.cookies["sessionid"].value
    for header in (None, ""):
        assert home(browser, header) == {"user": "", "id": None, "kept": None}
    stolen = Client()
    stolen.cookies["sessionid"] = key
    assert home(stolen) == {"user": "", "id": None, "kept": None}


def test_a_session_cookie_alone_opens_nothing(browser: Client, live: Gateway) -> None:
    home(browser, live.token())
    stolen = Client()
    stolen.cookies["sessionid"] = browser.cookies["sessionid"].value
    assert stolen.get("/login").status_code == 302
    assert stolen.get("/me").status_code == 401


def test_another_person_in_the_same_browser_gets_nothing_of_the_first(browser: Client, live: Gateway) -> None:
    browser.get("/keep?what=secret", headers={"X-BMAuth-JWT": live.token(groups=["staff"])})
    first = browser.cookies["sessionid"].value
    assert home(browser, live.token(sub=BOB, email="bob@example.com")) == {
        "user": "bob@example.com",
        "id": BOB,
        "kept": None,
    }
    assert browser.cookies["sessionid"].value != first
    assert browser.get("/staff", headers={"X-BMAuth-JWT": live.token(sub=BOB)}).status_code == 403


def test_an_account_that_is_linked_to_another_user_is_that_user_with_the_next_request(
    browser: Client, live: Gateway
) -> None:
    browser.get("/keep?what=secret", headers={"X-BMAuth-JWT": live.token()})
    Account.objects.update(user=User.objects.create_user("ann of old"))
    assert home(browser, live.token())["kept"] is None
    assert User.objects.get(bmauth_account__sub=ANN).pk == int(browser.session["_auth_user_id"])
    Account.objects.all().delete()
    home(browser, live.token())
    assert User.objects.count() == 3


def test_a_login_of_a_backend_that_is_gone_ends_with_its_session(live: Gateway) -> None:
    for token in (None, live.token(sub=BOB, email="bob@example.com")):
        browser = Client()
        with override_settings(AUTHENTICATION_BACKENDS=["bmauth.django.backends.BMAuthBackend"]):
            browser.get("/keep?what=secret", headers={"X-BMAuth-JWT": live.token()})
        later = Client()
        later.cookies = browser.cookies
        assert home(later, token)["kept"] is None


def test_a_login_by_password_gives_way_to_the_header(browser: Client, live: Gateway) -> None:
    User.objects.create_superuser("root", password="secret")
    assert browser.login(username="root", password="secret")
    browser.get("/keep?what=secret")
    assert home(browser)["user"] == "root"  # another backend's logins are its own while no header names a person
    assert home(browser, live.token()) == {"user": "ann@example.com", "id": ANN, "kept": None}
    assert home(browser)["user"] == ""


def test_a_login_by_password_of_the_same_person_ends_with_the_header_too(browser: Client, live: Gateway) -> None:
    ann = User.objects.create_user("ann@example.com", password="secret")
    Account.objects.create(sub=ANN, user=ann)
    assert browser.login(username="ann@example.com", password="secret")
    assert home(browser, live.token())["user"] == "ann@example.com"
    assert home(browser)["user"] == ""


def test_what_a_visitor_kept_before_sign_in_goes_along_under_a_new_key(browser: Client, live: Gateway) -> None:
    browser.get("/keep?what=cart")
    before = browser.cookies["sessionid"].value
    assert home(browser, live.token())["kept"] == "cart"
    assert browser.cookies["sessionid"].value != before


def test_groups_count_with_the_next_request(browser: Client, live: Gateway) -> None:
    def is_staff() -> bool:
        return bool(User.objects.get().is_staff)

    home(browser, live.token(groups=["staff"]))
    assert is_staff()
    home(browser, live.token())
    assert not is_staff()


def test_nothing_is_written_where_nothing_is_new(browser: Client, live: Gateway) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    home(browser, live.token())
    with CaptureQueriesContext(connection) as queries:
        home(browser, live.token())
    assert all(query["sql"].startswith("SELECT") for query in queries), queries.captured_queries
    assert len(queries) <= 3


def test_a_user_who_is_switched_off_is_403(browser: Client, live: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    home(browser, live.token())
    User.objects.update(is_active=False)
    for client in (browser, Client()):
        for path in ("/", "/me", "/login"):
            answer = client.get(path, headers={"X-BMAuth-JWT": live.token()})
            assert (answer.status_code, answer.content) == (403, b"This account is switched off in this app\n")
    assert f"The account {ANN} is switched off in this app" in caplog.text
    assert home(browser)["user"] == ""


def test_unknown_clients_and_forgers_are_refused(browser: Client, live: Gateway) -> None:
    for path, status in (("/", 200), ("/me", 401), ("/staff", 401), ("/login", 302), ("/later", 401)):
        assert browser.get(path).status_code == status
    good = live.token()
    for token in ("x", f"{good},{good}", f"{good}, ", f",{good}", live.token(aud="other.example.com")):
        for path in ("/", "/me", "/nowhere"):
            answer = browser.get(path, headers={"X-BMAuth-JWT": token})
            assert (answer.status_code, answer.content) == (401, b"The identity header is not valid\n")
    assert User.objects.count() == 0


def test_what_other_names_say_is_no_identity(browser: Client, live: Gateway) -> None:
    home(browser, live.token())
    for name in (
        "REMOTE_USER",
        "HTTP_REMOTE_USER",
        "X_BMAUTH_JWT",
        "bmauth.verifier",
        "bmauth.identity",
        "HTTP_AUTHORIZATION",
    ):
        for value in (live.token(), ANN, "ann@example.com"):
            said: Any = {name: value}
            assert Client().get("/me", **said).status_code == 401


def test_groups_open_views(browser: Client, live: Gateway) -> None:
    assert browser.get("/staff", headers={"X-BMAuth-JWT": live.token(groups=["staff"])}).content == b"staff"
    answer = browser.get("/staff", headers={"X-BMAuth-JWT": live.token()})
    assert (answer.status_code, answer.content) == (403, b"Only members of staff may do this\n")
    assert browser.get("/login", headers={"X-BMAuth-JWT": live.token()}).content == b"in"


def test_forms_of_other_sites_are_still_refused(live: Gateway) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/form", headers={"X-BMAuth-JWT": live.token()}).status_code == 403


def test_the_backend_takes_no_password_and_no_words() -> None:
    User.objects.create_user("ann@example.com", password="secret")
    Account.objects.create(sub=ANN, user=User.objects.get())
    backend = BMAuthBackend()
    for words in (ANN, "ann@example.com", {"id": ANN}, None, True):
        assert backend.authenticate(None, words) is None  # type: ignore[arg-type]
        assert authenticate(bmauth_identity=words) is None
    with override_settings(AUTHENTICATION_BACKENDS=["bmauth.django.backends.BMAuthBackend"]):
        assert authenticate(username="ann@example.com", password="secret") is None


def test_asynchronous_views_see_the_same(live: Gateway) -> None:
    async def all_of_it() -> None:
        browser = AsyncClient()
        said = (await browser.get("/later", headers={"X-BMAuth-JWT": live.token()})).json()
        assert said == {"id": ANN, "user": "ann@example.com"}
        said = (await browser.get("/later", headers={"X-BMAuth-JWT": live.token(sub=BOB, email="b@example.com")})).json()
        assert said == {"id": BOB, "user": "b@example.com"}
        assert (await browser.get("/later/staff", headers={"X-BMAuth-JWT": live.token()})).status_code == 403
        assert (await browser.get("/later/staff", headers={"X-BMAuth-JWT": live.token(groups=["staff"])})).status_code == 200
        assert (await browser.get("/later")).status_code == 401
        assert (await browser.get("/later", headers={"X-BMAuth-JWT": "x"})).status_code == 401
        with signs_in(email="carl@example.com") as carl:
            said = (await browser.get("/later")).json()
            assert said == {"id": carl.id, "user": "carl@example.com"}
        assert (await browser.get("/later")).status_code == 401

    asyncio.run(all_of_it())


def test_another_spelling_of_the_header_takes_the_place_of_none_over_asgi(live: Gateway) -> None:
    """Versions of Django drop X_BMAuth_JWT, or join it to X-BMAuth-JWT with a comma."""
    ann, bob = live.token().encode(), live.token(sub=BOB, email="bob@example.com").encode()

    async def ask(*headers: tuple[bytes, bytes]) -> tuple[int, bytes]:
        handler: Any = ASGIHandler()
        came: list[str] = []
        sent: list[dict[str, Any]] = []
        host = (b"host", b"app")
        scope = {"type": "http", "method": "GET", "path": "/me", "query_string": b"", "headers": [host, *headers]}

        async def receive() -> dict[str, Any]:
            if came:
                await asyncio.Event().wait()  # the client stays
            came.append("the request")
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await handler(scope, receive, send)
        return int(sent[0]["status"]), sent[1]["body"]

    said = asyncio.run(ask((b"x-bmauth-jwt", ann)))
    assert said == (200, f'{{"id": "{ANN}"}}'.encode())
    refused = (401, b"The identity header is not valid\n")
    assert asyncio.run(ask((b"x-bmauth-jwt", ann), (b"x-bmauth-jwt", bob))) == refused
    for both in ([(b"x-bmauth-jwt", ann), (b"x_bmauth_jwt", bob)], [(b"x_bmauth_jwt", bob), (b"x-bmauth-jwt", ann)]):
        assert asyncio.run(ask(*both)) in (said, refused)


def test_a_user_who_was_asked_for_too_early_is_not_the_one_of_the_view(live: Gateway) -> None:
    first, second, third, ours = settings.MIDDLEWARE

    async def people() -> list[bytes]:
        browser = AsyncClient()
        tokens = (live.token(), live.token(sub=BOB, email="bob@example.com"), "", live.token())
        return [(await browser.get("/who", headers={"X-BMAuth-JWT": token})).content for token in tokens]

    with override_settings(MIDDLEWARE=[first, second, third, "django_app.asks_early", ours]):
        assert asyncio.run(people()) == [b"ann@example.com", b"bob@example.com", b"", b"ann@example.com"]


def test_two_first_requests_at_once_make_one_user(live: Gateway) -> None:
    backend, together, found = BMAuthBackend(), threading.Barrier(4), []
    identity = live.verifier().identify([live.token()])
    assert identity

    def first() -> None:
        from django.db import connection

        together.wait()
        try:
            user: Any = backend.authenticate(None, identity)
            found.append(user.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1 == User.objects.count()


def test_an_app_that_is_not_told_whom_to_trust_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BMAUTH_URL")
    for url in (None, "", "notes.example.com", "http://notes.example.com"):
        with override_settings(BMAUTH_URL=url):
            for handler in (WSGIHandler, ASGIHandler):
                with pytest.raises(ImproperlyConfigured, match="BMAUTH_URL has to say where people sign in"):
                    handler()
    with override_settings(BMAUTH_URL="https://auth.example.com", BMAUTH_AUDIENCE="wiki.example.com"):
        made = BMAuthMiddleware(lambda request: None).verifier.settings
        assert (made.issuer, made.audience) == ("https://auth.example.com", "wiki.example.com")


def test_settings_that_cannot_work_are_refused(live: Gateway) -> None:
    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"]):
        with pytest.raises(ImproperlyConfigured, match="AUTHENTICATION_BACKENDS has to name"):
            BMAuthMiddleware(lambda request: None)
    request = RequestFactory().get("/")
    with pytest.raises(ImproperlyConfigured, match="after AuthenticationMiddleware"):
        BMAuthMiddleware(lambda request: None)(request)
    with pytest.raises(ImproperlyConfigured, match="is not in MIDDLEWARE"):
        django_app.me(request)


def test_keys_that_cannot_be_fetched_are_503(live: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(url: str) -> bytes:
        raise ConnectionRefusedError("connection refused")

    lost = Verifier(Settings.of(URL), keys=Keys("https://notes.example.com/jwks", fetch=away))
    monkeypatch.setattr(BMAuthMiddleware, "make_verifier", lambda self: lost)
    browser = Client()
    assert browser.get("/", headers={"X-BMAuth-JWT": live.token()}).status_code == 503
    assert browser.get("/").status_code == 200


def test_a_made_up_person_is_signed_in_while_the_block_lasts(browser: Client, live: Gateway) -> None:
    for app in (None, WSGIHandler()):
        with signs_in(app, email="ann@example.com", groups=["staff"]) as ann:
            assert home(browser) == {"user": "ann@example.com", "id": ann.id, "kept": None}
            assert browser.get("/staff").status_code == 200
            assert browser.get("/me", headers={"X-BMAuth-JWT": live.token()}).status_code == 401
            with signs_in(email="bob@example.com") as bob:
                assert home(browser) == {"user": "bob@example.com", "id": bob.id, "kept": None}
            assert home(browser)["id"] == ann.id
        assert home(browser) == {"user": "", "id": None, "kept": None}
    assert home(browser, live.token())["id"] == ANN


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "bmauth", check=True, dry_run=True, verbosity=0)


def test_importing_the_module_needs_no_settings() -> None:
    ran = subprocess.run([sys.executable, "-c", "import bmauth.django"], env={}, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
