//! A gateway with its sockets, running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::certificates;
use super::gateway::{Gateway, World, operating};
use super::listening::CannotListen;
use super::proxy::{self, Front};
use super::reread::Reread;
use crate::admin;
use crate::admin::health::{self, Admin};
use crate::admin::listener::{AdminListener, Peer};
use crate::admin::socket::{self, Socket};
use crate::admin::whose::Names;
use crate::auth::Auth;
use crate::config::Config;
use crate::proxy::Tls;
use crate::tasks;

/// How long background work may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A running gateway.
pub struct Running {
    runtime: Runtime,
    auth: Arc<Auth>,
    admin: SocketAddr,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    front: Front,
}

impl Running {
    /// Binds every socket, then starts background work; connections queue until [`Running::wait`].
    ///
    /// # Errors
    /// A port that is in use, a certificate that does not load, a store that fails: nothing is left running.
    pub fn start(config: &Config, world: impl FnOnce() -> anyhow::Result<World>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("bmauth")
            .build()
            .context("no thread could be started")?;
        let (gateway, listener, socket, front) = runtime.block_on(async {
            // Made here, where there is a runtime: connections to the mail server are kept by one.
            let world = world()?;
            let entropy = Arc::clone(&world.entropy);
            let gateway = Gateway::new(config, world).await?;
            let address = config.server.admin;
            let listener = TcpListener::bind(address)
                .await
                .map_err(|error| CannotListen::because("server.admin", address, &error))?;
            // The store has been opened by now, and its file has one owner: nobody else can want this name and be alive.
            let socket = Socket::bind(&socket::beside(&config.storage.path)).context("storage.path")?;
            let front = proxy::front(config, &gateway, &*entropy).await?;
            anyhow::Ok((gateway, listener, socket, front))
        })?;
        let admin = listener.local_addr().context("reading the admin listener's address")?;
        let shutdown = CancellationToken::new();
        let Gateway { auth, portal, outbox, counts } = gateway;
        let pages = health::router(Arc::new(Admin {
            auth: Arc::clone(&auth),
            counts,
            names: Names(config.server.admin_hosts.clone().into()),
        }));
        let operating = admin::router(Arc::new(operating(config, &auth)));
        let inside = runtime.enter();
        let mut tasks = tasks::start(Arc::clone(&auth), portal, outbox, &shutdown);
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let served = axum::serve(AdminListener::new(listener), pages.into_make_service_with_connect_info::<Peer>())
                .with_graceful_shutdown(stop.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the admin listener stopped");
            }
        });
        let stop = shutdown.clone();
        tasks.spawn(async move {
            if let Err(error) = socket.serve(operating, stop).await {
                tracing::error!(%error, "the admin socket stopped");
            }
        });
        if let Some(tls) = &front.tls {
            tasks.spawn(certificates::watch(tls.clone(), certificates::EVERY, shutdown.clone()));
        }
        drop(inside);
        Ok(Self { runtime, auth, admin, shutdown, tasks, front })
    }

    /// Where the admin listener is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The flows.
    pub fn auth(&self) -> Arc<Auth> {
        Arc::clone(&self.auth)
    }

    /// Serves until the process is told to stop (SIGTERM, SIGINT), then lets requests and background work finish.
    /// SIGHUP reads the certificate again, and the configuration, to say what of it does not hold yet.
    ///
    /// # Errors
    /// Signals cannot be waited for, or the use of sessions could not be written down at the end.
    pub fn wait(self, reread: Reread) -> anyhow::Result<()> {
        let Self { runtime, auth, shutdown, mut tasks, front, .. } = self;
        let Front { proxy, listeners, tls } = front;
        let done = runtime.block_on(async {
            let stop = CancellationToken::new();
            let serving = proxy.serve(listeners, stop.clone());
            tokio::pin!(serving);
            tokio::select! {
                () = &mut serving => {}
                signalled = wait_for_signal(tls, Arc::new(reread)) => {
                    signalled.context("signals cannot be waited for")?;
                    tracing::info!("stopping");
                    stop.cancel();
                    serving.await;
                }
                // Without mails, sweeping or rotation the gateway would only look well. Whoever watches starts it anew.
                Some(ended) = tasks.join_next() => {
                    stop.cancel();
                    serving.await;
                    ended.context("background work failed")?;
                    anyhow::bail!("background work ended by itself");
                }
            }
            shutdown.cancel();
            let all = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(STOP_PATIENCE, all).await.is_err() {
                tracing::warn!("background work did not stop in time");
            }
            auth.sessions.write_down_uses().await.context("writing down the use of sessions")
        });
        // A file or a resolver that does not answer is not waited for: what hangs on it has nothing to write down.
        runtime.shutdown_timeout(STOP_PATIENCE);
        done
    }
}

/// Returns when the process is told to stop.
async fn wait_for_signal(tls: Option<Tls>, reread: Arc<Reread>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => {
                let (tls, reread) = (tls.clone(), Arc::clone(&reread));
                // Nobody waits for it here: a signal to stop may come while a network mount takes its time.
                tokio::task::spawn_blocking(move || {
                    read_certificate_again(tls.as_ref());
                    reread.tell();
                });
            }
        }
    }
}

fn read_certificate_again(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        None => tracing::info!("there is no certificate to read again"),
        Some(Ok(())) => tracing::info!("the certificate was read again"),
        Some(Err(error)) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the old certificate stays");
        }
    }
}
