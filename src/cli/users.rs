//! `bmauth users`: see accounts, lock them, help their owners back in.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::CommandError;
use super::gateway::{AdminClient, escaped};
use super::sessions;
use super::table::{moment, plain, print, table};
use super::who::{parse_email, who};
use crate::admin::invitations::{AdminInvitation, Invitations, Invited, TakenBack};
use crate::admin::users::{
    AdminAddressChange, AdminEvent, AdminPasskey, AdminUser, RecoveryCode, Regrouped, UserChanged, UserShown, Users,
};
use crate::auth::operate::Who;
use crate::domain::email::Email;
use crate::domain::group;

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// List all accounts by address
    List,
    /// Let a person register with this address, whatever accounts.registration says.
    /// Run it again for the same address to replace the groups they will be in
    Add {
        /// The e-mail address
        #[arg(value_parser = parse_email)]
        email: Email,
        /// A group that they will be in
        #[arg(long = "group", value_name = "GROUP", value_parser = group::parse)]
        groups: Vec<String>,
        /// Add them to the group of accounts.admins
        #[arg(long)]
        admin: bool,
    },
    /// Show an account: its passkeys, its sessions and recent events
    Show {
        /// The e-mail address or the id of the account
        #[arg(value_parser = who)]
        user: String,
    },
    /// Sign a person out everywhere, and refuse further sign-ins
    Disable {
        /// The e-mail address or the id of the account
        #[arg(value_parser = who)]
        user: String,
        /// Do not ask for confirmation
        #[arg(short, long)]
        yes: bool,
    },
    /// Let a person sign in again
    Enable {
        /// The e-mail address or the id of the account
        #[arg(value_parser = who)]
        user: String,
    },
    /// Show or change a person's groups, which routes check and apps receive
    Groups {
        /// The e-mail address or the id of the account
        #[arg(value_parser = who)]
        user: String,
        /// Exactly these groups; "" for none
        #[arg(long, value_name = "A,B")]
        set: Option<String>,
        /// Groups to add
        #[arg(long, value_name = "A,B", conflicts_with = "set")]
        add: Option<String>,
        /// Groups to remove
        #[arg(long, value_name = "A,B", conflicts_with = "set")]
        remove: Option<String>,
    },
    /// Remove an account with its passkeys and sessions permanently, or take back what `add` did
    Remove {
        /// The e-mail address or the id of the account
        #[arg(value_parser = who)]
        user: String,
        /// Do not ask for confirmation
        #[arg(short, long)]
        yes: bool,
    },
    /// Make a one-time code for a person who lost their devices (accounts.recovery = "admin"), or whose recovery was
    /// contested
    Recover {
        /// The e-mail address or the id of the account
        #[arg(value_parser = who)]
        user: String,
    },
}

/// Runs one of the commands.
pub(super) fn run(config: Option<PathBuf>, command: UsersCommand, json: bool) -> Result<(), CommandError> {
    let gateway = AdminClient::of(config)?;
    match command {
        UsersCommand::List => print(json, &all(&gateway)?, list),
        UsersCommand::Add { email, groups, admin } => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("groups", &groups.join(",")).append_pair("admin", if admin { "true" } else { "false" });
            let invited: Invited =
                gateway.post(&format!("/invitations/{}?{}", escaped(email.as_str()), query.finish()))?;
            tell_of_unasked(&invited.unasked_groups);
            if invited.no_mail_to {
                eprintln!(
                    "note: the mail server does not know SMTPUTF8, which this address needs for its letters outside ASCII: \
                     it cannot be used to register here. Add another address of that person."
                );
            }
            print(json, &invited, added)
        }
        UsersCommand::Show { user } => {
            if let Some(invitation) = invited(&gateway, &user)? {
                return print(json, &invitation, pending);
            }
            let shown: UserShown = gateway.get(&format!("/users/{}", escaped(&user)))?;
            print(json, &shown, show)
        }
        UsersCommand::Disable { user, yes } => {
            let question = format!(
                "Disable {user}? They are signed out everywhere and cannot sign in until you enable them again."
            );
            registered(&gateway, &user)?;
            confirm(yes, &question)?;
            let changed: UserChanged = change(&gateway, &user, "disable")?;
            print(json, &changed, |changed| format!("{} is disabled{}.", plain(&changed.user.email), ended(changed)))
        }
        UsersCommand::Enable { user } => {
            registered(&gateway, &user)?;
            let changed: UserChanged = change(&gateway, &user, "enable")?;
            print(json, &changed, |changed| format!("{} can sign in.", plain(&changed.user.email)))
        }
        UsersCommand::Groups { user, set, add, remove } => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, names) in [("set", set), ("add", add), ("remove", remove)] {
                query.extend_pairs(names.map(|names| (name, names)));
            }
            if invited(&gateway, &user)?.is_some() {
                return Err(CommandError::Usage(format!(
                    "{user} has not registered yet. `bmauth users add {user} --group …` says anew which groups they will be in."
                )));
            }
            let changed: Regrouped = gateway.post(&format!("/users/{}/groups?{}", escaped(&user), query.finish()))?;
            tell_of_unasked(&changed.unasked_groups);
            print(json, &changed, |changed| is_in(&changed.user))
        }
        UsersCommand::Remove { user, yes } => {
            // One that cannot be read goes as well.
            if !matches!(invited(&gateway, &user), Ok(None)) {
                let taken: TakenBack = gateway.post(&format!("/invitations/{}/take-back", escaped(&user)))?;
                return print(json, &taken, |taken| {
                    format!("{} may no longer register by having been added.", plain(&taken.email))
                });
            }
            let question = format!("Remove {user} with their passkeys and sessions? This cannot be undone.");
            confirm(yes, &question)?;
            let changed: UserChanged = change(&gateway, &user, "remove")?;
            print(json, &changed, |changed| format!("{} is removed{}.", plain(&changed.user.email), ended(changed)))
        }
        UsersCommand::Recover { user } => {
            registered(&gateway, &user)?;
            let code: RecoveryCode = change(&gateway, &user, "recover")?;
            print(json, &code, describe_code)
        }
    }
}

fn change<T: serde::de::DeserializeOwned>(gateway: &AdminClient, user: &str, how: &str) -> Result<T, CommandError> {
    Ok(gateway.post(&format!("/users/{}/{how}", escaped(user)))?)
}

/// All people who have an account, or may have one because they were added.
#[derive(Serialize)]
struct Everybody {
    users: Vec<AdminUser>,
    invited: Vec<AdminInvitation>,
}

/// All of them, page by page.
fn all(gateway: &AdminClient) -> Result<Everybody, CommandError> {
    let mut everybody = Everybody { users: Vec::new(), invited: Vec::new() };
    let mut after = String::new();
    loop {
        let page: Users = gateway.get(&format!("/users?limit=500{after}"))?;
        everybody.users.extend(page.users);
        let Some(next) = page.next else { break };
        after = format!("&after={}", escaped(&next));
    }
    after.clear();
    loop {
        let page: Invitations = gateway.get(&format!("/invitations?limit=500{after}"))?;
        everybody.invited.extend(page.invited);
        let Some(next) = page.next else { return Ok(everybody) };
        after = format!("&after={}", escaped(&next));
    }
}

/// The invitation of a person who has not registered yet, where it is an address that names them.
fn invited(gateway: &AdminClient, who: &str) -> Result<Option<AdminInvitation>, CommandError> {
    let Some(Who::Email(email)) = Who::parse(who) else { return Ok(None) };
    Ok(gateway.get(&format!("/invitations/{}", escaped(email.as_str())))?)
}

/// Refuses what takes an account where a person was added and has none yet.
fn registered(gateway: &AdminClient, who: &str) -> Result<(), CommandError> {
    match invited(gateway, who)? {
        Some(_) => Err(CommandError::Usage(format!(
            "{who} has not registered yet, so there is no account. `bmauth users remove {who}` takes back that they may."
        ))),
        None => Ok(()),
    }
}

fn list(Everybody { users, invited }: &Everybody) -> String {
    if users.is_empty() && invited.is_empty() {
        return "There are no accounts yet.".to_owned();
    }
    let groups = |groups: &[String]| if groups.is_empty() { "-".to_owned() } else { groups.join(",") };
    let user = |user: &AdminUser| {
        [user.email.clone(), describe_state(user), groups(&user.groups), moment(&user.created_at), user.id.to_string()]
    };
    let added = |one: &AdminInvitation| {
        [one.email.clone(), NOT_YET.to_owned(), groups(&one.groups), moment(&one.invited_at), "-".to_owned()]
    };
    let mut rows: Vec<_> = users.iter().map(user).chain(invited.iter().map(added)).collect();
    rows.sort_by(|one, other| one.first().cmp(&other.first()));
    table(["EMAIL", "STATE", "GROUPS", "SINCE", "ID"], &rows)
}

/// The state of a person who was added and has no account yet.
const NOT_YET: &str = "not registered";

fn added(Invited { invitation, page, .. }: &Invited) -> String {
    format!(
        "{} may create an account at {page}{}. No letter is sent now: tell them. They make a passkey there, and prove the \
         address by a mailed code.",
        plain(&invitation.email),
        into(invitation)
    )
}

fn pending(invitation: &AdminInvitation) -> String {
    format!(
        "{} was added on {}{}, and has not registered yet.",
        plain(&invitation.email),
        moment(&invitation.invited_at),
        into(invitation)
    )
}

/// ", into staff, it", where there are any.
fn into(invitation: &AdminInvitation) -> String {
    if invitation.groups.is_empty() { String::new() } else { format!(", into {}", invitation.groups.join(", ")) }
}

/// Says which groups may have been mistyped.
fn tell_of_unasked(groups: &[String]) {
    for group in groups {
        eprintln!("note: no route asks for the group {group:?}; apps are told of it all the same.");
    }
}

fn is_in(user: &AdminUser) -> String {
    match user.groups.as_slice() {
        [] => format!("{} is in no group.", plain(&user.email)),
        groups => format!("{} is in {}.", plain(&user.email), groups.join(", ")),
    }
}

fn describe_state(user: &AdminUser) -> String {
    if user.disabled { "disabled" } else { "active" }.to_owned()
}

/// What is going on with an address.
fn describe_move(AdminAddressChange { to, from, until }: &AdminAddressChange) -> String {
    let until = moment(until);
    match (to, from) {
        (Some(to), _) => format!("asked for {to}, whose code is not entered yet; over {until}"),
        (None, Some(from)) => format!("was {from}, which is kept until {until}: its owner can undo the change"),
        (None, None) => {
            format!("a change was undone: until {until} its owner can neither change it nor delete the account")
        }
    }
}

fn show(shown: &UserShown) -> String {
    let UserShown { user, passkeys, sessions, events, held_recovery, address_change, recovery_code_until } = shown;
    let mut facts =
        vec![("id", user.id.to_string()), ("state", describe_state(user)), ("since", moment(&user.created_at))];
    facts.extend(user.name.clone().map(|name| ("name", name)));
    if !user.groups.is_empty() {
        facts.push(("groups", user.groups.join(", ")));
    }
    facts.extend(held_recovery.as_ref().map(|held| {
        let (asked, until) = (moment(&held.asked_at), moment(&held.until));
        ("recovery", format!("asked for {asked} in {}, held until {until}", held.browser))
    }));
    facts.extend(address_change.as_ref().map(|change| ("address", describe_move(change))));
    facts.extend(recovery_code_until.as_ref().map(|until| ("code", format!("one is out until {}", moment(until)))));
    let mut text = format!("{}\n", plain(&user.email));
    for (name, fact) in facts {
        text.push_str(&format!("  {name:9} {}\n", plain(&fact)));
    }
    text.push_str("\nPasskeys\n");
    text.push_str(&if passkeys.is_empty() {
        "None: this person cannot sign in.\n".to_owned()
    } else {
        table(
            ["NAME", "KEPT IN", "SYNCED", "ADDED", "LAST USED", "MADE IN"],
            &passkeys.iter().map(passkey).collect::<Vec<_>>(),
        )
    });
    text.push_str("\nSigned in\n");
    text.push_str(&sessions::list(sessions));
    if !events.is_empty() {
        text.push_str("\nLately\n");
        text.push_str(&table(["WHEN", "WHAT", "BROWSER", "FROM"], &events.iter().map(event).collect::<Vec<_>>()));
    }
    text
}

fn passkey(passkey: &AdminPasskey) -> [String; 6] {
    [
        passkey.name.clone().unwrap_or_else(|| "-".to_owned()),
        passkey.provider.clone(),
        if passkey.synced { "yes" } else { "no" }.to_owned(),
        moment(&passkey.created_at),
        passkey.last_used_at.as_deref().map_or_else(|| "never".to_owned(), moment),
        passkey.browser.clone(),
    ]
}

fn event(event: &AdminEvent) -> [String; 4] {
    let address = event.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    [moment(&event.at), event.what.replace('-', " "), event.browser.clone(), address]
}

fn describe_code(code: &RecoveryCode) -> String {
    format!(
        "{}\n\nTell it to {} yourself, once you are sure that it is them. It works once, until {}.\n\
         They enter their address and this code at {}\n",
        plain(&code.code),
        plain(&code.email),
        moment(&code.expires_at),
        plain(&code.page)
    )
}

/// "; 2 sessions ended", where any did.
fn ended(changed: &UserChanged) -> String {
    match changed.sessions_ended {
        0 => String::new(),
        1 => "; 1 session ended".to_owned(),
        many => format!("; {many} sessions ended"),
    }
}

/// Asks the operator at the terminal.
fn confirm(yes: bool, question: &str) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::Usage("There is no terminal to ask for confirmation: add --yes.".to_owned()));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(anyhow::Error::from)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(anyhow::Error::from)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    eprintln!("Nothing was changed.");
    Err(CommandError::Said)
}
