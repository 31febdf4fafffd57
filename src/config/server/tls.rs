//! `server.tls`: the certificate and the key of the public addresses.

use std::path::PathBuf;

use rustls::sign::CertifiedKey;

use super::certificate;
use crate::config::pem::{PemFile, PemFilesError, check_pair, load_pair};
use crate::config::problem::Checks;
use crate::config::public_url::PublicUrl;
use crate::config::setting::{Setting, WrittenSection, section};

section! {
    /// The table as it is written.
    struct TlsTable { cert, key }
    not_built { acme: "Until then something else gets the certificate: name its files as `cert` and `key`." }
}

/// The two PEM files, which were read and fit together when the configuration was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the gateway's own first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads both files, at the start and at each reload.
    ///
    /// # Errors
    /// A file cannot be read, or the key is not the certificate's.
    pub fn load(&self) -> Result<CertifiedKey, PemFilesError> {
        load_pair(&self.cert, &self.key)
    }
}

pub(super) fn check(setting: Setting, public_url: Option<&PublicUrl>, checks: &mut Checks) -> Option<TlsFiles> {
    let whole = setting.clone();
    let table = setting.table(checks)?;
    let WrittenSection { place, keys: TlsTable { cert, key } } = TlsTable::read("server.tls.", table, checks);
    if public_url.is_some_and(|url| !url.is_https()) {
        whole.refuse(checks, "is set, but `public_url` starts with http://. Make it https://, or remove `server.tls`.");
    }
    let mut file_of = |file: Option<Setting>, name: &str, what: &str| match file {
        Some(file) => PemFile::of(file, checks),
        None => {
            checks.refuse(&place, format!("`server.tls.{name}` is missing. It is the PEM file with the {what}."));
            None
        }
    };
    let cert = file_of(cert, "cert", "certificate chain");
    let key = file_of(key, "key", "private key");
    let pair = check_pair(cert.as_ref(), key.as_ref(), checks)?;
    let (cert, key) = cert.zip(key)?;
    if let (Some(url), Some(own)) = (public_url, pair.chain.first())
        && !certificate::is_for(own, url.host().as_str())
    {
        checks
            .warn(&cert.place, format_args!("`server.tls.cert` is not for {}, the host of `public_url`.", url.host()));
    }
    Some(TlsFiles { cert: cert.path, key: key.path })
}
