//! A store in a redb file.
