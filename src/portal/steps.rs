//! The steps that our pages send by their forms and scripts. Only our own pages may send them, and each network only so
//! many.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodRouter, post};

use super::pages::{account, devices, hand_off, link, recover, register, sign_in, sign_out, webauthn_error};
use super::{Portal, limits, same_origin};
use crate::domain::own_paths;

/// The router of the steps.
pub fn router(portal: &Arc<Portal>) -> Router<Arc<Portal>> {
    let challenges = middleware::from_fn_with_state(Arc::clone(portal), limits::enforce_challenges);
    let router = steps().into_iter().fold(Router::new(), |router, PageStep { path, answer, asks }| {
        router.route(path, if asks { answer.layer(challenges.clone()) } else { answer })
    });
    router
        .route_layer(middleware::from_fn_with_state(Arc::clone(portal), same_origin::require))
        .route_layer(middleware::from_fn_with_state(Arc::clone(portal), limits::enforce))
}

/// One step. [`own_paths::SUBMISSIONS`] says which page sends it.
struct PageStep {
    path: &'static str,
    answer: MethodRouter<Arc<Portal>>,
    /// Whether it keeps a challenge for a visitor who need not be signed in.
    asks: bool,
}

impl PageStep {
    fn new<T: 'static>(path: &'static str, answer: impl Handler<T, Arc<Portal>>) -> Self {
        Self { path, answer: post(answer), asks: false }
    }

    /// One that keeps a challenge each time, for a visitor who need not be signed in.
    fn challenge<T: 'static>(path: &'static str, answer: impl Handler<T, Arc<Portal>>) -> Self {
        Self { asks: true, ..Self::new(path, answer) }
    }
}

/// Every step, flow by flow.
fn steps() -> Vec<PageStep> {
    vec![
        PageStep::challenge(own_paths::SIGN_IN_OPTIONS, sign_in::options),
        PageStep::new(own_paths::SIGN_IN_VERIFY, sign_in::verify),
        PageStep::new(own_paths::HAND_OFF_CONFIRM, hand_off::confirm),
        PageStep::new(own_paths::SIGN_OUT, sign_out::post),
        PageStep::challenge(own_paths::REGISTER_OPTIONS, register::options),
        PageStep::new(own_paths::REGISTER_VERIFY, register::verify),
        PageStep::new(own_paths::REGISTER_CODE, register::code::post),
        PageStep::new(own_paths::REGISTER_RESEND, register::code::resend),
        PageStep::challenge(own_paths::RECOVER_OPTIONS, recover::device::options),
        PageStep::new(own_paths::RECOVER, recover::post),
        PageStep::new(own_paths::RECOVER_CODE, recover::code::post),
        PageStep::new(own_paths::RECOVER_RESEND, recover::code::resend),
        PageStep::new(own_paths::RECOVER_VERIFY, recover::device::verify),
        PageStep::new(own_paths::RECOVER_REVIEW_OPTIONS, recover::review::options),
        PageStep::new(own_paths::RECOVER_REVIEW_VERIFY, recover::review::verify),
        PageStep::new(own_paths::RECOVER_CANCEL, recover::cancel::post),
        PageStep::new(own_paths::CONTEST_OPTIONS, recover::contest::options),
        PageStep::new(own_paths::CONTEST_VERIFY, recover::contest::verify),
        PageStep::challenge(own_paths::LINK_OPTIONS, link::set_up::options),
        PageStep::challenge(own_paths::LINK_NUMBER, link::approve::number),
        PageStep::new(own_paths::LINK_ASK, link::start::ask),
        PageStep::new(own_paths::LINK_OFFER, link::offer),
        PageStep::new(own_paths::LINK_FIND, link::find),
        PageStep::new(own_paths::LINK_APPROVE, link::approve::approve),
        PageStep::new(own_paths::LINK_DENY, link::deny),
        PageStep::new(own_paths::LINK_VERIFY, link::set_up::verify),
        PageStep::new(own_paths::DEVICES_RENAME, devices::rename),
        PageStep::new(own_paths::DEVICES_SIGN_OUT, devices::sign_out),
        PageStep::new(own_paths::DEVICES_SIGN_OUT_EVERYWHERE, devices::sign_out_everywhere),
        PageStep::new(own_paths::DEVICES_CONFIRM, devices::passkeys::confirm),
        PageStep::new(own_paths::DEVICES_CONFIRM_VERIFY, devices::passkeys::confirmed),
        PageStep::new(own_paths::DEVICES_VERIFY, devices::passkeys::verify),
        PageStep::new(own_paths::ACCOUNT_PROFILE, account::describe),
        PageStep::new(own_paths::ACCOUNT_ADDRESS, account::address::post),
        PageStep::new(own_paths::ACCOUNT_ADDRESS_RESEND, account::address::resend),
        PageStep::new(own_paths::ACCOUNT_UNDO, account::undo::post),
        PageStep::new(own_paths::WEBAUTHN_ERROR, webauthn_error::post),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_our_pages_send_is_what_the_portal_takes() {
        let taken: Vec<_> = steps().iter().map(|step| step.path).collect();
        let sent: Vec<_> = own_paths::SUBMISSIONS.iter().flat_map(|submission| submission.to).copied().collect();
        assert_eq!(BTreeSet::from_iter(&sent), BTreeSet::from_iter(&taken));
        assert_eq!(BTreeSet::from_iter(&sent).len(), sent.len(), "one is sent by two pages");
    }
}
