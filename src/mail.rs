//! Mails: what they say, and how they leave.

pub mod letters;
mod oauth;
pub mod smtp;
pub mod transport;
mod trust;
pub mod writer;
