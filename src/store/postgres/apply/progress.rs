//! Changes of what is under way: ceremonies, registrations, links, recoveries, bookmarks, invitations.

use uuid::Uuid;

use super::super::values::time;
use super::{PostgresCommit, PostgresStop, held};
use crate::domain::account::AccountId;
use crate::domain::address::{Move, MoveId};
use crate::domain::invitation::InvitationId;
use crate::domain::link::{Link, LinkStage};
use crate::domain::plan::{
    BookmarkChange, CeremonyChange, Conflict, HoldChange, InvitationChange, LinkChange, MoveChange, RecoveryChange,
    RegistrationChange,
};
use crate::domain::recovery::Recovery;
use crate::domain::registration::Registration;
use crate::store::records::rows::Row as _;

const PUT_CEREMONY: &str = "INSERT INTO ceremonies (id, expires_at, record) VALUES ($1, $2, $3) \
                            ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, record = excluded.record";
const SPEND_CEREMONY: &str = "DELETE FROM ceremonies WHERE id = $1";

const PUT_REGISTRATION: &str = "INSERT INTO registrations (browser, revision, email, expires_at, record) \
                                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (browser) DO UPDATE SET \
                                revision = excluded.revision, email = excluded.email, \
                                expires_at = excluded.expires_at, record = excluded.record";
const ADVANCE_REGISTRATION: &str = "UPDATE registrations SET revision = $2::bigint, email = $3, expires_at = $4, record = $5 \
                                    WHERE browser = $1 AND revision = $2::bigint - 1";
const SPEND_REGISTRATION: &str = "DELETE FROM registrations WHERE browser = $1 AND revision = $2";
const DROP_REGISTRATION: &str = "DELETE FROM registrations WHERE browser = $1";
const DROP_REGISTRATIONS: &str = "DELETE FROM registrations WHERE email = $1";

const ADD_LINK: &str = "INSERT INTO links \
                        (id, revision, scan_code, short_code, offered_by, approved_by, expires_at, record) \
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
const NAME_LINK: &str = "INSERT INTO link_codes (code, link) SELECT DISTINCT code, $1::uuid \
                         FROM unnest($2::bytea[]) AS named (code) ON CONFLICT (code) DO NOTHING";
const CODES_OF_OTHERS: &str = "SELECT 1 FROM link_codes WHERE code = ANY ($2) AND link <> $1 LIMIT 1";
const ADVANCE_LINK: &str = "UPDATE links SET revision = $2::bigint, offered_by = $5, approved_by = $6, expires_at = $7, \
                            record = $8 WHERE id = $1 AND revision = $2::bigint - 1 AND scan_code = $3 AND short_code = $4";
const SPEND_LINK: &str = "DELETE FROM links WHERE id = $1 AND revision = $2";
const DROP_LINKS: &str = "DELETE FROM links WHERE offered_by = $1 OR approved_by = $1";

const PUT_RECOVERY: &str = "INSERT INTO recoveries (browser, revision, owner, email, expires_at, record) \
                            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (browser) DO UPDATE SET \
                            revision = excluded.revision, owner = excluded.owner, email = excluded.email, \
                            expires_at = excluded.expires_at, record = excluded.record";
const ADVANCE_RECOVERY: &str = "UPDATE recoveries SET revision = $2::bigint, owner = $3, email = $4, expires_at = $5, \
                                record = $6 WHERE browser = $1 AND revision = $2::bigint - 1";
const SPEND_RECOVERY: &str = "DELETE FROM recoveries WHERE browser = $1 AND revision = $2";
const DROP_RECOVERIES: &str = "DELETE FROM recoveries WHERE owner = $1";

const PUT_BOOKMARK: &str = "INSERT INTO bookmarks (name, expires_at, record) VALUES ($1, $2, $3) \
                            ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at, record = excluded.record";

const PUT_INVITATION: &str = "INSERT INTO invitations (email, id, record) VALUES ($1, $2, $3) \
                              ON CONFLICT (email) DO UPDATE SET id = excluded.id, record = excluded.record";
const TAKE_INVITATION: &str = "DELETE FROM invitations WHERE email = $1 RETURNING id";

const ADD_HOLD: &str = "INSERT INTO holds (account, id, expires_at, record) VALUES ($1, $2, $3, $4) \
                        ON CONFLICT (account) DO NOTHING";
const SPEND_HOLD: &str = "DELETE FROM holds WHERE account = $1 AND id = $2";
const HAS_HOLD: &str = "SELECT 1 FROM holds WHERE account = $1";

const TAKE_MOVE: &str = "DELETE FROM moves WHERE account = $1 RETURNING id, revision";
const ADD_MOVE: &str = "INSERT INTO moves (account, id, revision, asked, former, expires_at, record) \
                        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account) DO NOTHING";
const DROP_ASKED_MOVE: &str = "DELETE FROM moves WHERE account = $1 AND asked";

impl PostgresCommit<'_> {
    pub(super) async fn make_ceremony(self, change: &CeremonyChange) -> Result<(), PostgresStop> {
        match change {
            CeremonyChange::Add(ceremony) => {
                self.on
                    .change(PUT_CEREMONY, &[&ceremony.id.0, &time(ceremony.expires_at), &ceremony.encode()?])
                    .await?;
                Ok(())
            }
            CeremonyChange::Spend(id) => held(self.on.change(SPEND_CEREMONY, &[&id.0]).await?, Conflict::CeremonySpent),
        }
    }

    pub(super) async fn make_registration(self, change: &RegistrationChange) -> Result<(), PostgresStop> {
        let changed = Conflict::RegistrationChanged;
        match change {
            RegistrationChange::Put(registration) => {
                self.write_registration(PUT_REGISTRATION, registration).await?;
            }
            RegistrationChange::Advance(registration) => {
                held(self.write_registration(ADVANCE_REGISTRATION, registration).await?, changed)?;
            }
            RegistrationChange::Spend { browser, revision } => {
                let key = &browser.bytes()[..];
                held(self.on.change(SPEND_REGISTRATION, &[&key, &i64::from(*revision)]).await?, changed)?;
            }
            RegistrationChange::Drop(browser) => {
                self.on.change(DROP_REGISTRATION, &[&&browser.bytes()[..]]).await?;
            }
            RegistrationChange::DropAll(email) => {
                self.on.change(DROP_REGISTRATIONS, &[&email.as_str()]).await?;
            }
        }
        Ok(())
    }

    async fn write_registration(self, statement: &'static str, row: &Registration) -> Result<u64, PostgresStop> {
        let Registration { browser, revision, email, expires_at, .. } = row;
        let (key, revision, expires_at) = (&browser.bytes()[..], i64::from(*revision), time(*expires_at));
        Ok(self.on.change(statement, &[&key, &revision, &email.as_str(), &expires_at, &row.encode()?]).await?)
    }

    /// Takes away every link that an account offers or has approved.
    pub(super) async fn drop_links(self, account: AccountId) -> Result<(), PostgresStop> {
        self.on.change(DROP_LINKS, &[&account.0]).await?;
        Ok(())
    }

    pub(super) async fn make_link(self, change: &LinkChange) -> Result<(), PostgresStop> {
        match change {
            LinkChange::DropAll(account) => self.drop_links(*account).await,
            LinkChange::Add(link) => {
                held(self.write_link(ADD_LINK, link).await?, Conflict::LinkChanged)?;
                let codes = [&link.scan_code.0[..], &link.short_code.0[..]].to_vec();
                self.on.change(NAME_LINK, &[&link.id.0, &codes]).await?;
                if self.on.finds(CODES_OF_OTHERS, &[&link.id.0, &codes]).await? {
                    return Err(Conflict::LinkChanged.into());
                }
                Ok(())
            }
            LinkChange::Advance(link) => held(self.write_link(ADVANCE_LINK, link).await?, Conflict::LinkChanged),
            LinkChange::Spend { id, revision } => {
                held(self.on.change(SPEND_LINK, &[&id.0, &i64::from(*revision)]).await?, Conflict::LinkChanged)
            }
        }
    }

    async fn write_link(self, statement: &'static str, link: &Link) -> Result<u64, PostgresStop> {
        let Link { id, revision, scan_code, short_code, offer, stage, expires_at, .. } = link;
        let offered_by = offer.map(|offer| offer.account.0);
        let approved_by = match stage {
            LinkStage::Approved(approval) => Some(approval.account.0),
            LinkStage::Shown | LinkStage::Found | LinkStage::Closed(_) => None,
        };
        let (scan_code, short_code) = (&scan_code.0[..], &short_code.0[..]);
        let (revision, expires_at, record) = (i64::from(*revision), time(*expires_at), link.encode()?);
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [&id.0, &revision, &scan_code, &short_code, &offered_by, &approved_by, &expires_at, &record];
        Ok(self.on.change(statement, &row).await?)
    }

    pub(super) async fn make_recovery(self, change: &RecoveryChange) -> Result<(), PostgresStop> {
        match change {
            RecoveryChange::Put(recovery) => self.write_recovery(PUT_RECOVERY, recovery).await.map(drop),
            RecoveryChange::Advance(recovery) => {
                held(self.write_recovery(ADVANCE_RECOVERY, recovery).await?, Conflict::RecoveryChanged)
            }
            RecoveryChange::Spend { browser, revision } => {
                let key = &browser.bytes()[..];
                let spent = self.on.change(SPEND_RECOVERY, &[&key, &i64::from(*revision)]).await?;
                held(spent, Conflict::RecoveryChanged)
            }
            RecoveryChange::DropAll(account) => self.drop_recoveries(*account).await,
        }
    }

    async fn write_recovery(self, statement: &'static str, recovery: &Recovery) -> Result<u64, PostgresStop> {
        let Recovery { browser, revision, email, expires_at, .. } = recovery;
        let (key, revision, owner) = (&browser.bytes()[..], i64::from(*revision), recovery.owner().0);
        let (email, expires_at, record) = (email.as_str(), time(*expires_at), recovery.encode()?);
        Ok(self.on.change(statement, &[&key, &revision, &owner, &email, &expires_at, &record]).await?)
    }

    pub(super) async fn drop_recoveries(self, account: AccountId) -> Result<(), PostgresStop> {
        self.on.change(DROP_RECOVERIES, &[&account.0]).await?;
        Ok(())
    }

    pub(super) async fn make_bookmark(
        self,
        BookmarkChange::Put(bookmark): &BookmarkChange,
    ) -> Result<(), PostgresStop> {
        let name = &bookmark.name.bytes()[..];
        self.on.change(PUT_BOOKMARK, &[&name, &time(bookmark.expires_at), &bookmark.encode()?]).await?;
        Ok(())
    }

    pub(super) async fn make_invitation(self, change: &InvitationChange) -> Result<(), PostgresStop> {
        match change {
            InvitationChange::Put(invitation) => {
                self.has_no_account(&invitation.email).await?;
                let (email, id) = (invitation.email.as_str(), invitation.id.0);
                self.on.change(PUT_INVITATION, &[&email, &id, &invitation.encode()?]).await?;
                Ok(())
            }
            InvitationChange::Use { email, read } => {
                let there = self.on.row(TAKE_INVITATION, &[&email.as_str()]).await?;
                if there.map(|row| InvitationId(row.get(0))) != *read {
                    return Err(Conflict::InvitationChanged.into());
                }
                Ok(())
            }
            InvitationChange::TakeBack(email) => {
                // Readable or not: the operator has no other way to be rid of it.
                self.on.row(TAKE_INVITATION, &[&email.as_str()]).await?.ok_or(Conflict::InvitationChanged)?;
                Ok(())
            }
        }
    }

    pub(super) async fn make_hold(self, change: &HoldChange) -> Result<(), PostgresStop> {
        match change {
            HoldChange::Add(hold) => {
                self.has_account(hold.account).await?;
                let expires_at = time(hold.expires_at());
                let added =
                    self.on.change(ADD_HOLD, &[&hold.account.0, &hold.id.0, &expires_at, &hold.encode()?]).await?;
                held(added, Conflict::HoldChanged)
            }
            HoldChange::Spend { account, id } => {
                held(self.on.change(SPEND_HOLD, &[&account.0, &id.0]).await?, Conflict::HoldChanged)
            }
            HoldChange::RequireNone(account) => {
                if self.on.finds(HAS_HOLD, &[&account.0]).await? {
                    return Err(Conflict::HoldChanged.into());
                }
                Ok(())
            }
        }
    }

    pub(super) async fn make_move(self, change: &MoveChange) -> Result<(), PostgresStop> {
        match change {
            MoveChange::Set { account, was, is } => {
                let there = self.on.row(TAKE_MOVE, &[&account.0]).await?;
                let there = there.map(|row| (row.get::<_, Uuid>(0), row.get::<_, i64>(1)));
                if there != was.map(|(MoveId(id), revision)| (id, i64::from(revision))) {
                    return Err(Conflict::MoveChanged.into());
                }
                match is {
                    Some(is) => self.add_move(*account, is).await,
                    None => Ok(()),
                }
            }
            MoveChange::DropAsked(account) => {
                self.on.change(DROP_ASKED_MOVE, &[&account.0]).await?;
                Ok(())
            }
        }
    }

    async fn add_move(self, account: AccountId, is: &Move) -> Result<(), PostgresStop> {
        self.has_account(account).await?;
        let Move { id, revision, expires_at, .. } = is;
        let (asked, former) = (is.asked_for().is_some(), is.former().map(|former| former.as_str()));
        let (revision, expires_at, record) = (i64::from(*revision), time(*expires_at), is.encode()?);
        let added =
            self.on.change(ADD_MOVE, &[&account.0, &id.0, &revision, &asked, &former, &expires_at, &record]).await?;
        held(added, Conflict::MoveChanged)
    }
}
