//! The tokens that the gateway really issues, and its own look at them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bmauth::auth::Auth;
use bmauth::auth::keys::DerivedKeys;
use bmauth::auth::verifying::Verifying;
use bmauth::config::{self, ConfigSource};
use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::aftermath::Aftermath;
use bmauth::domain::clock::{Clock, Entropy, Timestamp};
use bmauth::domain::destination::Destination;
use bmauth::domain::email::Email;
use bmauth::domain::passkey::{CredentialId, NewPasskey, Passkey};
use bmauth::domain::plan::{AccountChange, Change, Durability, PasskeyChange, Plan, SessionChange};
use bmauth::domain::session::{Authentication, Method, Session, SessionId, SignedIn};
use bmauth::identity::rotation;
use bmauth::mail::transport::Terminal;
use bmauth::store::memory::MemoryStore;
use bmauth::store::{Records as _, Store};
use bmauth::wire::{Gateway, World as Given};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;
use webauthn_authenticator_rs::AuthenticatorBackend;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_rs::WebauthnBuilder;

use super::*;

const DAY: u64 = 24 * 3600;

/// A clock that is moved by hand.
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}

/// Counts, so that every name is another one.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            piece.copy_from_slice(&number[..piece.len()]);
        }
    }
}

/// The whole gateway behind the proxy: only the listener and the app are the test's.
struct Issuing {
    world: World,
    app: App,
    auth: Arc<Auth>,
    store: Arc<MemoryStore>,
    clock: Arc<HandClock>,
    keys: DerivedKeys,
}

async fn issuing() -> Issuing {
    let text = "public_url = \"https://notes.example.com\"\n[email]\nfrom = \"a@example.com\"\ntransport = \"log\"\n[accounts]\nregistration = \"open\"\n\
                [[route]]\nupstream = [\"http://127.0.0.1:8000\"]\n";
    let config = config::load(ConfigSource::text("bmauth.toml", text)).unwrap();
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(HandClock(AtomicU64::new(1_800_000_000)));
    let given = Given {
        store: Arc::clone(&store) as _,
        clock: Arc::clone(&clock) as _,
        entropy: Arc::new(Counting(AtomicU64::new(1))),
        transport: Arc::new(Terminal),
        verifying: Arc::new(Verifying::start_on(1).unwrap()),
    };
    let Gateway { auth, .. } = Gateway::new(&config, given).await.unwrap();
    let keys = DerivedKeys::derive(&store.master().await.unwrap().unwrap());
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/maybe", Access::Optional, &app.url)
        .route("/graphql", Access::SignedIn, &app.url)
        .forwarding()
        .start_with(Arc::new(Keeper::new()), Arc::clone(&auth) as _);
    Issuing { world, app, auth, store, clock, keys }
}

fn account_id(number: u8) -> AccountId {
    AccountId(Uuid::from_u128(u128::from(number)))
}

impl Issuing {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn wait(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn commit(&self, changes: Vec<Change>) {
        self.store.commit(changes, Durability::Durable).await.unwrap();
    }

    async fn add_account(&self, number: u8) {
        let origin = Url::parse("https://notes.example.com").unwrap();
        let webauthn = WebauthnBuilder::new("notes.example.com", &origin).unwrap().build().unwrap();
        let (challenge, state) = webauthn.start_passkey_registration(Uuid::nil(), "a", "a", None).unwrap();
        let mut device = SoftPasskey::new(true);
        let answer = device.perform_register(origin, challenge.public_key, 1000).unwrap();
        let credential = webauthn.finish_passkey_registration(&answer, &state).unwrap();
        let account = Account {
            id: account_id(number),
            email: Email::parse(&format!("user{number}@example.com")).unwrap(),
            name: None,
            locale: None,
            metadata: None,
            groups: Vec::new(),
            disabled: false,
            created_at: self.now(),
            aftermath: Aftermath::default(),
        };
        let passkey = Passkey {
            account: account.id,
            key: NewPasskey {
                id: CredentialId::new(&[number; 16]).unwrap(),
                credential,
                counter: 0,
                aaguid: Uuid::nil(),
                backup_eligible: false,
                backed_up: false,
                rp_id: None,
            },
            name: None,
            browser: String::new(),
            created_at: self.now(),
            last_used_at: None,
        };
        self.commit(vec![Change::Account(AccountChange::Add(account)), Change::Passkey(PasskeyChange::Add(passkey))])
            .await;
    }

    /// Begins a session of an account; `cookie` is its secret, where it is a browser's.
    async fn begin(&self, account: u8, session: u8, cookie: Option<&Secret>) -> SignedIn {
        self.begin_by(account, session, cookie, &[Method::HardwareKey]).await
    }

    /// The same, proved by these; without a key among them it has none.
    async fn begin_by(&self, account: u8, session: u8, cookie: Option<&Secret>, methods: &[Method]) -> SignedIn {
        let id = SessionId(Uuid::from_u128(1000 + u128::from(session)));
        let session = Session {
            token: cookie.map_or_else(|| self.keys.api_session(id), Secret::digest),
            id,
            account: account_id(account),
            credential: CredentialId::new(&[account; 16]).filter(|_| methods.contains(&Method::HardwareKey)),
            authentication: Authentication { at: self.now(), methods: methods.to_vec() },
            created_at: self.now(),
            last_seen_at: self.now(),
            browser: String::new(),
            address: None,
            recovered_at: None,
            host: None,
            bound_for: Destination::root(),
            head: None,
        };
        self.commit(vec![Change::Session(SessionChange::Add(session.clone()))]).await;
        let account = self.store.account(session.account).await.unwrap().unwrap();
        let absolute_end = self.auth.sessions.limits().absolute_end(session.created_at);
        SignedIn { session, account, absolute_end }
    }

    fn issue(&self, signed_in: &SignedIn) -> String {
        let end = self.auth.sessions.limits().end(signed_in.session.created_at, self.now());
        self.auth.identity().mint_access(signed_in, None, end, Uuid::nil(), self.now()).unwrap().text
    }

    /// The status that a bearer gets, with more lines of the head.
    async fn status(&self, token: &str, lines: &[&str]) -> u16 {
        let line = format!("Authorization: Bearer {token}");
        self.world.get("/", &[&[line.as_str()], lines].concat()).await.status
    }
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn with_part(token: &str, place: usize, json: &Value) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[place] = URL_SAFE_NO_PAD.encode(json.to_string());
    parts.join(".")
}

#[tokio::test]
async fn an_issued_token_opens_a_route_for_as_long_as_it_is_good() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    let token = gateway.issue(&signed_in);
    assert_eq!(gateway.status(&token, &[]).await, 200);
    let seen = gateway.app.saw();
    let identity = part(seen.field(IDENTITY).unwrap(), 1);
    assert_eq!(identity["sub"], json!(signed_in.account.id));
    assert_eq!(identity["sid"], json!(signed_in.session.id));
    assert_eq!(identity["aud"], "notes.example.com");
    assert_eq!(seen.field("authorization"), None);

    gateway.wait(899);
    assert_eq!(gateway.status(&token, &[]).await, 200);
    gateway.wait(1);
    assert_eq!(gateway.status(&token, &[]).await, 401);
    let next = gateway.issue(&signed_in);
    assert_ne!(next, token);
    assert_eq!(gateway.status(&next, &[]).await, 200);
}

#[tokio::test]
async fn a_token_that_is_not_as_it_was_issued_opens_nothing_even_beside_a_cookie() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let secret = Secret::from_bytes([7; 32]);
    gateway.begin(1, 1, Some(&secret)).await;
    let token = gateway.issue(&gateway.begin(1, 2, None).await);
    let cookie = cookie(&secret);
    assert_eq!(gateway.world.get("/", &[&cookie]).await.status, 200);

    let (header, claims) = (part(&token, 0), part(&token, 1));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let changed = |json: &Value, name: &str, value: Value| {
        let mut changed = json.clone();
        changed[name] = value;
        changed
    };
    let mut last = signature.to_owned();
    let other = if last.ends_with('A') { 'Q' } else { 'A' };
    last.replace_range(last.len() - 1.., &other.to_string());
    let forged = [
        format!("{message}."),
        format!("{message}.{last}"),
        format!("{message}.{}", "A".repeat(86)),
        with_part(&token, 0, &changed(&header, "alg", json!("none"))),
        with_part(&token, 0, &changed(&header, "alg", json!("HS256"))),
        with_part(&token, 0, &changed(&header, "alg", json!("EdDSA"))),
        with_part(&token, 0, &changed(&header, "kid", json!("other"))),
        with_part(&token, 0, &changed(&header, "typ", json!("at+jwt"))),
        with_part(&token, 0, &changed(&header, "crit", json!(["exp"]))),
        with_part(&token, 1, &changed(&claims, "sid", json!(Uuid::from_u128(1001)))),
        with_part(&token, 1, &changed(&claims, "exp", json!(4_000_000_000_u64))),
        with_part(&token, 1, &changed(&claims, "aud", json!([claims["aud"], "x"]))),
        with_part(&token, 1, &changed(&claims, "nbf", json!(1_800_000_001_u64))),
    ];
    // Before a good one was verified, and after: what is remembered is that one alone.
    for _ in 0..2 {
        for forged in &forged {
            assert_eq!(gateway.status(forged, &[&cookie]).await, 401, "{forged}");
        }
        assert_eq!(gateway.status(&token, &[&cookie]).await, 200);
    }
    assert_eq!(gateway.app.seen().len(), 3);
}

#[tokio::test]
async fn an_ended_session_or_a_disabled_account_makes_its_tokens_worthless_at_once() {
    let gateway = issuing().await;
    for account in [1, 2] {
        gateway.add_account(account).await;
    }
    let secret = Secret::from_bytes([7; 32]);
    gateway.begin(2, 9, Some(&secret)).await;
    let cookie = cookie(&secret);
    let (one, other) = (gateway.begin(1, 1, None).await, gateway.begin(1, 2, None).await);
    let tokens = [gateway.issue(&one), gateway.issue(&other)];
    for token in &tokens {
        assert_eq!(gateway.status(token, &[]).await, 200);
    }
    gateway.auth.sessions.sign_out(one.session.token).await.unwrap();
    assert_eq!(gateway.status(&tokens[0], &[&cookie]).await, 401);
    assert_eq!(gateway.status(&tokens[1], &[]).await, 200);
    gateway.auth.operate.set_disabled(&other.account, true).await.unwrap();
    assert_eq!(gateway.status(&tokens[1], &[&cookie]).await, 401);
}

#[tokio::test]
async fn a_token_is_good_for_the_session_and_account_it_names_together() {
    let gateway = issuing().await;
    for account in [1, 2] {
        gateway.add_account(account).await;
    }
    let (mine, theirs) = (gateway.begin(1, 1, None).await, gateway.begin(2, 2, None).await);
    for mixed in [
        SignedIn { account: theirs.account.clone(), ..mine.clone() },
        SignedIn { session: theirs.session.clone(), ..mine.clone() },
    ] {
        assert_eq!(gateway.status(&gateway.issue(&mixed), &[]).await, 401);
    }
    // One that is kept where another one's tokens lead.
    let mut astray = mine.session.clone();
    astray.token = gateway.keys.api_session(SessionId(Uuid::from_u128(77)));
    gateway.commit(vec![Change::Session(SessionChange::Add(astray))]).await;
    let mut named = mine.clone();
    named.session.id = SessionId(Uuid::from_u128(77));
    assert_eq!(gateway.status(&gateway.issue(&named), &[]).await, 401);
    assert!(gateway.app.seen().is_empty());
    assert_eq!(gateway.status(&gateway.issue(&mine), &[]).await, 200);
}

#[tokio::test]
async fn a_browsers_session_has_no_access_tokens_and_an_apps_no_cookie() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let browsers = gateway.begin(1, 1, Some(&Secret::from_bytes([7; 32]))).await;
    assert_eq!(gateway.status(&gateway.issue(&browsers), &[]).await, 401);

    let apps = gateway.begin(1, 2, None).await;
    assert_eq!(gateway.status(&gateway.issue(&apps), &[]).await, 200);
    let id = *apps.session.id.0.as_bytes();
    for guess in [*apps.session.token.bytes(), [id, id].concat().try_into().unwrap()] {
        let guess = cookie(&Secret::from_bytes(guess));
        assert_eq!(gateway.world.get("/", &[&guess]).await.status, 401);
    }
}

#[tokio::test]
async fn a_session_that_a_code_alone_began_opens_no_route_until_a_passkey_is_made_in_it() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin_by(1, 1, None, &[Method::EmailCode]).await;
    let token = gateway.issue(&signed_in);
    for kind in [&[][..], &["Sec-Fetch-Mode: cors"], &UPGRADE] {
        assert_eq!(gateway.status(&token, kind).await, 401, "{kind:?}");
    }
    assert_eq!(gateway.status(&token, &["Sec-Fetch-Mode: navigate"]).await, 303);
    assert!(gateway.app.seen().is_empty());
    let line = format!("Authorization: Bearer {token}");
    assert_eq!(gateway.world.get("/maybe", &[&line]).await.status, 200);
    let seen = gateway.app.saw();
    assert_eq!((seen.field(IDENTITY), seen.field("authorization")), (None, None));

    let (credential, now) = (CredentialId::new(&[1; 16]).unwrap(), gateway.now());
    let authentication = Authentication { at: now, methods: vec![Method::HardwareKey, Method::UserVerified] };
    let tie = SessionChange::Tie { session: signed_in.session.token, credential, authentication };
    gateway.auth.ledger().carry_out(Plan::durable(vec![tie.into()], ())).await.unwrap();
    assert_eq!(gateway.status(&token, &[]).await, 200);
    assert_eq!(part(gateway.app.saw().field(IDENTITY).unwrap(), 1)["acr"], "phr");
}

#[tokio::test]
async fn the_token_an_app_is_handed_does_not_open_the_gateway() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    assert_eq!(gateway.status(&gateway.issue(&signed_in), &[]).await, 200);
    let handed = gateway.app.saw().field(IDENTITY).unwrap().to_owned();
    assert_eq!(gateway.status(&handed, &[]).await, 401);
    assert!(gateway.app.seen().is_empty());
}

#[tokio::test]
async fn an_app_that_reads_tokens_is_handed_one_of_its_own_that_is_refused_here() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    let end = gateway.auth.sessions.limits().end(signed_in.session.created_at, gateway.now());
    let mint = |elevated, jti| {
        gateway
            .auth
            .identity()
            .mint_access(&signed_in, elevated, end, Uuid::from_u128(jti), gateway.now())
            .unwrap()
            .text
    };
    let (plain, elevated) = (mint(None, 1), mint(Some(gateway.now().after(Duration::from_secs(300))), 2));
    gateway.wait(100);
    let mut handed = Vec::new();
    for token in [&plain, &elevated, &plain, &elevated] {
        let line = format!("Authorization: Bearer {token}");
        assert_eq!(gateway.world.get("/graphql", &[&line]).await.status, 200);
        let seen = gateway.app.saw().field("authorization").unwrap().to_owned();
        let forwarded = seen.strip_prefix("Bearer ").unwrap().to_owned();
        let (says, said) = (part(token, 1), part(&forwarded, 1));
        assert_eq!(part(token, 0), part(&forwarded, 0), "any library reads it");
        let mut expected = says.clone();
        expected["aud"] = json!("notes.example.com");
        expected["forwarded"] = json!(true);
        for time in ["iat", "nbf"] {
            expected[time] = json!(gateway.now().unix() - 30);
        }
        expected["jti"] = said["jti"].clone();
        assert_eq!(said, expected);
        handed.push(forwarded);
    }
    assert_eq!((&handed[0], &handed[1]), (&handed[2], &handed[3]), "not each request signs");

    // Nothing here takes it, whatever comes along, and no other app sees it.
    let secret = Secret::from_bytes([7; 32]);
    gateway.begin(1, 9, Some(&secret)).await;
    for forwarded in &handed[..2] {
        assert_eq!(gateway.status(forwarded, &[&cookie(&secret)]).await, 401);
        assert!(gateway.app.seen().is_empty());
        let line = format!("Authorization: Bearer {forwarded}");
        assert_eq!(gateway.world.get("/maybe", &[&cookie(&secret), &line]).await.status, 200);
        let seen = gateway.app.saw();
        assert_eq!((seen.field(IDENTITY), seen.field("authorization")), (None, None));
        assert!(gateway.auth.sessions.of_access_token(forwarded).await.unwrap().is_none());
    }
    // The session's end ends them with the next request.
    gateway.auth.sessions.sign_out(signed_in.session.token).await.unwrap();
    let line = format!("Authorization: Bearer {plain}");
    assert_eq!(gateway.world.get("/graphql", &[&line]).await.status, 401);
}

#[tokio::test]
async fn use_keeps_a_session_alive_and_a_forgery_does_not() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let (used, forged) = (gateway.begin(1, 1, None).await, gateway.begin(1, 2, None).await);
    for signed_in in [&used, &forged] {
        assert_eq!(gateway.status(&gateway.issue(signed_in), &[]).await, 200);
    }
    gateway.wait(DAY - 60);
    assert_eq!(gateway.status(&gateway.issue(&used), &[]).await, 200);
    let token = gateway.issue(&forged);
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(gateway.status(&format!("{message}.{}", "A".repeat(86)), &[]).await, 401);
    gateway.wait(60);
    assert_eq!(gateway.status(&gateway.issue(&used), &[]).await, 200);
    assert_eq!(gateway.status(&gateway.issue(&forged), &[]).await, 401);
}

#[tokio::test]
async fn a_key_that_is_gone_takes_its_tokens_with_it_also_those_that_were_seen_before() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    let old = gateway.issue(&signed_in);
    assert_eq!(gateway.status(&old, &[]).await, 200);

    let before = gateway.store.signing_keys().await.unwrap();
    let made =
        rotation::plan(gateway.store.key_generation().await.unwrap(), &[], before[0].algorithm, gateway.now()).unwrap();
    gateway.commit(made).await;
    let both = gateway.store.signing_keys().await.unwrap();
    gateway.auth.identity().replace_keys(&both).unwrap();
    let names: HashSet<_> = both.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(names.len(), 2);
    assert_eq!(gateway.status(&old, &[]).await, 200, "both are published");

    let after: Vec<_> = both.iter().filter(|key| key.kid != before[0].kid).cloned().collect();
    gateway.auth.identity().replace_keys(&after).unwrap();
    assert_eq!(gateway.status(&old, &[]).await, 401);
    assert_eq!(gateway.status(&gateway.issue(&signed_in), &[]).await, 200);
}

#[tokio::test]
async fn two_tokens_of_one_session_are_good_in_turns() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    let first = gateway.issue(&signed_in);
    gateway.wait(60);
    let second = gateway.issue(&signed_in);
    for token in [&first, &second, &first, &first, &second] {
        assert_eq!(gateway.status(token, &[]).await, 200);
    }
}

#[tokio::test]
async fn a_text_is_remembered_once_it_was_verified_and_a_forgery_never() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    let token = gateway.issue(&signed_in);
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", "A".repeat(86));
    let is_remembered = |text: &str| {
        let found = gateway.auth.sessions.find(signed_in.session.token).now_or_never();
        let live = found.expect("it is in memory").unwrap().unwrap();
        live.has_verified(&Sha256::digest(text).into())
    };
    assert_eq!(gateway.status(&token, &[]).await, 200);
    assert_eq!(gateway.status(&forged, &[]).await, 401);
    assert_eq!((is_remembered(&token), is_remembered(&forged)), (true, false));
    gateway.wait(1);
    let next = gateway.issue(&signed_in);
    assert_eq!(gateway.status(&next, &[]).await, 200);
    assert_eq!((is_remembered(&next), is_remembered(&token)), (true, false), "one for each session");
}

#[tokio::test]
async fn what_a_token_opened_outlives_it_but_not_its_session() {
    let gateway = issuing().await;
    gateway.add_account(1).await;
    let signed_in = gateway.begin(1, 1, None).await;
    let token = gateway.issue(&signed_in);
    let url = echo().await;
    let world =
        plan().route("/", Access::SignedIn, &url).start_with(Arc::new(Keeper::new()), Arc::clone(&gateway.auth) as _);
    let line = format!("Authorization: Bearer {token}");
    let (mut client, answer) = open_socket(&world, "/socket", &[&line]).await;
    assert_eq!(answer.status, 101);
    gateway.wait(901);
    gateway.auth.sessions.end_expired().await;
    assert_eq!(open_socket(&world, "/socket", &[&line]).await.1.status, 401);
    client.send("x").await;
    client.expect(b"x").await;
    gateway.auth.sessions.sign_out(signed_in.session.token).await.unwrap();
    assert_eq!(client.closes().await, "");
}
