//! What the API says of itself.

use axum::Json;
use axum::response::IntoResponse;
use http::header;
use serde::Serialize;

/// The API's description (OpenAPI 3.1).
const OPENAPI: &str = include_str!("../../../templates/api/openapi.json");

/// The gateway answers.
pub(super) async fn health() -> Json<&'static str> {
    Json("OK")
}

/// Which one.
#[derive(Serialize)]
pub(super) struct Version {
    version: &'static str,
}

/// The version of this program.
pub(super) async fn version() -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION") })
}

/// The description.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}
