//! The composition root: from a configuration to a running gateway. Only here do the layers meet.

pub mod certificates;
pub mod gateway;
pub mod keeping;
pub mod listening;
pub mod proxy;
pub mod reread;
pub mod running;
pub mod supervisor;
pub mod system;

pub use gateway::{Gateway, World, mail_server, operating, transport};
pub use listening::CannotListen;
pub use reread::Reread;
pub use running::Running;
pub use supervisor::Supervisor;
