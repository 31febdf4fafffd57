//! Which database, and how the way to it is kept private.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DEADLINE;
use super::fault::{PostgresFault, refusal};
use crate::store::StoreError;

/// How long one of several hosts may take until it can be spoken with. A machine that was paused takes connections and
/// says nothing, and the next host has to have its turn in time.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Where a database is, and how the way to it is kept private.
#[derive(Clone)]
pub struct PostgresTarget {
    /// `postgres://user:password@host,host/database`, without what [`PostgresTls`] says.
    pub url: String,
    /// How the way is kept private.
    pub tls: PostgresTls,
}

impl fmt::Debug for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // There is a password in the address.
        f.debug_struct("PostgresTarget").field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// How the way to the database is kept private, as `sslmode` of libpq says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresTls {
    /// `disable`: not at all.
    Off,
    /// `prefer`: encrypted where the server offers it.
    Prefer,
    /// `require`: encrypted; who the server is, is not looked at.
    Require,
    /// `verify-full`: encrypted, and the server is who it is called; known by these authorities, or where there are
    /// none, by those of the system.
    VerifyFull(Vec<CertificateDer<'static>>),
}

/// A connection, and what moves it.
type Connected = (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// What connections are made with.
pub(super) struct Connecting {
    /// Where to, and as whom: each host by itself.
    hosts: Vec<Config>,
    /// Which of them was the primary last.
    primary: AtomicUsize,
    /// How TLS is spoken, where it is.
    tls: MakeRustlsConnect,
}

impl Connecting {
    /// Connects to the one that takes writes. Each is given its time, the one that took them last first.
    pub(super) async fn connect(&self) -> Result<Connected, PostgresFault> {
        let first = self.primary.load(Ordering::Relaxed);
        let patience = if self.hosts.len() > 1 { PATIENCE } else { DEADLINE };
        let mut last = PostgresFault::Deadline;
        for (number, host) in self.hosts.iter().enumerate().cycle().skip(first).take(self.hosts.len()) {
            match timeout(patience, host.connect(self.tls.clone())).await {
                Ok(Ok(connected)) => {
                    self.primary.store(number, Ordering::Relaxed);
                    return Ok(connected);
                }
                Ok(Err(error)) => last = error.into(),
                Err(_) => last = PostgresFault::Deadline,
            }
        }
        Err(last)
    }
}

/// The hosts of an address, each with a configuration of its own.
fn each_host(config: &Config) -> Vec<Config> {
    let (names, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = names.len().max(addresses.len()).max(1);
    let is_of_all = |length: usize| length == 0 || length == count;
    // Connecting tells what is wrong with it.
    if !is_of_all(names.len()) || !is_of_all(addresses.len()) || !(is_of_all(ports.len()) || ports.len() == 1) {
        return vec![config.clone()];
    }
    let host = |number: usize| {
        let mut one = Config::new();
        match names.get(number) {
            Some(Host::Tcp(name)) => one.host(name),
            Some(Host::Unix(folder)) => one.host_path(folder),
            None => &mut one,
        };
        addresses.get(number).map(|address| one.hostaddr(*address));
        // One port is that of all.
        ports.get(number).or(ports.first()).map(|port| one.port(*port));
        config.get_user().map(|user| one.user(user));
        config.get_password().map(|password| one.password(password));
        config.get_dbname().map(|name| one.dbname(name));
        config.get_options().map(|options| one.options(options));
        one.channel_binding(config.get_channel_binding());
        one
    };
    (0..count).map(host).collect()
}

impl PostgresTarget {
    /// What connections are made with.
    pub(super) fn connecting(&self) -> Result<Connecting, StoreError> {
        let config = Config::from_str(&self.url).map_err(|error| StoreError {
            problem: "storage.url cannot be read".to_owned(),
            source: Some(Box::new(error)),
        })?;
        let mut hosts = each_host(&config);
        for host in &mut hosts {
            host.application_name("bmauth").target_session_attrs(TargetSessionAttrs::ReadWrite).ssl_mode(
                match self.tls {
                    PostgresTls::Off => SslMode::Disable,
                    PostgresTls::Prefer => SslMode::Prefer,
                    PostgresTls::Require | PostgresTls::VerifyFull(_) => SslMode::Require,
                },
            );
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let client = client.map_err(|error| StoreError {
            problem: "TLS cannot be spoken".to_owned(),
            source: Some(Box::new(error)),
        })?;
        let client = match &self.tls {
            PostgresTls::Off | PostgresTls::Prefer | PostgresTls::Require => {
                client.dangerous().with_custom_certificate_verifier(Arc::new(Unlooked(provider)))
            }
            PostgresTls::VerifyFull(authorities) => client.with_root_certificates(roots(authorities)?),
        };
        let tls = MakeRustlsConnect::new(client.with_no_client_auth());
        Ok(Connecting { hosts, primary: AtomicUsize::new(0), tls })
    }
}

fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    if authorities.is_empty() {
        let of_the_system = rustls_native_certs::load_native_certs().map_err(|error| StoreError {
            problem: "the system's list of authorities cannot be read; name one with sslrootcert in storage.url"
                .to_owned(),
            source: Some(Box::new(error)),
        })?;
        roots.add_parsable_certificates(of_the_system);
    } else {
        roots.add_parsable_certificates(authorities.iter().cloned());
    }
    if roots.is_empty() {
        return Err(refusal(
            "there is no authority that its server could be known by; name one with sslrootcert in storage.url",
        ));
    }
    Ok(roots)
}

/// Looks at no certificate: what `require` of libpq means. An attacker who can change what goes over the network can
/// read it then.
#[derive(Debug)]
struct Unlooked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unlooked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<(Vec<Host>, Vec<String>, Vec<u16>)> {
        let shown = |one: &Config| {
            let addresses = one.get_hostaddrs().iter().map(ToString::to_string).collect();
            (one.get_hosts().to_vec(), addresses, one.get_ports().to_vec())
        };
        each_host(&Config::from_str(url).unwrap()).iter().map(shown).collect()
    }

    #[test]
    fn each_host_of_an_address_is_one_by_itself() {
        let name = |name: &str| vec![Host::Tcp(name.to_owned())];
        assert_eq!(
            hosts("postgres://ann:secret@db1:5001,db2:5002/notes"),
            [(name("db1"), vec![], vec![5001]), (name("db2"), vec![], vec![5002])]
        );
        assert_eq!(
            hosts("postgres://db1:5001,db2:5001/notes?hostaddr=10.0.0.1,10.0.0.2"),
            [
                (name("db1"), vec!["10.0.0.1".to_owned()], vec![5001]),
                (name("db2"), vec!["10.0.0.2".to_owned()], vec![5001])
            ]
        );
        assert_eq!(
            hosts("postgres://%2Frun%2Fpostgresql/notes"),
            [(vec![Host::Unix("/run/postgresql".into())], vec![], vec![5432])]
        );
        // It is not guessed which belong together.
        let url = "postgres://db1,db2/notes?hostaddr=10.0.0.1,10.0.0.2,10.0.0.3";
        assert_eq!(each_host(&Config::from_str(url).unwrap()), [Config::from_str(url).unwrap()]);
        let url = "postgres://ann:secret@db1,db2/notes?options=-c%20search_path%3Down&channel_binding=require";
        for one in each_host(&Config::from_str(url).unwrap()) {
            assert_eq!((one.get_user(), one.get_password()), (Some("ann"), Some(&b"secret"[..])));
            assert_eq!((one.get_dbname(), one.get_options()), (Some("notes"), Some("-c search_path=own")));
            assert_eq!(one.get_channel_binding(), tokio_postgres::config::ChannelBinding::Require);
        }
    }
}
