//! What devices and browsers write is read in one way only: what two readers could take for different things, or what
//! is left over, is refused, whatever is asked.

use std::sync::Arc;

use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_cbor_2::Value as Cbor;
use serde_json::json;

use crate::api::Client;
use crate::authenticator::{AT, BE, BS, Cheat, ED, ORIGIN, Passkey, UP, UV};
use crate::world::{CONFIG, World};

const MARIA: &str = "maria@example.com";

/// The origin in other words.
const OTHER_SPELLINGS: [&str; 14] = [
    "https://notes.example.com/",
    "https://notes.example.com/_bmauth/sign-in",
    "https://notes.example.com?",
    "https://notes.example.com#",
    "https://user@notes.example.com",
    "https://user:password@notes.example.com",
    "https://@notes.example.com",
    "https://notes.example.com:443",
    "https://notes.example.com:",
    "https://Notes.example.com",
    "HTTPS://notes.example.com",
    "https://notes.example.com.",
    " https://notes.example.com",
    "https:\\\\notes.example.com",
];

/// What is wrong with a new key and an assertion alike.
fn of_both() -> Vec<(&'static str, Cheat)> {
    vec![
        ("a byte behind the authenticator data", |key| key.behind_data = vec![0]),
        ("extensions without their flag", |key| key.behind_data = b"\xa1\x61a\xf5".to_vec()),
        ("the flag of extensions without any", |key| key.flags |= ED),
        ("a byte behind the extensions", |key| (key.flags, key.behind_data) = (key.flags | ED, b"\xa0\x00".to_vec())),
        ("an extension twice", |key| {
            (key.flags, key.behind_data) = (key.flags | ED, b"\xa2\x61a\xf5\x61a\xf5".to_vec());
        }),
        ("extensions of an open length", |key| {
            (key.flags, key.behind_data) = (key.flags | ED, b"\xbf\xff".to_vec());
        }),
        ("backed up, and not eligible for it", |key| key.flags = UP | UV | BS),
        ("an origin twice", |key| said(key, r#""origin":"https://notes.example.com""#)),
        ("a challenge twice", |key| said(key, r#""challenge":"{challenge}""#)),
        ("a type twice", |key| said(key, r#""type":"{type}""#)),
        ("another origin besides", |key| said(key, r#""origin":"https://evil.example""#)),
        ("an origin twice, once with an escape", |key| said(key, r#""or\u0069gin":"https://notes.example.com""#)),
        ("a frame twice", |key| said(key, r#""crossOrigin":false"#)),
        ("more behind the client data", |key| {
            said(key, r#""a":1"#);
            key.client_data_text.as_mut().unwrap().push_str("{}");
        }),
    ]
}

/// Writes the client data by hand, with `more` in it.
fn said(key: &mut Passkey, more: &str) {
    let right =
        r#"{"type":"{type}","challenge":"{challenge}","origin":"https://notes.example.com","crossOrigin":false"#;
    key.client_data_text = Some(format!("{right},{more}}}"));
}

#[tokio::test]
async fn an_assertion_that_is_not_exact_is_refused() {
    let world = World::new().await;
    let mut passkey = Passkey::new(b"key of maria");
    world.browser().register(&world, MARIA, &mut passkey).await;
    let mut refused = of_both();
    refused.push(("a new key's flag", |key| key.flags |= AT));
    refused.push(("a new key", |key| {
        key.flags |= AT;
        key.behind_data = [&[0xab; 16][..], &[0, 2], b"id", &es256()].concat();
    }));
    for (name, cheat) in refused {
        let mut browser = world.browser();
        let mut cheating = passkey.again();
        cheat(&mut cheating);
        assert_eq!(browser.sign_in(Some(MARIA), &mut cheating).await.refusal(), "not-accepted", "{name}");
        assert_eq!(browser.who().await, None, "{name}");
    }
    for origin in OTHER_SPELLINGS {
        let mut cheating = passkey.again();
        cheating.origin = origin.to_owned();
        let answer = world.browser().sign_in(Some(MARIA), &mut cheating).await;
        assert_eq!(answer.refusal(), "not-accepted", "{origin}");
    }
    // What is reserved, what browsers add, and what is no longer used are passed over.
    let taken: [(&str, Cheat); 4] = [
        ("reserved flags", |key| key.flags |= 0b0010_0010),
        ("extensions", |key| (key.flags, key.behind_data) = (key.flags | ED, b"\xa1\x61a\xf5".to_vec())),
        ("token binding", |key| key.client_data = json!({ "tokenBinding": { "status": "supported" } })),
        ("something new", |key| said(key, r#""other_keys_can_be_added_here":"do not compare""#)),
    ];
    for (name, change) in taken {
        let mut changed = passkey.again();
        change(&mut changed);
        assert_eq!(world.browser().sign_in(None, &mut changed).await.status, StatusCode::OK, "{name}");
    }
}

fn es256() -> Vec<u8> {
    [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], &[1; 32], b"\x22\x58\x20", &[2; 32]].concat()
}

#[tokio::test]
async fn a_new_key_that_is_not_exact_is_not_kept() {
    let world = World::new().await;
    let mut refused = of_both();
    let of_new_keys: [(&str, Cheat); 17] = [
        ("a byte behind the key", |key| key.behind_key = vec![0]),
        ("a byte behind the attestation object", |key| key.behind_object = vec![0]),
        ("a part that is not known", |key| key.object_has = b"\x61a\x01".to_vec()),
        ("its data twice", |key| key.object_has = b"\x68authData\x41a".to_vec()),
        ("its format twice", |key| key.object_has = b"\x63fmt\x64none".to_vec()),
        ("a part with a number for a name", |key| key.object_has = b"\x01\x01".to_vec()),
        ("another curve", |key| key.says(-1, Cbor::Integer(2))),
        ("another kind", |key| key.says(1, Cbor::Integer(1))),
        ("another algorithm", |key| key.says(3, Cbor::Integer(-35))),
        ("an algorithm that was not offered", |key| key.says(3, Cbor::Integer(-36))),
        ("a long coordinate", |key| key.says(-2, Cbor::Bytes(vec![1; 33]))),
        ("a short coordinate", |key| key.says(-3, Cbor::Bytes(vec![1; 31]))),
        ("a compressed point", |key| key.says(-3, Cbor::Bool(true))),
        ("a private half", |key| key.says(-4, Cbor::Bytes(vec![1; 32]))),
        ("no algorithm", |key| key.cose.retain(|(name, _)| *name != 3)),
        ("Ed25519, which was not offered", |key| {
            key.cose.clear();
            key.cose.extend([(1, Cbor::Integer(1)), (3, Cbor::Integer(-8)), (-1, Cbor::Integer(6))]);
            key.says(-2, Cbor::Bytes(vec![1; 32]));
        }),
        ("a key of RSA by the algorithm of curves", |key| {
            key.cose.clear();
            key.cose.extend([(1, Cbor::Integer(3)), (3, Cbor::Integer(-7))]);
            key.cose.extend([(-1, Cbor::Bytes(vec![1; 256])), (-2, Cbor::Bytes(vec![1, 0, 1]))]);
        }),
    ];
    refused.extend(of_new_keys);
    for (name, cheat) in refused {
        let mut key = Passkey::new(b"key of maria");
        cheat(&mut key);
        assert_eq!(world.browser().ask_to_register(MARIA, &mut key).await.refusal(), "not-accepted", "{name}");
    }
    for origin in OTHER_SPELLINGS {
        let mut key = Passkey::new(b"key of maria");
        key.origin = origin.to_owned();
        assert_eq!(world.browser().ask_to_register(MARIA, &mut key).await.refusal(), "not-accepted", "{origin}");
    }
    assert!(world.mails(MARIA).await.is_empty());
    let taken: [(&str, Cheat); 3] = [
        ("reserved flags", |key| key.flags |= 0b0010_0010),
        ("extensions", |key| (key.flags, key.behind_data) = (key.flags | ED, b"\xa1\x6bcredProtect\x03".to_vec())),
        ("not eligible for backup", |key| key.flags &= !(BE | BS)),
    ];
    for (number, (name, change)) in taken.into_iter().enumerate() {
        let mut key = Passkey::new(format!("key {number}").as_bytes());
        change(&mut key);
        assert_eq!(world.browser().ask_to_register(MARIA, &mut key).await.status, StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn an_origin_with_a_port_of_its_own_is_spelled_one_way_too() {
    let world = World::with(
        &format!("{CONFIG}[api]\nallowed_origins = [\"https://notes.example.com:8443\"]\n"),
        Arc::new(MemoryStore::new()),
    )
    .await;
    let mut passkey = Passkey::new(b"key of maria");
    world.browser().register(&world, MARIA, &mut passkey).await;
    for (origin, status) in [
        (ORIGIN, StatusCode::OK),
        ("https://notes.example.com:8443", StatusCode::OK),
        ("https://notes.example.com:08443", StatusCode::UNAUTHORIZED),
        ("https://notes.example.com:8443/", StatusCode::UNAUTHORIZED),
        ("https://a@notes.example.com:8443", StatusCode::UNAUTHORIZED),
    ] {
        passkey.origin = origin.to_owned();
        assert_eq!(Client::app(&world).sign_in(Some(MARIA), &mut passkey).await.status, status, "{origin}");
    }
}
