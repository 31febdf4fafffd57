//! Sign-up: an address, a key, and what a person says of themselves; the code is to come.

use std::sync::Arc;

use bmauth::store::memory::MemoryStore;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::{BOB, Client, MARIA, account, error, keys, looks, maria, refused};
use crate::authenticator::{BE, Cheat, Passkey, UP, decode, encode};
use crate::world::{CONFIG, World};

const FLOW: &str = "__Host-bmauth-flow=";

/// Signs Maria up, who says this at first and that with her key; her session's user.
async fn sign_up(first: &Value, then: &Value) -> Value {
    let world = World::new().await;
    let (mut client, mut key) = (Client::app(&world), Passkey::new(b"key"));
    let options = client.begin("/signup/webauthn", &json!({ "email": MARIA, "options": first })).await;
    let body = json!({ "credential": key.create(&options), "options": then });
    assert_eq!(client.begin("/signup/webauthn/verify", &body).await, json!({ "session": null }));
    let otp = world.code(MARIA).await;
    let done = client.enter(MARIA, &otp).await;
    let user = client.keep(&done)["user"].clone();
    assert_eq!(client.get("/user").await.json(), user);
    user
}

#[tokio::test]
async fn creation_options_are_bare_and_binary_values_unpadded() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    let options = client.begin("/signup/webauthn", &json!({ "email": MARIA })).await;
    assert_eq!(options["publicKey"], Value::Null);
    // `decode` takes unpadded base64url alone.
    assert!(decode(&options["challenge"]).len() >= 16);
    assert_eq!(decode(&options["user"]["id"]).len(), 16);
    assert_eq!(options["rp"]["id"], "notes.example.com");
    assert_eq!((&options["user"]["name"], &options["attestation"]), (&json!(MARIA), &json!("none")));
    let selection = &options["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["userVerification"]), (&json!("preferred"), &json!("required")));
    assert!(options["pubKeyCredParams"].as_array().unwrap().contains(&json!({ "type": "public-key", "alg": -7 })));
    let excluded = options["excludeCredentials"].as_array();
    assert!(excluded.is_none_or(Vec::is_empty), "{options}");
}

#[tokio::test]
async fn what_a_person_says_of_themselves_comes_back() {
    let metadata = json!({ "city": "Graz", "nested": { "list": [1, 2.5, null, "ü\u{0}<script>"] }, "\"": "\\" });
    let said = json!({ "displayName": " Maria  Muster\u{202e} ", "locale": "de-AT", "metadata": metadata });
    for (first, then) in [(&said, &Value::Null), (&Value::Null, &said), (&said, &json!({}))] {
        let user = sign_up(first, then).await;
        assert_eq!((&user["displayName"], &user["locale"]), (&json!("Maria Muster"), &json!("de-AT")));
        assert_eq!(user["metadata"], metadata);
    }
    let other = json!({ "displayName": "Mary" });
    let user = sign_up(&said, &other).await;
    // What is said later counts, and what is not said again still does.
    assert_eq!((&user["displayName"], &user["metadata"]), (&json!("Mary"), &metadata));
}

#[tokio::test]
async fn a_user_who_said_nothing_is_called_by_the_address() {
    for said in [Value::Null, json!({}), json!({ "displayName": " \u{200b} ", "redirectTo": "https://evil.example" })] {
        let user = sign_up(&said, &said).await;
        let id = user["id"].as_str().unwrap().to_owned();
        let created = user["createdAt"].as_str().unwrap().to_owned();
        assert!(uuid::Uuid::parse_str(&id).is_ok() && created.ends_with('Z') && created.starts_with("2027-01-15T"));
        assert_eq!(
            user,
            json!({
                "id": id, "email": MARIA, "displayName": MARIA, "avatarUrl": "", "createdAt": created,
                "defaultRole": "user", "roles": ["user", "me"], "emailVerified": true, "isAnonymous": false,
                "locale": "en", "metadata": null, "phoneNumber": null, "phoneNumberVerified": false,
                "activeMfaType": null,
            })
        );
    }
}

#[tokio::test]
async fn no_client_gives_itself_roles_or_groups() {
    let said = json!({ "allowedRoles": ["admin"], "defaultRole": "admin", "roles": ["admin"], "groups": ["admin"] });
    let user = sign_up(&said, &said).await;
    assert_eq!((&user["roles"], &user["defaultRole"]), (&json!(["user", "me"]), &json!("user")));
}

#[tokio::test]
async fn what_is_too_large_or_of_another_kind_is_refused_at_both_steps() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    let large = json!({ "x": "x".repeat(4096) });
    let fits = json!({ "x": "x".repeat(4096 - r#"{"x":""}"#.len()) });
    assert_eq!(sign_up(&json!({ "metadata": fits }), &Value::Null).await["metadata"], fits);
    for options in [
        json!({ "metadata": large }),
        json!({ "metadata": [1] }),
        json!({ "metadata": "x" }),
        json!({ "locale": "en_US" }),
        json!({ "locale": "" }),
        json!({ "locale": "x".repeat(40) }),
        json!({ "locale": 7 }),
        json!({ "displayName": ["Maria"] }),
        json!([]),
    ] {
        let begun = client.post("/signup/webauthn", &json!({ "email": MARIA, "options": options })).await;
        assert_eq!(error(&begun), (400, "invalid-request".into()), "{options}");
        let asked = client.begin("/signup/webauthn", &json!({ "email": MARIA })).await;
        let credential = Passkey::new(b"key").create(&asked);
        let body = json!({ "credential": credential, "options": options });
        let kept = client.post("/signup/webauthn/verify", &body).await;
        assert_eq!(error(&kept), (400, "invalid-request".into()), "{options}");
    }
    let long = sign_up(&json!({ "displayName": "ö".repeat(300) }), &Value::Null).await;
    assert_eq!(long["displayName"], "ö".repeat(64));
    assert_eq!(world.mails(MARIA).await.len(), 0);
}

#[tokio::test]
async fn a_key_has_the_nickname_it_was_given() {
    let world = World::new().await;
    let (mut client, mut key) = (Client::app(&world), Passkey::new(b"key"));
    let options = client.begin("/signup/webauthn", &json!({ "email": MARIA })).await;
    let body = json!({ "credential": key.create(&options), "nickname": " My \u{202e} key\n" });
    client.begin("/signup/webauthn/verify", &body).await;
    let otp = world.code(MARIA).await;
    assert_eq!(client.enter(MARIA, &otp).await.status, StatusCode::OK);
    let keys = world.store.passkeys(account(&world, MARIA).await.id).await.unwrap();
    assert_eq!(keys[0].name.as_deref(), Some("My key"));
}

#[tokio::test]
async fn closed_sign_up_is_closed_for_every_address_alike() {
    let allowed = "[accounts]\nallowed_domains = [\"example.com\"]";
    for (accounts, email) in [
        ("[accounts]\nregistration = \"closed\"", MARIA),
        (allowed, "maria@other.example"),
        (allowed, "a@x.example.com"),
    ] {
        let world = World::with(&format!("{CONFIG}\n{accounts}"), Arc::new(MemoryStore::new())).await;
        let answer = Client::app(&world).post("/signup/webauthn", &json!({ "email": email })).await;
        refused(&answer, 403, "signup-disabled");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_gets_the_same_answers_and_its_owner_a_note() {
    let world = World::new().await;
    let (_, mut own) = maria(&world).await;
    for (with_cookie, ids) in [(false, [b"a", b"b"]), (true, [b"c", b"d"])] {
        let mut seen = Vec::new();
        for (email, id) in [(MARIA, ids[0]), ("nobdy@example.com", ids[1])] {
            let mut client = if with_cookie { Client::page(&world) } else { Client::app(&world) };
            let mut key = Passkey::new(id);
            let begun = client.post("/signup/webauthn", &json!({ "email": email })).await;
            let credential = key.create(&begun.json());
            let kept = client.post("/signup/webauthn/verify", &json!({ "credential": credential })).await;
            let mail = world.mails(email).await;
            assert_eq!(mail.len(), 1);
            let code: String = mail[0].subject.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(code.is_empty(), email == MARIA, "{}", mail[0].subject);
            let wrong = client.enter(email, &if code.is_empty() { "123456".into() } else { super::wrong(&code) }).await;
            client.ask_for_code(email).await;
            let looks = [looks(&begun), looks(&kept), looks(&wrong)];
            seen.push(format!("{looks:?}").replace(email, "…"));
            // Its own client is told that the code is still to come.
            let expected = if with_cookie { "unverified-user" } else { "invalid-email-password" };
            refused(&client.sign_in(Some(email), &mut key).await, 401, expected);
            world.mails(email).await;
        }
        assert_eq!(seen[0], seen[1], "with a cookie: {with_cookie}");
    }
    assert_eq!(keys(&world, MARIA).await, [own.id.clone()]);
    assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut own).await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_accounts_are_revealed_a_taken_address_is_told_early() {
    let world = World::with(&format!("{CONFIG}\n[api]\nreveal_accounts = true"), Arc::new(MemoryStore::new())).await;
    maria(&world).await;
    let mut client = Client::app(&world);
    for disabled in [false, true] {
        world.auth.operate.set_disabled(&account(&world, MARIA).await, disabled).await.unwrap();
        refused(&client.post("/signup/webauthn", &json!({ "email": MARIA })).await, 409, "email-already-in-use");
    }
    // One that waits for its code belongs to no account yet.
    client.ask_to_sign_up(BOB, &mut Passkey::new(b"bob")).await;
    client.begin("/signup/webauthn", &json!({ "email": BOB })).await;
}

#[tokio::test]
async fn what_is_no_key_for_the_challenge_is_refused_and_uses_it_up() {
    let cheats: [(&str, Cheat); 7] = [
        ("unverified", |key| key.flags = UP | BE),
        ("another origin", |key| key.origin = "https://evil.example".into()),
        ("another domain", |key| key.rp_id = "evil.example".into()),
        ("another ceremony", |key| key.client_data = json!({ "type": "webauthn.get" })),
        ("a frame", |key| key.client_data = json!({ "crossOrigin": true })),
        ("another type", |key| key.kind = "password".into()),
        ("a long id", |key| key.id = vec![7; 1024]),
    ];
    let world = World::new().await;
    for (name, cheat) in cheats {
        let (mut client, mut key) = (Client::app(&world), Passkey::new(b"key"));
        let options = client.begin("/signup/webauthn", &json!({ "email": MARIA })).await;
        let honest = key.create(&options);
        cheat(&mut key);
        for credential in [key.create(&options), honest] {
            let answer = client.post("/signup/webauthn/verify", &json!({ "credential": credential })).await;
            assert_eq!(error(&answer), (400, "invalid-request".into()), "{name}");
        }
    }
    assert_eq!(world.mails(MARIA).await.len(), 0);
}

#[tokio::test]
async fn a_key_of_an_account_is_refused_like_one_that_was_made_up() {
    let world = World::new().await;
    let (mut owner, mut key) = maria(&world).await;
    let elevated = owner.elevate(&mut key).await;
    owner.keep(&elevated);
    let mut client = Client::app(&world);
    for email in [MARIA, "nobody@example.com"] {
        let options = client.begin("/signin/webauthn", &json!({ "email": email })).await;
        for allowed in options["allowCredentials"].as_array().unwrap() {
            let id = decode(&allowed["id"]);
            let taken = client.ask_to_sign_up(BOB, &mut Passkey::new(&id)).await;
            assert_eq!(error(&taken), (400, "invalid-request".into()), "{email}");
            // Who is signed in learns no more.
            let added = owner.add(&mut Passkey::new(&id)).await;
            assert_eq!((error(&added), &added.text), (error(&taken), &taken.text), "{email}");
        }
    }
    assert_eq!(keys(&world, MARIA).await.len(), 1);
}

#[tokio::test]
async fn a_first_request_is_given_a_cookie_for_what_it_began() {
    let world = World::new().await;
    let mut client = Client::page(&world);
    let given = |answer: &crate::browser::Answer| {
        let cookies: Vec<_> = answer.headers.get_all(header::SET_COOKIE).iter().collect();
        assert!(cookies.len() <= 1);
        cookies.first().map(|cookie| cookie.to_str().unwrap().to_owned())
    };
    let begun = client.post("/signup/webauthn", &json!({ "email": MARIA })).await;
    let cookie = given(&begun).unwrap();
    assert!(cookie.starts_with(FLOW) && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400"));
    let credential = Passkey::new(b"key").create(&begun.json());
    let kept = client.post("/signup/webauthn/verify", &json!({ "credential": credential })).await;
    let goes_on = given(&kept).unwrap();
    assert!(goes_on.starts_with(FLOW) && goes_on != cookie, "a new one, which cannot have been planted");
    let otp = world.code(MARIA).await;
    let done = client.enter(MARIA, &otp).await;
    assert_eq!(given(&done), None, "no session goes into a cookie");
    client.keep(&done);
    assert!(!client.browser.cookies.contains_key("__Host-bmauth"));
    assert!(given(&client.post("/signin/webauthn", &json!({})).await).unwrap().starts_with(FLOW));
    assert_eq!(given(&client.refresh().await), None);
    assert_eq!(given(&client.get("/user").await), None);
}

#[tokio::test]
async fn the_id_in_the_challenge_is_that_of_the_account() {
    let world = World::new().await;
    let (client, key) = maria(&world).await;
    let user = key.user_handle.unwrap();
    assert_eq!(encode(&user), encode(account(&world, MARIA).await.id.0.as_bytes()));
    assert_eq!(super::claims(&client.access.unwrap())["sub"], uuid::Uuid::from_slice(&user).unwrap().to_string());
}

#[tokio::test]
async fn a_device_is_shown_the_name_that_the_person_gave() {
    let world = World::new().await;
    let (mut client, mut key) = (Client::app(&world), Passkey::new(b"key"));
    let plain = client.begin("/signup/webauthn", &json!({ "email": MARIA })).await;
    assert_eq!(plain["user"]["displayName"], MARIA);
    let body = json!({ "email": MARIA, "options": { "displayName": "Maria \u{202e}Muster" } });
    let options = client.begin("/signup/webauthn", &body).await;
    assert_eq!((&options["user"]["displayName"], &options["user"]["name"]), (&json!("Maria Muster"), &json!(MARIA)));
    client.begin("/signup/webauthn/verify", &json!({ "credential": key.create(&options) })).await;
    let otp = world.code(MARIA).await;
    let done = client.enter(MARIA, &otp).await;
    client.keep(&done);
    let elevated = client.elevate(&mut key).await;
    client.keep(&elevated);
    assert_eq!(client.begin("/user/webauthn/add", &json!({})).await["user"]["displayName"], "Maria Muster");
}

#[tokio::test]
async fn what_browsers_send_beside_is_no_hindrance() {
    let world = World::new().await;
    for (n, attachment) in [json!("platform"), json!("cross-platform"), json!(null)].into_iter().enumerate() {
        let email = format!("maria{n}@example.com");
        let (mut client, mut key) = (Client::app(&world), Passkey::new(email.as_bytes()));
        let options = client.begin("/signup/webauthn", &json!({ "email": email })).await;
        let mut credential = key.create(&options);
        credential["authenticatorAttachment"] = attachment.clone();
        credential["clientExtensionResults"] = json!({ "credProps": { "rk": true }, "other": { "x": 1 } });
        for (field, value) in [
            ("transports", json!(["internal", "hybrid", "usb", "nfc", "ble", "smart-card", "cable", "later"])),
            ("publicKeyAlgorithm", json!(-7)),
            ("publicKey", json!("AAAA")),
            ("authenticatorData", json!("AAAA")),
        ] {
            credential["response"][field] = value;
        }
        client.begin("/signup/webauthn/verify", &json!({ "credential": credential, "nickname": null })).await;
        let otp = world.code(&email).await;
        assert_eq!(client.enter(&email, &otp).await.status, StatusCode::OK);
        for results in [json!({}), json!({ "appid": false, "other": [1] })] {
            let options = client.begin("/signin/webauthn", &json!({ "email": email })).await;
            let mut credential = key.get(&options);
            credential["authenticatorAttachment"] = attachment.clone();
            credential["clientExtensionResults"] = results;
            let body = json!({ "credential": credential, "email": email, "options": {} });
            let done = client.post("/signin/webauthn/verify", &body).await;
            client.keep(&done);
        }
    }
}
