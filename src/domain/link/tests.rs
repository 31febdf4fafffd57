//! Browsers that act on what they read earlier: every step is taken on an old copy of the link and kept only where the
//! revision before it is still there, as the store does it.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::code::number;
use super::seen::{Progress, Role};
use uuid::Uuid;

use super::*;
use crate::domain::clock::{Entropy, Zeros};
use crate::domain::moment::Moment;
use crate::domain::plan::{Change, LinkChange};
use crate::domain::visitor::Client;

const START: Timestamp = Timestamp::from_unix(1_000);
const NUMBER: u8 = 47;

fn visitor(browser: u8) -> Visitor {
    Visitor {
        browser: SecretDigest::from_bytes([browser; 32]),
        description: format!("browser {browser}"),
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        language: "en".to_owned(),
        session: Some(SecretDigest::from_bytes([browser + 100; 32])),
        origin: None,
        device: None,
        press: None,
        client: Client::Pages,
    }
}

fn fresh() -> FreshLink {
    FreshLink {
        id: LinkId(Uuid::from_u128(1)),
        scan_code: LinkCodeDigest([1; 32]),
        short_code: LinkCodeDigest([2; 32]),
        number: NUMBER,
    }
}

fn approval(browser: u8) -> Approval {
    Approval {
        account: AccountId(Uuid::from_u128(browser.into())),
        credential: CredentialId::new(&[browser]).expect("an id"),
        session: visitor(browser).session,
    }
}

fn asked() -> Link {
    Link::ask(fresh(), &visitor(0), Destination::root(), START)
}

fn offered() -> Link {
    let Approval { account, session, .. } = approval(0);
    Link::offer(fresh(), &visitor(0), Offer { account, session: session.expect("signed in") }, START)
}

/// Browser 0 shows the code; the others have it.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A browser reads the link anew; until then it acts on what it read last.
    Read(u8),
    Find(u8),
    Number(u8, bool),
    Approve(u8),
    Deny(u8),
    Finish(u8),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let browser = 0..4_u8;
    prop_oneof![
        8 => browser.clone().prop_map(Act::Read),
        4 => browser.clone().prop_map(Act::Find),
        3 => (browser.clone(), any::<bool>()).prop_map(|(who, right)| Act::Number(who, right)),
        4 => browser.clone().prop_map(Act::Approve),
        1 => browser.clone().prop_map(Act::Deny),
        4 => browser.prop_map(Act::Finish),
        1 => (0..400_u64).prop_map(Act::Wait),
    ]
}

/// What happened to the one link, as the store would have kept it.
struct History {
    stored: Option<Link>,
    copies: Vec<Link>,
    now: Timestamp,
    shower: u8,
    finder: Option<u8>,
    /// Numbers that were looked at, wrong ones.
    wrong: u32,
    approved_at: Option<Timestamp>,
    denied: bool,
    finished: Option<u8>,
}

impl History {
    fn new(link: Link) -> Self {
        let copies = vec![link.clone(); 4];
        Self {
            stored: Some(link),
            copies,
            now: START,
            shower: 0,
            finder: None,
            wrong: 0,
            approved_at: None,
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

    fn take(&mut self, act: Act, offered: bool) {
        let policy = Policy::On;
        match act {
            Act::Read(who) => {
                if let Some(link) = self.stored.clone() {
                    self.copies[usize::from(who)] = link;
                }
            }
            Act::Find(who) => {
                if let Ok(Found::Now(link)) = self.copy(who).find(&visitor(who), policy, self.now)
                    && self.keep(link)
                {
                    assert_eq!(self.finder.replace(who), None, "found once");
                    assert_ne!(who, self.shower, "nobody finds themselves");
                    assert!(self.now < START.after(LIFETIME));
                }
            }
            Act::Number(who, right) => {
                let typed = if right { NUMBER } else { NUMBER + 1 };
                match self.copy(who).try_number(&visitor(who), policy, typed, self.now) {
                    Ok(NumberTried::Right(link)) if self.keep(link.clone()) => {
                        assert!(right && self.wrong < u32::from(WRONG_NUMBERS));
                        assert_eq!(Some(who), self.approver(offered));
                    }
                    Ok(NumberTried::Wrong(link)) if self.keep(link.clone()) => {
                        assert!(!right);
                        self.wrong += 1;
                        assert!(self.wrong <= u32::from(WRONG_NUMBERS), "no fourth look");
                    }
                    _ => {}
                }
            }
            Act::Approve(who) => {
                if let Ok(link) = self.copy(who).approve(&visitor(who), policy, approval(who), self.now)
                    && self.keep(link)
                {
                    assert_eq!(Some(who), self.approver(offered));
                    assert!(!self.denied && self.wrong < u32::from(WRONG_NUMBERS));
                    assert_eq!(self.approved_at.replace(self.now), None, "approved once");
                }
            }
            Act::Deny(who) => {
                if let Ok(link) = self.copy(who).deny(visitor(who).browser, self.now)
                    && self.keep(link)
                {
                    assert!(who == self.shower || Some(who) == self.finder);
                    self.denied = true;
                }
            }
            Act::Finish(who) => {
                let link = self.copy(who);
                let approver = self.approver(offered);
                if let Ok(found) = link.approval(&visitor(who), policy, self.now)
                    && self.stored.as_ref().is_some_and(|stored| stored.revision == link.revision)
                {
                    assert_eq!(*found, approval(approver.expect("somebody approved")));
                    assert_eq!(Some(who), self.waiter(offered), "only who waits finishes");
                    let approved_at = self.approved_at.expect("it was approved");
                    assert!(!self.denied && self.now < approved_at.after(LIFETIME));
                    assert_eq!(self.finished.replace(who), None, "finished once");
                    self.stored = None;
                }
            }
            Act::Wait(seconds) => self.now = self.now.after(Duration::from_secs(seconds)),
        }
    }

    fn approver(&self, offered: bool) -> Option<u8> {
        if offered { Some(self.shower) } else { self.finder }
    }

    fn waiter(&self, offered: bool) -> Option<u8> {
        if offered { self.finder } else { Some(self.shower) }
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
            Act::Find(1),
            Act::Read(approves),
            Act::Number(approves, true),
            Act::Read(approves),
            Act::Approve(approves),
            Act::Read(waits),
            Act::Finish(waits),
        ] {
            history.take(act, offers);
        }
        assert_eq!(history.finished, Some(waits));
    }
}

#[test]
fn whoever_offers_approves_for_themselves_in_their_session_alone() {
    let found = |link: Link| match link.find(&visitor(1), Policy::On, START) {
        Ok(Found::Now(link)) => link,
        other => panic!("{other:?}"),
    };
    let link = found(offered());
    let right = approval(0);
    for wrong in [
        Approval { account: AccountId(Uuid::from_u128(9)), ..right.clone() },
        Approval { session: None, ..right.clone() },
        Approval { session: visitor(3).session, ..right.clone() },
    ] {
        let refused = link.clone().approve(&visitor(0), Policy::On, wrong, START);
        assert_eq!(refused.err(), Some(Refusal::NotProved));
    }
    let elsewhere = Visitor { session: visitor(3).session, ..visitor(0) };
    let refused = link.clone().approve(&elsewhere, Policy::On, right.clone(), START);
    assert_eq!(refused.err(), Some(Refusal::NotSignedIn));
    assert!(link.approve(&visitor(0), Policy::On, right, START).is_ok());
    // An asking link stands on nobody until somebody approves.
    assert_eq!(asked().footing(), Footing::default());
    assert_eq!(found(asked()).footing(), Footing::default());
    let approved = found(asked()).approve(&visitor(1), Policy::On, approval(1), START).expect("approved");
    let Approval { account, credential, session } = approval(1);
    assert_eq!(approved.footing(), Footing { account: Some(account), session, credential: Some(&credential) });
}

#[test]
fn each_browser_sees_its_own_side_and_no_other_sees_any() {
    let Ok(Found::Now(link)) = asked().find(&visitor(1), Policy::On, START) else { panic!("found") };
    let waiting = link.seen_by(&visitor(0), true, START).expect("a side");
    assert_eq!((waiting.role, waiting.number, waiting.device), (Role::Waiting, Some(NUMBER), None));
    let approving = link.seen_by(&visitor(1), true, START).expect("a side");
    assert_eq!((approving.role, approving.number), (Role::Approving, None));
    let device = approving.device.expect("who waits");
    assert_eq!((device.description.as_str(), device.same_network, device.at), ("browser 0", true, START));
    assert_eq!(link.seen_by(&visitor(2), true, START), None);
    let fallen = link.seen_by(&visitor(0), false, START).expect("a side");
    assert_eq!((fallen.progress, fallen.number, fallen.left), (Progress::Denied, None, Duration::ZERO));
}

#[test]
fn a_network_that_is_not_known_is_not_the_same() {
    let nowhere = Visitor { address: None, ..visitor(1) };
    assert_eq!(asked().find(&nowhere, Policy::SameNetwork, START).err(), Some(Refusal::OtherNetwork));
    let link = Link::ask(fresh(), &nowhere, Destination::root(), START);
    let also_nowhere = Visitor { address: None, ..visitor(2) };
    assert_eq!(link.find(&also_nowhere, Policy::SameNetwork, START).err(), Some(Refusal::OtherNetwork));
    assert_eq!(asked().find(&visitor(1), Policy::Off, START).err(), Some(Refusal::Off));
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
    assert_eq!(number(&High(0.into())), 99);
}

#[test]
fn the_right_number_is_counted_like_a_wrong_one() {
    let Ok(Found::Now(link)) = asked().find(&visitor(1), Policy::On, START) else { panic!("found") };
    let visitor = visitor(1);
    let moment = Moment { visitor: &visitor, now: START, entropy: &Zeros };
    for typed in [NUMBER, NUMBER + 1] {
        let plan = steps::try_number(link.clone(), typed, Policy::On, moment).expect("counted");
        let [Change::Link(LinkChange::Advance(next))] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
        assert_eq!(next.revision, link.revision + 1, "{typed}");
        assert_eq!(plan.then.is_ok(), typed == NUMBER);
    }
}
