//! What happens at once happens once.

use futures_util::future::join_all;

use super::*;

/// Lets `browsers` do the same thing at once; the answers come in their order.
async fn at_once<F: Future<Output = Answer> + Send + 'static>(doing: impl IntoIterator<Item = F>) -> Vec<Answer> {
    let tasks: Vec<_> = doing.into_iter().map(|one| tokio::spawn(one)).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// A computer that waits, what it shows, and what the phone is to prove by its passkey, where the number was typed.
async fn number_typed(world: &World, phone: &mut Browser) -> (Browser, Shown, Value) {
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let challenge = phone.number(&shown.link, shown.number).await.json();
    (computer, shown, challenge)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_browsers_that_bring_one_code_four_may_look_and_none_is_lost() {
    let (world, mut computer, _) = maria().await;
    let shown = computer.offer().await;
    let answers = at_once((0..50).map(|_| {
        let (mut browser, code) = (world.browser(), shown.scan.clone());
        async move { browser.find(&code).await }
    }))
    .await;
    let (found, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((found.len(), refused.len()), (4, 46));
    assert!(refused.iter().all(|answer| ["link-crowded", "unavailable"].contains(&&*answer.refusal())));
    let numbers: std::collections::BTreeSet<_> = found.iter().map(|answer| answer.json()["number"].as_u64()).collect();
    assert_eq!(numbers.len(), 4, "no two show the same number");
    assert_eq!(computer.link_state(&shown.link).await.json()["devices"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wrong_numbers_of_several_browsers_at_once_are_three_in_all() {
    let (world, _, _) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let mut browsers: Vec<_> = (0..4).map(|_| world.browser()).collect();
    for browser in &mut browsers {
        browser.find(&shown.scan).await;
    }
    let answers = at_once(browsers.into_iter().flat_map(|browser| {
        let tabs: Vec<_> = (0..8).map(|_| (browser.tab(&world), shown.link.clone())).collect();
        tabs.into_iter().map(|(mut tab, link)| async move { tab.number(&link, 9).await })
    }))
    .await;
    let looked_at = answers.iter().filter(|answer| answer.refusal() == "wrong-number");
    assert_eq!(looked_at.count(), 2, "and the third closed it");
    assert_eq!(computer.stage(&shown.link).await, "numbers-spent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_browsers_that_approve_at_once_one_has() {
    let (world, mut one, mut passkey) = maria().await;
    let mut other = world.browser();
    other.sign_in(None, &mut passkey).await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let mut doing = Vec::new();
    for browser in [&mut one, &mut other] {
        browser.find(&shown.scan).await;
        let challenge = browser.number(&shown.link, shown.number).await.json();
        let (mut tab, credential) = (browser.tab(&world), passkey.get(&challenge["options"]));
        doing.push(async move { tab.prove(&challenge, &credential).await });
    }
    let answers = at_once(doing).await;
    let (yes, no): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((yes.len(), no.len()), (1, 1));
    assert!(["link-elsewhere", "not-accepted"].contains(&&*no[0].refusal()), "{}", no[0].text);
    let mut stages = [one.stage(&shown.link).await, other.stage(&shown.link).await];
    stages.sort_unstable();
    assert_eq!(stages, ["approved", "elsewhere"]);
    assert_eq!(computer.set_up(&shown.link, &mut Passkey::new(b"new")).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_browser_that_brings_the_code_meanwhile_keeps_no_other_from_approving() {
    for _ in 0..8 {
        let (world, mut phone, mut passkey) = maria().await;
        let (mut computer, shown, challenge) = number_typed(&world, &mut phone).await;
        let credential = passkey.get(&challenge["options"]);
        let (mut late, code) = (world.browser(), shown.scan.clone());
        let (approved, _) = tokio::join!(
            tokio::spawn(async move { phone.prove(&challenge, &credential).await }),
            tokio::spawn(async move { late.find(&code).await }),
        );
        let approved = approved.unwrap();
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
        assert_eq!(computer.stage(&shown.link).await, "approved");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_that_are_tried_at_once_are_counted_one_by_one() {
    let (world, mut phone, _) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let wrong = (10..100).filter(|number| *number != shown.number);
    let answers = at_once(wrong.map(|number| {
        let (mut tab, link) = (phone.tab(&world), shown.link.clone());
        async move { tab.number(&link, number).await }
    }))
    .await;
    let looked_at = answers.iter().filter(|answer| {
        let told = answer.json()["refusal"].as_str().unwrap().to_owned();
        assert!(["wrong-number", "numbers-spent", "unavailable"].contains(&told.as_str()), "{told}");
        told == "wrong-number"
    });
    assert_eq!(looked_at.count(), 2, "and the third closed it");
    assert_eq!(computer.stage(&shown.link).await, "numbers-spent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_yes_and_no_at_once_the_no_holds() {
    for round in 0..12 {
        let (world, mut phone, mut passkey) = maria().await;
        let (mut computer, shown, challenge) = number_typed(&world, &mut phone).await;
        let credential = passkey.get(&challenge["options"]);
        let (mut yes, mut no) =
            (phone.tab(&world), if round % 2 == 0 { phone.tab(&world) } else { computer.tab(&world) });
        let link = shown.link.clone();
        let (yes, no) = tokio::join!(
            tokio::spawn(async move { yes.prove(&challenge, &credential).await }),
            tokio::spawn(async move { no.deny(&link).await }),
        );
        let (yes, no) = (yes.unwrap(), no.unwrap());
        assert_eq!(no.json()["stage"], "denied");
        if yes.status != StatusCode::OK {
            assert_eq!(yes.refusal(), "link-denied");
        }
        assert_eq!(computer.stage(&shown.link).await, "denied");
        assert_eq!(computer.set_up_options(&shown.link).await.refusal(), "link-denied");
        assert_eq!(activity(&world).await.contains(&What::LinkApproved), yes.status == StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_answers_to_one_challenge_one_approves() {
    let (world, mut phone, mut passkey) = maria().await;
    let (mut computer, shown, challenge) = number_typed(&world, &mut phone).await;
    let credential = passkey.get(&challenge["options"]);
    let answers = at_once((0..8).map(|_| {
        let (mut tab, challenge, credential) = (phone.tab(&world), challenge.clone(), credential.clone());
        async move { tab.prove(&challenge, &credential).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    assert_eq!(computer.stage(&shown.link).await, "approved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_tabs_that_make_a_passkey_one_keeps_it() {
    let (world, mut phone, mut passkey) = maria().await;
    let (mut computer, shown) = approved(&world, &mut phone, &mut passkey).await;
    let mut doing = Vec::new();
    for n in 0..6_u8 {
        let challenge = computer.set_up_options(&shown.link).await.json();
        let mut tab = computer.tab(&world);
        doing.push(async move { tab.set_up_with(&challenge, &mut Passkey::new(&[b'n', n])).await });
    }
    let answers = at_once(doing).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    let refused = answers.iter().filter(|answer| answer.status != StatusCode::OK);
    assert!(refused.map(Answer::refusal).all(|refusal| refusal == "no-link"));
    let account = world.store.account_by_email(&Email::parse(MARIA).unwrap()).await.unwrap().unwrap().id;
    assert_eq!(world.store.passkeys(account).await.unwrap().len(), 2);
    assert_eq!(world.mails(MARIA).await.len(), 1);
}
