//! `/_bmauth/devices`: the passkeys and browsers of an account, and what happened to it.

use std::time::Duration;

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use super::moment::{self, WordedMoment};
use crate::domain::activity::What;
use crate::domain::clock::Timestamp;
use crate::domain::own_paths;
use crate::domain::user_agent::UserAgent;
use crate::wording::Words;

/// For so long after something was, the time of day is told with the day: by it, what happened in one day is told
/// apart.
const DAYS_WITH_TIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// "My devices". Everything but adding and removing a passkey works without a script.
#[derive(Clone, Debug)]
pub struct DevicesPage<'a> {
    /// The address of the signed-in account.
    pub email: &'a str,
    /// Its passkeys, the one used last first: every one, for the page tells the browser that there are no others.
    pub passkeys: Vec<PasskeyRow<'a>>,
    /// The signed-in browsers.
    pub sessions: Vec<SessionRow<'a>>,
    /// What happened lately, the latest first.
    pub events: Vec<EventRow<'a>>,
    /// A recovery that waits.
    pub hold: Option<HoldRow<'a>>,
    /// The relying party's id, for the browser's list of passkeys (WebAuthn L3 §5.1.10).
    pub rp_id: &'a str,
    /// The account's user handle in base64url, for the same.
    pub user_id: &'a str,
    /// Whether "Add a device" is offered.
    pub link: bool,
    /// Whether "Your apps" are at the root of this host, where the app is otherwise.
    pub apps: bool,
    /// The present moment.
    pub now: Timestamp,
}

/// A passkey as the page lists it.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyRow<'a> {
    /// Its credential id in base64url.
    pub id: &'a str,
    /// What its owner calls it.
    pub title: &'a str,
    /// Who keeps it, where that is known.
    pub provider: Option<&'a str>,
    /// The browser and system it was made in, in words.
    pub made_in: &'a str,
    /// Whether it is synced (the backup state flag).
    pub synced: bool,
    /// When it was added.
    pub added: Timestamp,
    /// When it was used last; `None` where it never was.
    pub last_used: Option<Timestamp>,
    /// Whether this browser signed in with it.
    pub this_device: bool,
}

/// A signed-in browser.
#[derive(Clone, Copy, Debug)]
pub struct SessionRow<'a> {
    /// Its public id.
    pub id: &'a str,
    /// The browser in words.
    pub browser: &'a str,
    /// The hosts it is signed in at, where there is more than one to tell apart; else nothing.
    pub hosts: &'a str,
    /// The address it signed in from, where that is known.
    pub address: Option<&'a str>,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// Whether it is the one that shows the page.
    pub this_browser: bool,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct EventRow<'a> {
    /// The kind of event.
    pub what: What,
    /// The moment it happened.
    pub when: Timestamp,
    /// The browser in words; empty where it was none.
    pub browser: &'a str,
}

/// A recovery that waits.
#[derive(Clone, Copy, Debug)]
pub struct HoldRow<'a> {
    /// When it can be finished.
    pub until: Timestamp,
    /// The browser that asked, in words.
    pub browser: &'a str,
}

/// A passkey with its moments in words.
pub(super) struct ShownPasskey<'a> {
    pub(super) row: PasskeyRow<'a>,
    pub(super) place: String,
    pub(super) added: ShownMoment,
    pub(super) last_used: Option<ShownMoment>,
}

/// A moment as near as it is told.
pub(super) struct ShownMoment {
    pub(super) moment: WordedMoment,
    /// How the page's script is to tell it.
    pub(super) precision: &'static str,
}

impl ShownPasskey<'_> {
    /// Who keeps it, where its name does not say so.
    pub(super) fn provider(&self) -> Option<&str> {
        self.row.provider.filter(|provider| !self.row.title.contains(provider))
    }

    /// Where it was made, where its name does not say so.
    pub(super) fn made_in(&self) -> Option<&str> {
        let is_known = UserAgent::named_in(self.row.made_in) != UserAgent::default();
        Some(self.row.made_in).filter(|made_in| is_known && !self.row.title.contains(made_in))
    }
}

struct ShownSession<'a> {
    row: SessionRow<'a>,
    last_seen: WordedMoment,
}

struct ShownEvent<'a> {
    text: String,
    when: WordedMoment,
    browser: &'a str,
}

struct ShownHold {
    text: String,
    until: WordedMoment,
}

#[derive(Template)]
#[template(path = "pages/devices.html")]
struct DevicesTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    page: &'a DevicesPage<'a>,
    passkeys: Vec<ShownPasskey<'a>>,
    sessions: Vec<ShownSession<'a>>,
    events: Vec<ShownEvent<'a>>,
    hold: Option<ShownHold>,
    devices_url: &'static str,
    link_url: &'static str,
    account_url: &'static str,
    apps_url: &'static str,
}

impl DevicesPage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let session = |row: &SessionRow<'_>| moment::minute(words, row.last_seen);
        finish(&DevicesTemplate {
            frame: Frame::new(chrome, words.say("devices-heading"), own_paths::DEVICES),
            words,
            page: self,
            passkeys: shown_passkeys(words, &self.passkeys, self.now),
            sessions: self.sessions.iter().map(|row| ShownSession { row: *row, last_seen: session(row) }).collect(),
            events: self.events.iter().map(|row| shown_event(words, row)).collect(),
            hold: self.hold.map(|hold| ShownHold {
                text: words.with("devices-held", "browser", hold.browser.to_owned()),
                until: moment::minute(words, hold.until),
            }),
            devices_url: own_paths::DEVICES,
            link_url: own_paths::LINK,
            account_url: own_paths::ACCOUNT,
            apps_url: own_paths::APPS,
        })
    }
}

pub(super) fn shown_passkeys<'a>(words: Words<'_>, rows: &[PasskeyRow<'a>], now: Timestamp) -> Vec<ShownPasskey<'a>> {
    let shown_at = |at: Timestamp| match now.since(at) < DAYS_WITH_TIME {
        true => ShownMoment { moment: moment::minute(words, at), precision: "minute" },
        false => ShownMoment { moment: moment::day(words, at), precision: "day" },
    };
    let shown = |row: &PasskeyRow<'a>| ShownPasskey {
        row: *row,
        place: words.say(match (row.synced, row.this_device) {
            (true, _) => "devices-synced",
            (false, true) => "devices-local-here",
            (false, false) => "devices-local-there",
        }),
        added: shown_at(row.added),
        last_used: row.last_used.map(shown_at),
    };
    rows.iter().map(shown).collect()
}

fn shown_event<'a>(words: Words<'_>, row: &EventRow<'a>) -> ShownEvent<'a> {
    let key = match row.what {
        What::Registered => "event-registered",
        What::SignedIn => "event-signed-in",
        What::PasskeyAdded => "event-passkey-added",
        What::PasskeyRemoved => "event-passkey-removed",
        What::PasskeyCopied => "event-passkey-copied",
        What::LinkApproved => "event-link-approved",
        What::LinkDenied => "event-link-denied",
        What::RecoveryHeld => "event-recovery-held",
        What::RecoveryCancelled => "event-recovery-cancelled",
        What::RecoveryContested => "event-recovery-contested",
        What::RecoveryUndone => "event-recovery-undone",
        What::ReviewAnswered => "event-review-answered",
        What::Recovered => "event-recovered",
        What::SignedOutEverywhere => "event-signed-out-everywhere",
        What::TokenCopied => "event-token-copied",
        What::PasskeyCanSync => "event-passkey-can-sync",
        What::PasskeyMoved => "event-passkey-moved",
        What::AddressAsked => "event-address-asked",
        What::AddressChanged => "event-address-changed",
        What::AddressRestored => "event-address-restored",
    };
    ShownEvent { text: words.say(key), when: moment::minute(words, row.when), browser: row.browser }
}
