//! Names of headers as the laxest server might read them, and which of them tell an app what only the gateway may say.

use std::sync::LazyLock;

/// What a header tells an app that is not for a client to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Who asks: the identity of the principal.
    Identity,
    /// Which path, script or program is meant.
    Target,
    /// Another method than the one that stands in the first line.
    Method,
    /// Where the request comes from, and how: address, host, scheme, port.
    Way,
}

/// The headers that tell such things, as they are written; a star at the end stands for whatever may follow, and
/// behind stand the names that are known of it. Of several that fit a name, the first one counts. Above each stands who
/// says it, or who believes it.
const TELLING: &[(&str, Tells, &[&str])] = &[
    // this gateway, as long as it is called nothing else
    ("x-bmauth-jwt", Tells::Identity, &[]),
    // Authelia, Caddy, Apache; this gateway's plain headers
    ("remote-*", Tells::Identity, &["remote-user", "remote-email", "remote-name", "remote-groups"]),
    // Kubernetes' authenticating proxy, Grafana, Jenkins
    ("x-remote-*", Tells::Identity, &["x-remote-user", "x-remote-email", "x-remote-group"]),
    // oauth2-proxy, traefik-forward-auth
    ("x-forwarded-user", Tells::Identity, &[]),
    // oauth2-proxy
    ("x-forwarded-email", Tells::Identity, &[]),
    // oauth2-proxy
    ("x-forwarded-groups", Tells::Identity, &[]),
    // oauth2-proxy
    ("x-forwarded-preferred-username", Tells::Identity, &[]),
    // oauth2-proxy
    ("x-forwarded-access-token", Tells::Identity, &[]),
    // Envoy, Traefik
    ("x-forwarded-client-cert*", Tells::Identity, &["x-forwarded-client-cert"]),
    // Traefik
    ("x-forwarded-tls-client-*", Tells::Identity, &["x-forwarded-tls-client-cert", "x-forwarded-tls-client-cert-info"]),
    // oauth2-proxy behind nginx
    (
        "x-auth-request-*",
        Tells::Identity,
        &[
            "x-auth-request-user",
            "x-auth-request-email",
            "x-auth-request-groups",
            "x-auth-request-preferred-username",
            "x-auth-request-access-token",
        ],
    ),
    // Kong, Apache APISIX
    ("x-authenticated-*", Tells::Identity, &["x-authenticated-userid", "x-authenticated-groups"]),
    // authentik
    (
        "x-authentik-*",
        Tells::Identity,
        &[
            "x-authentik-username",
            "x-authentik-email",
            "x-authentik-name",
            "x-authentik-groups",
            "x-authentik-uid",
            "x-authentik-jwt",
        ],
    ),
    // Grafana, Gitea
    ("x-webauth-*", Tells::Identity, &["x-webauth-user", "x-webauth-email", "x-webauth-name"]),
    // Pomerium
    (
        "x-pomerium-*",
        Tells::Identity,
        &["x-pomerium-jwt-assertion", "x-pomerium-claim-email", "x-pomerium-claim-groups"],
    ),
    // Google Identity-Aware Proxy
    (
        "x-goog-*",
        Tells::Identity,
        &["x-goog-authenticated-user-email", "x-goog-authenticated-user-id", "x-goog-iap-jwt-assertion"],
    ),
    // Google App Engine
    ("x-appengine-*", Tells::Identity, &["x-appengine-user-email", "x-appengine-user-id"]),
    // Cloudflare Access
    ("cf-access-*", Tells::Identity, &["cf-access-authenticated-user-email", "cf-access-jwt-assertion"]),
    // Tailscale Serve
    ("tailscale-*", Tells::Identity, &["tailscale-user-login", "tailscale-user-name"]),
    // AWS load balancers
    ("x-amzn-oidc-*", Tells::Identity, &["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"]),
    // AWS load balancers
    ("x-amzn-mtls-*", Tells::Identity, &["x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-subject"]),
    // Azure App Service
    (
        "x-ms-client-principal*",
        Tells::Identity,
        &["x-ms-client-principal", "x-ms-client-principal-id", "x-ms-client-principal-name"],
    ),
    // Azure App Service
    ("x-ms-token-*", Tells::Identity, &["x-ms-token-aad-id-token"]),
    // Vouch Proxy
    ("x-vouch-*", Tells::Identity, &["x-vouch-user", "x-vouch-idp-claims-email"]),
    // Kong
    (
        "x-consumer-*",
        Tells::Identity,
        &["x-consumer-id", "x-consumer-username", "x-consumer-custom-id", "x-consumer-groups"],
    ),
    // Kong
    ("x-credential-*", Tells::Identity, &["x-credential-identifier", "x-credential-username"]),
    // Kong
    ("x-anonymous-consumer", Tells::Identity, &[]),
    // mod_auth_openidc
    ("oidc-*", Tells::Identity, &["oidc-claim-sub", "oidc-claim-email", "oidc-claim-preferred-username"]),
    // Kubernetes
    ("impersonate-*", Tells::Identity, &["impersonate-user", "impersonate-group"]),
    // ingress-nginx, Apache
    ("ssl-client-*", Tells::Identity, &["ssl-client-cert", "ssl-client-verify", "ssl-client-subject-dn"]),
    // nginx and HAProxy snippets
    ("x-ssl-client-*", Tells::Identity, &["x-ssl-client-cert", "x-ssl-client-verify"]),
    // F5, HAProxy snippets
    ("x-client-cert*", Tells::Identity, &["x-client-cert"]),
    // Trac, Zabbix
    ("proxy-user", Tells::Identity, &[]),
    // Zabbix, Nexus
    ("x-proxy-user", Tells::Identity, &[]),
    // gunicorn, uWSGI
    ("script-name", Tells::Target, &[]),
    // gunicorn, uWSGI
    ("path-info", Tells::Target, &[]),
    // CGI (RFC 3875 §4.1.6)
    ("path-translated", Tells::Target, &[]),
    // Flask and Gitea snippets
    ("x-script-name", Tells::Target, &[]),
    // the same
    ("x-path-info", Tells::Target, &[]),
    // IIS, Symfony and Zend (CVE-2018-14773)
    ("x-original-url", Tells::Target, &[]),
    // ingress-nginx
    ("x-original-uri", Tells::Target, &[]),
    // Envoy
    ("x-original-path", Tells::Target, &[]),
    // IIS, Symfony and Zend (CVE-2018-14773)
    ("x-rewrite-*", Tells::Target, &["x-rewrite-url"]),
    // Traefik, Caddy
    ("x-forwarded-uri", Tells::Target, &[]),
    // snippets
    ("x-forwarded-url", Tells::Target, &[]),
    // AWS, Kong
    ("x-forwarded-path", Tells::Target, &[]),
    // Envoy
    ("x-envoy-original-*", Tells::Target, &["x-envoy-original-path"]),
    // Envoy
    ("x-envoy-*", Tells::Way, &[]),
    // HTTP_PROXY in CGI (CVE-2016-5385)
    ("proxy", Tells::Target, &[]),
    // Rails, Express, Google
    ("x-http-method-override", Tells::Method, &[]),
    // Microsoft
    ("x-http-method", Tells::Method, &[]),
    // Express, IBM
    ("x-method-override", Tells::Method, &[]),
    // RFC 7239
    ("forwarded", Tells::Way, &[]),
    // nearly all
    ("x-forwarded*", Tells::Way, &[]),
    // ingress-nginx, ASP.NET Core
    ("x-original-*", Tells::Way, &[]),
    // nginx
    ("x-real-ip", Tells::Way, &[]),
    // Apache, Azure
    ("x-client-ip", Tells::Way, &[]),
    // PHP's HTTP_CLIENT_IP
    ("client-ip", Tells::Way, &[]),
    // Rackspace, Riverbed
    ("x-cluster-client-ip", Tells::Way, &[]),
    // Akamai, Cloudflare
    ("true-client-ip", Tells::Way, &[]),
    // Cloudflare
    ("cf-connecting-ip*", Tells::Way, &[]),
    // Fastly
    ("fastly-client-ip", Tells::Way, &[]),
    // Fly.io
    ("fly-client-ip", Tells::Way, &[]),
    // Azure Front Door
    ("x-azure-*", Tells::Way, &[]),
    // WSGI snippets
    ("x-url-scheme", Tells::Way, &[]),
    // ingress-nginx, Flask snippets
    ("x-scheme", Tells::Way, &[]),
    // Microsoft
    ("front-end-https", Tells::Way, &[]),
];

/// The same, folded, by the first letter.
static FOLDED: LazyLock<[Vec<Telling>; 26]> = LazyLock::new(|| {
    let mut by_letter = [const { Vec::new() }; 26];
    for &(written, tells, _) in TELLING {
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

/// The letters and digits of a name, in lowercase: all that counts where a server makes a variable of it. CGI makes one
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

/// The names by which an app may be told who asks or which target is meant, as they are written: of a family those that
/// are known.
pub fn known_names() -> impl Iterator<Item = &'static str> {
    let told = TELLING.iter().filter(|(_, tells, _)| matches!(tells, Tells::Identity | Tells::Target));
    told.flat_map(|(written, _, members)| {
        let whole = (!written.ends_with('*')).then_some(*written);
        whole.into_iter().chain(members.iter().copied())
    })
}

/// Names by which the identity is told here, folded.
#[derive(Clone, Debug, Default)]
pub struct IdentityNames(Vec<Box<[u8]>>);

impl IdentityNames {
    /// Those of these names, however they are written.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| fold(name).into()).collect())
    }

    /// Whether a name may be read as one of them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|folded| reads_as(name, folded))
    }
}

/// Whether some app may take it for one of ours that says who asks: one that is known for that, or one of `identity`.
pub fn is_of_identity(name: &str, identity: &IdentityNames) -> bool {
    tells(name) == Some(Tells::Identity) || identity.has(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_case_do_not_count() {
        for name in ["X-BMAuth-JWT", "x_bmauth_jwt", "x.bmauth.jwt", "XBmauthJwt", "-x!bmauth~jwt-"] {
            assert!(reads_as(name, b"xbmauthjwt"), "{name}");
        }
        for name in ["x-bmauth-jwts", "x-bmauth", "", "y-bmauth-jwt"] {
            assert!(!reads_as(name, b"xbmauthjwt"), "{name}");
        }
    }

    #[test]
    fn what_tells_an_app_who_asks_is_known_in_any_spelling() {
        let identity = IdentityNames::of(["X-Who", "Acme-Email"]);
        for name in
            ["x_who", "X-Who", "acme.email", "Remote-User", "remote.groups", "X-Auth-Request-Email", "CF-Access-Jwt"]
        {
            assert!(is_of_identity(name, &identity), "{name}");
        }
        for name in ["X-Whom", "X-Env", "Authorization"] {
            assert!(!is_of_identity(name, &identity), "{name}");
        }
    }

    #[test]
    fn a_name_is_compared_to_its_end_however_long_it_is() {
        let identity = IdentityNames::of([format!("x-{}", "long-".repeat(40)).as_str()]);
        let spelled = format!("X_{}", "LONG.".repeat(40));
        assert!(is_of_identity(&spelled, &identity));
        assert!(!is_of_identity(&format!("{spelled}er"), &identity));
        assert!(!is_of_identity(&spelled[..100], &identity));
        assert_eq!(tells(&format!("x-auth-request-{}", "a".repeat(100))), Some(Tells::Identity));
    }

    #[test]
    fn every_header_of_the_list_is_known_by_what_it_tells() {
        for &(written, tells_of, members) in TELLING {
            for member in members {
                assert_eq!(tells(member), Some(tells_of), "{member}");
            }
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

    fn example(file: &str) -> String {
        let path = format!("{}/examples/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap().to_lowercase()
    }

    /// Behind a proxy that only asks, that proxy alone can take a header away.
    #[test]
    fn the_examples_take_all_of_them_away() {
        let (nginx, caddy, traefik) =
            (example("nginx/bmauth.conf"), example("caddy/Caddyfile"), example("traefik/dynamic.yml"));
        let ingress = example("kubernetes/ingress-nginx.yaml");
        let ours = |name: &str| name == "x-bmauth-jwt" || name.starts_with("remote-");
        for name in known_names().filter(|name| !ours(name)) {
            assert!(nginx.contains(&format!("proxy_set_header {name} \"\";")), "{name} with nginx");
            assert!(ingress.contains(name), "{name} with ingress-nginx");
        }
        for (written, ..) in TELLING.iter().filter(|(written, tells, _)| *tells != Tells::Way && !ours(written)) {
            if *written == "x-method-override" || written.starts_with("x-http-method") {
                continue;
            }
            let whole = if written.starts_with("x-original-") { "x-original-*" } else { written };
            assert!(caddy.contains(&format!("request_header -{whole}\n")), "{written} with Caddy");
            let pattern =
                written.replace("-*", "-+").replace('-', "[-_.]").replace('*', ".*").replace("[-_.]+", "[-_.].+");
            assert!(
                traefik.contains(&format!("|{pattern}|")) || traefik.contains(&format!("|{pattern})$")),
                "{pattern}"
            );
        }
    }
}
