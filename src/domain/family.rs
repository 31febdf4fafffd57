//! Families: a browser's sessions over the hosts of the gateway.
//!
//! People sign in once, on the host of `public_url`. The other hosts are handed a session of their own, since each is
//! good at one host alone. The session that was signed in to is the head, and the others are its members. They last as
//! long as it, a use of one is a use of all, and they all end together.

use super::host::Host;
use super::secret::SecretDigest;
use super::session::{Session, SessionId};

/// The sessions of one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The one that was signed in to.
    pub head: Session,
    /// The others, as they were handed over.
    pub members: Vec<Session>,
}

impl Family {
    /// The families of an account's sessions, in the order of their heads. A member whose head has ended has ended too.
    pub fn all_of(sessions: Vec<Session>) -> Vec<Self> {
        let (heads, others): (Vec<_>, Vec<_>) = sessions.into_iter().partition(|session| session.head.is_none());
        let mut families: Vec<Self> = heads.into_iter().map(|head| Self { head, members: Vec::new() }).collect();
        for member in others {
            if let Some(family) = families.iter_mut().find(|family| family.is(member.family())) {
                family.members.push(member);
            }
        }
        for family in &mut families {
            family.members.sort_by_key(|member| member.last_seen_at);
        }
        families
    }

    /// Whether it is the family of that name, as [`Session::family`] says it.
    pub fn is(&self, family: SecretDigest) -> bool {
        self.head.token == family
    }

    /// Whether the session of that public name is one of it.
    pub fn has(&self, id: SessionId) -> bool {
        self.sessions().any(|session| session.id == id)
    }

    /// The hosts that its browser is signed in at, each once, that of the head first.
    pub fn hosts(&self) -> Vec<&Host> {
        let mut hosts = Vec::new();
        for host in self.sessions().filter_map(|session| session.host.as_ref()) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// All of them, the head first.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        std::iter::once(&self.head).chain(&self.members)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::destination::Destination;

    fn session(n: u8, host: &str) -> Session {
        let (host, bound_for) = (Some(Host::parse(host).unwrap()), Destination::devices());
        Session { host, bound_for, ..Session::numbered(n) }
    }

    fn member(of: &Session, n: u8, host: &str) -> Session {
        let new = session(n, host);
        of.member(new.token, new.id, Host::parse(host).unwrap(), Timestamp::from_unix(99))
    }

    #[test]
    fn a_member_is_of_the_family_of_whichever_session_it_was_handed_over_from_and_as_old_as_that() {
        let head = session(1, "auth.example.com");
        let member_1 = member(&head, 2, "a.example.com");
        let member_2 = member(&member_1, 3, "b.example.com");
        for one in [&head, &member_1, &member_2] {
            assert_eq!((one.family(), one.created_at), (head.token, head.created_at));
        }
        assert_eq!(
            (member_2.last_seen_at, member_2.bound_for.clone()),
            (Timestamp::from_unix(99), Destination::root())
        );
    }

    #[test]
    fn sessions_of_one_browser_are_one_family() {
        let (head, alone) = (session(1, "auth.example.com"), session(2, "a.example.com"));
        let members = [member(&head, 3, "a.example.com"), member(&head, 4, "auth.example.com")];
        let orphan = member(&session(9, "auth.example.com"), 5, "b.example.com");
        let all = [vec![orphan, members[0].clone(), alone.clone(), head.clone()], members[1..].to_vec()].concat();
        let families = Family::all_of(all);
        assert_eq!(families, [Family { head: alone, members: Vec::new() }, Family { head, members: members.to_vec() }]);
        let hosts: Vec<_> = families[1].hosts().into_iter().map(Host::as_str).collect();
        assert_eq!(hosts, ["auth.example.com", "a.example.com"]);
        let id = |n: u8| SessionId(Uuid::from_u128(n.into()));
        let ids: Vec<_> = families[1].sessions().map(|session| session.id).collect();
        assert_eq!(ids, [1, 3, 4].map(id));
        assert!(
            [1, 3, 4].into_iter().all(|n| families[1].has(id(n))) && !families[1].has(id(2)) && families[0].has(id(2))
        );
    }
}
