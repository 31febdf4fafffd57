//! Asks servers from time to time whether they are well, so that those that are not are left out before a visitor meets
//! them.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::Either;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, StatusCode, Uri};
use tokio::task::JoinSet;

use super::body::RequestBody;
use super::forward;
use super::link::RequestSender;
use super::server::UpstreamServer;
use super::upstreams::{ServerPool, Upstreams};
use crate::domain::upstream::HealthCheck;

/// How long a server has to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many times in a row it has to fail until it is left out.
const FAILURES: u32 = 2;

/// Asks all servers of routes that have a health check, for ever.
pub(super) async fn watch(upstreams: &Upstreams) {
    let mut watching = JoinSet::new();
    for pool in upstreams.pools() {
        let Some(check) = &pool.health else { continue };
        for server in pool.servers() {
            watching.spawn(watch_one(Arc::clone(pool), Arc::clone(server), check.clone()));
        }
    }
    while watching.join_next().await.is_some() {}
}

async fn watch_one(pool: Arc<ServerPool>, server: Arc<UpstreamServer>, check: HealthCheck) {
    let mut failures = 0;
    loop {
        match tokio::time::timeout(PATIENCE, ask(&pool, &server, &check.path)).await {
            Ok(Ok(())) => {
                failures = 0;
                if server.set_well(true) {
                    tracing::info!(upstream = %server, "an upstream is well again");
                }
            }
            failed => {
                failures += 1;
                if failures >= FAILURES && server.set_well(false) {
                    let why = failed.map_or_else(
                        |_| "it takes too long".to_owned(),
                        |failed| match failed {
                            Ok(()) => String::new(),
                            Err(why) => format!("{why:#}"),
                        },
                    );
                    tracing::warn!(upstream = %server, why, "an upstream is unwell and is left out");
                }
            }
        }
        tokio::time::sleep(check.every).await;
    }
}

/// Asks once, as a request by the route would.
async fn ask(pool: &ServerPool, server: &UpstreamServer, path: &str) -> anyhow::Result<()> {
    let mut link = server.link_apart().await.context("it accepts no connection")?;
    let mut request = Request::new(());
    *request.uri_mut() = Uri::try_from(path)?;
    let headers = request.headers_mut();
    headers.insert(HOST, pool.host.clone());
    headers.insert(USER_AGENT, HeaderValue::from_static("bmauth (health check)"));
    pool.rewrites.apply_to_request(headers, &server.authority);
    if matches!(link.sender, RequestSender::Http2(_)) {
        forward::for_http2(&mut request, "http")?;
    }
    let request = request.map(|()| RequestBody::empty());
    let mut sending = pin!(match &mut link.sender {
        RequestSender::Http1(sender) => Either::Left(sender.send_request(request)),
        RequestSender::Http2(sender) => Either::Right(sender.send_request(request)),
    });
    let response = poll_fn(|cx| {
        if let Some(line) = &mut link.line {
            line.poll(cx);
        }
        sending.as_mut().poll(cx)
    });
    let status = response.await.context("it does not answer")?.status();
    let is_well = status.is_success() || status.is_redirection();
    anyhow::ensure!(is_well, "it answers {}", StatusCode::as_u16(&status));
    Ok(())
}
