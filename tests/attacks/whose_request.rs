//! Promise 2: the identity that a backend sees is ours alone.

use bmauth::domain::route::Access;

use crate::harness::*;

/// Who sends what, and what the app is told: the token of user 1, or nothing.
async fn sends_no_other_identity(lines: &[&str]) {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/public", Access::Public, &app.url)
        .set(|settings| settings.plain_headers = standard_fields())
        .start();
    let secret = world.keeper.sign_in(1);
    for (path, is_known) in [("/", true), ("/public", false)] {
        let cookie = cookie(&secret);
        let lines: Vec<&str> = lines.iter().copied().chain([cookie.as_str()]).collect();
        let status = world.get(path, &lines).await.status;
        if status == 400 {
            continue;
        }
        assert_eq!(status, 200, "{lines:?}");
        let seen = app.saw();
        assert!(!seen.fields.iter().any(|(_, value)| value.contains("admin")), "{seen:?}");
        assert_eq!(seen.field("x-bmauth-jwt").is_some(), is_known, "{seen:?}");
        assert_eq!(seen.field("remote-email").is_some(), is_known, "{seen:?}");
    }
}

/// CVE-2025-64484: an underscore in the place of a dash reached apps that take both for one.
#[tokio::test]
async fn underscores_are_dashes_to_many_apps() {
    for line in [
        "X_Bmauth_Jwt: admin",
        "Remote_User: admin",
        "X-Remote_User: admin",
        "X_Forwarded_User: admin",
        "X_Auth_Request_Email: admin",
    ] {
        sends_no_other_identity(&[line]).await;
    }
}

/// An advisory of Traefik's ForwardAuth (a sibling of GHSA-x677-9fxg-v5c5): dots are dashes to PHP.
#[tokio::test]
async fn dots_are_dashes_to_php() {
    for line in [
        "X.Bmauth.Jwt: admin",
        "Remote.User: admin",
        "remote.email: admin",
        "X.Forwarded.User: admin",
        "x.authenticated-user: admin",
    ] {
        sends_no_other_identity(&[line]).await;
    }
}

/// CVE-2025-48865 (Fabio): a client named headers of the gateway in Connection, and they ended on the way.
#[tokio::test]
async fn connection_takes_no_header_of_ours_away() {
    for line in [
        "Connection: X-BMAuth-JWT",
        "Connection: close, remote-user",
        "Connection: X-Forwarded-For, Host",
        "Connection: Cookie",
    ] {
        sends_no_other_identity(&[line]).await;
    }
}

/// CWE-290: what other gateways are believed by.
#[tokio::test]
async fn headers_of_other_gateways_identify_no_one() {
    for name in [
        "X-Forwarded-User",
        "X-Auth-Request-User",
        "X-Authentik-Username",
        "X-WEBAUTH-USER",
        "X-Pomerium-Jwt-Assertion",
        "Cf-Access-Jwt-Assertion",
        "Tailscale-User-Login",
        "X-Amzn-Oidc-Data",
        "X-MS-CLIENT-PRINCIPAL",
        "X-Vouch-User",
        "X-Consumer-Username",
        "OIDC_CLAIM_sub",
        "X-Goog-Iap-Jwt-Assertion",
        "X-Remote-User",
        "Impersonate-User",
        "SSL-Client-Subject-DN",
        "X-Forwarded-Client-Cert",
    ] {
        sends_no_other_identity(&[&format!("{name}: admin")]).await;
    }
}

/// CWE-235: a header that comes twice, empty, or beside its spellings.
#[tokio::test]
async fn repetition_brings_nothing_through() {
    sends_no_other_identity(&["X-BMAuth-JWT: admin", "X-BMAuth-JWT: admin", "x-bmauth-jwt:", "X_BMAuth-JWT: admin"])
        .await;
    sends_no_other_identity(&["Remote-User:", "Remote-User: admin", "REMOTE-USER: admin"]).await;
}
