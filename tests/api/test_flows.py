"""An app with a security key of its own goes through everything the API does."""

import base64
import json

from unittest.mock import ANY

import pytest
from conftest import ORIGIN, Client, Refusal
from fido2.client import ClientError
from security_key import SecurityKey

UNAUTHENTICATED = Refusal(401, "unauthenticated-user")
KEY_REFUSED = Refusal(401, "invalid-email-password")
REFRESH_REFUSED = Refusal(401, "invalid-refresh-token")
ELEVATION_NEEDED = Refusal(403, "elevated-claim-required")
HASURA = "https://hasura.io/jwt/claims"


def claims(client: Client) -> dict:
    body = client.access.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_a_client_signs_up_and_in_with_and_without_its_address(client, another):
    email, key = "walk@example.com", SecurityKey()
    about = {"displayName": "Maria", "locale": "de-AT", "metadata": {"team": "red"}}
    session = client.sign_up(email, key, options=about)
    user = session["user"]
    assert (user["email"], user["displayName"], user["locale"]) == (email, "Maria", "de-AT")
    assert user["metadata"] == {"team": "red"}
    assert session["accessTokenExpiresIn"] == 900
    assert client.get("/user") == user
    assert claims(client)[HASURA]["x-hasura-user-id"] == user["id"]
    for address in (email, None):
        assert another.sign_in(key, address)["user"] == user
        assert another.post("/token/verify") == "OK"
    assert another.post("/signin/webauthn") == {**another.post("/signin/webauthn"), "challenge": ANY}


def test_a_refresh_token_is_used_once_and_ends_with_its_session(client, another):
    email, key = "refresh@example.com", SecurityKey()
    first = client.sign_up(email, key)
    next = client.post("/token", {"refreshToken": first["refreshToken"]})
    assert next["refreshToken"] != first["refreshToken"]
    assert next["user"] == first["user"]
    # The same client asks again at once: a parallel tab.
    assert client.post("/token", {"refreshToken": first["refreshToken"]})["refreshToken"] == next["refreshToken"]
    client.keep(next)
    another.sign_in(key, email)
    assert client.post("/signout", {"refreshToken": client.refresh}) == "OK"
    assert client.get("/user") == UNAUTHENTICATED
    assert Client().post("/token", {"refreshToken": client.refresh}) == REFRESH_REFUSED
    assert another.get("/user")["email"] == email


def test_all_sessions_end_at_once_for_who_is_signed_in(client, another):
    email, key = "everywhere@example.com", SecurityKey()
    client.sign_up(email, key)
    another.sign_in(key)
    assert Client().post("/signout", {"all": True}) == UNAUTHENTICATED
    assert another.post("/signout", {"all": True}) == "OK"
    assert (client.get("/user"), another.get("/user")) == (UNAUTHENTICATED, UNAUTHENTICATED)


def test_another_key_takes_elevation_with_a_key_of_ones_own(client, another):
    email, key, second = "elevate@example.com", SecurityKey(), SecurityKey()
    user = client.sign_up(email, key)["user"]
    assert client.post("/user/webauthn/add") == ELEVATION_NEEDED

    visitor = SecurityKey()
    another.sign_up("visitor@example.com", visitor)
    with pytest.raises(ClientError):  # The challenge names the keys that may answer.
        client.elevate(visitor)
    foreign = visitor.get({**client.post("/elevate/webauthn"), "allowCredentials": []}, ORIGIN)
    assert client.post("/elevate/webauthn/verify", {"credential": foreign}) == KEY_REFUSED

    assert client.elevate(key)["accessTokenExpiresIn"] <= 300
    assert claims(client)[HASURA]["x-hasura-auth-elevated"] == user["id"]
    with pytest.raises(ClientError):  # The challenge excludes the key that is there.
        client.add(key, "Again")
    added = client.add(second, "Desk")
    assert added["nickname"] == "Desk"
    assert another.sign_in(second, email)["user"] == user


def test_a_lost_key_is_replaced_by_a_code_and_the_old_sessions_end(client, another):
    email, key, new = "lost@example.com", SecurityKey(), SecurityKey()
    client.sign_up(email, key)
    assert another.post("/signin/otp/email", {"email": email}) == "OK"
    assert another.enter_code(email)["user"]["email"] == email
    assert client.get("/user") == UNAUTHENTICATED
    another.add(new, "New phone")
    assert another.post("/user/webauthn/add") == ELEVATION_NEEDED
    assert Client().sign_in(new, email)["user"]["email"] == email


def test_no_answer_reveals_whether_an_address_has_an_account(client):
    client.sign_up("known@example.com", SecurityKey())
    asked = [Client().post("/signin/webauthn", {"email": f"{name}@example.com"}) for name in ("known", "unknown")]
    for options in asked:
        assert options["allowCredentials"]
    again = Client().post("/signin/webauthn", {"email": "unknown@example.com"})
    assert again["allowCredentials"] == asked[1]["allowCredentials"]
    wrong = {"email": "unknown@example.com", "otp": "000000"}
    assert client.post("/signin/otp/email/verify", wrong) == Refusal(401, "invalid-otp")
    assert Client().post("/signin/otp/email", {"email": "unknown@example.com"}) == "OK"


def test_an_answer_is_used_once_and_for_its_own_challenge(client, another):
    email, key = "replay@example.com", SecurityKey()
    client.sign_up(email, key)
    options = another.post("/signin/webauthn", {"email": email})
    answer = {"email": email, "credential": key.get(options, ORIGIN)}
    assert another.post("/signin/webauthn/verify", answer)["session"]["user"]["email"] == email
    assert another.post("/signin/webauthn/verify", answer) == KEY_REFUSED
    elsewhere = key.get(another.post("/signin/webauthn", {"email": email}), "http://localhost:1")
    assert another.post("/signin/webauthn/verify", {"credential": elsewhere}) == KEY_REFUSED
