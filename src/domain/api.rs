//! What the API's callers get: the claims of access tokens that a GraphQL engine reads.

use std::borrow::Cow;

use thiserror::Error;

/// What every claim of Hasura's is called at its beginning.
const PREFIX: &str = "x-hasura-";
/// The longest name, value or role, in bytes: tokens travel in a header.
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
    /// The roles that every account has. An account's groups are roles as well.
    pub roles: Vec<Role>,
    /// Further claims, in the order they are written in.
    pub extra: Vec<(ClaimName, ClaimValue)>,
}

impl Default for Grants {
    /// Those that hasura-auth starts with: every account is `user` and `me`.
    fn default() -> Self {
        let role = |name: &str| Role(name.into());
        Self { default_role: role("user"), roles: vec![role("user"), role("me")], extra: Vec::new() }
    }
}

impl Grants {
    /// The roles of an account in these groups, each once: those of every account, then its groups.
    pub fn roles_of<'a>(&'a self, groups: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let everybodys = self.roles.iter().map(Role::as_str);
        let mut roles = Vec::with_capacity(self.roles.len());
        for role in everybodys.chain(groups) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        roles
    }
}

/// A role that every account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role(Box<str>);

/// Why a text cannot be a role that every account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RoleError {
    /// Not 1 to 255 characters, or a space or control character among them.
    #[error("a role is 1 to 255 characters without spaces")]
    Text,
    /// It is the name of Hasura's administrator role.
    #[error(
        "Hasura asks its role \"admin\" for no permission, so everyone could read and write everything; give those few people a group of that name"
    )]
    Administrator,
}

impl Role {
    /// Reads a role, as the configuration names it.
    ///
    /// # Errors
    /// Says why it cannot be a role of every account.
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

/// The name of a further claim: `x-hasura-…` in lowercase, as Hasura looks it up.
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

    /// The name, as it stands in a token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a further claim says: always text, as Hasura wants it.
///
/// Permissions are written over claims, so there is none for what people write themselves (their name, metadata). A
/// person who could choose a claim's value would choose which rows are theirs. An address is proved, groups are the
/// operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// The same for every account.
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

    /// Reads a value, as the configuration writes it.
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

    /// What it says of an account with this proved address, in these groups.
    pub fn of<'a>(&'a self, email: &'a str, groups: &[&str]) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Email => Cow::Borrowed(email),
            // A domain has no “@”.
            Self::EmailDomain => Cow::Borrowed(email.rsplit_once('@').map_or("", |(_, domain)| domain)),
            Self::Groups => Cow::Owned(postgres_array(groups)),
        }
    }
}

/// An array as Postgres reads it, each element in quotes (PostgreSQL 8.15.6).
fn postgres_array(elements: &[&str]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::Email;

    #[test]
    fn groups_are_roles_on_top_of_everybodys_and_none_comes_twice() {
        let grants = Grants::default();
        assert_eq!(grants.roles_of([]), ["user", "me"]);
        assert_eq!(grants.roles_of(["staff", "me", "staff"]), ["user", "me", "staff"]);
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
        let email = Email::parse("Maria@Bücher.example").unwrap();
        let says = |value: &str| ClaimValue::parse(value).unwrap().of(email.as_str(), &["staff"]).into_owned();
        assert_eq!(says("acme $email"), "acme $email");
        assert_eq!(says(""), "");
        assert_eq!(says("$email"), email.as_str());
        assert_eq!(
            (says("$email_domain").as_str(), email.domain()),
            ("xn--bcher-kva.example", "xn--bcher-kva.example")
        );
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
            assert_eq!(ClaimValue::Groups.of("", groups), array);
        }
    }
}
