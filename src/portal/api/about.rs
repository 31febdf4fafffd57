//! What the API says of itself.

use std::sync::LazyLock;

use axum::Json;
use axum::response::IntoResponse;
use http::header;
use serde::Serialize;

/// The API's description (OpenAPI 3.1), as written: it leaves the version to this program.
const WRITTEN: &str = include_str!("../../../templates/api/openapi.json");

/// The same, as served.
pub(super) static OPENAPI: LazyLock<String> =
    LazyLock::new(|| WRITTEN.replacen("{version}", env!("CARGO_PKG_VERSION"), 1));

/// Says that the gateway answers.
pub(super) async fn health() -> Json<&'static str> {
    Json("OK")
}

/// The version of the program, as the API says it.
#[derive(Serialize)]
pub(super) struct Version {
    version: &'static str,
}

/// The version of this program.
pub(super) async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}

/// The OpenAPI description of these routes.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.as_str())
}
