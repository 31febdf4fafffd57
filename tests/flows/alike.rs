//! How long an answer takes reveals nothing about an address: at each step as much is read and written where it has an
//! account as where it has none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::activity::Event;
use bmauth::domain::address::Move;
use bmauth::domain::admin_code::AdminCode;
use bmauth::domain::bookmark::Bookmark;
use bmauth::domain::ceremony::{Ceremony, CeremonyId};
use bmauth::domain::clock::Timestamp;
use bmauth::domain::email::Email;
use bmauth::domain::host::Host;
use bmauth::domain::invitation::Invitation;
use bmauth::domain::letter::Letter;
use bmauth::domain::link::id::LinkId;
use bmauth::domain::link::{Link, LinkCodeDigest};
use bmauth::domain::operate::Regroup;
use bmauth::domain::passkey::{CredentialId, LockedOut, Passkey as Kept};
use bmauth::domain::plan::{AccountChange, Change, Counter, Durability};
use bmauth::domain::recovery::{Hold, Recovery};
use bmauth::domain::registration::Registration;
use bmauth::domain::secret::{Secret, SecretDigest};
use bmauth::domain::session::Session;
use bmauth::domain::signing_key::SigningKey;
use bmauth::domain::token_family::TokenFamily;
use bmauth::store::redb::RedbStore;
use bmauth::store::redb::apart::written_by;
use bmauth::store::{CommitError, Records, Store, StoreError};
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Client;
use crate::authenticator::Passkey;
use crate::browser::Browser;
use crate::world::{CONFIG, World};

// Addresses of one length: how long one is shows in what is written, with or without an account.
const KNOWN: &str = "maria@example.com";
const DISABLED: &str = "diane@example.com";
const UNKNOWN: &str = "nelly@example.com";
const INVITED: &str = "ingra@example.com";

/// A store that writes down what is asked of it.
struct Counting {
    store: RedbStore,
    asked: Mutex<Vec<String>>,
}

impl Counting {
    /// One row is looked for, whether it is there or not.
    fn one(&self, what: &str) {
        self.note(format!("reads {what}"));
    }

    fn several<T>(&self, what: &str, rows: Result<Vec<T>, StoreError>) -> Result<Vec<T>, StoreError> {
        self.note(format!("reads {what}: {:?}", rows.as_ref().map(Vec::len)));
        rows
    }

    fn note(&self, asked: String) {
        self.asked.lock().unwrap().push(asked);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Records for Counting {
    async fn ceremony(&self, id: CeremonyId) -> Result<Option<Ceremony>, StoreError> {
        self.one("a ceremony");
        self.store.ceremony(id).await
    }
    async fn registration(&self, browser: SecretDigest) -> Result<Option<Registration>, StoreError> {
        self.one("a registration");
        self.store.registration(browser).await
    }
    async fn registrations_of(&self, email: &Email) -> Result<Vec<Registration>, StoreError> {
        self.several("registrations", self.store.registrations_of(email).await)
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.one("an account");
        self.store.account(id).await
    }
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        self.one("an account by its address");
        self.store.account_by_email(email).await
    }
    async fn passkey(&self, id: &CredentialId) -> Result<Option<Kept>, StoreError> {
        self.one("a passkey");
        self.store.passkey(id).await
    }
    async fn passkeys(&self, account: AccountId) -> Result<Vec<Kept>, StoreError> {
        self.several("passkeys", self.store.passkeys(account).await)
    }
    async fn passkey_ids(&self, account: AccountId) -> Result<Vec<CredentialId>, StoreError> {
        // How many there are shows in the answer.
        self.one("ids of passkeys");
        self.store.passkey_ids(account).await
    }
    async fn session(&self, token: SecretDigest) -> Result<Option<Session>, StoreError> {
        self.one("a session");
        self.store.session(token).await
    }
    async fn tokens(&self, session: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        self.one("tokens");
        self.store.tokens(session).await
    }
    async fn tokens_by_refresh(&self, token: SecretDigest) -> Result<Option<TokenFamily>, StoreError> {
        self.one("tokens by one of them");
        self.store.tokens_by_refresh(token).await
    }
    async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        self.several("sessions", self.store.sessions(account).await)
    }
    async fn events(&self, account: AccountId, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.several("events", self.store.events(account, limit).await)
    }
    async fn accounts(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Account>, StoreError> {
        self.several("accounts", self.store.accounts(after, limit).await)
    }
    async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.one("a link");
        self.store.link(id).await
    }
    async fn link_by_code(&self, code: LinkCodeDigest) -> Result<Option<Link>, StoreError> {
        self.one("a link by its code");
        self.store.link_by_code(code).await
    }
    async fn recovery(&self, browser: SecretDigest) -> Result<Option<Recovery>, StoreError> {
        self.one("a recovery");
        self.store.recovery(browser).await
    }
    async fn recoveries_of(&self, account: AccountId) -> Result<Vec<Recovery>, StoreError> {
        self.several("recoveries", self.store.recoveries_of(account).await)
    }
    async fn recoveries_for(&self, email: &Email) -> Result<Vec<Recovery>, StoreError> {
        self.several("recoveries of an address", self.store.recoveries_for(email).await)
    }
    async fn hold(&self, account: AccountId) -> Result<Option<Hold>, StoreError> {
        self.one("a hold");
        self.store.hold(account).await
    }
    async fn moving(&self, account: AccountId) -> Result<Option<Move>, StoreError> {
        self.one("a change of address");
        self.store.moving(account).await
    }
    async fn moves_from(&self, email: &Email) -> Result<Vec<Move>, StoreError> {
        // Looked for all the same where there is none.
        self.one("changes from an address");
        self.store.moves_from(email).await
    }
    async fn admin_code(&self, account: AccountId) -> Result<Option<AdminCode>, StoreError> {
        self.one("an operator's code");
        self.store.admin_code(account).await
    }
    async fn counted(&self, counter: Counter, window: Duration, now: Timestamp) -> Result<u32, StoreError> {
        self.one("a count");
        self.store.counted(counter, window, now).await
    }
    async fn letters_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Letter>, StoreError> {
        self.several("letters", self.store.letters_due(now, limit).await)
    }
    async fn invitation(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        self.one("an invitation");
        self.store.invitation(email).await
    }

    async fn invitations(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Invitation>, StoreError> {
        self.several("invitations", self.store.invitations(after, limit).await)
    }

    async fn has_invitations(&self) -> Result<bool, StoreError> {
        self.one("whether there are invitations");
        self.store.has_invitations().await
    }

    async fn bookmark(&self, name: SecretDigest) -> Result<Option<Bookmark>, StoreError> {
        self.one("a bookmark");
        self.store.bookmark(name).await
    }
    async fn master(&self) -> Result<Option<Secret>, StoreError> {
        self.store.master().await
    }
    async fn key_generation(&self) -> Result<u64, StoreError> {
        self.store.key_generation().await
    }
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.store.signing_keys().await
    }
    async fn rp_id(&self) -> Result<Option<Host>, StoreError> {
        self.one("the rp_id that was noted");
        self.store.rp_id().await
    }
    async fn locked_out(&self, rp_id: &Host) -> Result<LockedOut, StoreError> {
        self.store.locked_out(rp_id).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }
}

#[async_trait]
impl Store for Counting {
    async fn commit(&self, changes: Vec<Change>, durability: Durability) -> Result<(), CommitError> {
        // "Letter(Add(", and the lengths of what is written.
        let kind = |change: &Change| format!("{change:?}").split_inclusive(['(', ' ']).take(2).collect::<String>();
        let told: Vec<_> = changes.iter().map(|change| format!("{} {:?}", kind(change), written_by(change))).collect();
        let committed = self.store.commit(changes, durability).await;
        self.note(format!("commits, {durability:?}, {}: {told:#?}", committed.is_ok()));
        committed
    }
    async fn sweep(
        &self,
        now: Timestamp,
        created: Timestamp,
        seen: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.store.sweep(now, created, seen, limit).await
    }
}

/// A world where two of three addresses have an account, and the account of one is disabled.
async fn world(more: &str) -> (World, Arc<Counting>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&directory.path().join("bmauth.redb")).unwrap();
    let store = Arc::new(Counting { store, asked: Mutex::default() });
    let world = World::with(&format!("{CONFIG}{more}"), Arc::clone(&store) as _).await;
    for email in [KNOWN, DISABLED] {
        world.browser().register(&world, email, &mut Passkey::new(email.as_bytes())).await;
    }
    let account = world.store.account_by_email(&Email::parse(DISABLED).unwrap()).await.unwrap().unwrap().id;
    let disable = AccountChange::SetDisabled { account, disabled: true };
    world.store.commit(vec![disable.into()], Durability::Durable).await.unwrap();
    // So that nothing that is counted there counts here.
    world.wait(3600);
    store.take();
    (world, store, directory)
}

/// What is asked of the store at each step of a walk, with the steps' names.
struct Steps<'a> {
    store: &'a Counting,
    steps: Vec<(&'static str, Vec<String>)>,
}

impl Steps<'_> {
    fn done(&mut self, step: &'static str) {
        self.steps.push((step, self.store.take()));
    }

    /// What the outbox does of it.
    async fn deliver(&mut self, world: &World) {
        world.outbox.deliver().await;
        // How often it looks for more meanwhile, and which letter is done with first, is a matter of threads.
        let mut done = self.store.take();
        done.retain(|asked| !asked.starts_with("reads letters"));
        done.sort();
        self.steps.push(("the outbox", done));
    }
}

/// Walks once for each address, and compares.
async fn the_same_for_each<'a>(
    store: &'a Counting,
    emails: &[&'static str],
    walk: impl AsyncFn(&'static str, &mut Steps<'a>),
) {
    let mut walked = Vec::new();
    for email in emails {
        let mut steps = Steps { store, steps: Vec::new() };
        walk(email, &mut steps).await;
        walked.push(steps.steps);
    }
    let [first, others @ ..] = walked.as_slice() else { panic!("nothing was walked") };
    for (email, other) in emails[1..].iter().zip(others) {
        assert_eq!(first.len(), other.len());
        for (one, other) in first.iter().zip(other) {
            assert!(one == other, "{}: {:#?}\n{email}: {:#?}", emails[0], one, other);
        }
    }
}

/// An answer by a key that the device does not have.
fn forged(options: &Value) -> Value {
    let mut key = Passkey::new(b"another");
    key.id = crate::authenticator::decode(&options["allowCredentials"][0]["id"]);
    key.get(options)
}

#[tokio::test]
async fn signing_in_asks_as_much_of_the_store_for_every_address() {
    let (world, store, _directory) = world("").await;
    the_same_for_each(&store, &[KNOWN, UNKNOWN, DISABLED], async |email, steps| {
        let mut browser = world.browser();
        let challenge = browser.challenge(Some(email)).await;
        steps.done("options");
        let answer = browser.answer(&challenge, &forged(&challenge["options"])).await;
        assert_eq!(answer.refusal(), "not-accepted");
        steps.done("a forged answer");

        let mut client = Client::page(&world);
        let options = client.begin("/signin/webauthn", &json!({ "email": email })).await;
        steps.done("options over the API");
        let forged = json!({ "email": email, "credential": forged(&options) });
        assert_eq!(client.post("/signin/webauthn/verify", &forged).await.status, StatusCode::UNAUTHORIZED);
        steps.done("a forged answer over the API");
    })
    .await;
}

#[tokio::test]
async fn registering_asks_as_much_of_the_store_for_every_address() {
    let (world, store, _directory) = world("").await;
    the_same_for_each(&store, &[KNOWN, UNKNOWN, DISABLED], async |email, steps| registers(&world, email, steps).await)
        .await;
}

#[tokio::test]
async fn registering_asks_as_much_of_the_store_with_and_without_an_invitation() {
    let (world, store, _directory) =
        world(&format!("[accounts]\nregistration = \"open\"\nallowed_emails = [{KNOWN:?}, {DISABLED:?}]")).await;
    world.auth.operate.invite(Email::parse(INVITED).unwrap(), Vec::new()).await.unwrap();
    store.take();
    the_same_for_each(&store, &[INVITED, UNKNOWN, KNOWN, DISABLED], async |email, steps| {
        registers(&world, email, steps).await;
    })
    .await;
}

/// Everything that a client can do that wants an account and does not know the code.
async fn registers(world: &World, email: &str, steps: &mut Steps<'_>) {
    let mut browser = world.browser();
    let mut key = Passkey::new(&[email.as_bytes(), b" on a page"].concat());
    let asked = browser.ask_to_register(email, &mut key).await;
    assert_eq!(asked.status, StatusCode::OK);
    steps.done("options and passkey");
    steps.deliver(world).await;
    let mut again = Passkey::new(&[email.as_bytes(), b" on a page again"].concat());
    assert_eq!(browser.ask_to_register(email, &mut again).await.status, StatusCode::OK);
    steps.done("options and passkey once more");
    steps.deliver(world).await;
    assert_eq!(browser.enter("000000").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    steps.done("a wrong code");
    world.wait(30);
    assert_eq!(browser.submit("/_bmauth/register/code/resend", &[]).await.status, StatusCode::SEE_OTHER);
    steps.done("another code");
    steps.deliver(world).await;

    let mut key = Passkey::new(&[email.as_bytes(), b" elsewhere"].concat());
    for mut client in [Client::page(world), Client::app(world)] {
        client.ask_to_sign_up(email, &mut key).await;
        steps.done("options and passkey over the API");
        client.enter(email, "000000").await;
        steps.done("a wrong code over the API");
        for wait in [0, 30] {
            world.wait(wait);
            client.ask_for_code(email).await;
            steps.done("a code is asked for");
            steps.deliver(world).await;
            client.enter(email, "000000").await;
            steps.done("another wrong code over the API");
        }
    }
}

async fn recovers(browser: &mut Browser, email: &str) -> StatusCode {
    browser.get("/_bmauth/recover").await;
    browser.submit("/_bmauth/recover", &[("email", email)]).await.status
}

#[tokio::test]
async fn getting_back_in_asks_as_much_of_the_store_for_every_address() {
    for mode in ["email", "delayed", "admin", "off"] {
        let (world, store, _directory) = world(&format!("[accounts]\nrecovery = \"{mode}\"\n")).await;
        the_same_for_each(&store, &[KNOWN, UNKNOWN, DISABLED], async |email, steps| {
            let mut browser = world.browser();
            recovers(&mut browser, email).await;
            steps.done("the address");
            steps.deliver(&world).await;
            for code in ["000000", "0000-0000-0000", "ABCD-EFGH-JKMN-PQRS"] {
                browser.get("/_bmauth/recover/code").await;
                browser.submit("/_bmauth/recover/code", &[("code", code)]).await;
                steps.done("a wrong code");
            }
            world.wait(30);
            browser.submit("/_bmauth/recover/code/resend", &[]).await;
            steps.done("another code");
            steps.deliver(&world).await;

            for mut client in [Client::page(&world), Client::app(&world)] {
                client.enter(email, "000000").await;
                steps.done("a wrong code over the API, before any was asked for");
                world.wait(30);
                for wait in [0, 0, 30] {
                    world.wait(wait);
                    client.ask_for_code(email).await;
                    steps.done("a code is asked for over the API");
                    steps.deliver(&world).await;
                    client.enter(email, "000000").await;
                    steps.done("a wrong code over the API");
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_stands_for_a_letter_never_leaves_and_does_not_stay() {
    let (world, _store, _directory) = world("").await;
    for email in [UNKNOWN, DISABLED] {
        assert_eq!(recovers(&mut world.browser(), email).await, StatusCode::SEE_OTHER);
        assert_eq!(world.store.letters_due(Timestamp::from_unix(u64::MAX), 9).await.unwrap().len(), 1);
        assert_eq!(world.mails(email).await.len(), 0);
        assert_eq!(world.store.letters_due(Timestamp::from_unix(u64::MAX), 9).await.unwrap().len(), 0);
    }
    assert_eq!(recovers(&mut world.browser(), KNOWN).await, StatusCode::SEE_OTHER);
    assert_eq!(world.mails(KNOWN).await.len(), 1);
}

#[tokio::test]
async fn getting_back_in_asks_as_much_of_the_store_with_and_without_an_administrator() {
    for mode in ["email", "delayed"] {
        let (world, store, _directory) = world(&format!("[accounts]\nadmins = \"it\"\nrecovery = \"{mode}\"\n")).await;
        let account = world.store.account_by_email(&Email::parse(KNOWN).unwrap()).await.unwrap().unwrap();
        let regroup = Regroup { add: vec!["it".to_owned()], ..Regroup::default() };
        world.auth.operate.regroup(account, regroup).await.unwrap();
        store.take();
        the_same_for_each(&store, &[KNOWN, UNKNOWN, DISABLED], async |email, steps| {
            let mut browser = world.browser();
            recovers(&mut browser, email).await;
            steps.done("the address");
            steps.deliver(&world).await;
            for code in ["000000", "ABCD-EFGH-JKMN-PQRS"] {
                browser.get("/_bmauth/recover/code").await;
                browser.submit("/_bmauth/recover/code", &[("code", code)]).await;
                steps.done("a wrong code");
            }
            world.wait(30);
            browser.get("/_bmauth/recover/code").await;
            browser.submit("/_bmauth/recover/code/resend", &[]).await;
            steps.done("another code");
            steps.deliver(&world).await;
        })
        .await;
    }
}

#[tokio::test]
async fn past_twenty_tries_as_much_is_asked_of_the_store_for_every_address() {
    for mode in ["email", "delayed", "admin", "off"] {
        let (world, store, _directory) = world(&format!("[accounts]\nrecovery = \"{mode}\"\n")).await;
        for email in [KNOWN, UNKNOWN, DISABLED] {
            for n in 0..5 {
                let mut browser = world.browser();
                browser.address = format!("198.51.100.{}", n + 1).parse().unwrap();
                let mut key = Passkey::new(&[email.as_bytes(), &[n]].concat());
                assert_eq!(browser.ask_to_register(email, &mut key).await.status, StatusCode::OK);
                for _ in 0..5 {
                    browser.enter("000000").await;
                }
            }
        }
        // The letters of that hour do not count, the tries of that day do.
        world.wait(2 * 3600);
        world.outbox.deliver().await;
        store.take();
        the_same_for_each(&store, &[KNOWN, UNKNOWN, DISABLED], async |email, steps| {
            let mut browser = world.browser();
            let mut key = Passkey::new(&[email.as_bytes(), b" on a page"].concat());
            browser.ask_to_register(email, &mut key).await;
            steps.done("options and passkey");
            steps.deliver(&world).await;
            browser.enter("000000").await;
            steps.done("a wrong code");
            browser.enter("ABCDE-FGHJK-MNPQR").await;
            steps.done("a wrong long code");
            world.wait(30);
            browser.submit("/_bmauth/register/code/resend", &[]).await;
            steps.done("another code");
            steps.deliver(&world).await;
            let mut browser = world.browser();
            recovers(&mut browser, email).await;
            steps.done("the address");
            steps.deliver(&world).await;
            for code in ["000000", "ABCDE-FGHJK-MNPQR", "ABCDE-FGHJK"] {
                browser.get("/_bmauth/recover/code").await;
                browser.submit("/_bmauth/recover/code", &[("code", code)]).await;
                steps.done("a wrong code of a recovery");
            }
            let mut key = Passkey::new(&[email.as_bytes(), b" elsewhere"].concat());
            for mut client in [Client::page(&world), Client::app(&world)] {
                client.ask_to_sign_up(email, &mut key).await;
                steps.done("options and passkey over the API");
                steps.deliver(&world).await;
                for wait in [0, 30] {
                    world.wait(wait);
                    client.ask_for_code(email).await;
                    steps.done("a code is asked for over the API");
                    steps.deliver(&world).await;
                    for code in ["000000", "ABCDE-FGHJK-MNPQR"] {
                        client.enter(email, code).await;
                        steps.done("a wrong code over the API");
                    }
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn another_address_asks_as_much_of_the_store_whether_or_not_it_is_taken() {
    let (world, store, _directory) = world("").await;
    let mut keys = Vec::new();
    for n in 0..3 {
        let mut key = Passkey::new(&[b'a', n]);
        world.browser().register(&world, &format!("ann{n}@example.com"), &mut key).await;
        keys.push(key);
    }
    world.wait(3600);
    world.outbox.deliver().await;
    let mut walkers = Vec::new();
    for mut key in keys {
        let mut browser = world.browser();
        assert_eq!(browser.sign_in(None, &mut key).await.status, StatusCode::OK);
        browser.get("/_bmauth/account").await;
        walkers.push((browser, key));
    }
    let walkers = Mutex::new(walkers);
    store.take();
    the_same_for_each(&store, &[KNOWN, UNKNOWN, DISABLED], async |email, steps| {
        let (mut browser, mut key) = walkers.lock().unwrap().pop().unwrap();
        let asked = json!({ "act": "change-address", "to": email });
        let asked = browser.post("/_bmauth/devices/confirm", &asked).await.json();
        steps.done("asked for");
        let proof = json!({ "ceremony": asked["ceremony"], "credential": key.get(&asked["options"]) });
        assert_eq!(browser.post("/_bmauth/devices/confirm/verify", &proof).await.status, StatusCode::OK);
        steps.done("confirmed");
        steps.deliver(&world).await;
        for code in ["000000", "ABCDE-FGHJK-MNPQR"] {
            browser.get("/_bmauth/account/address").await;
            browser.submit("/_bmauth/account/address", &[("code", code)]).await;
            steps.done("a wrong code");
        }
        world.wait(30);
        browser.get("/_bmauth/account/address").await;
        browser.submit("/_bmauth/account/address/resend", &[]).await;
        steps.done("another code");
        steps.deliver(&world).await;
    })
    .await;
}
