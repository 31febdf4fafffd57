//! Mails: what they say, and how they leave.

pub mod letters;
pub mod transport;
pub mod writer;
