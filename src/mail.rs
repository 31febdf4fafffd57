//! Mails: what they say, how they wait, and how they leave.

pub mod letters;
