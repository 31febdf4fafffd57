"""The app as WSGI has it."""

import http
import json
import socket
from urllib.parse import parse_qs

import pattern

PLAIN = ("Content-Type", "text/plain")


class Wire:
    """The wire to the test; without `tell` nothing listens."""

    def __init__(self, query):
        self.lines = None
        if "tell" in query:
            connection = socket.create_connection(("127.0.0.1", int(query["tell"])))
            self.lines = connection.makefile("rw", newline="\n")
            connection.close()

    def say(self, line: str) -> None:
        if self.lines:
            self.lines.write(line + "\n")
            self.lines.flush()

    def hear(self) -> str:
        return self.lines.readline().rstrip("\n")

    def close(self) -> None:
        if self.lines:
            self.lines.close()


def app(environ, start_response):
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    _, route, *more = environ["PATH_INFO"].split("/")

    def start(status, *fields):
        start_response(f"{status} {http.HTTPStatus(status).phrase}", list(fields))

    def whole(status, body, *fields):
        has_body = status not in (204, 304)
        start(status, PLAIN, *([("Content-Length", str(len(body)))] if has_body else []), *fields)
        return [body] if has_body and environ["REQUEST_METHOD"] != "HEAD" else []

    if route not in ROUTES:
        return whole(404, b"no such thing")
    return ROUTES[route](environ, query, more, start, whole)


def hello(environ, query, more, start, whole):
    return whole(200, b"hello")


def body_of(environ):
    """Its pieces. A server that does not undo chunks must be told where the body ends."""
    left = int(environ.get("CONTENT_LENGTH") or -1)
    if left == -1 and not environ.get("wsgi.input_terminated"):
        return
    while left and (data := environ["wsgi.input"].read(min(left, pattern.PIECE) if left > 0 else pattern.PIECE)):
        left -= len(data) if left > 0 else 0
        yield data
    if left > 0:
        raise EOFError


def echo(environ, query, more, start, whole):
    return whole(200, b"".join(body_of(environ)))


def status(environ, query, more, start, whole):
    return whole(int(more[0]), f"status {more[0]}".encode(), ("ETag", '"v1"'))


def redirect(environ, query, more, start, whole):
    return whole(303, b"", ("Location", "/hello"))


def cookies(environ, query, more, start, whole):
    return whole(200, b"", *(("Set-Cookie", f"c{n}=v{n}; Path=/") for n in range(30)))


def seen(environ, query, more, start, whole):
    named = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    named |= {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    fields = [[name.replace("_", "-").lower(), value] for name, value in named.items()]
    target = environ.get("RAW_URI") or environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
    told = {"method": environ["REQUEST_METHOD"], "target": target, "fields": fields}
    return whole(200, json.dumps(told).encode())


def unsized(environ, query, more, start, whole):
    start(200, PLAIN)
    return pattern.pieces(int(query["bytes"]), 8000)


def sized(environ, query, more, start, whole):
    count, wire = int(query["bytes"]), Wire(query)
    start(200, PLAIN, ("Content-Length", str(count)))

    def body():
        sent = 0
        try:
            for data in pattern.pieces(count):
                yield data
                sent += len(data)
                wire.say(f"sent {sent}")
        except GeneratorExit:
            wire.say(f"ended {sent}")
        finally:
            wire.close()

    return body()


def early(environ, query, more, start, whole):
    return whole(int(query["status"]), b"too early")


def events(environ, query, more, start, whole):
    wire = Wire(query)
    start(200, ("Content-Type", "text/event-stream"))

    def body():
        while (line := wire.hear()) not in ("end", ""):
            yield f"data: {line}\n\n".encode()
        wire.close()

    return body()


def take(environ, query, more, start, whole):
    wire = Wire(query)
    wire.hear()
    taken = 0
    try:
        for data in body_of(environ):
            taken += len(data)
            wire.say(f"took {taken}")
    except Exception as error:
        wire.say(f"broken {taken} {error!r}")
        raise
    else:
        wire.say(f"whole {taken}")
        return whole(200, str(taken).encode())
    finally:
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
