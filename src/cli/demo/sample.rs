//! The app that the demo puts the gateway in front of: it greets whom the identity token names, and shows the claims.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};

use crate::auth::Auth;
use crate::domain::own_paths::SIGN_OUT;

const STYLE: &str = include_str!("sample.css");

/// What the sample app knows: as any app, the keys, the issuer and its own audience.
#[derive(Debug)]
pub(super) struct Sample {
    /// Whose key set verifies tokens.
    pub auth: Arc<Auth>,
    /// Who it is in tokens.
    pub audience: String,
}

/// The sample app.
pub(super) fn router(sample: Sample) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], STYLE) }))
        .fallback(home)
        .with_state(Arc::new(sample))
}

async fn home(State(sample): State<Arc<Sample>>, headers: HeaderMap) -> Response {
    let claims = match claims(&sample, &headers) {
        Ok(claims) => claims,
        Err(why) => return (StatusCode::UNAUTHORIZED, format!("{why}\n")).into_response(),
    };
    let email = escape(claims.get("email").and_then(serde_json::Value::as_str).unwrap_or_default());
    let shown = escape(&serde_json::to_string_pretty(&claims).unwrap_or_default());
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Sample app</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>\
         <h1>Hello, {email}</h1>\
         <p>This is the sample app behind BMAuth. It never saw a password or a passkey: it reads the signed header \
         <code>X-BMAuth-JWT</code>, which says:</p><pre>{shown}</pre>\
         <p><a href=\"{SIGN_OUT}\">Sign out</a></p></main></body></html>"
    ))
    .into_response()
}

fn claims(sample: &Sample, headers: &HeaderMap) -> Result<serde_json::Value, &'static str> {
    let token = headers.get("x-bmauth-jwt").and_then(|value| value.to_str().ok()).ok_or("No identity token came.")?;
    let head = jsonwebtoken::decode_header(token).map_err(|_| "The identity token cannot be read.")?;
    let keys: JwkSet =
        serde_json::from_slice(&sample.auth.identity().jwks()).map_err(|_| "The key set cannot be read.")?;
    let key = head.kid.and_then(|kid| keys.find(&kid).cloned()).ok_or("No key of the set signed the token.")?;
    let key = DecodingKey::from_jwk(&key).map_err(|_| "The key cannot be used.")?;
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&[&sample.audience]);
    validation.set_issuer(&[&sample.auth.identity().settings().issuer]);
    let token = jsonwebtoken::decode(token, &key, &validation).map_err(|_| "The identity token does not verify.")?;
    Ok(token.claims)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
