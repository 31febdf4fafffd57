//! The composition root: from a configuration to a running gateway. Only here do the layers meet.

pub mod gateway;
pub mod proxy;
pub mod running;
pub mod system;

pub use gateway::{Gateway, World, mail_server, operating, transport};
pub use running::Running;
