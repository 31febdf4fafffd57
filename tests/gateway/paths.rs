//! Paths that servers read differently: what real apps need passes byte for byte, and no reading leads past a route.

use bmauth::domain::route::Access;

use crate::harness::*;

#[tokio::test]
async fn what_real_apps_need_passes_byte_for_byte() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/assets", Access::Public, &app.url)
        .route("/api/health", Access::Public, &app.url)
        .start();
    let secret = world.keeper.sign_in(7);
    for target in [
        // npm, with packages in a scope.
        "/@babel%2fcore",
        "/@babel%2Fcore/-/core-7.0.0.tgz",
        "/-/package/@acme%2fnotes/dist-tags",
        // RabbitMQ's management: `/` is the name of a virtual host.
        "/api/queues/%2F/my%2Fqueue",
        "/api/exchanges/%2F/amq.default/publish",
        "/api/vhosts/%2f",
        // GitLab: a project by its path, a branch with a slash.
        "/api/v4/projects/group%2Fsub%2Fproject",
        "/api/v4/projects/a%2Fb/repository/files/src%2Fmain%2Ers/raw?ref=feature%2Fx",
        "/api/v4/projects/a%2Fb/repository/branches/feature%2Fx",
        // klaus, cgit: a branch with a slash.
        "/repo/tree/feature%2Fx/src/",
        "/repo/blob/feature%2Fx/a//b.c",
        // What careless clients write.
        "/notes//7",
        "//notes/7",
        "/%7Eann/a%2Db%5Fc",
        "/%41bc",
        // Older encodings.
        "/caf%E9/%FCber",
        // A link in a path, percent signs, questions.
        "/proxy/https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc",
        "/proxy/https://example.com/a",
        "/100%25",
        "/what%3F",
        "/issue%20%2342",
        "/map;lat=50;lon=14/x",
    ] {
        let answer = world.get_as(&secret, target, &[]).await;
        assert_eq!((answer.status, app.saw().target.as_str()), (200, target));
        assert_eq!(world.get(target, &[]).await.status, 401, "{target} is not for unknown clients");
    }
    assert!(app.seen().is_empty());
}

#[tokio::test]
async fn no_reading_leads_an_unknown_client_past_a_route() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::Public, &app.url)
        .route("/admin", Access::SignedIn, &app.url)
        .route("/sp", Access::Public, &app.url)
        .route("/sp/secret", Access::SignedIn, &app.url)
        .start();
    for target in [
        "//admin",
        "///admin",
        "//x/admin",
        "//x//admin/y",
        "/%2Fadmin",
        "/%2F%2Fadmin",
        "/%252Fadmin",
        "/admin%2Fusers",
        "/admin%252Fusers",
        "/%61dmin",
        "/%2561dmin",
        "/%252561dmin",
        "/%41dmin",
        "/ADMIN/users",
        "/admin;x",
        "/admin;x/users",
        "/admin%3Bx",
        "/admin%253Bx/users",
        "/admin%3F",
        "/admin%3fx/y",
        "/admin%23",
        "/admin%2523x",
        "/;x/admin",
        "/;/admin",
        "/%3B/admin",
        "/sp%2Fsecret",
        "/sp//secret",
        "/sp%2F%2Fsecret",
        "/sp/;x/secret",
        "/sp/%73ecret",
        "/sp/secret%3F",
        "/sp/SECRET%23",
        "/sp/secret;%2Fx",
        "/%73p/secret%2Fx",
        "//sp//secret",
    ] {
        for lines in [&[][..], &["Accept: text/html"]] {
            let answer = world.get(target, lines).await;
            assert_ne!(answer.status, 200, "{target}");
            if answer.status == 400 && lines.is_empty() {
                let problem = answer.json();
                assert_eq!(problem["type"], "urn:bmauth:problem:ambiguous-path", "{target}");
                assert_eq!(
                    problem["title"], "Servers read this path differently, and here that makes a difference",
                    "{target}"
                );
            }
        }
    }
    assert!(app.seen().is_empty());
    // Beside them everything passes.
    for target in ["//x", "/x%2Fadmin", "/x//admin", "/sp/x%2Fsecret", "/%61dmins"] {
        assert_eq!(world.get(target, &[]).await.status, 200, "{target}");
    }
}

#[tokio::test]
async fn raw_bytes_that_need_encoding_are_refused_and_never_written_otherwise() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    for raw in [&b" "[..], b"\t", b"\x01", b"\x0b", b"\x0c", b"\x1f", b"\x7f", b"\x80", b"\xc3\xa4", b"\"", b"<"] {
        for target in [[b"/a", raw, b"b"].concat(), [b"/a", raw].concat(), [b"/a?b", raw, b"c"].concat()] {
            let request = [b"GET ".as_slice(), &target, b" HTTP/1.1\r\nHost: notes.example.com\r\n\r\n"].concat();
            let mut client = world.connect();
            client.send(&request).await;
            assert_eq!(client.answer().await.status, 400, "{}", request.escape_ascii());
        }
    }
    assert!(app.seen().is_empty());
    // Also behind another request, and in pieces.
    let first = get("/first", &[]);
    let second = "GET /a b HTTP/1.1\r\nHost: notes.example.com\r\n\r\n";
    for cut in [0, 1, 3, 5, 6] {
        let mut client = world.connect();
        client.send(format!("{first}{}", &second[..cut])).await;
        assert_eq!(client.answer().await.status, 200);
        client.send(&second[cut..]).await;
        assert_eq!(client.answer().await.status, 400, "{cut}");
    }
    let mut client = world.connect();
    for _ in 0..3 {
        client.send(&first).await;
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn routes_of_one_path_are_told_apart_by_method_and_by_being_exact() {
    let app = hello().await;
    let world = plan()
        .route("/", Access::SignedIn, &app.url)
        .route("/", Access::Public, &app.url)
        .exact()
        .route("/api", Access::Public, &app.url)
        .for_methods(&["GET"])
        .route("/api", Access::SignedIn, &app.url)
        .for_methods(&["POST", "DELETE"])
        .start();
    for (method, target, status) in [
        ("GET", "/", 200),
        ("GET", "/x", 401),
        ("GET", "/api/x", 200),
        ("get", "/api", 200),
        ("POST", "/api/x", 401),
        ("post", "/api/x", 401),
        ("PUT", "/api/x", 401),
        ("BREW", "/api/x", 401),
        ("GET", "//", 400),
        ("GET", "/api%2Fx", 400),
    ] {
        assert_eq!(world.ask(&request(method, target, &[], "")).await.status, status, "{method} {target}");
    }
    app.seen();
    // Nor does a header make another method of it where that counts, in whatever spelling.
    for line in [
        "X-HTTP-Method-Override: POST",
        "X-HTTP-Method: POST",
        "X-Method-Override: POST",
        "x_http_method_override: POST",
        "X.Http.Method.Override: POST",
    ] {
        assert_eq!(world.get("/api/x", &[line]).await.status, 200, "{line}");
        let name = line.split(':').next().unwrap();
        assert_eq!(app.saw().field(name), None, "{line}");
    }
    let world = plan().route("/", Access::Public, &app.url).start();
    world.get("/", &["X-HTTP-Method-Override: PATCH"]).await;
    assert_eq!(app.saw().field("x-http-method-override"), Some("PATCH"));
}
