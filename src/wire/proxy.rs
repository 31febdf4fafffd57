//! The proxy of a configuration: its sockets, its certificate, and the pages for what is in the way.

use std::sync::Arc;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::gateway::Gateway;
use super::listening::CannotListen;
use crate::auth::principal::Principal;
use crate::config::Config;
use crate::domain::clock::Entropy;
use crate::domain::link::LinkPolicy;
use crate::domain::return_to::ReturnTo;
use crate::domain::route::Scheme;
use crate::domain::{apps, own_paths};
use crate::gate::detour;
use crate::gate::refusal::RefusalDetails;
use crate::portal;
use crate::portal::views::refused::RefusedPage;
use crate::proxy::{Listener, ListenerTls, Proxy, ProxyParts, ProxySettings, RefusalPage, RenderPage, Room};

/// The proxy, its bound listeners, and the certificate that can be read again.
pub struct Front {
    /// The proxy, which is still to be served.
    pub proxy: Arc<Proxy>,
    /// Already taking connections, which wait.
    pub listeners: Vec<Listener>,
    /// `None` behind another TLS terminator.
    pub tls: Option<ListenerTls>,
}

/// Binds the public addresses and loads the certificate.
///
/// # Errors
/// A certificate that does not load, an address that cannot be had.
pub async fn front(config: &Config, gateway: &Gateway, entropy: &dyn Entropy) -> anyhow::Result<Front> {
    let tls = config.server.tls.as_ref().map(|files| ListenerTls::load(&files.cert, &files.key)).transpose();
    let tls = tls.context("server.tls")?;
    let mut listeners = Vec::with_capacity(config.server.listen.len());
    for address in &config.server.listen {
        let bound = Listener::bind(*address, tls.clone()).await;
        listeners.push(bound.map_err(|error| CannotListen::because("server.listen", *address, &error))?);
    }
    let proxy = Arc::new(Proxy::new(parts(config, gateway, entropy)).context("route.upstream_tls")?);
    Ok(Front { proxy, listeners, tls })
}

/// What the proxy is made of.
pub fn parts(config: &Config, gateway: &Gateway, entropy: &dyn Entropy) -> ProxyParts {
    let mut seed = [0; 8];
    entropy.fill(&mut seed);
    ProxyParts {
        routes: config.routes.clone(),
        gatekeeper: Arc::clone(&gateway.auth) as _,
        hand_offs: Arc::clone(&gateway.portal.hand_offs),
        forward_auth: Arc::clone(&gateway.portal.forward_auth),
        portal: portal::router(Arc::clone(&gateway.portal)),
        render: render(gateway),
        settings: settings(config),
        counts: Arc::clone(&gateway.counts),
        seed: u64::from_be_bytes(seed),
    }
}

fn settings(config: &Config) -> ProxySettings {
    let scheme = if config.public_url.is_https() { Scheme::Https } else { Scheme::Http };
    let mut settings = ProxySettings::new(scheme, config.public_url.host().clone());
    if !settings.well_known_hosts.contains(&config.passkeys.rp_id) {
        settings.well_known_hosts.push(config.passkeys.rp_id.clone());
    }
    settings.former_hosts = config.former_public_urls.iter().map(|url| url.host().clone()).collect();
    settings.link_path = (config.link.policy != LinkPolicy::Off).then(|| config.link.path.as_str().to_owned());
    settings.identity_header = config.identity.header.name().clone();
    settings.plain_headers = config.identity.plain_headers.iter().cloned().collect();
    settings.trusted_proxies.clone_from(&config.server.trusted_proxies);
    settings.proxy_protocol = config.server.proxy_protocol;
    settings.public_port = config.public_url.url().port();
    settings.keep_alive = config.server.keep_alive;
    settings.grace = config.server.shutdown_grace;
    settings.room = Room::for_files(open_files());
    settings.threads = std::thread::available_parallelism().map_or(1, usize::from);
    settings
}

/// How many files may be open, after that has been raised as far as the system lets us. The limit that processes begin
/// with is low for the sake of programs that cannot count beyond 1,023.
fn open_files() -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    // Some systems have a maximum that no process reaches.
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { before };
    limit.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

fn render(gateway: &Gateway) -> RenderPage {
    let portal = Arc::clone(&gateway.portal);
    Arc::new(move |page: &RefusalPage<'_>| {
        let told = page.principal.map(Principal::facts);
        let is_app = |person: &Principal| !apps::open_to(&portal.routes, person, portal.auth.now()).is_empty();
        let return_to = page.return_to.as_ref().map(ReturnTo::as_str);
        let here = return_to.map(|to| detour::with(own_paths::LANGUAGE, "return_to", to));
        let details = RefusalDetails {
            email: told.as_ref().map(|told| told.email),
            return_to,
            has_apps: page.principal.is_some_and(is_app),
            here: here.as_deref(),
            ..RefusalDetails::default()
        };
        portal.refusal_page(RefusedPage { refusal: page.refusal, details }, page.headers, page.request_id)
    })
}
