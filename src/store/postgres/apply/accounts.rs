//! Changes of accounts, their passkeys, what happened to them, and operators' codes.

use uuid::Uuid;

use super::super::values::{decode, limit, time};
use super::{PostgresCommit, PostgresStop, held};
use crate::domain::account::{Account, AccountId};
use crate::domain::address::UNDO;
use crate::domain::clock::{LEEWAY, Timestamp};
use crate::domain::email::Email;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{
    AccountChange, AccountConflict, AdminCodeChange, Conflict, EventChange, PasskeyChange, PasskeyConflict,
};
use crate::store::records::rows::Row as _;

const ADD_ACCOUNT: &str =
    "INSERT INTO accounts (id, email, disabled, record) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const ACCOUNTS_LIKE: &str = "SELECT id FROM accounts WHERE id = $1 OR email = $2";
const ACCOUNT: &str = "SELECT record FROM accounts WHERE id = $1 FOR UPDATE";
const PUT_ACCOUNT: &str = "UPDATE accounts SET email = $2, disabled = $3, record = $4 WHERE id = $1";
const HAS_ACCOUNT: &str = "SELECT 1 FROM accounts WHERE id = $1";
const HAS_EMAIL: &str = "SELECT 1 FROM accounts WHERE email = $1";
// What lasts for longer than it could was made by a clock that was ahead, and counts as over.
const IS_KEPT: &str = "SELECT 1 FROM moves WHERE former = $1 AND expires_at > $2 AND expires_at <= $3";
const REMOVE_ACCOUNT: &str = "DELETE FROM accounts WHERE id = $1";
const END_SESSIONS: &str = "DELETE FROM sessions WHERE account = $1";
const DROP_HOLD: &str = "DELETE FROM holds WHERE account = $1";
const DROP_ADMIN_CODE: &str = "DELETE FROM admin_codes WHERE account = $1";

const ADD_PASSKEY: &str = "INSERT INTO passkeys (id, account, counter, created_at, record) VALUES ($1, $2, $3, $4, $5) \
                           ON CONFLICT (id) DO NOTHING";
// A commit that needs a passkey may also note its use, while others do the same. So the lock for what is needed keeps
// the passkey from being removed, and no more: with a stronger one, two such commits would wait for each other.
const PASSKEY_TO_USE: &str = "SELECT record FROM passkeys WHERE id = $1 AND counter = $2 FOR NO KEY UPDATE";
const PASSKEY: &str = "SELECT record FROM passkeys WHERE id = $1 AND account = $2 FOR NO KEY UPDATE";
const PUT_PASSKEY: &str = "UPDATE passkeys SET counter = $2, record = $3 WHERE id = $1";
const HAS_PASSKEY: &str = "SELECT 1 FROM passkeys WHERE id = $1 AND account = $2 FOR KEY SHARE";
const PASSKEYS_UP_TO: &str = "SELECT 1 FROM passkeys WHERE account = $1 LIMIT $2";
const REMOVE_PASSKEY: &str = "DELETE FROM passkeys WHERE id = $1 AND account = $2";
const END_SESSIONS_MADE_WITH: &str = "DELETE FROM sessions WHERE account = $1 AND credential = $2";

const ADD_EVENT: &str = "INSERT INTO events (id, account, at, expires_at, record) \
                         SELECT $1::uuid, $2::uuid, $3::bigint, $4::bigint, $5::bytea WHERE EXISTS (SELECT 1 FROM accounts WHERE id = $2) \
                         ON CONFLICT (id) DO UPDATE SET account = excluded.account, at = excluded.at, \
                         expires_at = excluded.expires_at, record = excluded.record";

const PUT_ADMIN_CODE: &str = "INSERT INTO admin_codes (account, digest, expires_at, record) VALUES ($1, $2, $3, $4) \
                              ON CONFLICT (account) DO UPDATE SET digest = excluded.digest, \
                              expires_at = excluded.expires_at, record = excluded.record";
const SPEND_ADMIN_CODE: &str = "DELETE FROM admin_codes WHERE account = $1 AND digest = $2";

impl PostgresCommit<'_> {
    pub(super) async fn make_account(self, change: &AccountChange) -> Result<(), PostgresStop> {
        match change {
            AccountChange::Add(account) => self.add_account(account).await,
            AccountChange::SetDisabled { account, disabled } => {
                let was = self.account(*account).await?;
                self.put_account(&Account { disabled: *disabled, ..was }).await?;
                if *disabled {
                    self.on.change(END_SESSIONS, &[&account.0]).await?;
                    self.drop_recoveries(*account).await?;
                    self.on.change(DROP_HOLD, &[&account.0]).await?;
                    self.on.change(DROP_ADMIN_CODE, &[&account.0]).await?;
                }
                Ok(())
            }
            AccountChange::SetGroups { account, was, groups } => {
                let there = self.account(*account).await?;
                if there.groups != *was {
                    return Err(AccountConflict::Changed.into());
                }
                self.put_account(&Account { groups: groups.clone(), ..there }).await
            }
            AccountChange::SetEmail { account, was, is, now } => self.set_email(*account, was, is, *now).await,
            AccountChange::SetProfile { account, name, locale } => {
                let was = self.account(*account).await?;
                self.put_account(&Account { name: name.clone(), locale: locale.clone(), ..was }).await
            }
            AccountChange::Aftermath { account, was, is } => {
                // Where nothing changes the lock is shared, and reading for an update would not be.
                let there =
                    if was == is { self.account_as_it_is(*account).await? } else { self.account(*account).await? };
                if there.aftermath != *was {
                    return Err(AccountConflict::Changed.into());
                }
                if was != is {
                    self.put_account(&Account { aftermath: is.clone(), ..there }).await?;
                }
                Ok(())
            }
            AccountChange::Remove(account) => {
                // What names it goes with it, but for what also stands for addresses without an account.
                held(self.on.change(REMOVE_ACCOUNT, &[&account.0]).await?, AccountConflict::Gone)?;
                self.drop_recoveries(*account).await?;
                self.drop_links(*account).await
            }
        }
    }

    async fn add_account(self, account: &Account) -> Result<(), PostgresStop> {
        let (id, email) = (account.id.0, account.email.as_str());
        let added = self.on.change(ADD_ACCOUNT, &[&id, &email, &account.disabled, &account.encode()?]).await?;
        if added == 0 {
            let like: Vec<Uuid> =
                self.on.rows(ACCOUNTS_LIKE, &[&id, &email]).await?.iter().map(|row| row.get(0)).collect();
            let conflict = if like.contains(&id) { AccountConflict::Exists } else { AccountConflict::EmailTaken };
            return Err(conflict.into());
        }
        // Looked at last: an account that was just given another address kept this one with the same commit.
        self.is_not_kept(&account.email, account.created_at).await
    }

    async fn set_email(self, account: AccountId, was: &Email, is: &Email, now: Timestamp) -> Result<(), PostgresStop> {
        let there = self.account(account).await?;
        if there.email != *was {
            return Err(AccountConflict::Changed.into());
        }
        if self.on.finds(HAS_EMAIL, &[&is.as_str()]).await? {
            return Err(AccountConflict::EmailTaken.into());
        }
        self.is_not_kept(is, now).await?;
        self.put_account(&Account { email: is.clone(), ..there }).await?;
        self.is_not_kept(is, now).await
    }

    /// The address must not be kept for an account that had it.
    async fn is_not_kept(self, email: &Email, now: Timestamp) -> Result<(), PostgresStop> {
        let (from, to) = (time(now), time(now.after(UNDO).after(LEEWAY)));
        if self.on.finds(IS_KEPT, &[&email.as_str(), &from, &to]).await? {
            return Err(AccountConflict::EmailTaken.into());
        }
        Ok(())
    }

    /// The account must be there.
    pub(super) async fn has_account(self, account: AccountId) -> Result<(), PostgresStop> {
        if self.on.finds(HAS_ACCOUNT, &[&account.0]).await? { Ok(()) } else { Err(AccountConflict::Gone.into()) }
    }

    /// No account may have that address.
    pub(super) async fn has_no_account(self, email: &Email) -> Result<(), PostgresStop> {
        if self.on.finds(HAS_EMAIL, &[&email.as_str()]).await? {
            return Err(AccountConflict::EmailTaken.into());
        }
        Ok(())
    }

    async fn account(self, account: AccountId) -> Result<Account, PostgresStop> {
        let row = self.on.row(ACCOUNT, &[&account.0]).await?.ok_or(AccountConflict::Gone)?;
        Ok(decode(account.0.as_bytes(), &row)?)
    }

    async fn account_as_it_is(self, account: AccountId) -> Result<Account, PostgresStop> {
        const ACCOUNT: &str = "SELECT record FROM accounts WHERE id = $1";
        let row = self.on.row(ACCOUNT, &[&account.0]).await?.ok_or(AccountConflict::Gone)?;
        Ok(decode(account.0.as_bytes(), &row)?)
    }

    async fn put_account(self, account: &Account) -> Result<(), PostgresStop> {
        let Account { id, email, disabled, .. } = account;
        self.on.change(PUT_ACCOUNT, &[&id.0, &email.as_str(), disabled, &account.encode()?]).await?;
        Ok(())
    }

    pub(super) async fn make_passkey(self, change: &PasskeyChange) -> Result<(), PostgresStop> {
        match change {
            PasskeyChange::Add(passkey) => {
                self.has_account(passkey.account).await?;
                let Passkey { account, key, created_at, .. } = passkey;
                let (counter, at) = (i64::from(key.counter), time(*created_at));
                let record = passkey.encode()?;
                let added = self.on.change(ADD_PASSKEY, &[&key.id.bytes(), &account.0, &counter, &at, &record]).await?;
                held(added, PasskeyConflict::Taken)
            }
            PasskeyChange::Use { was_counter, key, at } => {
                let was = self.on.row(PASSKEY_TO_USE, &[&key.id.bytes(), &i64::from(*was_counter)]).await?;
                let was: Passkey = decode(key.id.bytes(), &was.ok_or(PasskeyConflict::Changed)?)?;
                self.put_passkey(&Passkey { key: key.clone(), last_used_at: Some(*at), ..was }).await
            }
            PasskeyChange::Rename { credential, account, name } => {
                let was = self.on.row(PASSKEY, &[&credential.bytes(), &account.0]).await?;
                let was: Passkey = decode(credential.bytes(), &was.ok_or(PasskeyConflict::Changed)?)?;
                self.put_passkey(&Passkey { name: name.clone(), ..was }).await
            }
            PasskeyChange::Remove { credential, account, last } => {
                self.has_passkey(credential, *account).await?;
                if !last && self.passkeys_up_to(*account, 2).await? < 2 {
                    return Err(PasskeyConflict::Last.into());
                }
                held(
                    self.on.change(REMOVE_PASSKEY, &[&credential.bytes(), &account.0]).await?,
                    PasskeyConflict::Changed,
                )?;
                self.on.change(END_SESSIONS_MADE_WITH, &[&account.0, &credential.bytes()]).await?;
                Ok(())
            }
            PasskeyChange::RequireRoom { account, most } => {
                if self.passkeys_up_to(*account, *most).await? >= *most {
                    return Err(PasskeyConflict::Full.into());
                }
                Ok(())
            }
            PasskeyChange::Require { credential, account } => self.has_passkey(credential, *account).await,
            PasskeyChange::RequireNone(account) => {
                if self.passkeys_up_to(*account, 1).await? > 0 {
                    return Err(PasskeyConflict::NotNone.into());
                }
                Ok(())
            }
        }
    }

    /// The passkey must be that account's.
    pub(super) async fn has_passkey(self, credential: &CredentialId, account: AccountId) -> Result<(), PostgresStop> {
        if self.on.finds(HAS_PASSKEY, &[&credential.bytes(), &account.0]).await? {
            return Ok(());
        }
        Err(PasskeyConflict::Changed.into())
    }

    async fn passkeys_up_to(self, account: AccountId, most: usize) -> Result<usize, PostgresStop> {
        Ok(self.on.rows(PASSKEYS_UP_TO, &[&account.0, &limit(most)]).await?.len())
    }

    async fn put_passkey(self, passkey: &Passkey) -> Result<(), PostgresStop> {
        let counter = i64::from(passkey.key.counter);
        self.on.change(PUT_PASSKEY, &[&passkey.key.id.bytes(), &counter, &passkey.encode()?]).await?;
        Ok(())
    }

    pub(super) async fn make_event(self, change: &EventChange) -> Result<(), PostgresStop> {
        match change {
            EventChange::Add(event) => {
                let (at, expires_at) = (time(event.at), time(event.expires_at()));
                self.on.change(ADD_EVENT, &[&event.id, &event.account.0, &at, &expires_at, &event.encode()?]).await?;
                Ok(())
            }
        }
    }

    pub(super) async fn make_admin_code(self, change: &AdminCodeChange) -> Result<(), PostgresStop> {
        match change {
            AdminCodeChange::Put(code) => {
                self.has_account(code.account).await?;
                let digest = &code.digest.0[..];
                self.on
                    .change(PUT_ADMIN_CODE, &[&code.account.0, &digest, &time(code.expires_at), &code.encode()?])
                    .await?;
                Ok(())
            }
            AdminCodeChange::Spend { account, digest } => {
                held(self.on.change(SPEND_ADMIN_CODE, &[&account.0, &&digest.0[..]]).await?, Conflict::AdminCodeSpent)
            }
        }
    }
}
