use super::Registration;
use super::apps::{AppRow, Apps};
use super::chrome::Chrome;
use super::code::{Code, CodeFor, CodeState, Forget};
use super::contest::Contest;
use super::devices::{Devices, EventRow, HoldRow, PasskeyRow, SessionRow};
use super::faster::Faster;
use super::hand_off::{ConfirmHandOff, LeadOn};
use super::link::{Kind, Link, LinkStart, ago};
use super::recover::{Mode, Recover, RecoverHeld, RecoverState};
use super::recover_cancel::RecoverCancel;
use super::refused::Refused;
use super::register::Register;
use super::review::Review;
use super::set_up::SetUpDevice;
use super::sign_in::SignIn;
use super::sign_out::{SignOut, SignedOut};
use crate::domain::activity::What;
use crate::domain::brand::Brand;
use crate::domain::clock::Timestamp;
use crate::domain::code;
use crate::domain::host::Host;
use crate::domain::language::Language;
use crate::gate::refusal::{GateRefusal, RefusalDetails};
use crate::portal::assets::Assets;
use crate::wording::Words;

const EMAIL: &str = "maria@example.com";

/// Every page in every state, by name.
fn every_page(chrome: &Chrome<'_>, email: &str, return_to: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for registration in [Registration::Open, Registration::Invite, Registration::Closed] {
        for return_to in [None, Some(return_to)] {
            let name = format!("{registration:?} {return_to:?}");
            let both = registration == Registration::Open;
            let sign_in = SignIn { return_to, registration, link: both, recover: both };
            pages.push((format!("sign-in {name}"), sign_in.render(chrome)));
            pages.push((format!("register {name}"), Register { return_to, registration }.render(chrome)));
        }
    }
    for state in [
        CodeState::Fresh,
        CodeState::Resent,
        CodeState::Unreadable,
        CodeState::Wrong { tries_left: 3 },
        CodeState::TooOld,
        CodeState::UsedUp,
        CodeState::Wait { seconds: 30 },
        CodeState::TooMany,
    ] {
        let page = Code {
            code_for: CodeFor::Registering { of_some: false },
            email,
            return_to: Some(return_to),
            kind: code::Kind::Digits,
            forget: None,
            state,
        };
        pages.push((format!("code {state:?}"), page.render(chrome)));
        for (by_hand, kind) in [(false, code::Kind::Digits), (true, code::Kind::Digits), (false, code::Kind::Letters)] {
            let page = Code {
                code_for: CodeFor::GettingBackIn { by_hand },
                email,
                return_to: Some(return_to),
                kind,
                forget: None,
                state,
            };
            pages.push((format!("recover code {state:?} {by_hand} {kind:?}"), page.render(chrome)));
        }
    }
    pages.extend(link_pages(chrome, email, return_to));
    pages.extend(recover_pages(chrome, email, return_to));
    pages.push(("devices".to_owned(), devices(email).render(chrome)));
    let here = Devices { apps: true, ..devices(email) };
    pages.push(("devices without an app".to_owned(), here.render(chrome)));
    for apps in [Vec::new(), vec![AppRow { name: email.to_owned(), address: return_to.to_owned() }]] {
        pages.push((format!("apps {apps:?}"), Apps { email, apps }.render(chrome)));
    }
    pages.push(("faster".to_owned(), Faster { return_to }.render(chrome)));
    for clears in [false, true] {
        pages.push((
            format!("sign-out, clears {clears}"),
            SignOut { email, return_to, everywhere: clears, clears }.render(chrome),
        ));
    }
    let (code, state) = ("AAAA", "7");
    pages.push(("hand-off/confirm".to_owned(), ConfirmHandOff { email, code, state, return_to }.render(chrome)));
    let host = &Host::parse("wiki.example.com").unwrap();
    pages.push(("lead-on".to_owned(), LeadOn { host, url: return_to }.render(chrome)));
    pages.push(("signed-out".to_owned(), SignedOut { return_to: Some(return_to) }.render(chrome)));
    for refused in every_refusal(email) {
        pages.push((format!("{refused:?}"), refused.render(chrome)));
    }
    pages
}

fn link_pages(chrome: &Chrome<'_>, text: &str, return_to: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for recover in [false, true] {
        for kind in [Kind::Computer, Kind::Phone] {
            let page = LinkStart { return_to: Some(return_to), kind, address: text, recover };
            pages.push((format!("link/start {kind:?} {recover}"), page.render(chrome)));
        }
        for signed_in in [false, true] {
            let page = Link { signed_in, path: return_to, recover };
            pages.push((format!("link {signed_in} {recover}"), page.render(chrome)));
        }
    }
    pages
}

fn recover_pages(chrome: &Chrome<'_>, email: &str, return_to: &str) -> Vec<(String, String)> {
    let mut pages = vec![
        ("recover/device".to_owned(), SetUpDevice.render(chrome)),
        ("recover/held".to_owned(), RecoverHeld { until: AT }.render(chrome)),
        (
            "recover/review".to_owned(),
            Review { passkeys: devices(email).passkeys, return_to: Some("/a") }.render(chrome),
        ),
    ];
    for mode in [Mode::Email, Mode::Delayed, Mode::Admin, Mode::Off] {
        for state in [RecoverState::Fresh, RecoverState::InvalidEmail, RecoverState::TooMany] {
            let page = Recover { mode, email, return_to: Some(return_to), state };
            pages.push((format!("recover {mode:?} {state:?}"), page.render(chrome)));
        }
    }
    for (by_hand, is_again, is_stopped) in
        [(false, false, false), (false, true, false), (false, false, true), (true, true, false)]
    {
        let page = Contest { question: "q", email, by_hand, browser: email, recovered_at: AT, is_again, is_stopped };
        pages.push((format!("contest {by_hand} {is_again} {is_stopped}"), page.render(chrome)));
    }
    for page in [RecoverCancel::Ask, RecoverCancel::Done, RecoverCancel::Gone] {
        pages.push((format!("recover/cancel {page:?}"), page.render(chrome)));
    }
    pages
}

/// Of 23 November 2026, 09:40 UTC.
const AT: Timestamp = Timestamp::from_unix(1_795_426_800);

/// An account that has one of everything, named `text` throughout.
fn devices(text: &str) -> Devices<'_> {
    let local = PasskeyRow {
        id: "AQID",
        title: text,
        provider: "Windows Hello",
        synced: false,
        added: AT,
        last_used: None,
        this_device: false,
    };
    Devices {
        email: text,
        passkeys: vec![
            PasskeyRow { synced: true, provider: text, last_used: Some(AT), this_device: true, ..local },
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
    }
}

/// Every refusal that has a page, and those whose page says more where more is known.
fn every_refusal(email: &str) -> Vec<Refused<'_>> {
    let bare = RefusalDetails::default();
    let mut all: Vec<Refused<'_>> =
        GateRefusal::all().into_iter().map(|refusal| Refused { refusal, details: bare }).collect();
    all.push(Refused { refusal: GateRefusal::Forbidden, details: RefusalDetails { email: Some(email), ..bare } });
    let details = RefusalDetails { retry: Some("/_bmauth/sign-out"), ..bare };
    all.push(Refused { refusal: GateRefusal::RefusedForm, details });
    all
}

fn open_sign_in(return_to: Option<&str>) -> SignIn<'_> {
    SignIn { return_to, registration: Registration::Open, link: true, recover: true }
}

fn brand() -> Brand {
    Brand::new("Acme Notes").unwrap()
}

/// Runs `check` over every page in every language.
fn over_every_page(brand: &Brand, email: &str, return_to: &str, check: impl Fn(&str, &str)) {
    let assets = Assets::new(brand);
    for language in Language::ALL {
        let chrome = Chrome { language, brand, assets: &assets, csrf: "token", request_id: "0199f0c2" };
        for (name, html) in every_page(&chrome, email, return_to) {
            check(&name, &html);
        }
    }
}

fn english(render: impl Fn(&Chrome<'_>) -> String) -> String {
    let brand = brand();
    let assets = Assets::new(&brand);
    let chrome =
        Chrome { language: Language::English, brand: &brand, assets: &assets, csrf: "token", request_id: "0199f0c2" };
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

#[test]
fn every_page_is_small() {
    let brand = brand().with_support_url("https://example.com/help".parse().unwrap());
    over_every_page(&brand, EMAIL, "/notes/2026?view=all", |name, html| {
        // What a page lists comes on top.
        let most = 6 * 1024 + html.matches(" class=\"row").count() * 800;
        assert!(html.len() <= most, "{name}: {} bytes", html.len());
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
fn every_page_asks_nobody_else() {
    over_every_page(&brand(), EMAIL, "/", |name, html| {
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
    let page = english(|chrome| {
        Code {
            code_for: CodeFor::Registering { of_some: false },
            email: "<b>@example.com",
            return_to: None,
            kind: code::Kind::Digits,
            forget: None,
            state: CodeState::Fresh,
        }
        .render(chrome)
    });
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
        let sign_in = english(|chrome| SignIn { registration, ..open_sign_in(None) }.render(chrome));
        (sign_in, english(|chrome| Register { return_to: None, registration }.render(chrome)))
    };
    let (sign_in, register) = page(Registration::Closed);
    assert!(!sign_in.contains("/_bmauth/register"), "{sign_in}");
    says(&register, "New accounts are closed.");
    assert!(!register.contains("<form") && register.contains("href=\"/_bmauth/sign-in\""), "{register}");
    for registration in [Registration::Open, Registration::Invite] {
        let (sign_in, register) = page(registration);
        assert!(sign_in.contains("/_bmauth/register") && register.contains("<form"), "{registration:?}");
        assert_eq!(register.contains("New accounts are by invitation."), registration == Registration::Invite);
    }
}

#[test]
fn the_code_page_promises_no_code_where_there_may_be_none() {
    let code_for = CodeFor::Registering { of_some: true };
    for (kind, sentence) in [
        (code::Kind::Digits, "If this address may have an account, the mail has a 6-digit code."),
        (code::Kind::Letters, "If this address may have an account, the mail has a code of 15 letters and digits."),
    ] {
        let page = Code { code_for, email: EMAIL, return_to: None, kind, forget: None, state: CodeState::Fresh };
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
        (CodeState::TooMany, "You have asked for a code too often."),
    ] {
        let page = english(|chrome| {
            Code {
                code_for: CodeFor::Registering { of_some: false },
                email: EMAIL,
                return_to: None,
                kind: code::Kind::Digits,
                forget: None,
                state,
            }
            .render(chrome)
        });
        says(&page, sentence);
    }
}

#[test]
fn the_code_page_has_the_browser_forget_what_came_to_nothing() {
    let code = |forget| {
        let state = CodeState::Fresh;
        english(|chrome| {
            Code {
                code_for: CodeFor::Registering { of_some: false },
                email: EMAIL,
                return_to: None,
                kind: code::Kind::Digits,
                forget,
                state,
            }
            .render(chrome)
        })
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
    let code = |state| {
        english(|chrome| {
            Code {
                code_for: CodeFor::Registering { of_some: false },
                email: EMAIL,
                return_to: None,
                kind: code::Kind::Digits,
                forget: None,
                state,
            }
            .render(chrome)
        })
    };
    let wrong = code(CodeState::Wrong { tries_left: 2 });
    assert!(wrong.contains("role=\"alert\" tabindex=\"-1\" autofocus") && wrong.contains("aria-invalid=\"true\""));
    let resent = code(CodeState::Resent);
    assert!(!resent.contains("role=\"alert\"") && !resent.contains("aria-invalid"));
    for page in [wrong, resent] {
        assert_eq!(page.matches(" autofocus").count(), 1);
    }
}

fn refused(refusal: GateRefusal) -> Refused<'static> {
    Refused { refusal, details: RefusalDetails::default() }
}

#[test]
fn every_refusal_says_what_it_is_and_which_request_it_was() {
    for (refusal, status, heading) in [
        (GateRefusal::MalformedRequest("why"), 400, "We can't read that request"),
        (GateRefusal::Forbidden, 403, "You don't have access"),
        (GateRefusal::NotFound, 404, "There's no page here"),
        (GateRefusal::RegistrationEnded, 410, "This took too long"),
        (GateRefusal::RecoveryEnded, 410, "This took too long"),
        (GateRefusal::ContestEnded, 410, "This took too long"),
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
fn whom_the_page_without_access_names_is_offered_to_sign_out() {
    let details = RefusalDetails { email: Some(EMAIL), ..RefusalDetails::default() };
    let page = english(|chrome| Refused { refusal: GateRefusal::Forbidden, details }.render(chrome));
    says(&page, "You don't have access");
    assert!(page.contains("href=\"/_bmauth/sign-out\""), "{page}");
    // Another refusal says nothing of who is signed in.
    let page = english(|chrome| Refused { refusal: GateRefusal::ForeignOrigin, details }.render(chrome));
    assert!(!page.contains(EMAIL) && !page.contains("href=\"/_bmauth/sign-out\""), "{page}");
}

#[test]
fn the_current_language_is_marked() {
    let page = english(|chrome| SignedOut { return_to: None }.render(chrome));
    assert!(page.contains("<html lang=\"en\" dir=\"ltr\">"));
    assert!(page.contains("lang=\"en\" hreflang=\"en\" aria-current=\"true\">English</a>"), "{page}");
    assert!(page.contains("lang=\"de\" hreflang=\"de\">Deutsch</a>"), "{page}");
}

#[test]
fn what_the_operator_switched_off_is_not_offered() {
    let sign_in = |link, recover| english(|chrome| SignIn { link, recover, ..open_sign_in(Some("/a")) }.render(chrome));
    let both = sign_in(true, true);
    // On the page, where this device was of no help, and where a passkey is nobody's.
    assert_eq!(both.matches("href=\"/_bmauth/link/start?return_to=%2Fa\"").count(), 3);
    assert_eq!(both.matches("href=\"/_bmauth/recover?return_to=%2Fa\"").count(), 3);
    assert!(!sign_in(false, true).contains("/_bmauth/link") && !sign_in(true, false).contains("/_bmauth/recover"));
    let start =
        |recover| LinkStart { return_to: None, kind: Kind::Computer, address: "notes.example.com/link", recover };
    says(&english(|chrome| start(true).render(chrome)), "Can't approve?");
    assert!(!english(|chrome| start(false).render(chrome)).contains("/_bmauth/recover"));
}

#[test]
fn a_new_device_is_told_where_to_go() {
    let start = |kind| {
        let page = LinkStart { return_to: None, kind, address: "notes.example.com/link", recover: true };
        english(|chrome| page.render(chrome))
    };
    for (kind, first) in [
        (Kind::Computer, "Scan this with your phone or tablet: or go to notes.example.com/link and enter"),
        (
            Kind::Phone,
            "To sign in, go to notes.example.com/link on your already-registered computer. Scan the code it shows",
        ),
    ] {
        let page = start(kind);
        says(page.split("<template").next().unwrap(), first);
    }
}

#[test]
fn who_is_signed_out_signs_in_before_offering_a_code() {
    let link = |signed_in| english(|chrome| Link { signed_in, path: "/link", recover: false }.render(chrome));
    assert!(link(false).contains("data-sign-in=\"/_bmauth/sign-in?return_to=%2Flink\""));
    assert!(!link(true).contains("data-sign-in="));
}

#[test]
fn the_countdown_has_a_sentence_for_each_minute() {
    let page = english(|chrome| Link { signed_in: true, path: "/link", recover: false }.render(chrome));
    let left = page.split("data-left=\"").nth(1).unwrap().split('"').next().unwrap();
    let sentences: Vec<_> = left.split('|').collect();
    assert_eq!(sentences.len(), 5);
    assert_eq!(sentences[0], "Waiting… 1 minute left");
    assert_eq!(sentences[4], "Waiting… 5 minutes left");
}

#[test]
fn the_end_of_a_link_is_a_heading_and_a_text() {
    let brand = brand();
    let assets = Assets::new(&brand);
    for language in Language::ALL {
        let chrome = Chrome { language, brand: &brand, assets: &assets, csrf: "token", request_id: "" };
        let page = Link { signed_in: true, path: "/link", recover: false }.render(&chrome);
        for end in ["denied", "too-old", "numbers-spent", "turned-down"] {
            let words = page.split(&format!("data-{end}=\"")).nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(words.matches('|').count(), 1, "{end}: {words}");
        }
    }
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
        (Mode::Email, "We'll email you a code. Then you set up this device.", "Email me a code"),
        (Mode::Delayed, "After a while you can set up this device.", "Email me a code"),
        (Mode::Admin, "Ask whoever runs Acme Notes for a code.", "Continue"),
    ] {
        let page = Recover { mode, email: "", return_to: Some("/a"), state: RecoverState::Fresh };
        let page = english(|chrome| page.render(chrome));
        says(&page, sentence);
        says(&page, button);
        assert!(page.contains("name=\"return_to\" value=\"/a\"") && page.contains("action=\"/_bmauth/recover\""));
    }
    let off = Recover { mode: Mode::Off, email: "", return_to: None, state: RecoverState::Fresh };
    assert!(!english(|chrome| off.render(chrome)).contains("<form"));
}

#[test]
fn the_code_page_of_a_recovery_tells_nothing_about_the_account() {
    let code = |by_hand| {
        let page = Code {
            code_for: CodeFor::GettingBackIn { by_hand },
            email: EMAIL,
            return_to: None,
            kind: code::Kind::Digits,
            forget: None,
            state: CodeState::Fresh,
        };
        english(|chrome| page.render(chrome))
    };
    says(&code(false), "If that account exists, we sent a 6-digit code to maria@example.com.");
    assert!(code(false).contains("action=\"/_bmauth/recover/code/resend\""));
    says(&code(true), "Enter the code you were given for maria@example.com.");
    assert!(!code(true).contains("/resend"));
    for page in [code(false), code(true)] {
        assert!(page.contains("action=\"/_bmauth/recover/code\""));
    }
}

#[test]
fn a_code_of_letters_is_asked_for_as_one() {
    for (code_for, lead) in [
        (CodeFor::Registering { of_some: false }, "We sent a code of 15 letters and digits to maria@example.com."),
        (
            CodeFor::GettingBackIn { by_hand: false },
            "If that account exists, we sent a code of 15 letters and digits to",
        ),
    ] {
        let page = |state| {
            let kind = code::Kind::Letters;
            let page = Code { code_for, email: EMAIL, return_to: None, kind, forget: None, state };
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
        (CodeState::TooMany, "Please wait a little, then try again."),
    ] {
        let page = Code {
            code_for: CodeFor::GettingBackIn { by_hand: true },
            email: EMAIL,
            return_to: None,
            kind: code::Kind::Digits,
            forget: None,
            state,
        };
        let page = english(|chrome| page.render(chrome));
        says(&page, sentence);
        assert!(!text(&page).contains("mail and"), "{state:?}");
    }
}

#[test]
fn a_held_recovery_says_when_it_can_be_finished() {
    let page = english(|chrome| RecoverHeld { until: AT }.render(chrome));
    says(&page, "You can finish on 23 Nov at 09:40 UTC. We told your other devices.");
    assert!(page.contains("<time datetime=\"2026-11-23T09:40:00Z\" data-time=\"minute\">"));
}

#[test]
fn the_review_asks_for_each_older_passkey() {
    let page = english(|chrome| Review { passkeys: devices(EMAIL).passkeys, return_to: None }.render(chrome));
    assert_eq!(page.matches("type=\"checkbox\" name=\"passkey\" value=\"AQID\"").count(), 2);
    for choice in ["remove", "keep"] {
        assert!(page.contains(&format!("name=\"choice\" value=\"{choice}\"")), "{choice}");
    }
}

#[test]
fn devices_say_where_each_passkey_is_and_which_one_is_here() {
    let page = english(|chrome| devices(EMAIL).render(chrome));
    says(&page, "This device Saved in your password manager Added 23 Nov 2026 · Last used 23 Nov 2026");
    says(&page, "Windows Hello · Only on that device Added 23 Nov 2026 · Not used yet");
    says(&page, "This browser auth.example.com, notes.example.com maria@example.com · Last seen 23 Nov at 09:40 UTC");
    assert_eq!(page.matches(">This device<").count(), 1);
    assert_eq!(page.matches("data-passkey=\"AQID\"").count(), 2);
    says(&page, "Passkey refused: it looked copied 23 Nov at 09:40 UTC");
}

#[test]
fn a_waiting_recovery_can_be_stopped_on_every_device() {
    let held = english(|chrome| devices(EMAIL).render(chrome));
    says(&held, "They can finish on 23 Nov at 09:40 UTC. If it wasn't you, stop it.");
    assert!(held.contains("data-do=\"stop-recovery\""));
    let calm = english(|chrome| Devices { hold: None, ..devices(EMAIL) }.render(chrome));
    assert!(!calm.contains("hold/cancel"));
}
