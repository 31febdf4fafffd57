//! `bmauth demo`: everything in one process, forgotten at the end.

mod sample;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{Failed, serve};
use crate::config::Config;
use crate::domain::upstream::UpstreamUrl;
use crate::telemetry;

/// Runs the demo until it is told to stop.
pub(super) fn run(port: u16, upstream: Option<UpstreamUrl>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("no thread could be started")?;
    let folder = tempfile::tempdir().context("no temporary folder could be made")?;
    let (upstream, sample) = match upstream {
        Some(upstream) => (upstream, None),
        None => {
            let listener =
                runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).context("no port is free for the sample app")?;
            let address = listener.local_addr().context("no port is free for the sample app")?;
            let upstream = UpstreamUrl::parse(&format!("http://{address}")).context("reading our own address")?;
            (upstream, Some(listener))
        }
    };
    let config = Config::demo(port, &upstream, folder.path())?;
    let _log = telemetry::start().context("no thread could be started")?;
    let running = serve::start(&config)?;
    let is_sample = sample.is_some();
    if let Some(listener) = sample {
        let audience = config.public_url.host().to_string();
        let app = sample::router(sample::Sample { auth: running.auth(), audience });
        runtime.spawn(async move { axum::serve(listener, app).await });
    }
    let behind = if is_sample { "a sample app".to_owned() } else { upstream.to_string() };
    println!(
        "\n  BMAuth demo: open http://localhost:{port}\n\n  \
         Register with any e-mail address; no mail is sent, the code is printed here.\n  \
         In front of {behind}. Everything is forgotten when you stop it with Ctrl+C.\n"
    );
    Ok(running.wait()?)
}
