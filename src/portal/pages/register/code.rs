//! `/_bmauth/register/code`. Works without a script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::auth::failure::refusal_apart;
use crate::auth::passkeys::encode_base64url;
use crate::domain::destination::Destination;
use crate::domain::own_paths::REGISTER_CODE;
use crate::domain::register::RegisterRefusal;
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::pages::code::{self, Entered};
use crate::portal::views::code::{CodePage, CodePagePurpose, CodeState, Forget};
use crate::portal::{Portal, answer};

/// Asks for the code that was sent to the address.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, state: CodeState) -> Result<Response, PageError> {
    show(&portal, &caller, state).await
}

/// The code: into the app, or the page again.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageForm(Entered { code }): PageForm<Entered>,
) -> Result<Response, PageError> {
    let (auth, visitor) = (&portal.auth, &caller.visitor);
    let finished = auth.sessions.or_again(auth.register.finish(&code, visitor).await, visitor).await;
    match refusal_apart(finished)? {
        Ok(signed_in) => Ok(answer::signed_in_from_form(&portal, &caller, &signed_in)),
        Err(refusal) => show_again(&portal, &caller, refusal).await,
    }
}

/// Sends another code, and comes back to the page.
pub async fn resend(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.register.resend_code(&caller.visitor).await)? {
        Ok(()) => Ok(code::resent(REGISTER_CODE)),
        Err(refusal) => show_again(&portal, &caller, refusal).await,
    }
}

/// The page again, with what was wrong.
async fn show_again(portal: &Portal, caller: &Caller, refusal: RegisterRefusal) -> Result<Response, PageError> {
    match refusal {
        RegisterRefusal::Code(refusal) => show(portal, caller, refusal.into()).await,
        RegisterRefusal::NoRegistration
        | RegisterRefusal::Stale
        | RegisterRefusal::BadPasskey
        | RegisterRefusal::Closed
        | RegisterRefusal::DomainNotAllowed
        | RegisterRefusal::NoMailTo => Err(GateRefusal::RegistrationEnded.into()),
    }
}

async fn show(portal: &Portal, caller: &Caller, state: CodeState) -> Result<Response, PageError> {
    let Some(registration) = portal.auth.register.pending(&caller.visitor).await? else {
        // Finished in another tab, perhaps: a signed-in visitor is through.
        return match caller.session(portal).await? {
            Some(_) => Ok(answer::go_on(portal, caller, &Destination::root())),
            None => Err(GateRefusal::RegistrationEnded.into()),
        };
    };
    let (email, return_to) = (registration.email.as_str(), registration.return_to.unless_root());
    let ids = registration.dead.iter().map(|id| encode_base64url(id.bytes())).collect::<Vec<_>>().join(" ");
    let forget = (!ids.is_empty()).then_some(Forget { rp_id: portal.rp_id.as_str(), ids: &ids });
    let of_some = portal.auth.register.is_for_some().await?;
    let (code_for, kind) = (CodePagePurpose::Registering { of_some }, registration.code.id.kind());
    Ok(code::show(
        portal,
        caller,
        CodePage { code_for, email, sender: portal.sender.as_str(), return_to, kind, forget, state },
    ))
}
