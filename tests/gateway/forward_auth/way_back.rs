//! Where people go back to, asked about and passed on alike: to exactly what they asked for, or to the page of their
//! form.

use super::*;

/// What the keeper here names every bookmark.
const KEPT: &str = "/_bmauth/back%3Fto%3DCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";

/// The `return_to` that a visitor gets for whom these three families ask, or who asks here.
async fn way_back(world: &World, about: About<'_>) -> Vec<String> {
    let About { method, uri, lines, .. } = about;
    let mut answers = vec![world.ask(&request(method, uri, lines, "")).await];
    for family in FAMILIES {
        answers.push(world.asks(family, about).await);
    }
    let before = "/_bmauth/sign-in?return_to=";
    let location = |answer: &Answer| answer.field("location").unwrap().to_owned();
    answers.iter().map(|answer| location(answer).split_once(before).unwrap().1.to_owned()).collect()
}

/// The same, where a server is behind the routes: who asks through a proxy is answered alike.
fn world() -> World {
    asked_with(&["http://127.0.0.1:9"]).start()
}

#[tokio::test]
async fn what_is_too_long_for_an_address_is_kept() {
    let world = world();
    let longest = format!("/a?{}", "b".repeat(2045));
    let written = format!("/a%3F{}", "b".repeat(2045));
    assert_eq!(way_back(&world, about(&longest, &[PAGE])).await, vec![written; 4]);
    assert!(world.keeper.bookmarks().is_empty());
    let longer = format!("{longest}b");
    assert_eq!(way_back(&world, about(&longer, &[PAGE])).await, vec![KEPT.to_owned(); 4]);
    let kept = world.keeper.bookmarks();
    assert!(kept.iter().all(|(host, target, _)| host.as_str() == HOST && *target == longer), "{kept:?}");
    let clients: Vec<_> = kept.iter().map(|(_, _, client)| client.map(|client| client.to_string())).collect();
    let said = Some("203.0.113.9".to_owned());
    assert_eq!(clients, [Some("192.0.2.1".to_owned()), said, None, None], "of the visitor, and not of the proxy");
}

#[tokio::test]
async fn what_cannot_be_kept_leads_to_the_root() {
    let world = world();
    world.keeper.break_store();
    let long = format!("/{}", "a".repeat(3000));
    assert_eq!(way_back(&world, about(&long, &[PAGE])).await, ["/", "/", "/", "/"]);
}

#[tokio::test]
async fn everything_that_is_taken_is_kept_whole() {
    let world = world();
    let around = request("GET", "", &[PAGE], "").len();
    // What a head may have, less what stands in it besides the target.
    let mut length = 32 * 1024 - around;
    let target = |length: usize| format!("/{}", "a".repeat(length - 1));
    while world.ask(&request("GET", &target(length), &[PAGE], "")).await.status == 303 {
        length += 1;
    }
    let answer = world.ask(&request("GET", &target(length), &[PAGE], "")).await;
    assert_eq!(answer.status, 431);
    let (_, kept, _) = world.keeper.bookmarks().pop().unwrap();
    assert_eq!(kept, target(length - 1));
    // A question has the target in a field beside others of its own, or in its own target.
    for family in FAMILIES {
        let around = question(family, about("", &[PAGE])).len();
        let target = target(32 * 1024 - around);
        let answer = world.asks(family, about(&target, &[PAGE])).await;
        assert!(answer.field("location").unwrap().ends_with(KEPT), "{family:?}");
        assert_eq!(world.keeper.bookmarks().pop().unwrap().1, target, "{family:?}");
    }
}

#[tokio::test]
async fn a_visitor_who_sent_a_form_goes_back_to_its_page() {
    let world = world();
    let post = |lines| About { method: "POST", ..about("/comments?x", lines) };
    const FORM: &str = "Referer: https://notes.example.com/notes/7?edit";
    assert_eq!(way_back(&world, post(&[PAGE, FORM])).await, vec!["/notes/7%3Fedit"; 4]);
    for lines in [
        &[PAGE][..],
        &[PAGE, "Referer: https://evil.example/notes/7"],
        &[PAGE, "Referer: https://notes.example.com:8443/notes/7"],
        &[PAGE, "Referer: http://notes.example.com/notes/7"],
        &[PAGE, "Referer: https://notes.example.com/_bmauth/devices"],
        &[PAGE, "Referer: /notes/7"],
        &[PAGE, FORM, FORM],
    ] {
        assert_eq!(way_back(&world, post(lines)).await, vec!["/"; 4], "{lines:?}");
    }
    let long = format!("Referer: https://notes.example.com/{}", "a".repeat(2048));
    assert_eq!(way_back(&world, post(&[PAGE, &long])).await, vec![KEPT; 4]);
    // Who only looks goes back to what they looked for, wherever they came from.
    assert_eq!(way_back(&world, about("/a", &[PAGE, FORM])).await, vec!["/a"; 4]);
    for method in ["PUT", "DELETE"] {
        let about = About { method, ..about("/a", &[PAGE, FORM]) };
        assert_eq!(way_back(&world, about).await, vec!["/notes/7%3Fedit"; 4], "{method}");
    }
}
