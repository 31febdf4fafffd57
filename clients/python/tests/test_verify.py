"""Forgers, and clocks."""

import json
import logging
import random
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gateway import ANN, HOST, NOW, Gateway, encoded, new_key, signed, signed_hs256

from bmauth import Identity, InvalidToken, NotSignedIn


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def refusal(gateway: Gateway, caplog: pytest.LogCaptureFixture, *values: str) -> str:
    """What the log says of it, which never has the token in it."""
    with caplog.at_level(logging.WARNING, "bmauth"), pytest.raises(InvalidToken) as refused:
        gateway.verifier().identify(values)
    [record] = caplog.records
    said = record.getMessage()
    assert said.startswith("X-BMAuth-JWT was refused: ")
    assert (refused.value.status, refused.value.sentence) == (401, "The identity header is not valid")
    for value in values:
        for part in value.split("."):
            assert len(part) < 12 or part not in said
    return said.removeprefix("X-BMAuth-JWT was refused: ")


def test_a_token_of_the_gateway_tells_who_is_there(gateway: Gateway) -> None:
    ann = gateway.verifier().identify([gateway.token(name="Ann Zoë", groups=["staff", "boss"])])
    assert ann is not None
    assert (ann.id, ann.sub, ann.email, ann.name) == (ANN, ANN, "ann@example.com", "Ann Zoë")
    assert (ann.groups, ann.methods, ann.session) == (("staff", "boss"), ("swk", "user"), "a-session")
    assert ann.auth_time is not None and ann.auth_time.timestamp() == NOW - 100
    assert ann.claims["iss"] == "https://notes.example.com"
    assert ann.is_in(["boss", "other"]) and not ann.is_in(["bos"]) and not ann.is_service
    assert repr(ann) == f"Identity({ANN!r})"


def test_a_service_has_no_address(gateway: Gateway) -> None:
    token = gateway.token(sub="svc:7", email=None, email_verified=None, auth_time=None, sid=None, groups=None, amr=["svc"])
    service = gateway.verifier().identify([token])
    assert service == Identity("svc:7", methods=("svc",))
    assert service.is_service


def test_ed25519_is_taken_as_well(gateway: Gateway) -> None:
    gateway.keys["two"] = ed25519.Ed25519PrivateKey.generate()
    assert gateway.verifier().identify([gateway.token(kid="two")]) is not None


@pytest.mark.parametrize("values", [[], [""]])
def test_no_header_and_an_empty_one_are_no_identity(
    gateway: Gateway, values: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    verifier = gateway.verifier()
    assert verifier.identify(values) is None
    assert caplog.records == []
    with pytest.raises(NotSignedIn):
        verifier.demand(None)
    assert "There is no X-BMAuth-JWT: the request did not come through the gateway" in caplog.text


def test_more_than_one_header_is_refused_even_if_all_are_good(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    good = gateway.token()
    for values in ([good, good], ["", good], [good, ""], ["", ""], [f"{good},{good}"], [f"{good}, "], [","], [f",{good}"]):
        caplog.clear()
        assert refusal(gateway, caplog, *values) == "it came more than once"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (
            {"iss": "https://evil.example"},
            "its issuer is 'https://evil.example', and BMAUTH_URL is 'https://notes.example.com'",
        ),
        ({"iss": ["https://notes.example.com"]}, "its issuer is ['https://notes.example.com']"),
        ({"iss": "https://notes.example.com/"}, "its issuer is"),
        ({"aud": "other.example.com"}, "it is for 'other.example.com', and not for 'notes.example.com'; BMAUTH_AUDIENCE"),
        ({"aud": [HOST]}, "it is for ['notes.example.com']"),
        ({"aud": "NOTES.example.com"}, "it is for"),
        ({"exp": NOW - 30}, "it expired 30 s ago, by the clock of this machine"),
        ({"nbf": NOW + 31}, "it is good in 31 s, by the clock of this machine"),
        ({"iat": NOW + 31}, "it is good in 31 s"),
        *[({name: None}, f'it is missing the "{name}" claim') for name in ("iss", "aud", "sub", "iat", "nbf", "exp")],
        ({"exp": "never"}, 'its "exp" claim is not a time'),
        ({"exp": True}, 'its "exp" claim is not a time'),
        ({"exp": 10**400}, 'its "exp" claim is not a time'),
        ({"exp": [NOW]}, 'its "exp" claim is not a time'),
        ({"nbf": -1}, 'its "nbf" claim is not a time'),
        ({"sub": ""}, 'its "sub" claim is empty'),
        ({"sub": 7}, 'its "sub" claim is not a text'),
        ({"email": ["ann@example.com"]}, 'its "email" claim is not a text'),
        ({"email_verified": False}, "its address is not a proved one"),
        ({"email_verified": "true"}, "its address is not a proved one"),
        ({"name": {}}, 'its "name" claim is not a text'),
        ({"groups": "staff"}, 'its "groups" claim is not a list of names'),
        ({"groups": {"staff": True}}, 'its "groups" claim is not a list of names'),
        ({"groups": ["staff", 7]}, 'its "groups" claim is not a list of names'),
        ({"amr": "svc"}, 'its "amr" claim is not a list of names'),
        ({"auth_time": "today"}, 'its "auth_time" claim is not a time'),
    ],
)
def test_claims_that_do_not_hold_are_refused(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, claims: dict[str, Any], said: str
) -> None:
    assert refusal(gateway, caplog, gateway.token(**claims)).startswith(said)


def test_a_clock_that_is_half_a_minute_wrong_refuses_no_one(gateway: Gateway) -> None:
    wrong: list[dict[str, Any]] = [{"exp": NOW - 29}, {"nbf": NOW + 30, "iat": NOW + 30}]
    for claims in wrong:
        assert gateway.verifier().identify([gateway.token(**claims)]) is not None


def test_the_public_key_is_no_secret_to_sign_with(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    public = gateway.keys["one"].public_key()
    spellings = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        json.dumps(json.loads(gateway.jwks())["keys"][0]).encode(),
        b"",
    ]
    for secret in spellings:
        caplog.clear()
        forged = signed_hs256(gateway.head(alg="HS256"), gateway.claims(), secret)
        assert refusal(gateway, caplog, forged) == "its alg is 'HS256', and not one of ES256, EdDSA"
        caplog.clear()
        hidden = signed_hs256(gateway.head(), gateway.claims(), secret)
        assert refusal(gateway, caplog, hidden) == "its signature is not that of the key 'one'"


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", None, 7, ["ES256"], {}, "es256", "RS256", "ES384", "HS256", "PS256"]
)
def test_no_other_algorithm_is_taken(gateway: Gateway, caplog: pytest.LogCaptureFixture, alg: object) -> None:
    for signature in ("", "AAAA", gateway.token().split(".")[2]):
        caplog.clear()
        forged = f"{encoded(gateway.head(alg=alg))}.{encoded(gateway.claims())}.{signature}"
        assert refusal(gateway, caplog, forged).startswith(("its alg is", "it is no token"))


@pytest.mark.parametrize(
    "signature", [b"", bytes(64), bytes(63), bytes(65), bytes([255]) * 64, b"0\x06\x02\x01\x00\x02\x01\x00"]
)
def test_signatures_that_are_none_are_refused(gateway: Gateway, caplog: pytest.LogCaptureFixture, signature: bytes) -> None:
    forged = f"{encoded(gateway.head())}.{encoded(gateway.claims())}.{encoded(signature)}"
    assert refusal(gateway, caplog, forged) == "its signature is not that of the key 'one'"


def test_whatever_comes_is_refused_and_nothing_else_happens(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    """Made-up heads, payloads and letters, the same in each run."""
    caplog.set_level(logging.CRITICAL, "bmauth")
    chance, verifier = random.Random(20), gateway.verifier()
    values = [
        None,
        True,
        0,
        -1,
        1.5,
        "",
        "one",
        "ES256",
        "EdDSA",
        "none",
        "JWT",
        "\ud800",
        "\0",
        [],
        ["one"],
        {},
        {"kid": "one"},
    ]
    values += [10**4400, "x" * 5000, NOW, NOW + 60]

    def odd(right: dict[str, Any], names: list[str]) -> dict[str, Any]:
        return {**right, **{name: chance.choice(values) for name in chance.sample(names, chance.randint(1, 3))}}

    sys_limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        tokens = []
        for _ in range(600):
            head = (
                odd(gateway.head(), ["alg", "kid", "typ", "crit", "b64", "jwk", "zip"])
                if chance.random() < 0.5
                else gateway.head()
            )
            claims = odd(gateway.claims(), [*gateway.claims(), "name"])
            tokens.append(signed(head, claims, gateway.keys["one"]))
    finally:
        sys.set_int_max_str_digits(sys_limit)
    for token in list(tokens):
        letters = list(token[:400])
        letters[chance.randrange(len(letters))] = chance.choice([".", "=", "\n", "é", "\0", ",", "A", ""])
        tokens.append("".join(letters))
    taken = 0
    for token in tokens:
        try:
            found = verifier.identify([token])
        except InvalidToken:
            continue
        assert found is not None and isinstance(found.id, str) and all(isinstance(group, str) for group in found.groups)
        taken += 1
    assert 0 < taken < len(tokens)


def test_a_key_is_for_its_own_algorithm_alone(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    forged = signed(gateway.head(alg="EdDSA"), gateway.claims(), ed25519.Ed25519PrivateKey.generate())
    assert refusal(gateway, caplog, forged) == "its alg is 'EdDSA', and its key 'one' is for ES256"


def test_another_key_signs_nothing(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    assert refusal(gateway, caplog, signed(gateway.head(), gateway.claims(), new_key())).startswith("its signature is not")
    caplog.clear()
    own = ec.generate_private_key(ec.SECP256R1())
    brought = gateway.head(jwk={"kty": "EC"}, jku="https://evil.example/jwks.json", x5u="https://evil.example")
    assert refusal(gateway, caplog, signed(brought, gateway.claims(), own)).startswith("its signature is not")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"kid": None}, "its key '' is not among those at https://notes.example.com/jwks"),
        ({"kid": "ann's"}, 'its key "ann\'s" is not among those'),
        ({"kid": "x\n" * 99}, "its key 'x\\nx\\n"),
        ({"kid": "../../one"}, "its key '../../one' is not among"),
        ({"kid": 7}, "its key id (kid) is not a text"),
        ({"kid": ["one"]}, "its key id (kid) is not a text"),
        ({"crit": ["exp"]}, "its head asks for what"),
        ({"b64": False, "crit": ["b64"]}, "its head asks for what"),
        ({"typ": "at+jwt"}, "its head asks for what"),
        ({"typ": ["JWT"]}, "its head asks for what"),
    ],
)
def test_heads_that_are_not_the_gateways_are_refused(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, head: dict[str, Any], said: str
) -> None:
    token = signed(gateway.head(**head), gateway.claims(), gateway.keys["one"])
    why = refusal(gateway, caplog, token)
    assert why.startswith(said)
    assert len(why) < 200


@pytest.mark.parametrize(
    "value",
    [
        "ann@example.com",
        "..",
        "a.b.c",
        "a.b",
        "é.é.é",
        "Ünï",
        " ",
        "\0",
        "null",
        f"{encoded([])}.e30.AAAA",
        f"{encoded(7)}.e30.AAAA",
        f"{encoded(b'{' * 9)}.e30.AAAA",
        f"{encoded(b'[' * 9000)}.e30.AAAA",
        f"{encoded(bytes([255, 254]))}.e30.AAAA",
        encoded(b'{"alg":"none","alg":"ES256","kid":"one"}') + ".e30.AAAA",
        encoded(b'{"alg":NaN}') + ".e30.AAAA",
    ],
)
def test_what_is_no_token_is_refused(gateway: Gateway, caplog: pytest.LogCaptureFixture, value: str) -> None:
    assert refusal(gateway, caplog, value).startswith(("it is no token", "its alg is"))


def test_other_spellings_of_a_good_token_are_refused(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    good = gateway.token()
    for spelt in (
        f" {good}",
        f"{good} ",
        f"{good}\n",
        f"Bearer {good}",
        f"{good}=",
        good.replace(".", ".\u200b"),
        f"{good}.",
    ):
        caplog.clear()
        assert refusal(gateway, caplog, spelt) == "it is no token"


def test_a_huge_token_is_refused_before_it_is_read(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    assert refusal(gateway, caplog, "A" * 20_000_000) == "it is longer than 16384 bytes"


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"null", b"{", b"\xff", b"[" * 6000, b'{"sub":"a","sub":"b"}', b'{"exp":Infinity}', b'{"exp":NaN}'],
)
def test_a_signed_payload_that_is_no_object_is_refused(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, payload: bytes
) -> None:
    token = signed(gateway.head(), payload, gateway.keys["one"])
    assert refusal(gateway, caplog, token).startswith(("it cannot be read", "it is no token"))


def test_any_changed_letter_breaks_it(gateway: Gateway) -> None:
    good, verifier = gateway.token(), gateway.verifier()
    for place in range(0, len(good), 7):
        if good[place] != ".":
            changed = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
            # The last letter of a part has bits that no byte has.
            if place + 1 < len(good) and good[place + 1] != ".":
                with pytest.raises(InvalidToken):
                    verifier.identify([changed])
