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

/// Signing in.
pub const SIGN_IN: &str = own!("/sign-in");
/// A challenge to sign in with.
pub const SIGN_IN_OPTIONS: &str = own!("/sign-in/options");
/// The answer to that challenge.
pub const SIGN_IN_VERIFY: &str = own!("/sign-in/verify");
/// Taking over who is signed in where people sign in.
pub const HAND_OFF: &str = own!("/hand-off");
/// The visitor's word that they are who was handed over.
pub const HAND_OFF_CONFIRM: &str = own!("/hand-off/confirm");
/// Signing out.
pub const SIGN_OUT: &str = own!("/sign-out");
/// The page after signing out.
pub const SIGNED_OUT: &str = own!("/signed-out");
/// "Sign in faster next time?"
pub const FASTER: &str = own!("/faster");

/// Back to where a visitor wanted to go, where that is kept as a bookmark: the name of it stands behind.
pub const BACK: &str = own!("/back");
/// What stands between [`BACK`] and the name. In the query, the name stays out of every log.
pub const BACK_NAME: &str = "?to=";

/// Registering.
pub const REGISTER: &str = own!("/register");
/// A challenge to make the account's first passkey with.
pub const REGISTER_OPTIONS: &str = own!("/register/options");
/// The passkey that was made.
pub const REGISTER_VERIFY: &str = own!("/register/verify");
/// The code that was e-mailed.
pub const REGISTER_CODE: &str = own!("/register/code");
/// Another code.
pub const REGISTER_RESEND: &str = own!("/register/code/resend");

/// Getting back in.
pub const RECOVER: &str = own!("/recover");
/// The code that was e-mailed.
pub const RECOVER_CODE: &str = own!("/recover/code");
/// Another code.
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

/// "Your apps".
pub const APPS: &str = own!("/apps");

/// "My devices".
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

/// Whether whoever asks for that path is a client of the API, whether there is such a route or not.
pub fn is_of_api(path: &[u8]) -> bool {
    path == API.as_bytes() || path.starts_with(API_ROOT.as_bytes())
}

/// Where a password manager sends people to make a passkey (W3C passkey endpoints).
pub const PASSKEY_ENDPOINTS: &str = "/.well-known/passkey-endpoints";
/// The origins that may use our passkeys (WebAuthn L3 §5.11).
pub const RELATED_ORIGINS: &str = "/.well-known/webauthn";
