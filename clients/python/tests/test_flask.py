import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, g
from gateway import ANN, URL, Gateway

from bmauth import ConfigurationError, Keys, Settings, Verifier
from bmauth.flask import BMAuth, identity, require, signed_in
from bmauth.testing import signed_in as signs_in


def make_app(**config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(config)
    hooks: list[str] = app.config.setdefault("HOOKS", [])

    @app.before_request
    def counts() -> None:
        hooks.append("ran")

    BMAuth(app)

    @app.get("/")
    def home() -> str:
        found = identity()
        return f"Hello, {found.email if found else 'guest'}"

    @app.get("/me")
    @signed_in
    def me() -> str:
        found = identity()
        assert found
        return found.id

    @app.get("/async")
    @signed_in
    async def later() -> str:
        found = identity()
        assert found
        return found.id

    @app.route("/staff", methods=["GET", "POST"])
    @require(groups=["staff"])
    def staff() -> str:
        return "staff"

    return app


@pytest.fixture
def app() -> Iterator[Flask]:
    yield make_app()


def ask(app: Flask, path: str, *tokens: str) -> tuple[int, str]:
    answer = app.test_client().get(path, headers=[("X-BMAuth-JWT", token) for token in tokens])
    return answer.status_code, answer.text.strip()


def test_a_token_tells_who_is_there(app: Flask, live: Gateway) -> None:
    assert ask(app, "/", live.token()) == (200, "Hello, ann@example.com")
    assert ask(app, "/me", live.token()) == (200, ANN)
    assert ask(app, "/async", live.token()) == (200, ANN)
    assert ask(app, "/async") == (401, "Sign in first")
    assert ask(app, "/staff", live.token(groups=["staff"])) == (200, "staff")
    assert ask(app, "/staff", live.token()) == (403, "Only members of staff may do this")


def test_unknown_clients_and_forgers_are_refused(app: Flask, live: Gateway) -> None:
    assert ask(app, "/") == (200, "Hello, guest")
    assert ask(app, "/", "") == (200, "Hello, guest")
    assert ask(app, "/me") == (401, "Sign in first")
    assert ask(app, "/staff") == (401, "Sign in first")
    app.config["HOOKS"].clear()
    for tokens in (["x"], [live.token(), live.token()], [live.token(), ""], [live.token(iss="https://evil.example")]):
        for path in ("/", "/me", "/nowhere"):
            assert ask(app, path, *tokens) == (401, "The identity header is not valid")
    assert app.config["HOOKS"] == []  # nothing else has run


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_X_BMAUTH_JWT": "GOOD,GOOD"},
        {"HTTP_X_BMAUTH_JWT": "GOOD, GOOD"},
        {"HTTP_X_BMAUTH_JWT": ",GOOD"},
        {"HTTP_X_BMAUTH_JWT": "GOOD,"},
        {"HTTP_X_BMAUTH_JWT": "GOOD;"},
    ],
)
def test_what_a_server_has_joined_is_refused(app: Flask, live: Gateway, environ: dict[str, str]) -> None:
    """As it does with X-BMAuth-JWT and X_BMAuth_JWT in one request."""
    joined = {name: value.replace("GOOD", live.token()) for name, value in environ.items()}
    assert app.test_client().get("/", environ_overrides=joined).status_code == 401


def test_what_other_names_say_is_no_identity(app: Flask, live: Gateway) -> None:
    names = [
        "REMOTE_USER",
        "HTTP_REMOTE_USER",
        "BMAUTH_JWT",
        "X_BMAUTH_JWT",
        "HTTP_AUTHORIZATION",
        "bmauth.identity",
        "bmauth.verifier",
    ]
    for name in names:
        for value in (live.token(), ANN, "ann@example.com"):
            assert app.test_client().get("/me", environ_overrides={name: value}).status_code == 401


def test_no_request_sees_the_person_of_another(app: Flask, live: Gateway) -> None:
    with app.app_context():  # shared by the requests of a test: what stands in g does not end with one
        assert ask(app, "/me", live.token()) == (200, ANN)
        assert ask(app, "/") == (200, "Hello, guest")
        assert ask(app, "/me") == (401, "Sign in first")
        assert "bmauth" not in g
    tokens = {who: live.token(sub=who) for who in ("ann", "bob")}
    together, wrong = threading.Barrier(8), []

    def one(who: str) -> None:
        together.wait()
        for _ in range(20):
            if ask(app, "/me", tokens[who]) != (200, who):
                wrong.append(who)

    threads = [threading.Thread(target=one, args=(("ann", "bob")[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_app_that_is_not_told_whom_to_trust_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BMAUTH_URL")
    for config in ({}, {"BMAUTH_URL": ""}, {"BMAUTH_URL": "notes.example.com"}):
        with pytest.raises(ConfigurationError, match="BMAUTH_URL has to say where people sign in"):
            make_app(**config)
    app = make_app(BMAUTH_URL="https://auth.example.com", BMAUTH_AUDIENCE="wiki.example.com")
    assert app.extensions["bmauth"].settings.audience == "wiki.example.com"


def test_an_app_without_the_extension_is_a_mistake_and_opens_nothing(live: Gateway) -> None:
    app = Flask(__name__)
    app.testing = True
    app.get("/me")(signed_in(lambda: "me"))
    with pytest.raises(RuntimeError, match=r"BMAuth\(app\) was not called"):
        ask(app, "/me", live.token())
    with pytest.raises(RuntimeError, match=r"BMAuth\(app\) was not called"), signs_in(app, email="ann@example.com"):
        pass


def test_keys_that_cannot_be_fetched_are_503(live: Gateway) -> None:
    def away(url: str) -> bytes:
        raise ConnectionRefusedError("connection refused")

    app = Flask(__name__)
    BMAuth(app, verifier=Verifier(Settings.of(URL), keys=Keys("https://notes.example.com/jwks", fetch=away)))
    app.get("/")(lambda: "home")
    assert ask(app, "/", live.token()) == (503, "The gateway's keys cannot be fetched")
    assert ask(app, "/") == (200, "home")


def test_a_made_up_person_is_signed_in_while_the_block_lasts(app: Flask, live: Gateway) -> None:
    other = make_app()
    with signs_in(app, email="ann@example.com", groups=["staff"]) as ann:
        assert ask(app, "/me") == (200, ann.id)
        assert ask(app, "/staff") == (200, "staff")
        assert app.test_client().post("/staff").status_code == 200
        assert ask(other, "/me")[0] == 401
        assert ask(app, "/me", live.token())[0] == 401
        assert ask(app, "/", "") == (200, "Hello, guest")
        with signs_in(app, email="bob@example.com") as bob:
            assert ask(app, "/me") == (200, bob.id)
            assert ask(app, "/staff")[0] == 403
        assert ask(app, "/me") == (200, ann.id)
    assert ask(app, "/me")[0] == 401
    assert ask(app, "/me", live.token()) == (200, ANN)
    assert "wsgi_app" not in vars(app) or app.wsgi_app == Flask.wsgi_app.__get__(app)
