use super::*;
use crate::domain::account::{Account, AccountId};
use crate::domain::email::Email;
use crate::domain::passkey::CredentialId;
use crate::domain::plan::{Change, KeyChange};
use crate::domain::secret::Secret;
use crate::domain::session::{Authentication, Method, Session, SessionId, SignedIn};
use jsonwebtoken::{DecodingKey, Validation};

pub(super) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

pub(super) fn signed_in() -> SignedIn {
    let account = Account {
        id: AccountId(Uuid::from_u128(7)),
        email: Email::parse("maria@example.com").unwrap(),
        name: None,
        locale: None,
        metadata: None,
        groups: vec!["staff".to_owned()],
        disabled: false,
        created_at: NOW,
        aftermath: crate::domain::aftermath::Aftermath::default(),
    };
    let session = Session {
        token: Secret::from_bytes([1; 32]).digest(),
        id: SessionId(Uuid::from_u128(9)),
        account: account.id,
        credential: CredentialId::new(&[1]),
        authentication: Authentication { at: NOW, methods: vec![Method::HardwareKey, Method::UserVerified] },
        created_at: NOW,
        last_seen_at: NOW,
        browser: String::new(),
        address: None,
        recovered_at: None,
        host: None,
        bound_for: crate::domain::destination::Destination::root(),
        head: None,
    };
    SignedIn { session, account, absolute_end: NOW.after(Duration::from_secs(3600)) }
}

pub(super) fn fresh_keys(algorithm: Algorithm) -> Vec<SigningKey> {
    rotation::plan(0, &[], algorithm, NOW)
        .unwrap()
        .into_iter()
        .filter_map(|change| if let Change::Key(KeyChange::Put(key)) = change { Some(key) } else { None })
        .collect()
}

pub(super) fn settings(algorithm: Algorithm) -> TokenSettings {
    let access = access::AccessTokenSettings {
        audience: "https://notes.example.com/_bmauth/v1".to_owned(),
        grants: crate::domain::api::Grants::default(),
    };
    TokenSettings { issuer: "https://notes.example.com".into(), algorithm, lifetime: Duration::from_secs(300), access }
}

fn identity(algorithm: Algorithm) -> Identity {
    Identity::new(settings(algorithm), &fresh_keys(algorithm)).unwrap()
}

fn verify(identity: &Identity, token: &Token) -> serde_json::Value {
    let jwks: JwkSet = serde_json::from_slice(&identity.jwks()).unwrap();
    let header = jsonwebtoken::decode_header(&token.text).unwrap();
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let jwk = jwks.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["notes.example.com"]);
    validation.set_issuer(&["https://notes.example.com"]);
    // The hand clock stands in the past or the future of this machine.
    validation.validate_exp = false;
    jsonwebtoken::decode(&token.text, &DecodingKey::from_jwk(jwk).unwrap(), &validation).unwrap().claims
}

#[test]
fn both_algorithms_verify_with_the_published_keys() {
    for (algorithm, name) in [(Algorithm::Es256, "ES256"), (Algorithm::EdDsa, "EdDSA")] {
        let identity = identity(algorithm);
        let end = NOW.after(Duration::from_secs(3600));
        let token = identity.mint(&signed_in().facts(), "notes.example.com", end, Uuid::from_u128(3), NOW).unwrap();
        let claims = verify(&identity, &token);
        let jwks: serde_json::Value = serde_json::from_slice(&identity.jwks()).unwrap();
        assert_eq!(jwks["keys"][0]["alg"], name);
        assert_eq!(jwks["keys"][0]["use"], "sig");
        assert!(jwks["keys"][0].get("d").is_none(), "the private half must not be published");
        assert_eq!(
            claims,
            serde_json::json!({
                "iss": "https://notes.example.com", "aud": "notes.example.com",
                "sub": Uuid::from_u128(7), "email": "maria@example.com", "email_verified": true,
                "groups": ["staff"], "sid": Uuid::from_u128(9), "amr": ["hwk", "user"], "acr": "phr",
                "auth_time": NOW.unix(), "iat": NOW.unix() - 30, "nbf": NOW.unix() - 30, "exp": NOW.unix() + 300,
                "jti": Uuid::from_u128(3),
            })
        );
        assert_eq!(token.fresh_until, NOW.after(Duration::from_secs(150)));
    }
}

#[test]
fn a_token_never_outlives_its_session() {
    let identity = identity(Algorithm::Es256);
    let end = NOW.after(Duration::from_secs(20));
    let token = identity.mint(&signed_in().facts(), "notes.example.com", end, Uuid::nil(), NOW).unwrap();
    assert_eq!(verify(&identity, &token)["exp"], end.unix());
    assert_eq!(token.fresh_until, end);
}

#[test]
fn a_key_does_not_sign_before_its_time_where_another_does() {
    let identity =
        Identity::new(settings(Algorithm::Es256), &two_keys(NOW, NOW.after(Duration::from_secs(60)))).unwrap();
    let kid = |now: Timestamp| {
        let token =
            identity.mint(&signed_in().facts(), "a", NOW.after(Duration::from_secs(600)), Uuid::nil(), now).unwrap();
        jsonwebtoken::decode_header(&token.text).unwrap().kid.unwrap()
    };
    assert_eq!((kid(NOW), kid(NOW.after(Duration::from_secs(59)))), ("0".to_owned(), "0".to_owned()));
    assert_eq!(kid(NOW.after(Duration::from_secs(60))), "1");
    // The clock was set back to before both: no request is refused for it.
    assert_eq!(kid(NOW.before(Duration::from_secs(1))), "0");
    assert_eq!(kid(Timestamp::from_unix(0)), "0");
}

fn two_keys(first: Timestamp, second: Timestamp) -> Vec<SigningKey> {
    let key = |(kid, active_from): (&str, Timestamp)| {
        let key = fresh_keys(Algorithm::Es256).remove(0);
        SigningKey { kid: kid.to_owned(), active_from, ..key }
    };
    [("1", second), ("0", first)].map(key).into()
}

#[test]
fn no_backend_is_told_of_its_future() {
    let identity = identity(Algorithm::Es256);
    let mut signed_in = signed_in();
    let ahead = NOW.after(Duration::from_secs(3600));
    signed_in.session.authentication.at = ahead;
    signed_in.session.recovered_at = Some(ahead);
    let token = identity.mint(&signed_in.facts(), "notes.example.com", ahead, Uuid::nil(), NOW).unwrap();
    let claims = verify(&identity, &token);
    assert_eq!((claims["auth_time"].as_u64(), claims["recovered_at"].as_u64()), (Some(NOW.unix()), Some(NOW.unix())));
}

#[test]
fn without_any_key_nothing_is_signed() {
    let identity = Identity::new(settings(Algorithm::EdDsa), &fresh_keys(Algorithm::Es256)).unwrap();
    let refused = identity.mint(&signed_in().facts(), "a", NOW, Uuid::nil(), NOW);
    assert!(matches!(refused, Err(IdentityError::NoKey)));
}
