//! The commands that copy, back up and restore a store, as an operator runs them beside the gateway.

use std::fs;
use std::process::{Command, Stdio};

use bmauth::domain::plan::{AccountChange, Change, InvitationChange, KeyChange, LetterChange};
use bmauth::store::redb::RedbStore;
use bmauth::store::{Records as _, Store as _};

use crate::program::{Operator, app, block_on, commit, cookie, signed_in};
use crate::sample::*;
use crate::server::Server;

fn fails(operator: &Operator, arguments: &[&str], status: i32) -> String {
    let ran = operator.runs(arguments);
    let why = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(status), "{arguments:?}: {why}");
    why
}

fn keys_of(operator: &Operator) -> String {
    let answer = operator.send("/_bmauth/jwks.json", "");
    let body = answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
    assert!(body.contains("\"kid\""), "{body}");
    body
}

fn write(operator: &Operator, changes: Vec<Change>) {
    block_on(async { commit(&RedbStore::open(&operator.path("bmauth.redb")).unwrap(), changes).await });
}

#[test]
fn a_copy_of_a_running_gateway_is_restored_and_no_session_comes_back() {
    let mut operator = Operator::with_file(app());
    let file = operator.path("copy.redb").display().to_string();
    let mut changes: Vec<Change> = [1, 2].into_iter().flat_map(signed_in).collect();
    changes.extend(person(3));
    changes.push(AccountChange::SetDisabled { account: account_id(3), disabled: true }.into());
    changes.push(InvitationChange::Put(invitation(200)).into());
    write(&operator, changes);
    operator.serve();
    for number in [1, 2] {
        operator.answers(&cookie(number), 200);
    }
    let keys = keys_of(&operator);
    let said = operator.says(&["backup", &file]);
    assert!(said.contains("accounts      3\n") && said.contains("sessions      2\n"), "{said}");
    assert!(fails(&operator, &["backup", &file], 1).contains("is there already"));
    assert!(fails(&operator, &["backup", "/nowhere/at/all"], 1).contains("/nowhere/at/all"));
    // Another gateway is not asked for a copy of its own store.
    let mut other = Operator::with_file(app());
    other.serve();
    let written = fs::read_to_string(operator.path("bmauth.toml")).unwrap();
    let folder = |of: &Operator| of.path("sockets").display().to_string();
    let elsewhere = operator.path("elsewhere.toml");
    fs::write(&elsewhere, written.replace(&folder(&operator), &folder(&other))).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmauth"));
    let asked = command.args(["backup", "x.redb", "--config"]).arg(&elsewhere).current_dir(operator.path("."));
    let asked = asked.output().unwrap();
    let why = String::from_utf8(asked.stderr).unwrap();
    assert!(asked.status.code() == Some(1) && why.contains("The gateway that answers has another store."), "{why}");
    assert!(!operator.path("x.redb").exists());
    other.stop();
    // Revoked since.
    operator.says(&["sessions", "end", "--user", email(2).as_str()]);
    operator.answers(&cookie(2), 401);
    assert!(fails(&operator, &["restore", &file, "--replace"], 1).contains("a bmauth is using"));
    operator.answers(&cookie(1), 200);
    operator.stop();

    assert!(fails(&operator, &["restore", &file], 1).contains("--replace"));
    let said = operator.says(&["restore", &file, "--replace"]);
    for expected in [
        "sessions      2            0\n",
        &format!("Disabled: {}\n", email(3).as_str()),
        email(200).as_str(),
        "bmauth.redb.before-restore now",
        "look whether disabled accounts",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    operator.serve();
    for number in [1, 2] {
        operator.answers(&cookie(number), 401);
    }
    assert_eq!(keys_of(&operator), keys);
    operator.stop();

    // Without a gateway it is written all the same.
    operator.says(&["backup", &operator.path("later.redb").display().to_string()]);
}

#[test]
fn a_copy_that_is_cut_off_has_no_name() {
    let operator = Operator::with_file(app());
    // Enough that it takes its time.
    write(&operator, (0..20_000).map(|n| LetterChange::Add(letter(n, 3000)).into()).collect());
    let copy = operator.path("copies/copy.redb");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    let begun = || fs::read_dir(copy.parent().unwrap()).unwrap().count() > 0;
    let mut cut = 0;
    for _ in 0..5 {
        let mut child =
            operator.command(&["backup", &copy.display().to_string()]).stdout(Stdio::null()).spawn().unwrap();
        while !begun() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if copy.exists() {
            // It was quicker: then it is whole.
            let whole = RedbStore::open(&copy).unwrap();
            assert_eq!(block_on(whole.letters_due(at(9999), 99_999)).unwrap().len(), 20_000);
        } else {
            cut += 1;
        }
        for entry in fs::read_dir(copy.parent().unwrap()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    assert!(cut > 0, "none was cut off");
    operator.says(&["backup", &copy.display().to_string()]);
}

#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let operator = Operator::with_file(app());
    let store = operator.path("bmauth.redb");
    write(&operator, (0..5000).map(|n| LetterChange::Add(letter(n, 3000)).into()).chain(person(1)).collect());
    let whole = operator.path("whole.redb").display().to_string();
    operator.says(&["backup", &whole]);
    fs::create_dir(operator.path("copies")).unwrap();
    let copy = operator.path("copies/copy.redb").display().to_string();
    // No file may become larger than a part of it.
    let limited = |arguments: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bmauth")]);
        let ran = command.args(arguments).arg("--config").arg(operator.path("bmauth.toml")).output().unwrap();
        let why = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {why}");
        assert!(why.contains("File too large"), "{why}");
    };
    let before = fs::read(&store).unwrap();
    limited(&["restore", &whole, "--replace"]);
    assert_eq!(fs::read(&store).unwrap(), before);
    assert!(!operator.path("bmauth.redb.before-restore").exists());
    limited(&["backup", &copy]);
    assert_eq!(fs::read_dir(operator.path("copies")).unwrap().count(), 0);
    let opened = RedbStore::open(&store).unwrap();
    assert_eq!(block_on(opened.letters_due(at(9999), 9999)).unwrap().len(), 5000);
}

#[test]
fn people_stay_signed_in_when_their_store_is_copied_to_a_database_and_back() {
    let (server, app) = (Server::start(), app());
    let mut file = Operator::with_file(app);
    let mut database = Operator::new(server.fresh_schema(), app, "60s");
    let key = database.path("storage.key").display().to_string();
    database.says(&["keys", "new-file", &key]);
    write(&file, signed_in(1));
    file.serve();
    let keys = keys_of(&file);
    let redb = format!("redb:{}", file.path("bmauth.redb").display());
    let back = format!("redb:{}", file.path("back.redb").display());
    // As the gateway of the database is configured.
    let there = ["store", "copy", "--from", &redb, "--to", "config"];
    assert!(fails(&database, &there, 1).contains("another bmauth is using"));
    file.stop();
    let said = database.says(&there);
    assert!(said.contains("All of it has arrived as it was"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("accounts") && line.contains("  1  ")), "{said}");
    assert!(fails(&database, &there, 1).contains("it has a master secret"));
    database.serve();
    database.answers(&cookie(1), 200);
    assert_eq!(keys_of(&database), keys);
    let url = server.url_of("s0");
    let home = ["store", "copy", "--from", &url, "--to", &back, "--key-file", &key];
    assert!(fails(&file, &home, 1).contains("a gateway is running on the database"));
    let copy = file.path("copy").display().to_string();
    assert!(fails(&database, &["backup", &copy], 2).contains("means of its own"));
    assert!(fails(&database, &["restore", &copy], 2).contains("means of its own"));
    database.stop();
    file.says(&home);
    fs::rename(file.path("back.redb"), file.path("bmauth.redb")).unwrap();
    file.serve();
    file.answers(&cookie(1), 200);
    assert_eq!(keys_of(&file), keys);
    file.stop();

    for (wrong, why) in [
        (["--from", "redb:a", "--to", "redb:b", "--key-file", &key], "both are files"),
        (["--from", &url, "--to", &url, "--key-file", &key], "both are databases"),
        (["--from", "redb:a", "--to", &url, "--key-file", "/none"], "bmauth keys new-file"),
        (["--from", "a.redb", "--to", &url, "--key-file", &key], "--from must be redb:PATH"),
    ] {
        let arguments: Vec<&str> = ["store", "copy"].into_iter().chain(wrong).collect();
        let told = fails(&file, &arguments, 2);
        assert!(told.contains(why), "{told}");
    }
    let told = fails(&file, &["store", "copy", "--from", "redb:a", "--to", &url], 2);
    assert!(told.contains("say --key-file"), "{told}");
}

#[test]
fn a_part_of_a_store_is_not_served() {
    let operator = Operator::with_file(app());
    block_on(async {
        let store = RedbStore::open(&operator.path("bmauth.redb")).unwrap();
        store.commit(person(1), bmauth::domain::plan::Durability::Durable).await.unwrap();
    });
    let why = operator.refuses();
    assert!(why.contains("it has accounts and no master secret"), "{why}");
    write(&operator, vec![KeyChange::NoteRpId(rp_id("localhost")).into()]);
    let mut operator = operator;
    operator.serve();
    operator.stop();
}
