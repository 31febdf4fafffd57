//! What stands in a certificate: for whom it is, and for how long.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_parser::parse_x509_certificate;

use crate::domain::clock::Timestamp;

/// From when to when a certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment at which it counts.
    pub from: Timestamp,
    /// The last moment at which it counts.
    pub until: Timestamp,
}

/// From when to when it counts (RFC 5280 §4.1.2.5); `None` where it cannot be read.
pub fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, read) = parse_x509_certificate(certificate).ok()?;
    // A moment before 1970 is as good as 1970 here.
    let moment = |seconds: i64| Timestamp::from_unix(u64::try_from(seconds).unwrap_or_default());
    let validity = read.validity();
    Some(Validity { from: moment(validity.not_before.timestamp()), until: moment(validity.not_after.timestamp()) })
}

/// Whether a certificate is for this host. One that cannot be asked is not complained about.
pub fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host) else { return true };
    match ParsedCertificate::try_from(certificate) {
        Ok(parsed) => rustls::client::verify_server_name(&parsed, &name).is_ok(),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_for_whom_and_for_how_long_it_is() {
        let mut wanted = rcgen::CertificateParams::new(["*.acme.test".to_owned(), "acme.test".to_owned()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(2026, 11, 1);
        wanted.not_after = rcgen::date_time_ymd(2027, 2, 1);
        let made = wanted.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let found = validity(made.der()).unwrap();
        assert_eq!(found.from.rfc3339(), "2026-11-01T00:00:00Z");
        assert_eq!(found.until.rfc3339(), "2027-02-01T00:00:00Z");
        for (host, is_its) in
            [("auth.acme.test", true), ("acme.test", true), ("a.b.acme.test", false), ("acme.example", false)]
        {
            assert_eq!(is_for(made.der(), host), is_its, "{host}");
        }
        assert_eq!(validity(&CertificateDer::from(vec![0; 3])), None);
    }
}
