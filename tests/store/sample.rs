//! Things to keep, made from small numbers. The files of older versions were written from these: what is new to a
//! sample gets a function, or a number, of its own.

use std::sync::LazyLock;
use std::time::Duration;

use bmauth::domain::account::{Account, AccountId};
use bmauth::domain::activity::{Event, What};
use bmauth::domain::address::{AskedMove, Move, MoveId, MoveOutlook, MoveStage};
use bmauth::domain::admin_code::{AdminCode, CodeDigest};
use bmauth::domain::aftermath::{Aftermath, Review};
use bmauth::domain::bookmark::Bookmark;
use bmauth::domain::ceremony::{Act, Ceremony, CeremonyId, CeremonyPurpose, CeremonySubject, Leave, Makes, Proves};
use bmauth::domain::claim::Claim;
use bmauth::domain::clock::Timestamp;
use bmauth::domain::code::CodeId;
use bmauth::domain::destination::Destination;
use bmauth::domain::email::Email;
use bmauth::domain::host::Host;
use bmauth::domain::invitation::{Invitation, InvitationId};
use bmauth::domain::letter::{Letter, LetterId, Message};
use bmauth::domain::link::id::LinkId;
use bmauth::domain::link::{Approval, Closed, Link, LinkCodeDigest, LinkOffer, LinkStage, Party, WaitingBrowser};
use bmauth::domain::mailed_code::MailedCode;
use bmauth::domain::origin::Origin;
use bmauth::domain::passkey::{CredentialId, NewPasskey, Passkey};
use bmauth::domain::path::RequestTarget;
use bmauth::domain::plan::{AccountChange, Change, Conflict, Counter, PasskeyChange};
use bmauth::domain::profile::{Locale, Metadata, Profile};
use bmauth::domain::recovery::{Hold, HoldId, Recovery, RecoveryStage};
use bmauth::domain::registration::{Outlook, Registration};
use bmauth::domain::secret::SecretDigest;
use bmauth::domain::session::{Authentication, Method, Session, SessionId};
use bmauth::domain::signing_key::{Algorithm, PrivateKey, SigningKey};
use bmauth::domain::token_family::{ClientMark, Cut, Elevation, Spent, TokenFamily};
use bmauth::store::Records as _;
use bmauth::store::redb::RedbStore;
use url::Url;
use uuid::Uuid;
use webauthn_authenticator_rs::WebauthnAuthenticator as _;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration};

use crate::shown::Shown as _;
use webauthn_rs::{Webauthn, WebauthnBuilder};

static ORIGIN: LazyLock<Url> = LazyLock::new(|| Url::parse("https://notes.example.com").unwrap());
static WEBAUTHN: LazyLock<Webauthn> =
    LazyLock::new(|| WebauthnBuilder::new("notes.example.com", &ORIGIN).unwrap().build().unwrap());

/// A credential that a (soft) authenticator really made; making one is slow, so all samples share it.
static CREDENTIAL: LazyLock<Credential> = LazyLock::new(|| {
    let (challenge, state) =
        WEBAUTHN.start_passkey_registration(Uuid::from_u128(7), "ann@example.com", "Ann", None).unwrap();
    let answer = SoftPasskey::new(true).do_registration(ORIGIN.clone(), challenge).unwrap();
    WEBAUTHN.finish_passkey_registration(&answer, &state).unwrap()
});

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

pub fn digest(n: u32) -> SecretDigest {
    let mut bytes = [0x5a; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    SecretDigest::from_bytes(bytes)
}

fn uuid(n: u32) -> Uuid {
    Uuid::from_u128(u128::from(n) << 64 | 0xabc)
}

pub fn account_id(n: u32) -> AccountId {
    AccountId(uuid(n))
}

pub fn ceremony_id(n: u32) -> CeremonyId {
    CeremonyId(uuid(n))
}

pub fn code(n: u32) -> CodeId {
    CodeId(uuid(n))
}

pub fn letter_id(n: u32) -> LetterId {
    LetterId(uuid(n))
}

pub fn link_id(n: u32) -> LinkId {
    LinkId(uuid(n))
}

pub fn link_code(n: u32) -> LinkCodeDigest {
    LinkCodeDigest(*digest(n).bytes())
}

pub fn hold_id(n: u32) -> HoldId {
    HoldId(uuid(n))
}

pub fn email(n: u32) -> Email {
    // The first few are beginnings of each other: an index by address must not mix them up.
    let text = if n < 10 { format!("ann@example.co{}", "m".repeat(n as usize)) } else { format!("ann{n}@example.com") };
    Email::parse(&text).unwrap()
}

pub fn counter(n: u8) -> Counter {
    Counter([n; 32])
}

/// What a counter answers that is full for as long.
pub fn full(n: u8, seconds: u64) -> Conflict {
    Conflict::Limit { counter: counter(n), wait: Duration::from_secs(seconds) }
}

pub fn credential(n: u32) -> CredentialId {
    // Lengths differ, so that orders by bytes and by number can be told apart.
    let mut bytes = n.to_be_bytes().to_vec();
    bytes.resize(4 + n as usize % 40, 0xfe);
    CredentialId::new(&bytes).unwrap()
}

pub fn account(n: u32) -> Account {
    Account {
        id: account_id(n),
        email: email(n),
        name: (n % 2 == 1).then(|| format!("Ann {n}")),
        locale: None,
        metadata: None,
        groups: (0..n % 3).map(|group| format!("group {group}")).collect(),
        disabled: false,
        created_at: at(1000),
        aftermath: Aftermath::default(),
    }
}

/// What a recovery left behind; with each number another state of it.
pub fn aftermath(n: u32) -> Aftermath {
    let review = Review {
        credential: n.is_multiple_of(2).then(|| credential(n)),
        browser: format!("Firefox {n}"),
        is_contested: n % 3 == 1,
        contests: 2,
        before: (0..n % 3).map(|before| credential(100 + before)).collect(),
    };
    Aftermath {
        recovered_at: (!n.is_multiple_of(5)).then(|| at(1500)),
        review: (!n.is_multiple_of(4)).then_some(review),
    }
}

/// A person's own metadata; with each number some of it is left out.
pub fn profile(n: u32) -> Profile {
    Profile {
        name: (!n.is_multiple_of(3)).then(|| format!("Ann {n}")),
        locale: (n % 3 != 1).then(|| Locale::parse("de-AT").unwrap()),
        metadata: (n % 3 != 2).then(|| Metadata::from_object(format!("{{\"plan\":\"ä {n}\"}}")).unwrap()),
    }
}

/// The account of a person who registered over the API.
pub fn account_of_api(n: u32) -> Account {
    let Profile { name, locale, metadata } = profile(n);
    Account { name, locale, metadata, aftermath: aftermath(n), ..account(n) }
}

/// By which code and network something without a cookie goes on.
pub fn claim(n: u32) -> Claim {
    Claim::Code { network: vec![u8::try_from(n % 200).unwrap(); 1 + n as usize % 8] }
}

pub fn rp_id(text: &str) -> Host {
    Host::parse(text).unwrap()
}

pub fn new_passkey(n: u32) -> NewPasskey {
    NewPasskey {
        id: credential(n),
        credential: CREDENTIAL.clone(),
        counter: n,
        aaguid: uuid(n),
        backup_eligible: n.is_multiple_of(2),
        backed_up: n.is_multiple_of(4),
        rp_id: n.is_multiple_of(3).then(|| rp_id("notes.example.com")),
    }
}

pub fn passkey(n: u32, account: u32) -> Passkey {
    Passkey {
        account: account_id(account),
        key: new_passkey(n),
        name: (n % 2 == 1).then(|| format!("Ann’s key {n}")),
        browser: format!("Chrome {n} on Android"),
        created_at: at(1000),
        last_used_at: None,
    }
}

pub fn session(n: u32, account: u32, credential_of: u32) -> Session {
    Session {
        token: digest(n),
        id: SessionId(uuid(n)),
        account: account_id(account),
        credential: Some(credential(credential_of)),
        authentication: Authentication {
            at: at(2000),
            methods: vec![Method::SoftwareKey, Method::UserVerified, Method::EmailCode, Method::HardwareKey],
        },
        created_at: at(2000),
        last_seen_at: at(2000),
        browser: "Firefox on Windows — naïve".to_owned(),
        address: match n % 3 {
            0 => None,
            1 => Some("192.0.2.7".parse().unwrap()),
            _ => Some("2001:db8::7".parse().unwrap()),
        },
        recovered_at: (n % 2 == 1).then(|| at(1999)),
        host: (!n.is_multiple_of(3)).then(|| Host::parse(&format!("host{n}.example.com")).unwrap()),
        bound_for: Destination::try_from(format!("/notes?id={n}")).unwrap(),
        head: None,
    }
}

/// The same as a file has it that was written before sessions had hosts.
pub fn session_without_host(n: u32, account: u32, credential_of: u32) -> Session {
    Session { host: None, bound_for: Destination::root(), ..session(n, account, credential_of) }
}

/// A session that a code began, without a passkey.
pub fn session_by_code(n: u32, account: u32) -> Session {
    let authentication = Authentication { at: at(2000), methods: vec![Method::EmailCode] };
    Session { credential: None, authentication, ..session(n, account, 0) }
}

/// The digest of a refresh token; no two families have one in common.
pub fn refresh(family: u32, token: u32) -> SecretDigest {
    digest(1_000_000 + 1000 * family + token)
}

/// Tokens of a session, with as many out and spent as told: those spent are numbered from 0, those out from 100.
pub fn tokens(session: u32, out: u32, spent: u32) -> TokenFamily {
    let was = |token| Spent {
        token: refresh(session, token),
        at: at(2100 + u64::from(token)),
        by: ClientMark([u8::try_from(token).unwrap(); 32]),
    };
    TokenFamily {
        session: digest(session),
        revision: 0,
        out: (100..100 + out).map(|token| refresh(session, token)).collect(),
        spent: (0..spent).map(was).collect(),
        elevation: (session % 2 == 1).then(|| Elevation {
            line: refresh(session, 100),
            since: at(2150),
            until: at(2200),
            used: session % 4 == 1,
        }),
        cut: if session % 4 == 1 { Cut { elevated: at(2150), plain: at(2160) } } else { Cut::NONE },
    }
}

pub fn registration_state() -> PasskeyRegistration {
    WEBAUTHN.start_passkey_registration(Uuid::from_u128(8), "ann@example.com", "Ann", None).unwrap().1
}

pub fn sign_in_state() -> DiscoverableAuthentication {
    WEBAUTHN.start_discoverable_authentication().unwrap().1
}

/// Fourteen in a row have every purpose there is; the last two are of a client of the API, which has no browser.
pub fn ceremony(n: u32) -> Ceremony {
    let (account, session) = (account_id(n), digest(n));
    let prove = |proves| CeremonyPurpose::Prove { proves, state: sign_in_state() };
    let make = |makes| CeremonyPurpose::Make { account, makes, state: registration_state() };
    let sign_in = |subject| prove(Proves::SignIn(subject));
    let add = |leave| make(Makes::Another(leave));
    let confirm = |act| prove(Proves::Confirm { account, session, act });
    let register = |profile| make(Makes::Registration { email: email(n), profile });
    let purpose = match n % 12 {
        0 => register(Profile::default()),
        1 => sign_in(CeremonySubject::Anyone),
        2 => sign_in(CeremonySubject::Account(account)),
        3 => sign_in(CeremonySubject::NoAccount),
        4 => add(Leave::Link(link_id(n))),
        5 => add(Leave::Recovery),
        6 => add(Leave::Session(session)),
        7 => prove(Proves::Link { link: link_id(n), waiting: digest(n), subject: CeremonySubject::Account(account) }),
        8 => confirm(Act::AddPasskey),
        9 => confirm(Act::RemovePasskey { credential: credential(n), last: n.is_multiple_of(3) }),
        10 => register(profile(n)),
        _ => confirm(Act::Elevate),
    };
    Ceremony {
        id: ceremony_id(n),
        browser: (n % 12 < 10).then(|| digest(n)),
        origin: (!n.is_multiple_of(3)).then(|| Origin::parse(&format!("https://host{n}.example.com:8443")).unwrap()),
        purpose,
        return_to: Destination::try_from("/notes?tag=a%20b".to_owned()).unwrap(),
        begun_at: at(2700),
        expires_at: at(3000),
    }
}

/// Compares the first ten ceremonies with what versions 2 and 3 wrote: they did not say which of those that wait a link
/// is approved with.
pub async fn has_ceremonies_of_before(store: &RedbStore) {
    for n in 0..10 {
        let found = store.ceremony(ceremony_id(n)).await.unwrap().unwrap();
        let mut written = Ceremony { origin: None, ..ceremony(n) };
        if let CeremonyPurpose::Prove { proves: Proves::Link { waiting, .. }, .. } = &mut written.purpose {
            *waiting = SecretDigest::from_bytes([0; 32]);
        }
        // A challenge is random; it only has to be readable.
        match (&mut written.purpose, &found.purpose) {
            (CeremonyPurpose::Make { state, .. }, CeremonyPurpose::Make { state: found, .. }) => *state = found.clone(),
            (CeremonyPurpose::Prove { state, .. }, CeremonyPurpose::Prove { state: found, .. }) => {
                *state = found.clone()
            }
            (written, found) => panic!("{found:?} instead of {written:?}"),
        }
        assert_eq!(found.shown(), written.shown());
    }
}

/// The key as written, with the credential that is in a file, which no sample can make again: the one of that id.
pub fn with_credential(id: &str, found: &NewPasskey, written: NewPasskey) -> NewPasskey {
    assert_eq!(serde_json::to_string(found.credential.cred_id()).unwrap(), id);
    NewPasskey { credential: found.credential.clone(), rp_id: None, ..written }
}

pub fn mailed(of_code: u32, tries: u32) -> MailedCode {
    MailedCode { id: code(of_code), tries, sent_at: at(3000), earlier: None }
}

pub fn registration(browser: u32, of_email: u32, of_code: u32) -> Registration {
    Registration {
        browser: digest(browser),
        revision: 0,
        email: email(of_email),
        account: account_id(of_email),
        passkey: new_passkey(browser),
        dead: Vec::new(),
        nickname: None,
        profile: Profile::default(),
        claim: Claim::Cookie,
        return_to: Destination::root(),
        outlook: if browser.is_multiple_of(2) { Outlook::Taken } else { Outlook::Account },
        code: mailed(of_code, 0),
        expires_at: at(4000),
    }
}

/// A registration that was begun over the API.
pub fn registration_of_api(browser: u32, of_email: u32, of_code: u32) -> Registration {
    Registration {
        nickname: (browser % 2 == 1).then(|| format!("Ann’s key {browser}")),
        profile: profile(browser),
        claim: claim(browser),
        ..registration(browser, of_email, of_code)
    }
}

/// A registration for which others were given up.
pub fn registration_again(browser: u32, of_email: u32, of_code: u32) -> Registration {
    let dead = (0..browser).map(|n| credential(100 + n)).collect();
    Registration { dead, ..registration_of_api(browser, of_email, of_code) }
}

/// The same as earlier versions wrote it, which did not say where a passkey was made.
pub fn letter_from_before(n: u32, due_at: u64) -> Letter {
    let mut letter = letter(n, due_at);
    if let Message::PasskeyRemoved { made_in, .. }
    | Message::PasskeyCopied { made_in, .. }
    | Message::PasskeyMoved { made_in, .. } = &mut letter.message
    {
        made_in.clear();
    }
    letter
}

/// Thirteen in a row have every message there is.
pub fn letter(n: u32, due_at: u64) -> Letter {
    Letter {
        id: letter_id(n),
        to: email(n),
        message: match n % 13 {
            0 => Message::RecoveryCode(code(n)),
            1 => Message::AlreadyRegistered,
            2 => Message::Welcome,
            3 => Message::Code(code(n)),
            4 => Message::RecoveryHeld { account: account_id(n), hold: hold_id(n), until: at(8000) },
            5 => Message::RecoveryDone,
            6 => Message::RecoveryCancelled,
            7 => Message::PasskeyAdded { aaguid: uuid(n) },
            8 => Message::PasskeyRemoved { aaguid: uuid(n), made_in: "Firefox on Windows".to_owned() },
            9 => Message::PasskeyCopied { aaguid: uuid(n), made_in: "Firefox on Windows".to_owned() },
            10 => Message::PasskeyMoved { aaguid: uuid(n), made_in: "Firefox on Windows".to_owned() },
            11 => Message::Nothing,
            _ => Message::MorePasskeysAdded,
        },
        language: "de-CH".to_owned(),
        offset: None,
        browser: "Safari on iPhone".to_owned(),
        created_at: at(3000),
        due_at: at(due_at),
        failures: 0,
        expires_at: at(9000),
    }
}

fn party(n: u32) -> Party {
    let Session { browser, address, .. } = session(n, 0, 0);
    Party { browser: digest(n), description: browser, address, at: at(3000) }
}

/// Fifteen in a row have every stage, with and without either side and an offer. What names an account names that
/// of the same number.
pub fn link(n: u32) -> Link {
    Link {
        id: link_id(n),
        revision: 0,
        scan_code: link_code(n),
        short_code: link_code(n + 1000),
        wrong_numbers: u8::try_from(n % 3).unwrap(),
        waiting: (n % 3 != 1).then(|| waiting(n)).into_iter().collect(),
        approving: (n % 3 != 2).then(|| party(n + 1)).into_iter().collect(),
        offer: n.is_multiple_of(2).then(|| LinkOffer { account: account_id(n), session: digest(n) }),
        stage: match n % 5 {
            0 => LinkStage::Shown,
            1 => LinkStage::Found,
            2 => LinkStage::Approved(approved_between(n)),
            3 => LinkStage::Closed(Closed::Denied),
            _ => LinkStage::Closed(Closed::WrongNumbers),
        },
        expires_at: at(4000),
    }
}

fn waiting(n: u32) -> WaitingBrowser {
    let return_to = Destination::try_from("/notes?tag=a%20b".to_owned()).unwrap();
    WaitingBrowser { party: party(n), number: 10 + u8::try_from(n % 90).unwrap(), return_to }
}

/// As many browsers on one side as version 4 keeps.
pub fn crowded_link(n: u32) -> Link {
    Link { waiting: (n..n + 4).map(waiting).collect(), approving: vec![party(n + 9)], ..link(n) }
}

/// Between the browsers of the link of that number, as far as it has them.
fn approved_between(n: u32) -> Approval {
    let none = SecretDigest::from_bytes([0; 32]);
    let approving = if n % 3 == 2 { none } else { digest(n + 1) };
    let waiting = if n % 3 == 1 { none } else { digest(n) };
    Approval { approving, waiting, ..approval(n) }
}

pub fn approval(account: u32) -> Approval {
    let session = (account % 2 == 1).then(|| digest(account));
    let (approving, waiting) = (digest(account + 1), digest(account));
    Approval { account: account_id(account), credential: credential(account), session, approving, waiting }
}

/// Of an account, unless the browser's number can be divided by three.
pub fn recovery(browser: u32, of: u32) -> Recovery {
    Recovery {
        browser: digest(browser),
        revision: 0,
        email: email(of),
        account: (!browser.is_multiple_of(3)).then(|| account_id(of)),
        stage: if browser.is_multiple_of(2) { RecoveryStage::Code } else { RecoveryStage::Proved },
        code: mailed(browser, browser),
        claim: Claim::Cookie,
        beside: None,
        return_to: Destination::try_from("/notes?tag=a%20b".to_owned()).unwrap(),
        expires_at: at(4000),
    }
}

pub fn hold(n: u32, account: u32) -> Hold {
    Hold {
        id: hold_id(n),
        account: account_id(account),
        asked_at: at(3000),
        until: at(4000),
        browser: format!("Safari {n} on iPhone"),
    }
}

pub fn move_id(n: u32) -> MoveId {
    MoveId(uuid(n))
}

/// A change of address; of an even number, one that can be undone, from the address of the account of the next number;
/// of every fifth, one that was undone.
pub fn moving(n: u32, account: u32) -> Move {
    const OUTLOOKS: [MoveOutlook; 4] =
        [MoveOutlook::Address, MoveOutlook::Taken, MoveOutlook::Kept, MoveOutlook::NotAllowed];
    let stage = if n % 5 == 4 {
        MoveStage::Undone
    } else if n.is_multiple_of(2) {
        MoveStage::Done { from: email(account + 1) }
    } else {
        MoveStage::Asked(AskedMove {
            to: email(account + 1),
            outlook: *OUTLOOKS.iter().cycle().nth(n as usize / 2).unwrap(),
            session: digest(account),
            credential: credential(account),
            code: mailed(n, n % 5),
        })
    };
    Move { account: account_id(account), id: move_id(n), revision: n % 3, stage, expires_at: at(4000) }
}

/// One that can be undone, from an address of no other account.
pub fn moved(account: u32) -> Move {
    Move { stage: MoveStage::Done { from: email(100 + account) }, ..moving(account, account) }
}

pub fn admin_code(n: u32, account: u32) -> AdminCode {
    AdminCode { account: account_id(account), digest: code_digest(n), expires_at: at(5000) }
}

pub fn invitation(n: u32) -> Invitation {
    let groups = (0..n % 3).map(|group| format!("group-{group}")).collect();
    Invitation { id: InvitationId(uuid(n)), email: email(n), groups, made_at: at(1000) }
}

pub fn bookmark(n: u32) -> Bookmark {
    let target = format!("/search/{n}?q={}", "x".repeat(3000));
    Bookmark {
        name: digest(n),
        host: Host::parse("notes.example.com").unwrap(),
        target: RequestTarget::parse(target.as_bytes()).unwrap(),
        expires_at: at(5000),
    }
}

pub fn code_digest(n: u32) -> CodeDigest {
    CodeDigest(*digest(n).bytes())
}

/// Fourteen in a row tell everything that can happen.
pub fn event(n: u32, account: u32, seconds: u64) -> Event {
    const ALL: [What; 14] = [
        What::Registered,
        What::SignedIn,
        What::PasskeyAdded,
        What::PasskeyRemoved,
        What::PasskeyCopied,
        What::LinkApproved,
        What::LinkDenied,
        What::RecoveryHeld,
        What::RecoveryCancelled,
        What::Recovered,
        What::SignedOutEverywhere,
        What::TokenCopied,
        What::PasskeyCanSync,
        What::PasskeyMoved,
    ];
    let Session { browser, address, .. } = session(n, 0, 0);
    let what = *ALL.iter().cycle().nth(n as usize).unwrap();
    Event { id: uuid(n), account: account_id(account), what, at: at(seconds), browser, address }
}

pub fn signing_key(kid: &str, created_at: u64) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: if kid.starts_with("ed") { Algorithm::EdDsa } else { Algorithm::Es256 },
        pkcs8: PrivateKey(kid.bytes().rev().collect()),
        created_at: at(created_at),
        active_from: at(created_at + 60),
    }
}

/// An account and its passkey, both of that number.
pub fn person(n: u32) -> Vec<Change> {
    vec![Change::Account(AccountChange::Add(account(n))), Change::Passkey(PasskeyChange::Add(passkey(n, n)))]
}
