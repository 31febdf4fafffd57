//! A whole sign-in through the portal's front door: two requests, a verified signature, a durable commit.

#[expect(dead_code, reason = "the tests' authenticator can also cheat, which is not used here")]
#[path = "../../tests/flows/authenticator.rs"]
mod authenticator;
#[expect(dead_code, reason = "the tests' browser can do more")]
#[path = "../../tests/flows/browser.rs"]
mod browser;
#[expect(dead_code, reason = "the tests' world can do more")]
#[path = "../../tests/flows/world.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bmauth::store::Store;
use bmauth::store::memory::MemoryStore;
use bmauth::store::redb::RedbStore;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use authenticator::Passkey;
use browser::Browser;
use world::World;

async fn sign_in(browser: &mut Browser, passkey: &mut Passkey, flow: &str) {
    // Each comes from a network of its own, with the page open and no session yet.
    if let IpAddr::V4(address) = browser.address {
        browser.address = Ipv4Addr::from_bits(address.to_bits().wrapping_add(1)).into();
    }
    browser.cookies.remove("__Host-bmauth");
    browser.cookies.insert("__Host-bmauth-flow".to_owned(), flow.to_owned());
    let begun = browser.post("/_bmauth/sign-in/options", &json!({ "email": null })).await.json();
    let credential = passkey.get(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    let done = browser.post("/_bmauth/sign-in/verify", &body).await;
    assert!(done.status.is_success(), "{}", done.text);
}

fn sign_ins(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let redb = RedbStore::open(&folder.path().join("bench.redb")).expect("a store");
    let stores: [(&str, Arc<dyn Store>); 2] =
        [("sign in, on disk", Arc::new(redb)), ("sign in, in memory", Arc::new(MemoryStore::new()))];
    let mut group = criterion.benchmark_group("sign-in");
    for (name, store) in stores {
        let runtime = Runtime::new().expect("a runtime");
        let mut passkey = Passkey::new(b"a credential");
        let (mut browser, flow, _world) = runtime.block_on(async {
            let world = World::with(world::CONFIG, store).await;
            world.browser().register(&world, "maria@example.com", &mut passkey).await;
            let mut browser = world.browser();
            browser.get("/_bmauth/sign-in").await;
            let flow = browser.cookies["__Host-bmauth-flow"].clone();
            (browser, flow, world)
        });
        group.bench_function(name, |b| b.iter(|| runtime.block_on(sign_in(&mut browser, &mut passkey, &flow))));
    }
    let mut passkey = Passkey::new(b"a credential");
    let options: Value = json!({ "challenge": "A".repeat(43) });
    group.bench_function("the device's share of it", |b| b.iter(|| passkey.get(&options)));
    group.finish();
}

criterion_group!(benches, sign_ins);
criterion_main!(benches);
