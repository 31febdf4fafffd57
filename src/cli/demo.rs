//! `bmauth demo`: everything in one process, forgotten at the end.

mod sample;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{CommandError, serve};
use crate::config::{self, ConfigSource};
use crate::domain::upstream::UpstreamUrl;
use crate::telemetry;
use crate::wire::{CannotListen, Reread, Supervisor};

/// Runs the demo until it is told to stop.
pub(super) fn run(port: u16, upstream: Option<UpstreamUrl>) -> Result<(), CommandError> {
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
    let source = ConfigSource::demo(port, &upstream, folder.path());
    let config = config::load(source.clone())?;
    let _log = telemetry::start().context("no thread could be started")?;
    let running = serve::start(&config).map_err(by_flag)?;
    let is_sample = sample.is_some();
    if let Some(listener) = sample {
        let audience = config.public_url.host().to_string();
        let app = sample::router(sample::Sample { auth: running.auth(), audience });
        runtime.spawn(async move { axum::serve(listener, app).await });
    }
    println!("{}", greeting(config.public_url.origin(), (!is_sample).then_some(&upstream)));
    Ok(running.wait(Reread::of(&config, source), Supervisor::of_this_process())?)
}

/// The same error, by the flag that says the port where there is no configuration to look into.
fn by_flag(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<CannotListen>() {
        Ok(cannot) => CannotListen { key: "--port", ..cannot }.into(),
        Err(error) => error,
    }
}

/// What is printed at the start: `app` is what stands behind, where that is not the sample.
fn greeting(address: &str, app: Option<&UpstreamUrl>) -> String {
    let behind = app.map_or_else(|| "a sample app".to_owned(), ToString::to_string);
    // By this variable the app learns whom to trust.
    let start = app.map(|_| format!("\n\n  Start the app with BMAUTH_URL={address}")).unwrap_or_default();
    format!(
        "\n  BMAuth demo: open {address}{start}\n\n  \
         Register with any e-mail address; no mail is sent, the code is printed here.\n  \
         In front of {behind}. Everything is forgotten when you stop it with Ctrl+C.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_of_ones_own_is_told_whom_to_trust() {
        let app = UpstreamUrl::parse("http://127.0.0.1:8000").unwrap();
        let own = greeting("http://localhost:8080", Some(&app));
        assert!(own.contains("\n  Start the app with BMAUTH_URL=http://localhost:8080\n"), "{own}");
        assert!(own.contains("In front of http://127.0.0.1:8000."), "{own}");
        let sample = greeting("http://localhost:8080", None);
        assert!(sample.contains("In front of a sample app.") && !sample.contains("BMAUTH_URL"), "{sample}");
    }
}
