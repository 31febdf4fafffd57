//! A gateway with its sockets, running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gateway::{Gateway, World};
use crate::admin::{self, Admin};
use crate::auth::Auth;
use crate::config::Config;
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
    proxy: crate::proxy::Server,
}

impl Running {
    /// Binds every socket, then starts background work; the proxy serves from [`Running::wait`] on.
    ///
    /// # Errors
    /// A port that is in use, a certificate that does not load, a store that fails: nothing is left running.
    pub fn start(config: &Config, world: World) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("bmauth")
            .build()
            .context("no thread could be started")?;
        let gateway = runtime.block_on(Gateway::new(config, world))?;
        let listener = runtime
            .block_on(TcpListener::bind(config.server.admin))
            .with_context(|| format!("server.admin: {} cannot be listened on", config.server.admin))?;
        let admin = listener.local_addr().context("reading the admin listener's address")?;
        let proxy = super::proxy::server(config, &gateway)?;
        let shutdown = CancellationToken::new();
        let Gateway { auth, portal, outbox, counts } = gateway;
        let pages = admin::router(Arc::new(Admin { auth: Arc::clone(&auth), counts }));
        let guard = runtime.enter();
        let mut tasks = tasks::start(Arc::clone(&auth), portal, outbox, &shutdown);
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let served = axum::serve(listener, pages).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the admin listener stopped");
            }
        });
        drop(guard);
        Ok(Self { runtime, auth, admin, shutdown, tasks, proxy })
    }

    /// Where the admin listener is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The flows.
    pub fn auth(&self) -> Arc<Auth> {
        Arc::clone(&self.auth)
    }

    /// Serves until the process is told to stop, then lets requests and background work finish.
    ///
    /// # Errors
    /// The use of sessions could not be written down at the end.
    pub fn wait(self) -> anyhow::Result<()> {
        let Self { runtime, auth, shutdown, mut tasks, proxy, .. } = self;
        proxy.run();
        shutdown.cancel();
        runtime.block_on(async {
            let all = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(STOP_PATIENCE, all).await.is_err() {
                tracing::warn!("background work did not stop in time");
            }
            auth.sweep_sessions().await
        })?;
        Ok(())
    }
}
