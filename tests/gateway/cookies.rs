//! Our cookies stay ours, the app's stay as they are.

use bmauth::domain::route::Access;

use crate::harness::*;

#[tokio::test]
async fn our_cookies_never_reach_the_app_and_its_own_stay_byte_for_byte() {
    let app = hello().await;
    let world = plan().route("/", Access::SignedIn, &app.url).route("/public", Access::Public, &app.url).start();
    let secret = world.keeper.sign_in(1);
    let ours = format!("{COOKIE}={}", secret.text());
    for path in ["/", "/public"] {
        for (sent, left) in [
            (format!("Cookie: {ours}"), None),
            (format!("Cookie: a=1; {ours}; b=\"x y\"; bmauth-lang=de; c=%20=;d"), Some("a=1; b=\"x y\"; c=%20=;d")),
            (format!("Cookie: __Host-bmauth-flow=x;{ours};BMAUTH=1"), None),
            (format!("Cookie: a=1\r\nCookie: {ours}; b=2"), Some("a=1; b=2")),
        ] {
            assert_eq!(world.get(path, &[&sent]).await.status, 200, "{path} {sent}");
            let left = left.map(|left| left.replace(";d", "; d"));
            assert_eq!(app.saw().field("cookie"), left.as_deref(), "{path} {sent}");
        }
    }
    let theirs = "a=1;b=2;  notbmauth=\"q;r\";; c";
    world.get("/public", &[&format!("Cookie: {theirs}")]).await;
    assert_eq!(app.saw().field("cookie"), Some(theirs), "without ours the line is not touched");
}

#[tokio::test]
async fn an_app_cannot_set_our_cookies() {
    let app = app_saying(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: __Host-bmauth=evil; Path=/; Secure\r\n\
         set-cookie: BMAUTH=evil\r\nSet-Cookie: =bmauth=evil\r\nSet-Cookie: bmauth-lang=xx\r\n\
         Set-Cookie: b=2; HttpOnly\r\nServer: app\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let answer = world.get("/", &[]).await;
    assert_eq!(answer.all("set-cookie"), ["a=1; Path=/", "b=2; HttpOnly"]);
    assert_eq!(answer.field("server"), Some("app"));
}

#[tokio::test]
async fn on_http_the_session_cookie_has_no_prefix() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .set(|settings| settings.public_scheme = bmauth::domain::route::Scheme::Http)
        .start();
    let secret = world.keeper.sign_in(1);
    let answer = world.get("/", &[&format!("Cookie: bmauth={}", secret.text())]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(app.saw().field("cookie"), None);
    assert_eq!(world.get_as(&secret, "/", &[]).await.status, 401);
}
