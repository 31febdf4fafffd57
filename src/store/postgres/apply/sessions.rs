//! Changes of sessions and their tokens.

use std::collections::BTreeMap;

use super::super::fault::PostgresFault;
use super::super::pool::PooledConnection;
use super::super::values::{self, time};
use super::{PostgresCommit, PostgresStop, held};
use crate::domain::plan::{AccountConflict, Conflict, SessionChange, SessionConflict, TokensChange};
use crate::domain::secret::SecretDigest;
use crate::domain::session::Session;
use crate::domain::token_family::TokenFamily;
use crate::store::records::rows::Row as _;

const IS_DISABLED: &str = "SELECT disabled FROM accounts WHERE id = $1";
// One that ends at the same time is waited for, and then gone.
const HAS_HEAD: &str = "SELECT 1 FROM sessions WHERE token = $1 AND head IS NULL AND account = $2 FOR SHARE";
const PUT: &str = "INSERT INTO sessions (token, account, head, credential, created_at, last_seen_at, looked_at, record) \
                   VALUES ($1, $2, $3, $4, $5, $6, $6, $7) \
                   ON CONFLICT (token) DO UPDATE SET account = excluded.account, head = excluded.head, \
                   credential = excluded.credential, created_at = excluded.created_at, \
                   last_seen_at = excluded.last_seen_at, looked_at = excluded.looked_at, record = excluded.record";
// The members of a family go with their head, and tokens with their session.
const END: &str = "DELETE FROM sessions WHERE token = $1 OR token = (SELECT head FROM sessions WHERE token = $1)";
const RELEASE: &str = "DELETE FROM sessions WHERE token = $1 AND head IS NOT NULL";
const END_ALL: &str = "DELETE FROM sessions WHERE account = $1";
const END_ALL_BUT: &str = "DELETE FROM sessions WHERE account = $1 AND coalesce(head, token) <> \
                           coalesce((SELECT head FROM sessions WHERE token = $2), $2)";
const SESSION: &str = "SELECT token, record, last_seen_at FROM sessions WHERE token = $1 FOR UPDATE";
const HAS_SESSION: &str = "SELECT 1 FROM sessions WHERE token = $1 FOR SHARE";
const TOUCH: &str = "WITH touched AS ( \
                         SELECT token, at FROM sessions JOIN unnest($1::bytea[], $2::bigint[]) AS use (token, at) \
                         USING (token) WHERE last_seen_at < at ORDER BY token FOR UPDATE OF sessions \
                     ) UPDATE sessions SET last_seen_at = at FROM touched \
                     WHERE sessions.token = touched.token AND last_seen_at < at";
// By this it is known that a clock is, or was, ahead.
const LATEST_USE: &str = "UPDATE gateway SET latest_use = $1 WHERE latest_use < $1";

const ADD_TOKENS: &str = "INSERT INTO token_families (session, revision, record) VALUES ($1, $2, $3) \
                          ON CONFLICT (session) DO NOTHING";
const ADVANCE_TOKENS: &str =
    "UPDATE token_families SET revision = $2::bigint, record = $3 WHERE session = $1 AND revision = $2::bigint - 1";
const HAS_TOKENS: &str = "SELECT 1 FROM token_families WHERE session = $1 AND revision = $2 FOR SHARE";
const FORGET_TOKENS: &str = "DELETE FROM refresh_tokens WHERE session = $1 AND token <> ALL ($2)";
const NAME_TOKENS: &str = "INSERT INTO refresh_tokens (token, session) SELECT DISTINCT token, $1::bytea \
                           FROM unnest($2::bytea[]) AS named (token) ON CONFLICT (token) DO NOTHING";
const TOKENS_OF_OTHERS: &str = "SELECT 1 FROM refresh_tokens WHERE token = ANY ($2) AND session <> $1 LIMIT 1";

impl PostgresCommit<'_> {
    pub(super) async fn make_session(self, change: &SessionChange) -> Result<(), PostgresStop> {
        match change {
            SessionChange::Add(session) => self.add_session(session).await,
            SessionChange::End(token) => self.end(END, token).await,
            SessionChange::Release(token) => self.end(RELEASE, token).await,
            SessionChange::EndAll { account, except } => {
                match except {
                    None => self.on.change(END_ALL, &[&account.0]).await?,
                    Some(token) => self.on.change(END_ALL_BUT, &[&account.0, &&token.bytes()[..]]).await?,
                };
                Ok(())
            }
            SessionChange::Tie { session, credential, authentication } => {
                let session = self.session(session).await?;
                self.has_passkey(credential, session.account).await?;
                if session.credential.is_some() {
                    return Err(SessionConflict::Tied.into());
                }
                let (credential, authentication) = (Some(credential.clone()), authentication.clone());
                Ok(put_session(self.on, &Session { credential, authentication, ..session }).await?)
            }
            SessionChange::Bind { session, host } => {
                let session = self.session(session).await?;
                if session.host.is_some() {
                    return Err(SessionConflict::Tied.into());
                }
                Ok(put_session(self.on, &Session { host: Some(host.clone()), ..session }).await?)
            }
            SessionChange::Require(token) => self.has_session(token).await,
            SessionChange::Touch(touched) => {
                // The latest use of each: a row is updated once by a statement.
                let mut latest = BTreeMap::new();
                for (token, at) in touched {
                    let latest: &mut i64 = latest.entry(&token.bytes()[..]).or_default();
                    *latest = time(*at).max(*latest);
                }
                let (tokens, times): (Vec<&[u8]>, Vec<i64>) = latest.into_iter().unzip();
                self.on.change(TOUCH, &[&tokens, &times]).await?;
                if let Some(latest) = times.iter().max() {
                    self.on.change(LATEST_USE, &[latest]).await?;
                }
                Ok(())
            }
        }
    }

    async fn end(self, statement: &'static str, token: &SecretDigest) -> Result<(), PostgresStop> {
        self.on.change(statement, &[&&token.bytes()[..]]).await?;
        Ok(())
    }

    async fn add_session(self, session: &Session) -> Result<(), PostgresStop> {
        let account = session.account.0;
        let disabled = self.on.row(IS_DISABLED, &[&account]).await?.ok_or(AccountConflict::Gone)?;
        if disabled.get(0) {
            return Err(AccountConflict::Disabled.into());
        }
        if let Some(credential) = &session.credential {
            self.has_passkey(credential, session.account).await?;
        }
        if let Some(head) = session.head
            && !self.on.finds(HAS_HEAD, &[&&head.bytes()[..], &account]).await?
        {
            return Err(SessionConflict::Ended.into());
        }
        Ok(put_session(self.on, session).await?)
    }

    async fn session(self, token: &SecretDigest) -> Result<Session, PostgresStop> {
        let row = self.on.row(SESSION, &[&&token.bytes()[..]]).await?.ok_or(SessionConflict::Ended)?;
        Ok(values::session(&row)?)
    }

    async fn has_session(self, token: &SecretDigest) -> Result<(), PostgresStop> {
        if self.on.finds(HAS_SESSION, &[&&token.bytes()[..]]).await? {
            return Ok(());
        }
        Err(SessionConflict::Ended.into())
    }

    pub(super) async fn make_tokens(self, change: &TokensChange) -> Result<(), PostgresStop> {
        match change {
            TokensChange::Add(family) => {
                self.has_session(&family.session).await?;
                self.keep_tokens(ADD_TOKENS, family).await
            }
            TokensChange::Advance(family) | TokensChange::Cut(family) => self.keep_tokens(ADVANCE_TOKENS, family).await,
            TokensChange::Require { session, revision } => {
                let named = self.on.finds(HAS_TOKENS, &[&&session.bytes()[..], &i64::from(*revision)]).await?;
                if named { Ok(()) } else { Err(Conflict::TokensChanged.into()) }
            }
        }
    }

    async fn keep_tokens(self, statement: &'static str, family: &TokenFamily) -> Result<(), PostgresStop> {
        let session = &family.session.bytes()[..];
        let kept = self.on.change(statement, &[&session, &i64::from(family.revision), &family.encode()?]).await?;
        held(kept, Conflict::TokensChanged)?;
        let tokens: Vec<SecretDigest> = family.all().collect();
        let tokens: Vec<&[u8]> = tokens.iter().map(|token| &token.bytes()[..]).collect();
        self.on.change(FORGET_TOKENS, &[&session, &tokens]).await?;
        self.on.change(NAME_TOKENS, &[&session, &tokens]).await?;
        // No token leads to two sessions.
        if self.on.finds(TOKENS_OF_OTHERS, &[&session, &tokens]).await? {
            return Err(Conflict::TokensChanged.into());
        }
        Ok(())
    }
}

/// Keeps a session in place of any other of its token.
pub(in super::super) async fn put_session(on: &PooledConnection, session: &Session) -> Result<(), PostgresFault> {
    let Session { token, account, head, credential, created_at, last_seen_at, .. } = session;
    let head = head.as_ref().map(|head| &head.bytes()[..]);
    let credential = credential.as_ref().map(|credential| credential.bytes());
    let (created_at, last_seen_at, record) = (time(*created_at), time(*last_seen_at), session.encode()?);
    on.change(PUT, &[&&token.bytes()[..], &account.0, &head, &credential, &created_at, &last_seen_at, &record]).await?;
    Ok(())
}
