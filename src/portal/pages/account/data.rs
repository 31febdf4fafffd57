//! What is kept of an account, as a file for its owner. Nothing of it is secret: of passkeys only what is public, of
//! sessions only the names by which they are ended.

use std::net::IpAddr;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::auth::manage::{AccountDevices, Kept};
use crate::auth::passkeys::encode_base64url;
use crate::domain::activity;
use crate::domain::address::Move;
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::family::Family;
use crate::domain::host::Host;
use crate::domain::profile::Locale;
use crate::domain::recovery::Hold;
use crate::domain::{passkey, provider};

/// The file. Every moment is written as RFC 3339 has it.
#[derive(Serialize)]
struct AccountFile<'a> {
    written_at: String,
    account: ExportedAccount<'a>,
    passkeys: Vec<ExportedPasskey<'a>>,
    sessions: Vec<ExportedSession<'a>>,
    activity: Vec<ExportedEvent<'a>>,
    held_recovery: Option<ExportedHeldRecovery<'a>>,
    address_change: Option<ExportedAddressChange<'a>>,
}

#[derive(Serialize)]
struct ExportedAccount<'a> {
    id: String,
    email: &'a str,
    name: Option<&'a str>,
    language: Option<&'a str>,
    metadata: Option<&'a RawValue>,
    groups: &'a [String],
    created_at: String,
}

#[derive(Serialize)]
struct ExportedPasskey<'a> {
    id: String,
    name: Option<&'a str>,
    provider: &'static str,
    synced: bool,
    browser: &'a str,
    created_at: String,
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct ExportedSession<'a> {
    id: String,
    browser: &'a str,
    address: Option<IpAddr>,
    hosts: Vec<&'a str>,
    created_at: String,
    last_seen_at: String,
}

#[derive(Serialize)]
struct ExportedEvent<'a> {
    what: &'static str,
    at: String,
    browser: &'a str,
    address: Option<IpAddr>,
}

#[derive(Serialize)]
struct ExportedHeldRecovery<'a> {
    asked_at: String,
    until: String,
    browser: &'a str,
}

/// A change of address: to where, while it waits for its code; from where, while it can be undone; with neither,
/// undone.
#[derive(Serialize)]
struct ExportedAddressChange<'a> {
    to: Option<&'a str>,
    from: Option<&'a str>,
    until: String,
}

/// The answer: the file, which no browser shows in the place of a page.
pub fn answer(kept: &Kept) -> Response {
    let attachment = HeaderValue::from_static("attachment; filename=\"account.json\"");
    ([(header::CONTENT_DISPOSITION, attachment)], Json(AccountFile::of(kept))).into_response()
}

impl<'a> AccountFile<'a> {
    fn of(Kept { account, devices, moving, at }: &'a Kept) -> Self {
        let AccountDevices { passkeys, sessions, events, hold } = devices;
        let metadata = account.metadata.as_ref().map(|metadata| serde_json::from_str(metadata.as_str()));
        Self {
            written_at: at.rfc3339(),
            account: ExportedAccount {
                id: account.id.to_string(),
                email: account.email.as_str(),
                name: account.name.as_deref(),
                language: account.locale.as_ref().map(Locale::as_str),
                metadata: metadata.and_then(Result::ok),
                groups: &account.groups,
                created_at: account.created_at.rfc3339(),
            },
            passkeys: passkeys.iter().map(ExportedPasskey::of).collect(),
            sessions: sessions.iter().map(ExportedSession::of).collect(),
            activity: events.iter().map(ExportedEvent::of).collect(),
            held_recovery: hold.as_ref().map(ExportedHeldRecovery::of),
            address_change: moving.as_ref().map(ExportedAddressChange::of),
        }
    }
}

impl<'a> ExportedPasskey<'a> {
    fn of(passkey: &'a passkey::Passkey) -> Self {
        Self {
            id: encode_base64url(passkey.key.id.bytes()),
            name: passkey.name.as_deref(),
            provider: provider::name(passkey.key.aaguid),
            synced: passkey.key.backed_up,
            browser: &passkey.browser,
            created_at: passkey.created_at.rfc3339(),
            last_used_at: passkey.last_used_at.map(Timestamp::rfc3339),
        }
    }
}

impl<'a> ExportedSession<'a> {
    fn of(family: &'a Family) -> Self {
        let head = &family.head;
        Self {
            id: head.id.0.to_string(),
            browser: &head.browser,
            address: head.address,
            hosts: family.hosts().into_iter().map(Host::as_str).collect(),
            created_at: head.created_at.rfc3339(),
            last_seen_at: head.last_seen_at.rfc3339(),
        }
    }
}

impl<'a> ExportedHeldRecovery<'a> {
    fn of(hold: &'a Hold) -> Self {
        Self { asked_at: hold.asked_at.rfc3339(), until: hold.until.rfc3339(), browser: &hold.browser }
    }
}

impl<'a> ExportedAddressChange<'a> {
    fn of(moving: &'a Move) -> Self {
        Self {
            to: moving.asked_for().map(Email::as_str),
            from: moving.former().map(Email::as_str),
            until: moving.expires_at.rfc3339(),
        }
    }
}

impl<'a> ExportedEvent<'a> {
    fn of(event: &'a activity::Event) -> Self {
        Self { what: event.what.as_str(), at: event.at.rfc3339(), browser: &event.browser, address: event.address }
    }
}
