//! What clients send.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::ApiError;

/// A JSON body; none at all counts as an object without fields.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (says_json, says_nothing) = media_type(&request);
        let bytes = Bytes::from_request(request, state).await.map_err(|_| ApiError::TooLarge)?;
        // Another site's form can send other types without being asked for leave (the Fetch standard's CORS).
        if !(says_json || says_nothing && bytes.is_empty()) {
            return Err(ApiError::invalid("Send a JSON body as Content-Type: application/json."));
        }
        // Clients that have nothing to say of what may be left out send nothing at all.
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(json).map(Self).map_err(|error| {
            // The parser's own words would quote what it read.
            let what = match error.classify() {
                Category::Data => "has not the fields that this route takes",
                Category::Io | Category::Syntax | Category::Eof => "is no JSON",
            };
            ApiError::InvalidRequest(format!(
                "The body {what} (line {}, column {}): see openapi.json.",
                error.line(),
                error.column()
            ))
        })
    }
}

/// Whether the body's type is JSON, and whether none is named.
fn media_type(request: &Request) -> (bool, bool) {
    let mut types = request.headers().get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) => (false, true),
        (Some(one), None) => {
            let media_type = one.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
            (media_type.eq_ignore_ascii_case(b"application/json"), false)
        }
        (Some(_), Some(_)) => (false, false),
    }
}
