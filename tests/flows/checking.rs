//! `bmauth init` and `bmauth check` as they are typed: the real command, also beside a gateway that runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use bmauth::admin;
use bmauth::admin::socket::{self, AdminSocket};
use bmauth::store::memory::MemoryStore;
use bmauth::store::redb::RedbStore;
use bmauth::wire;
use tokio_util::sync::CancellationToken;

use crate::authenticator::Passkey;
use crate::free_port::free_port;
use crate::world::{CONFIG, World, configured};

/// The real command in a folder, without a terminal.
fn bmauth(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmauth"));
    command.env_clear().current_dir(folder).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// What was printed, after the exit status that it must have.
#[track_caller]
fn printed(output: &Output, status: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{all}");
    all
}

/// The line that has this, from its start.
#[track_caller]
fn line<'a>(printed: &'a str, part: &str) -> &'a str {
    printed.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part} is not in {printed}"))
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
    /// It serves once this returns.
    fn serve(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmauth"));
        command.env_clear().current_dir(folder).arg("serve").stdin(Stdio::null()).stdout(Stdio::null());
        let mut program = Self(command.stderr(Stdio::piped()).spawn().unwrap());
        let mut log = BufReader::new(program.0.stderr.take().unwrap());
        let mut text = String::new();
        while !text.contains("\"serving ") {
            assert!(log.read_line(&mut text).unwrap() > 0, "{text}");
        }
        // Nothing reads on, and nothing waits for the log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        program
    }
}

/// An app that takes connections.
fn app() -> (TcpListener, String) {
    let app = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", app.local_addr().unwrap());
    (app, url)
}

/// A configuration for this machine alone, with its store in `bmauth.redb` beside it.
fn local(url: &str, rp_id: &str, app: &str, email: &str) -> String {
    let port = url.rsplit(':').next().unwrap();
    format!(
        "public_url = {url:?}\n[server]\nlisten = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:0\"\n\
         [storage]\npath = \"bmauth.redb\"\n[passkeys]\nrp_id = {rp_id:?}\n[email]\nfrom = \"a@example.com\"\n{email}\n\
         [accounts]\nregistration = \"open\"\n[[route]]\nupstream = {app:?}\n"
    )
}

const PRINTED: &str = "transport = \"log\"";

#[tokio::test]
async fn check_passes_beside_a_running_gateway_and_knows_whom_its_own_rp_id_locks_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_app, app) = app();
    let url = format!("http://auth.notes.localhost:{}", free_port());
    let write = |name: &str, rp_id: &str| std::fs::write(folder.join(name), local(&url, rp_id, &app, PRINTED)).unwrap();
    write("bmauth.toml", "notes.localhost");
    write("other.toml", "auth.notes.localhost");
    printed(&bmauth(folder, &["check"]), 0);
    {
        let _running = Program::serve(folder);
        let said = printed(&bmauth(folder, &["check"]), 0);
        assert!(line(&said, "store: ").starts_with("ok       store: the running gateway has "), "{said}");
        assert!(line(&said, "passkeys: ").starts_with("ok "), "{said}");
        assert!(line(&said, "accounts: ").contains("anyone who proves an e-mail address may register"), "{said}");
        assert!(line(&said, "upstream: ").starts_with("ok "), "{said}");
        // The gateway goes on, and its store is whole.
        printed(&bmauth(folder, &["users", "list"]), 0);
    }

    // What SIGKILL leaves: a socket where nothing answers. The store is looked at itself.
    assert!(folder.join("bmauth.sock").exists());
    let store = Arc::new(RedbStore::open(&folder.join("bmauth.redb")).unwrap());
    let world = World::with(CONFIG, store).await;
    world.browser().register(&world, "maria@example.com", &mut Passkey::new(b"key of maria")).await;
    drop(world);
    let said = printed(&bmauth(folder, &["check"]), 1);
    assert!(line(&said, "store: ").ends_with(" opens"), "{said}");

    let _running = Program::serve(folder);
    for (file, rp_id) in [("bmauth.toml", "notes.localhost"), ("other.toml", "auth.notes.localhost")] {
        let said = printed(&bmauth(folder, &["check", "-c", file]), 1);
        let locked_out =
            format!("passkeys.rp_id is {rp_id}, but 1 passkey of 1 account was made for notes.example.com");
        assert!(line(&said, "passkeys: ").starts_with(&format!("FAILED   passkeys: {locked_out}")), "{said}");
        printed(&bmauth(folder, &["check", "-c", file, "--yes-lock-out"]), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_believes_no_gateway_that_has_another_store() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_app, app) = app();
    let url = format!("http://localhost:{}", free_port());
    std::fs::write(folder.join("bmauth.toml"), local(&url, "localhost", &app, PRINTED)).unwrap();
    // A process has the store open, and another process's socket has its name.
    let _held = RedbStore::open(&folder.join("bmauth.redb")).unwrap();
    std::fs::write(folder.join("bmauth.db"), "another").unwrap();
    let text = format!("{CONFIG}\n[storage]\npath = {:?}", folder.join("bmauth.db"));
    let world = World::with(&text, Arc::new(MemoryStore::new())).await;
    let router = admin::router(Arc::new(wire::operating(&configured(&text), &world.auth)));
    let socket = AdminSocket::bind(&socket::beside(&folder.join("bmauth.redb"))).unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(socket.serve(router, stop.clone()));
    let at = folder.to_owned();
    let output = tokio::task::spawn_blocking(move || bmauth(&at, &["check"])).await.unwrap();
    let said = printed(&output, 1);
    assert!(line(&said, "store: ").starts_with("FAILED   store: the store failed: another bmauth is using"), "{said}");
    assert!(line(&said, "store: ").ends_with("has another store."), "{said}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[test]
fn check_fails_for_what_is_still_an_examples_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for (file, places) in [
        ("bmauth.toml", &["public_url", "email.from", "email.smtp_url", "passkeys.rp_id", "route.host"][..]),
        ("minimal.toml", &["public_url", "email.from", "email.smtp_url"]),
    ] {
        std::fs::copy(root.join(file), folder.path().join(file)).unwrap();
        let said = printed(&bmauth(folder.path(), &["check", "--offline", "-c", file]), 2);
        for key in places {
            let told = line(&said, &format!("`{key}` is"));
            assert!(told.starts_with(&format!("FAILED   {file}:")), "{told}");
        }
        assert_eq!(said.lines().filter(|line| line.starts_with("FAILED")).count(), places.len(), "{said}");
        assert!(!said.contains("ok       configuration"), "{said}");
    }
    let text = "public_url = \"https://auth.acme.test\"\n[email]\nfrom = \"a@acme.test\"\ntransport = \"log\"\n\
                [accounts]\nregistration = \"invite\"\n[[route]]\nupstream = \"http://127.0.0.1:8000\"\n[[route]]\npath = \"/open\"\n\
                access = \"public\"\nupstream = \"http://127.0.0.1:8000\"\n";
    std::fs::write(folder.path().join("bmauth.toml"), text).unwrap();
    let said = printed(&bmauth(folder.path(), &["check", "--offline"]), 2);
    assert!(line(&said, "`email.transport`").starts_with("FAILED   bmauth.toml:4:13: "), "{said}");
    assert!(line(&said, "routes: ").ends_with(": auth.acme.test/open (public)"), "{said}");
    assert!(line(&said, "accounts: ").contains("whom `bmauth users add` names"), "{said}");
}

/// A mail server that answers each command with what `answers` has for its first word, else with 250; and the letter
/// that it was sent, once its client is gone.
fn mail_server(answers: &'static [(&'static str, &'static str)]) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let mut letter = String::new();
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).is_ok();
        let of = |word: &str| answers.iter().find(|(asked, _)| *asked == word).map(|(_, answer)| *answer);
        say("220 mail.acme.test");
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
            match (word.as_str(), of(&word)) {
                ("DATA", None) => {
                    say("354 go on");
                    while lines.read_line(&mut letter).is_ok_and(|read| read > 0) && !letter.ends_with("\r\n.\r\n") {}
                    say(of(".").unwrap_or("250 2.0.0 Ok: queued as 4F2A"));
                }
                ("EHLO", None) => {
                    say("250-mail.acme.test\r\n250 AUTH PLAIN LOGIN");
                }
                (_, answer) => {
                    say(answer.unwrap_or("250 fine"));
                }
            }
            line.clear();
        }
        letter
    });
    (port, serving)
}

/// What is said of a letter that is sent through a server that answers so, and what the server was sent.
fn mailed(answers: &'static [(&'static str, &'static str)], user: &str, status: i32) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (_app, app) = app();
    let (port, serving) = mail_server(answers);
    let secret = format!("smtp://{user}127.0.0.1:{port}\n");
    let file = folder.path().join("smtp");
    std::fs::write(&file, secret).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = local(&format!("http://localhost:{}", free_port()), "localhost", &app, "smtp_url_file = \"smtp\"");
    std::fs::write(folder.path().join("bmauth.toml"), text).unwrap();
    let said = printed(&bmauth(folder.path(), &["check", "--mail-to", "Maria@acme.test"]), status);
    (said, serving.join().unwrap())
}

#[test]
fn a_letter_is_sent_and_the_mail_servers_word_is_told() {
    let (said, letter) = mailed(&[], "", 0);
    let told = "ok       mail: the letter to maria@acme.test was taken: 250 2.0.0 Ok: queued as 4F2A";
    assert_eq!(line(&said, "the letter"), told);
    for part in ["To: maria@acme.test", "From: a@example.com", "Subject: A test mail from localhost", "text/html"] {
        assert!(letter.contains(part), "{part} is not in {letter}");
    }
}

#[test]
fn a_letter_that_is_not_taken_is_told_with_what_that_means_and_where_to_look() {
    for (answers, user, said, means) in [
        (
            &[("AUTH", "535 5.7.8 bad credentials")][..],
            "u:hunter2@",
            "535 5.7.8 bad credentials",
            "does not take this user name",
        ),
        (&[("RCPT", "554 5.7.1 Relay access denied")], "", "554 5.7.1 Relay access denied", "passes on no letters"),
        (&[("MAIL", "530 5.7.0 Authentication required")], "", "530 5.7.0", "wants a user name and a password"),
        (&[("MAIL", "530 5.7.0 Must issue a STARTTLS command first")], "", "530 5.7.0", "?tls=required"),
        (&[("RCPT", "550 5.1.1 nobody\x1b[2J here")], "", "550 5.1.1 nobody\u{fffd}[2J here", "`email.from` must be"),
        (&[(".", "451 4.7.1 greylisted")], "", "451 4.7.1 greylisted", "later"),
    ] {
        let (told, _) = mailed(answers, user, 1);
        let failed = line(&told, "FAILED   mail: ");
        assert!(failed.contains(said) && failed.contains(means), "{failed}");
        assert!(failed.ends_with("Check email.smtp_url_file.") && !told.contains("hunter2"), "{failed}");
    }
}

#[test]
fn a_letter_is_not_sent_offline_nor_to_what_is_no_address() {
    let folder = tempfile::tempdir().unwrap();
    printed(&bmauth(folder.path(), &["check", "--offline", "--mail-to", "maria@acme.test"]), 2);
    let said = printed(&bmauth(folder.path(), &["check", "--mail-to", "maria"]), 2);
    assert!(said.contains("exactly one “@”"), "{said}");
}

#[test]
fn what_init_writes_of_flags_serves() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_app, app) = app();
    let port = free_port();
    let url = format!("http://localhost:{port}");
    let flags = ["init", "new", "--public-url", &url, "--upstream", &app];
    let said = printed(&bmauth(folder, &flags), 2);
    assert!(said.contains("--registration (who may register: open"), "{said}");
    assert!(!folder.join("new").exists(), "nothing is written of half");
    let said = printed(&bmauth(folder, &[&flags[..], &["--registration", "open"]].concat()), 0);
    assert!(said.contains("Wrote new/bmauth.toml") && said.contains("anyone who proves an e-mail address"), "{said}");
    let new = folder.join("new");
    let mode = std::fs::metadata(new.join("bmauth.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let again = printed(&bmauth(folder, &[&flags[..], &["--registration", "open"]].concat()), 1);
    assert!(again.contains("is there already"), "{again}");

    // Another test's gateway may have the port that health is on by default.
    let file = new.join("bmauth.toml");
    let text =
        std::fs::read_to_string(&file).unwrap().replace("# admin = \"127.0.0.1:9091\"", "admin = \"127.0.0.1:0\"");
    std::fs::write(&file, text).unwrap();
    let _running = Program::serve(&new);
    printed(&bmauth(&new, &["check"]), 0);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let request = format!("GET /_bmauth/register HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("name=\"email\""), "{answer}");
}

#[test]
fn init_writes_nothing_that_does_not_go_together() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://localhost:8080";
    let flags = ["init", "--public-url", url, "--upstream", url, "--registration", "closed"];
    let said = printed(&bmauth(folder.path(), &flags), 2);
    assert!(said.contains("requests would go in a circle"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
