"""What comes over HTTP, from a server that means no good."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from gateway import Served, jwk_of, new_key

from bmauth._fetch import MOST_BYTES, fetch, read_keys

ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    server = Served(lambda path: ANSWERS.get(path, (404, {}, b"")))
    yield server
    server.close()


def test_a_body_is_fetched(server: Served) -> None:
    ANSWERS["/ok"] = (200, {}, b"{}")
    assert fetch(server.url("/ok")) == b"{}"


@pytest.mark.parametrize("status", [404, 500, 401, 304])
def test_no_other_answer_than_200_counts(server: Served, status: int) -> None:
    ANSWERS["/status"] = (status, {}, b"")
    with pytest.raises(HTTPError):
        fetch(server.url("/status"))


def test_a_redirect_within_the_host_is_followed(server: Served) -> None:
    ANSWERS["/moved"] = (307, {"Location": "/ok"}, b"")
    ANSWERS["/ok"] = (200, {}, b"{}")
    assert fetch(server.url("/moved")) == b"{}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused(server: Served, status: int) -> None:
    elsewhere = Served(lambda path: (200, {}, b"{}"))
    try:
        for address in (
            elsewhere.url(),
            f"http://localhost:{server.port}/ok",
            f"https://127.0.0.1:{server.port}/ok",
            f"http://ann@127.0.0.1:{elsewhere.port}/ok",
            f"//127.0.0.1:{elsewhere.port}/ok",
            "file:///etc/passwd",
            "ftp://127.0.0.1/ok",
        ):
            ANSWERS["/away"] = (status, {"Location": address}, b"")
            server.asked.clear()
            with pytest.raises(URLError):
                fetch(server.url("/away"))
            assert server.asked == ["/away"]
        assert elsewhere.asked == []
    finally:
        elsewhere.close()


def test_redirects_in_a_circle_end(server: Served) -> None:
    ANSWERS["/circle"] = (302, {"Location": "/circle"}, b"")
    server.asked.clear()
    with pytest.raises(HTTPError):
        fetch(server.url("/circle"))
    assert len(server.asked) <= 4


def test_a_long_answer_is_not_read_to_its_end(server: Served) -> None:
    ANSWERS["/long"] = (200, {}, b" " * (MOST_BYTES + 1))
    with pytest.raises(ValueError, match="longer than 65536 bytes"):
        fetch(server.url("/long"))


def test_the_way_to_this_machine_goes_through_no_proxy(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Served(lambda path: (200, {}, b"the proxy"))
    ANSWERS["/ok"] = (200, {}, b"{}")
    try:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert fetch(server.url("/ok")) == b"{}"
        assert fetch("http://bmauth.internal/jwks.json") == b"the proxy"
        assert proxy.asked == ["http://bmauth.internal/jwks.json"]
    finally:
        proxy.close()


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def test_keys_of_both_algorithms_are_read_and_others_left_out() -> None:
    good, other = jwk_of(new_key(), "one"), jwk_of(ed25519.Ed25519PrivateKey.generate(), "two")
    p384: dict[str, Any] = {**good, "crv": "P-384", "kid": "p384"}
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    left_out: list[Any] = [
        p384,
        {"kty": "RSA", "kid": "rsa", "n": str(numbers.n), "e": "AQAB"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"},
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "alg", "alg": "HS256"},
        {**good, "kid": "alg2", "alg": "EdDSA"},
        {**good, "kid": "short", "x": "AAAA"},
        {**good, "kid": "off the curve", "x": good["y"]},
        {**good, "kid": "no x", "x": None},
        {**good, "kid": "list", "x": [1]},
        {**good, "kid": ""},
        {**good, "kid": None},
        {**good, "kid": 7},
        {**good, "kid": "k" * 257},
        {**good, "kid": "kty", "kty": ["EC"]},
        {**other, "kid": "x25519", "crv": "X25519"},
        {**other, "kid": "okp", "x": "AAAA"},
        "a text",
        None,
        [],
    ]
    found = read_keys(jwks(good, other, *left_out))
    assert {kid: key.algorithm for kid, key in found.items()} == {"one": "ES256", "two": "EdDSA"}


def test_a_private_key_is_read_as_its_public_half() -> None:
    private = new_key()
    number = private.private_numbers().private_value.to_bytes(32, "big")
    [key] = read_keys(jwks({**jwk_of(private, "one"), "d": number.hex()})).values()
    assert isinstance(key.public, ec.EllipticCurvePublicKey)


def test_two_keys_of_one_id_are_no_answer() -> None:
    with pytest.raises(ValueError, match="two keys have the id 'one'"):
        read_keys(jwks(jwk_of(new_key(), "one"), jwk_of(new_key(), "one")))


def test_no_more_keys_are_read_than_a_gateway_has() -> None:
    assert len(read_keys(jwks(*[jwk_of(new_key(), f"key {number}") for number in range(40)]))) == 32
