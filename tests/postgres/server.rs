//! A PostgreSQL of the tests' own: started once by each test program that wants one, in a folder for the time being, on
//! a Unix socket, and stopped with that program however it ends.

#![allow(clippy::allow_attributes, reason = "each program that has this file uses a part of it")]
#![allow(dead_code, reason = "each program that has this file uses a part of it")]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::free_port::free_port;

/// The user that everybody's tests run a server as who run as root: PostgreSQL refuses to be root's.
const NOBODY: u32 = 65534;
/// How often it is looked whether the server answers, and how long after each time, until it is given up.
const LOOKS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(100);

/// Starts the server, and again for each line that it reads. As soon as the other end of its standard input is closed,
/// it stops the server and takes its folder away.
const GUARD: &str = r#"trap '' INT; "$@" & server=$!
while read -r _; do wait $server; "$@" & server=$!; done
kill -QUIT $server; wait $server; rm -rf "$FOLDER""#;

/// A running server.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    bin: PathBuf,
    guard: Child,
    /// Dropped, or closed with this program, it tells the guard that the server is to stop.
    held: Option<ChildStdin>,
    port: u16,
    schemas: AtomicU32,
}

/// The port in its socket's name, where it has no other.
const PORT: u16 = 5432;

/// The server of this test program.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// Starts one.
    pub fn start() -> Self {
        Self::start_at(PORT, "")
    }

    /// Starts one that also listens on a port of loopback.
    pub fn start_on_loopback() -> Self {
        Self::start_at(free_port(), "127.0.0.1")
    }

    fn start_at(port: u16, listen: &str) -> Self {
        let bin = binaries();
        let folder = tempfile::Builder::new().prefix("bmauth-pg").tempdir().unwrap().keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        if is_root(&folder) {
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut initdb = as_its_user(&folder, bin.join("initdb"));
        initdb.arg("-D").arg(folder.join("data"));
        let made = initdb
            .args(["-U", "bmauth", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"])
            .output()
            .unwrap_or_else(|error| panic!("{}", cannot_run(&bin, &error)));
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut guard = guard(&folder, &bin, port, listen);
        let server = Self { held: guard.stdin.take(), guard, folder, bin, port, schemas: AtomicU32::new(0) };
        server.wait();
        server
    }

    /// Waits until it answers.
    fn wait(&self) {
        let socket = self.socket();
        for _ in 0..LOOKS {
            if UnixStream::connect(&socket).is_ok()
                && self.folder.join("data/postmaster.pid").exists()
                && self.is_well()
            {
                return;
            }
            sleep(BETWEEN);
        }
        panic!("PostgreSQL does not answer: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    /// Whether it takes connections, as its file says.
    fn is_well(&self) -> bool {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        file.lines().any(|line| line.trim() == "ready")
    }

    /// Kills it as a machine that loses its power does, and waits until it is gone.
    pub fn kill(&mut self) {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let process = file.lines().next().unwrap().to_owned();
        assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
        // What it had started ends by itself once it is gone; until then a new one refuses to start.
        let data = self.folder.join("data");
        let is_at_it = || {
            let mut processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
            processes.any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|folder| folder == data))
        };
        for _ in 0..LOOKS {
            if !is_at_it() {
                return;
            }
            sleep(BETWEEN);
        }
        panic!("what process {process} has started does not end");
    }

    /// Starts it again after [`Server::kill`], on the same folder.
    pub fn start_again(&mut self) {
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
        let _ = fs::remove_file(self.socket());
        self.held.as_mut().unwrap().write_all(b"again\n").unwrap();
        self.wait();
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// A file of its own with that content.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root(&path) {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        path
    }

    /// The address of a schema on loopback, by a name of that.
    pub fn url_by_name(&self, host: &str, schema: &str) -> String {
        format!("postgres://bmauth@{host}:{}/postgres?options=-c%20search_path%3D{schema}", self.port)
    }

    /// The address of a schema of its own, which is empty.
    pub fn fresh_schema(&self) -> String {
        let name = format!("s{}", self.schemas.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE SCHEMA {name}"));
        self.url_of(&name)
    }

    /// The address of a schema.
    pub fn url_of(&self, schema: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://bmauth@{folder}:{}/postgres?options=-c%20search_path%3D{schema}", self.port)
    }

    /// Runs statements, as an operator would.
    pub fn run(&self, statements: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.env("PGOPTIONS", "-c client_min_messages=warning").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        let ran = psql
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .args(["-U", "bmauth", "-d", "postgres", "-c", statements]);
        let ran = ran.output().unwrap();
        assert!(ran.status.success(), "{statements}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.held = None;
        let _ = self.guard.wait();
    }
}

fn guard(folder: &Path, bin: &Path, port: u16, listen: &str) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    if is_root(&folder.join("log")) {
        chown(folder.join("log"), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut guard = as_its_user(folder, PathBuf::from("sh"));
    guard.env("FOLDER", folder).args(["-c", GUARD, "sh"]).arg(bin.join("postgres")).arg("-D").arg(folder.join("data"));
    guard.arg("-k").arg(folder).args(["-p", &port.to_string(), "-h", listen]);
    for setting in [
        "fsync=off",
        "full_page_writes=off",
        "max_connections=200",
        "shared_buffers=32MB",
        "autovacuum=off",
        "deadlock_timeout=200ms",
    ] {
        guard.args(["-c", setting]);
    }
    // Not in the terminal's group: what ends the tests by a key ends it through the guard.
    guard.process_group(0).stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
    guard.spawn().unwrap_or_else(|error| panic!("{}", cannot_run(bin, &error)))
}

/// A command of the user who owns the folder.
fn as_its_user(folder: &Path, command: PathBuf) -> Command {
    let owner = fs::metadata(folder).unwrap();
    let mut command = Command::new(command);
    if is_root(Path::new("/proc/self")) {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn is_root(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.uid() == 0)
}

fn cannot_run(bin: &Path, error: &io::Error) -> String {
    let bin = bin.display();
    format!(
        "{bin} cannot be run ({error}). As root it is run as the user {NOBODY}, who must be able to read that folder."
    )
}

/// Where PostgreSQL's programs are: those that `scripts/setup` has unpacked, or the system's, 15 or later.
fn binaries() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/postgresql/usr/lib/postgresql");
    let newest_in = |folder: PathBuf| {
        let names = fs::read_dir(&folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let newest = names.filter_map(|name| name.parse::<u32>().ok()).filter(|version| *version >= 15).max()?;
        let bin = folder.join(newest.to_string()).join("bin");
        bin.join("postgres").exists().then_some(bin)
    };
    let found = newest_in(unpacked).or_else(|| newest_in(PathBuf::from("/usr/lib/postgresql")));
    found.unwrap_or_else(|| panic!("PostgreSQL 15 or later is missing: run `scripts/setup tests`."))
}
