//! What is let through, and what the app is told.

use super::*;

#[tokio::test]
async fn a_signed_in_visitor_passes_by_every_family_and_the_app_is_told_who_it_is() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for family in FAMILIES {
        for method in ["GET", "HEAD", "POST", "DELETE", "PROPFIND"] {
            let answer = world.asks(family, About { method, ..about("/notes/7?tag=a%20b", &[&cookie]) }).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{family:?} {method} {answer:?}");
            assert_eq!(answer.field("x-bmauth-jwt"), Some("token.user7@example.com.notes.example.com"));
            for name in &IDENTITY[1..] {
                assert_eq!(answer.field(name), Some(""), "{name}: plain headers are off");
            }
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            assert_eq!(answer.field("content-length"), Some("0"));
        }
    }
}

#[tokio::test]
async fn plain_headers_are_said_where_they_are_wanted() {
    let world = asked().set(|settings| settings.plain_headers = standard_fields()).start();
    let cookie = cookie(&world.keeper.sign_in(7));
    let answer = world.asks(Family::Forwarded, about("/", &[&cookie])).await;
    assert_eq!(answer.field("remote-user"), Some("00000000-0000-0000-0000-000000000007"));
    assert_eq!(answer.field("remote-email"), Some("user7@example.com"));
    assert_eq!(answer.field("remote-name"), Some("Maria Muster"));
    assert_eq!(answer.field("remote-groups"), Some("editors"), "a group with a comma would be two");
    for name in IDENTITY {
        assert!(!removed(&answer).contains(&name.to_owned()), "{name} has a value");
    }
    let nameless = self::cookie(&world.keeper.sign_in_as(8, None, Vec::new()));
    let answer = world.asks(Family::Suffix, about("/", &[&nameless])).await;
    assert_eq!((answer.field("remote-name"), answer.field("remote-groups")), (Some(""), Some("")));
    assert!(removed(&answer).contains(&"remote-name".to_owned()), "and a client's is taken out");
}

#[tokio::test]
async fn the_identity_header_has_the_name_and_the_route_the_audience_that_were_configured() {
    let world = asked()
        .route_to("other.example.com", "/", Access::SignedIn, &[])
        .set(|settings| settings.identity_header = http::HeaderName::from_static("acme-user"))
        .start();
    let cookie = cookie(&world.keeper.sign_in_at(7, "other.example.com"));
    let lines = [cookie.as_str()];
    let other = About { host: "other.example.com", ..about("/", &lines) };
    for family in FAMILIES {
        let answer = world.asks(family, other).await;
        assert_eq!(answer.field("acme-user"), Some("token.user7@example.com.other.example.com"), "{family:?}");
        assert_eq!(answer.field("x-bmauth-jwt"), None);
        assert!(removed(&answer).contains(&"acme_user".to_owned()));
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_written_over() {
    let world = asked().start();
    let forged = [
        "X-BMAuth-JWT: eyJ.forged.token",
        "Remote-User: admin",
        "remote-email: admin@example.com",
        "REMOTE-NAME: Admin",
        "Remote-Groups: admins",
        "Remote-Groups: more",
    ];
    for family in FAMILIES {
        for uri in ["/public", "/optional/x"] {
            let answer = world.asks(family, about(uri, &forged)).await;
            passes_without_identity(&answer);
            for name in IDENTITY {
                assert!(removed(&answer).contains(&name.to_owned()), "{name}: a proxy that does not copy it drops it");
            }
        }
        let cookie = cookie(&world.keeper.sign_in(7));
        let answer = world.asks(family, about("/", &[&[cookie.as_str()], &forged[..]].concat())).await;
        assert_eq!(answer.field("x-bmauth-jwt"), Some("token.user7@example.com.notes.example.com"));
        assert_eq!(answer.field("remote-user"), Some(""));
        assert!(!removed(&answer).contains(&"x-bmauth-jwt".to_owned()), "Envoy removes after it has set");
    }
}

#[tokio::test]
async fn envoy_takes_out_other_spellings_and_other_gateways_fields() {
    let world = asked().start();
    let answer = world.asks(Family::Suffix, about("/public", &[])).await;
    for name in ["x_bmauth_jwt", "x.bmauth.jwt", "remote_user", "x-forwarded-user", "x-original-url", "x-rewrite-url"] {
        assert!(removed(&answer).contains(&name.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn open_routes_pass_and_only_the_optional_one_says_who_it_is() {
    let world = asked().start();
    let session = world.keeper.sign_in(7);
    for family in FAMILIES {
        passes_without_identity(&world.asks(family, about("/public/x", &[])).await);
        passes_without_identity(&world.asks(family, about("/public/x", &[&cookie(&session)])).await);
        passes_without_identity(&world.asks(family, about("/optional/x", &[])).await);
        let answer = world.asks(family, about("/optional/x", &[&cookie(&session)])).await;
        assert!(answer.field("x-bmauth-jwt").is_some_and(|token| token.starts_with("token.user7")), "{family:?}");
    }
}

#[tokio::test]
async fn the_apps_cookies_are_said_without_ours() {
    let world = asked().start();
    let secret = world.keeper.sign_in(7).text();
    for family in FAMILIES {
        for (lines, left) in [
            (vec![format!("Cookie: a=1; {COOKIE}={secret}; b=\"x y\"")], "a=1; b=\"x y\""),
            (vec![format!("Cookie: {COOKIE}={secret}; bmauth-flow=x; __Host-bmauth-lang=de")], ""),
            (
                vec!["Cookie: a=1".to_owned(), format!("Cookie: {COOKIE}={secret}"), "Cookie: b=2".to_owned()],
                "a=1; b=2",
            ),
        ] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let answer = world.asks(family, about("/", &lines)).await;
            assert_eq!((answer.status, answer.field("cookie")), (200, Some(left)), "{family:?}");
            assert_eq!(removed(&answer).contains(&"cookie".to_owned()), left.is_empty());
        }
        let answer = world.asks(family, about("/public", &["Cookie: a=1;b=2"])).await;
        assert_eq!(answer.field("cookie"), Some("a=1;b=2"), "byte for byte");
        let answer = world.asks(family, about("/public", &[])).await;
        assert_eq!(answer.field("cookie"), Some(""));
        assert!(!removed(&answer).contains(&"cookie".to_owned()), "a proxy need not show us what is the app's alone");
    }
}

/// Where everything comes through a proxy that only hands it on, a page's script can ask too.
#[tokio::test]
async fn the_apps_credentials_are_not_said_of_a_route_that_is_passed_on_from_here() {
    let world = asked().route("/app", Access::SignedIn, &dead_address().await).forwarding().start();
    let session = world.keeper.sign_in(7);
    let (cookie, token) = (cookie(&session), world.keeper.access_token(&session));
    let theirs = format!("{cookie}; their_session=secret");
    for family in FAMILIES {
        for authorization in ["Authorization: Basic eDp5".to_owned(), format!("Authorization: Bearer {token}")] {
            let answer = world.asks(family, about("/app", &[&theirs, &authorization])).await;
            assert_eq!(answer.status, 200, "{family:?}");
            assert_eq!((answer.field("cookie"), answer.field("authorization")), (Some(""), Some("")));
            assert!(["cookie", "authorization"].iter().all(|name| removed(&answer).contains(&(*name).to_owned())));
        }
    }
}

#[tokio::test]
async fn an_access_token_passes_like_the_cookie_and_stays_with_us() {
    let world = asked().route_to("graphql.example.com", "/", Access::SignedIn, &[]).forwarding().start();
    let session = world.keeper.sign_in(7);
    let token = world.keeper.access_token(&session);
    let bearer = format!("Authorization: Bearer {token}");
    for family in FAMILIES {
        for method in ["GET", "POST"] {
            let answer = world.asks(family, About { method, ..about("/api", &[&bearer]) }).await;
            assert_eq!(answer.status, 200, "{family:?}");
            assert_eq!(answer.field("x-bmauth-jwt"), Some("token.user7@example.com.notes.example.com"));
            assert_eq!(answer.field("authorization"), Some(""));
            assert!(removed(&answer).contains(&"authorization".to_owned()));
        }
        let lines = [bearer.as_str()];
        let forwarding = About { host: "graphql.example.com", ..about("/", &lines) };
        let answer = world.asks(family, forwarding).await;
        assert_eq!(answer.field("authorization"), Some("Bearer forwarded.user7@example.com.graphql.example.com"));
        assert!(!removed(&answer).contains(&"authorization".to_owned()));
        let answer = world.asks(family, about("/public", &[&bearer])).await;
        passes_without_identity(&answer);
        assert_eq!(answer.field("authorization"), Some(""));
    }
    world.keeper.end(&session);
    for family in FAMILIES {
        assert_eq!(world.asks(family, about("/api", &[&bearer])).await.status, 401, "the session ended");
    }
}

#[tokio::test]
async fn a_session_by_a_mailed_code_alone_is_asked_to_sign_in() {
    let world = asked().start();
    let session = world.keeper.sign_in_by_code(7);
    let bearer = format!("Authorization: Bearer {}", world.keeper.access_token(&session));
    for family in FAMILIES {
        assert_eq!(world.asks(family, about("/api", &[&bearer])).await.status, 401, "{family:?}");
        passes_without_identity(&world.asks(family, about("/optional", &[&bearer])).await);
        passes_without_identity(&world.asks(family, about("/public", &[&bearer])).await);
    }
}

#[tokio::test]
async fn an_invalid_access_token_lets_no_one_pass_whatever_cookie_comes_along() {
    let world = asked().start();
    let session = world.keeper.sign_in(7);
    let (cookie, token) = (cookie(&session), world.keeper.access_token(&session));
    for family in FAMILIES {
        for authorization in [
            "Authorization: Bearer access.token.forged".to_owned(),
            format!("Authorization: Token {token}"),
            format!("Authorization: Bearer {token}\r\nAuthorization: Basic eDp5"),
        ] {
            let answer = world.asks(family, about("/api", &[&cookie, &authorization])).await;
            assert_eq!(answer.status, 401, "{family:?} {authorization}");
            let answer = world.asks(family, about("/public", &[&authorization])).await;
            assert_eq!((answer.status, answer.field("authorization")), (200, Some("")), "and no app sees it");
        }
    }
}

#[tokio::test]
async fn the_apps_own_authorization_is_said_as_it_came() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for family in FAMILIES {
        let answer = world.asks(family, about("/", &[&cookie, "Authorization: Basic eDp5"])).await;
        assert_eq!((answer.status, answer.field("authorization")), (200, Some("Basic eDp5")));
        assert!(!removed(&answer).contains(&"authorization".to_owned()));
        let answer = world.asks(family, about("/", &[&cookie])).await;
        assert_eq!(answer.field("authorization"), Some(""));
        assert!(!removed(&answer).contains(&"authorization".to_owned()));
    }
}

#[tokio::test]
async fn the_question_is_asked_by_any_name_of_the_gateway_and_any_method() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for line in ["GET /_bmauth/forward-auth", "POST /_bmauth/forward-auth", "GET /_bmauth/forward-auth?kept=by&caddy"] {
        for host in ["bmauth", "127.0.0.1:9000", "[::1]:8443", HOST] {
            let question = format!(
                "{line} HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\n\
                 X-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /a\r\n\r\n"
            );
            assert_eq!(world.told(&question).await.status, 200, "{line} {host}");
        }
    }
}

#[tokio::test]
async fn a_body_that_comes_along_does_not_matter_nor_one_that_was_only_announced() {
    let world = asked().start();
    for family in FAMILIES {
        for body in ["body", ""] {
            let about = About { method: "POST", ..about("/public", &["Content-Type: text/plain"]) };
            let question = question(family, about).replace("Content-Length: 0\r\n", "");
            let question = question.replacen("\r\n", "\r\nContent-Length: 4\r\n", 1) + body;
            passes_without_identity(&world.told(&question).await);
        }
    }
}

#[tokio::test]
async fn nginx_may_ask_in_http_1_0() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for (lines, status) in [(&[cookie.as_str()][..], 200), (&[], 401)] {
        let mut proxy = world.connect_from(PROXY);
        proxy.send(question(Family::Original, about("/notes", lines)).replace("HTTP/1.1", "HTTP/1.0")).await;
        let answer = proxy.answer().await;
        assert_eq!((answer.status, answer.field("x-bmauth-jwt").is_some()), (status, status == 200));
        assert_eq!(proxy.closes().await, "");
    }
}

#[tokio::test]
async fn one_connection_carries_many_questions() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    let mut proxy = world.connect_from(PROXY);
    for family in [FAMILIES, FAMILIES].concat() {
        for (lines, status) in [(&[cookie.as_str()][..], 200), (&[], 401)] {
            proxy.send(question(family, about("/notes", lines))).await;
            assert_eq!(proxy.answer().await.status, status);
        }
    }
}

#[tokio::test]
async fn a_session_that_ended_passes_no_more_at_the_next_question() {
    let world = asked().start();
    for family in FAMILIES {
        let session = world.keeper.sign_in(7);
        let cookie = cookie(&session);
        assert_eq!(world.asks(family, about("/", &[&cookie])).await.status, 200);
        world.keeper.end(&session);
        let answer = world.asks(family, about("/", &[&cookie])).await;
        assert_eq!(answer.status, 401, "{family:?}");
        says_nothing_to_an_app(&answer);
    }
    let session = world.keeper.sign_in(8);
    world.keeper.pass(2 * HOUR);
    assert_eq!(world.asks(Family::Suffix, about("/", &[&cookie(&session)])).await.status, 401, "idle too long");
}

#[tokio::test]
async fn two_session_cookies_are_none() {
    let world = asked().start();
    let cookie = cookie(&world.keeper.sign_in(7));
    for family in FAMILIES {
        assert_eq!(world.asks(family, about("/", &[&cookie, &cookie])).await.status, 401, "{family:?}");
    }
}

#[tokio::test]
async fn plain_headers_of_other_names_are_said_and_taken_away_like_the_standard_ones() {
    let names = ["acme-mail", "x-remote-user", "acme-called"];
    let fields = names.map(http::HeaderName::from_static).into_iter();
    let fields: PlainFields = fields.zip([Fact::Email, Fact::Id, Fact::Name]).collect();
    let world = asked().set(|settings| settings.plain_headers = fields).start();
    let cookie = cookie(&world.keeper.sign_in_as(7, Some("Zoë 100 %".to_owned()), Vec::new()));
    let forged = ["Acme-Mail: admin@example.com", "X-Remote-User: admin", "Acme-Called: Admin", "Remote-User: admin"];
    for family in FAMILIES {
        let answer = world.asks(family, about("/", &[&[cookie.as_str()], &forged[..]].concat())).await;
        assert_eq!(answer.field("acme-mail"), Some("user7@example.com"));
        assert_eq!(answer.field("x-remote-user"), Some("00000000-0000-0000-0000-000000000007"));
        assert_eq!(answer.field("acme-called"), Some("Zo%C3%AB 100 %25"));
        for name in &IDENTITY[1..] {
            assert_eq!(answer.field(name), Some(""), "{name}");
            assert!(removed(&answer).contains(&(*name).to_owned()), "{name}");
        }
        for name in names {
            assert!(!removed(&answer).contains(&name.to_owned()), "{name}: Envoy removes after it has set");
            assert!(removed(&answer).contains(&name.replace('-', "_")), "{name}");
        }
        for uri in ["/public", "/optional/x"] {
            let answer = world.asks(family, about(uri, &forged)).await;
            passes_without_identity(&answer);
            for name in names {
                assert_eq!(answer.field(name), Some(""), "{name}");
                assert!(removed(&answer).contains(&name.to_owned()), "{name}");
            }
        }
        for spelling in ["acme_mail: a", "ACME.MAIL: a", "x_remote-user: a", "acmecalled: a", "remote_user: a"] {
            let answer = world.asks(family, about("/public", &[spelling])).await;
            assert_eq!(answer.status, 403, "{spelling}: the proxy cannot write over it");
        }
    }
}
