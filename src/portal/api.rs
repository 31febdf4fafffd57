//! The JSON API, `/_bmauth/v1`: the flows of the pages for clients that carry tokens. Its routes, fields and errors are
//! those of hasura-auth's security-key workflow; CONTRACT.md 5.

mod about;
mod bearer;
mod body;
mod client;
mod cors;
mod elevate;
mod error;
mod keys;
mod otp;
mod session;
mod sign_in;
mod sign_up;
mod tokens;
mod user;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};

use super::Portal;
use crate::domain::api::Origin;

/// What the operator decides about the API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether a caller is told early what an address is.
    pub reveal_accounts: bool,
    /// Origins elsewhere whose pages may call it.
    pub allowed_origins: Vec<Origin>,
    /// The role of a request that names none.
    pub grants: crate::domain::api::Grants,
}

/// The routes below `/_bmauth/v1`.
pub fn router(portal: &Arc<Portal>) -> Router<Arc<Portal>> {
    let changes = Router::new()
        .route("/signup/webauthn", post(sign_up::begin))
        .route("/signup/webauthn/verify", post(sign_up::verify))
        .route("/signin/webauthn", post(sign_in::begin))
        .route("/signin/webauthn/verify", post(sign_in::verify))
        .route("/signin/otp/email", post(otp::send))
        .route("/signin/otp/email/verify", post(otp::verify))
        .route("/user/webauthn/add", post(keys::add))
        .route("/user/webauthn/verify", post(keys::verify))
        .route("/elevate/webauthn", post(elevate::begin))
        .route("/elevate/webauthn/verify", post(elevate::verify))
        .route("/token", post(tokens::refresh))
        .route("/token/verify", post(tokens::verify))
        .route("/signout", post(tokens::sign_out))
        .route_layer(middleware::from_fn_with_state(Arc::clone(portal), client::limit));
    let routes = Router::new()
        .route("/user", get(user::get))
        .route("/healthz", get(about::health))
        .route("/version", get(about::version))
        .route("/openapi.json", get(about::openapi))
        .route("/.well-known/jwks.json", get(super::well_known::jwks))
        // What is nested has no fallback for its own root.
        .route("/", any(error::no_route))
        .merge(changes)
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method)
        .layer(middleware::from_fn_with_state(Arc::clone(portal), cors::refuse_foreign))
        .layer(cors::layer(&portal.api.allowed_origins));
    Router::new().nest("/_bmauth/v1", routes).route("/_bmauth/v1/", any(error::no_route))
}
