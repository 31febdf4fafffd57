//! BMAuth: a reverse proxy that owns passkey accounts. It stops strangers in front of web apps, shows its own sign-in
//! pages, and forwards what is allowed with a signed header that tells the app who it is.
//!
//! # The way of a request
//! ```text
//!  client
//!    │  TLS, a deadline and a size for each head            proxy::listen, proxy::guard, proxy::room
//!    ▼
//!  one request                                              proxy::streams, proxy (serve)
//!    │  host, path, method, cookies: parsed once            proxy::incoming → domain::{host, path}
//!    │
//!    ├─ /_bmauth/… ──► pages and API, an axum router        proxy::bridge → portal
//!    │                   │  reads the form or JSON          portal::pages, portal::api
//!    │                   │  loads facts, commits a plan     auth (a file for each flow) → auth::ledger → store
//!    │                   └─ rules, pure                     domain (the same file's name)
//!    ▼
//!  which route?  all readings of the path lead to it        domain::route, domain::path
//!    │
//!  who is it?    cookie or token; memory, then the store    gate::credentials, auth::sessions, auth::principal
//!    │
//!  may they?     makes an Admission, or a GateRefusal       gate::decide → domain::access
//!    │                                  └──► a page, problem+json, 303     gate::refusal, proxy::answers
//!    ▼
//!  without our cookies, with who it is                      proxy::forward, proxy::rewrites, identity
//!    │  while it runs: against the end of its session       proxy::streams, auth::sessions
//!    ▼
//!  the app                                                  proxy::upstreams, proxy::exchange
//! ```
//! A proxy in front that only asks (`/_bmauth/forward-auth`) takes the same way up to `gate::decide`, by way of
//! [`gate::forward_auth`].
//!
//! # What holds it together
//! - **Doubt denies.** Only [`domain::access`] makes an [`Admission`](domain::access::Admission), and without one
//!   nothing is sent anywhere. A store that fails is a refusal.
//! - **What was decided about is what is sent**, byte for byte.
//! - **A step of a flow is a function** of facts, a proof and a [`Moment`](domain::moment::Moment), which returns a
//!   [`Plan`](domain::plan::Plan). [`store::Store::commit`] makes all of a plan or none of it; of two at once, one
//!   wins.
//! - **Time and randomness are parameters.** Tests move them.
//!
//! # The modules
//! They are layers, lowest first; each may import only what stands above it in this list, and less where
//! `tests/layers.rs`, which holds the rule, says so. ARCHITECTURE.md walks through them, and has the words;
//! CONTRIBUTING.md has recipes; docs/decisions says why. The program is [`cli::run`].

#![warn(unreachable_pub, clippy::unused_async)]
// A test may fail at whatever it does not expect.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

pub mod domain;

pub mod telemetry;
pub mod threads;

pub mod counts;
pub mod wording;

pub mod config;
pub mod identity;
pub mod mail;
pub mod store;

pub mod auth;

pub mod gate;

pub mod portal;

pub mod proxy;

pub mod admin;

pub mod tasks;

pub mod wire;

pub mod cli;

#[doc(hidden)]
pub mod fuzzing;
