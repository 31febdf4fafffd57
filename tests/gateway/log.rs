//! What is written down about a request, and what never is.

use std::io::Write;
use std::sync::{Arc, Mutex};

use bmauth::domain::route::Access;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Paper {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Everything at info and above that this test's thread writes from now on.
async fn written(world: &World) -> (Paper, tracing::subscriber::DefaultGuard) {
    let paper = Paper::default();
    let subscriber = tracing_subscriber::fmt().with_writer(paper.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // Tests without a log run beside this one. A place in the code that one of them reached first counts as switched
    // off until it is looked at again.
    world.get("/", &[]).await;
    tracing::callsite::rebuild_interest_cache();
    paper.0.lock().unwrap().clear();
    (paper, guard)
}

#[tokio::test]
async fn a_request_is_one_line_without_its_query_cookies_or_tokens() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/down", Access::SignedIn, &nobody().await).start();
    let (paper, _guard) = written(&world).await;
    let secret = world.keeper.sign_in(1);
    world.get_as(&secret, "/notes?code=QUERY", &["Authorization: Bearer TOKEN"]).await;
    world.get_as(&secret, "/down?code=QUERY", &[]).await;
    world.get("/stranger?code=QUERY", &["Accept: text/html"]).await;
    world.get("/_bmauth/x?code=QUERY", &[]).await;
    world.get("//QUERY", &["Cookie: a=COOKIE"]).await;
    let ours = world.keeper.access_token(&secret);
    world.get("/bearer", &[&format!("Authorization: Bearer {ours}")]).await;
    world.get("/unclear", &[&format!("Authorization: Bearer {ours}, {ours}")]).await;
    let text = paper.text();
    for never in ["QUERY", "COOKIE", "TOKEN", &secret.text(), "user1@example.com", "token."] {
        assert!(!text.contains(never), "{never} in {text}");
    }
    for line in [
        "path=\"/notes\" route=0",
        "status=200",
        "path=\"/down\" route=1",
        "status=502",
        "path=\"/stranger\"",
        "status=303",
        "path=\"/_bmauth/x\"",
        "status=400",
    ] {
        assert!(text.contains(line), "{line} not in {text}");
    }
    assert_eq!(text.lines().filter(|line| line.contains(" request=")).count(), 7, "{text}");
}

#[tokio::test]
async fn a_question_is_one_line_about_what_was_asked() {
    let world = plan()
        .route_to(HOST, "/", Access::SignedIn, &[])
        .set(|settings| settings.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()])
        .start();
    let (paper, _guard) = written(&world).await;
    let secret = world.keeper.sign_in(1);
    let url = "X-Original-URL: https://notes.example.com/notes?code=QUERY";
    world.get_as(&secret, "/_bmauth/forward-auth?code=QUERY", &[url, "X-Original-Method: PUT"]).await;
    world.get("/_bmauth/forward-auth", &[url]).await;
    let text = paper.text();
    for never in ["QUERY", &secret.text(), "user1@example.com", "token."] {
        assert!(!text.contains(never), "{never} in {text}");
    }
    for line in
        ["method=\"PUT\" host=\"notes.example.com\" path=\"/notes\" route=0", "status=200", "error=\"part-missing\""]
    {
        assert!(text.contains(line), "{line} not in {text}");
    }
    assert_eq!(text.lines().filter(|line| line.contains(" request=")).count(), 2, "{text}");
}

#[tokio::test]
async fn a_request_that_was_stopped_says_so() {
    let (note, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let url = raw_app(move |_, stream| {
        let note = note.clone();
        async move {
            let _open = stream;
            let _ = note.send(());
            std::future::pending().await
        }
    })
    .await;
    let world = world(&url);
    let (paper, _guard) = written(&world).await;
    let secret = world.keeper.sign_in(1);
    let mut client = world.connect();
    client.send(get("/", &[&cookie(&secret)])).await;
    arrived.recv().await.unwrap();
    world.keeper.end(&secret);
    client.closes().await;
    assert!(paper.text().contains("stopped=true"), "{}", paper.text());
}
