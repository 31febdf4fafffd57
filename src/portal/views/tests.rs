use std::collections::BTreeSet;
use std::fs;
use std::iter;
use std::path::Path;
use std::time::Duration;

use super::RegistrationOffer;
use super::account::{AccountDeletedPage, AccountNews, AccountPage, MoveRow};
use super::account_undo::AccountUndoPage;
use super::apps::{AppRow, AppsPage};
use super::chrome::Chrome;
use super::code::{CodeDelivery, CodePage, CodePagePurpose, CodeState, Forget};
use super::contest::ContestPage;
use super::devices::{DevicesPage, EventRow, HoldRow, PasskeyRow, SessionRow};
use super::faster::FasterPage;
use super::hand_off::{ConfirmHandOffPage, HandOffPage, LeadOnPage};
use super::link::{DeviceKind, LinkPage, LinkStartPage, ago};
use super::recover::{RecoverHeldPage, RecoverPage, RecoverPageMode, RecoverState};
use super::recover_cancel::RecoverCancelPage;
use super::refused::RefusedPage;
use super::register::RegisterPage;
use super::review::ReviewPage;
use super::set_up::SetUpPage;
use super::shown;
use super::sign_in::SignInPage;
use super::sign_out::{SignOutPage, SignedOutPage};
use super::unsupported::UnsupportedPage;
use crate::domain::activity::What;
use crate::domain::brand::{Brand, FooterLink};
use crate::domain::clock::Timestamp;
use crate::domain::code;
use crate::domain::host::Host;
use crate::domain::language::Language;
use crate::domain::moving::NotNow;
use crate::domain::origin::Origin;
use crate::domain::recovery::Over;
use crate::gate::refusal::{GateRefusal, RefusalDetails};
use crate::portal::assets::Assets;
use crate::wording::Words;

const EMAIL: &str = "maria@example.com";
/// The page that sends its form, and leads on, to another host. No other names one.
const TO_ANOTHER_HOST: &str = "hand-off";

/// Every state from the first one on. What `next` does not match does not compile.
fn states<S: Copy>(first: S, next: impl Fn(S) -> Option<S>) -> impl Iterator<Item = S> {
    iter::successors(Some(first), move |state| next(*state))
}

fn code_states() -> impl Iterator<Item = CodeState> {
    use CodeState as S;
    states(S::Fresh, |state| {
        Some(match state {
            S::Fresh => S::Resent,
            S::Resent => S::Unreadable,
            S::Unreadable => S::Wrong { tries_left: 3 },
            S::Wrong { .. } => S::Older { tries_left: 3 },
            S::Older { .. } => S::TooOld,
            S::TooOld => S::UsedUp,
            S::UsedUp => S::Wait { seconds: 30 },
            S::Wait { .. } => S::TooMany { wait: HOUR },
            S::TooMany { .. } => S::NotNow(NotNow::ChangedLately),
            S::NotNow(NotNow::ChangedLately) => S::NotNow(NotNow::Recovering),
            S::NotNow(NotNow::Recovering) => return None,
        })
    })
}

fn recover_states() -> impl Iterator<Item = RecoverState> {
    states(RecoverState::Fresh, |state| {
        Some(match state {
            RecoverState::Fresh => RecoverState::InvalidEmail,
            RecoverState::InvalidEmail => RecoverState::TooMany { wait: HOUR },
            RecoverState::TooMany { .. } => return None,
        })
    })
}

fn recover_cancel_states() -> impl Iterator<Item = RecoverCancelPage> {
    states(RecoverCancelPage::Ask, |state| {
        Some(match state {
            RecoverCancelPage::Ask => RecoverCancelPage::NotWhole,
            RecoverCancelPage::NotWhole => RecoverCancelPage::NotRight,
            RecoverCancelPage::NotRight => RecoverCancelPage::Done,
            RecoverCancelPage::Done => RecoverCancelPage::Over { over: Over::default(), offset: None },
            RecoverCancelPage::Over { .. } => return None,
        })
    })
}

fn account_undo_states() -> impl Iterator<Item = AccountUndoPage> {
    states(AccountUndoPage::Ask, |state| {
        Some(match state {
            AccountUndoPage::Ask => AccountUndoPage::NotWhole,
            AccountUndoPage::NotWhole => AccountUndoPage::NotRight,
            AccountUndoPage::NotRight => AccountUndoPage::Done,
            AccountUndoPage::Done => AccountUndoPage::Gone,
            AccountUndoPage::Gone => return None,
        })
    })
}

/// Every page in every state, by name. A test names the page that is missing here.
fn every_page(chrome: &Chrome<'_>, email: &str, return_to: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for registration in [RegistrationOffer::Open, RegistrationOffer::Invite, RegistrationOffer::Closed] {
        for return_to in [None, Some(return_to)] {
            let name = format!("{registration:?} {return_to:?}");
            let both = registration == RegistrationOffer::Open;
            let sign_in = SignInPage { return_to, registration, link: both, recover: both };
            pages.push((format!("sign-in {name}"), sign_in.render(chrome)));
            pages.push((format!("register {name}"), RegisterPage { return_to, registration }.render(chrome)));
        }
    }
    for state in code_states() {
        let given = CodePage { email, sender: email, return_to: Some(return_to), state, ..fresh_code() };
        pages.push((format!("code {state:?}"), given.render(chrome)));
        for (way, kind) in [
            (CodeDelivery::Mail, code::CodeKind::Digits),
            (CodeDelivery::Hand, code::CodeKind::Digits),
            (CodeDelivery::HandForMail, code::CodeKind::Digits),
            (CodeDelivery::Mail, code::CodeKind::Letters),
        ] {
            let page = CodePage { code_for: CodePagePurpose::GettingBackIn(way), kind, ..given };
            pages.push((format!("recover code {state:?} {way:?} {kind:?}"), page.render(chrome)));
        }
    }
    pages.extend(link_pages(chrome, email, return_to));
    pages.extend(recover_pages(chrome, email, return_to));
    pages.push(("devices".to_owned(), devices(email).render(chrome)));
    let here = DevicesPage { apps: true, ..devices(email) };
    pages.push(("devices without an app".to_owned(), here.render(chrome)));
    for apps in [Vec::new(), vec![AppRow { name: email.to_owned(), address: return_to.to_owned() }]] {
        pages.push((format!("apps {apps:?}"), AppsPage { email, apps }.render(chrome)));
    }
    pages.extend(account_pages(chrome, email));
    pages.push(("faster".to_owned(), FasterPage { return_to }.render(chrome)));
    for clears in [false, true] {
        pages.push((
            format!("sign-out, clears {clears}"),
            SignOutPage { email, return_to, everywhere: clears, clears, another: clears }.render(chrome),
        ));
    }
    let (code, state) = ("AAAA", "7");
    pages.push(("hand-off/confirm".to_owned(), ConfirmHandOffPage { email, code, state, return_to }.render(chrome)));
    let host = &Host::parse("wiki.example.com").unwrap();
    let to = &Origin::parse("https://wiki.example.com").unwrap();
    for again in [false, true] {
        pages.push((TO_ANOTHER_HOST.to_owned(), HandOffPage { to, code, state, return_to, again }.render(chrome)));
    }
    pages.push(("unsupported".to_owned(), UnsupportedPage { address: email, path: return_to }.render(chrome)));
    let inside = Chrome { inside_app: true, ..*chrome };
    pages.push(("unsupported inside".to_owned(), UnsupportedPage { address: email, path: return_to }.render(&inside)));
    let page =
        RecoverPage { mode: RecoverPageMode::Email, email, return_to: Some(return_to), state: RecoverState::Fresh };
    pages.push(("recover inside".to_owned(), page.render(&inside)));
    pages.push(("lead-on".to_owned(), LeadOnPage { host, url: return_to }.render(chrome)));
    pages.push(("signed-out".to_owned(), SignedOutPage { return_to: Some(return_to) }.render(chrome)));
    for refused in every_refusal(email) {
        pages.push((format!("{refused:?}"), refused.render(chrome)));
    }
    pages
}

fn link_pages(chrome: &Chrome<'_>, text: &str, return_to: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for recover in [false, true] {
        for kind in [DeviceKind::Computer, DeviceKind::Phone] {
            let page = LinkStartPage { return_to: Some(return_to), kind, address: text, recover };
            pages.push((format!("link/start {kind:?} {recover}"), page.render(chrome)));
        }
        for signed_in in [false, true] {
            let page = LinkPage { signed_in, path: return_to, recover };
            pages.push((format!("link {signed_in} {recover}"), page.render(chrome)));
        }
    }
    pages
}

fn recover_pages(chrome: &Chrome<'_>, email: &str, return_to: &str) -> Vec<(String, String)> {
    let mut pages = vec![
        ("recover/device".to_owned(), SetUpPage { email }.render(chrome)),
        ("recover/held".to_owned(), RecoverHeldPage { until: AT }.render(chrome)),
        (
            "recover/review".to_owned(),
            ReviewPage { passkeys: devices(email).passkeys, return_to: Some("/a"), now: AT }.render(chrome),
        ),
    ];
    for mode in [RecoverPageMode::Email, RecoverPageMode::Delayed, RecoverPageMode::Admin, RecoverPageMode::Off] {
        for state in recover_states() {
            let page = RecoverPage { mode, email, return_to: Some(return_to), state };
            pages.push((format!("recover {mode:?} {state:?}"), page.render(chrome)));
        }
    }
    for (by_hand, is_again, is_stopped) in
        [(false, false, false), (false, true, false), (false, false, true), (true, true, false)]
    {
        let (made, older) = (is_again.then_some(email), (!is_again).then_some(email));
        let (question, browser, recovered_at) = ("q", email, AT);
        let page = ContestPage { question, email, by_hand, browser, made, older, recovered_at, is_again, is_stopped };
        pages.push((format!("contest {by_hand} {is_again} {is_stopped}"), page.render(chrome)));
    }
    let over = |another_waits, recovered, stopped| {
        let at = |seconds: Option<u64>| seconds.map(Timestamp::from_unix);
        let over = Over { another_waits, recovered: at(recovered), stopped: at(stopped) };
        RecoverCancelPage::Over { over, offset: None }
    };
    for page in recover_cancel_states().chain([
        over(true, Some(1), Some(2)),
        over(false, Some(2), Some(1)),
        over(false, Some(1), Some(2)),
        over(false, Some(1), None),
        over(false, None, Some(1)),
    ]) {
        pages.push((format!("recover/cancel {page:?}"), page.render(chrome)));
    }
    pages
}

const HOUR: Duration = Duration::from_secs(3600);
fn account_pages(chrome: &Chrome<'_>, text: &str) -> Vec<(String, String)> {
    let page = account(text);
    let named = AccountPage { name: text, language: Some(Language::German), news: Some(AccountNews::Saved), ..page };
    let asked = AccountPage { moving: Some(MoveRow::Asked { to: text }), ..page };
    let (news, moving) = (Some(AccountNews::AddressChanged), Some(MoveRow::Done { from: text, until: AT }));
    let moved = AccountPage { news, moving, ..page };
    let undone = AccountPage { moving: Some(MoveRow::Undone { until: AT }), ..page };
    let code = |state| CodePage {
        code_for: CodePagePurpose::ChangingAddress,
        email: text,
        sender: EMAIL,
        state,
        ..fresh_code()
    };
    let mut pages = vec![
        ("account".to_owned(), page.render(chrome)),
        ("account, saved".to_owned(), named.render(chrome)),
        ("account, asked".to_owned(), asked.render(chrome)),
        ("account, moved".to_owned(), moved.render(chrome)),
        ("account, undone".to_owned(), undone.render(chrome)),
        ("account/address".to_owned(), code(CodeState::Fresh).render(chrome)),
        ("account/address, wrong".to_owned(), code(CodeState::Wrong { tries_left: 1 }).render(chrome)),
        ("account/deleted".to_owned(), AccountDeletedPage.render(chrome)),
    ];
    pages.extend(account_undo_states().map(|page| (format!("account/undo {page:?}"), page.render(chrome))));
    pages
}

fn account(text: &str) -> AccountPage<'_> {
    AccountPage {
        email: text,
        name: "",
        language: None,
        news: None,
        moving: None,
        rp_id: "example.com",
        user_id: "AQID",
    }
}

/// Of 23 November 2026, 09:40 UTC.
const AT: Timestamp = Timestamp::from_unix(1_795_426_800);

/// An account that has one of everything, named `text` throughout.
fn devices(text: &str) -> DevicesPage<'_> {
    let local = PasskeyRow {
        id: "AQID",
        title: text,
        provider: Some("Windows Hello"),
        made_in: "Edge on Windows",
        synced: false,
        added: AT,
        last_used: None,
        this_device: false,
    };
    DevicesPage {
        email: text,
        passkeys: vec![
            PasskeyRow { synced: true, provider: Some(text), last_used: Some(AT), this_device: true, ..local },
            local,
        ],
        sessions: vec![
            SessionRow {
                id: "0199",
                browser: text,
                hosts: "auth.example.com, notes.example.com",
                address: Some(text),
                last_seen: AT,
                this_browser: true,
            },
            SessionRow {
                id: "0200",
                browser: "Firefox on Windows",
                hosts: "",
                address: None,
                last_seen: AT,
                this_browser: false,
            },
        ],
        events: vec![
            EventRow { what: What::SignedIn, when: AT, browser: text },
            EventRow { what: What::PasskeyCopied, when: AT, browser: "" },
        ],
        hold: Some(HoldRow { until: AT, browser: text }),
        rp_id: "example.com",
        user_id: "AAAA",
        link: true,
        apps: false,
        now: AT.after(Duration::from_secs(30 * 24 * 3600)),
    }
}

/// Every refusal that has a page, and those whose page says more where more is known.
fn every_refusal(email: &str) -> Vec<RefusedPage<'_>> {
    let bare = RefusalDetails::default();
    let mut all: Vec<RefusedPage<'_>> =
        GateRefusal::all().into_iter().map(|refusal| RefusedPage { refusal, details: bare }).collect();
    all.push(RefusedPage { refusal: GateRefusal::Forbidden, details: RefusalDetails { email: Some(email), ..bare } });
    let (return_to, here) = (Some(email), Some("/_bmauth/language"));
    let details = RefusalDetails { email: Some(email), return_to, has_apps: true, here, ..bare };
    all.push(RefusedPage { refusal: GateRefusal::Forbidden, details });
    let details = RefusalDetails { retry: Some("/_bmauth/sign-out"), ..bare };
    all.push(RefusedPage { refusal: GateRefusal::RefusedForm, details });
    all.push(RefusedPage { refusal: GateRefusal::TooManyTries, details: RefusalDetails { wait: Some(HOUR), ..bare } });
    all
}

/// The page that asks a new person for the six digits of a mail.
fn fresh_code() -> CodePage<'static> {
    CodePage {
        code_for: CodePagePurpose::Registering { of_some: false },
        email: EMAIL,
        sender: "no-reply@example.com",
        return_to: None,
        kind: code::CodeKind::Digits,
        forget: None,
        state: CodeState::Fresh,
    }
}

fn open_sign_in(return_to: Option<&str>) -> SignInPage<'_> {
    SignInPage { return_to, registration: RegistrationOffer::Open, link: true, recover: true }
}

fn brand() -> Brand {
    Brand::new("Acme Notes").unwrap()
}

/// Runs `check` over every page in every language.
fn over_every_page(brand: &Brand, email: &str, return_to: &str, check: impl Fn(&str, &str)) {
    let assets = Assets::new(brand);
    for language in Language::ALL {
        let chrome =
            Chrome { language, brand, assets: &assets, csrf: "token", request_id: "0199f0c2", inside_app: false };
        for (name, html) in every_page(&chrome, email, return_to) {
            check(&name, &html);
        }
    }
}

fn english(render: impl Fn(&Chrome<'_>) -> String) -> String {
    let brand = brand();
    let assets = Assets::new(&brand);
    let chrome = Chrome {
        language: Language::English,
        brand: &brand,
        assets: &assets,
        csrf: "token",
        request_id: "0199f0c2",
        inside_app: false,
    };
    render(&chrome)
}

/// What stands between the tags, as a reader sees it.
fn text(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, after)| after));
    }
    let text = text.replace("&#39;", "'").replace("&#34;", "\"");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(html: &str, sentence: &str) {
    assert!(text(html).contains(sentence), "{sentence:?} is missing from: {}", text(html));
}

/// The templates of all pages, as `module::Type`.
fn templates_of_pages() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal/views")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        while lines.any(|line| line.starts_with("#[template(path = \"pages/")) {
            let name = lines.next().unwrap().strip_prefix("struct ").unwrap().split('<').next().unwrap();
            found.insert(format!("{}::{name}", path.file_stem().unwrap().to_str().unwrap()));
        }
    }
    found
}

#[test]
fn every_page_is_looked_at() {
    over_every_page(&brand(), EMAIL, "/", |_, _| {});
    let short = |name: &str| name.split('<').next().unwrap().rsplit("views::").next().unwrap().to_owned();
    let shown: BTreeSet<String> = shown::all().into_iter().map(short).collect();
    let there = templates_of_pages();
    assert!(there.len() > 20, "pages are not where this test looks for them");
    let missing: Vec<_> = there.difference(&shown).collect();
    assert!(missing.is_empty(), "`every_page` does not have {missing:?}");
}

#[test]
fn every_page_is_small() {
    let brand = brand().with_support_url("https://example.com/help".parse().unwrap());
    over_every_page(&brand, EMAIL, "/notes/2026?view=all", |name, html| {
        // What a page lists comes on top, and its address in each language beyond two.
        let [rows, languages] = [" class=\"row", " hreflang="].map(|of_one| html.matches(of_one).count());
        let most = 6 * 1024 + rows * 800 + languages.saturating_sub(2) * 200;
        let (size, most) = match html.contains("<html lang=\"en\"") {
            true => (html.len(), most),
            // Sentences are longer in other languages, and their letters may take more bytes: characters are counted.
            false => (html.chars().count(), most + most / 10),
        };
        assert!(size <= most, "{name}: {size} instead of at most {most}");
    });
}

#[test]
fn every_page_keeps_to_the_content_security_policy() {
    over_every_page(&brand(), EMAIL, "/", |name, html| {
        assert!(!html.contains("<style") && !html.contains(" style="), "{name} has inline style");
        for script in html.split("<script").skip(1) {
            let element = script.split("</script>").next().unwrap();
            assert!(element.contains(" src=\"/_bmauth/assets/"), "{name}: {element}");
            assert!(element.ends_with('>'), "{name} has an inline script");
        }
        for attribute in html.split([' ', '\n']).filter(|word| word.starts_with("on")) {
            assert!(!attribute.contains('='), "{name} has the handler {attribute}");
        }
    });
}

#[test]
fn every_form_says_when_it_is_at_work_and_every_page_for_scripts_when_they_do_not_come() {
    over_every_page(&brand(), EMAIL, "/", |name, html| {
        let is_plain = html.contains("method=\"post\" action=");
        assert!(!is_plain || html.contains("/forms.js\"></script>"), "{name}");
        let is_scripted = html.contains("<meta name=\"csrf\"");
        assert_eq!(html.contains("unscripted\" role=\"alert\""), is_scripted, "{name}");
        assert!(html.contains(" id=\"progress\"") && html.contains(" data-moment=\""), "{name}");
    });
}

#[test]
fn every_page_asks_no_other_host() {
    over_every_page(&brand(), EMAIL, "/", |name, html| {
        if name == TO_ANOTHER_HOST {
            return;
        }
        assert!(!html.contains("//"), "{name} names another host");
        for attribute in ["href=\"", "src=\"", "action=\""] {
            for address in html.split(attribute).skip(1) {
                let address = address.split('"').next().unwrap();
                assert!(address.is_empty() || address.starts_with('/'), "{name}: {address}");
            }
        }
    });
}

#[test]
fn every_asset_a_page_names_exists() {
    let brand = brand().with_accent("#b3261e".parse().unwrap());
    let assets = Assets::new(&brand);
    over_every_page(&brand, EMAIL, "/", |name, html| {
        for rest in html.split("\"/_bmauth/assets/").skip(1) {
            let path = format!("/_bmauth/assets/{}", rest.split('"').next().unwrap());
            assert!(assets.find(&path).is_some(), "{name}: {path}");
        }
    });
}

#[test]
fn every_page_has_one_heading_that_is_also_its_title() {
    over_every_page(&brand(), EMAIL, "/", |name, html| {
        let shown = html.split("<template").next().unwrap();
        assert_eq!(shown.matches("<h1").count(), 1, "{name}");
        let heading = shown.split("<h1").nth(1).unwrap().split_once('>').unwrap().1.split('<').next().unwrap();
        assert!(html.contains(&format!("<title>{heading} · Acme Notes</title>")), "{name}: {heading}");
    });
}

#[test]
fn every_form_carries_its_token_and_never_puts_it_in_an_address() {
    over_every_page(&brand(), EMAIL, "/", |name, html| {
        // The other host knows the browser by the secret of its state.
        if name == TO_ANOTHER_HOST {
            return;
        }
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("method=\"post\""), "{name}");
            let scripted = form.contains("id=\"form\"");
            let token =
                if scripted { "<meta name=\"csrf\" content=\"token\">" } else { "name=\"csrf\" value=\"token\"" };
            assert!(if scripted { html } else { form }.contains(token), "{name}");
        }
    });
}

#[test]
fn nothing_hostile_gets_out_of_its_place() {
    const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;";
    let brand = Brand::new(&HOSTILE[..HOSTILE.len() - 5]).unwrap();
    over_every_page(&brand, HOSTILE, &format!("/{HOSTILE}"), |name, html| {
        assert!(!html.contains("<script>") && !html.contains("<img src=x"), "{name}");
        assert!(!html.contains("\"'>"), "{name}");
        // What was escaped already is escaped again, so that it reads as it was written.
        assert!(!html.contains("alert(2)&gt;&amp;\""), "{name}");
    });
}

#[test]
fn a_hostile_address_is_shown_as_it_was_typed() {
    let page = english(|chrome| CodePage { email: "<b>@example.com", ..fresh_code() }.render(chrome));
    assert!(page.contains("<strong>&#60;b&#62;@example.com</strong>"), "{page}");
}

#[test]
fn a_protected_page_says_why_it_asks() {
    let sign_in = |return_to| english(|chrome| open_sign_in(return_to).render(chrome));
    says(&sign_in(Some("/notes")), "Please sign in to continue. Use your fingerprint, face or screen lock.");
    assert!(!text(&sign_in(None)).contains("Please sign in to continue."));
}

#[test]
fn the_way_back_survives_every_link_and_language() {
    let page = english(|chrome| open_sign_in(Some("/notes?id=7")).render(chrome));
    assert!(page.contains("href=\"/_bmauth/register?return_to=%2Fnotes%3Fid%3D7\""), "{page}");
    assert!(page.contains("href=\"/_bmauth/sign-in?return_to=%2Fnotes%3Fid%3D7&#38;lang=de\""), "{page}");
    assert!(page.contains("data-return-to=\"/notes?id=7\""), "{page}");
}

#[test]
fn new_accounts_are_offered_only_where_they_can_be_made() {
    let page = |registration| {
        let sign_in = english(|chrome| SignInPage { registration, ..open_sign_in(None) }.render(chrome));
        (sign_in, english(|chrome| RegisterPage { return_to: None, registration }.render(chrome)))
    };
    let (sign_in, register) = page(RegistrationOffer::Closed);
    assert!(!sign_in.contains("/_bmauth/register"), "{sign_in}");
    says(&register, "New accounts are closed.");
    assert!(!register.contains("<form") && register.contains("href=\"/_bmauth/sign-in\""), "{register}");
    for registration in [RegistrationOffer::Open, RegistrationOffer::Invite] {
        let (sign_in, register) = page(registration);
        assert!(sign_in.contains("/_bmauth/register") && register.contains("<form"), "{registration:?}");
        assert_eq!(register.contains("New accounts are by invitation."), registration == RegistrationOffer::Invite);
    }
}

#[test]
fn the_code_page_promises_no_code_where_there_may_be_none() {
    let code_for = CodePagePurpose::Registering { of_some: true };
    for (kind, sentence) in [
        (code::CodeKind::Digits, "If this address may have an account, the mail has a 6-digit code."),
        (code::CodeKind::Letters, "If this address may have an account, the mail has a code of 15 letters and digits."),
    ] {
        let page = CodePage { code_for, kind, ..fresh_code() };
        says(&english(|chrome| page.render(chrome)), sentence);
    }
}

#[test]
fn the_code_page_says_what_happened_last() {
    for (state, sentence) in [
        (CodeState::Fresh, "We sent a 6-digit code to maria@example.com. It works for 10 minutes."),
        (CodeState::Resent, "We sent you a new code."),
        (CodeState::Unreadable, "Enter the 6 digits from the mail."),
        (CodeState::Wrong { tries_left: 3 }, "That code is not right. Check the mail and try again. 3 tries left."),
        (CodeState::Wrong { tries_left: 1 }, "1 try left."),
        (CodeState::TooOld, "That code is too old."),
        (CodeState::UsedUp, "That code has been tried too many times."),
        (CodeState::Wait { seconds: 30 }, "You can ask for another code in 30 seconds."),
        (
            CodeState::Older { tries_left: 2 },
            "That is an older code. Enter the one from our newest mail. 2 tries left.",
        ),
        (CodeState::TooMany { wait: HOUR }, "You have asked for a code too often. Try again in 60 minutes."),
    ] {
        let page = english(|chrome| CodePage { state, ..fresh_code() }.render(chrome));
        says(&page, sentence);
    }
}

#[test]
fn the_code_page_has_the_browser_forget_what_came_to_nothing() {
    let code = |forget| {
        let state = CodeState::Fresh;
        english(|chrome| CodePage { forget, state, ..fresh_code() }.render(chrome))
    };
    let page = code(Some(Forget { rp_id: "example.com", ids: "AAAA BBBB" }));
    assert!(
        page.contains("data-rp=\"example.com\" data-forget=\"AAAA BBBB\"") && page.contains("/forget.js\""),
        "{page}"
    );
    assert!(!code(None).contains("forget.js"));
}

#[test]
fn a_mistake_takes_the_focus_and_news_does_not() {
    let code = |state| english(|chrome| CodePage { state, ..fresh_code() }.render(chrome));
    let wrong = code(CodeState::Wrong { tries_left: 2 });
    assert!(wrong.contains("role=\"alert\" tabindex=\"-1\" autofocus") && wrong.contains("aria-invalid=\"true\""));
    let resent = code(CodeState::Resent);
    assert!(!resent.contains("role=\"alert\"") && !resent.contains("aria-invalid"));
    for page in [wrong, resent] {
        assert_eq!(page.matches(" autofocus").count(), 1);
    }
}

fn refused(refusal: GateRefusal) -> RefusedPage<'static> {
    RefusedPage { refusal, details: RefusalDetails::default() }
}

#[test]
fn every_refusal_says_what_it_is_and_which_request_it_was() {
    for (refusal, status, heading) in [
        (GateRefusal::MalformedRequest("why"), 400, "We can't read that request"),
        (GateRefusal::Forbidden, 403, "You don't have access"),
        (GateRefusal::NotFound, 404, "There's no page here"),
        (GateRefusal::RegistrationEnded, 410, "We can't go on with this"),
        (GateRefusal::RecoveryEnded, 410, "We can't go on with this"),
        (GateRefusal::ContestEnded, 410, "We can't go on with this"),
        (GateRefusal::AskedOnly, 404, "The app is not reached this way"),
        (GateRefusal::Misdirected, 421, "We don't know this address"),
        (GateRefusal::TooManyTries, 429, "Too many tries"),
        (GateRefusal::Fault, 500, "Something went wrong"),
        (GateRefusal::UpstreamDown, 502, "Acme Notes isn't answering"),
        (GateRefusal::Unavailable, 503, "Signing in isn't working right now"),
        (GateRefusal::CookieLoop, 400, "Your browser isn't keeping our cookie"),
        (GateRefusal::RefusedForm, 403, "This form can't be used any more"),
    ] {
        assert_eq!(refusal.status().as_u16(), status);
        let page = english(|chrome| refused(refusal).render(chrome));
        says(&page, heading);
        says(&page, "Request 0199f0c2");
    }
}

#[test]
fn whom_the_page_without_access_names_is_offered_to_use_another_account() {
    let details = RefusalDetails { email: Some(EMAIL), ..RefusalDetails::default() };
    let page = english(|chrome| RefusedPage { refusal: GateRefusal::Forbidden, details }.render(chrome));
    says(&page, "You don't have access");
    assert!(page.contains("href=\"/_bmauth/sign-out?another\""), "{page}");
    // Another refusal says nothing of who is signed in.
    let page = english(|chrome| RefusedPage { refusal: GateRefusal::ForeignOrigin, details }.render(chrome));
    assert!(!page.contains(EMAIL) && !page.contains("href=\"/_bmauth/sign-out"), "{page}");
}

#[test]
fn the_current_language_is_marked() {
    let page = english(|chrome| SignedOutPage { return_to: None }.render(chrome));
    assert!(page.contains("<html lang=\"en\" dir=\"ltr\">"));
    assert!(page.contains("lang=\"en\" hreflang=\"en\" aria-current=\"true\">English</a>"), "{page}");
    assert!(page.contains("lang=\"de\" hreflang=\"de\">Deutsch</a>"), "{page}");
}

#[test]
fn what_the_operator_switched_off_is_not_offered() {
    let sign_in =
        |link, recover| english(|chrome| SignInPage { link, recover, ..open_sign_in(Some("/a")) }.render(chrome));
    let both = sign_in(true, true);
    // On the page, where this device was of no help, and where a passkey is of no account.
    assert_eq!(both.matches("href=\"/_bmauth/link/start?return_to=%2Fa\"").count(), 3);
    assert_eq!(both.matches("href=\"/_bmauth/recover?return_to=%2Fa\"").count(), 3);
    assert!(!sign_in(false, true).contains("/_bmauth/link") && !sign_in(true, false).contains("/_bmauth/recover"));
    let start = |recover| LinkStartPage {
        return_to: None,
        kind: DeviceKind::Computer,
        address: "notes.example.com/link",
        recover,
    };
    says(&english(|chrome| start(true).render(chrome)), "Can't approve?");
    assert!(!english(|chrome| start(false).render(chrome)).contains("/_bmauth/recover"));
}

#[test]
fn a_new_device_is_told_where_to_go() {
    let start = |kind| {
        let page = LinkStartPage { return_to: None, kind, address: "notes.example.com/link", recover: true };
        english(|chrome| page.render(chrome))
    };
    for kind in [DeviceKind::Computer, DeviceKind::Phone] {
        let page = start(kind);
        // It is asked first, and nothing else is on that page.
        let (first, faces) = page.split_once("<template").unwrap();
        says(first, "Where are you signed in now? On a phone or tablet On a computer");
        assert!(!first.contains("class=\"qr\"") && !first.contains("id=\"code\""), "{kind:?}");
        says(faces, "Scan this with your phone or tablet: or On that device, go to notes.example.com/link and enter");
        let scans = "To sign in, go to notes.example.com/link on your already-registered computer.";
        assert_eq!(text(faces).contains(scans), kind == DeviceKind::Phone, "only a phone is held before a screen");
        // The two directions never stand on one face.
        for face in faces.split("<template").filter(|face| face.contains("class=\"qr\"")) {
            assert!(!face.contains("id=\"code\""), "{face}");
        }
    }
}

#[test]
fn who_is_signed_out_signs_in_before_offering_a_code() {
    let link = |signed_in| english(|chrome| LinkPage { signed_in, path: "/link", recover: false }.render(chrome));
    assert!(link(false).contains("data-sign-in=\"/_bmauth/sign-in?return_to=%2Flink\""));
    assert!(!link(true).contains("data-sign-in="));
}

#[test]
fn how_long_ago_is_told_in_whole_minutes() {
    let words = Words::new(Language::English, "Acme Notes");
    for (seconds, said) in [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (299, "4 minutes ago")] {
        assert_eq!(ago(words, seconds), said);
    }
}

#[test]
fn recovery_says_how_it_works_here() {
    for (mode, sentence, button) in [
        (RecoverPageMode::Email, "We'll email you a code. Then you set up this device.", "Email me a code"),
        (RecoverPageMode::Delayed, "After a while you can set up this device.", "Email me a code"),
        (RecoverPageMode::Admin, "Ask whoever runs Acme Notes for a code.", "Continue"),
    ] {
        let page = RecoverPage { mode, email: "", return_to: Some("/a"), state: RecoverState::Fresh };
        let page = english(|chrome| page.render(chrome));
        says(&page, sentence);
        says(&page, button);
        assert!(page.contains("name=\"return_to\" value=\"/a\"") && page.contains("action=\"/_bmauth/recover\""));
    }
    let off = RecoverPage { mode: RecoverPageMode::Off, email: "", return_to: None, state: RecoverState::Fresh };
    assert!(!english(|chrome| off.render(chrome)).contains("<form"));
}

#[test]
fn the_code_page_of_a_recovery_tells_nothing_about_the_account() {
    let code = |way| {
        let page = CodePage { code_for: CodePagePurpose::GettingBackIn(way), ..fresh_code() };
        english(|chrome| page.render(chrome))
    };
    says(&code(CodeDelivery::Mail), "If that account exists, we sent a 6-digit code to maria@example.com.");
    assert!(code(CodeDelivery::Mail).contains("action=\"/_bmauth/recover/code/resend\""));
    says(&code(CodeDelivery::Hand), "Enter the code you were given for maria@example.com.");
    assert!(!code(CodeDelivery::Hand).contains("/resend"));
    says(
        &code(CodeDelivery::HandForMail),
        "Our mail server can't write to maria@example.com. Ask whoever runs Acme Notes for a code,",
    );
    assert!(!code(CodeDelivery::HandForMail).contains("/resend"));
    for page in [code(CodeDelivery::Mail), code(CodeDelivery::Hand), code(CodeDelivery::HandForMail)] {
        assert!(page.contains("action=\"/_bmauth/recover/code\""));
    }
}

#[test]
fn a_code_of_letters_is_asked_for_as_one() {
    for (code_for, lead) in [
        (
            CodePagePurpose::Registering { of_some: false },
            "We sent a code of 15 letters and digits to maria@example.com.",
        ),
        (
            CodePagePurpose::GettingBackIn(CodeDelivery::Mail),
            "If that account exists, we sent a code of 15 letters and digits to",
        ),
    ] {
        let page = |state| {
            let kind = code::CodeKind::Letters;
            let page = CodePage { code_for, kind, state, ..fresh_code() };
            english(|chrome| page.render(chrome))
        };
        let fresh = page(CodeState::Fresh);
        says(&fresh, lead);
        says(&fresh, "Code from the mail");
        assert!(!fresh.contains("inputmode=\"numeric\"") && fresh.contains("autocomplete=\"one-time-code\""));
        says(&page(CodeState::Unreadable), "Enter the 15 letters and digits from the mail.");
    }
}

#[test]
fn a_code_that_was_handed_out_is_not_looked_for_in_the_mail() {
    for (state, sentence) in [
        (CodeState::Unreadable, "Enter the code you were given."),
        (CodeState::Wrong { tries_left: 2 }, "That code is not right. Check it and try again. 2 tries left."),
        (CodeState::TooOld, "That code no longer works. Ask whoever runs Acme Notes for a new one."),
        (CodeState::UsedUp, "That code no longer works."),
        (CodeState::TooMany { wait: HOUR }, "Please try again in 60 minutes."),
    ] {
        let page = CodePage { code_for: CodePagePurpose::GettingBackIn(CodeDelivery::Hand), state, ..fresh_code() };
        let page = english(|chrome| page.render(chrome));
        says(&page, sentence);
        assert!(!text(&page).contains("mail and"), "{state:?}");
    }
}

#[test]
fn a_held_recovery_says_when_it_can_be_finished() {
    let page = english(|chrome| RecoverHeldPage { until: AT }.render(chrome));
    says(&page, "You can finish on 23 Nov at 09:40 UTC. We told your other devices.");
    assert!(page.contains("<time datetime=\"2026-11-23T09:40:00Z\" data-time=\"minute\">"));
}

#[test]
fn the_review_asks_for_each_older_passkey() {
    let page =
        english(|chrome| ReviewPage { passkeys: devices(EMAIL).passkeys, return_to: None, now: AT }.render(chrome));
    assert_eq!(page.matches("type=\"checkbox\" name=\"passkey\" value=\"AQID\"").count(), 2);
    for choice in ["remove", "keep"] {
        assert!(page.contains(&format!("name=\"choice\" value=\"{choice}\"")), "{choice}");
    }
}

#[test]
fn devices_say_where_each_passkey_is_and_which_one_is_here() {
    let page = english(|chrome| devices(EMAIL).render(chrome));
    says(
        &page,
        "This device Saved in your password manager Made in Edge on Windows Last used 23 Nov 2026 · Added 23 Nov 2026",
    );
    says(&page, "Windows Hello · Only on that device Made in Edge on Windows Not used yet · Added 23 Nov 2026");
    says(&page, "This browser auth.example.com, notes.example.com maria@example.com · Last seen 23 Nov at 09:40 UTC");
    assert_eq!(page.matches(">This device<").count(), 1);
    assert_eq!(page.matches("data-passkey=\"AQID\"").count(), 2);
    says(&page, "Passkey refused: it looked copied 23 Nov at 09:40 UTC");
}

#[test]
fn what_was_lately_is_told_with_its_time() {
    let now = AT.after(Duration::from_secs(6 * 24 * 3600));
    let page = english(|chrome| DevicesPage { now, ..devices(EMAIL) }.render(chrome));
    says(&page, "Last used 23 Nov at 09:40 UTC · Added 23 Nov at 09:40 UTC");
    let [early, late] = [AT, now].map(|now| {
        english(|chrome| ReviewPage { passkeys: devices(EMAIL).passkeys, return_to: None, now }.render(chrome))
    });
    assert!(early.contains("data-time=\"minute\"") && late.contains("data-time=\"minute\""));
    let later = english(|chrome| devices(EMAIL).render(chrome));
    let passkeys = later.split("</ul>").next().unwrap();
    assert!(passkeys.contains("data-time=\"day\"") && !passkeys.split("<ul>").nth(1).unwrap().contains("minute"));
}

#[test]
fn a_passkey_is_explained_before_the_dialog_and_where_one_signs_in() {
    for registration in [RegistrationOffer::Open, RegistrationOffer::Invite] {
        let register = english(|chrome| RegisterPage { return_to: None, registration }.render(chrome));
        let shown = register.split("<template").next().unwrap();
        says(shown, "This is called a passkey. It stays with your device.");
        let sign_in = english(|chrome| SignInPage { registration, ..open_sign_in(None) }.render(chrome));
        says(&sign_in, "What is a passkey? A passkey takes the place of a password.");
        assert!(sign_in.contains("<svg class=\"sign\"") && sign_in.contains("aria-hidden=\"true\""));
        // On the page, where this device was of no help, and where a passkey is of no account.
        assert_eq!(text(&sign_in).matches("New here? Create an account").count(), 3);
    }
}

#[test]
fn the_code_page_says_who_the_mail_is_from() {
    let code = |code_for| {
        let (kind, state) = (code::CodeKind::Digits, CodeState::Fresh);
        let page = CodePage { code_for, kind, state, ..fresh_code() };
        english(|chrome| page.render(chrome))
    };
    let sentence = "The mail comes from no-reply@example.com. If you don't see it, look in your spam folder.";
    says(&code(CodePagePurpose::Registering { of_some: false }), sentence);
    says(&code(CodePagePurpose::GettingBackIn(CodeDelivery::Mail)), sentence);
    assert!(!code(CodePagePurpose::GettingBackIn(CodeDelivery::Hand)).contains("no-reply@"), "no mail brings it");
}

#[test]
fn a_person_without_access_may_come_as_another_ask_or_open_what_is_theirs() {
    let brand = brand().with_support_url("https://example.com/help".parse().unwrap());
    let assets = Assets::new(&brand);
    let chrome = Chrome {
        language: Language::English,
        brand: &brand,
        assets: &assets,
        csrf: "token",
        request_id: "0199f0c2",
        inside_app: false,
    };
    let bare = RefusalDetails { email: Some(EMAIL), return_to: Some("/a?b"), ..RefusalDetails::default() };
    let page = |details| RefusedPage { refusal: GateRefusal::Forbidden, details }.render(&chrome);
    let with_apps = page(RefusalDetails { has_apps: true, ..bare });
    assert!(
        with_apps.contains("class=\"main\" href=\"/_bmauth/sign-out?another&#38;return_to=%2Fa%3Fb\""),
        "{with_apps}"
    );
    says(&with_apps, "Use another account Ask for access Your apps");
    assert!(with_apps.contains("href=\"https://example.com/help\">Ask for access"));
    assert!(with_apps.contains("href=\"/_bmauth/apps\"") && !text(&with_apps).contains("Try again"));
    assert!(!page(bare).contains("/_bmauth/apps"));
}

#[test]
fn the_operators_links_are_at_the_foot_of_every_page() {
    let link = |text: &str, url: &str| FooterLink::new(text, url.parse().unwrap()).unwrap();
    let links = vec![link("Imprint", "https://example.com/imprint"), link("<b>&", "mailto:data@example.com")];
    over_every_page(&brand().with_links(links).unwrap(), EMAIL, "/", |name, html| {
        let foot = html.split("<footer>").nth(1).unwrap();
        assert!(foot.contains("<a href=\"https://example.com/imprint\">Imprint</a>"), "{name}");
        assert!(foot.contains("<a href=\"mailto:data@example.com\">&#60;b&#62;&#38;</a>"), "{name}");
    });
}

#[test]
fn a_waiting_recovery_can_be_stopped_on_every_device() {
    let held = english(|chrome| devices(EMAIL).render(chrome));
    says(&held, "They can finish on 23 Nov at 09:40 UTC. If it wasn't you, stop it.");
    assert!(held.contains("data-do=\"stop-recovery\""));
    let calm = english(|chrome| DevicesPage { hold: None, ..devices(EMAIL) }.render(chrome));
    assert!(!calm.contains("hold/cancel"));
}
