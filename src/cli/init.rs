//! `bmauth init`: writes a configuration that serves, of what it is told by flags, or by the operator at the terminal.
//! What it is not told it does not guess.

mod questions;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use self::questions::{InitQuestion, OperatorPrompt};
use super::{CommandError, newcomers};
use crate::config::email::{Mailbox, TransportSettings, check_url};
use crate::config::hidden::Hidden;
use crate::config::public_url::PublicUrl;
use crate::config::template::{OperatorAnswers, WrittenSender, fill};
use crate::config::{self, Config, ConfigSource, FileSource, passkeys};
use crate::domain::host::Host;
use crate::domain::upstream::UpstreamUrl;

/// The sender where letters are printed, and so are not sent.
const PRINTED_FROM: &str = "BMAuth <no-reply@localhost.invalid>";

/// What the file is to say.
#[derive(Clone, Debug, Args)]
pub(super) struct InitArgs {
    /// The folder to write it to
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where people sign in: https://auth.example.com, or http://localhost:8080 to try it
    #[expect(rustdoc::bare_urls, reason = "the help of a command is no Markdown")]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The sender of letters: "Acme Notes <no-reply@example.com>"
    #[arg(long, value_name = "FROM")]
    email: Option<String>,
    /// The mail server: smtps://user:password@mail.example.com
    #[arg(long, value_name = "URL")]
    smtp_url: Option<String>,
    /// The app itself: http://127.0.0.1:8000
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Who may register: open (anyone who proves an address), invite or closed (people you name)
    #[arg(long, value_name = "WHO")]
    registration: Option<String>,
}

const PUBLIC_URL: InitQuestion<'_> = InitQuestion {
    flag: "--public-url",
    asked: "Where do people sign in? The address as their browser shows it, best of a host of its own, without an app: \
            https://auth.example.com. To try it on this machine: http://localhost:8080.",
    missing: "where people sign in, like https://auth.example.com, or http://localhost:8080 to try it",
    is_secret: false,
};
const UPSTREAM: InitQuestion<'_> = InitQuestion {
    flag: "--upstream",
    asked: "Where does the app itself listen? Like http://127.0.0.1:8000.",
    missing: "where the app itself listens, like http://127.0.0.1:8000",
    is_secret: false,
};
const REGISTRATION: InitQuestion<'_> = InitQuestion {
    flag: "--registration",
    asked: "Who may register?\n  open    anyone who proves an e-mail address\n  invite  people you name with `bmauth users add`; \
            the pages say that it is by invitation\n  closed  the same; while no address is named, the pages say that new accounts are closed",
    missing: "who may register: open (anyone who proves an e-mail address), invite or closed (people you name)",
    is_secret: false,
};
const EMAIL: InitQuestion<'_> = InitQuestion {
    flag: "--email",
    asked: "Who are the letters with codes from? An address, or a name with one: Acme Notes <no-reply@example.com>.",
    missing: "the sender of the letters with codes, like \"Acme Notes <no-reply@example.com>\"",
    is_secret: false,
};
const SMTP_URL: InitQuestion<'_> = InitQuestion {
    flag: "--smtp-url",
    asked: "Which mail server takes them? smtps://user:password@mail.example.com, or \
            smtp://user:password@mail.example.com?tls=required for STARTTLS.",
    missing: "the mail server, like smtps://user:password@mail.example.com",
    is_secret: true,
};
/// Asked on a terminal alone.
const APP: InitQuestion<'_> = InitQuestion {
    flag: "the address of the app",
    asked: "The address of the app, as people open it?",
    missing: "",
    is_secret: false,
};
/// Asked on a terminal alone.
const RP_ID: InitQuestion<'_> = InitQuestion {
    flag: "passkeys.rp_id",
    asked: "The domain that passkeys belong to? It holds both hosts, must be one that you own, and cannot be changed later.",
    missing: "",
    is_secret: false,
};

/// Writes the configuration; never over one that is there.
pub(super) fn run(wanted: InitArgs) -> Result<(), CommandError> {
    let path = wanted.dir.join("bmauth.toml");
    if path.symlink_metadata().is_ok() {
        return Err(is_there(&path).into());
    }
    let (mut input, mut output) = (io::stdin().lock(), io::stderr());
    let is_terminal = io::stdin().is_terminal() && output.is_terminal();
    let told = hear(&wanted, OperatorPrompt::new(is_terminal.then_some((&mut input as _, &mut output as _))))?;
    let text = fill(&told);
    // Each value was read alone; this says what does not go together.
    let whole = FileSource::Text { path: path.clone(), text: text.clone() };
    let config = config::load(ConfigSource { file: whole, environment: Vec::new(), flags: Vec::new() })?;
    write(&path, &text)?;
    println!("{}", next_steps(&path, &config));
    Ok(())
}

/// What was said by flags, and what else is said when it is asked for.
fn hear(wanted: &InitArgs, mut asking: OperatorPrompt<'_>) -> Result<OperatorAnswers, CommandError> {
    let InitArgs { dir: _, public_url, email, smtp_url, upstream, registration } = wanted;
    let public_url = asking.hear(&PUBLIC_URL, public_url.as_deref(), None, PublicUrl::parse)?;
    let app_host = match &public_url {
        Some(url) if url.is_https() => asking.hear_there(&APP, url.origin(), |text| app_host(text, url))?,
        _ => None,
    };
    let app_host = app_host.filter(|host| public_url.as_ref().is_some_and(|url| url.host() != host));
    let rp_id = match (&public_url, &app_host) {
        (Some(url), Some(app)) => rp_id(url, app, &mut asking)?,
        _ => None,
    };
    let upstream = asking
        .hear(&UPSTREAM, upstream.as_deref(), None, |text| UpstreamUrl::parse(text).map_err(|why| format!("{why}.")))?;
    let registration = asking.hear(&REGISTRATION, registration.as_deref(), None, config::read_registration)?;
    // On the machine of an operator who tries it, letters are printed.
    let prints = smtp_url.is_none() && public_url.as_ref().is_some_and(|url| !url.is_https());
    let read_sender = |text: &str| Mailbox::parse(text).map(|_| text.trim().to_owned());
    let from = if prints && email.is_none() {
        Some(PRINTED_FROM.to_owned())
    } else {
        asking.hear(&EMAIL, email.as_deref(), None, read_sender)?
    };
    let read_server = |text: &str| check_url(text).map(|()| Hidden::new(text.to_owned()));
    let smtp_url = if prints { None } else { asking.hear(&SMTP_URL, smtp_url.as_deref(), None, read_server)? };
    asking.finish()?;
    let (Some(public_url), Some(upstream), Some(registration), Some(from)) = (public_url, upstream, registration, from)
    else {
        return Err(anyhow!("Something was not asked for. Please report this.").into());
    };
    Ok(OperatorAnswers { public_url, app_host, rp_id, upstream, registration, from: WrittenSender(from), smtp_url })
}

/// The host of the app at an address that people open.
fn app_host(text: &str, pages: &PublicUrl) -> Result<Host, String> {
    let url = PublicUrl::parse(text)?;
    if url.is_https() != pages.is_https() || url.port() != pages.port() {
        return Err(format!("it must have the scheme and port of {pages}: one gateway answers for both."));
    }
    Ok(url.host().clone())
}

/// The domain of the passkeys, where there may be one for both hosts.
fn rp_id(pages: &PublicUrl, app: &Host, asking: &mut OperatorPrompt<'_>) -> Result<Option<Host>, CommandError> {
    let above = passkeys::with_parents(pages.host().as_str());
    let holds_app = |domain: &&str| Host::parse(domain).is_ok_and(|domain| app.is_within(&domain));
    match above.into_iter().find(holds_app) {
        Some(domain) => asking.hear_there(&RP_ID, domain, |text| passkeys::read_rp_id(text, Some(pages))),
        None => Ok(None),
    }
}

fn is_there(path: &Path) -> anyhow::Error {
    anyhow!("{} is there already. Move it away, or name another folder.", path.display())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let unwritable = || format!("{} cannot be written", path.display());
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    }
    // There may be a password in it.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(is_there(path)),
        file => file.with_context(unwritable)?,
    };
    file.write_all(text.as_bytes()).with_context(unwritable)
}

/// What was written, who can get in, and what is to be done with it.
fn next_steps(path: &Path, config: &Config) -> String {
    let url = &config.public_url;
    let mut said = format!("Wrote {}.\nWho can get in: {}.\n", path.display(), newcomers::of(&config.policy));
    match &config.email.transport {
        TransportSettings::Log => said.push_str("Letters are printed in the terminal, with the codes, and not sent.\n"),
        TransportSettings::Smtp(smtp) if smtp.login.is_some() => said.push_str(
            "The password of the mail server stands in it, so no other user may read it. To keep it apart, put the URL into a file of \
             its own and name that by smtp_url_file.\n",
        ),
        TransportSettings::Smtp(_) => {}
    }
    if url.is_https() {
        if config.routes.knows_host(url.host()) {
            said.push_str(
                "Pages and app share a host; the comments at public_url say how the pages get one of their own, which is better, \
                 before people register.\n",
            );
        }
        said.push_str(
            "For https, give it a certificate (server.tls), or name the proxy that has one (server.trusted_proxies).\n",
        );
    }
    let file = path.display();
    let flag = if path == Path::new("./bmauth.toml") { String::new() } else { format!(" -c {file}") };
    let mail = if matches!(config.email.transport, TransportSettings::Log) { "" } else { " --mail-to you@…" };
    said.push_str(&format!("Next: bmauth check{flag}{mail}\n      bmauth serve{flag}\n      then open {url}"));
    said
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn wanted(dir: &Path) -> InitArgs {
        InitArgs {
            dir: dir.to_owned(),
            public_url: Some("http://localhost:8080".to_owned()),
            email: None,
            smtp_url: None,
            upstream: Some("http://127.0.0.1:8000".to_owned()),
            registration: Some("open".to_owned()),
        }
    }

    fn in_nowhere() -> InitArgs {
        wanted(Path::new("/nowhere"))
    }

    /// What is heard without a terminal to ask at, or the sentence why not.
    fn heard(wanted: &InitArgs) -> Result<OperatorAnswers, String> {
        hear(wanted, OperatorPrompt::new(None)).map_err(usage)
    }

    #[track_caller]
    fn usage(failed: CommandError) -> String {
        match failed {
            CommandError::Usage(why) => why,
            other => panic!("{other:?}"),
        }
    }

    /// What is heard of an operator who types these lines, and what they read.
    fn typed(wanted: &InitArgs, lines: &str) -> (Result<OperatorAnswers, String>, String) {
        let (mut input, mut output) = (lines.as_bytes(), Vec::new());
        let told = hear(wanted, OperatorPrompt::new(Some((&mut input as _, &mut output as _)))).map_err(usage);
        (told, String::from_utf8(output).unwrap())
    }

    fn nothing() -> InitArgs {
        let none = None::<String>;
        InitArgs {
            public_url: none.clone(),
            email: none.clone(),
            smtp_url: none.clone(),
            upstream: none.clone(),
            registration: none,
            dir: PathBuf::new(),
        }
    }

    #[test]
    fn an_existing_configuration_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (path, wanted) = (dir.path().join("new/bmauth.toml"), wanted(&dir.path().join("new")));
        run(wanted.clone()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        std::fs::write(&path, "mine").unwrap();
        assert!(run(wanted.clone()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(run(wanted).is_err());
        assert!(!path.with_file_name("elsewhere").exists());
    }

    #[test]
    fn on_localhost_letters_are_printed_unless_a_server_is_named() {
        let told = heard(&in_nowhere()).unwrap();
        assert!(told.smtp_url.is_none());
        let with_server = InitArgs { smtp_url: Some("smtp://127.0.0.1:2525".to_owned()), ..in_nowhere() };
        assert!(heard(&with_server).unwrap_err().contains("--email"), "its letters have a sender");
        let both = InitArgs { email: Some("post@acme.test".to_owned()), ..with_server };
        assert!(heard(&both).unwrap().smtp_url.is_some());
    }

    #[test]
    fn what_is_not_said_is_not_guessed_without_a_terminal() {
        let why = heard(&nothing()).unwrap_err();
        for flag in ["--public-url", "--upstream", "--registration", "--email", "--smtp-url"] {
            assert!(why.contains(flag), "{flag} in {why}");
        }
        let why = heard(&InitArgs { registration: None, ..in_nowhere() }).unwrap_err();
        assert!(why.contains("--registration (who may register: open") && !why.contains("--upstream"), "{why}");
        let why =
            heard(&InitArgs { public_url: Some("https://auth.acme.test".to_owned()), ..in_nowhere() }).unwrap_err();
        assert!(why.contains("--email") && why.contains("--smtp-url") && !why.contains("--registration"), "{why}");
    }

    #[test]
    fn a_bad_flag_is_told_by_the_reader_of_the_configuration_and_no_password_is_shown() {
        let bad = |wanted: InitArgs| heard(&wanted).unwrap_err();
        let url = bad(InitArgs { public_url: Some("http://acme.test".to_owned()), ..in_nowhere() });
        assert!(url.starts_with("--public-url is \"http://acme.test\": browsers make passkeys on https only"), "{url}");
        let who = bad(InitArgs { registration: Some("opne".to_owned()), ..in_nowhere() });
        assert!(who.ends_with("Did you mean \"open\"?"), "{who}");
        let smtp = bad(InitArgs {
            smtp_url: Some("smtps://u:hunter#2@mail".to_owned()),
            email: Some("a@b.test".to_owned()),
            ..in_nowhere()
        });
        assert!(smtp.starts_with("--smtp-url: a “#”") && !smtp.contains("hunter"), "{smtp}");
        assert!(bad(InitArgs { upstream: Some("127.0.0.1".to_owned()), ..in_nowhere() }).starts_with("--upstream is"));
        for password in ["http://u:hunter2@127.0.0.1", "u:hunter2@127.0.0.1"] {
            let upstream = bad(InitArgs { upstream: Some(password.to_owned()), ..in_nowhere() });
            assert!(upstream.starts_with("--upstream is") && !upstream.contains("hunter2"), "{upstream}");
        }
        assert!(
            bad(InitArgs { email: Some("Acme".to_owned()), smtp_url: Some("smtps://mail".to_owned()), ..in_nowhere() })
                .starts_with("--email is")
        );
    }

    #[test]
    fn on_a_terminal_the_rest_is_asked_for_and_a_wrong_answer_again() {
        let lines = "auth.acme.test\nhttps://auth.acme.test\nhttps://notes.acme.test\n\nhttp://127.0.0.1:3000\ninvite\nAcme <a@acme.test>\nsmtps://mail.acme.test\n";
        let (told, read) = typed(&nothing(), lines);
        let told = told.unwrap();
        assert_eq!(told.public_url.origin(), "https://auth.acme.test");
        assert_eq!(told.app_host.as_ref().map(Host::as_str), Some("notes.acme.test"));
        assert_eq!(told.rp_id.as_ref().map(Host::as_str), Some("acme.test"), "Enter takes what is proposed");
        assert!(read.contains("it does not start with https://") && read.contains("[acme.test]"), "{read}");
        assert!(read.contains("open    anyone") && read.contains("invite  people you name"), "{read}");
        config::load(ConfigSource::text("bmauth.toml", fill(&told))).unwrap();
    }

    #[test]
    fn an_app_on_the_host_of_the_pages_needs_no_host_and_no_domain() {
        let lines = "https://notes.acme.test\n\nhttp://127.0.0.1:3000\nopen\na@acme.test\nsmtps://mail.acme.test\n";
        let told = typed(&nothing(), lines).0.unwrap();
        assert_eq!((told.app_host, told.rp_id), (None, None));
        let elsewhere = "https://auth.acme.test\nhttps://notes.other.test\nhttp://127.0.0.1:3000\nopen\na@acme.test\nsmtps://mail.acme.test\n";
        let told = typed(&nothing(), elsewhere).0.unwrap();
        assert_eq!((told.app_host.as_ref().map(Host::as_str), told.rp_id), (Some("notes.other.test"), None));
    }

    #[test]
    fn an_operator_without_a_usable_answer_is_not_asked_for_ever() {
        let (told, read) = typed(&nothing(), &"nonsense\n".repeat(100));
        assert!(told.unwrap_err().starts_with("--public-url is \"nonsense\""));
        assert_eq!(read.matches("Where do people sign in?").count(), 1);
        assert_eq!(read.matches("> ").count(), 3);
        // The end of what is typed is no answer.
        assert!(typed(&nothing(), "").0.unwrap_err().contains("--registration"));
    }

    #[test]
    fn what_is_said_at_the_end_is_who_can_get_in_and_what_comes_next() {
        let told = heard(&in_nowhere()).unwrap();
        let config = config::load(ConfigSource::text("here/bmauth.toml", fill(&told))).unwrap();
        let said = next_steps(Path::new("here/bmauth.toml"), &config);
        for part in [
            "Wrote here/bmauth.toml",
            "anyone who proves",
            "bmauth serve -c here/bmauth.toml",
            "http://localhost:8080",
            "printed",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(!next_steps(Path::new("./bmauth.toml"), &config).contains(" -c "));
    }
}
