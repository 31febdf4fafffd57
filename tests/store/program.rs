//! The program on a PostgreSQL of its own, as an operator runs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use bmauth::domain::clock::Clock as _;
use bmauth::domain::host::Host;
use bmauth::domain::plan::{Change, Durability, KeyChange, SessionChange};
use bmauth::domain::secret::Secret;
use bmauth::domain::session::Session;
use bmauth::store::Store;
use bmauth::store::postgres::{PostgresStore, PostgresTarget, PostgresTls};
use bmauth::wire::system::{SystemClock, SystemEntropy};

use crate::free_port::free_port;
use crate::sample::*;
use crate::server::Server;

/// The program with a configuration of its own; what runs of it is ended with the test.
pub struct Operator {
    folder: tempfile::TempDir,
    url: String,
    port: u16,
    running: Option<Child>,
}

impl Operator {
    pub fn new(url: String, app: u16, grace: &str) -> Self {
        Self::storing(url, app, |url, key| format!("url = {url:?}\nkey_file = {key:?}\ngrace = {grace:?}"))
    }

    /// With a store in the file `bmauth.redb`.
    pub fn with_file(app: u16) -> Self {
        Self::storing(String::new(), app, |_, key| format!("path = {:?}", key.with_file_name("bmauth.redb")))
    }

    fn storing(url: String, app: u16, storage: impl FnOnce(&str, &Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, admin) = (free_port(), free_port());
        let (key, socket) = (folder.path().join("storage.key"), folder.path().join("sockets/bmauth.sock"));
        let written = format!(
            "public_url = \"http://localhost:{port}\"\n\
             [server]\nlisten = [\"127.0.0.1:{port}\"]\nadmin = \"127.0.0.1:{admin}\"\nadmin_socket = {socket:?}\n\
             [storage]\n{}\n\
             [email]\nfrom = \"a@example.com\"\ntransport = \"log\"\n\
             [accounts]\nregistration = \"open\"\n\
             [[route]]\nupstream = [\"http://127.0.0.1:{app}\"]\n",
            storage(&url, &key)
        );
        std::fs::write(folder.path().join("bmauth.toml"), written).unwrap();
        Self { folder, url, port, running: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmauth"));
        command.env_clear().args(arguments).arg("--config").arg(self.path("bmauth.toml")).stdin(Stdio::null());
        command
    }

    pub fn runs(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command says that succeeds.
    #[track_caller]
    pub fn says(&self, arguments: &[&str]) -> String {
        let ran = self.runs(arguments);
        let (said, wrong) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
        assert!(ran.status.success(), "{arguments:?}: {said}{wrong}");
        said
    }

    /// Why it does not start.
    #[track_caller]
    pub fn refuses(&self) -> String {
        let ran = self.runs(&["serve"]);
        let why = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{why}");
        why
    }

    pub fn serve(&mut self) {
        let mut child = self.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.lines().last().is_some_and(|line| line.contains("\"serving ")) {
            assert!(log.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        // Nothing waits for a log that is not read.
        thread::spawn(move || log.read_to_string(&mut said));
        self.running = Some(child);
    }

    pub fn stop(&mut self) {
        let mut child = self.running.take().unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// The head of the answer to a client with that session's cookie; nothing where the session ended under the
    /// request, which is cut off then.
    fn ask(&self, secret: &Secret) -> String {
        let answer = self.send("/", &format!("Cookie: bmauth={}\r\n", secret.text()));
        answer.split_once("\r\n\r\n").map_or_else(String::new, |(head, _)| head.to_ascii_lowercase())
    }

    pub fn send(&self, path: &str, lines: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let port = self.port;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{lines}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[track_caller]
    pub fn answers(&self, secret: &Secret, status: u16) {
        let head = self.ask(secret);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
        assert!(!head.contains("set-cookie"), "no one is signed out by it: {head}");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An app that says nothing but that it is there.
pub fn app() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            thread::spawn(move || {
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let _ =
                    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            });
        }
    });
    port
}

/// What a browser has.
pub fn cookie(number: u32) -> Secret {
    Secret::from_bytes([u8::try_from(number).unwrap(); 32])
}

/// An account that is signed in.
pub fn signed_in(number: u32) -> Vec<Change> {
    let now = SystemClock.now();
    let session = Session {
        token: cookie(number).digest(),
        created_at: now,
        last_seen_at: now,
        recovered_at: None,
        host: Some(Host::parse("localhost").unwrap()),
        ..session(number, number, number)
    };
    person(number).into_iter().chain([SessionChange::Add(session).into()]).collect()
}

/// Commits to a store, as a gateway would.
pub async fn commit(store: &impl Store, mut changes: Vec<Change>) {
    if store.master().await.unwrap().is_none() {
        changes.insert(0, KeyChange::SetMaster(Secret::from_bytes([7; 32])).into());
    }
    store.commit(changes, Durability::Durable).await.unwrap();
}

/// The database of the address, with the key of the file.
pub async fn open(url: &str, key_file: &Path) -> PostgresStore {
    let key = std::fs::read_to_string(key_file).unwrap();
    let key = Secret::parse(key.trim()).unwrap();
    let target = PostgresTarget { url: url.to_owned(), tls: PostgresTls::Prefer };
    PostgresStore::open(&target, &key, std::time::Duration::ZERO, Arc::new(SystemEntropy)).await.unwrap()
}

/// Within a runtime for the time being.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Makes an account and signs it in, as another gateway of that database would.
fn sign_in(url: &str, key_file: &Path, number: u32) -> Secret {
    block_on(async { commit(&open(url, key_file).await, signed_in(number)).await });
    cookie(number)
}

#[test]
fn a_gateway_runs_on_a_database_and_outlives_its_end() {
    let mut server = Server::start();
    let mut operator = Operator::new(server.fresh_schema(), app(), "60s");
    let key = operator.path("storage.key");

    let ran = operator.runs(&["serve"]);
    assert_eq!(ran.status.code(), Some(2), "there is no key yet");
    let made = operator.says(&["keys", "new-file", &key.display().to_string()]);
    assert!(made.contains("has a new key"), "{made}");
    let why = operator.refuses();
    assert!(why.contains("it has no tables yet: run bmauth migrate"), "{why}");
    assert!(operator.says(&["migrate"]).contains("the tables were made"));
    assert!(operator.says(&["migrate"]).contains("the tables are up to date"));

    let url = operator.url.clone();
    let [known, other] = [1, 2].map(|number| sign_in(&url, &key, number));
    let visitor = cookie(3);
    operator.serve();
    operator.answers(&known, 200);
    operator.answers(&visitor, 401);
    assert!(operator.says(&["users", "list"]).contains(email(1).as_str()));
    let checked = operator.runs(&["check"]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains("answers, and its tables are up to date"), "{checked}");
    for risk in ["fsync is off", "full_page_writes is off", "it has no synchronous standby"] {
        assert!(checked.contains(&format!("warning  store: {risk}")), "{checked}");
    }
    assert!(!checked.contains("synchronous_commit") && !checked.contains("seconds apart"), "{checked}");

    assert_eq!(operator.says(&["health"]), "ok\n");
    // A copy of the database signs nothing by itself.
    let schema = url.rsplit("%3D").next().unwrap();
    let kept = server.run(&format!("SELECT length(master) FROM {schema}.gateway"));
    assert_eq!(kept, "61", "a form, a nonce, 32 bytes and a tag");

    server.kill();
    operator.answers(&known, 200);
    operator.answers(&other, 503);
    operator.answers(&visitor, 503);
    // A load balancer would have no gateway left otherwise.
    assert_eq!(operator.says(&["health"]), "degraded: the store does not answer\n");
    server.start_again();
    operator.answers(&other, 200);
    operator.answers(&visitor, 401);

    operator.stop();
    operator.serve();
    operator.answers(&known, 200);
    operator.stop();

    std::fs::write(&key, [9; 32]).unwrap();
    let why = operator.refuses();
    assert!(why.contains("wrapped with another key than that of storage.key_file"), "{why}");
}

#[test]
fn what_is_ended_at_one_gateway_of_a_database_is_out_at_the_other() {
    let (server, app) = (Server::start(), app());
    let mut first = Operator::new(server.fresh_schema(), app, "60s");
    let mut second = Operator::new(first.url.clone(), app, "60s");
    let key = first.path("storage.key");
    first.says(&["keys", "new-file", &key.display().to_string()]);
    std::fs::copy(&key, second.path("storage.key")).unwrap();
    first.says(&["migrate"]);
    let url = first.url.clone();
    let [ended, other] = [1, 2].map(|number| sign_in(&url, &key, number));
    first.serve();
    second.serve();
    for gateway in [&first, &second] {
        gateway.answers(&ended, 200);
        gateway.answers(&other, 200);
    }
    first.says(&["users", "disable", email(1).as_str(), "--yes"]);
    first.answers(&ended, 401);
    // The other one hears of it within a second; it is asked until it has.
    let out = (0..10_000).any(|_| second.ask(&ended).starts_with("http/1.1 401 "));
    assert!(out, "it is still let in");
    second.answers(&other, 200);
    // Both sign with the same keys.
    let keys = |gateway: &Operator| {
        let answer = gateway.send("/_bmauth/jwks.json", "");
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    };
    assert!(keys(&first).contains("\"kid\""));
    assert_eq!(keys(&first), keys(&second));
    first.stop();
    second.stop();
}

#[test]
fn a_program_that_is_too_old_for_the_tables_refuses_to_start_and_to_migrate_them() {
    let server = Server::start();
    let mut operator = Operator::new(server.fresh_schema(), app(), "60s");
    let key = operator.path("storage.key");
    operator.says(&["keys", "new-file", &key.display().to_string()]);
    operator.says(&["migrate"]);
    let known = sign_in(&operator.url, &key, 1);
    let schema = operator.url.rsplit("%3D").next().unwrap().to_owned();
    let set = |newest, oldest| {
        server.run(&format!("UPDATE {schema}.gateway SET schema = {newest}, oldest = {oldest}"));
    };
    // A newer program has been here, and says that this one may go on.
    set(1000, 1);
    assert!(operator.says(&["migrate"]).contains("up to date (step 1000)"));
    operator.serve();
    operator.answers(&known, 200);
    operator.stop();
    // And now that it may not.
    set(1000, 1000);
    let refused = "a newer bmauth has changed the database, and this one is too old for it: install the newer one";
    let why = operator.refuses();
    assert!(why.contains(refused), "{why}");
    for command in ["migrate", "check"] {
        let ran = operator.runs(&[command]);
        let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(!ran.status.success() && told.contains(refused), "{command}: {told}");
    }
}

#[test]
fn a_gateway_that_hears_nothing_for_longer_than_its_grace_knows_no_session() {
    let mut server = Server::start();
    let mut operator = Operator::new(server.fresh_schema(), app(), "0s");
    let key = operator.path("storage.key");
    operator.says(&["keys", "new-file", &key.display().to_string()]);
    operator.says(&["migrate"]);
    let known = sign_in(&operator.url, &key, 1);
    operator.serve();
    operator.answers(&known, 200);
    server.kill();
    let unknown = (0..10_000).any(|_| operator.ask(&known).starts_with("http/1.1 503 "));
    assert!(unknown, "it is still let in");
    operator.answers(&known, 503);
    server.start_again();
    let back = (0..10_000).any(|_| operator.ask(&known).starts_with("http/1.1 200 "));
    assert!(back, "it is not let in any more");
    operator.stop();
}
