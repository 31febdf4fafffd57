//! Headers by which an app is told who asks, or what for. The gateway alone may set them: the proxy takes a client's
//! out, and forward-auth has a proxy in front do so. Names stand folded, see [`crate::domain::header_name`].

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
        let told = principal.facts();
        let said = self.0.iter().filter_map(|(header, fact)| Some((header, to_header_value(*fact, &told)?)));
        said.collect()
    }

    /// Their names, and those of the standard ones: a client can send none of them, whether they are in use or not.
    pub fn names_with_standard(&self) -> Vec<HeaderName> {
        let standard = STANDARD.iter().map(|(name, _)| HeaderName::from_static(name));
        let standard = standard.filter(|name| !self.0.iter().any(|(own, _)| own == name));
        self.0.iter().map(|(name, _)| name.clone()).chain(standard).collect()
    }

    /// The names that a client can send in no spelling, folded: these, and that of the token.
    pub fn identity_names(&self, token: &HeaderName) -> IdentityNames {
        IdentityNames::of(std::iter::once(token).chain(self.0.iter().map(|(name, _)| name)).map(HeaderName::as_str))
    }
}

impl FromIterator<(HeaderName, Fact)> for PlainHeaders {
    fn from_iter<T: IntoIterator<Item = (HeaderName, Fact)>>(headers: T) -> Self {
        Self(headers.into_iter().collect())
    }
}

fn to_header_value(fact: Fact, told: &SessionFacts<'_>) -> Option<HeaderValue> {
    let text = match fact {
        Fact::Id => plain_header::encode(&told.account.to_string()),
        Fact::Email => plain_header::encode(told.email),
        Fact::Name => told.name.and_then(plain_header::encode),
        Fact::Groups => {
            // A comma in a group's name would make two groups of it.
            let groups: Vec<&str> = told.groups.iter().copied().filter(|group| !group.contains(',')).collect();
            plain_header::encode(&groups.join(","))
        }
    };
    HeaderValue::try_from(text?).ok()
}
