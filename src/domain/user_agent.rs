//! A browser in words a person recognises: "Firefox on Windows".
//!
//! Only ever shown, never decided on: a client can send any `User-Agent`. Every word shown comes from the tables below,
//! so nothing a client sends gets into a mail or a page.

use std::fmt;

/// The browser and the system a `User-Agent` value claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserAgent {
    /// The browser's name, where it is one we know.
    pub browser: Option<&'static str>,
    /// The name of the system or device, where it is one we know.
    pub system: Option<&'static str>,
    /// Whether it shows pages inside of another app.
    pub inside_app: bool,
}

/// What stands in a `User-Agent`, and the browser it means. Order matters: nearly everyone also claims to be Chrome
/// and Safari.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPX/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// What stands in a `User-Agent`, and the system it means. iPhones also say "Mac OS X", Androids also say "Linux".
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// What stands in the `User-Agent` of browsers inside of apps: Android's own, and those that name their app.
const APPS: &[&str] = &[
    "; wv)",
    "FBAN/",
    "FBAV/",
    "FB_IAB",
    "Instagram ",
    "LinkedInApp",
    "MicroMessenger/",
    "BytedanceWebview",
    "musical_ly",
    "trill_",
    "TikTok",
    " Line/",
    "KAKAOTALK",
    "Snapchat",
    "[Pinterest/",
    "Twitter for ",
    "GSA/",
    "Electron/",
];

/// Longer values than any browser sends are not searched.
const LONGEST: usize = 1024;

impl UserAgent {
    /// Reads a `User-Agent` value.
    pub fn parse(value: &str) -> Self {
        if value.len() > LONGEST {
            return Self::default();
        }
        let look_up =
            |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| value.contains(mark)).map(|&(_, name)| name);
        let system = look_up(SYSTEMS);
        // Browsers of iPhones and iPads name Safari, and what apps show pages with does not.
        let is_bare = matches!(system, Some("iPhone" | "iPad")) && !value.contains("Safari/");
        let inside_app = is_bare || APPS.iter().any(|mark| value.contains(mark));
        Self { browser: look_up(BROWSERS), system, inside_app }
    }
}

impl UserAgent {
    /// The browser and system that a description of ours names, in whatever language it was written.
    pub fn named_in(description: &str) -> Self {
        // The whole word: Chrome is none of ChromeOS.
        let names = |name: &str| {
            description
                .match_indices(name)
                .any(|(at, _)| !description[at + name.len()..].starts_with(|next: char| next.is_alphanumeric()))
        };
        let named_of = |table: &[(&str, &'static str)]| table.iter().map(|&(_, name)| name).find(|name| names(name));
        Self { browser: named_of(BROWSERS), system: named_of(SYSTEMS), inside_app: false }
    }
}

impl fmt::Display for UserAgent {
    /// In English; `wording::Words::browser` says it in other languages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => write!(f, "{browser} on {system}"),
            (Some(browser), None) => f.write_str(browser),
            (None, Some(system)) => write!(f, "Unknown browser on {system}"),
            (None, None) => f.write_str("Unknown browser"),
        }
    }
}

/// A `User-Agent` value in English: "Firefox on Windows", "Safari on iPhone", "Unknown browser".
pub fn describe(value: &str) -> String {
    UserAgent::parse(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_from_those_they_claim_to_be() {
        const TABLE: &[(&str, &str)] = &[
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Windows"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
                "Firefox on iPhone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari on Mac",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
                "Chrome on Mac",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPad",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 OPR/120.0.0.0",
                "Opera on Linux",
            ),
        ];
        for (value, expected) in TABLE {
            assert_eq!(describe(value), *expected, "{value}");
        }
    }

    #[test]
    fn browsers_inside_of_apps_are_told_from_those_that_people_open() {
        const IPHONE: &str =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        const VIEW: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/150.0.0.0 Mobile Safari/537.36";
        let is_inside = |value: &str| UserAgent::parse(value).inside_app;
        for value in [
            VIEW,
            &VIEW.replace("; wv", "").replace("Mobile", "Mobile [FB_IAB/FB4A;FBAV/500.0.0.0.0;]"),
            &format!("{IPHONE} Mobile/15E148"),
            &format!("{IPHONE} Mobile/15E148 Instagram 350.0.0.0.0 (iPhone16,1; iOS 18_1; de_DE)"),
            &format!("{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/500.0.0.0.0]"),
            &format!("{IPHONE} GSA/350.0 Mobile/15E148 Safari/604.1"),
            &format!("{IPHONE} Mobile/15E148 [LinkedInApp]/9.30"),
            &format!("{IPHONE} Mobile/15E148 MicroMessenger/8.0.50(0x18003232) NetType/WIFI Language/de"),
            &format!("{IPHONE} Mobile/15E148 musical_ly_36.0.0 BytedanceWebview/d8a21c6"),
        ] {
            assert!(is_inside(value), "{value}");
        }
        for value in [
            "",
            &VIEW.replace("; wv", "").replace("Version/4.0 ", ""),
            &format!("{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1"),
            &format!("{IPHONE} CriOS/150.0 Mobile/15E148 Safari/604.1"),
            &format!("{IPHONE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15"),
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        ] {
            assert!(!is_inside(value), "{value}");
        }
    }

    #[test]
    fn a_description_says_what_it_was_made_of_in_any_language() {
        let named = |text: &str| {
            let UserAgent { browser, system, .. } = UserAgent::named_in(text);
            (browser, system)
        };
        for (text, browser, system) in [
            ("Firefox on Windows", Some("Firefox"), Some("Windows")),
            ("Firefox unter Windows", Some("Firefox"), Some("Windows")),
            ("Chrome on ChromeOS", Some("Chrome"), Some("ChromeOS")),
            ("Chromium on Linux", Some("Chromium"), Some("Linux")),
            ("Samsung Internet", Some("Samsung Internet"), None),
            ("Unbekannter Browser unter iPad", None, Some("iPad")),
            ("Unknown browser", None, None),
            ("", None, None),
        ] {
            assert_eq!(named(text), (browser, system), "{text}");
        }
        let all = BROWSERS.iter().flat_map(|(_, browser)| SYSTEMS.iter().map(move |(_, system)| (*browser, *system)));
        for (browser, system) in all {
            let seen = UserAgent { browser: Some(browser), system: Some(system), inside_app: false };
            assert_eq!(UserAgent::named_in(&seen.to_string()), seen);
        }
    }

    #[test]
    fn what_we_do_not_know_is_called_unknown() {
        assert_eq!(describe(""), "Unknown browser");
        assert_eq!(describe("curl/8.9.1"), "Unknown browser");
        assert_eq!(describe("Dillo (Linux)"), "Unknown browser on Linux");
        assert_eq!(describe("Firefox/1.0"), "Firefox");
        assert_eq!(describe(&format!("{}Firefox/145.0", "x".repeat(2000))), "Unknown browser");
    }

    #[test]
    fn nothing_the_client_sent_is_repeated() {
        let described = describe("<b>Firefox/145.0</b>\r\nSubject: hello (Windows; https://bad.example)");
        assert_eq!(described, "Firefox on Windows");
    }
}
