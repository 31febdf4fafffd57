import logging
import subprocess
import sys
from typing import Annotated, Any

import anyio
import pytest
from fastapi import Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from gateway import ANN, URL, Gateway
from starlette.testclient import WebSocketDenialResponse

import bmauth.fastapi
from bmauth import Keys, Settings, Verifier
from bmauth.fastapi import Identity, Optional, SignedIn, require
from bmauth.testing import signed_in

app = FastAPI()
Staff = Annotated[Identity, Depends(require(groups=["staff", "boss"]))]


@app.get("/me")
def me(user: SignedIn) -> dict[str, Any]:
    return {"id": user.id, "email": user.email}


@app.get("/whole")
async def whole(user: SignedIn) -> Identity:
    return user


@app.get("/optional")
def optional(user: Optional) -> dict[str, Any]:
    return {"id": user and user.id}


@app.get("/staff")
def staff(user: Staff) -> dict[str, Any]:
    return {"id": user.id}


@app.get("/boss", dependencies=[Depends(require(groups="boss"))])
def boss() -> str:
    return "boss"


@app.get("/public")
def public() -> str:
    return "public"


@app.websocket("/ws")
async def echo(socket: WebSocket, user: SignedIn) -> None:
    await socket.accept()
    await socket.send_text(f"Hello, {user.email}")
    await socket.close()


client = TestClient(app)
Headers = dict[str, str] | list[tuple[str, str]]


def ask(path: str, *tokens: str) -> tuple[int, Any]:
    answer = client.get(path, headers=[("X-BMAuth-JWT", token) for token in tokens])
    return answer.status_code, answer.json()


def test_a_token_tells_who_is_there(live: Gateway) -> None:
    assert ask("/me", live.token()) == (200, {"id": ANN, "email": "ann@example.com"})
    assert ask("/optional", live.token()) == (200, {"id": ANN})
    status, said = ask("/whole", live.token(groups=["staff"]))
    assert (status, said["groups"], said["claims"]["iss"]) == (200, ["staff"], URL)


def test_an_unknown_client_is_401_where_sign_in_is_needed(live: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    for tokens in ((), ("",)):
        assert ask("/me", *tokens) == (401, {"detail": "Sign in first"})
        assert ask("/staff", *tokens) == (401, {"detail": "Sign in first"})
        assert ask("/optional", *tokens) == (200, {"id": None})
        assert ask("/public", *tokens) == (200, "public")
    assert "There is no X-BMAuth-JWT" in caplog.text


def test_an_invalid_token_is_401_also_where_sign_in_is_optional(live: Gateway) -> None:
    refused = (401, {"detail": "The identity header is not valid"})
    for path in ("/me", "/optional", "/staff", "/boss"):
        assert ask(path, live.token(aud="other.example.com")) == refused
        assert ask(path, live.token(), live.token()) == refused
        assert ask(path, "ann@example.com") == refused


def test_groups_open_what_is_theirs(live: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    assert ask("/staff", live.token(groups=["boss"])) == (200, {"id": ANN})
    assert ask("/boss", live.token(groups=["staff", "boss"])) == (200, "boss")
    assert ask("/staff", live.token(groups=["staf", "staff "])) == (
        403,
        {"detail": "Only members of staff or boss may do this"},
    )
    assert ask("/boss", live.token()) == (403, {"detail": "Only members of boss may do this"})
    assert f"The account {ANN} is in none of the groups boss" in caplog.text
    assert "ann@example.com" not in caplog.text


@pytest.mark.parametrize("groups", ["", [], [""], [7], None])
def test_to_require_no_group_is_a_mistake(groups: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        require(groups=groups)


def test_a_websocket_is_turned_down_before_it_opens(live: Gateway) -> None:
    for headers, said in (({}, "Sign in first"), ({"X-BMAuth-JWT": "x"}, "The identity header is not valid")):
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws", headers=headers):
            pass
        assert (denied.value.status_code, denied.value.json()) == (401, {"detail": said})
    with client.websocket_connect("/ws", headers={"X-BMAuth-JWT": live.token()}) as socket:
        assert socket.receive_text() == "Hello, ann@example.com"


def test_other_names_are_no_identity(live: Gateway) -> None:
    token = live.token()
    names = ["X_BMAuth_JWT", "X.BMAuth.JWT", "XBMAuthJWT", "Remote-User", "X-Remote-User", "Cf-Access-Jwt-Assertion"]
    for name in names:
        assert client.get("/me", headers={name: token}).status_code == 401
    assert client.get("/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert client.get("/me", headers={"Cookie": f"X-BMAuth-JWT={token}"}).status_code == 401


def test_no_request_sees_the_person_of_another(live: Gateway) -> None:
    """Many at once, of two people and of unknown clients."""
    tokens = {"ann": live.token(sub="ann"), "bob": live.token(sub="bob"), None: ""}

    async def crowd() -> list[tuple[str | None, Any]]:
        from httpx2 import ASGITransport, AsyncClient

        seen: list[tuple[str | None, Any]] = []
        async with AsyncClient(transport=ASGITransport(app), base_url="http://app") as many:

            async def one(who: str | None) -> None:
                answer = await many.get("/optional", headers={"X-BMAuth-JWT": tokens[who]})
                seen.append((who, answer.json()["id"]))

            async with anyio.create_task_group() as group:
                for number in range(150):
                    group.start_soon(one, list(tokens)[number % 3])
        return seen

    seen = anyio.run(crowd)
    assert len(seen) == 150 and all(who == told for who, told in seen)


def test_keys_that_cannot_be_fetched_are_503(live: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(url: str) -> bytes:
        raise ConnectionRefusedError("connection refused")

    lost = Verifier(Settings.of(URL), keys=Keys("https://notes.example.com/jwks", fetch=away))
    monkeypatch.setattr(bmauth.fastapi, "_verifier", lost)
    for path in ("/me", "/optional"):
        assert ask(path, live.token()) == (503, {"detail": "The gateway's keys cannot be fetched"})
    assert ask("/optional") == (200, {"id": None})


def test_the_event_loop_goes_on_while_keys_are_fetched(live: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    asked, go_on = threading.Event(), threading.Event()

    def slow(url: str) -> bytes:
        asked.set()
        assert go_on.wait(5)
        return live.jwks()

    monkeypatch.setattr(bmauth.fastapi, "_verifier", Verifier(Settings.of(URL), keys=Keys("https://x.example", fetch=slow)))

    async def both() -> list[str]:
        from httpx2 import ASGITransport, AsyncClient

        order: list[str] = []
        async with AsyncClient(transport=ASGITransport(app), base_url="http://app") as many:

            async def first() -> None:
                answer = await many.get("/me", headers={"X-BMAuth-JWT": live.token()})
                order.append(f"me {answer.status_code}")

            async with anyio.create_task_group() as group:
                group.start_soon(first)
                await anyio.to_thread.run_sync(asked.wait)
                order.append(f"public {(await many.get('/public')).status_code}")
                go_on.set()
        return order

    assert anyio.run(both) == ["public 200", "me 200"]


def test_an_app_that_is_not_told_whom_to_trust_is_not_imported() -> None:
    for url in (None, "http://notes.example.com"):
        env = {} if url is None else {"BMAUTH_URL": url}
        ran = subprocess.run([sys.executable, "-c", "import bmauth.fastapi"], env=env, capture_output=True, text=True)
        assert ran.returncode == 1
        last = ran.stderr.strip().splitlines()[-1]
        assert last.startswith("bmauth.ConfigurationError: BMAUTH_URL has to say where people sign in, like BMAUTH_URL=")


def test_a_made_up_person_is_signed_in_while_the_block_lasts(live: Gateway) -> None:
    with signed_in(app, email="ann@example.com", groups=["staff"], name="Ann") as ann:
        assert ask("/me") == (200, {"id": ann.id, "email": "ann@example.com"})
        assert ask("/staff") == (200, {"id": ann.id})
        assert ask("/boss")[0] == 403
        with client.websocket_connect("/ws") as socket:
            assert socket.receive_text() == "Hello, ann@example.com"
        with signed_in(app, email="bob@example.com") as bob:
            assert ask("/me") == (200, {"id": bob.id, "email": "bob@example.com"})
        assert ask("/me") == (200, {"id": ann.id, "email": "ann@example.com"})
    assert ask("/me")[0] == 401
    assert ask("/me", live.token())[0] == 200
    with signed_in(app, email="ann@example.com") as again:
        assert again.id == ann.id


def test_a_made_up_person_is_of_that_app_and_by_no_other_key(live: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    other = FastAPI()

    @other.get("/me")
    def me_too(user: SignedIn) -> str:
        return user.id

    with signed_in(app, email="ann@example.com"):
        assert TestClient(other).get("/me").status_code == 401
        # Real tokens are of a key that the app does not know meanwhile, and made-up ones hold nowhere else.
        assert ask("/me", live.token()) == (401, {"detail": "The identity header is not valid"})
        assert ask("/me", "") == (401, {"detail": "Sign in first"})
        assert ask("/me", "x")[0] == 401


def test_a_block_that_fails_is_undone(live: Gateway) -> None:
    with pytest.raises(ZeroDivisionError), signed_in(app, email="ann@example.com"):
        raise ZeroDivisionError
    assert ask("/me")[0] == 401
    signed_in(app, email="ann@example.com")  # without a block nothing happens
    assert ask("/me")[0] == 401


def test_a_made_up_person_is_judged_as_a_real_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bmauth"), pytest.raises(bmauth.InvalidToken):
        with signed_in(app, email="ann@example.com", claims={"aud": "other.example.com"}):
            pass
    with pytest.raises(TypeError, match="groups is a list"):
        with signed_in(app, email="ann@example.com", groups="staff"):
            pass
    with pytest.raises(TypeError, match="is for an app of FastAPI, Starlette or Flask"):
        with signed_in(object(), email="ann@example.com"):
            pass


def test_apps_of_fastapis_own_overrides_go_on_to_work() -> None:
    app.dependency_overrides[bmauth.fastapi.signed_in] = lambda: Identity("1", email="ann@example.com")
    try:
        assert ask("/me") == (200, {"id": "1", "email": "ann@example.com"})
    finally:
        app.dependency_overrides.clear()
