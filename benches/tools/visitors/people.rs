//! The people of one gateway: one key for all, under many names. What a key costs does not depend on whose it is.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::authenticator::Passkey;
use crate::browser::Browser;

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The person who registers first.
const FIRST: &str = "person0@example.com";

/// Written down as JSON; the filler adds people to it.
#[derive(Serialize, Deserialize)]
pub struct People {
    /// The key, as PKCS #8, in base64.
    key: String,
    people: Vec<Person>,
}

#[derive(Serialize, Deserialize)]
struct Person {
    /// The credential's id, in base64.
    credential: String,
    /// The user handle, in base64.
    handle: String,
}

impl People {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        Ok(fs::write(path, serde_json::to_vec(self)?)?)
    }

    /// The passkey of the person of that number, counted round.
    pub fn passkey(&self, number: usize, origin: &str) -> Passkey {
        let person = &self.people[number % self.people.len()];
        let read = |text: &str| STANDARD.decode(text).expect("base64 that was written here");
        let mut passkey = at(origin, Passkey::with_key(&read(&self.key), &read(&person.credential)));
        passkey.user_handle = Some(read(&person.handle));
        passkey
    }

    /// Registers a person through the gateway's own pages. `mails` is what the gateway prints in place of sending it.
    pub async fn register(browser: &mut Browser, mails: &Path) -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
        let mut passkey = at(browser.origin(), Passkey::with_key(key.as_ref(), b"the first credential"));
        browser.get("/_bmauth/register").await?;
        let asked = json!({ "email": FIRST, "return_to": "/" });
        let begun = browser.post("/_bmauth/register/options", &asked).await?.json()?;
        let credential = passkey.create(&begun["options"]);
        let made = json!({ "ceremony": begun["ceremony"], "credential": credential });
        browser.post("/_bmauth/register/verify", &made).await?.json()?;
        let code = code(mails).await?;
        browser.get("/_bmauth/register/code").await?;
        let done = browser.submit("/_bmauth/register/code", &format!("code={code}")).await?;
        ensure!(done.status == 303, "the code was answered with {}", done.status);
        let handle = passkey.user_handle.as_deref().context("creation options without a user")?;
        let first = Person { credential: STANDARD.encode(&passkey.id), handle: STANDARD.encode(handle) };
        Ok(Self { key: STANDARD.encode(key.as_ref()), people: vec![first] })
    }
}

fn at(origin: &str, mut passkey: Passkey) -> Passkey {
    origin.clone_into(&mut passkey.origin);
    "localhost".clone_into(&mut passkey.rp_id);
    passkey
}

/// The code in the subject of the mail, once it is there.
async fn code(mails: &Path) -> anyhow::Result<String> {
    let began = Instant::now();
    loop {
        let printed = fs::read_to_string(mails)?;
        let subject = printed.split_once(&format!("Mail to {FIRST}\n")).and_then(|(_, mail)| mail.split_once('\n'));
        if let Some((subject, _)) = subject {
            return Ok(subject.chars().filter(char::is_ascii_digit).collect());
        }
        ensure!(began.elapsed() < PATIENCE, "no mail came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
