//! Refresh tokens: what a client of the API carries where a browser has a cookie.
//!
//! Each is used once and answered with the next of its family, which is a keyed digest of it: so the answer to a client
//! that asks twice is the same, and the store has nothing but digests. A family is one session's; a spent token that
//! comes again was copied, and ends the session.

use super::activity::What;
use super::moment::Moment;
use super::plan::{Conflict, Plan, SessionChange, TokensChange};
use super::secret::MacKey;
use super::session::Session;
use super::token_family::{ClientMark, RETRY, RefreshToken, Spent, TokenFamily};

/// Why a refresh token gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is nobody's, or its session has ended.
    Unknown,
    /// Another request changed the family meanwhile: to be read again.
    Raced,
    /// Its session was refreshed too often lately.
    TooOften,
}

impl From<Conflict> for Refusal {
    /// What a client is told that lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::TokensChanged => Self::Raced,
            Conflict::CeremonySpent
            | Conflict::RegistrationChanged
            | Conflict::Account(_)
            | Conflict::Passkey(_)
            | Conflict::Session(_)
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::AdminCodeSpent
            | Conflict::LetterTaken
            | Conflict::Limit(_)
            | Conflict::Key(_) => Self::Unknown,
        }
    }
}

/// What becomes of a presented token.
#[derive(Debug)]
pub enum Presented {
    /// It is answered with this one, once the plan is made.
    Next(RefreshToken, Plan<()>),
    /// The client asks again, and is answered with the one that is out.
    Again(RefreshToken),
    /// It was spent before: the session ends.
    Copied(Plan<()>),
}

/// A refresh token was presented for a family that has it, current or spent.
///
/// # Errors
/// [`Refusal::Unknown`] where the family has it not; [`Refusal::TooOften`].
pub fn present(
    token: RefreshToken,
    family: TokenFamily,
    session: &Session,
    key: &MacKey,
    moment: Moment<'_>,
) -> Result<Presented, Refusal> {
    if family.session != session.token {
        return Err(Refusal::Unknown);
    }
    let now = moment.now;
    let (digest, by) = (token.digest(), ClientMark::of(moment.visitor, key));
    if family.out.contains(&digest) {
        if family.is_full(now) {
            return Err(Refusal::TooOften);
        }
        let next = token.next(key);
        let family = family.rotated(Spent { token: digest, at: now, by }, next);
        let changes = vec![SessionChange::Require(session.token).into(), TokensChange::Advance(family).into()];
        return Ok(Presented::Next(next, Plan::durable(changes, ())));
    }
    let spent = family.spent.iter().find(|spent| spent.token == digest).ok_or(Refusal::Unknown)?;
    if spent.by == by
        && spent.at.has_come(now)
        && now <= spent.at.after(RETRY)
        && let Some(out) = family.came_of(token, key)
    {
        return Ok(Presented::Again(out));
    }
    let changes = vec![SessionChange::End(session.token).into(), moment.event(session.account, What::TokenCopied)];
    Ok(Presented::Copied(Plan::durable(changes, ())))
}

#[cfg(test)]
mod tests;
