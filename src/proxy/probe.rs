//! Tries whether a server can be reached as requests will reach it, for `bmauth check`.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::dial::{ProtocolOffer, Speaks, Trust, why};
use super::names::{Resolve, SystemResolver};
use super::server::UpstreamServer;
use crate::domain::upstream::{UpstreamTls, UpstreamUrl};

/// How long a server is listened to that may not like what was shown to it: with TLS 1.3 it says so only after the
/// handshake is over on this side (RFC 8446 §4.4.2.4).
const AFTERTHOUGHT: Duration = Duration::from_millis(500);

/// Connects to a server, with TLS where its URL says so; returns what was agreed, in a few words.
///
/// # Errors
/// Says why it cannot be reached, and what to do about it where that is known.
pub async fn probe(url: &UpstreamUrl, tls: &UpstreamTls) -> Result<String, String> {
    let trust = url.is_tls().then(|| Trust::of(tls)).transpose().map_err(|error| error.to_string())?.map(Arc::new);
    let resolver: Arc<dyn Resolve> = Arc::new(SystemResolver);
    let server = UpstreamServer::new(url.clone(), trust.as_ref(), tls.name.as_ref(), 0, Arc::default(), &resolver);
    let (mut socket, speaks) =
        server.dial(ProtocolOffer::Either).await.map_err(|error| format!("{url} {}", why(&error)))?;
    if !url.is_tls() {
        return Ok(format!("{url} takes connections"));
    }
    let mut first = [0; 1];
    if let Ok(Err(error)) = tokio::time::timeout(AFTERTHOUGHT, socket.read(&mut first)).await {
        return Err(format!("{url} {}", why(&error)));
    }
    let speaks = match speaks {
        Speaks::Http1 => "HTTP/1.1",
        Speaks::Http2 => "HTTP/2",
    };
    Ok(format!("{url} has a certificate that is taken, and speaks {speaks}"))
}
