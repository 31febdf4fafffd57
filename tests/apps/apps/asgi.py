"""The app as ASGI has it."""

import asyncio
import json
from urllib.parse import parse_qs

import pattern

PLAIN = (b"content-type", b"text/plain")


class Wire:
    """The wire to the test; without `tell` nothing listens."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, query):
        ends = await asyncio.open_connection("127.0.0.1", int(query["tell"])) if "tell" in query else (None, None)
        return cls(*ends)

    def say(self, line: str) -> None:
        if self.writer:
            self.writer.write(f"{line}\n".encode())

    async def hear(self) -> str:
        return (await self.reader.readline()).decode().rstrip("\n")

    def close(self) -> None:
        if self.writer:
            self.writer.close()


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    if scope["type"] == "websocket":
        return await websocket(query, receive, send)
    _, route, *more = scope["path"].split("/")
    if route not in ROUTES:
        return await whole(send, 404, b"no such thing")
    await ROUTES[route](scope, query, more, receive, send)


async def lifespan(receive, send):
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def start(send, status: int, *fields) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(fields)})


async def piece(send, data: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def whole(send, status: int, body: bytes, *fields) -> None:
    length = [] if status in (204, 304) else [(b"content-length", str(len(body)).encode())]
    await start(send, status, PLAIN, *length, *fields)
    await piece(send, b"" if status in (204, 304) else body, more=False)


async def hello(scope, query, more, receive, send):
    await whole(send, 200, b"hello")


async def echo(scope, query, more, receive, send):
    body = bytearray()
    while (event := await receive())["type"] == "http.request":
        body += event["body"]
        if not event.get("more_body"):
            return await whole(send, 200, bytes(body))


async def status(scope, query, more, receive, send):
    await whole(send, int(more[0]), f"status {more[0]}".encode(), (b"etag", b'"v1"'))


async def redirect(scope, query, more, receive, send):
    await whole(send, 303, b"", (b"location", b"/hello"))


async def cookies(scope, query, more, receive, send):
    await whole(send, 200, b"", *((b"set-cookie", f"c{n}=v{n}; Path=/".encode()) for n in range(30)))


async def seen(scope, query, more, receive, send):
    fields = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
    told = {"method": scope["method"], "target": target, "fields": fields}
    await whole(send, 200, json.dumps(told).encode())


async def unsized(scope, query, more, receive, send):
    await start(send, 200, PLAIN)
    for data in pattern.pieces(int(query["bytes"]), 8000):
        await piece(send, data)
    await piece(send, b"", more=False)


async def sized(scope, query, more, receive, send):
    count, wire = int(query["bytes"]), await Wire.of(query)
    gone = asyncio.create_task(until_gone(receive))
    await start(send, 200, PLAIN, (b"content-length", str(count).encode()))
    sent = 0
    for data in pattern.pieces(count):
        if gone.done():
            wire.say(f"ended {sent}")
            break
        await piece(send, data, sent + len(data) < count)
        # Sending to a client that has left does not wait, and no other task would have a turn.
        await asyncio.sleep(0)
        sent += len(data)
        wire.say(f"sent {sent}")
    gone.cancel()
    wire.close()


async def until_gone(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def early(scope, query, more, receive, send):
    close = [(b"connection", b"close")] if query.get("close") == "1" else []
    await whole(send, int(query["status"]), b"too early", *close)


async def events(scope, query, more, receive, send):
    wire = await Wire.of(query)
    await start(send, 200, (b"content-type", b"text/event-stream"))
    while (line := await wire.hear()) not in ("end", ""):
        await piece(send, f"data: {line}\n\n".encode())
    await piece(send, b"", more=False)
    wire.close()


async def take(scope, query, more, receive, send):
    wire = await Wire.of(query)
    await wire.hear()
    taken = 0
    while (event := await receive())["type"] == "http.request":
        taken += len(event["body"])
        wire.say(f"took {taken}")
        if not event.get("more_body"):
            wire.say(f"whole {taken}")
            await whole(send, 200, str(taken).encode())
            return wire.close()
    wire.say(f"broken {taken}")
    wire.close()


async def websocket(query, receive, send):
    wire = await Wire.of(query)
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        if text and text.startswith("close "):
            _, code, reason = text.split(" ", 2)
            await send({"type": "websocket.close", "code": int(code), "reason": reason})
        elif text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})
    wire.say(f"closed {event['code']} {event.get('reason') or ''}")
    wire.close()


ROUTES = {
    "hello": hello,
    "echo": echo,
    "status": status,
    "redirect": redirect,
    "cookies": cookies,
    "seen": seen,
    "unsized": unsized,
    "sized": sized,
    "early": early,
    "events": events,
    "take": take,
}
