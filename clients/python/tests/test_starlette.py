import pytest
from gateway import ANN, Gateway
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from bmauth.starlette import BMAuthMiddleware, Verifier, optional, require, signed_in
from bmauth.testing import signed_in as signs_in


async def home(request: Request) -> PlainTextResponse:
    found = optional(request)
    return PlainTextResponse(f"Hello, {found.email if found else 'guest'}")


async def me(request: Request) -> PlainTextResponse:
    return PlainTextResponse(signed_in(request).id)


async def staff(request: Request) -> PlainTextResponse:
    return PlainTextResponse(require(request, groups=["staff"]).id)


async def echo(socket: WebSocket) -> None:
    user = signed_in(socket)
    await socket.accept()
    await socket.send_text(user.id)
    await socket.close()


routes = [
    Route("/", home),
    Route("/me", me),
    Route("/staff", staff),
    WebSocketRoute("/ws", echo),
    Mount("/below", routes=[Route("/me", me)]),
]
app = Starlette(routes=routes, middleware=[Middleware(BMAuthMiddleware, verifier=Verifier.read(), optional=True)])
closed = Starlette(routes=routes, middleware=[Middleware(BMAuthMiddleware, verifier=Verifier.read())])
without = Starlette(routes=routes)


def ask(path: str, *tokens: str, of: Starlette = app) -> tuple[int, str]:
    answer = TestClient(of).get(path, headers=[("x-bmauth-jwt", token) for token in tokens])
    return answer.status_code, answer.text


def test_a_token_tells_who_is_there(live: Gateway) -> None:
    assert ask("/", live.token()) == (200, "Hello, ann@example.com")
    assert ask("/me", live.token()) == (200, ANN)
    assert ask("/below/me", live.token()) == (200, ANN)
    assert ask("/staff", live.token(groups=["staff"])) == (200, ANN)
    assert ask("/staff", live.token()) == (403, "Only members of staff may do this")


def test_unknown_clients_and_forgers_are_refused(live: Gateway) -> None:
    assert ask("/") == (200, "Hello, guest")
    assert ask("/me") == (401, "Sign in first")
    assert ask("/staff") == (401, "Sign in first")
    for tokens in (["x"], [live.token(), live.token()], [live.token(iss="https://evil.example")]):
        assert ask("/", *tokens) == (401, "The identity header is not valid")
        assert ask("/nowhere", *tokens) == (401, "The identity header is not valid")


def test_without_optional_unknown_clients_see_nothing(live: Gateway) -> None:
    assert ask("/", of=closed) == (401, "Sign in first")
    assert ask("/nowhere", of=closed) == (401, "Sign in first")
    assert ask("/", live.token(), of=closed) == (200, "Hello, ann@example.com")


def test_websockets_are_turned_down_before_they_open(live: Gateway) -> None:
    for of, headers in ((app, {}), (app, {"X-BMAuth-JWT": "x"}), (closed, {}), (closed, {"X-BMAuth-JWT": "x"})):
        with pytest.raises(WebSocketDenialResponse) as denied, TestClient(of).websocket_connect("/ws", headers=headers):
            pass
        assert denied.value.status_code == 401
    with TestClient(closed).websocket_connect("/ws", headers={"X-BMAuth-JWT": live.token()}) as socket:
        assert socket.receive_text() == ANN


def test_a_server_that_cannot_answer_a_websocket_closes_it(live: Gateway) -> None:
    async def old_server(scope: Scope, receive: Receive, send: Send) -> None:
        await closed({**scope, "extensions": {}}, receive, send)

    with pytest.raises(WebSocketDisconnect) as ended, TestClient(old_server).websocket_connect("/ws"):
        pass
    assert (ended.value.code, ended.value.reason) == (1008, "Sign in first")


def test_an_app_without_the_middleware_is_a_mistake_and_opens_nothing(live: Gateway) -> None:
    for path in ("/", "/me", "/staff"):
        with pytest.raises(RuntimeError, match="BMAuthMiddleware is not among the app's middleware"):
            ask(path, live.token(), of=without)


def test_any_asgi_app_finds_the_identity_in_its_scope(live: Gateway) -> None:
    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await PlainTextResponse(scope["bmauth.identity"].id)(scope, receive, send)

    client = TestClient(BMAuthMiddleware(plain, verifier=Verifier.read()))
    assert client.get("/", headers={"X-BMAuth-JWT": live.token()}).text == ANN
    assert client.get("/").status_code == 401


def test_a_made_up_person_is_signed_in_while_the_block_lasts(live: Gateway) -> None:
    for of in (app, closed):
        with signs_in(of, email="ann@example.com", groups=["staff"]) as ann:
            assert ask("/", of=of) == (200, "Hello, ann@example.com")
            assert ask("/staff", of=of) == (200, ann.id)
            with TestClient(of) as client:  # with its start and end
                assert client.get("/me").text == ann.id
        assert ask("/me", of=of)[0] == 401
        assert ask("/me", live.token(), of=of) == (200, ANN)


def test_what_names_a_verifier_from_outside_is_no_verifier(live: Gateway) -> None:
    async def with_words(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "bmauth.verifier": "another", "bmauth.identity": "ann"}, receive, send)

    assert TestClient(with_words).get("/me").status_code == 401
