"""A person with a security key in software, who registers by the JSON API, or at the pages with a browser."""

import html
import re
import ssl
import sys

import httpx

from .gateway import Gateway
from .process import LIMIT, ROOT, until

sys.path.append(str(ROOT / "tests/api"))
from security_key import SecurityKey  # noqa: E402


NAVIGATES = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "none",
}
HAND_OFF = re.compile(r'<form method="post" action="([^"]*/_bmauth/hand-off)"(.*?)</form>', re.DOTALL)
MOST_STEPS = 12


def sign_up(gateway: Gateway, email: str, name: str | None = None) -> str:
    """Returns an access token, which opens routes as the cookie does. The gateway prints its letters."""
    origin = f"http://localhost:{gateway.port}"

    def post(path, body):
        answer = httpx.post(f"{origin}/_bmauth/v1{path}", json=body, timeout=LIMIT, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    more = {"options": {"displayName": name}} if name else {}
    options = post("/signup/webauthn", {"email": email, **more})
    post("/signup/webauthn/verify", {"credential": SecurityKey().create(options, origin)})
    said = post("/signin/otp/email/verify", {"email": email, "otp": _code(gateway, email)})
    return said["session"]["accessToken"]


def _code(gateway: Gateway, email: str) -> str:
    def found():
        return re.search(rf"Mail to {re.escape(email)}\n(\d{{3}})\s(\d{{3}}) is your", gateway.log())

    until(found, f"a letter to {email}")
    return "".join(found().groups())


def without_verification() -> ssl.SSLContext:
    """The tests' certificate is self-signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Loopback(httpx.HTTPTransport):
    """Every name is on this machine, whatever its resolver says of names below localhost."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(there)


class Person:
    """Not signed in, until they register."""

    def __init__(self, gateway: Gateway):
        self.gateway = gateway
        self.key = SecurityKey()
        transport = Loopback(verify=without_verification())
        self.client = httpx.Client(transport=transport, timeout=LIMIT, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        self.client.close()

    def ask(self, method: str, address: str, **more) -> httpx.Response:
        """One request with the browser's cookies, as a page's script on that host makes it."""
        return self.client.request(method, address, **more)

    def opens(self, address: str) -> httpx.Response:
        """Goes there as a browser does, over redirects and the page that hands people over to another host."""
        answer = self.client.get(address, headers=NAVIGATES)
        for _ in range(MOST_STEPS):
            if answer.is_redirect:
                answer = self.client.get(answer.next_request.url, headers=NAVIGATES)
            elif between := HAND_OFF.search(answer.text):
                fields = re.findall(r'name="([^"]*)" value="([^"]*)"', between[2])
                sent = {name: html.unescape(value) for name, value in fields}
                headers = {**NAVIGATES, "Origin": self.gateway.origin, "Sec-Fetch-Site": "same-site"}
                answer = self.client.post(html.unescape(between[1]), data=sent, headers=headers)
            else:
                return answer
        raise AssertionError(f"it leads on and on, at last to {answer.url}")

    def register(self, email: str) -> None:
        """The whole way, at the pages: a passkey, then the code of the letter that the gateway prints."""
        page = self._page("register")
        begun = self._said("register/options", page, {"email": email, "return_to": "/"})
        made = {"ceremony": begun["ceremony"], "credential": self.key.create(begun["options"], self.gateway.origin)}
        self._said("register/verify", page, made)
        data = {"csrf": self._page("register/code"), "code": _code(self.gateway, email)}
        done = self.client.post(f"{self.gateway.origin}/_bmauth/register/code", data=data, headers=self._from_us())
        assert done.status_code == 303, done.text

    def access_token(self) -> str:
        """One of the JSON API, as an app without a browser gets it."""
        api = f"{self.gateway.origin}/_bmauth/v1"

        def said(path, body):
            answer = self.client.post(api + path, json=body, headers={"Origin": self.gateway.origin})
            assert answer.status_code == 200, answer.text
            return answer.json()

        credential = self.key.get(said("/signin/webauthn", {}), self.gateway.origin)
        return said("/signin/webauthn/verify", {"credential": credential})["session"]["accessToken"]

    def cookies_at(self, address: str) -> str:
        """What the browser sends there, for clients of other protocols."""
        request = self.client.build_request("GET", address)
        return request.headers.get("cookie", "")

    def _page(self, name: str) -> str:
        """The token of a page."""
        answer = self.client.get(f"{self.gateway.origin}/_bmauth/{name}", headers=NAVIGATES)
        return re.search(r'name="csrf" (?:content|value)="([^"]*)"', answer.text)[1]

    def _said(self, step: str, token: str, body: dict) -> dict:
        headers = {**self._from_us(), "X-BMAuth-CSRF": token}
        answer = self.client.post(f"{self.gateway.origin}/_bmauth/{step}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _from_us(self) -> dict[str, str]:
        return {"Origin": self.gateway.origin, "Sec-Fetch-Site": "same-origin"}
