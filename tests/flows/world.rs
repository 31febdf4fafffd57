//! A whole gateway without sockets, and the world around it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::middleware::map_response;
use axum::response::Response;
use bmauth::auth::Auth;
use bmauth::auth::keys::DerivedKeys;
use bmauth::auth::verifying::Verifying;
use bmauth::config::{self, Config, ConfigSource};
use bmauth::domain::clock::{Clock, Entropy, Timestamp};
use bmauth::domain::code::{Code, CodeId};
use bmauth::domain::email::Email;
use bmauth::domain::letter::Stamp;
use bmauth::gate::refusal::LoggedRefusal;
use bmauth::mail::letters::Rendered;
use bmauth::mail::transport::{MailError, Transport};
use bmauth::portal::{self, Portal};
use bmauth::store::Store;
use bmauth::store::memory::MemoryStore;
use bmauth::tasks::outbox::Outbox;
use bmauth::wire::{Gateway, World as Given};
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::browser::Browser;

pub const CONFIG: &str = r#"
public_url = "https://notes.example.com"
[app]
name = "Acme Notes"
[email]
from = "Acme Notes <no-reply@example.com>"
transport = "log"
[[route]]
upstream = ["http://127.0.0.1:8000"]
"#;

/// That configuration, open to everyone where it does not say who may register.
pub fn configured(text: &str) -> Config {
    let mut source = ConfigSource::text("bmauth.toml", text);
    if !text.contains("registration = ") {
        source.environment.push(("BMAUTH__ACCOUNTS__REGISTRATION".into(), "open".into()));
    }
    config::load(source).unwrap()
}

/// A clock that is moved by hand.
pub struct HandClock(AtomicU64);

impl HandClock {
    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// It jumps, in either direction.
    pub fn jump(&self, seconds: i64) {
        let moved = |now: u64| Some(now.saturating_add_signed(seconds));
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that is the same in every run.
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// What arrived.
#[derive(Default)]
pub struct Mailbox {
    mails: Mutex<Vec<(String, Rendered)>>,
    pub broken: AtomicBool,
    /// Whether it refuses every mail for good.
    pub refuses: AtomicBool,
    /// Whether it knows no SMTPUTF8.
    pub is_old: AtomicBool,
    /// To whom it holds mails up, until `let_go` rings.
    pub holds: Mutex<Option<&'static str>>,
    pub let_go: Notify,
    /// Rings when it begins to hold one up.
    pub held: Notify,
}

impl Mailbox {
    /// How many mails to `address` have arrived.
    pub fn arrived(&self, address: &str) -> usize {
        self.mails.lock().unwrap().iter().filter(|(to, _)| to == address).count()
    }
}

#[async_trait]
impl Transport for Mailbox {
    async fn send(&self, to: &Email, mail: &Rendered, _: Stamp) -> Result<(), MailError> {
        let is_held = *self.holds.lock().unwrap() == Some(to.as_str());
        if is_held {
            let let_go = self.let_go.notified();
            self.held.notify_one();
            let_go.await;
        }
        let is_final = self.refuses.load(Ordering::SeqCst);
        if is_final || self.broken.load(Ordering::SeqCst) {
            return Err(MailError { problem: "sending it", source: "the server is on fire".into(), is_final });
        }
        self.mails.lock().unwrap().push((to.as_str().to_owned(), mail.clone()));
        Ok(())
    }

    async fn writes_to(&self, to: &Email) -> bool {
        !self.is_old.load(Ordering::SeqCst) || !to.needs_smtputf8()
    }
}

pub struct World {
    pub router: axum::Router,
    pub portal: Arc<Portal>,
    pub auth: Arc<Auth>,
    pub clock: Arc<HandClock>,
    pub store: Arc<dyn Store>,
    pub mailbox: Arc<Mailbox>,
    pub outbox: Outbox,
    entropy: Arc<Seeded>,
    verifying: Arc<Verifying>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(CONFIG, Arc::new(MemoryStore::new())).await
    }

    pub async fn with(text: &str, store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(HandClock(AtomicU64::new(1_800_000_000)));
        Self::at(text, store, clock, Arc::new(Seeded(AtomicU64::new(0)))).await
    }

    /// The same gateway started again, at whatever time it is.
    pub async fn again(&self, text: &str) -> Self {
        // What it draws goes on, so that it draws nothing twice.
        Self::at(text, Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.entropy)).await
    }

    async fn at(text: &str, store: Arc<dyn Store>, clock: Arc<HandClock>, entropy: Arc<Seeded>) -> Self {
        let config = configured(text);
        let mailbox = Arc::new(Mailbox::default());
        // One thread, so that a test can hold up all that verify.
        let verifying = Arc::new(Verifying::start_on(1).unwrap());
        let given = Given {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::clone(&entropy) as _,
            transport: Arc::clone(&mailbox) as _,
            verifying: Arc::clone(&verifying),
        };
        let gateway = Gateway::new(&config, given).await.unwrap();
        let Gateway { auth, portal, outbox, counts: _ } = gateway;
        let router = portal::router(Arc::clone(&portal)).layer(map_response(sound));
        Self { router, portal, auth, clock, store, mailbox, outbox, entropy, verifying }
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// Holds up everything that is to be verified, until the sender is used or dropped.
    pub async fn hold_verifying(&self) -> std::sync::mpsc::Sender<()> {
        let (let_go, held) = std::sync::mpsc::channel();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let verifying = Arc::clone(&self.verifying);
        let hold = move || {
            begun.send(()).unwrap();
            held.recv().ok();
        };
        tokio::spawn(async move { verifying.run(hold).await });
        begins.await.unwrap();
        let_go
    }

    pub fn wait(&self, seconds: u64) {
        self.clock.forward(seconds);
    }

    /// Delivers what is due and hands over what `address` got since the last look.
    pub async fn mails(&self, address: &str) -> Vec<Rendered> {
        self.outbox.deliver().await;
        let mut mails = self.mailbox.mails.lock().unwrap();
        let (theirs, others) = mails.drain(..).partition(|(to, _)| to == address);
        *mails = others;
        theirs.into_iter().map(|(_, mail): (String, Rendered)| mail).collect()
    }

    /// The code in the newest mail to `address`, which must be the only one since the last look.
    pub async fn code(&self, address: &str) -> String {
        let mails = self.mails(address).await;
        let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
        let code: String = mail.subject.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(code.len(), 6, "{}", mail.subject);
        code
    }

    /// The code of that name, whether or not a mail had it: what only the gateway can know.
    pub async fn code_of(&self, id: CodeId) -> String {
        let keys = DerivedKeys::derive(&self.store.master().await.unwrap().unwrap());
        Code::derive(&keys.mailed_codes, id).text()
    }

    /// The code in the newest mail with one to `address`, as it stands there.
    pub async fn code_as_told(&self, address: &str) -> String {
        let mails = self.mails(address).await;
        let mail = mails.iter().rfind(|mail| mail.subject.contains(" is your ")).expect("a mail with a code");
        mail.subject.split(" is your ").next().unwrap().to_owned()
    }
}

/// What holds of every answer of the portal: a refusal says so to the log, and nothing else does; one type; and when to
/// ask again where it is not now.
async fn sound(response: Response) -> Response {
    let (status, headers) = (response.status(), response.headers());
    let logged = response.extensions().get::<LoggedRefusal>();
    let is_refusal = status.is_client_error() || status.is_server_error();
    assert!(logged.is_some() == is_refusal || status.is_redirection(), "{status} {logged:?}");
    assert!(headers.get_all(header::CONTENT_TYPE).iter().count() <= 1, "{headers:?}");
    assert!(status != StatusCode::SERVICE_UNAVAILABLE || headers.contains_key(header::RETRY_AFTER), "{headers:?}");
    response
}

/// What fifty wrong codes are answered with that are typed at once in as many tabs of a browser.
pub async fn fifty_wrong_codes(world: &World, browser: &Browser, page: &'static str, code: &str) -> Vec<StatusCode> {
    let tries = wrong_codes(code).take(50).map(|wrong| {
        let mut tab = browser.tab(world);
        tokio::spawn(async move { tab.submit(page, &[("code", &wrong)]).await.status })
    });
    let tries: Vec<_> = tries.collect();
    let mut answers = Vec::new();
    for answer in tries {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// Six digits that are not that code, each once.
pub fn wrong_codes(code: &str) -> impl Iterator<Item = String> {
    (0..).map(|n| format!("{n:06}")).filter(move |wrong| wrong != code)
}
