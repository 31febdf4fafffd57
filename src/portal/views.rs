//! The pages as people see them: each a struct with everything it shows, and `render`.
//!
//! Handlers decide; views only show. Words come from `wording`, the look from `templates/`.

pub mod account;
pub mod account_undo;
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
pub mod unsupported;

mod frame;
mod word_link;

use crate::wording::moment;

/// Who may create an account, as far as a page tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationOffer {
    /// Every person may.
    #[default]
    Open,
    /// Those who were invited. Any visitor may ask, and no page tells them whether another person was invited.
    Invite,
    /// No new person may.
    Closed,
}

#[cfg(test)]
mod shown;
#[cfg(test)]
mod tests;
