//! The JSON that clients of the API send.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::ApiError;
use crate::auth::passkeys::decode_base64url;

/// The fields with bytes in base64url.
const BINARY: [&str; 6] =
    ["rawId", "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
/// The field whose own fields are the client's to name.
const NAMED_BY_CLIENTS: &str = "options.metadata";

/// A JSON body; none at all counts as an object without fields.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
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
        // A list would be taken for fields in their order.
        if json.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
            return Err(ApiError::invalid("The body is no JSON object: see openapi.json."));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let body = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| unreadable(&error))?;
        deserializer.end().map_err(|error| no_json(&error))?;
        Ok(Self(body))
    }
}

/// Says which field is wrong, and nothing of what was read, which the parser's own words would quote.
fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, error) = (error.path().to_string(), error.inner());
    if error.classify() != Category::Data {
        return no_json(error);
    }
    let said = error.to_string();
    let named = |start| said.strip_prefix(start).and_then(|rest| rest.split('`').next());
    let path = if path.starts_with(NAMED_BY_CLIENTS) { NAMED_BY_CLIENTS } else { path.as_str() };
    let field = |name: &str| if path == "." { name.to_owned() } else { format!("{path}.{name}") };
    ApiError::InvalidRequest(if let Some(name) = named("missing field `") {
        format!("`{}` is missing.", field(name))
    } else if let Some(name) = named("duplicate field `") {
        format!("`{}` is there twice.", field(name))
    } else if said.starts_with("invalid type: null") {
        format!("`{path}` is missing.")
    } else if said.starts_with("invalid type") {
        format!("`{path}` is of another type than this route takes: see openapi.json.")
    } else if path.rsplit('.').next().is_some_and(|name| BINARY.contains(&name)) {
        format!("`{path}` is no base64url.")
    } else {
        format!("`{path}` is not what this route takes: see openapi.json.")
    })
}

fn no_json(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::InvalidRequest(format!("The body is no JSON (line {line}, column {column})."))
}

/// Refuses a credential whose id is none.
pub(super) fn check_id(id: &str) -> Result<(), ApiError> {
    decode_base64url(id).map(|_| ()).ok_or_else(|| ApiError::invalid("`credential.id` is no base64url."))
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
