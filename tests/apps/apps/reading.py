"""Apps that say how they read a request, in WSGI's way and in ASGI's, also one for a WebSocket. What they have at /admin is
their admin area."""

import json

TOLD = "REQUEST_METHOD RAW_URI REQUEST_URI PATH_INFO SCRIPT_NAME QUERY_STRING SERVER_PROTOCOL REMOTE_ADDR REMOTE_USER"
ADDRESS = "SERVER_NAME SERVER_PORT REMOTE_HOST CONTENT_TYPE CONTENT_LENGTH wsgi.url_scheme"
NAMES = [*TOLD.split(), *ADDRESS.split()]


def area(path: str) -> str:
    return "admin area" if path == "/admin" or path.startswith("/admin/") else "open"


def said(path: str, target: str, told) -> bytes:
    return json.dumps({"area": area(path), "target": target, "told": told}).encode()


def wsgi(environ, start_response):
    told = {name: value for name, value in environ.items() if name in NAMES or name.startswith("HTTP_")}
    target = environ.get("RAW_URI") or environ["REQUEST_URI"]
    body = said(environ["PATH_INFO"], target, told)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    told = {name: scope.get(name) for name in ("method", "path", "root_path", "scheme", "server", "http_version")}
    told["client"] = scope["client"][0]
    told["fields"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    body = said(scope["path"].removeprefix(scope["root_path"]), target, told)
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": body.decode()})
        return await send({"type": "websocket.close"})
    fields = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
