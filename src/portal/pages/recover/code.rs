//! `/_bmauth/recover/code`. Works without a script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::auth::failure::refusal_apart;
use crate::auth::recover::RecoveryCodeOutcome;
use crate::domain::own_paths::{RECOVER_CODE, RECOVER_DEVICE};
use crate::domain::recover::{Proved, RecoverRefusal, RecoveryMode, mode_of_code, proved_account};
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::pages::code::{self, Entered};
use crate::portal::views::code::{CodeDelivery, CodePage, CodePagePurpose, CodeState};
use crate::portal::views::recover::RecoverHeldPage;
use crate::portal::{Portal, answer};

/// Asks for the code that was sent, or handed out by the operator.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, state: CodeState) -> Result<Response, PageError> {
    show(&portal, &caller, state).await
}

/// The code: on to the device, or the moment from which that works.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageForm(Entered { code }): PageForm<Entered>,
) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.recover.prove(&code, &caller.visitor).await)? {
        Ok(RecoveryCodeOutcome::Proved(Proved::SetUp)) => {
            Ok(answer::moved_on(&portal, &caller, answer::go_to(RECOVER_DEVICE)))
        }
        Ok(RecoveryCodeOutcome::SignedIn(signed_in)) => Ok(answer::signed_in_from_form(&portal, &caller, &signed_in)),
        Ok(RecoveryCodeOutcome::Proved(Proved::Held(until))) => {
            let view = RecoverHeldPage { until };
            Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
        }
        Err(refusal) => show_again(&portal, &caller, refusal).await,
    }
}

/// Sends another code, and comes back to the page.
pub async fn resend(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.recover.resend_code(&caller.visitor).await)? {
        Ok(()) => Ok(code::resent(RECOVER_CODE)),
        Err(refusal) => show_again(&portal, &caller, refusal).await,
    }
}

/// The page again, with what was wrong.
async fn show_again(portal: &Portal, caller: &Caller, refusal: RecoverRefusal) -> Result<Response, PageError> {
    match refusal {
        RecoverRefusal::Code(refusal) => show(portal, caller, refusal.into()).await,
        RecoverRefusal::Off
        | RecoverRefusal::Stale
        | RecoverRefusal::NoRecovery
        | RecoverRefusal::NoHold
        | RecoverRefusal::NoReview
        | RecoverRefusal::NotProved
        | RecoverRefusal::Doubted
        | RecoverRefusal::Disabled
        | RecoverRefusal::BadPasskey => Err(GateRefusal::RecoveryEnded.into()),
    }
}

async fn show(portal: &Portal, caller: &Caller, state: CodeState) -> Result<Response, PageError> {
    let Some(recovery) = portal.auth.recover.pending(&caller.visitor).await? else {
        // Finished in another tab, perhaps: a signed-in visitor is through.
        return match caller.session(portal).await? {
            Some(_) => Ok(answer::go_on(portal, caller, &caller.destination())),
            None => Err(GateRefusal::RecoveryEnded.into()),
        };
    };
    if proved_account(&recovery, portal.auth.now()).is_ok() {
        return Err(PageError::SendTo(RECOVER_DEVICE.to_owned()));
    }
    let mode = portal.auth.recover.policy_for(&recovery.email).await.mode;
    let way = match (mode_of_code(mode, &recovery), portal.auth.recover.mode()) {
        (RecoveryMode::Email | RecoveryMode::Delayed(_) | RecoveryMode::Off, _) => CodeDelivery::Mail,
        (RecoveryMode::Admin, RecoveryMode::Admin) => CodeDelivery::Hand,
        (RecoveryMode::Admin, RecoveryMode::Email | RecoveryMode::Delayed(_) | RecoveryMode::Off) => {
            CodeDelivery::HandForMail
        }
    };
    let code_for = CodePagePurpose::GettingBackIn(way);
    let (email, return_to) = (recovery.email.as_str(), recovery.return_to.unless_root());
    Ok(code::show(
        portal,
        caller,
        CodePage {
            code_for,
            email,
            sender: portal.sender.as_str(),
            return_to,
            kind: recovery.code.id.kind(),
            forget: None,
            state,
        },
    ))
}
