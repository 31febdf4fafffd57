//! What operators ask over HTTP: is it alive, is it ready, how is it doing. Never on the public listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

use super::local_only::{self, MetricsHosts};
use crate::auth::Auth;
use crate::counts::Counts;

/// How long readiness may take to answer before it is no.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the admin listener shows.
#[derive(Debug)]
pub struct Admin {
    /// The flows, for the store and the key set.
    pub auth: Arc<Auth>,
    /// What has been counted.
    pub counts: Arc<Counts>,
    /// The host names under which the metrics may be asked for.
    pub metrics_hosts: MetricsHosts,
}

/// The router of the admin listener.
pub fn router(admin: Arc<Admin>) -> Router {
    let refuse_foreign_host =
        middleware::from_fn_with_state(admin.metrics_hosts.clone(), local_only::refuse_foreign_host);
    Router::new()
        .route("/metrics", get(metrics))
        // For the routes above alone: those below tell nothing that a web site may not read, and probes ask for them
        // under any name.
        .route_layer(refuse_foreign_host)
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/jwks.json", get(jwks))
        .layer(middleware::from_fn(local_only::refuse_public_peer))
        .with_state(admin)
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let problem = match tokio::time::timeout(PATIENCE, admin.auth.ready()).await {
        Ok(Ok(())) => return "ok\n".into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            "the store does not answer\n"
        }
        Err(_) => "the store takes too long\n",
    };
    if admin.auth.shares_its_store() {
        // It is the same for all gateways of that store. A load balancer that left all of them out would leave no
        // gateway for known sessions, which go on.
        return format!("degraded: {problem}").into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, problem).into_response()
}

async fn jwks(State(admin): State<Arc<Admin>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, admin.auth.identity().jwks()).into_response()
}

/// The counts in the Prometheus text format.
async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.counts.text_with(admin.auth.store_counts()))
        .into_response()
}
