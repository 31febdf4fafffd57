//! The driver of the flows: loads the facts, calls the pure step, commits its plan.

pub mod sessions;
