//! Names of headers as the laxest server might read them, and which of them tell an app what only the gateway may say.

use std::sync::LazyLock;

/// What a header tells an app that is not for a client to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Who asks.
    Identity,
    /// Which path, script or program is meant.
    Target,
    /// Another method than the one that stands in the first line.
    Method,
    /// Where the request comes from, and how: address, host, scheme, port.
    Way,
}

/// The headers that tell such things, as they are written; a star at the end stands for whatever may follow. Of several
/// that fit a name, the first one counts. Behind each stands who says it, or who believes it.
const TELLING: &[(&str, Tells)] = &[
    ("x-bmauth-jwt", Tells::Identity), // this gateway, as long as it is called nothing else
    ("remote-*", Tells::Identity),     // Authelia, Caddy, Apache; this gateway's plain headers
    ("x-remote-*", Tells::Identity),   // Kubernetes' authenticating proxy, Grafana, Jenkins
    ("x-forwarded-user", Tells::Identity), // oauth2-proxy, traefik-forward-auth
    ("x-forwarded-email", Tells::Identity), // oauth2-proxy
    ("x-forwarded-groups", Tells::Identity), // oauth2-proxy
    ("x-forwarded-preferred-username", Tells::Identity), // oauth2-proxy
    ("x-forwarded-access-token", Tells::Identity), // oauth2-proxy
    ("x-forwarded-client-cert*", Tells::Identity), // Envoy, Traefik
    ("x-forwarded-tls-client-*", Tells::Identity), // Traefik
    ("x-auth-request-*", Tells::Identity), // oauth2-proxy behind nginx
    ("x-authenticated-*", Tells::Identity), // Kong, Apache APISIX
    ("x-authentik-*", Tells::Identity), // authentik
    ("x-webauth-*", Tells::Identity),  // Grafana, Gitea
    ("x-pomerium-*", Tells::Identity), // Pomerium
    ("x-goog-*", Tells::Identity),     // Google Identity-Aware Proxy
    ("x-appengine-*", Tells::Identity), // Google App Engine
    ("cf-access-*", Tells::Identity),  // Cloudflare Access
    ("tailscale-*", Tells::Identity),  // Tailscale Serve
    ("x-amzn-oidc-*", Tells::Identity), // AWS load balancers
    ("x-amzn-mtls-*", Tells::Identity), // AWS load balancers
    ("x-ms-client-principal*", Tells::Identity), // Azure App Service
    ("x-ms-token-*", Tells::Identity), // Azure App Service
    ("x-vouch-*", Tells::Identity),    // Vouch Proxy
    ("x-consumer-*", Tells::Identity), // Kong
    ("x-credential-*", Tells::Identity), // Kong
    ("x-anonymous-consumer", Tells::Identity), // Kong
    ("oidc-*", Tells::Identity),       // mod_auth_openidc
    ("impersonate-*", Tells::Identity), // Kubernetes
    ("ssl-client-*", Tells::Identity), // ingress-nginx, Apache
    ("x-ssl-client-*", Tells::Identity), // nginx and HAProxy snippets
    ("x-client-cert*", Tells::Identity), // F5, HAProxy snippets
    ("proxy-user", Tells::Identity),   // Trac, Zabbix
    ("x-proxy-user", Tells::Identity), // Zabbix, Nexus
    ("script-name", Tells::Target),    // gunicorn, uWSGI
    ("path-info", Tells::Target),      // gunicorn, uWSGI
    ("path-translated", Tells::Target), // CGI (RFC 3875 §4.1.6)
    ("x-script-name", Tells::Target),  // Flask and Gitea snippets
    ("x-path-info", Tells::Target),    // the same
    ("x-original-url", Tells::Target), // IIS, Symfony and Zend (CVE-2018-14773)
    ("x-original-uri", Tells::Target), // ingress-nginx
    ("x-original-path", Tells::Target), // Envoy
    ("x-rewrite-*", Tells::Target),    // IIS, Symfony and Zend (CVE-2018-14773)
    ("x-forwarded-uri", Tells::Target), // Traefik, Caddy
    ("x-forwarded-url", Tells::Target), // snippets
    ("x-forwarded-path", Tells::Target), // AWS, Kong
    ("x-envoy-original-*", Tells::Target), // Envoy
    ("x-envoy-*", Tells::Way),         // Envoy
    ("proxy", Tells::Target),          // HTTP_PROXY in CGI (CVE-2016-5385)
    ("x-http-method-override", Tells::Method), // Rails, Express, Google
    ("x-http-method", Tells::Method),  // Microsoft
    ("x-method-override", Tells::Method), // Express, IBM
    ("forwarded", Tells::Way),         // RFC 7239
    ("x-forwarded*", Tells::Way),      // nearly all
    ("x-original-*", Tells::Way),      // ingress-nginx, ASP.NET Core
    ("x-real-ip", Tells::Way),         // nginx
    ("x-client-ip", Tells::Way),       // Apache, Azure
    ("client-ip", Tells::Way),         // PHP's HTTP_CLIENT_IP
    ("x-cluster-client-ip", Tells::Way), // Rackspace, Riverbed
    ("true-client-ip", Tells::Way),    // Akamai, Cloudflare
    ("cf-connecting-ip*", Tells::Way), // Cloudflare
    ("fastly-client-ip", Tells::Way),  // Fastly
    ("fly-client-ip", Tells::Way),     // Fly.io
    ("x-azure-*", Tells::Way),         // Azure Front Door
    ("x-url-scheme", Tells::Way),      // WSGI snippets
    ("x-scheme", Tells::Way),          // ingress-nginx, Flask snippets
    ("front-end-https", Tells::Way),   // Microsoft
];

/// The same, folded, by the first letter.
static FOLDED: LazyLock<[Vec<Telling>; 26]> = LazyLock::new(|| {
    let mut by_letter = [const { Vec::new() }; 26];
    for &(written, tells) in TELLING {
        let rest = if written.ends_with("-*") {
            Rest::Some
        } else if written.ends_with('*') {
            Rest::Any
        } else {
            Rest::None
        };
        let telling = Telling { name: fold(written), rest, tells };
        if let Some(all) = telling.name.first().and_then(|first| by_letter.get_mut(place(*first)?)) {
            all.push(telling);
        }
    }
    by_letter
});

struct Telling {
    name: Vec<u8>,
    rest: Rest,
    tells: Tells,
}

/// What follows in a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Some,
    Any,
}

fn place(letter: u8) -> Option<usize> {
    letter.is_ascii_lowercase().then(|| usize::from(letter - b'a'))
}

/// The letters and digits of a name, in lower case: all that counts where a server makes a variable of it. CGI makes one
/// of `-` and `_`, and others of `.` too.
pub fn fold(name: &str) -> Vec<u8> {
    folding(name).collect()
}

fn folding(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// Whether a name may be read as `folded`, however long both are.
pub fn reads_as(name: &str, folded: &[u8]) -> bool {
    folding(name).eq(folded.iter().copied())
}

/// Whether it may be read as one of them.
pub fn reads_as_any(name: &str, folded: &[&[u8]]) -> bool {
    folded.iter().any(|folded| reads_as(name, folded))
}

impl Telling {
    fn fits(&self, name: &str) -> bool {
        let mut letters = folding(name);
        let begins_so = self.name.iter().all(|expected| letters.next() == Some(*expected));
        begins_so && (self.rest == Rest::Any || letters.next().is_some() == (self.rest == Rest::Some))
    }
}

/// What a header of that name may tell an app, in whatever spelling.
pub fn tells(name: &str) -> Option<Tells> {
    let known = FOLDED.get(place(folding(name).next()?)?)?;
    known.iter().find(|telling| telling.fits(name)).map(|telling| telling.tells)
}

/// Whether some app may take it for one of ours that says who asks: one that is known for that, or `identity`, the folded
/// name that the token has here.
pub fn is_of_identity(name: &str, identity: &[u8]) -> bool {
    tells(name) == Some(Tells::Identity) || reads_as(name, identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_capitals_do_not_count() {
        for name in ["X-BMAuth-JWT", "x_bmauth_jwt", "x.bmauth.jwt", "XBmauthJwt", "-x!bmauth~jwt-"] {
            assert!(reads_as(name, b"xbmauthjwt"), "{name}");
        }
        for name in ["x-bmauth-jwts", "x-bmauth", "", "y-bmauth-jwt"] {
            assert!(!reads_as(name, b"xbmauthjwt"), "{name}");
        }
    }

    #[test]
    fn what_tells_an_app_who_asks_is_known_in_any_spelling() {
        for name in ["x_who", "X-Who", "Remote-User", "remote.groups", "X-Auth-Request-Email", "CF-Access-Jwt"] {
            assert!(is_of_identity(name, b"xwho"), "{name}");
        }
        for name in ["X-Whom", "X-Env", "Authorization"] {
            assert!(!is_of_identity(name, b"xwho"), "{name}");
        }
    }

    #[test]
    fn a_name_is_compared_to_its_end_however_long_it_is() {
        let identity = fold(&format!("x-{}", "long-".repeat(40)));
        let spelled = format!("X_{}", "LONG.".repeat(40));
        assert!(is_of_identity(&spelled, &identity));
        assert!(!is_of_identity(&format!("{spelled}er"), &identity));
        assert!(!is_of_identity(&spelled[..100], &identity));
        assert_eq!(tells(&format!("x-auth-request-{}", "a".repeat(100))), Some(Tells::Identity));
    }

    #[test]
    fn every_header_of_the_list_is_known_by_what_it_tells() {
        for &(written, tells_of) in TELLING {
            let name = written.replace('*', "x");
            for spelled in [name.clone(), name.replace('-', "_"), name.replace('-', "."), name.to_uppercase()] {
                assert_eq!(tells(&spelled), Some(tells_of), "{spelled}");
            }
        }
        for (name, expected) in [
            ("SCRIPT_NAME", Some(Tells::Target)),
            ("X-Forwarded-For", Some(Tells::Way)),
            ("X-Forwarded-Whatever", Some(Tells::Way)),
            ("X-Forwarded-User", Some(Tells::Identity)),
            ("X-Original-Host", Some(Tells::Way)),
            ("OIDC_CLAIM_sub", Some(Tells::Identity)),
            ("Proxy", Some(Tells::Target)),
            ("Remote", None),
            ("X-Forwarded", Some(Tells::Way)),
            ("Proxy-Authorization", None),
            ("X-Requested-With", None),
            ("Accept", None),
            ("Content-Type", None),
            ("Cookie", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(tells(name), expected, "{name}");
        }
    }
}
