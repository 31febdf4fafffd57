//! The whole gateway in one process: the proxy in memory, without a socket towards the client.
//!
//! The modules are marked as tests so that the lints' leave for tests holds in their helpers too.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod admission;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod balance;
#[cfg(test)]
mod bearer;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod both_ways;
#[cfg(test)]
mod bridge;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod cookies;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod events;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod forward_auth;
#[cfg(test)]
#[path = "../loopback/free_port.rs"]
mod free_port;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod in_front;
#[cfg(test)]
mod log;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod rewrites;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod workers;
