//! Which upstream a request is for, and who may reach it.

mod methods;
mod reach;
mod routes;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;

use std::sync::Arc;

use super::host::Host;
use super::path::RoutePath;
use super::upstream::Upstream;

pub use super::origin::Scheme;
pub use methods::{MethodError, Methods, is_about_the_way};
pub use reach::Reach;
pub use routes::{Nowhere, Routes, RoutesError};

/// The place of a route in the configuration, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub usize);

/// One `[[route]]`: a host, a path and methods, and what is behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its place in the configuration.
    pub id: RouteId,
    /// The host it answers for, on any port.
    pub host: Host,
    /// The path it answers for, and with it those below, unless it is exact.
    pub path: RoutePath,
    /// Whether it answers for that path alone. A slash at the end of a request's path does not count.
    pub exact: bool,
    /// The methods it answers for.
    pub methods: Methods,
    /// The servers behind it, and how they are spoken to.
    pub upstream: Upstream,
    /// Who may reach it, and what its upstream is told.
    pub demands: Demands,
}

/// What a route demands of a request, and lets its upstream be told of it: one value, so that it is compared whole
/// wherever two readings of a path lead to two routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demands {
    /// Who may come.
    pub access: Access,
    /// Only people in one of these may; none asks for no group.
    pub groups: Vec<String>,
    /// The `aud` of the tokens its upstream receives.
    pub audience: Arc<str>,
    /// Whether an access token of ours in `Authorization` is passed on; other credentials always are.
    pub forward_authorization: bool,
}

/// Who may reach a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// Signed-in people only.
    #[default]
    SignedIn,
    /// All visitors; the upstream is told the principal of those who are signed in.
    Optional,
    /// All visitors; the upstream is never told a principal.
    Public,
}

impl Demands {
    /// Whether a principal whom `other` lets through may not pass here.
    pub fn ask_more_than(&self, other: &Self) -> bool {
        match (self.access, other.access) {
            (Access::Optional | Access::Public, _) => false,
            (Access::SignedIn, Access::Optional | Access::Public) => true,
            (Access::SignedIn, Access::SignedIn) => {
                let is_let_in = |group| self.groups.contains(group);
                !self.groups.is_empty() && (other.groups.is_empty() || !other.groups.iter().all(is_let_in))
            }
        }
    }
}

impl Access {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::Optional => "optional",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
