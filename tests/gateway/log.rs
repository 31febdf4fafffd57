//! What is written down about a request, and what never is.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bmauth::domain::route::Access;
use bmauth::gate::refusal::LoggedRefusal;
use bmauth::store::redb::RedbStore;
use bmauth::telemetry::json::{self, Json};
use bmauth::telemetry::queue::{LineQueue, QueueRoom};
use http::StatusCode;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::free_port::free_port;
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
    let world =
        plan().route("/", Access::SignedIn, &app.url).route("/down", Access::SignedIn, &no_listener().await).start();
    let (paper, _guard) = written(&world).await;
    let secret = world.keeper.sign_in(1);
    world.get_as(&secret, "/notes?code=QUERY", &["Authorization: Bearer TOKEN"]).await;
    world.get_as(&secret, "/down?code=QUERY", &[]).await;
    world.get("/stranger?code=QUERY", &["Accept: text/html"]).await;
    world.get("/_bmauth/x?code=QUERY", &[]).await;
    world.get("/./twice?code=QUERY", &["Cookie: a=COOKIE"]).await;
    // What a mail filter has moved from a link's fragment into its path.
    for mangled in ["%23WORD", "%2523WORD", "WORD", "%23name%2EWORD", ".WORD", "%23a%2FWORD", "/WORD"] {
        world.get(&format!("/_bmauth/recover/cancel{mangled}"), &["Accept: text/html"]).await;
    }
    let ours = world.keeper.access_token(&secret);
    world.get("/bearer", &[&format!("Authorization: Bearer {ours}")]).await;
    world.get("/unclear", &[&format!("Authorization: Bearer {ours}, {ours}")]).await;
    let text = paper.text();
    for never in ["QUERY", "COOKIE", "WORD", "TOKEN", &secret.text(), "user1@example.com", "token."] {
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
        "path=\"/_bmauth/recover/cancel\"",
        "path=\"/./twice\"",
        "status=400",
    ] {
        assert!(text.contains(line), "{line} not in {text}");
    }
    assert_eq!(text.lines().filter(|line| line.contains(" request=")).count(), 14, "{text}");
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
        ["method=\"PUT\" host=\"notes.example.com\" path=\"/notes\" route=0", "status=200", "refusal=\"part-missing\""]
    {
        assert!(text.contains(line), "{line} not in {text}");
    }
    assert_eq!(text.lines().filter(|line| line.contains(" request=")).count(), 2, "{text}");
}

#[tokio::test]
async fn what_a_page_of_ours_refuses_is_on_the_line_of_its_request() {
    let refusing = axum::Router::new().fallback(async || {
        let refusal = LoggedRefusal { name: "wrong-code", why: "this is not the code".into() };
        (StatusCode::UNPROCESSABLE_ENTITY, axum::Extension(refusal), "try again")
    });
    let world = plan().portal(refusing).route("/", Access::Public, &no_listener().await).start();
    let (paper, _guard) = written(&world).await;
    assert_eq!(world.get("/_bmauth/register/code?resent", &[]).await.status, 422);
    let text = paper.text();
    let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let expected = format!("host={HOST:?} path=\"/_bmauth/register/code\" status=422");
    assert!(line.contains(&expected), "{line}");
    assert!(line.contains("refusal=\"wrong-code\" why=\"this is not the code\""), "{line}");
}

#[tokio::test]
async fn every_refusal_says_why_and_of_which_host_and_path() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/staff", Access::SignedIn, &app.url)
        .for_groups(&["staff"])
        .route("/down", Access::Public, &no_listener().await)
        .start();
    let (paper, _guard) = written(&world).await;
    let secret = world.keeper.sign_in(1);
    world.get("/a/../b?code=QUERY", &[]).await;
    world.get("/a%5Cb%3Fcode=QUERY", &[]).await;
    world.get("/stranger?code=QUERY", &[]).await;
    world.get("/page?code=QUERY", &["Sec-Fetch-Mode: navigate"]).await;
    world.get_as(&secret, "/staff/pay?code=QUERY", &[]).await;
    world.get("/down?code=QUERY", &[]).await;
    world.ask("GET /x?code=QUERY HTTP/1.1\r\nHost: other.example\r\n\r\n").await;
    world.ask("GET /y HTTP/1.1\r\nHost: 127.1\r\n\r\n").await;
    // These are no requests to the library that reads them.
    world.ask("GET /z HTTP/1.1\r\nHost: notes.example.com\r\nHost: notes.example.com\r\n\r\n").await;
    let mut dripping = world.connect();
    dripping.send("GET / HTTP/1.1\r\nX-Big: ").await;
    dripping.send("a".repeat(70 * 1024)).await;
    dripping.closes().await;
    world.ask(&request("TRACE", "/t?code=QUERY", &[], "")).await;
    let text = paper.text();
    assert!(!text.contains("QUERY") && !text.contains("user1@example.com"), "{text}");
    for (host, path, refusal, why) in [
        (HOST, "/a/../b", "malformed-path", "the path has a “.” or “..” segment"),
        (HOST, "/a%5Cb", "malformed-path", "the path has a backslash"),
        (HOST, "/stranger", "sign-in-required", "Please sign in to continue"),
        (HOST, "/page", "sign-in-required", "Please sign in to continue"),
        (HOST, "/staff/pay", "forbidden", "This account cannot open this page"),
        (HOST, "/down", "app-down", "The app is not answering"),
        ("other.example", "/x", "misdirected-request", "This host is not served here"),
        ("127.1", "/y", "malformed-host", "this looks like an IP address but is not one in its usual spelling"),
        (HOST, "/t", "method-not-allowed", "This method is not allowed"),
    ] {
        let line =
            text.lines().find(|line| line.contains(&format!("path={path:?}"))).unwrap_or_else(|| panic!("{text}"));
        for said in [
            "client=192.0.2.1 ".to_owned(),
            format!("host={host:?}"),
            format!("refusal={refusal:?}"),
            format!("why={why:?}"),
        ] {
            assert!(line.contains(&said), "{said} not in {line}");
        }
    }
    for line in [
        "client=192.0.2.1 status=400 refusal=\"malformed-request\" why=\"the head is not HTTP, or breaks its rules\"",
        "client=192.0.2.1 refusal=\"head-too-large\" why=\"The request’s header fields are too large\"",
    ] {
        assert!(text.contains(line), "{line} not in {text}");
    }
}

#[tokio::test]
async fn a_request_that_was_stopped_says_so() {
    let (url, mut arrived) = silent().await;
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

#[tokio::test]
async fn whatever_is_asked_is_one_line_that_a_program_can_read() {
    let app = hello().await;
    let world = world(&app.url);
    world.get("/", &[]).await;
    let paper = Paper::default();
    let queue = LineQueue::start(paper.clone(), QueueRoom::default(), json::notice).unwrap();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Json::new(Arc::clone(&queue))));
    tracing::callsite::rebuild_interest_cache();
    let asked: [&[u8]; 11] = [
        b"GET /%22%7B%E2%80%A8 HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"GET /a%0a%22%1b%7f%e2%80%a8%c2%9b HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"GET /a\"},{\"level\":\"ERROR HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"GET /a\\ HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        "GET /\u{2028}\u{85}\u{9b}31m HTTP/1.1\r\nHost: notes.example.com\r\n\r\n".as_bytes(),
        b"GET /\xff\xfe HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"GET /a\nb HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"G'`|~^_T / HTTP/1.1\r\nHost: notes.example.com\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\"b\\c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: notes.example.com\tx\r\n\r\n",
    ];
    for request in asked {
        let mut client = world.connect();
        client.send(request).await;
        client.closes_or_answers().await;
    }
    // The last one of all, so that those before have ended.
    world.get("/last", &[]).await;
    assert!(tokio::task::spawn_blocking(move || queue.flush(PATIENCE)).await.unwrap());
    let text = paper.text();
    assert!(!text.replace('\n', "").contains(|letter: char| letter.is_control() || letter == '\u{2028}'), "{text:?}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["fields", "level", "target", "timestamp"], "{line}");
        assert_eq!((&line["level"], &line["fields"]["message"]), (&"INFO".into(), &"request".into()), "{line}");
    }
    assert_eq!(lines.len(), asked.len() + 1, "{text}");
    // Two of them are no heads at all to the library that reads them.
    let nothing_known = lines.iter().filter(|line| line["fields"]["request"].is_null());
    assert_eq!(nothing_known.map(|line| &line["fields"]["refusal"]).collect::<Vec<_>>(), ["malformed-request"; 2]);
    assert_eq!(lines.first().unwrap()["fields"]["path"], "/%22%7B%E2%80%A8", "{text}");
}

#[tokio::test]
async fn the_id_on_an_error_page_finds_its_cause_in_the_log() {
    let app = hello().await;
    let world =
        plan().route("/", Access::SignedIn, &app.url).route("/down", Access::SignedIn, &no_listener().await).start();
    world.get("/", &[]).await;
    let paper = Paper::default();
    let queue = LineQueue::start(paper.clone(), QueueRoom::default(), json::notice).unwrap();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Json::new(Arc::clone(&queue))));
    tracing::callsite::rebuild_interest_cache();
    let (known, unknown) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&unknown);
    let page = "Accept: text/html";
    let down = world.get_as(&known, "/down?code=QUERY", &[page]).await;
    world.keeper.break_store();
    let unavailable = world.get_as(&unknown, "/", &[page]).await;
    world.keeper.break_signing();
    let fault = world.get_as(&known, "/notes", &[page]).await;
    let person = "00000000-0000-0000-0000-0000000003e9";
    let expected = [
        (502, down, 1, Some(person), "an upstream cannot be reached", "app-down"),
        (503, unavailable, 0, None, "the store could not be asked for a session", "sign-in-unavailable"),
        (500, fault, 0, Some(person), "an identity token could not be made", "fault"),
    ];
    assert!(tokio::task::spawn_blocking(move || queue.flush(PATIENCE)).await.unwrap());
    let text = paper.text();
    assert!(!text.contains("QUERY") && !text.contains("user1@example.com"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (status, page, route, principal, cause, refusal) in expected {
        assert_eq!(page.status, status);
        let id = page.text().split("<p>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let found: Vec<&Value> = lines.iter().filter(|line| line["span"]["id"] == id.as_str()).collect();
        let [line] = found.as_slice() else { panic!("{found:?} for {id} in {text}") };
        assert_eq!(line["fields"]["message"], cause, "{line}");
        assert_eq!((&line["span"]["host"], &line["span"]["route"]), (&HOST.into(), &route.into()), "{line}");
        assert_eq!(line["span"]["principal"].as_str(), principal, "{line}");
        let own: Vec<&Value> = lines.iter().filter(|line| line["fields"]["request"] == id.as_str()).collect();
        let [line] = own.as_slice() else { panic!("{own:?} for {id} in {text}") };
        assert_eq!((&line["fields"]["refusal"], line.get("span")), (&refusal.into(), None), "{line}");
    }
}

/// A gateway of its own process, which is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn serve(folder: &Path, port: u16) -> Self {
        Self::supervised(folder, port, None)
    }

    /// With a supervisor that listens at that address.
    fn supervised(folder: &Path, port: u16, supervisor: Option<&Path>) -> Self {
        let settings = folder.join("bmauth.toml");
        let store = folder.join("bmauth.redb");
        let written = format!(
            "public_url = \"http://localhost:{port}\"\n\
             [server]\nlisten = [\"127.0.0.1:{port}\"]\nadmin = \"127.0.0.1:0\"\n\
             [storage]\npath = {store:?}\n\
             [email]\nfrom = \"a@example.com\"\ntransport = \"log\"\n\
             [accounts]\nregistration = \"open\"\n\
             [[route]]\nupstream = [\"http://127.0.0.1:9\"]\n"
        );
        std::fs::write(&settings, written).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmauth"));
        command.env_clear().args(["serve", "--config"]).arg(settings);
        if let Some(supervisor) = supervisor {
            command.env("NOTIFY_SOCKET", supervisor);
        }
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

fn message(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    line["fields"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn no_request_waits_for_the_log_and_an_orderly_end_leaves_nothing_out_of_it() {
    /// More than a pipe holds.
    const REQUESTS: usize = 600;
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut program = Program::serve(folder.path(), address.port());
    let mut log = BufReader::new(program.0.stderr.take().unwrap());
    let mut line = String::new();
    while line.is_empty() || !message(&line).starts_with("serving ") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended too early");
    }
    // From here on nothing reads, and every request is answered.
    let mut client = TcpStream::connect(address).unwrap();
    let request = format!("GET /{} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", "a".repeat(200), address.port());
    for _ in 0..REQUESTS {
        client.write_all(request.as_bytes()).unwrap();
        assert!(answer(&mut client).starts_with("HTTP/1.1 401 "));
    }
    drop(client);
    let told = Command::new("kill").args(["-TERM", &program.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    closed(&folder.path().join("bmauth.redb"));
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(program.0.wait().unwrap().success(), "{rest}");
    let said: Vec<String> = rest.lines().map(message).collect();
    assert_eq!(said.iter().filter(|said| *said == "request").count(), REQUESTS);
    assert_eq!(said.last().map(String::as_str), Some("stopping"), "{rest}");
}

/// One answer with a `Content-Length`.
fn answer(client: &mut TcpStream) -> String {
    let mut answer = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        assert!(answer.read_line(&mut head).unwrap() > 0, "no answer");
        if let Some(value) = head[start..].to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    answer.read_exact(&mut vec![0; length]).unwrap();
    head
}

/// Until the gateway has let go of its store, which is the last that it does but for its log.
fn closed(store: &Path) {
    let begun = Instant::now();
    while RedbStore::open(store).is_err() {
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::yield_now();
    }
}

/// Reads until a line of that level begins so; returns it.
fn until(log: &mut impl std::io::BufRead, level: &str, begins: &str) -> Value {
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it said {begins:?}");
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if line["level"] == level && line["fields"]["message"].as_str().is_some_and(|said| said.starts_with(begins)) {
            return line;
        }
    }
}

#[test]
fn what_was_changed_and_does_not_hold_yet_is_told_by_name_at_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut program = Program::serve(folder.path(), address.port());
    let mut log = BufReader::new(program.0.stderr.take().unwrap());
    until(&mut log, "INFO", "serving ");
    let mut client = TcpStream::connect(address).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", address.port());
    client.write_all(request.as_bytes()).unwrap();
    answer(&mut client);
    let settings = folder.path().join("bmauth.toml");
    let first = std::fs::read_to_string(&settings).unwrap();
    let hang_up = |text: &str| {
        std::fs::write(&settings, text).unwrap();
        assert!(Command::new("kill").args(["-HUP", &program.0.id().to_string()]).status().unwrap().success());
    };
    hang_up(&first);
    until(&mut log, "INFO", "the configuration says what it said");
    let changed = first.replace("registration = \"open\"", "registration = \"closed\"");
    hang_up(&format!(
        "{changed}[[route]]\npath = \"/admin\"\ngroups = [\"secret\"]\nupstream = [\"http://127.0.0.1:9\"]\n"
    ));
    let told = until(&mut log, "ERROR", "the configuration has changed and does NOT hold yet: restart the gateway");
    assert_eq!(told["fields"]["not_applied"], "accounts.registration; route localhost/admin (new)", "{told}");
    assert!(!told.to_string().contains("closed") && !told.to_string().contains("secret"), "{told}");
    hang_up(&format!("{first}acces = \"public\"\nmax_body = \"1\"\n"));
    for problem in ["is not a key. Did you mean", "must be a whole number"] {
        let told = until(&mut log, "ERROR", "the configuration cannot be used any more");
        assert!(told["fields"]["problem"].as_str().unwrap().contains(problem), "{told}");
        assert!(told["fields"]["place"].as_str().unwrap().contains("bmauth.toml:"), "{told}");
    }
    until(&mut log, "ERROR", "the configuration from the start goes on");
    client.write_all(request.as_bytes()).unwrap();
    assert!(answer(&mut client).starts_with("HTTP/1.1 401 "), "it serves as before");
}

#[test]
fn the_supervisor_hears_when_the_gateway_serves_reads_again_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let at = folder.path().join("notify");
    let socket = UnixDatagram::bind(&at).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("the supervisor hears something");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut program = Program::supervised(folder.path(), address.port(), Some(&at));
    let tell = |signal: &str| {
        assert!(Command::new("kill").args([signal, &program.0.id().to_string()]).status().unwrap().success());
    };
    assert_eq!(heard(), "READY=1");
    let mut client = TcpStream::connect(address).expect("who is told that it serves can connect");
    client.write_all(format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", address.port()).as_bytes()).unwrap();
    assert!(answer(&mut client).starts_with("HTTP/1.1 401 "));
    let mut times = Vec::new();
    // A mistake in the file is the log's to tell: the gateway goes on, and says so.
    for text in [None, Some("nonsense")] {
        if let Some(text) = text {
            std::fs::write(folder.path().join("bmauth.toml"), text).unwrap();
        }
        tell("-HUP");
        let said = heard();
        times.push(said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&said).parse::<u64>().expect(&said));
        assert_eq!(heard(), "READY=1");
    }
    assert!(times.is_sorted() && times[0] > 0, "{times:?}");
    tell("-TERM");
    // The grace of ten seconds, and what comes after it.
    assert_eq!(heard(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000");
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn a_store_or_a_port_that_another_one_has_is_all_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let first_port = free_port();
    let mut first = Program::serve(folder.path(), first_port);
    until(&mut BufReader::new(first.0.stderr.take().unwrap()), "INFO", "serving ");
    let ends = |mut program: Program| {
        let mut said = String::new();
        program.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(program.0.wait().unwrap().code(), Some(1), "{said}");
        said
    };
    let said = ends(Program::serve(folder.path(), free_port()));
    assert!(
        said.starts_with("bmauth: the store failed: another bmauth is using ") && said.lines().count() == 1,
        "{said}"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let said = ends(Program::serve(elsewhere.path(), first_port));
    let expected = format!(
        "bmauth: server.listen: 127.0.0.1:{first_port} is taken already. Is another bmauth running? Stop it, or choose another port.\n"
    );
    assert_eq!(said, expected);
    let mut demo = Command::new(env!("CARGO_BIN_EXE_bmauth"));
    let demo = demo.env_clear().args(["demo", "--port", &first_port.to_string()]).output().unwrap();
    assert_eq!(String::from_utf8(demo.stderr).unwrap(), expected.replace("server.listen:", "--port:"));
    assert_eq!((demo.status.code(), demo.stdout), (Some(1), Vec::new()));
}

#[test]
fn a_start_that_fails_leaves_nothing_out_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let store = folder.path().join("bmauth.redb");
    drop(RedbStore::open(&store).unwrap());
    std::fs::set_permissions(&store, Permissions::from_mode(0o644)).unwrap();
    let mut program = Program::serve(folder.path(), taken.local_addr().unwrap().port());
    let mut said = String::new();
    program.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(1), "{said}");
    let said: Vec<&str> = said.lines().collect();
    let [warning, why] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(message(warning), "others than its owner could read the store; now they cannot");
    assert!(why.starts_with("bmauth: server.listen: "), "{why}");
}
