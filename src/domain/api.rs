//! What the API's callers get and who they may be: the claims of access tokens that a GraphQL engine reads, and the
//! origins of single-page apps.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use super::account::Account;
use super::host::{Authority, Host, HostError};
use super::route::Scheme;

/// What every claim of Hasura's is called at its beginning.
const PREFIX: &str = "x-hasura-";
/// The longest name, value or role, in bytes: tokens travel in a header field.
const LONGEST: usize = 255;
/// Names that say what the gateway alone says, or that Hasura takes for something else than a claim.
const RESERVED: [&str; 8] = [
    "x-hasura-user-id",
    "x-hasura-default-role",
    "x-hasura-allowed-roles",
    "x-hasura-user-is-anonymous",
    "x-hasura-auth-elevated",
    "x-hasura-role",
    "x-hasura-admin-secret",
    "x-hasura-use-backend-only-permissions",
];
/// The role that no permission of Hasura's holds for.
const ADMINISTRATOR: &str = "admin";

/// What an access token grants in Hasura's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The role of a request that names none; one of `roles`.
    pub default_role: Role,
    /// The roles that everybody has. An account's groups are roles as well.
    pub roles: Vec<Role>,
    /// Further claims, in the order they are written in.
    pub extra: Vec<(ClaimName, ClaimValue)>,
}

impl Default for Grants {
    /// Those that hasura-auth starts with: everybody is `user` and `me`.
    fn default() -> Self {
        let role = |name: &str| Role(name.into());
        Self { default_role: role("user"), roles: vec![role("user"), role("me")], extra: Vec::new() }
    }
}

impl Grants {
    /// The roles of an account, each once: those of everybody, then its groups.
    pub fn roles_of<'a>(&'a self, account: &'a Account) -> Vec<&'a str> {
        let everybodys = self.roles.iter().map(Role::as_str);
        let mut roles = Vec::with_capacity(self.roles.len() + account.groups.len());
        for role in everybodys.chain(account.groups.iter().map(String::as_str)) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        roles
    }
}

/// A role that everybody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role(Box<str>);

/// Why a text is not a role that everybody can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RoleError {
    /// Not 1 to 255 characters, or a space or control character among them.
    #[error("a role is 1 to 255 characters without spaces")]
    Text,
    /// Hasura's administrator.
    #[error(
        "Hasura asks its role \"admin\" for no permission, so everybody could read and write everything; give those few people a group of that name"
    )]
    Administrator,
}

impl Role {
    /// Reads a role.
    ///
    /// # Errors
    /// Says why everybody cannot have it.
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        if !is_word(text) {
            return Err(RoleError::Text);
        }
        if text.eq_ignore_ascii_case(ADMINISTRATOR) {
            return Err(RoleError::Administrator);
        }
        Ok(Self(text.into()))
    }

    /// The role's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a further claim: `x-hasura-…` in lower case, as Hasura looks it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName(Box<str>);

/// Why a text does not name a further claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClaimNameError {
    /// It does not begin with `x-hasura-`, or nothing follows.
    #[error("a claim for Hasura begins with x-hasura-")]
    Prefix,
    /// Something else than lower-case letters, digits and hyphens.
    #[error("a claim's name has lower-case letters, digits and hyphens alone, at most 255")]
    Character,
    /// The gateway says it itself, or Hasura takes it for something else.
    #[error("the gateway says that one itself, or Hasura gives it a meaning of its own")]
    Reserved,
}

impl ClaimName {
    /// Reads the name of a further claim.
    ///
    /// # Errors
    /// Says why it cannot be one.
    pub fn parse(text: &str) -> Result<Self, ClaimNameError> {
        let lower = text.to_ascii_lowercase();
        if lower.strip_prefix(PREFIX).is_none_or(str::is_empty) {
            return Err(ClaimNameError::Prefix);
        }
        if RESERVED.contains(&lower.as_str()) {
            return Err(ClaimNameError::Reserved);
        }
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !plain || text.len() > LONGEST {
            return Err(ClaimNameError::Character);
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a further claim says: always text, as Hasura wants it.
///
/// Permissions are written over claims, so there is none for what people write themselves (their name, metadata):
/// whoever can choose a claim's value chooses which rows are theirs. An address is proved, groups are the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// The same for everybody.
    Text(Box<str>),
    /// `$email`: the account's proved address.
    Email,
    /// `$email_domain`: the part of it behind the “@”, in ASCII.
    EmailDomain,
    /// `$groups`: the account's groups as a Postgres array, for permissions with `_in`.
    Groups,
}

/// Why a text is not what a claim can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClaimValueError {
    /// Longer than 255 bytes, or with control characters.
    #[error("a claim's value is at most 255 characters on one line")]
    Text,
    /// It begins with `$` and names nothing that can be said.
    #[error(
        "only \"$email\", \"$email_domain\" and \"$groups\" are filled in: what people write themselves must not decide what they may see"
    )]
    Variable,
}

impl ClaimValue {
    /// What is filled in for each account, by its name.
    pub const VARIABLES: [(&'static str, Self); 3] =
        [("$email", Self::Email), ("$email_domain", Self::EmailDomain), ("$groups", Self::Groups)];

    /// Reads a value.
    ///
    /// # Errors
    /// Says what is allowed.
    pub fn parse(text: &str) -> Result<Self, ClaimValueError> {
        if let Some((_, value)) = Self::VARIABLES.into_iter().find(|(name, _)| *name == text) {
            return Ok(value);
        }
        if text.starts_with('$') {
            return Err(ClaimValueError::Variable);
        }
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(ClaimValueError::Text);
        }
        Ok(Self::Text(text.into()))
    }

    /// What it says of an account.
    pub fn of<'a>(&'a self, account: &'a Account) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Email => Cow::Borrowed(account.email.as_str()),
            Self::EmailDomain => Cow::Borrowed(account.email.domain()),
            Self::Groups => Cow::Owned(postgres_array(&account.groups)),
        }
    }
}

/// An array as Postgres reads it, each element in quotes (PostgreSQL 8.15.6).
fn postgres_array(elements: &[String]) -> String {
    let mut array = String::from("{");
    for (index, element) in elements.iter().enumerate() {
        array.push_str(if index > 0 { ",\"" } else { "\"" });
        for character in element.chars() {
            if matches!(character, '"' | '\\') {
                array.push('\\');
            }
            array.push(character);
        }
        array.push('"');
    }
    array.push('}');
    array
}

fn is_word(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A web origin in the one spelling in which browsers send it (RFC 6454 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: Box<str>,
    host: Host,
}

/// Why a text is not an origin that may call the API.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// A pattern.
    #[error("every origin is named by itself: a pattern would let pages in that nobody looked at")]
    Pattern,
    /// Neither `https://` nor `http://`.
    #[error("an origin starts with https://")]
    Scheme,
    /// `http://` and a host that is not this machine.
    #[error("http:// is for localhost alone: on the way anybody could change the page")]
    Insecure,
    /// A path, query, fragment, user name or password.
    #[error("an origin is a scheme, a host and a port, with nothing behind them, not even a slash")]
    More,
    /// The host or the port.
    #[error("{0}")]
    Host(#[from] HostError),
    /// Browsers spell it otherwise.
    #[error("browsers spell it \"{0}\"")]
    Spelling(String),
}

impl Origin {
    /// Reads an origin, which must be spelled as browsers send it.
    ///
    /// # Errors
    /// Says what it cannot have, or how it is spelled.
    pub fn parse(written: &str) -> Result<Self, OriginError> {
        if written.contains('*') {
            return Err(OriginError::Pattern);
        }
        let (scheme, rest) = written.split_once("://").ok_or(OriginError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(OriginError::Scheme),
        };
        if rest.contains(['/', '?', '#', '\\', '@']) {
            return Err(OriginError::More);
        }
        let Authority { host, port } = Authority::parse(rest.as_bytes())?;
        if scheme == Scheme::Http && !host.is_loopback() {
            return Err(OriginError::Insecure);
        }
        let port = port.filter(|port| *port != scheme.default_port());
        let text = format!("{}://{}", scheme.as_str(), Authority { host: host.clone(), port });
        if text != written {
            return Err(OriginError::Spelling(text));
        }
        Ok(Self { text: text.into(), host })
    }

    /// The origin as it stands in `Origin`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::account::AccountId;
    use crate::domain::clock::Timestamp;
    use crate::domain::email::Email;

    fn account(groups: &[&str]) -> Account {
        Account {
            id: AccountId(Uuid::from_u128(1)),
            email: Email::parse("Maria@Bücher.example").unwrap(),
            name: Some("$groups".to_owned()),
            locale: None,
            metadata: None,
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            disabled: false,
            created_at: Timestamp::from_unix(0),
        }
    }

    #[test]
    fn groups_are_roles_on_top_of_everybodys_and_none_comes_twice() {
        let grants = Grants::default();
        assert_eq!(grants.roles_of(&account(&[])), ["user", "me"]);
        assert_eq!(grants.roles_of(&account(&["staff", "me", "staff"])), ["user", "me", "staff"]);
    }

    #[test]
    fn not_everybody_can_be_hasuras_administrator() {
        for admin in ["admin", "Admin", "ADMIN"] {
            assert_eq!(Role::parse(admin), Err(RoleError::Administrator));
        }
        for bad in ["", " user", "a b", "a\nb", &"a".repeat(256)] {
            assert_eq!(Role::parse(bad), Err(RoleError::Text), "{bad:?}");
        }
        assert_eq!(Role::parse("org:member").unwrap().as_str(), "org:member");
    }

    #[test]
    fn a_claim_is_hasuras_and_none_that_the_gateway_answers_for() {
        assert_eq!(ClaimName::parse("x-hasura-org-id").unwrap().as_str(), "x-hasura-org-id");
        for bad in ["", "org", "x-hasura", "x-hasura-", "x_hasura_org", "sub", " x-hasura-org"] {
            assert_eq!(ClaimName::parse(bad), Err(ClaimNameError::Prefix), "{bad}");
        }
        for bad in ["x-hasura-Org", "X-Hasura-org", "x-hasura-a b", "x-hasura-ä", "x-hasura-a_b"] {
            assert_eq!(ClaimName::parse(bad), Err(ClaimNameError::Character), "{bad}");
        }
        assert_eq!(ClaimName::parse(&format!("x-hasura-{}", "a".repeat(247))), Err(ClaimNameError::Character));
        for reserved in RESERVED {
            assert_eq!(ClaimName::parse(reserved), Err(ClaimNameError::Reserved), "{reserved}");
            assert_eq!(ClaimName::parse(&reserved.to_uppercase()), Err(ClaimNameError::Reserved), "{reserved}");
        }
    }

    #[test]
    fn a_claim_says_a_text_or_one_of_three_things_of_the_account() {
        let says = |value: &str| ClaimValue::parse(value).unwrap().of(&account(&["staff"])).into_owned();
        assert_eq!(says("acme $email"), "acme $email");
        assert_eq!(says(""), "");
        assert_eq!(says("$email"), account(&[]).email.as_str());
        assert_eq!(says("$email_domain"), "xn--bcher-kva.example");
        assert_eq!(says("$groups"), r#"{"staff"}"#);
        for variable in ["$name", "$metadata", "$Email", "$email ", "$", "$$email", "$groups[0]"] {
            assert_eq!(ClaimValue::parse(variable), Err(ClaimValueError::Variable), "{variable}");
        }
        for bad in ["a\nb", "a\0", &"a".repeat(256)] {
            assert_eq!(ClaimValue::parse(bad), Err(ClaimValueError::Text), "{bad:?}");
        }
    }

    #[test]
    fn no_groups_name_makes_two_elements_of_an_array() {
        for (groups, array) in [
            (&[][..], "{}"),
            (&["a"], r#"{"a"}"#),
            (&["a", "b c", "", "NULL"], r#"{"a","b c","","NULL"}"#),
            (&["a,b", "{c}", "d\"e", "f\\", "\",\"admin"], r#"{"a,b","{c}","d\"e","f\\","\",\"admin"}"#),
        ] {
            assert_eq!(ClaimValue::Groups.of(&account(groups)), array);
        }
    }

    #[test]
    fn an_origin_is_exactly_what_browsers_send() {
        for good in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://app.localhost",
            "http://127.0.0.1:5173",
            "http://[::1]:5173",
            "https://192.0.2.7",
        ] {
            assert_eq!(Origin::parse(good).map(|origin| origin.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(Origin::parse("https://app.example.com:8443").unwrap().host().as_str(), "app.example.com");
        for (bad, why) in [
            ("*", OriginError::Pattern),
            ("https://*.example.com", OriginError::Pattern),
            ("null", OriginError::Scheme),
            ("", OriginError::Scheme),
            ("app.example.com", OriginError::Scheme),
            ("file:///app", OriginError::Scheme),
            ("capacitor://localhost", OriginError::Scheme),
            ("http://app.example.com", OriginError::Insecure),
            ("http://localhost.example.com", OriginError::Insecure),
            ("https://app.example.com/", OriginError::More),
            ("https://app.example.com/app", OriginError::More),
            ("https://app.example.com?x", OriginError::More),
            ("https://app.example.com#x", OriginError::More),
            ("https://me@app.example.com", OriginError::More),
            ("https://", OriginError::Host(HostError::Empty)),
            ("https://a b", OriginError::Host(HostError::Character)),
            ("https://app.example.com:0", OriginError::Host(HostError::Port)),
            ("https://App.example.com", OriginError::Spelling("https://app.example.com".to_owned())),
            ("HTTPS://app.example.com", OriginError::Spelling("https://app.example.com".to_owned())),
            ("https://app.example.com.", OriginError::Spelling("https://app.example.com".to_owned())),
            ("https://app.example.com:443", OriginError::Spelling("https://app.example.com".to_owned())),
            ("http://localhost:80", OriginError::Spelling("http://localhost".to_owned())),
        ] {
            assert_eq!(Origin::parse(bad), Err(why), "{bad}");
        }
    }
}
