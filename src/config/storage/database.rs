//! The address of a database: `postgres://user:password@host,host/name?sslmode=…`, as libpq writes it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::config::hidden::Hidden;
use crate::config::pem::authorities_in;

/// Where a database is, and how the way to it is kept private.
#[derive(Clone, Debug)]
pub struct DatabaseAddress {
    /// The address without what [`DatabaseAddress::tls`] says.
    pub url: Hidden,
    /// How the way is kept private.
    pub tls: DatabaseTls,
    /// Hosts and name of the database, for messages.
    pub shown: String,
    is_near: bool,
}

/// How the way to a database is kept private: `sslmode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseTls {
    /// `disable`: not at all.
    Off,
    /// `prefer`: encrypted where the server offers it.
    Prefer,
    /// `require`: encrypted, without a look at who the server is.
    Require,
    /// `verify-full`: encrypted, by a server that has the name.
    VerifyFull {
        /// The authorities that may vouch for it, DER; `None` for those of the system.
        authorities: Option<Arc<[Box<[u8]>]>>,
    },
}

/// What may stand behind the question mark, besides how the way is kept private. The rest is the gateway's own matter.
const PARAMETERS: [&str; 8] = ["user", "password", "dbname", "host", "hostaddr", "port", "options", "channel_binding"];

impl DatabaseAddress {
    /// Reads an address. `file` says which file a path in it means.
    pub(super) fn parse(text: &Hidden, file: impl FnOnce(&str) -> PathBuf) -> Result<Self, String> {
        let text = text.expose();
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or("it must begin with postgres://, like \"postgres://bmauth@db1,db2/bmauth\".")?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, name) = place.split_once('/').unwrap_or((place, ""));
        let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        let mut hosts: Vec<String> = hosts.split(',').filter(|host| !host.is_empty()).map(host_in).collect();
        let (mut kept, mut mode, mut roots) = (Vec::new(), None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "sslmode" => mode = Some(decoded(value)),
                "sslrootcert" => roots = Some(decoded(value)),
                key if PARAMETERS.contains(&key) => {
                    if key == "host" || key == "hostaddr" {
                        hosts.extend(decoded(value).split(',').map(str::to_owned));
                    }
                    kept.push(pair);
                }
                _ => return Err(format!("`{}` cannot be set in it.", key.escape_debug())),
            }
        }
        if hosts.is_empty() {
            return Err("it names no host, like \"postgres://bmauth@db1,db2/bmauth\".".to_owned());
        }
        let is_near = hosts.iter().all(|host| is_near(host));
        let tls = match mode.as_deref() {
            None if is_near => DatabaseTls::Prefer,
            None | Some("require") => DatabaseTls::Require,
            Some("disable") => DatabaseTls::Off,
            Some("prefer") => DatabaseTls::Prefer,
            Some("verify-full") => DatabaseTls::VerifyFull {
                authorities: match roots.take().as_deref() {
                    None | Some("system") => None,
                    Some(path) => Some(authorities_in(&file(path))?),
                },
            },
            Some(_) => return Err("its sslmode must be disable, prefer, require or verify-full.".to_owned()),
        };
        if roots.is_some() {
            return Err("its sslrootcert is looked at with sslmode=verify-full alone.".to_owned());
        }
        let question = if kept.is_empty() { "" } else { "?" };
        Ok(Self {
            url: Hidden::new(format!("postgres://{place}{question}{}", kept.join("&"))),
            tls,
            shown: format!("{}/{}", hosts.join(","), decoded(name)),
            is_near,
        })
    }

    /// What is to be said of how private the way is.
    pub fn warning(&self) -> Option<String> {
        if self.is_near {
            return None;
        }
        let what = match self.tls {
            DatabaseTls::Off | DatabaseTls::Prefer => "may not be encrypted",
            DatabaseTls::Require => "is encrypted, but who answers there is not looked at",
            DatabaseTls::VerifyFull { .. } => return None,
        };
        Some(format!("the way to {} {what}; sslmode=verify-full does both.", self.shown))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The host of `host`, `host:port` or `[::1]:port`.
fn host_in(written: &str) -> String {
    if let Some((address, _)) = written.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.to_owned();
    }
    decoded(written.rsplit_once(':').map_or(written, |(host, _)| host))
}

/// Whether the way to a host does not leave this machine.
fn is_near(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseAddress, String> {
        DatabaseAddress::parse(&Hidden::new(text.to_owned()), |path| PathBuf::from(path))
    }

    #[test]
    fn the_way_is_encrypted_unless_it_does_not_leave_the_machine() {
        for (url, tls, warned) in [
            ("postgres://bmauth@db1,db2/bmauth", DatabaseTls::Require, true),
            ("postgres://bmauth@db1,localhost/bmauth", DatabaseTls::Require, true),
            ("postgresql://bmauth:p%40ss@localhost:5433/bmauth", DatabaseTls::Prefer, false),
            ("postgres://bmauth@[::1]:5432,127.0.0.1/bmauth", DatabaseTls::Prefer, false),
            ("postgres://bmauth@%2Frun%2Fpostgresql/bmauth", DatabaseTls::Prefer, false),
            ("postgres:///bmauth?host=%2Frun%2Fpostgresql", DatabaseTls::Prefer, false),
            ("postgres://db1/bmauth?sslmode=disable", DatabaseTls::Off, true),
            ("postgres://db1/bmauth?sslmode=prefer", DatabaseTls::Prefer, true),
            ("postgres://localhost/bmauth?sslmode=require", DatabaseTls::Require, false),
            ("postgres://db1/bmauth?sslmode=verify-full", DatabaseTls::VerifyFull { authorities: None }, false),
            (
                "postgres://db1/bmauth?sslmode=verify-full&sslrootcert=system",
                DatabaseTls::VerifyFull { authorities: None },
                false,
            ),
        ] {
            let address = parse(url).unwrap();
            assert_eq!((&address.tls, address.warning().is_some()), (&tls, warned), "{url}");
        }
    }

    #[test]
    fn what_is_ours_is_taken_out_and_no_password_is_shown() {
        let address =
            parse("postgresql://me:secret@db1:1,db2/notes?options=-c%20a%3Db&sslmode=require&user=x").unwrap();
        assert_eq!(address.url.expose(), "postgres://me:secret@db1:1,db2/notes?options=-c%20a%3Db&user=x");
        assert_eq!(address.shown, "db1,db2/notes");
        assert!(!format!("{address:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (url, why) in [
            ("mysql://db/x", "postgres://"),
            ("db1", "postgres://"),
            ("postgres:///x", "no host"),
            ("postgres://db/x?sslmode=verify-ca", "sslmode"),
            ("postgres://db/x?sslrootcert=ca.pem", "verify-full"),
            ("postgres://db/x?sslmode=verify-full&sslrootcert=none.pem", "none.pem"),
            ("postgres://db/x?connect_timeout=9", "connect_timeout"),
        ] {
            let refused = parse(url).unwrap_err();
            assert!(refused.contains(why), "{url}: {refused}");
        }
    }
}
