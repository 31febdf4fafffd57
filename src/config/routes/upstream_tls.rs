//! `upstream_tls`: how the certificates of a route's `https` servers are judged, and the gateway's own for them.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use crate::config::pem::{PemFile, PemPair, check_pair, read_authorities};
use crate::config::problem::Checks;
use crate::config::setting::{Setting, WrittenSection, section};
use crate::domain::host::Host;
use crate::domain::upstream::{ClientCertificate, UpstreamTls, UpstreamUrl};

section! {
    /// The table as it is written.
    struct UpstreamTlsTable { ca, cert, key, name }
    not_built {}
}

/// Reads the table, and the files it names. `servers` are those of the route, where they could be read.
pub(super) fn check(setting: Setting, servers: Option<&[UpstreamUrl]>, checks: &mut Checks) -> Option<UpstreamTls> {
    let place = setting.place().clone();
    let mut complete = true;
    if servers.is_some_and(|servers| !servers.iter().any(UpstreamUrl::is_tls)) {
        checks.refuse(
            &place,
            "`route.upstream_tls` is for servers whose URL starts with https://, and `route.upstream` has none; write https:// there, or remove it.",
        );
        complete = false;
    }
    let table = setting.table(checks)?;
    let WrittenSection { place, keys } = UpstreamTlsTable::read("route.upstream_tls.", table, checks);
    let UpstreamTlsTable { ca, cert, key, name } = keys;
    let authorities = match ca {
        Some(setting) => read_authorities(setting, checks).map(Some),
        None => Some(None),
    };
    let name = match name {
        Some(setting) => setting.parsed(checks, read_name).map(Some),
        None => Some(None),
    };
    for (one, other, missing, what) in [(&cert, &key, "key", "private key"), (&key, &cert, "cert", "certificate chain")]
    {
        if one.is_some() && other.is_none() {
            let message = format!(
                "`route.upstream_tls.{missing}` is missing. It is the PEM file with the {what}; a certificate for servers needs both `cert` and `key`."
            );
            checks.refuse(&place, message);
            complete = false;
        }
    }
    let wanted = cert.is_some() || key.is_some();
    let cert = cert.and_then(|setting| PemFile::of(setting, checks));
    let key = key.and_then(|setting| PemFile::of(setting, checks));
    let client = match check_pair(cert.as_ref(), key.as_ref(), checks) {
        Some(pair) => Some(Some(Arc::new(client_certificate(pair)))),
        None => (!wanted).then_some(None),
    };
    let tls = UpstreamTls { authorities: authorities?, client: client?, name: name? };
    complete.then_some(tls)
}

fn read_name(text: &str) -> Result<Host, String> {
    let name = Host::parse(text).map_err(|why| {
        format!("{why}. It must be a host without scheme and port, like \"app.internal\", which the certificate names.")
    })?;
    // A certificate names an address without brackets.
    let named = name.ip().map_or_else(|| name.as_str().to_owned(), |ip| ip.to_string());
    ServerName::try_from(named).map_err(|_| "no certificate can name that.".to_owned())?;
    Ok(name)
}

fn client_certificate(PemPair { chain, key }: PemPair) -> ClientCertificate {
    ClientCertificate {
        chain: chain.iter().map(|certificate| Box::from(certificate.as_ref())).collect(),
        key: Zeroizing::new(key.secret_der().to_vec()),
    }
}
