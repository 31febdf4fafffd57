//! Our own pages and API, as one axum router. Knows nothing of the proxy in front of it.

pub mod assets;
pub mod peer;
pub mod views;
