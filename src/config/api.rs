//! `[api]`: the JSON API and the tokens it gives out.

use std::fmt;
use std::time::Duration;

use super::passkeys::Passkeys;
use super::problem::{Checks, SettingPlace};
use super::public_url::PublicUrl;
use super::setting::{Setting, WrittenSection, one_of, section};
use super::tree::SettingTable;
use crate::domain::api::{ClaimName, ClaimValue, Grants, Role};
use crate::domain::host::Host;
use crate::domain::origin::Origin;
use crate::domain::own_paths::API;
use crate::domain::route::Routes;

section! {
    /// The section as it is written.
    struct ApiFile { reveal_accounts, elevation, allowed_origins, audience, default_role, roles, claims }
    not_built {}
}

/// The JSON API and its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Whether a caller is told early that an address is disabled or unproved, as hasura-auth does.
    pub reveal_accounts: bool,
    /// How long a passkey used once more elevates a session.
    pub elevation: Duration,
    /// Origins of single-page apps elsewhere that may call the API.
    pub allowed_origins: Vec<Origin>,
    /// The `aud` of access tokens. Default: the API's own address below `public_url`.
    pub audience: String,
    /// What access tokens grant.
    pub grants: Grants,
}

/// The most further claims: tokens travel in a header.
const MOST_CLAIMS: usize = 16;
/// The most roles that every account may have.
const MOST_ROLES: usize = 32;

const MINUTE: Duration = Duration::from_secs(60);

/// What the other sections say that the API's must agree with; nothing where they are wrong themselves.
pub(super) struct OtherSections<'a> {
    pub public_url: Option<&'a PublicUrl>,
    pub passkeys: Option<&'a Passkeys>,
    pub routes: Option<&'a Routes>,
}

impl Api {
    pub(super) fn check(file: WrittenSection<ApiFile>, around: OtherSections<'_>, checks: &mut Checks) -> Option<Self> {
        let WrittenSection { place: section, keys } = file;
        let ApiFile { reveal_accounts, elevation, allowed_origins, audience, default_role, roles, claims } = keys;
        let reveal_accounts = match reveal_accounts {
            Some(setting) => setting.boolean(checks),
            None => Some(false),
        };
        let elevation = match elevation {
            Some(setting) => setting.duration(checks, MINUTE..=60 * MINUTE),
            None => Some(5 * MINUTE),
        };
        let allowed_origins = match allowed_origins {
            Some(setting) => read_origins(setting, around.passkeys, checks),
            None => Some(Vec::new()),
        };
        let place = audience.as_ref().map_or(&section, Setting::place).clone();
        let audience = match audience {
            Some(setting) => setting.parsed(checks, super::routes::read_audience),
            None => around.public_url.map(|url| format!("{}{API}", url.origin())),
        };
        if let (Some(audience), Some(routes)) = (&audience, around.routes) {
            refuse_shared(audience, &place, routes, checks);
        }
        let grants = read_grants(default_role, roles, claims, checks);
        Some(Self {
            reveal_accounts: reveal_accounts?,
            elevation: elevation?,
            allowed_origins: allowed_origins?,
            audience: audience?,
            grants: grants?,
        })
    }

    /// The allowed origins whose pages can use passkeys of `rp_id`.
    pub fn passkey_origins(&self, rp_id: &Host) -> impl Iterator<Item = &Origin> {
        self.allowed_origins.iter().filter(|origin| origin.host().is_within(rp_id))
    }
}

/// An identity token that an app is handed must never pass for an access token, so none may name the API.
fn refuse_shared(audience: &str, place: &SettingPlace, routes: &Routes, checks: &mut Checks) {
    if let Some(route) = routes.iter().find(|route| &*route.demands.audience == audience) {
        checks.refuse(
            place,
            format!(
                "`api.audience` is {audience:?}, which is also the audience of the route {}{}: the tokens its app is handed would open the API in the name of its users. Give one of them another audience.",
                route.host, route.path
            ),
        );
    }
}

fn read_origins(setting: Setting, passkeys: Option<&Passkeys>, checks: &mut Checks) -> Option<Vec<Origin>> {
    let items = setting.list(checks)?;
    let count = items.len();
    let mut read: Vec<Origin> = Vec::new();
    for item in items {
        let place = item.place().clone();
        let origin = item.another_origin(&read, checks);
        let Some(origin) = origin else { continue };
        if let Some(Passkeys { rp_id }) = passkeys
            && !origin.host().is_within(rp_id)
        {
            checks.warn(
                &place,
                format_args!(
                    "pages of {origin} may call the API but cannot use passkeys: {} is outside {rp_id}, their domain (`passkeys.rp_id`).",
                    origin.host()
                ),
            );
        }
        read.push(origin);
    }
    (read.len() == count).then_some(read)
}

fn read_grants(
    default_role: Option<Setting>,
    roles: Option<Setting>,
    claims: Option<Setting>,
    checks: &mut Checks,
) -> Option<Grants> {
    let standard = Grants::default();
    let place = default_role.as_ref().or(roles.as_ref()).map(|setting| setting.place().clone());
    let roles = match roles {
        Some(setting) => read_roles(setting, checks),
        None => Some(standard.roles),
    };
    let default_role = match default_role {
        Some(setting) => setting.parsed(checks, |text| Role::parse(text).map_err(sentence)),
        None => Some(standard.default_role),
    };
    if let (Some(place), Some(roles), Some(default_role)) = (place, &roles, &default_role)
        && !roles.contains(default_role)
    {
        let known = one_of(&roles.iter().map(Role::as_str).collect::<Vec<_>>());
        checks.refuse(
            &place,
            format!("`api.default_role` is {:?}; it must be one of `api.roles`: {known}.", default_role.as_str()),
        );
    }
    let extra = match claims {
        Some(setting) => setting.table(checks).and_then(|table| read_claims(table, checks)),
        None => Some(Vec::new()),
    };
    Some(Grants { default_role: default_role?, roles: roles?, extra: extra? })
}

fn read_roles(setting: Setting, checks: &mut Checks) -> Option<Vec<Role>> {
    let place = setting.place().clone();
    let items = setting.list(checks)?;
    let count = items.len();
    if !(1..=MOST_ROLES).contains(&count) {
        checks
            .refuse(&place, format!("`api.roles` has {count} roles; name 1 to {MOST_ROLES}, like [\"user\", \"me\"]."));
        return None;
    }
    let mut read: Vec<Role> = Vec::new();
    for item in items {
        let role = item.parsed(checks, |text| {
            let role = Role::parse(text).map_err(sentence)?;
            if read.contains(&role) {
                return Err("it is there twice.".to_owned());
            }
            Ok(role)
        });
        read.extend(role);
    }
    (read.len() == count).then_some(read)
}

fn read_claims(table: SettingTable, checks: &mut Checks) -> Option<Vec<(ClaimName, ClaimValue)>> {
    let count = table.entries.len();
    if count > MOST_CLAIMS {
        checks.refuse(&table.place, format!("`api.claims` has {count} claims; the most is {MOST_CLAIMS}."));
        return None;
    }
    let mut read = Vec::with_capacity(count);
    for (written, entry) in table.entries {
        let key = format!("api.claims.{written}");
        let name = ClaimName::parse(&written)
            .map_err(|why| checks.refuse(&entry.key_place, format!("`{key}` cannot be a claim: {why}.")))
            .ok();
        let setting = Setting { key, key_place: entry.key_place, node: entry.node };
        let value = setting.parsed(checks, |text| ClaimValue::parse(text).map_err(sentence));
        read.extend(name.zip(value));
    }
    (read.len() == count).then_some(read)
}

fn sentence(why: impl fmt::Display) -> String {
    format!("{why}.")
}
