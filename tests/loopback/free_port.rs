//! Ports for programs that are told where to listen.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of one process.
const BLOCK: u16 = 25;
const BLOCKS: u32 = 100;
const FIRST: u16 = 10_000;

static GIVEN: AtomicU16 = AtomicU16::new(0);

/// A port that nothing listens on, given out once. It is below those that the system hands out by itself: between now
/// and its use, no other test's listener and no outgoing connection can get it.
pub fn free_port() -> u16 {
    let block = FIRST + u16::try_from(std::process::id() % BLOCKS).unwrap() * BLOCK;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut untried = std::iter::from_fn(|| Some(GIVEN.fetch_add(1, Ordering::Relaxed))).take_while(|n| *n < BLOCK);
    untried.find_map(|n| Some(block + n).filter(is_free)).expect("a port of this process is free")
}
