//! PEM files: certificates, and private keys that fit them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;
use thiserror::Error;

use super::hidden::warn_if_world_readable;
use super::problem::{Checks, SettingPlace};
use super::setting::Setting;

/// Why a certificate and its key cannot be used.
#[derive(Debug, Error)]
pub enum PemFilesError {
    /// The certificate file cannot be read or has no certificate in PEM form.
    #[error("{} has no certificate chain in PEM form ({source})", path.display())]
    Certificate {
        /// The certificate file, as the configuration names it.
        path: PathBuf,
        /// What the reader said.
        source: pem::Error,
    },
    /// The key file cannot be read or has no private key in PEM form.
    #[error("{} has no private key in PEM form ({source})", path.display())]
    Key {
        /// The key file, as the configuration names it.
        path: PathBuf,
        /// What the reader said.
        source: pem::Error,
    },
    /// Both can be read, but not used together.
    #[error("the certificate and the key cannot be used together ({0})")]
    Pair(#[from] rustls::Error),
}

/// A certificate chain and its private key.
pub(super) struct PemPair {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// A file that a key of the configuration names.
pub(super) struct PemFile {
    /// The whole key.
    key: String,
    /// From the folder of the configuration.
    pub path: PathBuf,
    /// Where it was written.
    pub place: SettingPlace,
}

impl PemFile {
    /// The file that a setting names.
    pub(super) fn of(setting: Setting, checks: &mut Checks) -> Option<Self> {
        let (key, place) = (setting.key.clone(), setting.place().clone());
        let text = setting.text(checks)?;
        let path = checks.folder.file(&key, &text);
        Some(Self { key, path, place })
    }

    /// A problem with what is in it.
    pub(super) fn refuse(&self, checks: &mut Checks, why: &dyn std::fmt::Display) {
        checks.refuse(&self.place, format!("`{}`: {why}.", self.key));
    }
}

/// Reads the certificate and its key, and whether they belong together.
///
/// # Errors
/// A file cannot be read, or the key is not the certificate's.
pub(super) fn load_pair(cert: &Path, key: &Path) -> Result<CertifiedKey, PemFilesError> {
    Ok(certified(PemPair { chain: read_chain(cert)?, key: read_key(key)? })?)
}

/// Reads both files: each on its own first, so that both can be wrong at once, then together.
pub(super) fn check_pair(cert: Option<&PemFile>, key: Option<&PemFile>, checks: &mut Checks) -> Option<PemPair> {
    let chain = cert.and_then(|file| read_chain(&file.path).map_err(|why| file.refuse(checks, &why)).ok());
    let private = key.and_then(|file| {
        let read = read_key(&file.path).map_err(|why| file.refuse(checks, &why)).ok()?;
        warn_if_world_readable(&file.path, &file.key, &file.place, checks);
        Some((read, file))
    });
    let (chain, (private, file)) = chain.zip(private)?;
    let whole = PemPair { chain: chain.clone(), key: private.clone_key() };
    match certified(whole) {
        Ok(_) => Some(PemPair { chain, key: private }),
        Err(why) => {
            file.refuse(checks, &PemFilesError::Pair(why));
            None
        }
    }
}

/// Certificate authorities that can vouch for others: those of the file that a setting names, in DER form.
pub(super) fn read_authorities(setting: Setting, checks: &mut Checks) -> Option<Arc<[Box<[u8]>]>> {
    let file = PemFile::of(setting, checks)?;
    authorities_in(&file.path).map_err(|why| file.refuse(checks, &why)).ok()
}

/// The certificate authorities of a file, in DER form.
///
/// # Errors
/// A sentence without its full stop.
pub(super) fn authorities_in(path: &Path) -> Result<Arc<[Box<[u8]>]>, String> {
    let shown = path.display();
    let found = read_certificates(path).map_err(|why| format!("{shown} has no certificates in PEM form ({why})"))?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        roots
            .add(certificate.clone())
            .map_err(|why| format!("{shown} has a certificate that cannot be read ({why})"))?;
    }
    Ok(found.iter().map(|certificate| Box::from(certificate.as_ref())).collect())
}

/// The certificates of a file; at least one.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let all: Vec<_> = CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()?;
    if all.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(all) }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemFilesError> {
    read_certificates(path).map_err(|source| PemFilesError::Certificate { path: path.to_owned(), source })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemFilesError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| PemFilesError::Key { path: path.to_owned(), source })
}

fn certified(PemPair { chain, key }: PemPair) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
}
