//! Five browsers do anything in any order, and a small model says what each of them must be told.
//!
//! The model knows nothing of codes, digests, revisions or plans: only who showed, found, approved and waits, until
//! when, whose number was typed, and which session an approval was given in.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// Two browsers that have a passkey, two that have none, and Eve's, which has one of her own. All have seen every code
/// and every name.
const BROWSERS: usize = 5;
const EVE: usize = 4;
const EMAILS: [&str; 3] = [MARIA, "bob@example.com", "eve@example.com"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(usize),
    Offer(usize),
    Find(usize, usize),
    Number(usize, usize, bool),
    Prove(usize, usize),
    Deny(usize, usize),
    Options(usize, usize),
    Verify(usize, usize),
    SignOut(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, pick) = (0..BROWSERS, 0..64_usize);
    let both = (who.clone(), pick);
    let right = prop::bool::weighted(0.8);
    prop_oneof![
        2 => who.clone().prop_map(Step::Ask),
        2 => who.clone().prop_map(Step::Offer),
        6 => both.clone().prop_map(|(who, pick)| Step::Find(who, pick)),
        6 => (both.clone(), right).prop_map(|((who, pick), right)| Step::Number(who, pick, right)),
        6 => both.clone().prop_map(|(who, pick)| Step::Prove(who, pick)),
        1 => both.clone().prop_map(|(who, pick)| Step::Deny(who, pick)),
        6 => both.clone().prop_map(|(who, pick)| Step::Options(who, pick)),
        6 => both.prop_map(|(who, pick)| Step::Verify(who, pick)),
        1 => who.prop_map(Step::SignOut),
        1 => prop_oneof![Just(20), Just(150), Just(300)].prop_map(Step::Wait),
    ]
}

/// A browser as the model knows it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Raised when its flow cookie is taken back: it is no side of its links any more.
    flow: u32,
    /// Whose passkey it has.
    key: Option<usize>,
    /// Its session: a number, and whose.
    session: Option<(u32, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Shown,
    Found,
    /// For whose account, in which session, and with which of those that wait.
    Approved(usize, Option<u32>, Side),
    Closed,
    Finished,
}

/// A browser, and which of its flow cookies.
type Side = (usize, u32);

#[derive(Clone, Debug)]
struct KnownLink {
    offer: Option<(u32, usize)>,
    /// Each with the number on its screen.
    waiting: Vec<(Side, u64)>,
    approving: Vec<Side>,
    stage: Stage,
    wrong: u32,
    ends: u64,
}

/// A challenge that a browser was given.
struct Given {
    challenge: Value,
    to: Side,
    link: usize,
    /// Whose number was typed.
    picked: Side,
    /// In whose session the number was typed.
    account: Option<usize>,
    ends: u64,
    is_spent: bool,
}

struct Walk {
    world: World,
    browsers: Vec<Browser>,
    keys: Vec<Option<Passkey>>,
    known: Vec<Known>,
    shown: Vec<Shown>,
    links: Vec<KnownLink>,
    proofs: Vec<Given>,
    makings: Vec<Given>,
    now: u64,
    sessions: u32,
    finished: u32,
}

impl Walk {
    async fn new() -> Self {
        let world = World::new().await;
        let mut walk = Self {
            browsers: (0..BROWSERS).map(|_| world.browser()).collect(),
            world,
            keys: (0..BROWSERS).map(|_| None).collect(),
            known: vec![Known::default(); BROWSERS],
            shown: Vec::new(),
            links: Vec::new(),
            proofs: Vec::new(),
            makings: Vec::new(),
            now: 0,
            sessions: 0,
            finished: 0,
        };
        for (account, who) in [0, 1, EVE].into_iter().enumerate() {
            let mut key = Passkey::new(EMAILS[account].as_bytes());
            walk.browsers[who].register(&walk.world, EMAILS[account], &mut key).await;
            walk.keys[who] = Some(key);
            walk.known[who].key = Some(account);
            walk.begin_session(who, account);
        }
        walk
    }

    fn begin_session(&mut self, who: usize, account: usize) {
        self.sessions += 1;
        self.known[who].session = Some((self.sessions, account));
    }

    fn side(&self, who: usize) -> Side {
        (who, self.known[who].flow)
    }

    fn lives(&self, session: u32) -> bool {
        self.known.iter().any(|known| known.session.is_some_and(|(number, _)| number == session))
    }

    /// Whether the sessions that the link stands on live.
    fn stands(&self, link: &KnownLink) -> bool {
        match link.stage {
            Stage::Approved(_, session, _) => session.is_none_or(|session| self.lives(session)),
            _ => link.offer.is_none_or(|(session, _)| self.lives(session)),
        }
    }

    fn is_open(&self, link: &KnownLink) -> bool {
        self.now < link.ends && self.stands(link) && !matches!(link.stage, Stage::Closed | Stage::Finished)
    }

    fn may_approve(&self, who: usize, link: &KnownLink) -> bool {
        self.is_open(link)
            && link.stage == Stage::Found
            && link.approving.contains(&self.side(who))
            && link.offer.is_none_or(|offer| self.known[who].session == Some(offer))
    }

    fn may_finish(&self, who: usize, link: &KnownLink) -> bool {
        self.is_open(link) && matches!(link.stage, Stage::Approved(_, _, picked) if picked == self.side(who))
    }

    /// One of the newest three.
    fn recent(pick: usize, length: usize) -> Option<usize> {
        length.checked_sub(1).map(|last| last - pick % length.min(3))
    }

    async fn take(&mut self, step: Step) {
        let link = |pick: usize| Self::recent(pick, self.links.len());
        // Mostly the side that may: chance alone seldom gets anywhere.
        let one_of = |pick: usize, sides: &[Side]| sides.get(pick % sides.len().max(1)).copied();
        let side = |pick: usize, may: Option<Side>, other: usize| match may {
            Some((who, _)) if !pick.is_multiple_of(4) => who,
            _ => other,
        };
        match step {
            Step::Ask(who) => self.show(who, false).await,
            Step::Offer(who) => self.show(who, true).await,
            Step::Find(who, pick) => {
                if let Some(link) = link(pick) {
                    self.find(who, link).await;
                }
            }
            Step::Number(who, pick, right) => {
                if let Some(link) = link(pick) {
                    let may = one_of(pick, &self.links[link].approving);
                    self.number(side(pick, may, who), link, right.then_some(pick)).await;
                }
            }
            Step::Deny(who, pick) => {
                if let Some(link) = link(pick) {
                    self.deny(who, link).await;
                }
            }
            Step::Options(who, pick) => {
                if let Some(link) = link(pick) {
                    let picked = match self.links[link].stage {
                        Stage::Approved(_, _, picked) => Some(picked),
                        Stage::Shown | Stage::Found | Stage::Closed | Stage::Finished => None,
                    };
                    self.options(side(pick, picked, who), link).await;
                }
            }
            Step::Prove(who, pick) => {
                if let Some(proof) = Self::recent(pick, self.proofs.len()) {
                    self.prove(side(pick, Some(self.proofs[proof].to), who), proof).await;
                }
            }
            Step::Verify(who, pick) => {
                if let Some(making) = Self::recent(pick, self.makings.len()) {
                    self.verify(side(pick, Some(self.makings[making].to), who), making).await;
                }
            }
            Step::SignOut(who) => {
                if self.known[who].session.take().is_some() {
                    self.world.auth.sessions.sign_out(self.browsers[who].session()).await.unwrap();
                }
            }
            Step::Wait(seconds) => {
                self.world.wait(seconds);
                self.now += seconds;
            }
        }
        for who in 0..BROWSERS {
            let expected = self.known[who].session.map(|(_, account)| EMAILS[account].to_owned());
            assert_eq!(self.browsers[who].who().await, expected, "who is signed in at {who} after {step:?}");
        }
    }

    async fn show(&mut self, who: usize, offer: bool) {
        let path = if offer { "/_bmauth/link/offer" } else { "/_bmauth/link/ask" };
        self.browsers[who].get("/_bmauth/link").await;
        let answer = self.browsers[who].post(path, &json!({})).await;
        let session = self.known[who].session;
        assert_eq!(answer.status.is_success(), !offer || session.is_some(), "{path} {}", answer.text);
        if answer.status.is_success() {
            // The waiting side goes on with another flow cookie.
            self.known[who].flow += u32::from(!offer);
            let (side, shown) = (self.side(who), Shown::of(&answer));
            self.links.push(KnownLink {
                offer: session.filter(|_| offer),
                waiting: (!offer).then_some((side, shown.number)).into_iter().collect(),
                approving: offer.then_some(side).into_iter().collect(),
                stage: Stage::Shown,
                wrong: 0,
                ends: self.now + 300,
            });
            self.shown.push(shown);
        }
    }

    async fn find(&mut self, who: usize, index: usize) {
        let side = self.side(who);
        let link = &self.links[index];
        let waiting: Vec<_> = link.waiting.iter().map(|(side, _)| *side).collect();
        let (shows, finds) =
            if link.offer.is_some() { (&link.approving, &waiting) } else { (&waiting, &link.approving) };
        let may_be_found = self.is_open(link) && matches!(link.stage, Stage::Shown | Stage::Found);
        let is_free = may_be_found && finds.len() < 4 && !finds.contains(&side) && !shows.contains(&side);
        let is_again = finds.contains(&side) && link.stage != Stage::Finished && self.stands(link);
        let code = self.shown[index].scan.clone();
        let answer = self.browsers[who].find(&code).await;
        assert_eq!(answer.status.is_success(), is_free || is_again, "code by {who}: {}", answer.text);
        if is_free {
            self.known[who].flow += u32::from(self.links[index].offer.is_some());
            let moved = self.side(who);
            let link = &mut self.links[index];
            link.stage = Stage::Found;
            if link.offer.is_some() {
                let number = answer.json()["number"].as_u64().unwrap();
                assert!(link.waiting.iter().all(|(_, other)| *other != number));
                link.waiting.push((moved, number));
            } else {
                link.approving.push(side);
            }
        }
    }

    /// Types the number of one of those that wait, or a wrong one.
    async fn number(&mut self, who: usize, index: usize, whose: Option<usize>) {
        let may = self.may_approve(who, &self.links[index]);
        let waiting = &self.links[index].waiting;
        let picked = whose.and_then(|pick| waiting.get(pick % waiting.len().max(1))).copied();
        let name = self.shown[index].link.clone();
        let browser = &mut self.browsers[who];
        browser.get("/_bmauth/link").await;
        let answer = browser.number(&name, picked.map_or(9, |(_, number)| number)).await;
        assert_eq!(answer.status.is_success(), may && picked.is_some(), "number by {who}: {}", answer.text);
        if let (true, Some((picked, _))) = (may, picked) {
            let (account, to) = (self.known[who].session.map(|(_, account)| account), self.side(who));
            let ends = self.links[index].ends.min(self.now + 300);
            let challenge = answer.json();
            self.proofs.push(Given { challenge, to, link: index, picked, account, ends, is_spent: false });
        } else if may {
            let link = &mut self.links[index];
            link.wrong += 1;
            if link.wrong == 3 {
                link.stage = Stage::Closed;
            }
        }
    }

    async fn prove(&mut self, who: usize, index: usize) {
        let (Some(account), Some(mut key)) = (self.known[who].key, self.keys[who].take()) else { return };
        let given = &self.proofs[index];
        let opens = !given.is_spent && given.to == self.side(who) && self.now < given.ends;
        let (its_link, picked, link) = (given.link, given.picked, &self.links[given.link]);
        let session = self.known[who].session.filter(|(_, whose)| *whose == account).map(|(number, _)| number);
        let is_who = given.account.is_none_or(|asked| asked == account && session.is_some());
        let may = opens && self.may_approve(who, link) && is_who;
        let credential = key.get(&given.challenge["options"]);
        let browser = &mut self.browsers[who];
        browser.get("/_bmauth/link").await;
        let answer = browser.prove(&given.challenge, &credential).await;
        assert_eq!(answer.status.is_success(), may, "proof by {who}: {}", answer.text);
        self.keys[who] = Some(key);
        self.proofs[index].is_spent |= opens;
        if may {
            let link = &mut self.links[its_link];
            (link.stage, link.ends) = (Stage::Approved(account, session, picked), self.now + 300);
        }
    }

    async fn deny(&mut self, who: usize, index: usize) {
        let side = self.side(who);
        let name = self.shown[index].link.clone();
        let link = &self.links[index];
        let waits = link.waiting.iter().any(|(waiting, _)| *waiting == side);
        let is_side = (waits || link.approving.contains(&side)) && link.stage != Stage::Finished;
        let browser = &mut self.browsers[who];
        browser.get("/_bmauth/link").await;
        let answer = browser.deny(&name).await;
        assert_eq!(answer.status.is_success(), is_side, "no by {who}: {}", answer.text);
        if is_side && self.now < self.links[index].ends {
            self.links[index].stage = Stage::Closed;
        }
    }

    async fn options(&mut self, who: usize, index: usize) {
        let may = self.may_finish(who, &self.links[index]);
        let name = self.shown[index].link.clone();
        let browser = &mut self.browsers[who];
        browser.get("/_bmauth/link").await;
        let answer = browser.set_up_options(&name).await;
        assert_eq!(answer.status.is_success(), may, "options for {who}: {}", answer.text);
        if may {
            let ends = self.links[index].ends.min(self.now + 300);
            let (challenge, to) = (answer.json(), self.side(who));
            self.makings.push(Given { challenge, to, link: index, picked: to, account: None, ends, is_spent: false });
        }
    }

    async fn verify(&mut self, who: usize, index: usize) {
        let given = &self.makings[index];
        let opens = !given.is_spent && given.to == self.side(who) && self.now < given.ends;
        let may = opens && self.may_finish(who, &self.links[given.link]);
        let (challenge, link) = (given.challenge.clone(), given.link);
        let mut key = Passkey::new(format!("made by {who} for {index} at {}", self.now).as_bytes());
        let browser = &mut self.browsers[who];
        browser.get("/_bmauth/link").await;
        let answer = browser.set_up_with(&challenge, &mut key).await;
        assert_eq!(answer.status.is_success(), may, "passkey of {who}: {}", answer.text);
        self.makings[index].is_spent |= opens;
        if may {
            let Stage::Approved(account, ..) = self.links[link].stage else { panic!("it may finish") };
            self.links[link].stage = Stage::Finished;
            self.keys[who] = Some(key);
            self.known[who].key = Some(account);
            self.known[who].flow += 1;
            self.begin_session(who, account);
            self.finished += 1;
        }
    }
}

#[test]
fn whatever_five_browsers_do_only_who_was_approved_gets_in() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (steps_taken, finished) = (Cell::new(0), Cell::new(0));
    let walks = prop::collection::vec(step(), 60..120);
    let result = runner.run(&walks, |steps| {
        runtime.block_on(async {
            let mut walk = Walk::new().await;
            for step in steps {
                walk.take(step).await;
                steps_taken.set(steps_taken.get() + 1);
            }
            finished.set(finished.get() + walk.finished);
        });
        Ok(())
    });
    result.unwrap();
    assert!(finished.get() > 0, "of {} steps none was the last", steps_taken.get());
}
