//! What happens at once happens once.

use futures_util::future::join_all;

use super::*;

/// Lets `browsers` do the same thing at once; the answers come in their order.
async fn at_once<F: Future<Output = Answer> + Send + 'static>(doing: impl IntoIterator<Item = F>) -> Vec<Answer> {
    let tasks: Vec<_> = doing.into_iter().map(|one| tokio::spawn(one)).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_browsers_that_bring_one_code_one_gets_in() {
    let (world, _, _) = maria().await;
    let mut computer = world.browser();
    let shown = computer.ask().await;
    let answers = at_once((0..50).map(|_| {
        let (mut browser, code) = (world.browser(), shown.scan.clone());
        async move { browser.find(&code).await }
    }))
    .await;
    let (found, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((found.len(), refused.len()), (1, 49));
    assert!(refused.iter().all(|answer| answer.refusal() == "no-link"));
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
        let mut computer = world.browser();
        let shown = computer.ask().await;
        phone.find(&shown.scan).await;
        let challenge = phone.number(&shown.link, shown.number).await.json();
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
    let mut computer = world.browser();
    let shown = computer.ask().await;
    phone.find(&shown.scan).await;
    let challenge = phone.number(&shown.link, shown.number).await.json();
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
