//! What the pages have in common that the links in mails lead to which stop or undo something.

use axum::Form;
use axum::extract::{FromRequest, Request};
use http::Uri;
use serde::Deserialize;
use std::convert::Infallible;

use crate::domain::own_paths;
use crate::gate::refusal::GateRefusal;
use crate::portal::views::step_refusal::StepRefusal;

/// The link, as it came or was pasted; empty where the form has none, which the page says.
#[derive(Debug)]
pub struct BroughtLink(pub(super) String);

#[derive(Deserialize)]
struct WordLinkForm {
    link: String,
}

impl<S: Send + Sync> FromRequest<S> for BroughtLink {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let form = Form::<WordLinkForm>::from_request(request, state).await;
        Ok(Self(form.map(|Form(WordLinkForm { link })| link).unwrap_or_default()))
    }
}

/// That it is `page` whose link a mail filter has changed.
///
/// # Errors
/// It is not.
pub(super) fn mangled(uri: &Uri, page: &str) -> Result<StepRefusal, GateRefusal> {
    let found = own_paths::mangled_word_link(uri.path()).filter(|found| *found == page);
    found.ok_or(GateRefusal::NotFound)?;
    Ok(StepRefusal::MangledLink)
}
