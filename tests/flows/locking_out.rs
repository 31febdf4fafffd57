//! A change of `passkeys.rp_id`: browsers offer a passkey only for the one it was made for.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bmauth::domain::host::Host;
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store};

use crate::authenticator::Passkey;
use crate::world::World;

/// A configuration of which `bmauth check` has nothing to reach but the store. It is an example's and prints letters,
/// which `bmauth check` says as well.
fn config(public_url: &str, rp_id: &str, directory: &Path) -> String {
    format!(
        "public_url = {public_url:?}\n[passkeys]\nrp_id = {rp_id:?}\n[storage]\npath = {:?}\n\
         [email]\nfrom = \"no-reply@example.com\"\ntransport = \"log\"\n\
         [accounts]\nregistration = \"open\"\n[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[route]]\npath = \"/\"\n",
        directory.join("bmauth.redb")
    )
}

const NOTES: &str = "https://notes.example.com";

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// What `bmauth check` prints, and whether all is well but the values of an example.
fn check(text: &str, directory: &Path, flags: &[&str]) -> (String, bool) {
    let file = directory.join("bmauth.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmauth"));
    let output = command.arg("check").arg("-c").arg(&file).args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let of_the_configuration = format!("FAILED   {}:", file.display());
    let well = !printed.lines().any(|line| line.starts_with("FAILED") && !line.starts_with(&of_the_configuration));
    (printed, well)
}

/// The line about the passkeys.
fn said(printed: &str) -> &str {
    printed.lines().find(|line| line.contains("passkeys: ")).unwrap_or_else(|| panic!("{printed}"))
}

async fn register(world: &World, email: &str, passkey: &mut Passkey) {
    world.browser().register(world, email, passkey).await;
}

#[tokio::test]
async fn check_says_whom_a_change_locks_out_and_fails_unless_that_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let open = || Arc::new(RedbStore::open(&directory.join("bmauth.redb")).unwrap());
    let old = config(NOTES, "notes.example.com", directory);
    let new = config(NOTES, "example.com", directory);

    let (printed, well) = check(&old, directory, &[]);
    assert!(well && printed.contains("will be made at the first start"), "{printed}");
    let world = World::with(&old, open()).await;
    register(&world, "maria@example.com", &mut Passkey::new(b"key of maria")).await;
    register(&world, "bob@example.com", &mut Passkey::new(b"key of bob")).await;

    // Beside a gateway that does not answer it cannot look, and says so.
    let (printed, well) = check(&new, directory, &[]);
    assert!(!well, "{printed}");
    assert!(said(&printed).ends_with("was not checked: the store did not open"), "{printed}");
    let (printed, well) = check(&new, directory, &["--offline"]);
    assert!(well && said(&printed).ends_with("was not checked: that needs the store"), "{printed}");
    drop(world);

    let (printed, well) = check(&old, directory, &[]);
    assert!(well && said(&printed).starts_with("ok "), "{printed}");
    let locked_out = "passkeys.rp_id is example.com, but 2 passkeys of 2 accounts were made for notes.example.com";
    let (printed, well) = check(&new, directory, &[]);
    assert!(!well && said(&printed).starts_with(&format!("FAILED   passkeys: {locked_out}")), "{printed}");
    let (printed, well) = check(&new, directory, &["--yes-lock-out"]);
    assert!(well && said(&printed).starts_with(&format!("warning  passkeys: {locked_out}")), "{printed}");
}

#[tokio::test]
async fn another_public_url_is_nothing_to_the_passkeys() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let store = Arc::new(RedbStore::open(&directory.join("bmauth.redb")).unwrap());
    let world = World::with(&config(NOTES, "example.com", directory), store).await;
    let mut passkey = Passkey::new(b"key of maria");
    passkey.rp_id = "example.com".to_owned();
    register(&world, "maria@example.com", &mut passkey).await;
    drop(world);
    let (printed, well) = check(&config("https://auth.example.com", "example.com", directory), directory, &[]);
    assert!(well && said(&printed).starts_with("ok "), "{printed}");
}

#[tokio::test]
async fn a_gateway_with_another_rp_id_starts_and_forgets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let store = Arc::new(RedbStore::open(&directory.join("bmauth.redb")).unwrap());
    let old = config(NOTES, "notes.example.com", directory);
    let world = World::with(&old, Arc::clone(&store) as Arc<dyn Store>).await;
    register(&world, "maria@example.com", &mut Passkey::new(b"key of maria")).await;
    let changed = world.again(&config(NOTES, "example.com", directory)).await;
    let mut passkey = Passkey::new(b"key of bob");
    passkey.rp_id = "example.com".to_owned();
    register(&changed, "bob@example.com", &mut passkey).await;
    assert_eq!(store.rp_id().await.unwrap(), Some(host("notes.example.com")));
    // Each is known by its own, whichever is served.
    for (rp_id, made_for) in [("example.com", "notes.example.com"), ("notes.example.com", "example.com")] {
        let locked_out = store.locked_out(&host(rp_id)).await.unwrap();
        assert_eq!(locked_out.to_string(), format!("1 passkey of 1 account was made for {made_for}"));
    }
}
