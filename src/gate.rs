//! The gate: who is asking, for what, and whether they may. The proxy asks it about requests that it passes on, a proxy
//! in front about requests that it passes on itself (`forward_auth`), and the portal about its own.
//!
//! It knows neither the proxy nor a page.

pub mod cookies;
pub mod credentials;
pub mod decide;
pub mod detour;
pub mod forward_auth;
pub mod gatekeeper;
pub mod hand_off;
pub mod headers;
pub mod kind;
pub mod peer;
pub mod plain_headers;
pub mod reach;
pub mod refusal;
pub mod way_back;
