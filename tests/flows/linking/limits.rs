//! Between which networks, and how many codes may be typed.

use std::net::IpAddr;

use super::*;

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[tokio::test]
async fn one_network_can_be_asked_for() {
    for offered in [false, true] {
        let (world, mut signed_in, mut passkey) = maria_with(&config("approve = \"same-network\"")).await;
        signed_in.address = at("2001:db8:1:2::1");
        let mut new = world.browser();
        new.address = at("2001:db8:1:2::ffff");
        let (shown, finder) =
            if offered { (signed_in.offer().await, &mut new) } else { (new.ask().await, &mut signed_in) };
        let here = finder.address;
        for elsewhere in ["2001:db8:1:3::1", "192.0.2.1"] {
            finder.address = at(elsewhere);
            assert_eq!(finder.find(&shown.scan).await.refusal(), "other-network", "{elsewhere}");
        }
        finder.address = here;
        assert_eq!(finder.find(&shown.scan).await.status, StatusCode::OK);
        let number = new.link_state(&shown.link).await.json()["number"].as_u64().unwrap();
        // Nor may either of them leave in between.
        signed_in.address = at("192.0.2.1");
        assert_eq!(signed_in.number(&shown.link, number).await.refusal(), "other-network");
        signed_in.address = at("2001:db8:1:2::1");
        assert_eq!(signed_in.approve(&shown.link, number, &mut passkey).await.status, StatusCode::OK);
        new.address = at("192.0.2.1");
        assert_eq!(new.set_up_options(&shown.link).await.refusal(), "other-network");
        new.address = at("2001:db8:1:2::3");
        assert_eq!(new.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn by_default_another_network_is_shown_and_let_in() {
    let (world, mut phone, mut passkey) = maria().await;
    phone.address = at("198.51.100.7");
    let mut computer = world.browser();
    let shown = computer.ask().await;
    assert_eq!(phone.find(&shown.scan).await.json()["devices"][0]["network"], "other");
    assert_eq!(phone.approve(&shown.link, shown.number, &mut passkey).await.status, StatusCode::OK);
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_addresses_say_nothing_nothing_is_said_and_one_network_is_not_seen() {
    for address in ["127.0.0.1", "10.0.0.7", "fd00::1"] {
        for (approve, finds) in [("on", true), ("same-network", false)] {
            let (world, mut phone, _) = maria_with(&config(&format!("approve = \"{approve}\""))).await;
            let mut computer = world.browser();
            (phone.address, computer.address) = (at(address), at(address));
            let shown = computer.ask().await;
            let found = phone.find(&shown.scan).await;
            if finds {
                assert_eq!(found.json()["devices"][0].get("network"), None, "{address}");
            } else {
                assert_eq!(found.refusal(), "other-network", "{address}");
            }
        }
    }
}

#[tokio::test]
async fn a_network_that_types_many_codes_is_refused_the_right_one_too() {
    let (world, mut phone, _) = maria().await;
    let shown = world.browser().ask().await;
    for n in 0..20 {
        assert_eq!(world.browser().find("K7QF-3MXP").await.refusal(), "no-link", "{n}");
    }
    for code in ["K7QF-3MXP", &shown.short] {
        assert_eq!(phone.find(code).await.refusal(), "too-many-tries");
    }
    // What is no code is not counted, another network is not concerned, and a picture cannot be guessed.
    assert_eq!(phone.find("K7QF").await.refusal(), "no-link");
    let mut elsewhere = world.browser();
    elsewhere.address = at("198.51.100.7");
    assert_eq!(elsewhere.find("K7QF-3MXP").await.refusal(), "no-link");
    assert_eq!(phone.find(&shown.scan).await.status, StatusCode::OK);
    world.wait(600);
    let shown = world.browser().ask().await;
    assert_eq!(world.browser().find(&shown.short).await.status, StatusCode::OK);
}

#[tokio::test]
async fn all_networks_together_type_only_so_many_codes() {
    let (world, _, _) = maria().await;
    let shown = world.browser().ask().await;
    let mut browser = world.browser();
    for n in 0..100_u8 {
        browser.address = IpAddr::from([198, 51, 100, n]);
        assert_eq!(browser.find("K7QF-3MXP").await.refusal(), "no-link", "{n}");
    }
    browser.address = at("203.0.113.1");
    assert_eq!(browser.find(&shown.short).await.refusal(), "too-many-tries");
    world.wait(60);
    assert_eq!(browser.find(&shown.short).await.status, StatusCode::OK);
}
