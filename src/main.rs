//! The `bmauth` command.

use std::process::ExitCode;

/// Pingora allocates much and briefly; this allocator is quicker at it and gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // One provider for everything that speaks TLS in this process; a second call would find it there.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("bmauth: the TLS library was set up twice. Please report this.");
        return ExitCode::FAILURE;
    }
    bmauth::cli::run()
}
