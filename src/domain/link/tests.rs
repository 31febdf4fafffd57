//! Browsers that act on what they read earlier. Every step is taken on an old copy of the link, and kept only where the
//! revision before it is still there, as the store does it.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::code::number;
use super::seen::{LinkProgress, LinkRole};
use uuid::Uuid;

use super::*;
use crate::domain::clock::{Entropy, Zeros};
use crate::domain::moment::Moment;
use crate::domain::plan::{Change, LinkChange};
use crate::domain::visitor::ClientKind;

const START: Timestamp = Timestamp::from_unix(1_000);
/// The number on the screen of each browser, where it waits.
const NUMBERS: [u8; 6] = [47, 15, 26, 38, 90, 73];
const NUMBER: u8 = NUMBERS[0];
/// A number that no browser shows.
const WRONG: u8 = 61;

fn visitor(browser: u8) -> Visitor {
    Visitor {
        browser: SecretDigest::from_bytes([browser; 32]),
        description: format!("browser {browser}"),
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        language: "en".to_owned(),
        offset: None,
        session: Some(SecretDigest::from_bytes([browser + 100; 32])),
        origin: None,
        device: None,
        press: None,
        client: ClientKind::Pages,
    }
}

fn fresh() -> FreshLink {
    FreshLink {
        id: LinkId(Uuid::from_u128(1)),
        scan_code: LinkCodeDigest([1; 32]),
        short_code: LinkCodeDigest([2; 32]),
    }
}

/// By `browser`, of the one that waits as `waiting`.
fn approval(browser: u8, waiting: u8) -> Approval {
    Approval {
        account: AccountId(Uuid::from_u128(browser.into())),
        credential: CredentialId::new(&[browser]).expect("an id"),
        session: visitor(browser).session,
        approving: visitor(browser).browser,
        waiting: visitor(waiting).browser,
    }
}

fn asked() -> Link {
    Link::ask(fresh(), NUMBER, &visitor(0), Destination::root(), START)
}

fn find(link: Link, who: u8, policy: LinkPolicy, now: Timestamp) -> Result<CodeOutcome, LinkRefusal> {
    link.find(&visitor(who), NUMBERS[usize::from(who)], Destination::root(), policy, now)
}

fn found(link: Link, who: u8) -> Link {
    match find(link, who, LinkPolicy::On, START) {
        Ok(CodeOutcome::Now(link)) => link,
        other => panic!("{other:?}"),
    }
}

fn offered() -> Link {
    let Approval { account, session, .. } = approval(0, 1);
    Link::offer(fresh(), &visitor(0), LinkOffer { account, session: session.expect("signed in") }, START)
}

/// Browser 0 shows the code; the others have it, one more than may bring it.
const BROWSERS: u8 = 6;

#[derive(Clone, Copy, Debug)]
enum LinkAct {
    /// A browser reads the link anew; until then it acts on what it read last.
    Read(u8),
    Find(u8),
    /// Types the number of that browser; past the end of the browsers, one that none of them shows.
    Number(u8, u8),
    /// Approves the browser of that index.
    Approve(u8, u8),
    Deny(u8),
    Finish(u8),
    Wait(u64),
}

fn act() -> impl Strategy<Value = LinkAct> {
    let browser = 0..BROWSERS;
    prop_oneof![
        8 => browser.clone().prop_map(LinkAct::Read),
        4 => browser.clone().prop_map(LinkAct::Find),
        3 => (browser.clone(), 0..=BROWSERS).prop_map(|(who, whose)| LinkAct::Number(who, whose)),
        4 => (browser.clone(), browser.clone()).prop_map(|(who, whose)| LinkAct::Approve(who, whose)),
        1 => browser.clone().prop_map(LinkAct::Deny),
        4 => browser.prop_map(LinkAct::Finish),
        1 => (0..400_u64).prop_map(LinkAct::Wait),
    ]
}

/// What happened to the one link, as the store would have kept it.
struct History {
    stored: Option<Link>,
    copies: Vec<Link>,
    now: Timestamp,
    finders: Vec<u8>,
    /// Numbers that were looked at, wrong ones.
    wrong: u32,
    approved_at: Option<Timestamp>,
    /// Who approved whom.
    between: Option<(u8, u8)>,
    denied: bool,
    finished: Option<u8>,
}

impl History {
    fn new(link: Link) -> Self {
        let copies = vec![link.clone(); usize::from(BROWSERS)];
        Self {
            stored: Some(link),
            copies,
            now: START,
            finders: Vec::new(),
            wrong: 0,
            approved_at: None,
            between: None,
            denied: false,
            finished: None,
        }
    }

    /// Keeps the next state where the one before it is there.
    fn keep(&mut self, next: Link) -> bool {
        let fits = self.stored.as_ref().is_some_and(|link| link.revision + 1 == next.revision);
        if fits {
            self.stored = Some(next);
        }
        fits
    }

    fn copy(&self, who: u8) -> Link {
        self.copies[usize::from(who)].clone()
    }

    fn take(&mut self, act: LinkAct, offered: bool) {
        let policy = LinkPolicy::On;
        match act {
            LinkAct::Read(who) => {
                if let Some(link) = self.stored.clone() {
                    self.copies[usize::from(who)] = link;
                }
            }
            LinkAct::Find(who) => {
                if let Ok(CodeOutcome::Now(link)) = find(self.copy(who), who, policy, self.now)
                    && self.keep(link)
                {
                    assert!(!self.finders.contains(&who), "each once");
                    self.finders.push(who);
                    assert!(self.finders.len() <= FINDERS, "no fifth");
                    assert_ne!(who, 0, "nobody finds themselves");
                    assert!(self.approved_at.is_none() && self.now < START.after(LIFETIME));
                }
            }
            LinkAct::Number(who, whose) => {
                let typed = NUMBERS.get(usize::from(whose)).copied().unwrap_or(WRONG);
                match self.copy(who).try_number(&visitor(who), policy, typed, self.now) {
                    Ok(NumberTried::Right { link, waiting }) if self.keep(link.clone()) => {
                        assert!(self.wrong < u32::from(WRONG_NUMBERS));
                        assert!(self.may_approve(who, offered) && self.waits(whose, offered));
                        assert_eq!(waiting, visitor(whose).browser);
                    }
                    Ok(NumberTried::Wrong(link)) if self.keep(link.clone()) => {
                        assert!(!self.waits(whose, offered));
                        self.wrong += 1;
                        assert!(self.wrong <= u32::from(WRONG_NUMBERS), "no fourth look");
                    }
                    _ => {}
                }
            }
            LinkAct::Approve(who, whose) => {
                if let Ok(link) = self.copy(who).approve(&visitor(who), policy, approval(who, whose), self.now)
                    && self.keep(link)
                {
                    assert!(self.may_approve(who, offered) && self.waits(whose, offered));
                    self.between = Some((who, whose));
                    assert!(!self.denied && self.wrong < u32::from(WRONG_NUMBERS));
                    assert_eq!(self.approved_at.replace(self.now), None, "approved once");
                }
            }
            LinkAct::Deny(who) => {
                if let Ok(link) = self.copy(who).deny(visitor(who).browser, self.now)
                    && self.keep(link)
                {
                    assert!(who == 0 || self.finders.contains(&who));
                    self.denied = true;
                }
            }
            LinkAct::Finish(who) => {
                let link = self.copy(who);
                if let Ok(found) = link.approval(&visitor(who), policy, self.now)
                    && self.stored.as_ref().is_some_and(|stored| stored.revision == link.revision)
                {
                    let (approver, waiter) = self.between.expect("somebody approved");
                    assert_eq!(*found, approval(approver, waiter));
                    assert_eq!(who, waiter, "only whose number was typed finishes");
                    let approved_at = self.approved_at.expect("it was approved");
                    assert!(!self.denied && self.now < approved_at.after(LIFETIME));
                    assert_eq!(self.finished.replace(who), None, "finished once");
                    self.stored = None;
                }
            }
            LinkAct::Wait(seconds) => self.now = self.now.after(Duration::from_secs(seconds)),
        }
    }

    fn may_approve(&self, who: u8, offered: bool) -> bool {
        if offered { who == 0 } else { self.finders.contains(&who) }
    }

    fn waits(&self, who: u8, offered: bool) -> bool {
        if offered { self.finders.contains(&who) } else { who == 0 }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_browsers_do_with_old_copies_each_step_happens_once(
        offers in any::<bool>(),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut history = History::new(if offers { offered() } else { asked() });
        for act in acts {
            history.take(act, offers);
        }
    }
}

#[test]
fn both_directions_lead_to_the_end() {
    for offers in [false, true] {
        let mut history = History::new(if offers { offered() } else { asked() });
        let (waits, approves) = if offers { (1, 0) } else { (0, 1) };
        for act in [
            // Another browser brings the code first, which does not keep the right one out.
            LinkAct::Find(2),
            LinkAct::Read(1),
            LinkAct::Find(1),
            LinkAct::Read(approves),
            LinkAct::Number(approves, waits),
            LinkAct::Read(approves),
            LinkAct::Approve(approves, waits),
            LinkAct::Read(2),
            LinkAct::Finish(2),
            LinkAct::Read(waits),
            LinkAct::Finish(waits),
        ] {
            history.take(act, offers);
        }
        assert_eq!(history.finished, Some(waits));
    }
}

#[test]
fn the_browser_that_offers_approves_for_itself_in_its_session_alone() {
    let link = found(offered(), 1);
    let right = approval(0, 1);
    for wrong in [
        Approval { account: AccountId(Uuid::from_u128(9)), ..right.clone() },
        Approval { session: None, ..right.clone() },
        Approval { session: visitor(3).session, ..right.clone() },
        // No browser waits there, or another one approves.
        Approval { waiting: visitor(2).browser, ..right.clone() },
        Approval { waiting: visitor(0).browser, ..right.clone() },
        Approval { approving: visitor(1).browser, ..right.clone() },
    ] {
        let refused = link.clone().approve(&visitor(0), LinkPolicy::On, wrong, START);
        assert_eq!(refused.err(), Some(LinkRefusal::NotProved));
    }
    let elsewhere = Visitor { session: visitor(3).session, ..visitor(0) };
    let refused = link.clone().approve(&elsewhere, LinkPolicy::On, right.clone(), START);
    assert_eq!(refused.err(), Some(LinkRefusal::NotSignedIn));
    assert!(link.approve(&visitor(0), LinkPolicy::On, right, START).is_ok());
    // An asking link stands on no account until it is approved.
    assert_eq!(asked().footing(), Footing::default());
    assert_eq!(found(asked(), 1).footing(), Footing::default());
    let approved = found(asked(), 1).approve(&visitor(1), LinkPolicy::On, approval(1, 0), START).expect("approved");
    let Approval { account, credential, session, .. } = approval(1, 0);
    assert_eq!(approved.footing(), Footing { account: Some(account), session, credential: Some(&credential) });
}

#[test]
fn each_browser_sees_its_own_side_and_no_other_sees_any() {
    let link = found(asked(), 1);
    let waiting = link.seen_by(&visitor(0), true, START).expect("a side");
    assert_eq!((waiting.role, waiting.number, waiting.devices), (LinkRole::Waiting, Some(NUMBER), Vec::new()));
    let approving = link.seen_by(&visitor(1), true, START).expect("a side");
    assert_eq!((approving.role, approving.number), (LinkRole::Approving, None));
    let [device] = approving.devices.as_slice() else { panic!("{:?}", approving.devices) };
    assert_eq!((device.description.as_str(), device.nearness, device.at), ("browser 0", Nearness::Same, START));
    assert_eq!(link.seen_by(&visitor(2), true, START), None);
    let fallen = link.seen_by(&visitor(0), false, START).expect("a side");
    assert_eq!((fallen.progress, fallen.number, fallen.left), (LinkProgress::Denied, None, Duration::ZERO));
}

#[test]
fn a_network_that_is_not_known_is_not_the_same() {
    let nowhere = Visitor { address: None, ..visitor(1) };
    let find = |link: Link, visitor: &Visitor, policy| link.find(visitor, 15, Destination::root(), policy, START).err();
    assert_eq!(find(asked(), &nowhere, LinkPolicy::SameNetwork), Some(LinkRefusal::OtherNetwork));
    let link = Link::ask(fresh(), NUMBER, &nowhere, Destination::root(), START);
    let also_nowhere = Visitor { address: None, ..visitor(2) };
    assert_eq!(find(link, &also_nowhere, LinkPolicy::SameNetwork), Some(LinkRefusal::OtherNetwork));
    assert_eq!(find(asked(), &visitor(1), LinkPolicy::Off), Some(LinkRefusal::Off));
}

#[test]
fn what_is_said_of_two_addresses_is_what_can_be_known() {
    let at = |address: &str| Visitor { address: address.parse().ok(), ..visitor(1) };
    for (ours, theirs, nearness) in [
        ("192.0.2.1", "192.0.2.1", Nearness::Same),
        ("192.0.2.1", "::ffff:192.0.2.1", Nearness::Same),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", Nearness::Same),
        ("192.0.2.1", "192.0.2.2", Nearness::Other),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", Nearness::Other),
        ("192.0.2.1", "2001:db8:1:2::1", Nearness::Other),
        // Behind a proxy that is not trusted, every visitor has its address. So has a visitor of whom none is known.
        ("127.0.0.1", "127.0.0.1", Nearness::Unknown),
        ("::1", "::1", Nearness::Unknown),
        ("10.0.0.7", "10.0.0.7", Nearness::Unknown),
        ("172.17.0.1", "172.17.0.1", Nearness::Unknown),
        ("fd00::1", "fd00::1", Nearness::Unknown),
        ("100.64.0.1", "100.64.0.1", Nearness::Unknown),
        ("192.168.1.5", "192.0.2.1", Nearness::Unknown),
        ("", "192.0.2.1", Nearness::Unknown),
        ("", "", Nearness::Unknown),
    ] {
        for (one, other) in [(ours, theirs), (theirs, ours)] {
            let link = Link::ask(fresh(), NUMBER, &at(one), Destination::root(), START);
            let Some(WaitingBrowser { party, .. }) = link.waiting.first() else { panic!("it waits") };
            assert_eq!(party.nearness(&at(other)), nearness, "{one} {other}");
            let allowed = LinkPolicy::SameNetwork.allows(party, &at(other)).is_ok();
            assert_eq!(allowed, nearness == Nearness::Same, "{one} {other}: any doubt refuses");
        }
    }
}

#[test]
fn the_code_may_be_brought_four_times_and_a_browser_that_brings_it_again_is_not_counted() {
    for link in [asked(), offered()] {
        let full = (1..=4).fold(link, found);
        assert_eq!(find(full.clone(), 5, LinkPolicy::On, START).err(), Some(LinkRefusal::Crowded));
        for again in 1..=4 {
            assert!(matches!(find(full.clone(), again, LinkPolicy::On, START), Ok(CodeOutcome::Before(_))));
        }
        assert_eq!(find(full, 0, LinkPolicy::On, START).err(), Some(LinkRefusal::NoLink));
    }
}

#[test]
fn a_browser_that_was_not_chosen_is_told_so_and_sees_nothing_more() {
    let both = found(found(offered(), 1), 2);
    assert_eq!(both.numbers().collect::<Vec<_>>(), [NUMBERS[1], NUMBERS[2]]);
    let asked_about = both.seen_by(&visitor(0), true, START).expect("a side");
    let seen: Vec<_> = asked_about.devices.iter().map(|device| device.description.as_str()).collect();
    assert_eq!(seen, ["browser 1", "browser 2"]);
    let link = both.approve(&visitor(0), LinkPolicy::On, approval(0, 2), START).expect("approved");
    let progress = |who| link.seen_by(&visitor(who), true, START).map(|seen| (seen.progress, seen.number));
    assert_eq!(progress(1), Some((LinkProgress::Elsewhere, None)));
    assert_eq!(progress(2), Some((LinkProgress::Approved, None)));
    let approver = link.seen_by(&visitor(0), true, START).expect("a side");
    let seen: Vec<_> = approver.devices.iter().map(|device| device.description.as_str()).collect();
    assert_eq!((approver.progress, seen), (LinkProgress::Approved, vec!["browser 2"]), "whom it has approved");
    assert_eq!(link.approval(&visitor(1), LinkPolicy::On, START).err(), Some(LinkRefusal::Elsewhere));
    assert_eq!(link.approval(&visitor(2), LinkPolicy::On, START), Ok(&approval(0, 2)));
    assert_eq!(find(link, 3, LinkPolicy::On, START).err(), Some(LinkRefusal::NoLink), "its code is used");

    let link =
        found(found(asked(), 1), 2).approve(&visitor(2), LinkPolicy::On, approval(2, 0), START).expect("approved");
    let progress = |who| link.seen_by(&visitor(who), true, START).map(|seen| seen.progress);
    assert_eq!(
        [progress(0), progress(1), progress(2)],
        [LinkProgress::Approved, LinkProgress::Elsewhere, LinkProgress::Approved].map(Some)
    );
    let late = link.clone().try_number(&visitor(1), LinkPolicy::On, NUMBER, START);
    assert_eq!(late.err(), Some(LinkRefusal::Elsewhere));
    assert_eq!(
        link.clone().approve(&visitor(1), LinkPolicy::On, approval(1, 0), START).err(),
        Some(LinkRefusal::Elsewhere)
    );
    // Who was late may still say that it was not they.
    assert!(link.deny(visitor(1).browser, START).is_ok());
}

#[test]
fn a_number_is_drawn_again_where_it_would_be_uneven() {
    struct High(std::sync::atomic::AtomicU8);
    impl Entropy for High {
        fn fill(&self, bytes: &mut [u8]) {
            let round = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bytes.fill(if round == 0 { 255 } else { 179 });
        }
    }
    assert_eq!(number(&High(0.into()), std::iter::empty()), 99);
}

#[test]
fn the_right_number_is_counted_like_a_wrong_one() {
    let link = found(asked(), 1);
    let visitor = visitor(1);
    let moment = Moment { visitor: &visitor, now: START, entropy: &Zeros };
    for typed in [NUMBER, NUMBER + 1] {
        let plan = steps::try_number(link.clone(), typed, LinkPolicy::On, moment).expect("counted");
        let [Change::Link(LinkChange::Advance(next))] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
        assert_eq!(next.revision, link.revision + 1, "{typed}");
        assert_eq!(plan.then.is_ok(), typed == NUMBER);
    }
}
