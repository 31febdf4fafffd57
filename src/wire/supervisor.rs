//! What the program that started this process is told of its life: that it serves, reads its configuration again,
//! stops. systemd listens on the socket that `NOTIFY_SOCKET` names, and so do other supervisors (sd_notify(3)).
//!
//! The crates for this know no abstract sockets, as some containers' supervisors have them; it is one datagram.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

/// How long a supervisor that reads nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The program that started this process, if it listens.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    socket: Option<OsString>,
}

impl Supervisor {
    /// The one that the environment names; none where it names none.
    pub fn of_this_process() -> Self {
        Self { socket: std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) }
    }

    /// One that listens at that address: an absolute path, or `@` and an abstract name.
    pub fn at(socket: impl Into<OsString>) -> Self {
        Self { socket: Some(socket.into()) }
    }

    /// Every listener is bound, every signal is heard, and what was to be read again has been read. It may block.
    pub fn ready(&self) {
        self.notify("READY=1");
    }

    /// The configuration is being read again; [`Supervisor::ready`] follows. It may block.
    pub fn reloading(&self) {
        // By this systemd tells the answer to its own signal from one to an earlier signal.
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// The process stops, and may take so long. It may block.
    pub fn stopping(&self, at_most: Duration) {
        self.notify(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", at_most.as_micros()));
    }

    /// A supervisor that cannot be told is no reason not to serve.
    fn notify(&self, what: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = send(socket, what) {
            tracing::warn!(error = format!("{error:#}"), socket = %socket.display(), "the supervisor could not be told");
        }
    }
}

fn send(socket: &OsStr, what: &str) -> anyhow::Result<()> {
    let address = to_socket_address(socket).context("NOTIFY_SOCKET")?;
    let datagrams = UnixDatagram::unbound()?;
    datagrams.set_write_timeout(Some(PATIENCE))?;
    datagrams.send_to_addr(what.as_bytes(), &address)?;
    Ok(())
}

fn to_socket_address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(socket),
        [b'@', name @ ..] => abstract_name(name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "is neither an absolute path nor `@` and a name")),
    }
}

#[cfg(target_os = "linux")]
fn abstract_name(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_name(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "abstract names are Linux's alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn monotonic_now() -> i64 {
        let now = clock_gettime(ClockId::Monotonic);
        now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }

    #[test]
    fn a_socket_with_a_path_hears_each_word_as_one_datagram() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let supervisor = Supervisor::at(&path);
        supervisor.ready();
        assert_eq!(heard(&socket), "READY=1");
        supervisor.stopping(Duration::from_secs(30));
        assert_eq!(heard(&socket), "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_hears_too() {
        let name = format!("bmauth-supervisor-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&abstract_name(name.as_bytes()).unwrap()).unwrap();
        Supervisor::at(format!("@{name}")).ready();
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn reloading_says_when_by_the_clock_that_only_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let before = monotonic_now();
        Supervisor::at(&path).reloading();
        let after = monotonic_now();
        let said = heard(&socket);
        let time: i64 = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!((before..=after).contains(&time), "{before} {time} {after}");
    }

    #[test]
    fn without_a_supervisor_nothing_is_told() {
        assert!(Supervisor::default().socket.is_none());
        Supervisor::default().ready();
    }

    #[test]
    fn what_is_no_address_is_an_error_and_no_panic() {
        for socket in
            ["", "notify", "vsock:2:1", "/no/such/folder/notify", "/a\0b", "@bmauth-supervisor-nobody-listens"]
        {
            assert!(send(OsStr::new(socket), "READY=1").is_err(), "{socket:?}");
            Supervisor::at(socket).ready();
        }
        let long = "x".repeat(200);
        assert!(send(OsStr::new(&format!("@{long}")), "READY=1").is_err());
        assert!(send(OsStr::new(&format!("/{long}")), "READY=1").is_err());
    }
}
