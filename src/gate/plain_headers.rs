//! The plain headers, such as `X-Remote-User`: they tell an app that knows no tokens who is signed in. Only the gateway
//! may set them. The proxy removes those that a client sends, and forward-auth has the proxy in front remove them.

use http::{HeaderName, HeaderValue};

use crate::auth::principal::Principal;
use crate::domain::header_name::IdentityNames;
use crate::domain::plain_header::{self, Fact, STANDARD};
use crate::domain::session::SessionFacts;

/// The plain headers that an app is sent, and what each of them tells: for apps that know no tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainHeaders(Vec<(HeaderName, Fact)>);

impl PlainHeaders {
    /// The headers that tell who `principal` is. What cannot be told in a header is left out.
    pub fn of(&self, principal: &Principal) -> Vec<(&HeaderName, HeaderValue)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let facts = principal.facts();
        self.0.iter().filter_map(|(header, fact)| Some((header, to_header_value(*fact, &facts)?))).collect()
    }

    /// Their names, and those of the standard ones: a client can send none of them, whether they are in use or not.
    pub fn names_with_standard(&self) -> Vec<HeaderName> {
        let standard = STANDARD.iter().map(|(name, _)| HeaderName::from_static(name));
        let standard = standard.filter(|name| !self.0.iter().any(|(own, _)| own == name));
        self.0.iter().map(|(name, _)| name.clone()).chain(standard).collect()
    }

    /// The names of these headers and of the token's, folded as [`crate::domain::header_name`] says: a client can send
    /// them in no spelling.
    pub fn identity_names(&self, token: &HeaderName) -> IdentityNames {
        IdentityNames::of(std::iter::once(token).chain(self.0.iter().map(|(name, _)| name)).map(HeaderName::as_str))
    }
}

impl FromIterator<(HeaderName, Fact)> for PlainHeaders {
    fn from_iter<T: IntoIterator<Item = (HeaderName, Fact)>>(headers: T) -> Self {
        Self(headers.into_iter().collect())
    }
}

/// The value that tells this fact; `None` where the session does not say it, or a header cannot.
fn to_header_value(fact: Fact, session: &SessionFacts<'_>) -> Option<HeaderValue> {
    let text = match fact {
        Fact::Id => plain_header::encode(&session.account.to_string()),
        Fact::Email => plain_header::encode(session.email),
        Fact::Name => session.name.and_then(plain_header::encode),
        Fact::Groups => {
            // The value is a list with commas, so a name with a comma would be read as two groups, of which the account
            // may be in neither. It is left out.
            let groups: Vec<&str> = session.groups.iter().copied().filter(|group| !group.contains(',')).collect();
            plain_header::encode(&groups.join(","))
        }
    };
    HeaderValue::try_from(text?).ok()
}
