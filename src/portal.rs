//! Our own pages and API, as one axum router. Knows nothing of the proxy in front of it.
//!
//! A request arrives with a [`crate::gate::peer::PeerInfo`] and leaves with the headers of [`headers`]. Every file
//! under `pages/` is one page with its `get` and `post`.

pub mod answer;
pub mod api;
pub mod assets;
pub mod caller;
pub mod for_people;
pub mod forward_auth;
pub mod handler;
pub mod headers;
pub mod home;
pub mod limits;
pub mod pages;
pub mod qr;
pub mod repeats;
pub mod same_origin;
pub mod script_texts;
pub mod steps;
pub mod views;
pub mod well_known;
pub mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{any, get, options, post};
use url::Url;

use crate::auth::Auth;
use crate::counts::Counts;
use crate::domain::brand::Brand;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::origin::OwnOrigins;
use crate::domain::own_paths;
use crate::domain::route::Routes;
use crate::gate::cookies::CookieNames;
use crate::gate::forward_auth::ForwardAuth;
use crate::gate::hand_off::HandOffs;
use crate::gate::headers::PageHeaders;
use crate::gate::peer::RequestId;
use assets::Assets;
use http::HeaderMap;
use limits::Limits;
use repeats::Repeats;
use views::chrome::Chrome;
use views::refused::RefusedPage;

/// The largest body the portal reads, in bytes; a passkey's answer has a few kilobytes.
pub const MAX_BODY: usize = 64 * 1024;

/// What the portal is made of.
#[derive(Debug)]
pub struct Portal {
    /// The flows, which the pages and the API take steps of.
    pub auth: Arc<Auth>,
    /// How the pages look.
    pub brand: Brand,
    /// The address that mails come from.
    pub sender: Email,
    /// Stylesheet, scripts and logo.
    pub assets: Assets,
    /// The names of our cookies.
    pub cookies: CookieNames,
    /// The headers on every page.
    pub page_headers: PageHeaders,
    /// Where people sign in.
    pub public_url: Url,
    /// Whether an app has that host too.
    pub beside_an_app: bool,
    /// The passkey domain.
    pub rp_id: Host,
    /// The origins whose pages are ours.
    pub origins: OwnOrigins,
    /// What stands behind the gateway, for "Your apps".
    pub routes: Routes,
    /// What the operator decides about the API.
    pub api: api::ApiSettings,
    /// How browsers get to where people sign in, from our other hosts.
    pub hand_offs: Arc<HandOffs>,
    /// Answers the proxy in front.
    pub forward_auth: Arc<ForwardAuth>,
    /// What is counted.
    pub counts: Arc<Counts>,
    /// How often one network may ask.
    pub limits: Limits,
    /// What was pressed just now, and answered.
    pub repeats: Repeats,
    /// The short address of the link page, which people type; `None` where linking is off.
    pub link_path: Option<String>,
}

impl Portal {
    /// The page that says why a request gets no further which did not come to the portal.
    pub fn refusal_page(&self, refused: RefusedPage<'_>, headers: &HeaderMap, request_id: RequestId) -> String {
        refused.render(&Chrome {
            language: caller::language(self, None, headers),
            brand: &self.brand,
            assets: &self.assets,
            csrf: "",
            request_id: &request_id.to_string(),
            inside_app: false,
        })
    }
}

/// The router of everything the gateway answers by itself on the public listener.
pub fn router(portal: Arc<Portal>) -> Router {
    use pages::unsupported;
    use pages::{account, apps, back, devices, faster, hand_off, language, link, recover, register, sign_in, sign_out};
    // The one form that another origin of ours sends: it is looked at there.
    let limited = middleware::from_fn_with_state(Arc::clone(&portal), limits::enforce);
    let takes = post(hand_off::post).route_layer(limited);
    let short =
        portal.link_path.as_deref().map_or_else(Router::new, |path| Router::new().route(path, get(link::short)));
    Router::new()
        .route(own_paths::FRONT, get(pages::front))
        .route(own_paths::REGISTER, get(register::get))
        .route(own_paths::REGISTER_CODE, get(register::code::get))
        .route(own_paths::SIGN_IN, get(sign_in::get))
        .route(own_paths::BACK, get(back::get))
        .route(own_paths::LANGUAGE, get(language::get))
        .route(own_paths::SIGN_OUT, get(sign_out::get))
        .route(own_paths::RECOVER, get(recover::get))
        .route(own_paths::RECOVER_CODE, get(recover::code::get))
        .route(own_paths::RECOVER_DEVICE, get(recover::device::get))
        .route(own_paths::RECOVER_REVIEW, get(recover::review::get))
        .route(own_paths::CONTEST, get(recover::contest::get))
        .route(own_paths::RECOVER_CANCEL, get(recover::cancel::get))
        .route(own_paths::RECOVER_CANCEL_MANGLED, get(recover::cancel::mangled))
        .route(own_paths::APPS, get(apps::get))
        .route(own_paths::DEVICES, get(devices::get))
        .route(own_paths::ACCOUNT, get(account::get))
        .route(own_paths::ACCOUNT_ADDRESS, get(account::address::get))
        .route(own_paths::ACCOUNT_UNDO, get(account::undo::get))
        .route(own_paths::ACCOUNT_UNDO_MANGLED, get(account::undo::mangled))
        .route(own_paths::ACCOUNT_DELETED, get(account::deleted))
        .route(own_paths::HAND_OFF, get(hand_off::get).merge(takes))
        .route(own_paths::FASTER, get(faster::get))
        .route(own_paths::UNSUPPORTED, get(unsupported::get))
        .route(own_paths::SIGNED_OUT, get(sign_out::done))
        .route(own_paths::LINK, get(link::get))
        .route(own_paths::LINK_START, get(link::start::get))
        .route(own_paths::LINK_STATE, get(link::state))
        .route(own_paths::LINK_EVENTS, get(link::events::get))
        .route(own_paths::WHOAMI, get(whoami::get))
        .route(own_paths::FORWARD_AUTH, any(forward_auth::handle))
        .route(own_paths::FORWARD_AUTH_ROOT, any(forward_auth::handle))
        .route(own_paths::FORWARD_AUTH_ABOUT, any(forward_auth::handle))
        .route(own_paths::HEALTHZ, get(well_known::healthz).options(well_known::healthz))
        // All that is ever asked here is the check that HAProxy makes where nothing is said, and where an app would be.
        .route("/", options(well_known::healthz).get(apps::root))
        .route(own_paths::JWKS, get(well_known::jwks))
        .route(own_paths::ASSETS_ANY, get(pages::asset))
        .route(own_paths::PASSKEY_ENDPOINTS, get(well_known::passkey_endpoints))
        .route(own_paths::RELATED_ORIGINS, get(well_known::related_origins))
        .merge(short)
        .merge(api::router(&portal))
        .merge(steps::router(&portal))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), home::require))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), handler::answer_errors))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), for_people::only))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), headers::add))
        .with_state(portal)
}
