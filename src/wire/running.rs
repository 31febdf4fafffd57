//! A gateway with its sockets, running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::certificates;
use super::gateway::{Gateway, World, operating};
use super::keeping::{admin_socket, admin_socket_key, grace};
use super::listening::CannotListen;
use super::proxy::{self, Front};
use super::reread::Reread;
use super::supervisor::Supervisor;
use crate::admin;
use crate::admin::health::{self, Admin};
use crate::admin::listener::{AdminListener, AdminPeer};
use crate::admin::local_only::MetricsHosts;
use crate::admin::socket::AdminSocket;
use crate::auth::Auth;
use crate::config::Config;
use crate::proxy::ListenerTls;
use crate::tasks;

/// How long background work may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A gateway that runs: its listeners, its background tasks and what ends them.
pub struct Running {
    runtime: Runtime,
    auth: Arc<Auth>,
    admin: SocketAddr,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    front: Front,
    grace: Duration,
    signals: Signals,
}

impl Running {
    /// Binds every socket, then starts background work; connections queue until [`Running::wait`].
    ///
    /// # Errors
    /// A port that is in use, a certificate that does not load, a store that fails: nothing is left running.
    pub fn start(config: &Config, world: impl AsyncFnOnce() -> anyhow::Result<World>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("bmauth")
            .build()
            .context("no thread could be started")?;
        let (gateway, listener, socket, front) = runtime.block_on(async {
            // Made here, where there is a runtime: connections to the mail server are kept by one.
            let world = world().await?;
            let entropy = Arc::clone(&world.entropy);
            let gateway = Gateway::new(config, world).await?;
            let address = config.server.admin;
            let listener = TcpListener::bind(address)
                .await
                .map_err(|error| CannotListen::because("server.admin", address, &error))?;
            // A store in a file has been opened by now, and has one owner: no other process can want this name and be
            // alive.
            let socket = AdminSocket::bind(&admin_socket(config)).context(admin_socket_key(config))?;
            let front = proxy::front(config, &gateway, &*entropy).await?;
            anyhow::Ok((gateway, listener, socket, front))
        })?;
        let admin = listener.local_addr().context("reading the admin listener's address")?;
        let shutdown = CancellationToken::new();
        let Gateway { auth, portal, outbox, counts } = gateway;
        let pages = health::router(Arc::new(Admin {
            auth: Arc::clone(&auth),
            counts,
            metrics_hosts: MetricsHosts(config.server.admin_hosts.clone().into()),
        }));
        let operating = admin::router(Arc::new(operating(config, &auth)));
        let inside = runtime.enter();
        // Kept from here on until they are waited for: one may come as soon as the gateway says that it serves.
        let signals = Signals::heard().context("signals cannot be waited for")?;
        let mut tasks = tasks::start(Arc::clone(&auth), portal, outbox, grace(&config.storage), &shutdown);
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let served =
                axum::serve(AdminListener::new(listener), pages.into_make_service_with_connect_info::<AdminPeer>())
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
        let grace = config.server.shutdown_grace;
        Ok(Self { runtime, auth, admin, shutdown, tasks, front, grace, signals })
    }

    /// Where the admin listener is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The flows of the running gateway.
    pub fn auth(&self) -> Arc<Auth> {
        Arc::clone(&self.auth)
    }

    /// Serves until the process is told to stop (SIGTERM, SIGINT), then lets requests and background work finish.
    /// SIGHUP reads the certificate again, and the configuration, to say what of it does not hold yet. The supervisor
    /// is told of each.
    ///
    /// # Errors
    /// The use of sessions could not be written down at the end.
    pub fn wait(self, reread: Reread, supervisor: Supervisor) -> anyhow::Result<()> {
        let Self { runtime, auth, shutdown, mut tasks, front, grace, signals, .. } = self;
        let Front { proxy, listeners, tls } = front;
        let again = ReloadTargets { tls, reread, supervisor: supervisor.clone() };
        let done = runtime.block_on(async {
            let stop = CancellationToken::new();
            let stopping = || {
                let supervisor = supervisor.clone();
                // The listeners, what is under way, background work, and what a file that hangs is waited for.
                spawn_blocking(move || supervisor.stopping(grace + STOP_PATIENCE * 4));
            };
            let serving = proxy.serve(listeners, stop.clone());
            tokio::pin!(serving);
            tokio::select! {
                () = &mut serving => {}
                () = signals.until_stop(Arc::new(again)) => {
                    tracing::info!("stopping");
                    stopping();
                    stop.cancel();
                    serving.await;
                }
                // Without mails, sweeping or rotation the gateway would only look well. A supervisor starts it anew.
                Some(ended) = tasks.join_next() => {
                    stopping();
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
            let written_down = auth.sessions.write_down_all_uses().await.context("writing down the use of sessions");
            if let Err(error) = auth.ledger().leave().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "other gateways were not told of the stop");
            }
            written_down
        });
        // A file or a resolver that does not answer is not waited for: what hangs on it has nothing to write down.
        runtime.shutdown_timeout(STOP_PATIENCE);
        done
    }
}

/// What the process is told by signals.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What is read again, and who is told.
struct ReloadTargets {
    tls: Option<ListenerTls>,
    reread: Reread,
    supervisor: Supervisor,
}

impl Signals {
    fn heard() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Says that the gateway serves, reads again what there is to read with each SIGHUP, and returns when the process
    /// is told to stop.
    async fn until_stop(mut self, again: Arc<ReloadTargets>) {
        // What reads and tells is not waited for: a signal to stop may come while a network mount takes its time. But
        // one follows the other, so that what is said last is what was read last; a signal that comes meanwhile is
        // kept.
        let mut under_way = {
            let supervisor = again.supervisor.clone();
            Some(spawn_blocking(move || supervisor.ready()))
        };
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                () = ended(&mut under_way) => under_way = None,
                _ = self.hang_up.recv(), if under_way.is_none() => {
                    let again = Arc::clone(&again);
                    under_way = Some(spawn_blocking(move || again.read()));
                }
            }
        }
    }
}

/// Returns when it has; where there is none, never.
async fn ended(under_way: &mut Option<JoinHandle<()>>) {
    match under_way {
        Some(work) => {
            if let Err(error) = work.await {
                tracing::error!(%error, "what SIGHUP is for was broken off");
            }
        }
        None => std::future::pending().await,
    }
}

impl ReloadTargets {
    fn read(&self) {
        self.supervisor.reloading();
        read_certificate_again(self.tls.as_ref());
        self.reread.log_differences();
        self.supervisor.ready();
    }
}

fn read_certificate_again(tls: Option<&ListenerTls>) {
    match tls.map(ListenerTls::reload) {
        None => tracing::info!("there is no certificate to read again"),
        Some(Ok(())) => tracing::info!("the certificate was read again"),
        Some(Err(error)) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the old certificate stays");
        }
    }
}
