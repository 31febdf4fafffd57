//! The whole gateway in one process: the proxy in memory, without a socket towards the client.

mod harness;

mod admission;
mod answers;
mod bodies;
mod bridge;
mod connections;
mod cookies;
mod grpc;
mod http2;
mod identity;
mod log;
mod requests;
mod streams;
mod tls;
mod upstreams;
