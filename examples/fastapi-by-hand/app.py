"""A small app behind BMAuth, without the package: bmauth_by_hand.py tells it who is there."""

from typing import Any

from bmauth_by_hand import MaybeSignedIn, SignedIn
from fastapi import FastAPI, WebSocket

app = FastAPI(title="Notes", openapi_url=None)


@app.get("/")
@app.get("/api/me")
def me(user: SignedIn) -> dict[str, Any]:
    return user


@app.get("/optional")
def optional(user: MaybeSignedIn) -> str:
    return f"Hello, {user['email'] if user else 'guest'}"


@app.get("/public")
def public() -> str:
    return "Hello, all"


@app.websocket("/ws")
async def greet(socket: WebSocket, user: SignedIn) -> None:
    await socket.accept()
    await socket.send_text(f"Hello, {user['email']}")
    await socket.close()
