//! The state as server-sent events.

use axum::body::{Body, BodyDataStream};
use bmauth::domain::host::Authority;
use bmauth::gate::peer::{PeerInfo, RequestId};
use futures_util::StreamExt as _;
use http::{Request, header};
use tower::ServiceExt as _;

use super::*;

/// An open stream of one browser.
struct Events {
    stream: BodyDataStream,
    buffer: String,
}

impl Events {
    async fn try_open(world: &World, browser: &Browser, link: &Value) -> Result<Self, StatusCode> {
        let line: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::get(format!("/_bmauth/link/events?link={}", link.as_str().unwrap()))
            .header(header::COOKIE, line.join("; "))
            .header(header::HOST, "notes.example.com")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(PeerInfo {
            address: Some(browser.address),
            trusted: false,
            https: true,
            authority: Authority::parse(b"notes.example.com").unwrap(),
            request_id: RequestId(7),
        });
        let response = world.router.clone().oneshot(request).await.unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        Ok(Self { stream: response.into_body().into_data_stream(), buffer: String::new() })
    }

    async fn open(world: &World, browser: &Browser, link: &Value) -> Self {
        Self::try_open(world, browser, link).await.unwrap()
    }

    /// The next event; `None` at the end. Comments are passed over.
    async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.buffer = rest;
                if let Some(data) = event.strip_prefix("data: ") {
                    return Some(serde_json::from_str(data).unwrap());
                }
                assert!(event.starts_with(':'), "{event}");
            }
            // Of the paused clock, which would run on for ever where nothing comes.
            let piece = tokio::time::timeout(std::time::Duration::from_secs(12), self.stream.next()).await;
            self.buffer.push_str(str::from_utf8(&piece.expect("an event or the end in time")?.unwrap()).unwrap());
        }
    }

    async fn stage(&mut self) -> Option<String> {
        self.next().await.map(|event| event["stage"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_are_told_each_change_as_it_happens() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let mut waiting = Events::open(&world, &computer, &shown.link).await;
    let first = waiting.next().await.unwrap();
    assert_eq!(first, computer.link_state(&shown.link).await.json(), "an event is the state");
    phone.find(&shown.scan).await;
    let mut approving = Events::open(&world, &phone, &shown.link).await;
    assert_eq!(approving.next().await.unwrap(), phone.link_state(&shown.link).await.json());
    assert_eq!(waiting.stage().await.as_deref(), Some("found"));
    phone.number(&shown.link, 0).await;
    phone.approve(&shown.link, shown.number, &mut passkey).await;
    // The wrong number changed nothing that either is told.
    assert_eq!(waiting.stage().await.as_deref(), Some("approved"));
    assert_eq!(approving.stage().await.as_deref(), Some("approved"));
    computer.set_up(&shown.link, &mut Passkey::new(b"new")).await;
    assert_eq!((waiting.next().await, approving.next().await), (None, None), "finished");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_link() {
    let (world, mut phone, mut passkey) = maria().await;
    for (why, stage) in [("denied", "denied"), ("waited", "too-old"), ("guessed", "numbers-spent")] {
        let mut computer = world.browser();
        let shown = computer.ask().await;
        phone.find(&shown.scan).await;
        let mut events = Events::open(&world, &computer, &shown.link).await;
        assert_eq!(events.stage().await.as_deref(), Some("found"));
        match why {
            "denied" => assert_eq!(phone.deny(&shown.link).await.status, StatusCode::OK),
            "waited" => world.wait(300),
            _ => {
                for _ in 0..3 {
                    phone.number(&shown.link, 0).await;
                }
            }
        }
        assert_eq!(events.stage().await.as_deref(), Some(stage));
        assert_eq!(events.next().await, None, "{why}");
        // Opened late, it says so once.
        let mut late = Events::open(&world, &computer, &shown.link).await;
        assert_eq!((late.stage().await.as_deref(), late.next().await), (Some(stage), None));
    }
    let (computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    let mut events = Events::open(&world, &computer, &shown.link).await;
    assert_eq!(events.stage().await.as_deref(), Some("approved"));
    world.auth.sessions.sign_out(phone.session()).await.unwrap();
    assert_eq!((events.stage().await.as_deref(), events.next().await), (Some("denied"), None), "signed out");
}

#[tokio::test(start_paused = true)]
async fn a_change_without_a_notice_is_seen_within_seconds() {
    use bmauth::domain::plan::{Change, Durability, SessionChange};
    let (world, mut phone, mut passkey) = maria().await;
    let (computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    let mut events = Events::open(&world, &computer, &shown.link).await;
    events.next().await;
    // As another node would.
    world.store.commit(vec![Change::Session(SessionChange::End(phone.session()))], Durability::Durable).await.unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(events.stage().await.as_deref(), Some("denied"));
    assert!(before.elapsed() <= std::time::Duration::from_secs(5), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_few_tabs_may_wait_and_no_more() {
    let (world, _, _) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let mut tabs = Vec::new();
    for _ in 0..12 {
        tabs.push(Events::open(&world, &computer, &shown.link).await);
    }
    let one_more = Events::try_open(&world, &computer, &shown.link).await;
    assert_eq!(one_more.err(), Some(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(computer.stage(&shown.link).await, "shown", "it can still ask");
    tabs.pop();
    assert!(Events::try_open(&world, &computer, &shown.link).await.is_ok());
}
