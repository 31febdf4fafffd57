//! Changes of links and held recoveries.

use super::super::batch::Batch;
use super::super::rows::Table;
use super::super::view::View as _;
use super::Stop;
use crate::domain::link::Link;
use crate::domain::plan::Conflict;
use crate::domain::recovery::Hold;

impl Batch<'_, '_> {
    pub(super) fn add_link(&mut self, link: &Link) -> Result<(), Stop> {
        let is_new = self.get(Table::Links, link.id.0.as_bytes())?.is_none()
            && self.get(Table::LinksByCode, &link.scan_code.0)?.is_none()
            && self.get(Table::LinksByCode, &link.short_code.0)?.is_none();
        if !is_new {
            return Err(Conflict::LinkChanged.into());
        }
        Ok(self.put(link)?)
    }

    pub(super) fn advance_link(&mut self, link: &Link) -> Result<(), Stop> {
        let was = self.load::<Link>(link.id.0.as_bytes())?.filter(|was| {
            was.revision.checked_add(1) == Some(link.revision)
                && (was.scan_code, was.short_code) == (link.scan_code, link.short_code)
        });
        was.ok_or(Conflict::LinkChanged)?;
        Ok(self.put(link)?)
    }

    pub(super) fn add_hold(&mut self, hold: &Hold) -> Result<(), Stop> {
        self.get(Table::Accounts, hold.account.0.as_bytes())?.ok_or(Conflict::NoAccount)?;
        if self.get(Table::Holds, hold.account.0.as_bytes())?.is_some() {
            return Err(Conflict::HoldChanged.into());
        }
        Ok(self.put(hold)?)
    }
}
