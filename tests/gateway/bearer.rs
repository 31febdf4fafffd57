//! Access tokens in `Authorization`: they open routes as the cookie does, alone, and no app sees them unless it is to.

mod issued;

use std::time::Duration;

use bmauth::domain::route::Access;
use bmauth::domain::secret::Secret;
use http::Request;

use crate::harness::{self, *};

const IDENTITY: &str = "x-bmauth-jwt";
const USER_1: &str = "token.user1@example.com.notes.example.com";
const USER_2: &str = "token.user2@example.com.notes.example.com";

fn bearer(world: &World, secret: &Secret) -> String {
    format!("Authorization: Bearer {}", world.keeper.access_token(secret))
}

#[tokio::test]
async fn an_access_token_opens_a_route_and_stays_with_us() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let answer = world.get("/notes", &[&bearer(&world, &secret), "X-BMAuth-JWT: evil"]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let seen = app.saw();
    assert_eq!((seen.field(IDENTITY), seen.field("authorization")), (Some(USER_1), None));
}

#[tokio::test]
async fn an_access_token_opens_a_route_over_http_2() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let (mut client, connection) = h2::client::handshake(world.pipe("192.0.2.1", true, true)).await.unwrap();
    tokio::spawn(connection);
    let token = format!("Bearer {}", world.keeper.access_token(&secret));
    for (fields, status) in [(vec![&token], 200), (vec![&token, &token], 401)] {
        let request = Request::get(format!("https://{HOST}/"));
        let request = fields.into_iter().fold(request, |request, field| request.header("authorization", field));
        let answer = client.send_request(request.body(()).unwrap(), true).unwrap().0.await.unwrap();
        assert_eq!(answer.status(), status);
    }
    let seen = app.saw();
    assert_eq!((seen.field(IDENTITY), seen.field("authorization")), (Some(USER_1), None));
}

#[tokio::test]
async fn a_route_that_says_so_gets_a_token_for_its_app_in_the_place_of_the_visitors() {
    const FORWARDED_1: &str = "Bearer forwarded.user1@example.com.notes.example.com";
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/graphql", Access::SignedIn, &app.url)
        .forwarding()
        .route("/maybe", Access::Optional, &app.url)
        .forwarding()
        .route("/public", Access::Public, &app.url)
        .forwarding()
        .start();
    let (secret, over) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&over);
    let line = bearer(&world, &secret);
    for (path, passed, identity) in [
        ("/", None, Some(USER_1)),
        ("/graphql", Some(FORWARDED_1), Some(USER_1)),
        ("/maybe", Some(FORWARDED_1), Some(USER_1)),
        // A public route does not identify, so there is no identity.
        ("/public", None, None),
    ] {
        assert_eq!(world.get(path, &[&line]).await.status, 200);
        let seen = app.saw();
        assert_eq!((seen.field("authorization"), seen.field(IDENTITY)), (passed, identity), "{path}");
        // A request with the cookie has no token, and an app's own `Authorization` is its own.
        for (line, passed) in [("X-None: 1", None), ("Authorization: Bearer a.b.c", Some("Bearer a.b.c"))] {
            assert_eq!(world.get_as(&secret, path, &[line]).await.status, 200);
            assert_eq!(app.saw().field("authorization"), passed, "{path}");
        }
    }
    for bad in [bearer(&world, &over), "Authorization: Bearer access.token.forged".to_owned()] {
        assert_eq!(world.get_as(&secret, "/maybe", &[&bad]).await.status, 200);
        assert_eq!(app.saw().field("authorization"), None, "an invalid one stands for no one");
    }
}

#[tokio::test]
async fn a_token_of_ours_decides_alone_whatever_cookie_comes_with_it() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/maybe", Access::Optional, &app.url).start();
    let (mine, other, over) = (world.keeper.sign_in(1), world.keeper.sign_in(2), world.keeper.sign_in(3));
    world.keeper.end(&over);

    let answer = world.get_as(&mine, "/", &[&bearer(&world, &other)]).await;
    assert_eq!((answer.status, app.saw().field(IDENTITY)), (200, Some(USER_2)));

    for bad in [bearer(&world, &over), "Authorization: Bearer access.token.forged".to_owned()] {
        let answer = world.get_as(&mine, "/", &[&bad]).await;
        assert_eq!((answer.status, answer.field("www-authenticate")), (401, Some("Bearer")), "{bad}");
        let page = world.get_as(&mine, "/", &[&bad, "Sec-Fetch-Mode: navigate"]).await;
        assert_eq!(page.status, 303, "{bad}");
        assert!(app.seen().is_empty());
        assert_eq!(world.get_as(&mine, "/maybe", &[&bad]).await.status, 200);
        let seen = app.saw();
        assert_eq!((seen.field(IDENTITY), seen.field("authorization")), (None, None), "{bad}");
    }
}

#[tokio::test]
async fn a_token_of_ours_in_another_form_or_company_is_refused_and_goes_nowhere() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/maybe", Access::Optional, &app.url)
        .forwarding()
        .route("/public", Access::Public, &app.url)
        .forwarding()
        .start();
    let secret = world.keeper.sign_in(1);
    let token = world.keeper.access_token(&secret);
    let field = |text: &str| vec![format!("Authorization: {text}")];
    let mut forms = vec![
        field(&token),
        field(&format!("Bearer\t{token}")),
        field(&format!("Bearer \t{token}")),
        field(&format!("Bearer {token} {token}")),
        field(&format!("Bearer {token}, Bearer {token}")),
        field(&format!("Bearer {token},")),
        field(&format!("Bearer \"{token}\"")),
        field(&format!("Bearer token={token}")),
        field(&format!("Bearer:{token}")),
        field(&format!("Token {token}")),
        field(&format!("Basic {token}")),
    ];
    let alone = field(&format!("Bearer {token}"));
    for other in [alone.clone(), field("Basic eDp5"), field("Bearer a.b.c"), field("")] {
        forms.push([other.clone(), alone.clone()].concat());
        forms.push([alone.clone(), other].concat());
    }
    for form in forms {
        let lines: Vec<&str> = form.iter().map(String::as_str).collect();
        assert_eq!(world.get_as(&secret, "/", &lines).await.status, 401, "{form:?}");
        assert!(app.seen().is_empty(), "{form:?}");
        for path in ["/maybe", "/public"] {
            assert_eq!(world.get_as(&secret, path, &lines).await.status, 200, "{form:?}");
            let seen = app.saw();
            assert_eq!((seen.field(IDENTITY), seen.field("authorization")), (None, None), "{path} {form:?}");
        }
    }
    // The scheme has no case, and HTTP drops what stands around a field (RFC 9110 §5.5).
    for form in ["bearer ", "BEARER ", "Bearer    ", "  Bearer ", "\t Bearer "] {
        let answer = world.get("/", &[&format!("Authorization:{form}{token} \t")]).await;
        assert_eq!((answer.status, app.saw().field(IDENTITY)), (200, Some(USER_1)), "{form:?}");
    }
}

#[tokio::test]
async fn what_is_not_ours_reaches_the_app_untouched_and_the_cookie_decides() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/maybe", Access::Optional, &app.url)
        .route("/public", Access::Public, &app.url)
        .start();
    let secret = world.keeper.sign_in(1);
    for field in [
        "Basic eDp5",
        "Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ.c2ln",
        "Bearer  opaque",
        "bearer\topaque",
        "Digest username=\"x\", realm=\"a,  b\"",
        "Negotiate YII=",
    ] {
        let line = format!("Authorization: {field}");
        for path in ["/", "/maybe", "/public"] {
            assert_eq!(world.get_as(&secret, path, &[&line]).await.status, 200, "{field}");
            let seen = app.saw();
            let identity = (path != "/public").then_some(USER_1);
            assert_eq!((seen.field("authorization"), seen.field(IDENTITY)), (Some(field), identity), "{path}");
        }
        assert_eq!(world.get("/", &[&line]).await.status, 401, "{field}");
    }
    // Two of them are two for the app as well.
    let lines = ["Authorization: Basic eDp5", "Authorization: Bearer a.b.c"];
    assert_eq!(world.get_as(&secret, "/", &lines).await.status, 200);
    let seen = app.saw();
    let both: Vec<_> = seen.fields.iter().filter(|(name, _)| name == "authorization").map(|(_, value)| value).collect();
    assert_eq!(both, ["Basic eDp5", "Bearer a.b.c"]);
}

#[tokio::test]
async fn a_public_app_never_sees_a_token_it_is_not_to() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let secret = world.keeper.sign_in(1);
    for line in [bearer(&world, &secret), "Authorization: Bearer access.token.forged".to_owned()] {
        assert_eq!(world.get("/", &[&line]).await.status, 200);
        let seen = app.saw();
        assert_eq!((seen.field("authorization"), seen.field(IDENTITY)), (None, None));
    }
}

#[tokio::test]
async fn a_preflight_carries_no_token() {
    let app = hello().await;
    let world =
        plan().route("/", Access::SignedIn, &app.url).forwarding().route("/public", Access::Public, &app.url).start();
    let secret = world.keeper.sign_in(1);
    let line = bearer(&world, &secret);
    let lines = ["Origin: https://other.example", "Access-Control-Request-Method: PUT", &line];
    for path in ["/api", "/public"] {
        assert_eq!(world.ask(&request("OPTIONS", path, &lines, "")).await.status, 200);
        let seen = app.saw();
        assert_eq!((seen.field("authorization"), seen.field(IDENTITY)), (None, None), "{path}");
    }
}

#[tokio::test]
async fn our_own_pages_are_given_the_token() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let line = bearer(&world, &secret);
    let answer = world.get("/_bmauth/v1/user", &[&line]).await;
    let asked = answer.json();
    let fields: Vec<&str> = asked["fields"].as_array().unwrap().iter().filter_map(|field| field.as_str()).collect();
    assert!(fields.contains(&line.replace("Authorization", "authorization").as_str()), "{fields:?}");
}

#[tokio::test]
async fn without_the_store_a_token_whose_session_is_not_in_memory_is_refused() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/maybe", Access::Optional, &app.url).start();
    let (known, unknown) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&unknown);
    world.keeper.break_store();
    for path in ["/", "/maybe"] {
        assert_eq!(world.get_as(&known, path, &[&bearer(&world, &unknown)]).await.status, 503, "{path}");
    }
    assert!(app.seen().is_empty());
    assert_eq!(world.get("/", &[&bearer(&world, &known)]).await.status, 200);
}

#[tokio::test]
async fn a_token_without_an_identity_to_pass_on_is_refused() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    world.keeper.break_signing();
    assert_eq!(world.get("/", &[&bearer(&world, &secret)]).await.status, 500);
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn signing_out_takes_effect_on_the_next_request_of_the_same_connection() {
    let app = hello().await;
    let world = world(&app.url);
    let secret = world.keeper.sign_in(1);
    let line = bearer(&world, &secret);
    let mut client = world.connect();
    client.send(get("/", &[&line])).await;
    assert_eq!(client.answer().await.status, 200);
    world.keeper.end(&secret);
    client.send(get("/", &[&line])).await;
    assert_eq!(client.answer().await.status, 401);
}

/// An app that accepts a WebSocket, and is told nothing of the token.
async fn echo() -> String {
    harness::echo(|seen| assert_eq!(seen.field("authorization"), None)).await
}

#[tokio::test]
async fn a_websocket_opened_with_a_token_needs_no_origin_and_ends_with_the_session() {
    let world = world(&echo().await);
    let secret = world.keeper.sign_in(1);
    let line = bearer(&world, &secret);
    for origin in ["X-No-Origin: 1", "Origin: https://notes.example.com", "Origin: capacitor://localhost"] {
        let (_, answer) = open_socket(&world, "/socket", &[&line, origin]).await;
        assert_eq!((answer.status, answer.field("x-who")), (101, Some(USER_1)), "{origin}");
    }
    let (mut client, _) = open_socket(&world, "/socket", &[&line]).await;
    client.send("x").await;
    client.expect(b"x").await;
    world.keeper.end(&secret);
    assert_eq!(client.closes().await, "");
}

#[tokio::test]
async fn a_token_that_is_refused_does_not_stand_for_an_origin_either() {
    let url = echo().await;
    let world = plan().route("/", Access::Optional, &url).start();
    let (known, over) = (world.keeper.sign_in(1), world.keeper.sign_in(2));
    world.keeper.end(&over);
    let doubled = format!("{0}, {0}", bearer(&world, &known));
    for bad in [bearer(&world, &over), doubled, "Authorization: Bearer a.b.c".to_owned()] {
        for origin in ["X-No-Origin: 1", "Origin: https://evil.example"] {
            let (_, answer) = open_socket(&world, "/socket", &[&cookie(&known), &bad, origin]).await;
            assert_eq!(answer.status, 403, "{bad} {origin}");
        }
    }
}

#[tokio::test]
async fn a_session_over_for_its_time_ends_what_its_token_opened() {
    let world = world(&echo().await);
    let secret = world.keeper.sign_in(1);
    let line = bearer(&world, &secret);
    let (mut client, _) = open_socket(&world, "/socket", &[&line]).await;
    world.keeper.pass(Duration::from_secs(3601));
    // The request that finds it over ends it.
    let (_, refused) = open_socket(&world, "/socket", &[&line]).await;
    assert_eq!(refused.status, 401);
    assert_eq!(client.closes().await, "");
}
