//! The `bmauth` command.

fn main() {}
