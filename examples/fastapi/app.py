"""A small app behind BMAuth. It has no sign-in of its own: the package `bmauth` tells it who is there."""

import asyncio
from collections.abc import AsyncIterator
from html import escape
from typing import Annotated, Any

from bmauth.fastapi import Optional, SignedIn
from fastapi import FastAPI, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, StreamingResponse

app = FastAPI(title="Notes", openapi_url=None)

CHUNK = bytes(64 * 1024)
GIB = 1024**3
NOTICE_BYTES = 4096
NOTICES_KEPT = 100


def page(heading: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(heading)} · Notes</title><h1>{escape(heading)}</h1>{body}"
    )


@app.get("/", response_class=HTMLResponse)
def home(user: SignedIn) -> str:
    sign_out = '<p><a href="/_bmauth/sign-out">Sign out</a></p>'
    return page(f"Hello, {user.email}", f"<p>Your account is {escape(user.id)}.</p>{sign_out}")


@app.get("/notes/{number}", response_class=HTMLResponse)
def note(number: int, user: SignedIn, request: Request) -> str:
    return page(f"Note {number}", f"<p>{escape(str(user.email))} asked for {escape(str(request.url.query))}.</p>")


@app.get("/optional", response_class=HTMLResponse)
def optional(user: Optional) -> str:
    return page(f"Hello, {user.email if user else 'guest'}", "")


@app.get("/public", response_class=HTMLResponse)
def public() -> str:
    return page("Hello, everyone", "")


@app.get("/api/me")
def me(user: SignedIn) -> dict[str, Any]:
    return dict(user.claims)


@app.websocket("/ws")
async def echo(socket: WebSocket, user: SignedIn) -> None:
    await socket.accept()
    await socket.send_text(f"Hello, {user.email}")
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


listeners: set[asyncio.Queue[str]] = set()


@app.get("/events")
async def events(user: SignedIn) -> StreamingResponse:
    """Server-sent events: each notice as it is posted, to every listener."""
    mine: asyncio.Queue[str] = asyncio.Queue(NOTICES_KEPT)

    async def stream() -> AsyncIterator[str]:
        listeners.add(mine)
        try:
            yield "event: ready\ndata: listening\n\n"
            while True:
                yield "".join(f"data: {line}\n" for line in (await mine.get()).split("\n")) + "\n"
        finally:
            listeners.discard(mine)

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})


@app.post("/events", status_code=204)
async def post_notice(user: SignedIn, request: Request) -> None:
    text = (await request.body())[:NOTICE_BYTES].decode(errors="replace").replace("\r", "")
    for listener in listeners:
        if not listener.full():
            listener.put_nowait(text)


@app.post("/upload")
async def upload(user: SignedIn, request: Request) -> dict:
    """Counts what arrives without keeping it."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
    return {"bytes": received}


@app.get("/download")
def download(user: SignedIn, size: Annotated[int, Query(alias="bytes", ge=0, le=4 * GIB)]) -> StreamingResponse:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(size // len(CHUNK)):
            yield CHUNK
        yield CHUNK[: size % len(CHUNK)]

    return StreamingResponse(
        stream(), media_type="application/octet-stream", headers={"content-length": str(size)}
    )


@app.get("/headers")
@app.get("/public/headers")
def headers(request: Request) -> list[tuple[str, str]]:
    """Every header as it came in, in order and with repetitions."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]


@app.get("/set-cookie")
@app.get("/public/set-cookie")
def set_cookie(response: Response) -> dict:
    """Sets a cookie of its own, and tries the gateway's names, which must never get through."""
    for name in ("bmauth", "__Host-bmauth", "bmauth-flow", "__Host-bmauth-flow", "BMAuth"):
        response.headers.append("set-cookie", f"{name}=planted; Path=/; HttpOnly; SameSite=Lax")
    response.headers.append("set-cookie", "theme=dark; Path=/; SameSite=Lax")
    return {"tried": True}
