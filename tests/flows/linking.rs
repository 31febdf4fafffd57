//! A new device beside one that has a passkey, in both directions, and attackers who try to get between them.

mod events;
mod finding;
mod limits;
mod model;
mod proofs;
mod races;
mod refusals;

use bmauth::domain::activity::What;
use bmauth::domain::email::Email;
use bmauth::domain::letter::NOTICE;
use bmauth::domain::passkey::MOST;
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::store::memory::MemoryStore;
use http::StatusCode;
use serde_json::{Value, json};

use crate::authenticator::{Passkey, encode};
use crate::browser::{Answer, Browser};
use crate::world::{CONFIG, World};

const MARIA: &str = "maria@example.com";

/// A link as its page shows it.
pub struct Shown {
    pub link: Value,
    pub scan: String,
    short: String,
    pub number: u64,
}

impl Shown {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let shown = answer.json();
        let url = shown["url"].as_str().unwrap();
        let scan = url.strip_prefix("https://notes.example.com/_bmauth/link#").unwrap().to_owned();
        assert_eq!(scan.len(), 22);
        assert!(shown["qr"].as_str().unwrap().starts_with("data:image/svg+xml"));
        assert_eq!(shown["seconds"], 300);
        Self {
            link: shown["link"].clone(),
            scan,
            short: shown["short"].as_str().unwrap().to_owned(),
            number: shown["number"].as_u64().unwrap_or(0),
        }
    }
}

impl Browser {
    /// Opens the page of a new device and asks for a code.
    pub async fn ask(&mut self) -> Shown {
        assert_eq!(self.get("/_bmauth/link/start?return_to=%2Fnotes").await.status, StatusCode::OK);
        Shown::of(&self.post("/_bmauth/link/ask", &json!({ "return_to": "/notes?id=7" })).await)
    }

    /// Offers a code, signed in.
    pub async fn offer(&mut self) -> Shown {
        self.get("/_bmauth/link").await;
        Shown::of(&self.post("/_bmauth/link/offer", &json!({})).await)
    }

    pub async fn find(&mut self, code: &str) -> Answer {
        self.get("/_bmauth/link").await;
        self.post("/_bmauth/link/find", &json!({ "code": code, "return_to": "/found?id=7" })).await
    }

    async fn link_state(&mut self, link: &Value) -> Answer {
        self.get(&format!("/_bmauth/link/state?link={}", link.as_str().unwrap())).await
    }

    /// The stage this browser is told.
    async fn stage(&mut self, link: &Value) -> String {
        let state = self.link_state(link).await;
        assert_eq!(state.status, StatusCode::OK, "{}", state.text);
        state.json()["stage"].as_str().unwrap().to_owned()
    }

    pub async fn number(&mut self, link: &Value, number: u64) -> Answer {
        self.post("/_bmauth/link/number", &json!({ "link": link, "number": number })).await
    }

    /// Types the number and answers with a passkey.
    pub async fn approve(&mut self, link: &Value, number: u64, passkey: &mut Passkey) -> Answer {
        let challenge = self.number(link, number).await;
        if challenge.status != StatusCode::OK {
            return challenge;
        }
        let challenge = challenge.json();
        let credential = passkey.get(&challenge["options"]);
        self.prove(&challenge, &credential).await
    }

    async fn prove(&mut self, challenge: &Value, credential: &Value) -> Answer {
        let body = json!({ "ceremony": challenge["ceremony"], "credential": credential });
        self.post("/_bmauth/link/approve", &body).await
    }

    pub async fn deny(&mut self, link: &Value) -> Answer {
        self.post("/_bmauth/link/deny", &json!({ "link": link })).await
    }

    async fn set_up_options(&mut self, link: &Value) -> Answer {
        self.post("/_bmauth/link/passkey/options", &json!({ "link": link })).await
    }

    async fn set_up_with(&mut self, challenge: &Value, passkey: &mut Passkey) -> Answer {
        let credential = passkey.create(&challenge["options"]);
        let body = json!({ "ceremony": challenge["ceremony"], "credential": credential });
        self.post("/_bmauth/link/passkey/verify", &body).await
    }

    /// Makes a passkey on the approved device.
    pub async fn set_up(&mut self, link: &Value, passkey: &mut Passkey) -> Answer {
        let challenge = self.set_up_options(link).await;
        if challenge.status != StatusCode::OK {
            return challenge;
        }
        self.set_up_with(&challenge.json(), passkey).await
    }

    /// The digest of its session's token.
    fn session(&self) -> SecretDigest {
        Secret::parse(&self.cookies["__Host-bmauth"]).unwrap().digest()
    }
}

/// A world with Maria, her signed-in browser and its passkey.
pub async fn maria() -> (World, Browser, Passkey) {
    maria_with(CONFIG).await
}

async fn maria_with(config: &str) -> (World, Browser, Passkey) {
    let world = World::with(config, std::sync::Arc::new(MemoryStore::new())).await;
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(b"the passkey she has"));
    browser.register(&world, MARIA, &mut passkey).await;
    (world, browser, passkey)
}

/// A computer that asked, found and approved by Maria's browser.
async fn approved(world: &World, phone: &mut Browser, passkey: &mut Passkey) -> (Browser, Shown) {
    let mut computer = world.browser();
    let shown = computer.ask().await;
    assert_eq!(phone.find(&shown.scan).await.status, StatusCode::OK);
    let answer = phone.approve(&shown.link, shown.number, passkey).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    (computer, shown)
}

async fn activity(world: &World) -> Vec<What> {
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap();
    world.store.events(account.id, 50).await.unwrap().into_iter().map(|event| event.what).collect()
}

fn config(link: &str) -> String {
    CONFIG.replace("[app]", &format!("[link]\n{link}\n[app]"))
}

#[tokio::test]
async fn a_new_computer_is_let_in_by_a_signed_in_phone() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    assert!((10..100).contains(&shown.number));
    let waiting = computer.link_state(&shown.link).await.json();
    assert_eq!(
        waiting,
        json!({ "link": shown.link, "role": "waiting", "stage": "shown", "seconds": 300, "number": shown.number })
    );

    world.wait(61);
    let found = phone.find(&shown.scan).await.json();
    let devices = json!([{ "description": "Unknown browser", "network": "same", "when": "1 minute ago" }]);
    assert_eq!(
        found,
        json!({ "link": shown.link, "role": "approving", "stage": "found", "seconds": 239, "account": MARIA, "devices": devices })
    );
    assert_eq!(computer.stage(&shown.link).await, "found");

    let challenge = phone.number(&shown.link, shown.number).await.json();
    let allowed = challenge["options"]["allowCredentials"].as_array().unwrap();
    assert_eq!(allowed.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), [json!(encode(&passkey.id))]);
    let credential = passkey.get(&challenge["options"]);
    let told = phone.prove(&challenge, &credential).await.json();
    assert_eq!((told["stage"].as_str(), told["seconds"].as_u64()), (Some("approved"), Some(300)));

    let waiting = computer.link_state(&shown.link).await.json();
    assert_eq!(
        waiting,
        json!({ "link": shown.link, "role": "waiting", "stage": "approved", "seconds": 300 }),
        "the number is over"
    );
    let challenge = computer.set_up_options(&shown.link).await.json();
    let options = &challenge["options"];
    assert_eq!(
        (options["user"]["name"].as_str(), options["rp"]["id"].as_str()),
        (Some(MARIA), Some("notes.example.com"))
    );
    assert_eq!(options["excludeCredentials"][0]["id"], encode(&passkey.id));
    let mut new = Passkey::new(b"the computer's own");
    let done = computer.set_up_with(&challenge, &mut new).await;
    assert_eq!(done.json(), json!({ "location": "https://notes.example.com/notes?id=7" }));
    assert_eq!(computer.who().await.as_deref(), Some(MARIA));
    assert_eq!(new.user_handle, passkey.user_handle);

    // It is worth as much as any other notice, where mail fails for a day.
    let letters = world.store.letters_due(world.auth.now(), 9).await.unwrap();
    let lives: Vec<_> = letters.iter().map(|letter| letter.expires_at.since(letter.created_at)).collect();
    assert_eq!(lives, [NOTICE]);
    let mails = world.mails(MARIA).await;
    assert_eq!(mails.len(), 1, "a notice");
    // Both of the same second, so in either order.
    let newest = activity(&world).await;
    for what in [What::PasskeyAdded, What::LinkApproved] {
        assert!(newest[..2].contains(&what), "{newest:?}");
    }
    // Finished is finished.
    assert_eq!(phone.link_state(&shown.link).await.refusal(), "no-link");
    assert_eq!(phone.find(&shown.scan).await.refusal(), "no-link");
    // Both go on by themselves.
    assert_eq!(phone.who().await.as_deref(), Some(MARIA));
    assert_eq!(world.browser().sign_in(None, &mut new).await.status, StatusCode::OK);
    world.auth.sessions.sign_out(phone.session()).await.unwrap();
    assert_eq!(computer.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn a_phone_that_is_not_signed_in_approves_too_and_stays_so() {
    let (world, _, mut passkey) = maria().await;
    let (mut computer, mut phone) = (world.browser(), world.browser());
    let shown = computer.ask().await;
    let found = phone.find(&shown.short).await.json();
    assert_eq!((found["stage"].as_str(), found.get("account")), (Some("found"), None));
    let challenge = phone.number(&shown.link, shown.number).await.json();
    assert!(challenge["options"].get("allowCredentials").is_none_or(|allowed| allowed.as_array().unwrap().is_empty()));
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(phone.prove(&challenge, &credential).await.json()["stage"], "approved");
    assert_eq!(phone.who().await, None);
    assert!(!phone.cookies.contains_key("__Host-bmauth"));
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
    assert_eq!(computer.who().await.as_deref(), Some(MARIA));
    assert_eq!(phone.who().await, None);
}

#[tokio::test]
async fn a_new_phone_is_let_in_by_a_signed_in_computer() {
    let (world, mut computer, mut passkey) = maria().await;
    let shown = computer.offer().await;
    assert_eq!(shown.number, 0, "the approver reads the number on the other screen");
    let state = computer.link_state(&shown.link).await.json();
    assert_eq!(
        state,
        json!({ "link": shown.link, "role": "approving", "stage": "shown", "seconds": 300, "account": MARIA })
    );
    let mut phone = world.browser();
    let found = phone.find(&shown.scan).await.json();
    assert_eq!((found["role"].as_str(), found["stage"].as_str()), (Some("waiting"), Some("found")));
    assert!(found.get("account").is_none() && found.get("devices").is_none(), "{found}");
    let number = found["number"].as_u64().unwrap();
    let state = computer.link_state(&shown.link).await.json();
    assert_eq!(state["devices"][0]["when"], "just now");
    assert!(state.get("number").is_none());
    assert_eq!(computer.approve(&shown.link, number, &mut passkey).await.json()["stage"], "approved");
    assert_eq!(
        phone.set_up(&shown.link, &mut Passkey::new(b"new")).await.json(),
        json!({ "location": "https://notes.example.com/found?id=7" })
    );
    assert_eq!(phone.who().await.as_deref(), Some(MARIA));
}

#[tokio::test]
async fn codes_are_typed_in_any_spelling() {
    let (world, _, _) = maria().await;
    for spell in [
        |code: &str| code.to_owned(),
        |code: &str| code.to_lowercase().replace('-', ""),
        |code: &str| format!("  {} ", code.replace('-', " - ").replace('1', "l").replace('0', "o")),
    ] {
        let shown = world.browser().ask().await;
        let typed = spell(&shown.short);
        assert_eq!(world.browser().find(&typed).await.status, StatusCode::OK, "{typed}");
    }
}

#[tokio::test]
async fn a_browser_may_bring_its_code_again_and_its_tabs_see_the_same() {
    let (world, mut phone, mut passkey) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let first = phone.find(&shown.scan).await.json();
    let (mut phone_tab, mut computer_tab) = (phone.tab(&world), computer.tab(&world));
    assert_eq!(phone_tab.find(&shown.scan).await.json(), first);
    assert_eq!(phone_tab.find(&shown.short).await.json(), first);
    assert_eq!(computer_tab.link_state(&shown.link).await.json(), computer.link_state(&shown.link).await.json());
    // One tab types the number, the other one approves.
    let challenge = phone.number(&shown.link, shown.number).await.json();
    let credential = passkey.get(&challenge["options"]);
    assert_eq!(phone_tab.prove(&challenge, &credential).await.json()["stage"], "approved");
    assert_eq!(phone.stage(&shown.link).await, "approved");
    assert_eq!(computer_tab.stage(&shown.link).await, "approved");
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
    assert_eq!(computer_tab.set_up_options(&shown.link).await.refusal(), "no-link", "once");
}

#[tokio::test]
async fn the_short_address_leads_to_the_page() {
    let (world, mut browser, _) = maria().await;
    let answer = browser.get("/link").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/_bmauth/link"));
    for path in ["/_bmauth/link", "/_bmauth/link/start"] {
        assert_eq!(world.browser().get(path).await.status, StatusCode::OK, "{path}");
    }
    let sent_on = browser.get("/_bmauth/link/start?return_to=%2Fnotes").await;
    assert_eq!(
        (sent_on.status, sent_on.location()),
        (StatusCode::SEE_OTHER, "https://notes.example.com/notes"),
        "signed in already"
    );
    let named = World::with(&config("path = \"/add\""), std::sync::Arc::new(MemoryStore::new())).await;
    assert_eq!(named.browser().get("/add").await.location(), "/_bmauth/link");
    assert_eq!(named.browser().get("/link").await.status, StatusCode::NOT_FOUND);
    assert!(named.browser().get("/_bmauth/link/start").await.text.contains("notes.example.com/add"));
}

#[tokio::test]
async fn only_the_page_that_scans_may_use_the_camera() {
    let (world, _, _) = maria().await;
    for (path, camera) in [("/_bmauth/link/start", "camera=(self)"), ("/_bmauth/link", "camera=()")] {
        let answer = world.browser().get(path).await;
        let policies: Vec<_> = answer.headers.get_all("permissions-policy").iter().collect();
        assert_eq!(policies.len(), 1, "{path}");
        assert!(policies[0].to_str().unwrap().contains(camera), "{path}");
    }
}

#[tokio::test]
async fn linking_can_be_switched_off() {
    let (world, mut browser, _) = maria_with(&config("approve = \"off\"")).await;
    for path in ["/_bmauth/link", "/_bmauth/link/start", "/link"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!world.browser().get("/_bmauth/sign-in").await.text.contains("/_bmauth/link/start"));
    browser.get("/_bmauth/sign-out").await;
    let link = json!("018f0000-0000-7000-8000-000000000000");
    for (path, body) in [
        ("ask", json!({})),
        ("offer", json!({})),
        ("find", json!({ "code": "K7QF-3MXP" })),
        ("number", json!({ "link": link, "number": 47 })),
        ("deny", json!({ "link": link })),
        ("passkey/options", json!({ "link": link })),
    ] {
        assert_eq!(browser.post(&format!("/_bmauth/link/{path}"), &body).await.refusal(), "link-off", "{path}");
    }
    assert_eq!(browser.link_state(&link).await.refusal(), "link-off");
}

#[tokio::test]
async fn an_account_without_room_gets_no_device_and_says_so() {
    let (world, mut phone, mut passkey) = maria().await;
    crate::room::fill(&world, MOST - 1).await;
    // Two are approved while there is room for one.
    let (mut one, shown) = approved(&world, &mut phone, &mut passkey).await;
    let (mut other, others) = approved(&world, &mut phone, &mut passkey).await;
    let late = other.set_up_options(&others.link).await;
    assert_eq!(late.status, StatusCode::OK, "{}", late.text);
    assert_eq!(one.set_up(&shown.link, &mut Passkey::new(b"one")).await.status, StatusCode::OK);
    crate::room::is_full(&other.set_up_with(&late.json(), &mut Passkey::new(b"other")).await);
    // From now on the device is not asked.
    crate::room::is_full(&other.set_up_options(&others.link).await);
    assert_eq!(other.who().await, None);
}
