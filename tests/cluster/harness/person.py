"""People with a security key in software, who go to any gateway of a site: by the JSON API, or at the pages.

What a gateway does not answer with success is raised as `NotDone`: what became of it is then not known to the person."""

import base64
import contextlib
import http.client
import http.cookies
import ipaddress
import itertools
import json
import re
import socket
import threading
import urllib.parse
from dataclasses import dataclass, field

import websockets.sync.client
from websockets.exceptions import ConnectionClosed
from security_key import SecurityKey

from .gateway import Gateway, Site
from .process import LIMIT

NETWORKS = itertools.count(int(ipaddress.IPv4Address("198.18.0.1")))  # RFC 2544: for tests between networks
NUMBERS = itertools.count(1)
NAVIGATES = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "none",
}
SESSION = "bmauth"
"""The name of the session cookie on http."""


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def token(self) -> str:
        """That of a page."""
        found = re.search(r'name="csrf" (?:content|value)="([^"]*)"', self.body.decode())
        assert found, f"{self.status}: a page without a token: {self.body[:500]}"
        return found[1]


class NotDone(Exception):
    """Neither done nor refused for certain: an error of the server, or no answer at all."""


class Refused(Exception):
    def __init__(self, answer: Answer, what: str):
        super().__init__(f"{what}: {answer.status} {answer.body[:300]!r}")
        self.answer, self.status = answer, answer.status


@dataclass
class Tokens:
    access: str
    refresh: str
    account: str

    @classmethod
    def of(cls, session: dict) -> "Tokens":
        return cls(session["accessToken"], session["refreshToken"], session["user"]["id"])

    def claims(self) -> dict:
        return decoded(self.access.split(".")[1])

    def kid(self) -> str:
        return decoded(self.access.split(".")[0])["kid"]


def decoded(part: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def fresh_address(name: str = "person") -> str:
    return f"{name}{next(NUMBERS)}@example.com"


@dataclass
class Person:
    """A person in a network of their own, with one browser and one security key."""

    site: Site
    email: str = field(default_factory=fresh_address)
    key: SecurityKey = field(default_factory=SecurityKey)
    cookies: dict = field(default_factory=dict)
    cleared: list = field(default_factory=list)
    """Session cookies that a gateway took away, with its answer's status."""

    def __post_init__(self):
        self.network = str(ipaddress.IPv4Address(next(NETWORKS)))

    def ask(self, to: Gateway, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> Answer:
        """As their browser, with its cookies."""
        answer = self._exchange(to, method, path, body, self._headers(headers))
        self._keep(answer)
        return answer

    def _exchange(self, to: Gateway, method: str, path: str, body: bytes | None, headers: dict) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=LIMIT)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise NotDone(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def _headers(self, more: dict | None, with_cookies: bool = True) -> dict:
        line = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        cookie = {"Cookie": line} if line and with_cookies else {}
        return {"Host": self.site.host, "X-Forwarded-For": self.network, "User-Agent": "cluster", **cookie, **(more or {})}

    def _keep(self, answer: Answer) -> None:
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in http.cookies.SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                    if name == SESSION:
                        self.cleared.append(answer.status)
                else:
                    self.cookies[name] = morsel.value

    # The app behind the gateway.

    def visit(self, to: Gateway, path: str = "/", tokens: Tokens | None = None) -> Answer:
        """With the access token, else with the browser's cookies."""
        if tokens:
            return self._exchange(to, "GET", path, None, self._app_headers(tokens))
        return self.ask(to, "GET", path, headers={"Accept": "*/*"})

    def is_out(self, to: Gateway, tokens: Tokens | None = None) -> bool:
        """Whether the app is closed there. Where the session ends during an answer, that is broken off: not yet."""
        try:
            return self.visit(to, "/", tokens).status == 401
        except NotDone:
            return False

    def stream(self, to: Gateway, tokens: Tokens | None = None) -> "Stream":
        return Stream(to, self._app_headers(tokens) if tokens else self._headers({"Accept": "text/event-stream"}))

    def socket(self, to: Gateway) -> "Socket":
        """A WebSocket of a page of the app."""
        return Socket(to, self._headers({"Origin": self.site.origin}))

    def _app_headers(self, tokens: Tokens) -> dict:
        return self._headers({"Accept": "*/*", "Authorization": f"Bearer {tokens.access}"}, with_cookies=False)

    # The JSON API, without cookies.

    def call(self, to: Gateway, method: str, path: str, body: object = None, tokens: Tokens | None = None):
        more = {"Authorization": f"Bearer {tokens.access}"} if tokens else {}
        if body is not None:
            more["Content-Type"] = "application/json"
        sent = None if body is None else json.dumps(body).encode()
        headers = self._headers(more, with_cookies=False)
        return _done(self._exchange(to, method, f"/_bmauth/v1{path}", sent, headers), path).json()

    def post(self, to: Gateway, path: str, body: object = None, tokens: Tokens | None = None):
        return self.call(to, "POST", path, body, tokens)

    def begin_sign_up(self, to: Gateway, then: Gateway | None = None) -> str:
        """Up to the letter with the code; returns the ticket."""
        options = self.post(to, "/signup/webauthn", {"email": self.email})
        made = {"credential": self.key.create(options, self.site.origin), "ticket": True}
        return self.post(then or to, "/signup/webauthn/verify", made)["ticket"]

    def enter_code(self, to: Gateway, code: str, ticket: str) -> Tokens:
        said = self.post(to, "/signin/otp/email/verify", {"email": self.email, "otp": code, "ticket": ticket})
        return Tokens.of(said["session"])

    def sign_in(self, to: Gateway, then: Gateway | None = None, key: SecurityKey | None = None) -> Tokens:
        options = self.post(to, "/signin/webauthn", {"email": self.email})
        answer = {"email": self.email, "credential": (key or self.key).get(options, self.site.origin)}
        return Tokens.of(self.post(then or to, "/signin/webauthn/verify", answer)["session"])

    def elevate(self, to: Gateway, tokens: Tokens, then: Gateway | None = None, key: SecurityKey | None = None) -> Tokens:
        options = self.post(to, "/elevate/webauthn", tokens=tokens)
        answer = {"credential": (key or self.key).get(options, self.site.origin)}
        return Tokens.of(self.post(then or to, "/elevate/webauthn/verify", answer, tokens)["session"])

    def add(self, to: Gateway, elevated: Tokens, key: SecurityKey, then: Gateway | None = None) -> str:
        made = key.create(self.post(to, "/user/webauthn/add", tokens=elevated), self.site.origin)
        return self.post(then or to, "/user/webauthn/verify", {"credential": made, "nickname": "Another"}, elevated)["id"]

    def refresh(self, to: Gateway, tokens: Tokens) -> Tokens:
        return Tokens.of(self.post(to, "/token", {"refreshToken": tokens.refresh}))

    def sign_out(self, to: Gateway, tokens: Tokens) -> None:
        self.post(to, "/signout", {"refreshToken": tokens.refresh})

    def is_in(self, to: Gateway, tokens: Tokens) -> bool:
        """Whether the access token opens the app there."""
        status = self.visit(to, "/", tokens).status
        if status >= 500:
            raise NotDone(status)
        return status == 200

    # The pages, as their scripts and forms do it.

    def page(self, to: Gateway, name: str) -> str:
        """The token of a page."""
        answer = self.ask(to, "GET", f"/_bmauth/{name}", headers=NAVIGATES)
        if answer.status >= 500:
            raise NotDone(answer.status)
        return answer.token()

    def step(self, to: Gateway, path: str, token: str, body: dict) -> tuple[dict, str]:
        """What a script is answered, and the token it goes on with."""
        headers = {**self._from_us(), "Content-Type": "application/json", "X-BMAuth-CSRF": token}
        answer = _done(self.ask(to, "POST", f"/_bmauth/{path}", json.dumps(body).encode(), headers), path)
        return answer.json(), answer.headers.get("X-BMAuth-CSRF") or token

    def form(self, to: Gateway, path: str, token: str, fields: dict) -> Answer:
        body = urllib.parse.urlencode({"csrf": token, **fields}).encode()
        headers = {**self._from_us(), "Content-Type": "application/x-www-form-urlencoded", **NAVIGATES}
        headers["Sec-Fetch-Site"] = "same-origin"
        return _done(self.ask(to, "POST", f"/_bmauth/{path}", body, headers), path)

    def _from_us(self) -> dict:
        return {"Origin": self.site.origin, "Sec-Fetch-Site": "same-origin"}

    def register(self, a: Gateway, b: Gateway, mailbox) -> None:
        """The whole way at the pages, each next step at the other gateway."""
        token = self.page(a, "register")
        begun, token = self.step(b, "register/options", token, {"email": self.email, "return_to": "/"})
        made = {"ceremony": begun["ceremony"], "credential": self.key.create(begun["options"], self.site.origin)}
        self.step(a, "register/verify", token, made)
        done = self.form(b, "register/code", self.page(b, "register/code"), {"code": mailbox.code(self.email)})
        assert done.status == 303 and SESSION in self.cookies, (done.status, done.body[:300])

    def sign_in_at_pages(self, a: Gateway, b: Gateway) -> None:
        begun, token = self.step(a, "sign-in/options", self.page(a, "sign-in"), {"email": self.email, "return_to": "/"})
        used = {"ceremony": begun["ceremony"], "credential": self.key.get(begun["options"], self.site.origin)}
        self.step(b, "sign-in/verify", token, used)
        assert SESSION in self.cookies

    def sign_out_at_pages(self, to: Gateway) -> None:
        self.form(to, "sign-out", self.page(to, "sign-out"), {})

    def confirm(self, to: Gateway, then: Gateway, act: dict, page: str = "devices", key: SecurityKey | None = None) -> None:
        """Does what a passkey has to confirm."""
        begun, token = self.step(to, "devices/confirm", self.page(to, page), act)
        used = {"ceremony": begun["ceremony"], "credential": (key or self.key).get(begun["options"], self.site.origin)}
        self.step(then, "devices/confirm/verify", token, used)

    def remove(self, to: Gateway, passkey: str, with_key: SecurityKey, then: Gateway | None = None) -> None:
        """Removes a passkey, confirmed with another one."""
        self.confirm(to, then or to, {"act": "remove", "passkey": passkey}, key=with_key)


def _done(answer: Answer, what: str) -> Answer:
    if answer.status >= 500:
        raise NotDone(f"{answer.status} to {what}")
    if answer.status >= 400:
        raise Refused(answer, what)
    return answer


class Stream:
    """An open stream of the app; says when it has ended."""

    def __init__(self, to: Gateway, headers: dict):
        self.connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=LIMIT)
        self.connection.request("GET", "/stream", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        assert self.answer.read1(4), "the stream runs"
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while self.answer.read1(65536):
                pass
        except (OSError, http.client.HTTPException, AttributeError):
            # Closed by the test meanwhile, the answer has nothing left to read from.
            pass
        self.ended.set()

    def close(self) -> None:
        self.connection.close()


class Socket:
    """An open WebSocket to the app; says when it has ended."""

    def __init__(self, to: Gateway, headers: dict):
        host, agent = headers.pop("Host"), headers.pop("User-Agent")
        self._opened = contextlib.ExitStack()
        connecting = websockets.sync.client.connect(
            f"ws://{host}/ws",
            sock=socket.create_connection(("127.0.0.1", to.port), timeout=LIMIT),
            additional_headers=headers,
            user_agent_header=agent,
            ping_interval=None,
            proxy=None,
        )
        self.connection = self._opened.enter_context(connecting)
        assert self.connection.recv(LIMIT), "the socket runs"
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                self.connection.recv(LIMIT)
        except (OSError, ConnectionClosed):
            pass
        self.ended.set()

    def close(self) -> None:
        self._opened.close()
