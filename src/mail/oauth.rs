//! Access tokens for a mail server: the gateway asks for them as itself (client credentials, RFC 6749 §4.4).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::{Zeroize as _, Zeroizing};

/// How long one question may take, from connecting to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of an answer is read, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;
/// The longest token that is passed on, in bytes: a line of SMTP has to hold it (RFC 4954 §4).
const LONGEST_TOKEN: usize = 8 * 1024;
/// How long before its end a token is no longer used.
const BEFORE_END: Duration = Duration::from_secs(60);
/// How long a token lasts of which that is not said, and how long one is kept at most.
const LASTS: Duration = Duration::from_secs(300);
const LASTS_AT_MOST: Duration = Duration::from_secs(24 * 3600);

/// A client with its secret, and where it asks.
pub struct OauthClient<'a> {
    /// Where tokens are asked for.
    pub token_url: &'a Url,
    /// The client's name at the token endpoint.
    pub id: &'a str,
    /// The secret by which it proves that it is that client.
    pub secret: &'a str,
    /// What the tokens are to be good for.
    pub scope: Option<&'a str>,
}

/// Why there is no token. No secret is in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoToken {
    /// The server does not answer, or not with TLS that can be trusted.
    NoAnswer(String),
    /// It was refused: the status, and the server's word for why (RFC 6749 §5.2).
    Refused(StatusCode, Option<String>),
    /// The answer has no token.
    Unreadable,
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(why) => write!(f, "token_url does not answer: {why}"),
            Self::Refused(status, Some(why)) => write!(f, "token_url answered {} ({why})", status.as_u16()),
            Self::Refused(status, None) => write!(f, "token_url answered {}", status.as_u16()),
            Self::Unreadable => f.write_str("what token_url answered is no access token"),
        }
    }
}

impl std::error::Error for NoToken {}

/// Gets tokens, and keeps the one that is good.
pub(super) struct OauthTokens {
    url: Url,
    body: Zeroizing<String>,
    tls: Arc<ClientConfig>,
    /// A task that asks for a token holds this meanwhile, so that one asks for all.
    kept: Mutex<Option<MailToken>>,
}

struct MailToken {
    token: Arc<Zeroizing<String>>,
    until: Instant,
}

#[derive(Deserialize)]
struct OauthResponse {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
}

impl Drop for OauthResponse {
    fn drop(&mut self) {
        self.access_token.zeroize();
    }
}

/// Some write the number as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl OauthTokens {
    pub(super) fn new(client: &OauthClient<'_>, tls: Arc<ClientConfig>) -> Self {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client.id)
            .append_pair("client_secret", client.secret);
        if let Some(scope) = client.scope {
            form.append_pair("scope", scope);
        }
        let body = Zeroizing::new(form.finish());
        Self { url: client.token_url.clone(), body, tls, kept: Mutex::new(None) }
    }

    /// A token that is good for a while yet.
    pub(super) async fn get(&self) -> Result<Arc<Zeroizing<String>>, NoToken> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = &*kept
            && Instant::now() < kept.until
        {
            return Ok(Arc::clone(&kept.token));
        }
        *kept = None;
        let asked = timeout(PATIENCE, self.ask()).await;
        let fresh = asked.map_err(|_| NoToken::NoAnswer("it takes too long".to_owned()))??;
        Ok(Arc::clone(&kept.insert(fresh).token))
    }

    /// A token that was refused is not used again.
    pub(super) async fn give_up(&self, token: &Arc<Zeroizing<String>>) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.token, token)) {
            *kept = None;
        }
    }

    async fn ask(&self) -> Result<MailToken, NoToken> {
        let no_answer = |why: &dyn fmt::Display| NoToken::NoAnswer(why.to_string());
        let host = self.url.host_str().unwrap_or_default();
        let bare = host.trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or(443);
        let stream = TcpStream::connect((bare, port)).await.map_err(|why| no_answer(&why))?;
        let (status, body) = if self.url.scheme() == "https" {
            let name = ServerName::try_from(bare.to_owned()).map_err(|why| no_answer(&why))?;
            let connecting = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
            self.exchange(connecting.await.map_err(|why| no_answer(&why))?).await?
        } else {
            self.exchange(stream).await?
        };
        if status != StatusCode::OK {
            let word = serde_json::from_slice::<Refusal>(&body).ok().map(|refusal| refusal.error);
            // The words that the standard knows, and their like; what else is there may repeat what it was told.
            let is_word =
                |word: &String| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            return Err(NoToken::Refused(
                status,
                word.filter(is_word).filter(|word| !self.body.contains(word.as_str())),
            ));
        }
        let mut body = Vec::from(body);
        let answer = serde_json::from_slice::<OauthResponse>(&body).map_err(|_| NoToken::Unreadable);
        body.zeroize();
        read(&answer?)
    }

    async fn exchange<S>(&self, stream: S) -> Result<(StatusCode, Bytes), NoToken>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let no_answer = |why: &dyn fmt::Display| NoToken::NoAnswer(why.to_string());
        let target = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let authority = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = Request::post(target)
            .header(HOST, authority)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(CONNECTION, HeaderValue::from_static("close"))
            .body(Full::new(Bytes::copy_from_slice(self.body.as_bytes())))
            .map_err(|why| no_answer(&why))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|why| no_answer(&why))?;
        let driver = tokio::spawn(connection);
        let answered = async {
            let (head, body) = sender.send_request(request).await.map_err(|why| no_answer(&why))?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|_| NoToken::Unreadable)?;
            Ok((head.status, body.to_bytes()))
        };
        let answer = answered.await;
        driver.abort();
        answer
    }
}

fn read(answer: &OauthResponse) -> Result<MailToken, NoToken> {
    let token = &answer.access_token;
    // RFC 6750 §2.1: what may stand behind `Bearer`.
    let is_token = (1..=LONGEST_TOKEN).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    let is_bearer = answer.token_type.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_token || !is_bearer {
        return Err(NoToken::Unreadable);
    }
    let lasts = match &answer.expires_in {
        Some(Seconds::Number(seconds)) => Duration::from_secs(*seconds),
        Some(Seconds::Text(text)) => text.parse().map_or(LASTS, Duration::from_secs),
        None => LASTS,
    };
    let lasts = lasts.min(LASTS_AT_MOST);
    // One that lasts for a minute is used for half of it.
    let is_good_for = lasts.saturating_sub(BEFORE_END).max(lasts / 2);
    Ok(MailToken { token: Arc::new(Zeroizing::new(token.clone())), until: Instant::now() + is_good_for })
}
