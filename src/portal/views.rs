//! The pages as people see them: each a struct with everything it shows, and `render`.
//!
//! Handlers decide; views only show. Words come from `wording`, the look from `templates/`.

pub mod apps;
pub mod chrome;
pub mod code;
pub mod contest;
pub mod devices;
pub mod faster;
pub mod hand_off;
pub mod link;
pub mod recover;
pub mod recover_cancel;
pub mod refused;
pub mod register;
pub mod review;
pub mod script_refusal;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;
pub mod step_refusal;

mod frame;

use crate::wording::moment;

/// Who may create an account, as far as a page tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// Anybody.
    #[default]
    Open,
    /// Who was invited: anybody may ask, and nobody is told on a page whether somebody else was.
    Invite,
    /// Nobody.
    Closed,
}

#[cfg(test)]
mod tests;
