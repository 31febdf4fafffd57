//! Access tokens as they are made, and everything that could be taken for one.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm as Jose, EncodingKey, Header};
use serde_json::{Value, json};

use super::super::tests::{NOW, fresh_keys, settings, signed_in};
use super::*;
use crate::domain::api::{ClaimName, ClaimValue, Role};
use crate::domain::signing_key::{Algorithm, SigningKey};

const AUDIENCE: &str = "https://notes.example.com/_bmauth/v1";
const HOUR: Duration = Duration::from_secs(3600);

struct TokenWorld {
    identity: Identity,
    keys: Vec<SigningKey>,
}

fn world() -> TokenWorld {
    let keys = fresh_keys(Algorithm::Es256);
    TokenWorld { identity: Identity::new(settings(Algorithm::Es256), &keys).unwrap(), keys }
}

impl TokenWorld {
    fn mint(&self, elevated_until: Option<Timestamp>) -> AccessToken {
        self.identity.mint_access(&signed_in(), elevated_until, NOW.after(HOUR), Uuid::from_u128(3), NOW).unwrap()
    }

    fn verify(&self, text: &str) -> Result<VerifiedAccess, AccessError> {
        self.identity.verify_access(text, NOW)
    }

    /// The claims and the header of a token that is good.
    fn good(&self) -> (Header, Value) {
        let text = self.mint(None).text;
        (jsonwebtoken::decode_header(&text).unwrap(), payload(&text))
    }

    /// Signs whatever is given with our own key.
    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ec_der(&self.keys[0].pkcs8.0)).unwrap()
    }

    /// Our own signature under a header that is written by hand.
    fn sign_raw(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = EncodingKey::from_ec_der(&self.keys[0].pkcs8.0);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Jose::ES256).unwrap();
        format!("{message}.{signature}")
    }

    /// What becomes of a good token of which one claim is another; `null` takes it away.
    fn with_claim(&self, name: &str, value: Value) -> Result<VerifiedAccess, AccessError> {
        let (header, mut claims) = self.good();
        let members = claims.as_object_mut().unwrap();
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.to_owned(), value),
        };
        self.verify(&self.sign(&header, &claims))
    }
}

fn payload(text: &str) -> Value {
    let payload = text.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_token_says_who_it_is_and_what_hasura_reads() {
    let world = world();
    let token = world.mint(None);
    let header = jsonwebtoken::decode_header(&token.text).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("JWT"), Jose::ES256));
    assert_eq!(header.kid.as_deref(), Some(world.keys[0].kid.as_str()));
    let user = Uuid::from_u128(7);
    assert_eq!(
        payload(&token.text),
        json!({
            "iss": "https://notes.example.com", "aud": AUDIENCE, "sub": user, "email": "maria@example.com",
            "email_verified": true, "groups": ["staff"], "sid": Uuid::from_u128(9), "amr": ["hwk", "user"],
            "acr": "phr", "auth_time": NOW.unix(), "iat": NOW.unix() - 30, "nbf": NOW.unix() - 30, "exp": NOW.unix() + 900,
            "jti": Uuid::from_u128(3),
            "https://hasura.io/jwt/claims": {
                "x-hasura-user-id": user, "x-hasura-default-role": "user",
                "x-hasura-allowed-roles": ["user", "me", "staff"], "x-hasura-user-is-anonymous": "false",
            },
        })
    );
    let expected = VerifiedAccess {
        session: SessionId(Uuid::from_u128(9)),
        account: AccountId(user),
        elevated: false,
        issued_at: NOW,
        expires_at: NOW.after(LIFETIME),
    };
    assert_eq!(world.verify(&token.text), Ok(expected));
    assert_eq!(token.expires_at, expected.expires_at);
}

#[test]
fn a_forwarded_token_is_never_an_access_token_whatever_its_audience() {
    let world = world();
    let (told, presented) = (signed_in(), world.verify(&world.mint(Some(NOW.after(HOUR))).text).unwrap());
    let mint = |audience: &str, end| {
        let (told, jti, now) = (told.facts(), Uuid::from_u128(4), NOW.after(Duration::from_secs(60)));
        world.identity.mint_forwarded(&told, presented, audience, end, jti, now).unwrap()
    };
    for audience in ["notes.example.com", AUDIENCE] {
        let token = mint(audience, NOW.after(HOUR));
        assert_eq!(token.expires_at, presented.expires_at, "it does not live longer");
        let says = payload(&token.text);
        assert_eq!((&says["aud"], &says["exp"]), (&json!(audience), &json!(presented.expires_at.unix())));
        assert_eq!(says["https://hasura.io/jwt/claims"]["x-hasura-auth-elevated"], says["sub"]);
        let now = NOW.after(Duration::from_secs(61));
        assert_eq!(world.identity.verify_access(&token.text, now), Err(AccessError::Audience));
        assert!(world.identity.is_access_token(&token.text), "it is ours, and goes to no other app");
    }
    assert_eq!(mint("a", NOW.after(Duration::from_secs(70))).expires_at, NOW.after(Duration::from_secs(70)));
    // Whatever the mark says.
    for mark in [json!(true), json!(false), json!("x"), json!({})] {
        assert_eq!(world.with_claim("forwarded", mark), Err(AccessError::Audience));
    }
}

#[test]
fn the_published_key_set_is_enough_to_verify_a_token() {
    for algorithm in Algorithm::ALL {
        let identity = Identity::new(settings(algorithm), &fresh_keys(algorithm)).unwrap();
        let token = identity.mint_access(&signed_in(), None, NOW.after(HOUR), Uuid::nil(), NOW).unwrap();
        let jwks: JwkSet = serde_json::from_slice(&identity.jwks()).unwrap();
        let header = jsonwebtoken::decode_header(&token.text).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(jwks.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(header.alg);
        validation.set_audience(&[AUDIENCE]);
        // The hand clock stands in the past or the future of this machine.
        validation.validate_exp = false;
        jsonwebtoken::decode::<Value>(&token.text, &key, &validation).unwrap();
        assert!(identity.verify_access(&token.text, NOW).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn roles_and_further_claims_are_those_of_the_configuration() {
    let mut settings = settings(Algorithm::Es256);
    let role = |name| Role::parse(name).unwrap();
    let claim = |name, value| (ClaimName::parse(name).unwrap(), ClaimValue::parse(value).unwrap());
    settings.access.grants = Grants {
        default_role: role("member"),
        roles: vec![role("member"), role("staff")],
        extra: vec![
            claim("x-hasura-org", "acme"),
            claim("x-hasura-email", "$email"),
            claim("x-hasura-domain", "$email_domain"),
            claim("x-hasura-groups", "$groups"),
        ],
    };
    let identity = Identity::new(settings, &fresh_keys(Algorithm::Es256)).unwrap();
    let mut signed_in = signed_in();
    signed_in.account.name = Some("admin".to_owned());
    signed_in.account.groups = vec!["staff".to_owned(), "a\",\"b".to_owned()];
    let token = identity.mint_access(&signed_in, None, NOW.after(HOUR), Uuid::nil(), NOW).unwrap();
    assert_eq!(
        payload(&token.text)["https://hasura.io/jwt/claims"],
        json!({
            "x-hasura-user-id": Uuid::from_u128(7), "x-hasura-default-role": "member",
            "x-hasura-allowed-roles": ["member", "staff", "a\",\"b"], "x-hasura-user-is-anonymous": "false",
            "x-hasura-org": "acme", "x-hasura-email": "maria@example.com", "x-hasura-domain": "example.com",
            "x-hasura-groups": r#"{"staff","a\",\"b"}"#,
        })
    );
}

#[test]
fn a_token_outlives_neither_its_session_nor_its_elevation() {
    let world = world();
    let soon = NOW.after(Duration::from_secs(20));
    let mint = |elevated_until, session_end| {
        world.identity.mint_access(&signed_in(), elevated_until, session_end, Uuid::nil(), NOW).unwrap()
    };
    let token = mint(None, soon);
    assert_eq!((token.expires_at, payload(&token.text)["exp"].as_u64()), (soon, Some(soon.unix())));

    let elevated = mint(Some(soon), NOW.after(HOUR));
    assert_eq!(payload(&elevated.text)["exp"], soon.unix());
    let claims = &payload(&elevated.text)["https://hasura.io/jwt/claims"];
    assert_eq!(claims["x-hasura-auth-elevated"], claims["x-hasura-user-id"]);
    assert!(world.verify(&elevated.text).unwrap().elevated);
    assert_eq!(world.identity.verify_access(&elevated.text, soon), Err(AccessError::Expired));

    // The elevation that lasts longer than a token does not lengthen it; the one that is over is none.
    assert_eq!(mint(Some(NOW.after(HOUR)), NOW.after(HOUR)).expires_at, NOW.after(LIFETIME));
    for over in [NOW, NOW.before(Duration::from_secs(1))] {
        let token = mint(Some(over), NOW.after(HOUR));
        assert_eq!(token.expires_at, NOW.after(LIFETIME));
        assert!(payload(&token.text)["https://hasura.io/jwt/claims"].get("x-hasura-auth-elevated").is_none());
        assert!(!world.verify(&token.text).unwrap().elevated);
    }
}

#[test]
fn a_token_is_good_from_its_first_second_to_before_its_last() {
    let world = world();
    let token = world.mint(None).text;
    let at = |now| world.identity.verify_access(&token, now).map(|_| ());
    let second = Duration::from_secs(1);
    // It is good for clocks that are half a minute behind.
    let first = NOW.before(Duration::from_secs(30));
    assert_eq!(at(first.before(second)), Err(AccessError::NotYet));
    assert_eq!((at(first), at(NOW)), (Ok(()), Ok(())));
    assert_eq!(at(NOW.after(LIFETIME).before(second)), Ok(()));
    assert_eq!(at(NOW.after(LIFETIME)), Err(AccessError::Expired));
}

#[test]
fn the_clock_is_ours_and_not_the_systems() {
    for now in [1_000_000, 32_000_000_000] {
        let now = Timestamp::from_unix(now);
        let mut keys = fresh_keys(Algorithm::Es256);
        keys[0].active_from = now;
        let identity = Identity::new(settings(Algorithm::Es256), &keys).unwrap();
        let token = identity.mint_access(&signed_in(), None, now.after(HOUR), Uuid::nil(), now).unwrap();
        assert!(identity.verify_access(&token.text, now).is_ok(), "{now}");
    }
}

#[test]
fn a_token_that_is_not_signed_is_refused() {
    let world = world();
    let (_, claims) = world.good();
    let kid = &world.keys[0].kid;
    for alg in ["none", "None", "NONE", ""] {
        let unsigned = |header: Value| {
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
        };
        let message = unsigned(json!({ "typ": "JWT", "alg": alg, "kid": kid }));
        assert_eq!(world.verify(&format!("{message}.")), Err(AccessError::Algorithm), "{alg}");
        assert_eq!(world.verify(&message), Err(AccessError::Malformed), "{alg}");
        let nameless = unsigned(json!({ "typ": "JWT", "alg": alg }));
        assert_eq!(world.verify(&format!("{nameless}.")), Err(AccessError::Malformed), "{alg}");
    }
    let token = world.mint(None).text;
    let (message, signature) = token.rsplit_once('.').unwrap();
    for other in ["", "AA", &signature[1..], &"A".repeat(86), &format!("{signature}A"), &format!("{signature}=")] {
        assert_eq!(world.verify(&format!("{message}.{other}")), Err(AccessError::Signature), "{other}");
    }
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let world = world();
    let (good, claims) = world.good();
    let jwks: Value = serde_json::from_slice(&world.identity.jwks()).unwrap();
    let key = &jwks["keys"][0];
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    for secret in
        [point.as_slice(), key.to_string().as_bytes(), &world.identity.jwks(), good.kid.as_deref().unwrap().as_bytes()]
    {
        for alg in [Jose::HS256, Jose::HS384, Jose::HS512] {
            let header = Header { alg, ..good.clone() };
            let text = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(world.verify(&text), Err(AccessError::Algorithm), "{alg:?}");
        }
    }
}

#[test]
fn a_key_is_used_with_its_own_algorithm_alone() {
    let keys = [fresh_keys(Algorithm::Es256), fresh_keys(Algorithm::EdDsa)].concat();
    let identity = Identity::new(settings(Algorithm::EdDsa), &keys).unwrap();
    let token = identity.mint_access(&signed_in(), None, NOW.after(HOUR), Uuid::nil(), NOW).unwrap().text;
    assert!(identity.verify_access(&token, NOW).is_ok());
    let claims = payload(&token);
    let [es256, eddsa] = keys.as_slice() else { panic!("two keys") };
    let sign = |alg: Jose, kid: &SigningKey| {
        let header = Header { kid: Some(kid.kid.clone()), ..Header::new(alg) };
        let key = match alg {
            Jose::ES256 => EncodingKey::from_ec_der(&es256.pkcs8.0),
            _ => EncodingKey::from_ed_der(&eddsa.pkcs8.0),
        };
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    // Both are published, so both verify: that is how an algorithm is changed.
    assert!(identity.verify_access(&sign(Jose::ES256, es256), NOW).is_ok());
    assert_eq!(identity.verify_access(&sign(Jose::EdDSA, es256), NOW), Err(AccessError::Algorithm));
    assert_eq!(identity.verify_access(&sign(Jose::ES256, eddsa), NOW), Err(AccessError::Algorithm));
}

#[test]
fn only_a_published_key_counts() {
    let world = world();
    let token = world.mint(None).text;
    let (header, claims) = world.good();
    let with_kid = |kid: Option<&str>| world.sign(&Header { kid: kid.map(str::to_owned), ..header.clone() }, &claims);
    assert!(world.verify(&with_kid(header.kid.as_deref())).is_ok());
    assert_eq!(world.verify(&with_kid(None)), Err(AccessError::Malformed));
    for unknown in ["", "other", &world.keys[0].kid.to_uppercase(), &format!("{} ", world.keys[0].kid)] {
        assert_eq!(world.verify(&with_kid(Some(unknown))), Err(AccessError::Key), "{unknown}");
    }
    // A stranger's key under the name of ours.
    let stranger = fresh_keys(Algorithm::Es256);
    let forged = EncodingKey::from_ec_der(&stranger[0].pkcs8.0);
    let forged = jsonwebtoken::encode(&header, &claims, &forged).unwrap();
    assert_eq!(world.verify(&forged), Err(AccessError::Signature));

    // Ours, not yet or no longer published.
    world.identity.replace_keys(&stranger).unwrap();
    assert_eq!(world.verify(&token), Err(AccessError::Key));
    // While both are, the old one still counts.
    world.identity.replace_keys(&[stranger, world.keys.clone()].concat()).unwrap();
    assert!(world.verify(&token).is_ok());
}

#[test]
fn tokens_outlive_the_rotation_of_their_key() {
    let world = world();
    let successor = SigningKey { active_from: NOW.after(LIFETIME / 2), ..fresh_keys(Algorithm::Es256).remove(0) };
    world.identity.replace_keys(&[world.keys.clone(), vec![successor.clone()]].concat()).unwrap();
    let kid = |token: &AccessToken| jsonwebtoken::decode_header(&token.text).unwrap().kid;
    let before = world.mint(None);
    assert_eq!(kid(&before).as_deref(), Some(world.keys[0].kid.as_str()));
    let later = NOW.after(LIFETIME / 2);
    let after = world.identity.mint_access(&signed_in(), None, NOW.after(HOUR), Uuid::nil(), later).unwrap();
    assert_eq!(kid(&after).as_deref(), Some(successor.kid.as_str()));
    for token in [&before, &after] {
        assert!(world.identity.verify_access(&token.text, later).is_ok());
    }
}

#[test]
fn a_header_says_what_ours_says_and_no_more() {
    let world = world();
    let (_, claims) = world.good();
    let (kid, claims) = (&world.keys[0].kid, claims.to_string());
    let with = |header: String| world.verify(&world.sign_raw(&header, &claims)).map(|_| ());
    assert_eq!(with(format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}"}}"#)), Ok(()));
    for header in [
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"jwt","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}","crit":["exp"]}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}","zip":"DEF"}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}","jwk":{{}}}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}","b64":false}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"other","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":["{kid}"]}}"#),
        r#"{"typ":"JWT","alg":"ES256","kid":null}"#.to_owned(),
        r#"{"typ":"JWT","kid":"x"}"#.to_owned(),
        "[]".to_owned(),
        String::new(),
    ] {
        assert_eq!(with(header.clone()), Err(AccessError::Malformed), "{header}");
    }
    assert_eq!(with(format!(r#"{{"typ":"JWT","alg":"es256","kid":"{kid}"}}"#)), Err(AccessError::Algorithm));
}

#[test]
fn what_was_made_for_another_audience_is_refused() {
    let world = world();
    let refused = Err(AccessError::Audience);
    for iss in ["https://evil.example", "https://notes.example.com/", "HTTPS://notes.example.com", ""] {
        assert_eq!(world.with_claim("iss", json!(iss)), refused, "{iss}");
    }
    for aud in ["notes.example.com", "https://notes.example.com", "https://notes.example.com/_bmauth/v1/", ""] {
        assert_eq!(world.with_claim("aud", json!(aud)), refused, "{aud}");
    }
    for aud in [json!([AUDIENCE]), json!([AUDIENCE, "notes.example.com"]), json!({ "0": AUDIENCE }), Value::Null] {
        assert_eq!(world.with_claim("aud", aud.clone()), Err(AccessError::Malformed), "{aud}");
    }
    assert_eq!(world.with_claim("iss", json!(["https://notes.example.com"])), Err(AccessError::Malformed));
}

#[test]
fn an_identity_token_is_no_access_token() {
    let world = world();
    let end = NOW.after(HOUR);
    let handed = world.identity.mint(&signed_in().facts(), "notes.example.com", end, Uuid::nil(), NOW).unwrap().text;
    assert!(!world.identity.is_access_token(&handed));
    assert!(matches!(world.verify(&handed), Err(AccessError::Audience | AccessError::Malformed)));
    // Not even where some route has the API's audience, which no configuration allows.
    let mixed_up = world.identity.mint(&signed_in().facts(), AUDIENCE, end, Uuid::nil(), NOW).unwrap().text;
    assert_eq!(world.verify(&mixed_up), Err(AccessError::Malformed));
}

#[test]
fn claims_that_are_missing_or_of_another_kind_are_refused() {
    let world = world();
    for name in ["iss", "aud", "sub", "sid", "nbf", "exp", "https://hasura.io/jwt/claims"] {
        for value in [Value::Null, json!(true), json!({}), json!(-1), json!("x y"), json!(1.5)] {
            let answer = world.with_claim(name, value.clone());
            let expected = match (name, value.is_string()) {
                ("iss" | "aud", true) => AccessError::Audience,
                _ => AccessError::Malformed,
            };
            assert_eq!(answer, Err(expected), "{name} {value}");
        }
    }
    let (user, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
    for hasura in [
        json!({ "x-hasura-user-id": other }),
        json!({ "x-hasura-user-id": user, "x-hasura-auth-elevated": other }),
        json!({ "x-hasura-user-id": user, "x-hasura-auth-elevated": "true" }),
        json!({ "x-hasura-auth-elevated": user }),
    ] {
        assert_eq!(
            world.with_claim("https://hasura.io/jwt/claims", hasura.clone()),
            Err(AccessError::Malformed),
            "{hasura}"
        );
    }
    assert_eq!(world.with_claim("nbf", json!(NOW.unix() + 1)), Err(AccessError::NotYet));
    assert_eq!(world.with_claim("exp", json!(NOW.unix())), Err(AccessError::Expired));
    assert!(world.with_claim("exp", json!(NOW.unix() + 1)).is_ok());
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    let world = world();
    let (_, claims) = world.good();
    let header = format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{}"}}"#, world.keys[0].kid);
    let claims = claims.to_string();
    assert!(world.verify(&world.sign_raw(&header, &claims)).is_ok());
    let twice = claims.replacen('{', &format!(r#"{{"sid":"{}","#, Uuid::from_u128(1)), 1);
    assert_eq!(world.verify(&world.sign_raw(&header, &twice)), Err(AccessError::Malformed));
}

#[test]
fn no_letter_of_a_token_can_be_another() {
    let world = world();
    let token = world.mint(None).text;
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(world.verify(&changed).is_err(), "{place}: {changed}");
    }
}

#[test]
fn a_tampered_payload_is_refused() {
    let world = world();
    let token = world.mint(None).text;
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let mut claims = payload(&token);
    claims["sid"] = json!(Uuid::from_u128(1));
    let tampered = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    assert_eq!(world.verify(&tampered), Err(AccessError::Signature));
}

#[test]
fn what_is_no_token_at_all_is_refused() {
    let world = world();
    let token = world.mint(None).text;
    let (header, claims) = world.good();
    let mut huge = claims.clone();
    huge["name"] = json!("x".repeat(LONGEST));
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "x".repeat(LONGEST + 1),
        "e30.e30.e30".to_owned(),
        "\u{e4}.\u{e4}.\u{e4}".to_owned(),
        "\0.\0.\0".to_owned(),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("\t{token}"),
        token.replacen('.', ". ", 1),
        token.replacen('.', "..", 1),
        format!("{token}.x"),
        format!("{token}."),
        format!(".{token}"),
        token.replacen('.', "=.", 1),
        world.sign(&header, &huge),
    ] {
        let refused = world.verify(&bad);
        assert!(matches!(refused, Err(AccessError::Malformed | AccessError::Signature)), "{bad:.60} {refused:?}");
    }
}

#[test]
fn what_calls_itself_an_access_token_of_ours_is_known_whatever_else_it_is() {
    let world = world();
    let is_ours = |text: &str| world.identity.is_access_token(text);
    let token = world.mint(None).text;
    assert!(is_ours(&token));
    let ours = json!({ "iss": "https://notes.example.com", "aud": AUDIENCE });
    let part = |claims: &Value| URL_SAFE_NO_PAD.encode(claims.to_string());
    assert!(is_ours(&format!("x.{}.y", part(&ours))));
    assert!(is_ours(&format!(".{}.", part(&ours))));
    assert!(is_ours(&format!("x.{}=.y", part(&ours))), "padding");
    assert!(is_ours(&format!("x.{}.{}", part(&ours), "y".repeat(3 * LONGEST))));
    assert!(is_ours(&format!("x.{}.y", part(&json!({ "iss": "https://notes.example.com", "aud": ["a", AUDIENCE] })))));
    for theirs in [
        json!({ "iss": "https://evil.example", "aud": AUDIENCE }),
        json!({ "iss": "https://notes.example.com", "aud": "notes.example.com" }),
        json!({ "iss": "https://notes.example.com", "aud": [] }),
        json!({ "iss": "https://notes.example.com" }),
        json!({ "aud": AUDIENCE }),
        json!({ "iss": ["https://notes.example.com"], "aud": AUDIENCE }),
        json!([]),
        json!(null),
    ] {
        assert!(!is_ours(&format!("x.{}.y", part(&theirs))), "{theirs}");
    }
    for garbage in
        ["", ".", "..", "x.y.z", "e30.e30.e30", "eyJ.eyJ.", &format!("{token}.x"), &token[1..token.len() / 4]]
    {
        assert!(!is_ours(garbage), "{garbage}");
    }
}

#[test]
fn no_key_no_token() {
    let world = world();
    // The clock was set back to before its only key: it signs all the same.
    let before = NOW.before(Duration::from_secs(3600));
    let token = world.identity.mint_access(&signed_in(), None, NOW, Uuid::nil(), before).unwrap();
    assert!(world.identity.verify_access(&token.text, before).is_ok());
    world.identity.replace_keys(&fresh_keys(Algorithm::EdDsa)).unwrap();
    let refused = world.identity.mint_access(&signed_in(), None, NOW, Uuid::nil(), NOW);
    assert!(matches!(refused, Err(IdentityError::NoKey)));
}
