//! The steps of a request, each apart.

#[expect(dead_code, reason = "the tests' authenticator can also cheat, which is not used here")]
#[path = "../../tests/flows/authenticator.rs"]
mod authenticator;
#[expect(dead_code, reason = "the tests' browser can do more")]
#[path = "../../tests/flows/browser.rs"]
mod browser;
#[expect(dead_code, reason = "the tests' world can do more")]
#[path = "../../tests/flows/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;

use bmauth::auth::principal::Principal;
use bmauth::counts::Counts;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::cookies;
use bmauth::domain::path::RequestTarget;
use bmauth::domain::route::Scheme;
use bmauth::domain::secret::Secret;
use bmauth::portal;
use bmauth::proxy::apart::Steps;
use bmauth::proxy::{ProxyParts, ProxySettings};
use bmauth::telemetry::json::{self, Json};
use bmauth::telemetry::queue::{LineQueue, QueueRoom};
use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use http::{HeaderValue, Method};
use pingora::http::RequestHeader;
use tokio::runtime::Runtime;
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

use world::World;

/// What browsers send with a page, and two cookies of the app's.
const FIELDS: [(&str, &str); 9] = [
    ("host", "notes.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "de,en-US;q=0.7,en;q=0.3"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://notes.example.com/notes/6"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
];
/// What an attacker sends to be taken for another person.
const SPOOFED: [&str; 10] = [
    "x-bmauth-jwt",
    "x_bmauth_jwt",
    "remote-user",
    "remote.email",
    "x-forwarded-user",
    "x-auth-request-user",
    "x-forwarded-for",
    "x-original-url",
    "proxy",
    "true-client-ip",
];
const COOKIES: &str = "theme=dark; consent=2026-01-05; _session=Zm9vYmFyYmF6cXV4cXV1eGNvcmdl";

fn request(path: &str, cookie: Option<&Secret>) -> RequestHeader {
    let mut request = RequestHeader::build(Method::GET, path.as_bytes(), None).expect("a request");
    for (name, value) in FIELDS {
        request.insert_header(name, value).expect("a field");
    }
    if let Some(secret) = cookie {
        let line = format!("{COOKIES}; __Host-bmauth={}", secret.text());
        request.insert_header("cookie", line).expect("a field");
    }
    request
}

/// A gateway with one person who is signed in.
struct SignedInPerson {
    runtime: Runtime,
    world: World,
    secret: Secret,
    principal: Principal,
}

impl SignedInPerson {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (world, secret, principal) = runtime.block_on(async {
            let world = World::new().await;
            let mut browser = world.browser();
            let mut passkey = authenticator::Passkey::new(b"a credential");
            browser.register(&world, "maria@example.com", &mut passkey).await;
            let secret = Secret::parse(&browser.cookies["__Host-bmauth"]).expect("a session");
            let live = world.auth.sessions.find(secret.digest()).await.expect("a store").expect("a live session");
            (world, secret, Principal::Person(live))
        });
        Self { runtime, world, secret, principal }
    }

    fn steps(&self) -> Steps {
        let config = world::configured(world::CONFIG);
        let parts = ProxyParts {
            routes: config.routes.clone(),
            gatekeeper: Arc::clone(&self.world.auth) as _,
            hand_offs: Arc::clone(&self.world.portal.hand_offs),
            forward_auth: Arc::clone(&self.world.portal.forward_auth),
            portal: portal::router(Arc::clone(&self.world.portal)),
            render: Arc::new(|_| String::new()),
            settings: ProxySettings::new(Scheme::Https, config.public_url.host().clone()),
            counts: Arc::new(Counts::default()),
            seed: 0,
        };
        Steps::new(parts, "203.0.113.9:4711".parse().expect("an address"))
    }
}

fn steps(criterion: &mut Criterion) {
    let person = SignedInPerson::new();
    let steps = person.steps();
    let plain = request("/notes/7?sort=date", Some(&person.secret));
    let head = steps.read(&plain).expect("an ordinary request");
    assert!(person.runtime.block_on(steps.admit(&head, &plain)), "a signed-in person is let through");
    let mut spoofed = plain.clone();
    for name in SPOOFED {
        spoofed.insert_header(name, "admin").expect("a field");
    }
    assert_eq!((steps.spoofed(&plain), steps.spoofed(&spoofed)), (0, SPOOFED.len()));

    let mut group = criterion.benchmark_group("request");
    group.bench_function("read the head", |b| b.iter(|| steps.read(black_box(&plain))));
    group.bench_function("admit", |b| {
        b.iter(|| person.runtime.block_on(steps.admit(black_box(&head), black_box(&plain))));
    });
    group.bench_function("look for spoofed fields, none there", |b| b.iter(|| steps.spoofed(black_box(&plain))));
    group.bench_function("look for spoofed fields, ten there", |b| b.iter(|| steps.spoofed(black_box(&spoofed))));
    let principal = &person.principal;
    let token = HeaderValue::from_static("a token");
    for (name, request) in [("rewrite", &plain), ("rewrite, ten spoofed fields", &spoofed)] {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || (request.clone(), token.clone()),
                |(request, token)| assert!(steps.rewrite(&head, request, principal, token.clone())),
                BatchSize::SmallInput,
            );
        });
    }
    let write_down = |b: &mut Bencher<'_>| {
        b.iter_batched(
            || steps.read(&plain),
            |head| head.map(|head| steps.write_down(&head, &plain, 200)),
            BatchSize::SmallInput,
        );
    };
    group.bench_function("its line, which is not logged", write_down);
    // The thread that writes is not measured, only what the request's own does.
    let log = LineQueue::start(std::io::sink(), QueueRoom::default(), json::notice).expect("a thread");
    let logging = tracing_subscriber::registry().with(Json::new(log));
    tracing::subscriber::with_default(logging, || group.bench_function("its line", write_down));
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let secret = Secret::from_bytes([7; 32]);
    let line = format!("{COOKIES}; __Host-bmauth={}", secret.text());
    let mut group = criterion.benchmark_group("parse");
    for (name, target) in [
        ("a short path", "/"),
        ("a path", "/api/v1/notes/7/comments?sort=date&page=2"),
        ("a path with escapes", "/files/Caf%C3%A9%20%26%20Kuchen/2026/report.pdf?name=M%C3%BCller"),
    ] {
        RequestTarget::parse(target.as_bytes()).expect("it is canonical");
        group.bench_function(name, |b| b.iter(|| RequestTarget::parse(black_box(target.as_bytes()))));
    }
    group.bench_function("cookies, for the session", |b| {
        b.iter(|| cookies::find([black_box(line.as_bytes())].into_iter(), "__Host-bmauth").apps);
    });
    for (name, line) in [("cookies, without ours", line.as_str()), ("cookies, none of them ours", COOKIES)] {
        group.bench_function(name, |b| b.iter(|| cookies::without_ours([black_box(line.as_bytes())].into_iter())));
    }
    let text = secret.text();
    group.bench_function("a session's secret to its digest", |b| {
        b.iter(|| Secret::parse(black_box(&text)).map(|secret| secret.digest()));
    });
    group.finish();
}

fn tokens(criterion: &mut Criterion) {
    let person = SignedInPerson::new();
    let (auth, principal) = (&person.world.auth, &person.principal);
    let mut group = criterion.benchmark_group("identity token");
    group.bench_function("mint, ES256", |b| {
        let (now, end, jti) = (auth.now(), Timestamp::from_unix(u64::MAX / 2), Uuid::from_u128(7));
        b.iter(|| {
            auth.identity().mint(&black_box(principal).facts(), "notes.example.com", end, jti, now).expect("a token")
        });
    });
    let audience: Arc<str> = "notes.example.com".into();
    group.bench_function("kept", |b| {
        b.iter(|| auth.sessions.identity_token(black_box(principal), &audience).expect("a token"));
    });
    group.finish();
}

criterion_group!(benches, steps, parts, tokens);
criterion_main!(benches);
