//! What operators do over the admin socket, through its router, and through the real command on a real socket.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bmauth::admin::socket::{self, AdminSocket};
use bmauth::admin::{self, Operating};
use bmauth::auth::operate::Who;
use bmauth::auth::principal::Principal;
use bmauth::auth::sessions::LiveSession;
use bmauth::auth::sessions::table::{Raced, SessionTable};
use bmauth::domain::secret::Secret;
use bmauth::store::memory::MemoryStore;
use bmauth::wire;
use futures_util::FutureExt as _;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::world::{CONFIG, World, configured};

const MARIA: &str = "maria@example.com";
const OTTO: &str = "o/t.t+o%?#@example.com";

/// A world whose recovery page takes operators' codes, and the router of its socket.
async fn world() -> (World, axum::Router) {
    world_of(&format!("{CONFIG}\n[accounts]\nrecovery = \"admin\"")).await
}

async fn world_of(text: &str) -> (World, axum::Router) {
    let world = World::with(text, Arc::new(MemoryStore::new())).await;
    let router = router_of(text, &world);
    (world, router)
}

/// The router of the admin socket of a world with that configuration.
pub fn router_of(text: &str, world: &World) -> axum::Router {
    let operating: Operating = wire::operating(&configured(text), &world.auth);
    admin::router(Arc::new(operating))
}

async fn person(world: &World, email: &str, key: &[u8]) -> (Browser, Passkey) {
    let (mut browser, mut passkey) = (world.browser(), Passkey::new(key));
    browser.register(world, email, &mut passkey).await;
    (browser, passkey)
}

pub async fn ask(router: &axum::Router, method: Method, target: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status} {body:?}")))
}

pub async fn get(router: &axum::Router, target: &str) -> Value {
    let (status, value) = ask(router, Method::GET, target).await;
    assert_eq!(status, StatusCode::OK, "{value}");
    value
}

pub async fn post(router: &axum::Router, target: &str) -> Value {
    let (status, value) = ask(router, Method::POST, target).await;
    assert_eq!(status, StatusCode::OK, "{value}");
    value
}

fn token(browser: &Browser) -> Secret {
    Secret::parse(&browser.cookies["__Host-bmauth"]).unwrap()
}

async fn live(world: &World, browser: &Browser) -> LiveSession {
    world.auth.sessions.find(token(browser).digest()).await.unwrap().unwrap()
}

fn emails(users: &Value) -> Vec<&str> {
    users["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn users_are_listed_by_address_page_by_page() {
    let (world, router) = world().await;
    assert_eq!(get(&router, "/users").await, json!({ "users": [], "next": null }));
    for (n, name) in ["c", "a", "b"].into_iter().enumerate() {
        person(&world, &format!("{name}@example.com"), &[u8::try_from(n).unwrap(); 9]).await;
    }
    let page = get(&router, "/users?limit=2").await;
    assert_eq!((emails(&page), page["next"].as_str()), (vec!["a@example.com", "b@example.com"], Some("b@example.com")));
    let page = get(&router, "/users?limit=2&after=b@example.com").await;
    assert_eq!((emails(&page), page["next"].as_str()), (vec!["c@example.com"], None));
    // A limit beyond all bounds is brought within them.
    assert_eq!(emails(&get(&router, "/users?limit=0").await).len(), 1);
    assert_eq!(emails(&get(&router, "/users?limit=999999999").await).len(), 3);
}

#[tokio::test]
async fn a_user_is_shown_with_everything_but_secrets() {
    let (world, router) = world().await;
    let (browser, _) = person(&world, MARIA, b"key of maria").await;
    let shown = get(&router, "/users/Maria@Example.com").await;
    assert_eq!(shown["user"]["email"], MARIA);
    assert_eq!(shown["user"]["disabled"], false);
    assert_eq!(shown["user"]["created_at"], "2027-01-15T08:00:00Z");
    assert_eq!(shown["passkeys"].as_array().unwrap().len(), 1);
    assert_eq!(shown["passkeys"][0]["provider"], "Passkey");
    assert_eq!(shown["passkeys"][0]["synced"], true);
    assert_eq!(shown["sessions"][0]["amr"], json!(["swk", "user", "otp"]));
    assert_eq!(shown["sessions"][0]["address"], "192.0.2.1");
    assert_eq!(shown["events"][0]["what"], "registered");
    assert_eq!(shown["recovery_code_until"], Value::Null);
    let id = shown["user"]["id"].as_str().unwrap();
    assert_eq!(get(&router, &format!("/users/{id}")).await, shown);

    let code = post(&router, &format!("/users/{id}/recover")).await["code"].as_str().unwrap().to_owned();
    let shown = get(&router, &format!("/users/{id}")).await;
    assert_eq!(shown["recovery_code_until"], "2027-01-16T08:00:00Z");
    let text = shown.to_string();
    let digest = token(&browser).digest();
    let hex: String = digest.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for secret in [token(&browser).text(), code.clone(), code.replace('-', ""), hex, format!("{:?}", digest.bytes())] {
        assert!(!text.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_in_again_once_enabled() {
    let (world, router) = world().await;
    let (mut browser, mut passkey) = person(&world, OTTO, b"key of otto").await;
    let (mut other, _) = person(&world, MARIA, b"key of maria").await;
    let (ending, staying) = (live(&world, &browser).await, live(&world, &other).await);
    let target = "/users/o%2Ft%2Et%2Bo%25%3F%23%40example%2Ecom";
    let done = post(&router, &format!("{target}/disable")).await;
    assert_eq!((&done["user"]["disabled"], &done["sessions_ended"]), (&json!(true), &json!(1)));
    assert!(ending.has_ended(), "open streams close");
    assert_eq!(browser.who().await, None, "the next request is refused");
    assert!(!staying.has_ended());
    assert_eq!(other.who().await.as_deref(), Some(MARIA));
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "account-disabled");
    // Done again, it is done still.
    assert_eq!(post(&router, &format!("{target}/disable")).await["sessions_ended"], 0);

    assert_eq!(post(&router, &format!("{target}/enable")).await["user"]["disabled"], false);
    assert_eq!(browser.who().await, None, "what has ended stays so");
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_removed_user_is_gone_and_may_come_back_with_a_new_account() {
    let (world, router) = world().await;
    let (mut browser, mut passkey) = person(&world, MARIA, b"key of maria").await;
    let ending = live(&world, &browser).await;
    let before = post(&router, "/users/maria@example.com/remove").await;
    assert_eq!(before["sessions_ended"], 1);
    assert!(ending.has_ended());
    assert_eq!(browser.who().await, None);
    assert_eq!(world.browser().sign_in(None, &mut passkey).await.refusal(), "unknown-passkey");
    let (status, why) = ask(&router, Method::GET, "/users/maria@example.com").await;
    assert_eq!((status, &why["error"]), (StatusCode::NOT_FOUND, &json!("There is no account maria@example.com.")));
    person(&world, MARIA, b"another key").await;
    let after = get(&router, "/users/maria@example.com").await;
    assert_ne!(after["user"]["id"], before["user"]["id"]);
    assert_eq!(after["passkeys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_session_ends_and_the_others_stay_until_all_do() {
    let (world, router) = world().await;
    let (mut one, mut passkey) = person(&world, MARIA, b"key of maria").await;
    let (mut two, mut three) = (world.browser(), world.browser());
    world.wait(60);
    two.sign_in(None, &mut passkey).await;
    three.sign_in(None, &mut passkey).await;
    let (mut other, _) = person(&world, "ann@example.com", b"key of ann").await;

    let all = get(&router, "/sessions").await;
    let whose: Vec<_> = all["sessions"].as_array().unwrap().iter().map(|session| &session["email"]).collect();
    assert_eq!(whose, ["ann@example.com", MARIA, MARIA, MARIA]);
    let ending = live(&world, &one).await;
    let id = ending.id().0;
    assert_eq!(get(&router, "/sessions?user=maria@example.com").await["sessions"][2]["id"], json!(id), "the oldest");
    assert_eq!(post(&router, &format!("/sessions/{id}/end")).await["session"]["email"], MARIA);
    assert!(ending.has_ended());
    assert_eq!((one.who().await, two.who().await.as_deref()), (None, Some(MARIA)));
    let (status, why) = ask(&router, Method::POST, &format!("/sessions/{id}/end")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(why["error"].as_str().unwrap().contains("no session"), "{why}");

    assert_eq!(post(&router, "/users/maria@example.com/sessions/end").await["sessions_ended"], 2);
    assert_eq!((two.who().await, three.who().await), (None, None));
    assert_eq!(other.who().await.as_deref(), Some("ann@example.com"));
}

#[tokio::test]
async fn sessions_whose_time_is_up_are_not_shown() {
    let (world, router) = world().await;
    person(&world, MARIA, b"key of maria").await;
    assert_eq!(get(&router, "/sessions").await["sessions"].as_array().unwrap().len(), 1);
    world.wait(31 * 24 * 3600);
    assert!(get(&router, "/sessions").await["sessions"].as_array().unwrap().is_empty());
}

async fn enter(browser: &mut Browser, code: &str) -> crate::browser::Answer {
    browser.get("/_bmauth/recover").await;
    browser.submit("/_bmauth/recover", &[("email", MARIA), ("return_to", "/")]).await;
    browser.get("/_bmauth/recover/code").await;
    browser.submit("/_bmauth/recover/code", &[("code", code)]).await
}

#[tokio::test]
async fn an_operators_code_gets_only_its_owner_back_in_and_only_once() {
    let (world, router) = world().await;
    let (mut lost, _) = person(&world, MARIA, b"key of maria").await;
    person(&world, "ann@example.com", b"key of ann").await;
    let given = post(&router, "/users/maria@example.com/recover").await;
    assert_eq!(given["page"], "https://notes.example.com/_bmauth/recover");
    assert_eq!(given["expires_at"], "2027-01-16T08:00:00Z");
    let code = given["code"].as_str().unwrap();
    let of_ann = post(&router, "/users/ann@example.com/recover").await["code"].as_str().unwrap().to_owned();
    for wrong in [of_ann.as_str(), "ABCDE-FGHJK"] {
        assert_eq!(enter(&mut world.browser(), wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }

    let mut browser = world.browser();
    let typed = code.to_lowercase().replace('-', " ");
    assert_eq!(enter(&mut browser, &typed).await.location(), "/_bmauth/recover/device");
    browser.get("/_bmauth/recover/device").await;
    let begun = browser.post("/_bmauth/recover/passkey/options", &json!({})).await.json();
    let credential = Passkey::new(b"new key").create(&begun["options"]);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    let done = browser.post("/_bmauth/recover/passkey/verify", &body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(live(&world, &browser).await.facts().email, MARIA);
    assert_eq!(lost.who().await, None, "every session from before ends");
    assert_eq!(live(&world, &browser).await.facts().authentication.methods.len(), 2, "no mail proved it");

    assert_eq!(enter(&mut world.browser(), code).await.status, StatusCode::UNPROCESSABLE_ENTITY, "used up");
}

#[tokio::test]
async fn a_new_code_a_day_and_disabling_each_end_an_operators_code() {
    let (world, router) = world().await;
    person(&world, MARIA, b"key of maria").await;
    let give = async || post(&router, "/users/maria@example.com/recover").await["code"].as_str().unwrap().to_owned();
    let (first, second) = (give().await, give().await);
    assert_ne!(first, second);
    assert_eq!(enter(&mut world.browser(), &first).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.wait(24 * 3600);
    assert_eq!(enter(&mut world.browser(), &second).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let third = give().await;
    post(&router, "/users/maria@example.com/disable").await;
    let (status, why) = ask(&router, Method::POST, "/users/maria@example.com/recover").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(why["error"].as_str().unwrap().contains("disabled"), "{why}");
    post(&router, "/users/maria@example.com/enable").await;
    assert_eq!(enter(&mut world.browser(), &third).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn no_code_is_given_where_the_page_takes_none() {
    let (world, router) = world_of(CONFIG).await;
    person(&world, MARIA, b"key of maria").await;
    let (status, why) = ask(&router, Method::POST, "/users/maria@example.com/recover").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(why["error"].as_str().unwrap().contains("accounts.recovery = \"admin\""), "{why}");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_a_sentence() {
    let (_, router) = world().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (method, target, status, said) in [
        (Method::GET, "/users/maria", 400, "\"maria\" is neither an e-mail address nor the id of an account."),
        (Method::GET, "/users/maria@example.com", 404, "There is no account maria@example.com."),
        (Method::POST, &format!("/users/{unknown}/disable"), 404, "There is no account"),
        (Method::POST, &format!("/users/{unknown}/remove"), 404, "There is no account"),
        (Method::POST, &format!("/users/{unknown}/sessions/end"), 404, "There is no account"),
        (Method::GET, "/sessions?user=nobody@example.com", 404, "There is no account nobody@example.com."),
        (Method::POST, "/sessions/x/end", 400, "\"x\" is not the id of a session"),
        (Method::POST, &format!("/sessions/{unknown}/end"), 404, "There is no session"),
        (Method::GET, "/users?after=x", 400, "`after`: "),
        (Method::GET, "/users?limit=x", 400, "limit"),
        (Method::GET, "/users/maria@example.com/disable", 404, "does not know this command"),
        (Method::GET, "/", 404, "does not know this command"),
    ] {
        let (found, why) = ask(&router, method, target).await;
        assert_eq!(found.as_u16(), status, "{target}: {why}");
        assert!(why["error"].as_str().unwrap().contains(said), "{target}: {why}");
    }
}

#[tokio::test]
async fn an_operator_who_hangs_up_leaves_no_session_behind() {
    let (world, _) = world().await;
    let (browser, _) = person(&world, MARIA, b"key of maria").await;
    let ending = live(&world, &browser).await;
    let account = world.auth.operate.find_account(&Who::parse(MARIA).unwrap()).await.unwrap();
    // Polled once, which begins the commit, and dropped.
    assert!(world.auth.operate.set_disabled(&account, true).now_or_never().is_none());
    ending.ended().await;
    assert!(world.auth.sessions.find(token(&browser).digest()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_read_before_a_commit_that_may_end_it_is_read_again() {
    let (world, _) = world().await;
    let (browser, _) = person(&world, MARIA, b"key of maria").await;
    let signed_in = world.auth.sessions.signed_in(&live(&world, &browser).await).await.unwrap().unwrap();
    let (table, token, now) =
        (SessionTable::new(world.auth.sessions.limits()), token(&browser).digest(), world.auth.now());
    let generation = table.generation(token);
    assert!(table.tokens_of(signed_in.account.id).is_empty(), "it is on its way from the store");
    assert_eq!(table.admit(generation, &signed_in, now).err(), Some(Raced));
    table.admit(table.generation(token), &signed_in, now).unwrap();
    assert_eq!(table.tokens_of(signed_in.account.id), [token]);
}

/// The real command, with a configuration whose store is in `folder`.
async fn command(folder: &Path, arguments: &[&str]) -> Output {
    let config = folder.join("bmauth.toml");
    std::fs::write(
        &config,
        format!("{CONFIG}\n[storage]\npath = \"bmauth.redb\"\n[accounts]\nregistration = \"open\""),
    )
    .unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bmauth"));
    command.env_clear().arg("--config").arg(config).args(arguments).stdin(std::process::Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn well(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

#[track_caller]
fn failed(output: &Output, status: i32, said: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(said), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_work_on_a_running_gateway_and_say_so_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let run = async |arguments: &[&str]| command(folder.path(), arguments).await;
    let path: PathBuf = socket::beside(&folder.path().join("bmauth.redb"));
    let not_running = format!("The gateway is not running: nothing answers at {}.", path.display());
    failed(&run(&["users", "list"]).await, 1, &not_running);

    let (world, router) = world().await;
    let socket = AdminSocket::bind(&path).unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(socket.serve(router, stop.clone()));
    assert!(well(&run(&["users", "list"]).await).contains("There are no accounts yet."));
    let (mut browser, _) = person(&world, OTTO, b"key of otto").await;
    let id = live(&world, &browser).await.id().0.to_string();

    let listed = run(&["users", "list"]).await;
    let rows: Vec<_> = well(&listed).lines().collect();
    assert!(rows[0].starts_with("EMAIL ") && rows[1].starts_with(&format!("{OTTO}  active")), "{rows:?}");
    let json: Value = serde_json::from_str(well(&run(&["users", "list", "--json"]).await)).unwrap();
    assert_eq!((emails(&json), &json["next"]), (vec![OTTO], &Value::Null));
    let shown = run(&["users", "show", OTTO]).await;
    for part in ["Passkeys\n", "Signed in\n", "Lately\n", "2027-01-15 08:00 UTC", "registered", &id] {
        assert!(well(&shown).contains(part), "{part:?} is not in {}", well(&shown));
    }
    assert!(well(&run(&["sessions", "list", "--user", OTTO]).await).contains(&id));
    assert!(well(&run(&["sessions", "list"]).await).contains(&id));
    assert!(well(&run(&["sessions", "end", &id]).await).contains("is signed out"));
    assert_eq!(browser.who().await, None);
    failed(&run(&["sessions", "end", &id]).await, 1, "There is no session");
    assert!(well(&run(&["sessions", "end", "--user", OTTO]).await).contains("was not signed in"));

    let code: Value = serde_json::from_str(well(&run(&["users", "recover", OTTO, "--json"]).await)).unwrap();
    assert_eq!(code["email"], OTTO);
    let told = run(&["users", "recover", OTTO]).await;
    assert!(well(&told).contains("https://notes.example.com/_bmauth/recover"), "{}", well(&told));
    failed(&run(&["users", "disable", OTTO]).await, 2, "add --yes");
    failed(&run(&["users", "remove", OTTO]).await, 2, "add --yes");
    assert!(well(&run(&["users", "disable", OTTO, "--yes"]).await).contains("is disabled"));
    assert!(well(&run(&["users", "list"]).await).contains("disabled"));
    assert!(well(&run(&["users", "enable", OTTO]).await).contains("can sign in"));
    assert!(well(&run(&["users", "remove", OTTO, "-y"]).await).contains("is removed"));
    failed(&run(&["users", "show", OTTO]).await, 1, "There is no account");
    failed(&run(&["users", "show", "otto"]).await, 2, "neither an e-mail address nor the id");
    failed(&run(&["sessions", "end"]).await, 2, "required");

    stop.cancel();
    serving.await.unwrap().unwrap();
    assert!(!path.exists(), "the file goes with the gateway");
    failed(&run(&["users", "list"]).await, 1, &not_running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_letters_outside_ascii_is_an_address_to_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let run = async |arguments: &[&str]| command(folder.path(), arguments).await;
    let (world, router) = world().await;
    let socket = AdminSocket::bind(&socket::beside(&folder.path().join("bmauth.redb"))).unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(socket.serve(router, stop.clone()));
    // However it is typed.
    for (typed, email) in [("Jo\u{308}rg@Example.com", "jörg@example.com"), ("用户@例子.广告", "用户@例子.广告")]
    {
        let kept = bmauth::domain::email::Email::parse(email).unwrap();
        let kept = kept.as_str();
        assert!(well(&run(&["users", "add", typed, "--group", "staff"]).await).starts_with(&format!("{kept} may ")));
        let listed = run(&["users", "list"]).await;
        assert!(well(&listed).lines().any(|line| line.starts_with(&format!("{kept}  not registered  staff"))));
        assert!(well(&run(&["users", "show", typed]).await).starts_with(&format!("{kept} was added on ")));
        person(&world, kept, email.as_bytes()).await;
        let shown = run(&["users", "show", typed]).await;
        assert!(well(&shown).starts_with(&format!("{kept}\n")), "{}", well(&shown));
        assert!(well(&run(&["sessions", "list", "--user", typed]).await).contains(kept));
        let removed = run(&["users", "remove", typed, "--yes"]).await;
        assert!(well(&removed).starts_with(&format!("{kept} is removed")), "{}", well(&removed));
    }
    // Terminal controls and invisible characters are no address.
    for typed in ["j\u{1b}[2Jrg@example.com", "j\u{202e}rg@example.com", "j\u{200b}rg@example.com"] {
        failed(&run(&["users", "add", typed]).await, 2, "is not one that a mailbox can have");
    }
    assert!(well(&run(&["users", "list"]).await).contains("There are no accounts yet."));
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// The groups that an identity token says.
fn groups(token: &http::HeaderValue) -> Value {
    let payload = token.to_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["groups"].clone()
}

#[tokio::test]
async fn groups_are_changed_for_the_very_next_request() {
    let (world, router) = world().await;
    let (mut browser, _) = person(&world, MARIA, b"key of maria").await;
    let streaming = live(&world, &browser).await;
    let shown = post(&router, "/users/maria@example.com/groups?add=staff,org:admins&remove=none").await;
    assert_eq!(shown["groups"], json!(["staff", "org:admins"]));
    assert_eq!(browser.get("/_bmauth/whoami").await.json()["groups"], json!(["staff", "org:admins"]));
    assert!(streaming.has_ended(), "what streams may be of a route that asks for a group");
    // A request that came before, and is told who it is of only now, leaves no token of it to the next one.
    let audience = Arc::from("notes");
    let late = world.auth.sessions.identity_token(&Principal::Person(streaming.clone()), &audience).unwrap();
    let next = world.auth.sessions.identity_token(&Principal::Person(live(&world, &browser).await), &audience).unwrap();
    assert_eq!((groups(&late), groups(&next)), (json!([]), json!(["staff", "org:admins"])));

    assert_eq!(post(&router, "/users/maria@example.com/groups").await["groups"], json!(["staff", "org:admins"]));
    assert_eq!(post(&router, "/users/maria@example.com/groups?remove=staff").await["groups"], json!(["org:admins"]));
    assert_eq!(post(&router, "/users/maria@example.com/groups?set=").await["groups"], json!([]));
    assert_eq!(browser.get("/_bmauth/whoami").await.json()["groups"], json!([]));
}

#[tokio::test]
async fn a_group_that_cannot_be_one_is_refused_and_changes_nothing() {
    let (world, router) = world().await;
    person(&world, MARIA, b"key of maria").await;
    for wrong in ["add=a%20b", "set=a,%C3%A4", "add=%22", &format!("add={}", "a".repeat(65))] {
        let (status, said) = ask(&router, Method::POST, &format!("/users/{MARIA}/groups?{wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{said}");
    }
    let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
    let (status, said) = ask(&router, Method::POST, &format!("/users/{MARIA}/groups?set={}", many.join(","))).await;
    assert_eq!((status, said["error"].as_str().unwrap().contains("64 groups")), (StatusCode::CONFLICT, true));
    assert_eq!(get(&router, &format!("/users/{MARIA}")).await["user"]["groups"], json!([]));
}
