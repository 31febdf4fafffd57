//! Who vouches for the certificates of mail servers, and of those that give access tokens to sign in there.

use std::sync::{Arc, LazyLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// What says which authorities the system is to know.
const SAY_WHICH: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The authorities that the system knows, or those that [`SAY_WHICH`] names; where it has no list of them, as in a
/// small container, those that browsers know. Read once they are needed.
static KNOWN: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let has_list = match rustls_native_certs::load_native_certs() {
        Ok(found) => roots.add_parsable_certificates(found) != (0, 0),
        // No certificate is taken then, unless by an authority that the configuration names.
        Err(error) => {
            tracing::error!(%error, "the system's certificate authorities cannot be read");
            true
        }
    };
    // An operator who names a list means no other.
    if !has_list && SAY_WHICH.iter().all(|name| std::env::var_os(name).is_none()) {
        tracing::info!("the system knows no certificate authorities: those that browsers know judge the mail server");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
});

/// TLS with servers for which a known authority vouches, or one of `more`, in DER form.
///
/// # Errors
/// One of `more` is no certificate.
pub(super) fn client(more: &[Box<[u8]>]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = KNOWN.clone();
    for authority in more {
        roots.add(CertificateDer::from(authority.to_vec()))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
