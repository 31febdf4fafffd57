//! `bmauth health`: asks `/readyz` of the running gateway, for container health checks.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::table::plain;
use super::{CommandError, load};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Prints what the gateway said: `ok`, or that a database which it shares is away. Fails where it is not ready.
pub(super) fn run(config: Option<PathBuf>) -> Result<(), CommandError> {
    let mut admin = load(config)?.server.admin;
    // Of all addresses, this one answers itself.
    match admin.ip() {
        IpAddr::V4(address) if address.is_unspecified() => admin.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(address) if address.is_unspecified() => admin.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    println!("{}", plain(&ask(admin)?));
    Ok(())
}

fn ask(admin: SocketAddr) -> anyhow::Result<String> {
    let unreachable = || format!("is the gateway running? It does not answer on {admin}");
    let mut stream = TcpStream::connect_timeout(&admin, TIMEOUT).with_context(unreachable)?;
    stream.set_read_timeout(Some(TIMEOUT)).with_context(unreachable)?;
    stream.set_write_timeout(Some(TIMEOUT)).with_context(unreachable)?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(unreachable)?;
    let mut answer = String::new();
    stream.take(16 * 1024).read_to_string(&mut answer).with_context(unreachable)?;
    let said = answer.split_once("\r\n\r\n").map_or("no answer that can be read", |(_, body)| body.trim());
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(said.to_owned());
    }
    bail!("the gateway is not ready: {said}")
}
