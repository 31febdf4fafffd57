//! WebDAV's second paths and depth: who may not go there by the straight way may not go there by these.

use bmauth::domain::route::Access;

use crate::harness::*;

fn files(app: &str) -> Plan {
    plan().route("/", Access::SignedIn, app).route("/files/staff", Access::SignedIn, app).for_groups(&["staff"]).route(
        "/public",
        Access::Public,
        app,
    )
}

#[tokio::test]
async fn a_destination_is_decided_like_a_path() {
    let app = hello().await;
    let world = files(&app.url).start();
    let other = world.keeper.sign_in(7);
    let staff = world.keeper.sign_in_as(8, None, vec!["staff".to_owned()]);
    for (destination, status) in [
        ("https://notes.example.com/files/b", 200),
        ("http://notes.example.com:8443/files/b%20c", 200),
        ("/files/b", 200),
        ("/public/b", 200),
        ("https://notes.example.com/files/staff/b", 403),
        ("/files/staff/b", 403),
        ("/files/Staff", 400),
        ("/files%2Fstaff/b", 400),
        ("/files//staff/b", 400),
        ("/files/../files/staff", 400),
        ("https://evil.example/files/b", 400),
        ("https://notes.example.com", 403),
        ("ftp://notes.example.com/files/b", 400),
        ("files/b", 400),
        ("", 400),
    ] {
        for method in ["COPY", "MOVE", "move"] {
            // A collection that has others below it is none to be overwritten.
            let line = format!("Destination: {destination}");
            let (cookie, length) = (cookie(&other), "Content-Length: 0");
            let answer = world.ask(&request(method, "/files/a", &[&cookie, &line, length], "")).await;
            let found = if answer.status == 403 { 403 } else { answer.status };
            assert!(found == status || status == 400 && found == 403, "{method} to {destination}: {found}");
            if found == 200 {
                app.saw();
            }
        }
    }
    assert!(app.seen().is_empty());
    let line = "Destination: /files/b";
    let twice = request("MOVE", "/files/a", &[&cookie(&other), line, line], "");
    assert_eq!(world.ask(&twice).await.status, 400);
    let without = request("MOVE", "/files/a", &[&cookie(&other)], "");
    assert_eq!(world.ask(&without).await.json()["type"], "urn:bmauth:problem:reaches-further");
    let from_staff = request("MOVE", "/files/staff/a", &[&cookie(&staff), line], "");
    assert_eq!(world.ask(&from_staff).await.status, 200);
    // An unknown client writes only where everyone may.
    for (destination, status) in [("/public/b", 200), ("/files/b", 403), ("/public", 200)] {
        let line = format!("Destination: {destination}");
        assert_eq!(world.ask(&request("COPY", "/public/a", &[&line], "")).await.status, status, "{destination}");
    }
}

#[tokio::test]
async fn what_takes_all_below_along_is_refused_where_that_asks_for_more() {
    let app = hello().await;
    let world = files(&app.url).start();
    let other = cookie(&world.keeper.sign_in(7));
    for (method, target, depth, status) in [
        ("DELETE", "/files/", None, 403),
        ("DELETE", "/files", Some("0"), 403),
        ("delete", "/Files", None, 403),
        ("DELETE", "/files/a", None, 200),
        ("DELETE", "/fil", None, 200),
        ("PROPFIND", "/", Some("infinity"), 403),
        ("PROPFIND", "/", None, 403),
        ("PROPFIND", "/", Some("1,noroot"), 403),
        ("PROPFIND", "/", Some("1"), 200),
        ("PROPFIND", "/", Some("0"), 200),
        ("PROPFIND", "/files/a", Some("infinity"), 200),
        ("LOCK", "/files", None, 403),
        ("LOCK", "/files", Some("1"), 403),
        ("LOCK", "/files", Some("0"), 200),
        ("GET", "/files", Some("infinity"), 200),
        ("REPORT", "/files", Some("infinity"), 403),
        ("REPORT", "/files", Some("1"), 200),
        ("REPORT", "/files", None, 200),
        ("UPDATE", "/files", Some("infinity"), 403),
        ("PROPPATCH", "/files", None, 200),
    ] {
        let depth = depth.map(|depth| format!("Depth: {depth}"));
        let lines: Vec<&str> = [other.as_str()].into_iter().chain(depth.as_deref()).collect();
        let answer = world.ask(&request(method, target, &lines, "")).await;
        assert_eq!(answer.status, status, "{method} {target} {depth:?}");
        if status == 403 {
            assert_eq!(answer.json()["type"], "urn:bmauth:problem:reaches-further");
        }
    }
    for lines in [["X-HTTP-Method-Override: DELETE", "A: b"], ["X.Http.Method: MOVE", "Destination: /files/staff/x"]] {
        let post = request("POST", "/files", &[&[other.as_str()][..], &lines].concat(), "");
        assert_eq!(world.ask(&post).await.status, 403, "{lines:?}");
    }
    let elsewhere = plan().route("/", Access::SignedIn, &app.url).start();
    let theirs = cookie(&elsewhere.keeper.sign_in(7));
    let order = request("POST", "/orders", &[&theirs, "Destination: warehouse 7"], "");
    assert_eq!(elsewhere.ask(&order).await.status, 200, "an app of its own words");
    let bind = request("X-BIND", "/files/a", &[&other, "Destination: /files/staff/x"], "");
    assert_eq!(world.ask(&bind).await.status, 403);
    let twice = request("PROPFIND", "/", &[&other, "Depth: 0", "Depth: infinity"], "");
    assert_eq!(world.ask(&twice).await.status, 403);
}

#[tokio::test]
async fn a_proxy_that_asks_is_told_the_same() {
    let world =
        files("http://127.0.0.1:9").set(|settings| settings.trusted_proxies = vec!["192.0.2.1/32".parse().unwrap()]);
    let world = world.start();
    let other = cookie(&world.keeper.sign_in(7));
    for (method, target, line, status) in [
        ("MOVE", "/files/a", "Destination: https://notes.example.com/files/b", 200),
        ("MOVE", "/files/a", "Destination: https://notes.example.com/files/staff/b", 403),
        ("MOVE", "/files/a", "X-Nothing: 1", 403),
        ("PROPFIND", "/", "Depth: 1", 200),
        ("PROPFIND", "/", "X-Nothing: 1", 403),
        ("DELETE", "/files", "X-Nothing: 1", 403),
        ("DELETE", "/files/a", "X-Nothing: 1", 200),
    ] {
        let url = format!("X-Original-URL: https://notes.example.com{target}");
        let method_line = format!("X-Original-Method: {method}");
        let answer = world.get("/_bmauth/forward-auth", &[&url, &method_line, &other, line]).await;
        assert_eq!(answer.status, status, "{method} {target} {line}");
    }
}
