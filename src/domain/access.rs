//! The access decision: may this request go on to the app?

use std::sync::Arc;

use super::clock::Timestamp;
use super::route::{Access, Route};

/// Leave to forward one request. Only [`decide`] makes it, so nothing that was not decided can be forwarded.
#[derive(Debug)]
pub struct Admission<S> {
    route: Arc<Route>,
    principal: Option<S>,
}

impl<S> Admission<S> {
    /// The route to forward by.
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Whose identity the app is told; `None` tells it nothing.
    pub fn principal(&self) -> Option<&S> {
        self.principal.as_ref()
    }
}

/// What is asked of a principal to decide about a request.
pub trait Standing {
    /// Whether it has not ended at `now`, and its account is not disabled.
    fn is_live(&self, now: Timestamp) -> bool;

    /// Whether "Keep your account safe" is still to be answered in it.
    fn review(&self) -> bool;

    /// Whether a mailed code alone stands for it: no passkey began it, and none was made in it since.
    fn is_by_code_alone(&self) -> bool;

    /// Whether its account is in one of those groups.
    fn is_in_one_of(&self, groups: &[String]) -> bool;
}

/// Why a request is not forwarded.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAdmitted<S> {
    /// The visitor has to sign in first.
    SignIn,
    /// The visitor has to answer "Keep your account safe" first.
    Review,
    /// The visitor is signed in and in none of the groups that the route asks for.
    Forbidden(S),
}

/// Decides by the route's rule. A session that has ended or whose account is disabled counts as none. So does one that
/// a mailed code alone began: it is there to make a passkey, and a person who can only read the mail must not be in the
/// app before.
///
/// # Errors
/// The request is not forwarded.
pub fn decide<S: Standing>(
    route: &Arc<Route>,
    principal: Option<S>,
    now: Timestamp,
) -> Result<Admission<S>, NotAdmitted<S>> {
    let live = principal.filter(|principal| principal.is_live(now) && !principal.is_by_code_alone());
    let asked = live.as_ref().is_some_and(Standing::review);
    // Until it has answered, a session opens nothing.
    let live = live.filter(|_| !asked);
    let principal = match route.demands.access {
        // The app asked not to be told, so that nothing it answers here depends on a person.
        Access::Public => None,
        Access::Optional => live,
        Access::SignedIn => match live {
            Some(person) if route.demands.groups.is_empty() || person.is_in_one_of(&route.demands.groups) => {
                Some(person)
            }
            Some(person) => return Err(NotAdmitted::Forbidden(person)),
            None if asked => return Err(NotAdmitted::Review),
            None => return Err(NotAdmitted::SignIn),
        },
    };
    Ok(Admission { route: Arc::clone(route), principal })
}

/// Whether a principal may open a route, by the same rule: what "Your apps" lists.
pub fn is_open_to<S: Standing>(route: &Arc<Route>, principal: S, now: Timestamp) -> bool {
    match decide(route, Some(principal), now) {
        Ok(_) => true,
        Err(NotAdmitted::SignIn | NotAdmitted::Review | NotAdmitted::Forbidden(_)) => false,
    }
}

/// Leave to forward a CORS preflight, which browsers send without cookies. The app alone knows which sites may call it,
/// and it is told of no principal.
pub fn admit_preflight<S>(route: &Arc<Route>) -> Admission<S> {
    Admission { route: Arc::clone(route), principal: None }
}
