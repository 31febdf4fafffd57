use super::*;

const WHEN: &str = "21 November 2026, 14:05 UTC";
const BROWSER: &str = "Firefox on Windows";

fn brand() -> Brand {
    Brand::new("Acme Notes").unwrap()
}

const UNDO: &str = "https://notes.example.com/_bmauth/devices";

fn every_letter(language: Language, brand: &Brand, browser: &str) -> [Rendered; 23] {
    let code = |purpose| CodeLetter { purpose, code: "482 139", when: WHEN, browser }.render(language, brand);
    let notice = |told| NoticeLetter { told, when: WHEN, browser, undo_url: UNDO }.render(language, brand);
    let passkey = "1Password";
    [
        code(CodeLetterPurpose::Registration),
        AlreadyRegistered { when: WHEN, browser, sign_in_url: "https://notes.example.com/_bmauth/sign-in" }
            .render(language, brand),
        Welcome { when: WHEN, browser, app_url: "https://notes.example.com/" }.render(language, brand),
        code(CodeLetterPurpose::Recovery),
        notice(NoticeEvent::RecoveryHeld { until: "28 November 2026, 14:05 UTC" }),
        notice(NoticeEvent::RecoveryDone),
        notice(NoticeEvent::RecoveryCancelled),
        notice(NoticeEvent::RecoveryContested),
        notice(NoticeEvent::RecoveryUndone),
        notice(NoticeEvent::CodesTried),
        notice(NoticeEvent::AccountDeleted),
        code(CodeLetterPurpose::Address),
        notice(NoticeEvent::AddressWanted),
        notice(NoticeEvent::AddressKept),
        notice(NoticeEvent::AddressChanged { until: "28 November 2026, 14:05 UTC" }),
        notice(NoticeEvent::AddressRestored),
        notice(NoticeEvent::AskOperator),
        NotInvited { when: WHEN, browser }.render(language, brand),
        notice(NoticeEvent::PasskeyAdded { passkey }),
        notice(NoticeEvent::MorePasskeysAdded),
        notice(NoticeEvent::PasskeyRemoved { passkey }),
        notice(NoticeEvent::PasskeyCopied { passkey }),
        notice(NoticeEvent::PasskeyMoved { passkey }),
    ]
}

#[test]
fn the_code_stands_first_in_the_subject() {
    let [code, ..] = every_letter(Language::English, &brand(), BROWSER);
    assert_eq!(code.subject, "482 139 is your Acme Notes code");
    let [code, ..] = every_letter(Language::German, &brand(), BROWSER);
    assert_eq!(code.subject, "482 139 ist Ihr Code für Acme Notes");
}

#[test]
fn the_text_of_the_code_letter_is_whole() {
    let [code, ..] = every_letter(Language::English, &brand(), BROWSER);
    assert_eq!(
        code.text,
        "Hello,

Enter this code to finish creating your account with Acme Notes:

    482 139

It works for 10 minutes, in the browser where you asked for it. We never ask for it by phone or chat.

When: 21 November 2026, 14:05 UTC
Browser: Firefox on Windows

Not you? If you didn't ask for this, ignore this mail. Without the code, nothing happens.

-- 
Acme Notes
"
    );
}

#[test]
fn every_letter_says_what_when_which_browser_and_what_to_do() {
    for language in Language::ALL {
        for letter in every_letter(language, &brand(), BROWSER) {
            for version in [&letter.text, &letter.html] {
                assert!(version.contains(WHEN) && version.contains(BROWSER), "{version}");
                let not_you = Words::new(language, "").say("mail-not-you");
                assert!(version.contains(&not_you), "{version}");
            }
        }
    }
}

#[test]
fn links_and_codes_stand_in_both_versions() {
    let [
        code,
        registered,
        welcome,
        recovery,
        held,
        recovered,
        cancelled,
        contested,
        undone,
        tried,
        deleted,
        address,
        wanted,
        kept,
        moved_away,
        restored,
        operator,
        uninvited,
        added,
        more,
        removed,
        copied,
        moved,
    ] = every_letter(Language::English, &brand(), BROWSER);
    for letter in [
        &held,
        &recovered,
        &cancelled,
        &contested,
        &undone,
        &tried,
        &deleted,
        &operator,
        &added,
        &more,
        &removed,
        &copied,
        &moved,
        &wanted,
        &kept,
        &moved_away,
        &restored,
    ] {
        assert!(letter.text.contains(UNDO) && letter.html.contains(UNDO), "{letter:?}");
    }
    for (letter, part) in [
        (recovery, "482 139"),
        (address, "482 139"),
        (moved_away, "28 November 2026, 14:05 UTC"),
        (uninvited, "New accounts are by invitation, and there is none for this address"),
        (held, "28 November 2026, 14:05 UTC"),
        (added, "1Password"),
        (removed, "1Password"),
        (copied, "1Password"),
        (moved, "1Password"),
        (code, "482 139"),
        (registered, "https://notes.example.com/_bmauth/sign-in"),
        (welcome, "https://notes.example.com/"),
    ] {
        assert!(letter.text.contains(part) && letter.html.contains(part), "{letter:?}");
    }
}

#[test]
fn the_letter_to_an_owner_never_contains_a_code() {
    let [_, registered, ..] = every_letter(Language::English, &brand(), BROWSER);
    assert!(registered.subject.starts_with("You already have an account"));
    assert!(!registered.text.contains("482"));
}

#[test]
fn html_is_escaped_and_text_is_not() {
    let brand = Brand::new("<Acme> & \"Sons\"").unwrap();
    for letter in every_letter(Language::English, &brand, "<img src=x>") {
        assert!(!letter.html.contains("<img") && !letter.html.contains("<Acme>"), "{}", letter.html);
        assert!(letter.text.contains("<Acme> & \"Sons\"") && letter.text.contains("<img src=x>"), "{}", letter.text);
    }
}

#[test]
fn subjects_are_one_line() {
    for letter in every_letter(Language::English, &brand(), BROWSER) {
        assert!(!letter.subject.contains(char::is_control), "{:?}", letter.subject);
    }
}

#[test]
fn help_is_offered_where_there_is_some() {
    let with_help = brand().with_support_url("https://example.com/help".parse().unwrap());
    for letter in every_letter(Language::English, &with_help, BROWSER) {
        assert!(letter.text.contains("Questions? https://example.com/help\n"), "{}", letter.text);
        assert!(letter.html.contains("<a href=\"https://example.com/help\">"), "{}", letter.html);
    }
    for letter in every_letter(Language::English, &brand(), BROWSER) {
        assert!(!letter.text.contains("Questions?") && !letter.html.contains("Questions?"));
    }
}

#[test]
fn no_letter_loads_anything_from_elsewhere() {
    for language in Language::ALL {
        for letter in every_letter(language, &brand(), BROWSER) {
            assert!(!letter.html.contains("src=") && !letter.html.contains("url("), "{}", letter.html);
            assert!(letter.html.len() <= 4 * 1024);
        }
    }
}
