//! Everything of one gateway but its sockets, so that tests can put it together in memory.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use url::Url;

use super::keeping;
use crate::admin::Operating;
use crate::auth::keys::DerivedKeys;
use crate::auth::ledger::Ledger;
use crate::auth::passkeys::RelyingParty;
use crate::auth::rotation;
use crate::auth::verifying::Verifying;
use crate::auth::{self, Auth};
use crate::config::Config;
use crate::config::email::{EmailSettings, Hello, SmtpLogin, SmtpSecurity, SmtpSettings, TransportSettings};
use crate::counts::Counts;
use crate::domain::clock::{Clock, Entropy};
use crate::domain::host::{Authority, Host};
use crate::domain::link::LinkPolicy;
use crate::domain::origin::{Origin, OwnOrigins};
use crate::domain::own_paths::{RECOVER, REGISTER};
use crate::domain::plan::{Conflict, Durability, KeyChange, KeyConflict, Plan};
use crate::domain::recover::RecoveryPolicy;
use crate::domain::route::Scheme;
use crate::domain::secret::Secret;
use crate::domain::session::SessionLimits;
use crate::gate::cookies::CookieNames;
use crate::gate::forward_auth::{self, ForwardAuth};
use crate::gate::hand_off::HandOffs;
use crate::gate::headers::PageHeaders;
use crate::identity::{self, Identity};
use crate::mail::smtp::{MailSender, OauthClient, Security, SmtpServer, SmtpSignIn, SmtpTransport};
use crate::mail::transport::{MailError, Terminal, Transport};
use crate::mail::writer::{LetterWriter, LinkKeys};
use crate::portal::assets::Assets;
use crate::portal::limits::Limits;
use crate::portal::repeats::Repeats;
use crate::portal::{Portal, api};
use crate::store::{CommitError, Records, Store, StoreError};
use crate::tasks::outbox::Outbox;

/// The parts of a gateway, wired to each other.
pub struct Gateway {
    /// The flows, as the pages and the admin socket drive them.
    pub auth: Arc<Auth>,
    /// The gateway's own pages and its API.
    pub portal: Arc<Portal>,
    /// The letters that wait.
    pub outbox: Outbox,
    /// What all parts of it count.
    pub counts: Arc<Counts>,
}

/// What the world gives a gateway.
pub struct World {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The clock that all of it goes by.
    pub clock: Arc<dyn Clock>,
    /// Where all its randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// How mails leave it.
    pub transport: Arc<dyn Transport>,
    /// Where signatures are verified.
    pub verifying: Arc<Verifying>,
}

impl Gateway {
    /// Wires a gateway of this configuration into a world. Makes the master secret and the first signing key where the
    /// store has none.
    ///
    /// # Errors
    /// The store failed, or a part of the configuration cannot be used.
    pub async fn new(config: &Config, world: World) -> anyhow::Result<Self> {
        let World { store, clock, entropy, transport, verifying } = world;
        let limits = SessionLimits { idle: config.sessions.idle, absolute: config.sessions.absolute };
        let ledger = Arc::new(Ledger::new(store, limits));
        let master = master_secret(&ledger, &*entropy).await.context("reading the store")?;
        let keys = DerivedKeys::derive(&master);
        let identity = Arc::new(signer(config, &ledger, &*clock).await?);
        let brand = config.brand.clone();
        let public_url = config.public_url.url().clone();
        let origins = origins(config);
        let rp_id = config.passkeys.rp_id.clone();
        tell_of_lock_out(&ledger, &rp_id).await.context("reading the store")?;
        // Pages of apps elsewhere use passkeys here, but are none of ours otherwise.
        let elsewhere = config.api.passkey_origins(&rp_id).map(Origin::as_str);
        let others = origins.iter().skip(1).map(Origin::as_str).chain(elsewhere);
        let others: Vec<Url> = others.filter_map(|origin| Url::parse(origin).ok()).collect();
        let relying_party = RelyingParty::new(&rp_id, brand.name(), &public_url, &others, &keys.fake_credentials)?;
        let counts = Arc::new(Counts::default());
        let outbox = Outbox {
            ledger: Arc::clone(&ledger),
            clock: Arc::clone(&clock),
            writer: LetterWriter::new(
                brand.clone(),
                keys.mailed_codes.clone(),
                LinkKeys { cancel: keys.cancel_links.clone(), undo: keys.undo_links.clone() },
                &public_url,
            ),
            transport: Arc::clone(&transport),
            counts: Arc::clone(&counts),
        };
        let leaving_by = Arc::clone(&entropy);
        let auth = Arc::new(Auth::new(auth::AuthParts {
            ledger,
            clock,
            entropy,
            relying_party,
            verifying,
            identity,
            policy: config.policy.clone(),
            recovery: RecoveryPolicy {
                mode: config.recovery,
                delay: config.recovery_delay,
                admins: config.admins.clone(),
            },
            linking: config.link.policy,
            elevation: config.api.elevation,
            keys,
            counts: Arc::clone(&counts),
            post: transport,
        }));
        let cookies = CookieNames::new(config.public_url.is_https());
        let hand_offs = Arc::new(HandOffs::new(origins.clone(), cookies.clone(), leaving_by));
        let portal = Arc::new(Portal {
            auth: Arc::clone(&auth),
            forward_auth: Arc::new(forward_auth(config, &auth, &hand_offs)),
            hand_offs,
            assets: Assets::new(&brand),
            brand,
            sender: config.email.from.address.clone(),
            cookies,
            page_headers: PageHeaders::new(config.public_url.is_https()),
            beside_an_app: config.routes.knows_host(config.public_url.host()),
            public_url,
            rp_id,
            origins,
            routes: config.routes.clone(),
            api: api::ApiSettings {
                reveal_accounts: config.api.reveal_accounts,
                allowed_origins: config.api.allowed_origins.clone(),
                grants: config.api.grants.clone(),
            },
            counts: Arc::clone(&counts),
            limits: Limits::new(auth.shares_its_store()),
            repeats: Repeats::default(),
            link_path: (config.link.policy != LinkPolicy::Off).then(|| config.link.path.as_str().to_owned()),
        });
        Ok(Self { auth, portal, outbox, counts })
    }
}

/// What answers the proxies in front.
fn forward_auth(config: &Config, auth: &Arc<Auth>, hand_offs: &Arc<HandOffs>) -> ForwardAuth {
    let public = &config.public_url;
    let settings = forward_auth::ForwardAuthSettings {
        public_scheme: if public.is_https() { Scheme::Https } else { Scheme::Http },
        public_port: public.url().port(),
        identity_header: config.identity.header.name().clone(),
        plain_headers: config.identity.plain_headers.iter().cloned().collect(),
    };
    ForwardAuth::new(config.routes.clone(), Arc::clone(auth) as _, Arc::clone(hand_offs), settings)
}

/// What an operator can do with the gateway of this configuration.
pub fn operating(config: &Config, auth: &Arc<Auth>) -> Operating {
    let page = |path| config.public_url.url().join(path).map(String::from).unwrap_or_default();
    Operating {
        auth: Arc::clone(auth),
        store: keeping::file(&config.storage).map(Path::to_owned),
        code_page: page(RECOVER),
        register_page: page(REGISTER),
        admins: config.admins.clone(),
        asked_groups: config.routes.iter().flat_map(|route| route.demands.groups.iter().cloned()).collect(),
    }
}

/// How mails leave, as the configuration says.
///
/// # Errors
/// A sender or server that the mail library does not take.
pub fn transport(config: &Config) -> anyhow::Result<Arc<dyn Transport>> {
    Ok(match &config.email.transport {
        TransportSettings::Log => Arc::new(Terminal),
        TransportSettings::Smtp(smtp) => Arc::new(mail_server(smtp, &config.email)?),
    })
}

/// The mail server of a configuration, for the letters of its sender.
///
/// # Errors
/// A sender or server that cannot stand in a mail or a certificate.
pub fn mail_server(
    smtp: &SmtpSettings,
    EmailSettings { from, reply_to, .. }: &EmailSettings,
) -> Result<SmtpTransport, MailError> {
    let hello = match &smtp.hello {
        Hello::Name(host) => host.as_str().to_owned(),
        // RFC 5321 §4.1.3.
        Hello::Address(IpAddr::V4(ip)) => format!("[{ip}]"),
        Hello::Address(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
    };
    let server = SmtpServer {
        host: smtp.host.as_str(),
        port: smtp.port,
        security: match smtp.security {
            SmtpSecurity::Tls => Security::Tls,
            SmtpSecurity::StartTls => Security::StartTls,
            SmtpSecurity::Off => Security::Plain,
        },
        authorities: &smtp.authorities,
        hello: &hello,
        login: smtp.login.as_ref().map(|login| match login {
            SmtpLogin::Password { username, password } => SmtpSignIn::Password(username, password.expose()),
            SmtpLogin::OAuth { username, client } => SmtpSignIn::Tokens(
                username,
                OauthClient {
                    token_url: &client.token_url,
                    id: &client.client_id,
                    secret: client.client_secret.expose(),
                    scope: client.scope.as_deref(),
                },
            ),
        }),
    };
    let sender = MailSender {
        name: from.name.as_deref(),
        address: &from.address,
        reply_to: reply_to.as_ref().map(|reply_to| (reply_to.name.as_deref(), &reply_to.address)),
    };
    SmtpTransport::new(&server, &sender)
}

/// The store's master secret; the first to ask makes it.
async fn master_secret(ledger: &Ledger, entropy: &dyn Entropy) -> Result<Secret, CommitError> {
    let records = ledger.records();
    if let Some(master) = records.master().await? {
        return Ok(master);
    }
    // Passkeys, sessions and letters are bound to the one that is missing, and a new one would hide that half is
    // missing.
    if !records.accounts(None, 1).await?.is_empty() {
        return Err(CommitError::Store(StoreError {
            problem: "it has accounts and no master secret, so it is a part of a store: put back a copy of it that is whole, \
                      or copy it again"
                .to_owned(),
            source: None,
        }));
    }
    let fresh = Secret::generate(entropy);
    let changes = vec![KeyChange::SetMaster(fresh.clone()).into()];
    match ledger.carry_out(Plan { changes, durability: Durability::Durable, then: () }).await {
        Ok(()) => Ok(fresh),
        // Another node was first.
        Err(CommitError::Conflict(Conflict::Key(KeyConflict::MasterExists))) => {
            Ok(records.master().await?.unwrap_or(fresh))
        }
        Err(error) => Err(error),
    }
}

/// Says loudly what a change of `passkeys.rp_id` has locked out. The first `rp_id` that a store is served with is noted
/// and stays: passkeys from before they said it themselves were made for it. A database may have so many passkeys that
/// it is not waited for.
async fn tell_of_lock_out(ledger: &Ledger, rp_id: &Host) -> Result<(), CommitError> {
    let records = ledger.records();
    if records.rp_id().await?.is_none() {
        let changes = vec![KeyChange::NoteRpId(rp_id.clone()).into()];
        ledger.carry_out(Plan { changes, durability: Durability::Durable, then: () }).await?;
    }
    let (is_shared, rp_id) = (records.is_shared(), rp_id.clone());
    let look = async move { look_for_lock_out(&*records, &rp_id).await };
    if is_shared {
        tokio::spawn(look);
    } else {
        look.await;
    }
    Ok(())
}

async fn look_for_lock_out(records: &dyn Records, rp_id: &Host) {
    match records.locked_out(rp_id).await {
        Ok(locked_out) if locked_out.passkeys > 0 => tracing::error!(
            passkeys = locked_out.passkeys,
            accounts = locked_out.accounts(),
            "passkeys.rp_id is {rp_id}, but {locked_out}: browsers offer them for nothing else, so they can no longer be used. \
             Put passkeys.rp_id back, or look with `bmauth check`"
        ),
        Ok(_) => {}
        // No reason to keep the others from signing in.
        Err(error) => tracing::error!(%error, "whether passkeys.rp_id locks people out could not be checked"),
    }
}

async fn signer(config: &Config, ledger: &Ledger, clock: &dyn Clock) -> anyhow::Result<Identity> {
    let settings = identity::TokenSettings {
        issuer: config.identity.issuer.clone(),
        algorithm: config.identity.algorithm,
        lifetime: config.identity.lifetime,
        access: identity::access::AccessTokenSettings {
            audience: config.api.audience.clone(),
            grants: config.api.grants.clone(),
        },
    };
    let rotated = rotation::rotate_and_wait(ledger, settings.algorithm, clock.now()).await?;
    Ok(Identity::new(settings, &rotated.keys)?)
}

/// The origins of our pages: that of `public_url`, then one for each other host that a route names, by the same scheme
/// and port, and those of `former_public_urls`.
fn origins(config: &Config) -> OwnOrigins {
    let public = &config.public_url;
    let scheme = if public.is_https() { Scheme::Https } else { Scheme::Http };
    let port = public.url().port();
    let origin = |host: &Host| Origin::of(scheme, Authority { host: host.clone(), port });
    let others = config.routes.hosts().filter(|host| *host != public.host()).map(origin);
    let former = config.former_public_urls.iter().map(|url| {
        let authority = Authority { host: url.host().clone(), port: url.url().port() };
        Origin::of(scheme, authority)
    });
    OwnOrigins::new(origin(public.host()), others).with_former(former.collect())
}
