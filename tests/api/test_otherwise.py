"""What the API answers where the operator has it otherwise: accounts revealed, recoveries held, one domain only."""

from conftest import ORIGIN, Client, Refusal
from security_key import SecurityKey


def test_what_an_address_is_is_told_at_once(client, another):
    email, key = "told@example.com", SecurityKey()
    client.sign_up(email, key)
    assert another.post("/signup/webauthn", {"email": email}) == Refusal(409, "email-already-in-use")
    unknown = {"email": "nobody@example.com"}
    assert another.post("/signin/webauthn", unknown) == Refusal(401, "invalid-email-password")
    waiting = {"email": "waiting@example.com"}
    made = SecurityKey().create(another.post("/signup/webauthn", waiting), ORIGIN)
    assert another.post("/signup/webauthn/verify", {"credential": made}) == {"session": None}
    assert another.post("/signin/webauthn", waiting) == Refusal(401, "unverified-user")
    assert another.sign_in(key, email)["user"]["email"] == email


def test_a_recovery_that_is_held_makes_no_session_yet(client, another):
    email = "held@example.com"
    client.sign_up(email, SecurityKey())
    assert another.post("/signin/otp/email", {"email": email}) == "OK"
    assert another.prove(email) == {"session": None}
    assert client.get("/user")["email"] == email


def test_an_address_of_another_domain_cannot_sign_up():
    answer = Client().post("/signup/webauthn", {"email": "maria@elsewhere.example"})
    assert answer == Refusal(403, "signup-disabled")
