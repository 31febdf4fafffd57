//! Refresh tokens: what a client of the API carries where a browser has a cookie.
//!
//! Each is used once and answered with the next of its family, which is a keyed digest of it. So a client that asks
//! twice gets the same answer, and the store has nothing but digests. A family is one session's. A spent token that
//! comes again was copied, and ends the session. An elevation begins a line of its own, and once it is used the family
//! has no other: what is from before is dead, and ends nothing.

use std::time::Duration;

use super::activity::What;
use super::clock::Timestamp;
use super::moment::Moment;
use super::plan::{Conflict, Plan, SessionChange, TokensChange};
use super::secret::MacKey;
use super::session::Session;
use super::token_family::{ClientMark, RETRY, RefreshToken, Spent, TokenFamily};

/// Why a refresh token gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokensRefusal {
    /// It is of no session, or its session has ended.
    Unknown,
    /// Another request changed the family meanwhile: to be read again.
    Raced,
    /// Its session was refreshed too often lately.
    TooOften {
        /// Until it may be again.
        wait: Duration,
    },
}

impl From<Conflict> for TokensRefusal {
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
            | Conflict::MoveChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::LetterTaken
            | Conflict::Limit { .. }
            | Conflict::Key(_) => Self::Unknown,
        }
    }
}

/// What becomes of a presented token.
#[derive(Debug)]
pub enum Presented {
    /// It is answered with this, once the plan is made.
    Next(RefreshAnswer, Plan<()>),
    /// The client asks again, and is answered with what is out.
    Again(RefreshAnswer),
    /// It was spent before: the session ends.
    Copied(Plan<()>),
}

/// What a token is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshAnswer {
    /// The one that is out then.
    pub refresh: RefreshToken,
    /// Until when its line is elevated.
    pub elevated_until: Option<Timestamp>,
}

/// A refresh token was presented for a family that has it, current or spent.
///
/// # Errors
/// [`TokensRefusal::Unknown`] where the family has it not; [`TokensRefusal::TooOften`].
pub fn present(
    token: RefreshToken,
    family: TokenFamily,
    session: &Session,
    key: &MacKey,
    moment: Moment<'_>,
) -> Result<Presented, TokensRefusal> {
    if family.session != session.token {
        return Err(TokensRefusal::Unknown);
    }
    let now = moment.now;
    let (digest, by) = (token.digest(), ClientMark::of(moment.visitor, key));
    if family.out.contains(&digest) {
        let used = family.used_by(digest, now);
        let revision = family.revision.saturating_add(1);
        let (family, keep): (_, fn(TokenFamily) -> TokensChange) = match used {
            Some(used) => (used, TokensChange::Cut),
            None => (family, TokensChange::Advance),
        };
        if let Some(wait) = family.full_for(now) {
            return Err(TokensRefusal::TooOften { wait });
        }
        let refresh = token.next(key);
        let family = TokenFamily { revision, ..family.rotated(Spent { token: digest, at: now, by }, refresh) };
        let answered = RefreshAnswer { refresh, elevated_until: family.elevation_of(refresh, now) };
        let changes = vec![SessionChange::Require(session.token).into(), keep(family).into()];
        return Ok(Presented::Next(answered, Plan::durable(changes, ())));
    }
    let spent = family.spent.iter().find(|spent| spent.token == digest).ok_or(TokensRefusal::Unknown)?;
    if spent.by == by
        && spent.at.has_come(now)
        && now <= spent.at.after(RETRY)
        && let Some(out) = family.came_of(token, key)
    {
        let elevated_until = family.elevation_of(out, now);
        return Ok(Presented::Again(RefreshAnswer { refresh: out, elevated_until }));
    }
    let changes = vec![SessionChange::End(session.token).into(), moment.event(session.account, What::TokenCopied)];
    Ok(Presented::Copied(Plan::durable(changes, ())))
}

#[cfg(test)]
mod tests;
