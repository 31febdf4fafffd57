//! Who can get an account, in a sentence: what `bmauth init`, `bmauth check` and `bmauth doctor` say of it.

use crate::domain::register::{NewAccounts, RegisterPolicy};

/// Who may register.
pub(super) fn of(policy: &RegisterPolicy) -> String {
    let RegisterPolicy { new_accounts, allowed_domains, allowed_emails } = policy;
    let how = new_accounts.as_str();
    let who = match new_accounts {
        NewAccounts::Open => match (allowed_domains.as_slice(), allowed_emails.len()) {
            ([], 0) => "anyone who proves an e-mail address may register".to_owned(),
            ([], count) => format!("only {} may register", named(count)),
            (domains, 0) => format!("only addresses of {} may register", domains.join(", ")),
            (domains, count) => format!("only addresses of {} and {} may register", domains.join(", "), named(count)),
        },
        NewAccounts::Invite => {
            "only people whom `bmauth users add` names may register; the pages say that registration is by invitation".to_owned()
        }
        NewAccounts::Closed => {
            "only people whom `bmauth users add` names may register; while no address is named, the pages say that new accounts are closed".to_owned()
        }
    };
    format!("{who} (accounts.registration = \"{how}\")")
}

/// The addresses themselves are people's, and stay in the file.
fn named(count: usize) -> String {
    match count {
        1 => "1 address of accounts.allowed_emails".to_owned(),
        _ => format!("{count} addresses of accounts.allowed_emails"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::Email;

    #[test]
    fn each_policy_is_told_by_whom_it_lets_in() {
        let policy = |new_accounts, domains: &[&str], emails: &[&str]| RegisterPolicy {
            new_accounts,
            allowed_domains: domains.iter().map(ToString::to_string).collect(),
            allowed_emails: emails.iter().map(|email| Email::parse(email).unwrap()).collect(),
        };
        let said = |domains: &[&str], emails: &[&str]| {
            let said = of(&policy(NewAccounts::Open, domains, emails));
            said.strip_suffix(" may register (accounts.registration = \"open\")").unwrap().to_owned()
        };
        assert_eq!(said(&[], &[]), "anyone who proves an e-mail address");
        assert_eq!(said(&["a.test", "b.test"], &[]), "only addresses of a.test, b.test");
        assert_eq!(said(&[], &["ann@a.test"]), "only 1 address of accounts.allowed_emails");
        assert_eq!(
            said(&["b.test"], &["ann@a.test", "bob@a.test"]),
            "only addresses of b.test and 2 addresses of accounts.allowed_emails"
        );
        for (closed, word) in [(NewAccounts::Invite, "by invitation"), (NewAccounts::Closed, "new accounts are closed")]
        {
            // The lists are for those who come by themselves.
            let said = of(&policy(closed, &["a.test"], &[]));
            assert!(said.starts_with("only people whom `bmauth users add` names may register") && said.contains(word));
        }
    }
}
