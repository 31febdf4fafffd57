//! The gateway's own addresses, each written once. All of them are below [`PREFIX`] on every host, but for the
//! well-known documents that standards put elsewhere.

/// The first segment of the gateway's own paths, for `concat!`.
macro_rules! segment {
    () => {
        "_bmauth"
    };
}

/// A path below the prefix.
macro_rules! own {
    ($rest:literal) => {
        concat!("/", segment!(), $rest)
    };
}

/// The first segment of the gateway's own paths, on every host.
pub const SEGMENT: &str = segment!();
/// What every path of the gateway's own begins with: it alone, or with a slash and more.
pub const PREFIX: &str = own!("");
/// The front page, which leads to the sign-in page.
pub const FRONT: &str = own!("/");

/// The page to sign in on.
pub const SIGN_IN: &str = own!("/sign-in");
/// A challenge to sign in with.
pub const SIGN_IN_OPTIONS: &str = own!("/sign-in/options");
/// The answer to that challenge.
pub const SIGN_IN_VERIFY: &str = own!("/sign-in/verify");
/// Taking over who is signed in where people sign in.
pub const HAND_OFF: &str = own!("/hand-off");
/// The visitor's word that they are who was handed over.
pub const HAND_OFF_CONFIRM: &str = own!("/hand-off/confirm");
/// The page that asks whether to sign out.
pub const SIGN_OUT: &str = own!("/sign-out");
/// Signing out in order to sign in with another account.
pub const SIGN_OUT_FOR_ANOTHER: &str = own!("/sign-out?another");
/// The page after signing out.
pub const SIGNED_OUT: &str = own!("/signed-out");
/// "Sign in faster next time?"
pub const FASTER: &str = own!("/faster");

/// Back to where a visitor wanted to go, where that is kept as a bookmark: the name of it stands behind.
pub const BACK: &str = own!("/back");
/// What stands between [`BACK`] and the name. In the query, the name stays out of every log.
pub const BACK_NAME: &str = "?to=";

/// The page to register on.
pub const REGISTER: &str = own!("/register");
/// A challenge to make the account's first passkey with.
pub const REGISTER_OPTIONS: &str = own!("/register/options");
/// The passkey that was made.
pub const REGISTER_VERIFY: &str = own!("/register/verify");
/// The code that was e-mailed.
pub const REGISTER_CODE: &str = own!("/register/code");
/// Sends another code to the address that registers.
pub const REGISTER_RESEND: &str = own!("/register/code/resend");

/// Where people get back in.
pub const RECOVER: &str = own!("/recover");
/// The code that was e-mailed.
pub const RECOVER_CODE: &str = own!("/recover/code");
/// Sends another code to the address that is recovered.
pub const RECOVER_RESEND: &str = own!("/recover/code/resend");
/// "Set up this device", after the code.
pub const RECOVER_DEVICE: &str = own!("/recover/device");
/// A challenge to make the new passkey with.
pub const RECOVER_OPTIONS: &str = own!("/recover/passkey/options");
/// The new passkey.
pub const RECOVER_VERIFY: &str = own!("/recover/passkey/verify");
/// A challenge to answer "Keep your account safe" with.
pub const RECOVER_REVIEW_OPTIONS: &str = own!("/recover/review/options");
/// The answer to that challenge.
pub const RECOVER_REVIEW_VERIFY: &str = own!("/recover/review/verify");
/// "This account was recovered": for an older passkey.
pub const CONTEST: &str = own!("/contest");
/// A challenge to contest a recovery with.
pub const CONTEST_OPTIONS: &str = own!("/contest/options");
/// The answer to that challenge.
pub const CONTEST_VERIFY: &str = own!("/contest/verify");
/// "Keep your account safe".
pub const RECOVER_REVIEW: &str = own!("/recover/review");
/// The link in the letter of a held recovery.
pub const RECOVER_CANCEL: &str = own!("/recover/cancel");
/// The same with what a mail filter has moved into the path, as the router writes it.
pub const RECOVER_CANCEL_MANGLED: &str = own!("/recover/{mangled}");
/// The pages that links in mails lead to, with a word in the fragment.
const WORD_LINKS: [&str; 2] = [RECOVER_CANCEL, ACCOUNT_UNDO];

/// The page of a link in a mail whose fragment, or what a filter made of it, stands in the path: in the log nothing more
/// may be of it, and the page says what to do.
pub fn mangled_word_link(path: &str) -> Option<&'static str> {
    let is_more = |page: &&str| path.len() > page.len() && path.starts_with(*page);
    WORD_LINKS.into_iter().find(is_more)
}

/// The device that can sign in, and a new one that has scanned its code.
pub const LINK: &str = own!("/link");
/// The new device.
pub const LINK_START: &str = own!("/link/start");
/// A new device asks for a link.
pub const LINK_ASK: &str = own!("/link/ask");
/// A signed-in browser offers one.
pub const LINK_OFFER: &str = own!("/link/offer");
/// A code was scanned or typed.
pub const LINK_FIND: &str = own!("/link/find");
/// The number on the other screen was typed.
pub const LINK_NUMBER: &str = own!("/link/number");
/// The answer of the device that approves.
pub const LINK_APPROVE: &str = own!("/link/approve");
/// One of the two browsers says no.
pub const LINK_DENY: &str = own!("/link/deny");
/// What a browser sees of a link.
pub const LINK_STATE: &str = own!("/link/state");
/// The same at each change.
pub const LINK_EVENTS: &str = own!("/link/events");
/// A challenge to make the new device's passkey with.
pub const LINK_OPTIONS: &str = own!("/link/passkey/options");
/// The new device's passkey.
pub const LINK_VERIFY: &str = own!("/link/passkey/verify");

/// Chooses the language of our pages.
pub const LANGUAGE: &str = own!("/language");

/// The page "Your apps".
pub const APPS: &str = own!("/apps");

/// The page "My devices".
pub const DEVICES: &str = own!("/devices");
/// Another name for a passkey.
pub const DEVICES_RENAME: &str = own!("/devices/rename");
/// Ends one session.
pub const DEVICES_SIGN_OUT: &str = own!("/devices/sign-out");
/// Ends every other session.
pub const DEVICES_SIGN_OUT_EVERYWHERE: &str = own!("/devices/sign-out-everywhere");
/// A challenge to confirm an act with.
pub const DEVICES_CONFIRM: &str = own!("/devices/confirm");
/// The answer to that challenge.
pub const DEVICES_CONFIRM_VERIFY: &str = own!("/devices/confirm/verify");
/// The passkey that was made.
pub const DEVICES_VERIFY: &str = own!("/devices/passkey/verify");

/// The page "My account".
pub const ACCOUNT: &str = own!("/account");
/// Another name, another language.
pub const ACCOUNT_PROFILE: &str = own!("/account/profile");
/// The code that was e-mailed to a new address.
pub const ACCOUNT_ADDRESS: &str = own!("/account/address");
/// Sends another code to the new address.
pub const ACCOUNT_ADDRESS_RESEND: &str = own!("/account/address/resend");
/// The link in the letter to an address from before.
pub const ACCOUNT_UNDO: &str = own!("/account/undo");
/// The same with what a mail filter has moved into the path, as the router writes it.
pub const ACCOUNT_UNDO_MANGLED: &str = own!("/account/{mangled}");
/// The page after an account was deleted by its owner.
pub const ACCOUNT_DELETED: &str = own!("/account/deleted");

/// What to do in a browser without passkeys.
pub const UNSUPPORTED: &str = own!("/unsupported");
/// The name of an error that a browser gave in the place of a passkey.
pub const WEBAUTHN_ERROR: &str = own!("/webauthn-error");
/// Who is signed in, for the page's own scripts.
pub const WHOAMI: &str = own!("/whoami");
/// Where a proxy in front asks. Envoy puts the path it asks about behind it.
pub const FORWARD_AUTH: &str = own!("/forward-auth");
/// The same with a path behind it, as the router writes it.
pub const FORWARD_AUTH_ABOUT: &str = own!("/forward-auth/{*asked_about}");
/// The same with nothing but a slash behind it.
pub const FORWARD_AUTH_ROOT: &str = own!("/forward-auth/");
/// Whether the gateway is there, for a load balancer.
pub const HEALTHZ: &str = own!("/healthz");
/// The public keys.
pub const JWKS: &str = own!("/jwks.json");
/// Below it are stylesheet, scripts and pictures.
pub const ASSETS: &str = own!("/assets/");
/// The same with a path behind it, as the router writes it.
pub const ASSETS_ANY: &str = own!("/assets/{*path}");
/// The JSON API.
pub const API: &str = own!("/v1");
/// The API's root with a slash, which is none of its routes.
pub const API_ROOT: &str = own!("/v1/");

/// Whether a request for that path comes from a client of the API, whether there is such a route or not.
pub fn is_of_api(path: &[u8]) -> bool {
    path == API.as_bytes() || path.starts_with(API_ROOT.as_bytes())
}

/// Where a password manager sends people to make a passkey (W3C passkey endpoints).
pub const PASSKEY_ENDPOINTS: &str = "/.well-known/passkey-endpoints";
/// The origins that may use our passkeys (WebAuthn L3 §5.11).
pub const RELATED_ORIGINS: &str = "/.well-known/webauthn";

/// What a page of ours sends, by its form or by its script.
#[derive(Clone, Copy, Debug)]
pub struct Submission {
    /// The page that sends it. Where that has become too old, its visitor is led to this address, for a new one.
    pub page: &'static str,
    /// Whether it takes a visitor a step further on the way in. One who has signed in meanwhile, in another window, is
    /// through, and not refused.
    pub leads_in: bool,
    /// Where it is sent to.
    pub to: &'static [&'static str],
}

/// Everything that our pages send. A test holds it against what the portal takes.
pub const SUBMISSIONS: [Submission; 17] = [
    // The page that asks who was handed over has no address: it is the answer to a form of another host.
    Submission { page: SIGN_IN, leads_in: true, to: &[SIGN_IN_OPTIONS, SIGN_IN_VERIFY, HAND_OFF_CONFIRM] },
    Submission { page: REGISTER, leads_in: true, to: &[REGISTER_OPTIONS, REGISTER_VERIFY] },
    Submission { page: REGISTER_CODE, leads_in: true, to: &[REGISTER_CODE, REGISTER_RESEND] },
    Submission { page: RECOVER, leads_in: true, to: &[RECOVER] },
    Submission { page: RECOVER_CODE, leads_in: true, to: &[RECOVER_CODE, RECOVER_RESEND] },
    Submission { page: RECOVER_DEVICE, leads_in: true, to: &[RECOVER_OPTIONS, RECOVER_VERIFY] },
    Submission { page: LINK_START, leads_in: true, to: &[LINK_ASK, LINK_OPTIONS, LINK_VERIFY] },
    Submission { page: RECOVER_REVIEW, leads_in: false, to: &[RECOVER_REVIEW_OPTIONS, RECOVER_REVIEW_VERIFY] },
    Submission { page: RECOVER_CANCEL, leads_in: false, to: &[RECOVER_CANCEL] },
    Submission { page: CONTEST, leads_in: false, to: &[CONTEST_OPTIONS, CONTEST_VERIFY] },
    Submission { page: LINK, leads_in: false, to: &[LINK_OFFER, LINK_FIND, LINK_NUMBER, LINK_APPROVE, LINK_DENY] },
    Submission { page: SIGN_OUT, leads_in: false, to: &[SIGN_OUT] },
    Submission {
        page: DEVICES,
        leads_in: false,
        to: &[
            DEVICES_RENAME,
            DEVICES_SIGN_OUT,
            DEVICES_SIGN_OUT_EVERYWHERE,
            DEVICES_CONFIRM,
            DEVICES_CONFIRM_VERIFY,
            DEVICES_VERIFY,
        ],
    },
    Submission { page: ACCOUNT, leads_in: false, to: &[ACCOUNT_PROFILE] },
    Submission { page: ACCOUNT_ADDRESS, leads_in: false, to: &[ACCOUNT_ADDRESS, ACCOUNT_ADDRESS_RESEND] },
    Submission { page: ACCOUNT_UNDO, leads_in: false, to: &[ACCOUNT_UNDO] },
    // Every page that asks for a passkey tells of errors, and goes no further by it.
    Submission { page: SIGN_IN, leads_in: false, to: &[WEBAUTHN_ERROR] },
];

/// The page that sends to `path`; the sign-in page where none of ours does.
pub fn page_of(path: &str) -> &'static str {
    submission(path).map_or(SIGN_IN, |submission| submission.page)
}

/// Whether what is sent to `path` takes a visitor a step further on the way in.
pub fn leads_in(path: &str) -> bool {
    submission(path).is_some_and(|submission| submission.leads_in)
}

fn submission(path: &str) -> Option<&'static Submission> {
    SUBMISSIONS.iter().find(|submission| submission.to.contains(&path))
}
