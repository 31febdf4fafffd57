//! `identity.plain_headers`: under which names apps that know no tokens are told who is signed in.

use http::HeaderName;

use super::{IdentityHeader, is_taken, read_name};
use crate::config::problem::{Checks, SettingPlace};
use crate::config::setting::Setting;
use crate::config::tree::{SettingTable, SettingValue};
use crate::domain::header_name::{self, Tells, reads_as};
use crate::domain::plain_header::{Fact, STANDARD};

/// How many there may be: they travel with every request.
const MOST: usize = 16;

/// Reads which plain headers are sent. `token` is the header that carries the token, where that is known.
pub(super) fn read(
    setting: Setting,
    token: Option<&IdentityHeader>,
    checks: &mut Checks,
) -> Option<Vec<(HeaderName, Fact)>> {
    match setting.node.value {
        SettingValue::Boolean(true) => Some(standard()),
        SettingValue::Boolean(false) => Some(Vec::new()),
        SettingValue::Table(table) => read_table(&setting.key, &setting.node.place, table, token, checks),
        SettingValue::Text(_) | SettingValue::Other(_) | SettingValue::List(_) => {
            setting.refuse(checks, "must be true, false, or a table like { \"X-Remote-User\" = \"email\" }.");
            None
        }
    }
}

fn standard() -> Vec<(HeaderName, Fact)> {
    STANDARD.iter().map(|(name, fact)| (HeaderName::from_static(name), *fact)).collect()
}

fn read_table(
    key: &str,
    place: &SettingPlace,
    table: SettingTable,
    token: Option<&IdentityHeader>,
    checks: &mut Checks,
) -> Option<Vec<(HeaderName, Fact)>> {
    let count = table.entries.len();
    if !(1..=MOST).contains(&count) {
        let message = format!(
            "`{key}` has {count} names; it may have 1 to {MOST}, like {{ \"X-Remote-User\" = \"email\" }}. Without plain headers it is false."
        );
        checks.refuse(place, message);
        return None;
    }
    let mut headers: Vec<(HeaderName, Fact)> = Vec::with_capacity(count);
    let mut complete = true;
    for (written, entry) in table.entries {
        let key = format!("{key}.{written}");
        let name = free(&written, token, &headers);
        if let Err(why) = &name {
            checks.refuse(&entry.key_place, format!("`{key}`: {why}"));
        }
        let setting = Setting { key, key_place: entry.key_place, node: entry.node };
        let fact = setting.choice(checks, &Fact::ALL.map(|fact| (fact.as_str(), fact)));
        match name.ok().zip(fact) {
            Some(header) => headers.push(header),
            None => complete = false,
        }
    }
    complete.then_some(headers)
}

/// The name, where no server could take it for anything else that the app is told.
fn free(written: &str, token: Option<&IdentityHeader>, others: &[(HeaderName, Fact)]) -> Result<HeaderName, String> {
    let name = read_name(written, "X-Remote-User")?;
    let alike = |other: &str| reads_as(other, &header_name::fold(written));
    if let Some(token) = token.filter(|token| alike(token.as_str())) {
        return Err(format!(
            "servers may take it for {}, which carries the token; choose another name.",
            token.as_str()
        ));
    }
    if let Some((other, _)) = others.iter().find(|(other, _)| alike(other.as_str())) {
        return Err(format!("servers may take it for {other}, which is here too; keep one of them."));
    }
    let is_free = match header_name::tells(written) {
        Some(Tells::Identity) => true,
        Some(Tells::Target | Tells::Method | Tells::Way) => false,
        None => !is_taken(written),
    };
    if is_free {
        Ok(name)
    } else {
        Err("that header has a meaning of its own; choose a name like \"X-Remote-User\".".to_owned())
    }
}
