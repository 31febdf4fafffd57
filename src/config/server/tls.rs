//! `server.tls`: the certificate and the key of the public addresses.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use thiserror::Error;

use crate::config::hidden::warn_if_world_readable;
use crate::config::problem::Checks;
use crate::config::public_url::PublicUrl;
use crate::config::setting::{Setting, Written, section};

section! {
    /// The table as it is written.
    struct TlsTable { cert, key }
    not_built {}
}

/// The two PEM files, which were read and fit together when the configuration was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the gateway's own first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, Error)]
pub enum TlsFilesError {
    /// The certificate file cannot be read or has no certificate in PEM form.
    #[error("{} has no certificate chain in PEM form ({source})", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: rustls::pki_types::pem::Error,
    },
    /// The key file cannot be read or has no private key in PEM form.
    #[error("{} has no private key in PEM form ({source})", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: rustls::pki_types::pem::Error,
    },
    /// Both can be read, but not used together.
    #[error("the certificate and the key cannot be used together ({0})")]
    Pair(#[from] rustls::Error),
}

impl TlsFiles {
    /// Reads both files, at the start and at each reload.
    ///
    /// # Errors
    /// A file cannot be read, or the key is not the certificate's.
    pub fn load(&self) -> Result<CertifiedKey, TlsFilesError> {
        let chain = read_chain(&self.cert)?;
        let key = read_key(&self.key)?;
        Ok(CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())?)
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFilesError> {
    let failed = |source| TlsFilesError::Certificate { path: path.to_owned(), source };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect();
    let chain = chain.map_err(failed)?;
    if chain.is_empty() { Err(failed(rustls::pki_types::pem::Error::NoItemsFound)) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFilesError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsFilesError::Key { path: path.to_owned(), source })
}

pub(super) fn check(setting: Setting, public_url: Option<&PublicUrl>, checks: &mut Checks) -> Option<TlsFiles> {
    let whole = setting.clone();
    let table = setting.table(checks)?;
    let Written { place, keys: TlsTable { cert, key } } = TlsTable::read("server.tls.", table, checks);
    if public_url.is_some_and(|url| !url.is_https()) {
        whole.refuse(checks, "is set, but `public_url` starts with http://. Make it https://, or remove `server.tls`.");
    }
    let mut path_of = |file: Option<Setting>, name: &str, what: &str| match file {
        Some(file) => {
            let place = file.place().clone();
            file.text(checks).map(|text| (checks.resolve(&text), place))
        }
        None => {
            checks.refuse(&place, format!("`server.tls.{name}` is missing. It is the PEM file with the {what}."));
            None
        }
    };
    let cert = path_of(cert, "cert", "certificate chain");
    let key = path_of(key, "key", "private key");

    // Each file is read on its own first, so that both can be wrong at once.
    let mut readable = true;
    if let Some((path, place)) = &cert
        && let Err(why) = read_chain(path)
    {
        checks.refuse(place, format!("`server.tls.cert`: {why}."));
        readable = false;
    }
    if let Some((path, place)) = &key {
        match read_key(path) {
            Ok(_) => warn_if_world_readable(path, "server.tls.key", place, checks),
            Err(why) => {
                checks.refuse(place, format!("`server.tls.key`: {why}."));
                readable = false;
            }
        }
    }
    let ((cert, cert_place), (key, key_place)) = cert.zip(key).filter(|_| readable)?;
    let files = TlsFiles { cert, key };
    let loaded = match files.load() {
        Ok(loaded) => loaded,
        Err(why) => {
            checks.refuse(&key_place, format!("`server.tls.key`: {why}."));
            return None;
        }
    };
    if let Some(url) = public_url
        && !names(&loaded, url.host().as_str())
    {
        checks
            .warn(&cert_place, format_args!("`server.tls.cert` is not for {}, the host of `public_url`.", url.host()));
    }
    Some(files)
}

/// Whether the certificate is for this host. Whoever cannot be asked is not complained about.
fn names(loaded: &CertifiedKey, host: &str) -> bool {
    let (Some(certificate), Ok(name)) = (loaded.cert.first(), ServerName::try_from(host)) else {
        return true;
    };
    match ParsedCertificate::try_from(certificate) {
        Ok(parsed) => rustls::client::verify_server_name(&parsed, &name).is_ok(),
        Err(_) => true,
    }
}
