//! Our own pages and API, as one axum router. Knows nothing of the proxy in front of it.
//!
//! A request arrives with a [`crate::gate::peer::PeerInfo`] and leaves with the headers of [`headers`]. Every file under `pages/`
//! is one page with its `get` and `post`.

pub mod answer;
pub mod api;
pub mod assets;
pub mod caller;
pub mod forward_auth;
pub mod headers;
pub mod limits;
pub mod pages;
pub mod qr;
pub mod same_origin;
pub mod views;
pub mod well_known;
pub mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{any, get, post};
use url::Url;

use crate::auth::Auth;
use crate::domain::brand::Brand;
use crate::domain::host::Host;
use crate::gate::cookies::CookieNames;
use crate::gate::forward_auth::{ForwardAuth, PATH as FORWARD_AUTH};
use crate::gate::peer::RequestId;
use assets::Assets;
use http::HeaderMap;
use limits::Limits;
use views::chrome::Chrome;
use views::failure::Failure;

/// The largest body the portal reads, in bytes; a passkey's answer has a few kilobytes.
pub const MAX_BODY: usize = 64 * 1024;

/// What the portal is made of.
#[derive(Debug)]
pub struct Portal {
    /// The flows.
    pub auth: Arc<Auth>,
    /// How the pages look.
    pub brand: Brand,
    /// Stylesheet, scripts and logo.
    pub assets: Assets,
    /// The names of our cookies.
    pub cookies: CookieNames,
    /// Where people sign in.
    pub public_url: Url,
    /// The passkey domain.
    pub rp_id: Host,
    /// The origins whose pages are ours: that of `public_url` first, then those of the routes' hosts.
    pub origins: Vec<String>,
    /// What the operator decides about the API.
    pub api: api::Settings,
    /// Answers the proxy in front.
    pub forward_auth: Arc<ForwardAuth>,
    /// How often one network may ask.
    pub limits: Limits,
    /// The short address of the link page, which people type; `None` where linking is off.
    pub link_path: Option<String>,
}

impl Portal {
    /// The page that says what is in the way, for a request that did not come to the portal.
    pub fn failure_page(&self, failure: Failure<'_>, headers: &HeaderMap, request_id: RequestId) -> String {
        failure.render(&Chrome {
            language: caller::language(self, None, headers),
            brand: &self.brand,
            assets: &self.assets,
            csrf: "",
            request_id: &request_id.to_string(),
        })
    }
}

/// The router of everything the gateway answers by itself on the public listener.
pub fn router(portal: Arc<Portal>) -> Router {
    use pages::{code, devices, faster, link, recover, register, sign_in, sign_out};
    let changes = Router::new()
        .route("/_bmauth/register/options", post(register::options))
        .route("/_bmauth/register/verify", post(register::verify))
        .route("/_bmauth/register/code", post(code::post))
        .route("/_bmauth/register/code/resend", post(code::resend))
        .route("/_bmauth/sign-in/options", post(sign_in::options))
        .route("/_bmauth/sign-in/verify", post(sign_in::verify))
        .route("/_bmauth/sign-out", post(sign_out::post))
        .route("/_bmauth/recover", post(recover::post))
        .route("/_bmauth/recover/code", post(recover::code::post))
        .route("/_bmauth/recover/code/resend", post(recover::code::resend))
        .route("/_bmauth/recover/passkey/options", post(recover::device::options))
        .route("/_bmauth/recover/passkey/verify", post(recover::device::verify))
        .route("/_bmauth/recover/review", post(recover::review::post))
        .route("/_bmauth/recover/cancel", post(recover::cancel::post))
        .route("/_bmauth/link/ask", post(link::start::ask))
        .route("/_bmauth/link/offer", post(link::offer))
        .route("/_bmauth/link/find", post(link::find))
        .route("/_bmauth/link/number", post(link::approve::number))
        .route("/_bmauth/link/approve", post(link::approve::approve))
        .route("/_bmauth/link/deny", post(link::deny))
        .route("/_bmauth/link/passkey/options", post(link::set_up::options))
        .route("/_bmauth/link/passkey/verify", post(link::set_up::verify))
        .route("/_bmauth/devices/rename", post(devices::rename))
        .route("/_bmauth/devices/sign-out", post(devices::sign_out))
        .route("/_bmauth/devices/sign-out-everywhere", post(devices::sign_out_everywhere))
        .route("/_bmauth/devices/hold/cancel", post(devices::cancel_hold))
        .route("/_bmauth/devices/confirm", post(devices::passkeys::confirm))
        .route("/_bmauth/devices/confirm/verify", post(devices::passkeys::confirmed))
        .route("/_bmauth/devices/passkey/options", post(devices::passkeys::options))
        .route("/_bmauth/devices/passkey/verify", post(devices::passkeys::verify))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&portal), same_origin::require))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&portal), limits::enforce));
    let short =
        portal.link_path.as_deref().map_or_else(Router::new, |path| Router::new().route(path, get(link::short)));
    Router::new()
        .route("/_bmauth/", get(pages::front))
        .route("/_bmauth/register", get(register::get))
        .route("/_bmauth/register/code", get(code::get))
        .route("/_bmauth/sign-in", get(sign_in::get))
        .route("/_bmauth/sign-out", get(sign_out::get))
        .route("/_bmauth/recover", get(recover::get))
        .route("/_bmauth/recover/code", get(recover::code::get))
        .route("/_bmauth/recover/device", get(recover::device::get))
        .route("/_bmauth/recover/review", get(recover::review::get))
        .route("/_bmauth/recover/cancel", get(recover::cancel::get))
        .route("/_bmauth/devices", get(devices::get))
        .route("/_bmauth/faster", get(faster::get))
        .route("/_bmauth/signed-out", get(sign_out::done))
        .route("/_bmauth/link", get(link::get))
        .route("/_bmauth/link/start", get(link::start::get))
        .route("/_bmauth/link/state", get(link::state))
        .route("/_bmauth/link/events", get(link::events::get))
        .route("/_bmauth/whoami", get(whoami::get))
        .route(FORWARD_AUTH, any(forward_auth::handle))
        .route("/_bmauth/forward-auth/", any(forward_auth::handle))
        .route("/_bmauth/forward-auth/{*asked_about}", any(forward_auth::handle))
        .route("/_bmauth/jwks.json", get(well_known::jwks))
        .route("/_bmauth/assets/{*path}", get(assets_get))
        .route("/.well-known/passkey-endpoints", get(well_known::passkey_endpoints))
        .route("/.well-known/webauthn", get(well_known::related_origins))
        .merge(short)
        .merge(api::router(&portal))
        .merge(changes)
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), headers::add))
        .with_state(portal)
}

async fn assets_get(
    axum::extract::State(portal): axum::extract::State<Arc<Portal>>,
    caller: caller::Caller,
    uri: http::Uri,
) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    match portal.assets.find(uri.path()) {
        Some(asset) => (
            [(http::header::CONTENT_TYPE, asset.content_type), (http::header::CACHE_CONTROL, assets::CACHE_CONTROL)],
            asset.bytes,
        )
            .into_response(),
        None => pages::not_found(axum::extract::State(portal), caller).await,
    }
}
