//! Every sentence people read, in each language: the catalogues under `templates/locales/`, read with Fluent.
//!
//! Pages and mails name a sentence by its key; the tests below prove that every catalogue has every key, with the same
//! arguments, and that none is left over.

pub mod moment;

use std::sync::LazyLock;
use std::time::Duration;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;
use uuid::Uuid;

use crate::domain::language::Language;
use crate::domain::provider;
use crate::domain::user_agent::UserAgent;

/// Speaks one language on behalf of one app: `{ $app }` is its name in every sentence.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    language: Language,
    app: &'a str,
}

/// A sentence cut where a value stands, so that a template can mark the value up.
#[derive(Debug, PartialEq, Eq)]
pub struct SplitSentence {
    /// What stands before the value.
    pub before: String,
    /// What stands after the value.
    pub after: String,
}

impl<'a> Words<'a> {
    /// Words in `language` for the app called `app`.
    pub fn new(language: Language, app: &'a str) -> Self {
        Self { language, app }
    }

    /// The sentence named `key`.
    pub fn say(&self, key: &str) -> String {
        self.format(key, FluentArgs::with_capacity(1))
    }

    /// The sentence named `key` with one value in it; a number chooses the plural.
    pub fn with(&self, key: &str, name: &str, value: impl Into<FluentValue<'a>>) -> String {
        let mut args = FluentArgs::with_capacity(2);
        args.set(name.to_owned(), value);
        self.format(key, args)
    }

    /// The sentence named `key` with several values in it; a number chooses the plural.
    pub fn with_all<const N: usize>(&self, key: &str, values: [(&'static str, FluentValue<'a>); N]) -> String {
        let mut args = FluentArgs::with_capacity(N + 1);
        for (name, value) in values {
            args.set(name, value);
        }
        self.format(key, args)
    }

    /// The sentence named `key`, cut in two where `{ $name }` stands.
    pub fn around(&self, key: &str, name: &str) -> SplitSentence {
        let whole = self.with(key, name, CUT);
        let (before, after) = whole.split_once(CUT).unwrap_or((&whole, ""));
        SplitSentence { before: before.to_owned(), after: after.to_owned() }
    }

    /// How long something takes, as people say it: "40 minutes". Never less than it does.
    pub fn wait(&self, wait: Duration) -> String {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let (key, value) = match seconds {
            0..=90 => ("wait-seconds", seconds.max(1)),
            91..=5400 => ("wait-minutes", seconds.div_ceil(60)),
            5401.. => ("wait-hours", seconds.div_ceil(3600)),
        };
        self.with(key, "count", value)
    }

    /// A browser as people know it: "Firefox on Windows".
    pub fn browser(&self, seen: UserAgent) -> String {
        let browser = seen.browser.map_or_else(|| self.say("browser-unknown"), str::to_owned);
        let Some(system) = seen.system else {
            return browser;
        };
        self.with_all("browser-on-system", [("browser", browser.into()), ("system", system.into())])
    }

    /// A passkey as a letter names it: who keeps it, and the browser it was made in, where they are known.
    pub fn passkey(&self, aaguid: Uuid, made_in: &str) -> String {
        let provider = provider::known(aaguid);
        let is_known = UserAgent::named_in(made_in) != UserAgent::default();
        let made_in = is_known.then(|| self.with("passkey-made-in", "browser", made_in.to_owned()));
        match (provider, made_in) {
            (Some(provider), Some(made_in)) => format!("{provider}, {made_in}"),
            (None, Some(made_in)) => made_in,
            (provider, None) => provider.unwrap_or(provider::UNKNOWN).to_owned(),
        }
    }

    /// Looks a key up; in English where the language lacks it, and as the key itself where English does too. The tests
    /// leave no such key.
    fn format(&self, key: &str, mut args: FluentArgs<'a>) -> String {
        args.set("app", self.app);
        let sentence = [self.language, Language::English].into_iter().find_map(|language| {
            let bundle = catalogue(language);
            let pattern = bundle.get_message(key)?.value()?;
            Some(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
        });
        debug_assert!(sentence.is_some(), "no catalogue has {key}");
        sentence.unwrap_or_else(|| key.to_owned())
    }
}

/// Marks the cut of `Words::around`: a private-use character, which no catalogue contains.
const CUT: &str = "\u{f8ff}";

fn catalogue(language: Language) -> &'static FluentBundle<FluentResource> {
    static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Language::English));
    static GERMAN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Language::German));
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../templates/locales/en.ftl"),
        Language::German => include_str!("../templates/locales/de.ftl"),
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    // A catalogue with a slip in it still speaks the sentences that parse; a test allows no slip.
    let resource = FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(resource, _)| resource);
    let id: LanguageIdentifier = language.tag().parse().expect("our own tags are well-formed");
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // The invisible isolating marks would end up in the subjects of mails. Values are addresses and names, which pages
    // set apart in elements of their own.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The keys of a catalogue, each with the arguments its sentence takes.
    fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in source(language).lines() {
            if line.starts_with(|c: char| c.is_ascii_lowercase()) {
                let key = line.split(" =").next().unwrap();
                assert!(!keys.contains_key(key), "{key} stands twice in {}", language.name());
                current = key.to_owned();
                keys.insert(current.clone(), BTreeSet::new());
            }
            for argument in line.split('$').skip(1) {
                let name: String = argument.chars().take_while(char::is_ascii_alphanumeric).collect();
                // A name that is left out of one language is style, not a slip.
                if name != "app" {
                    keys.get_mut(&current).unwrap().insert(name);
                }
            }
        }
        keys
    }

    /// The lines of a catalogue that give a key its sentence, as key and sentence.
    fn values(language: Language) -> Vec<(&'static str, &'static str)> {
        source(language).lines().filter_map(|line| line.split_once(" = ")).collect()
    }

    /// Every template and source file that may name a key.
    fn texts(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                texts(&path, found);
            } else if name.ends_with(".html") || name.ends_with(".txt") || name.ends_with(".rs") {
                found.push(fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn everything() -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        texts(&root.join("templates"), &mut found);
        texts(&root.join("src"), &mut found);
        assert!(found.len() > 20, "the search looks in the wrong place");
        found
    }

    #[test]
    fn every_catalogue_parses() {
        for language in Language::ALL {
            let parsed = FluentResource::try_new(source(language).to_owned());
            assert!(parsed.is_ok(), "{}: {:?}", language.name(), parsed.err().map(|(_, errors)| errors));
        }
    }

    #[test]
    fn every_catalogue_is_the_one_of_a_language() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/locales");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<_> = files.collect();
        assert_eq!(files, Language::ALL.map(|language| format!("{}.ftl", language.tag())).into());
    }

    #[test]
    fn every_catalogue_can_be_read_beside_the_first() {
        let order = |language: Language| {
            let is_named = |line: &&str| line.starts_with("## ") || line.starts_with(|c: char| c.is_ascii_lowercase());
            source(language).lines().filter(is_named).map(|line| line.split(" =").next().unwrap())
        };
        for language in Language::ALL {
            for (there, first) in order(language).zip(order(Language::English)) {
                assert_eq!(there, first, "{}.ftl has another order or heading than en.ftl", language.tag());
            }
        }
    }

    #[test]
    fn no_sentence_is_left_in_english() {
        let sentences = |language| values(language).into_iter().filter(|(_, value)| value.split(' ').count() > 3);
        let english: BTreeSet<_> = sentences(Language::English).collect();
        for language in Language::ALL.into_iter().filter(|language| *language != Language::English) {
            let left: Vec<_> = sentences(language).filter(|sentence| english.contains(sentence)).collect();
            assert!(left.is_empty(), "{}.ftl has {left:#?}", language.tag());
        }
    }

    #[test]
    fn what_a_sentence_quotes_from_a_page_is_what_the_page_says() {
        for language in Language::ALL {
            let values = values(language);
            let said: BTreeSet<_> = values.iter().map(|(_, value)| *value).collect();
            for (key, value) in &values {
                for quoted in value.split(['“', '”', '„', '«', '»']).skip(1).step_by(2) {
                    let tag = language.tag();
                    assert!(said.contains(quoted.trim()), "{key} of {tag}.ftl quotes {quoted:?}, which no sentence is");
                }
            }
        }
    }

    #[test]
    fn every_language_has_every_key_with_the_same_arguments() {
        let english = keys(Language::English);
        assert!(english.len() > 40);
        for language in Language::ALL {
            assert_eq!(keys(language), english, "{}", language.name());
        }
    }

    #[test]
    fn no_key_is_unused() {
        let texts = everything();
        for key in keys(Language::English).keys() {
            let quoted = format!("\"{key}\"");
            assert!(texts.iter().any(|text| text.contains(&quoted)), "nothing says {key}");
        }
    }

    #[test]
    fn no_key_is_missing() {
        let known = keys(Language::English);
        for text in everything() {
            for call in ["words.say(\"", "words.with(\"", "words.with_all(\"", "words.around(\""] {
                for rest in text.split(call).skip(1) {
                    let key = rest.split('"').next().unwrap();
                    // This very test names the calls without a key.
                    if key.starts_with(|c: char| c.is_ascii_lowercase()) {
                        assert!(known.contains_key(key), "no catalogue has {key}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_sentence_is_left_without_its_values() {
        for language in Language::ALL {
            for (key, arguments) in keys(language) {
                let mut args = FluentArgs::new();
                args.set("app", "Acme Notes");
                for name in &arguments {
                    args.set(name.clone(), 2);
                }
                let bundle = catalogue(language);
                let mut errors = Vec::new();
                let pattern = bundle.get_message(&key).unwrap().value().unwrap();
                let said = bundle.format_pattern(pattern, Some(&args), &mut errors);
                assert!(errors.is_empty(), "{key}: {errors:?}");
                assert!(!said.trim().is_empty() && !said.contains(['{', '}', '$']), "{key}: {said}");
            }
        }
    }

    #[test]
    fn numbers_choose_the_plural() {
        let english = Words::new(Language::English, "Acme Notes");
        assert_eq!(
            english.with("code-wrong", "tries", 3),
            "That code is not right. Check the mail and try again. 3 tries left."
        );
        assert_eq!(
            english.with("code-wrong", "tries", 1),
            "That code is not right. Check the mail and try again. 1 try left."
        );
    }

    #[test]
    fn a_wait_is_said_in_what_people_count_it_in() {
        let english = Words::new(Language::English, "Acme Notes");
        let said = |seconds| english.wait(Duration::from_secs(seconds));
        assert_eq!([said(0), said(1), said(90)], ["1 second", "1 second", "90 seconds"]);
        assert_eq!([said(91), said(2340), said(5400)], ["2 minutes", "39 minutes", "90 minutes"]);
        assert_eq!([said(5401), said(86_400)], ["2 hours", "24 hours"]);
        assert_eq!(english.wait(Duration::from_millis(1_001)), "2 seconds");
        assert_eq!(Words::new(Language::German, "").wait(Duration::from_secs(2_340)), "39 Minuten");
    }

    #[test]
    fn a_sentence_is_cut_where_its_value_stands() {
        let around = Words::new(Language::English, "Acme Notes").around("code-sent", "email");
        assert_eq!(around.before, "We sent a 6-digit code to ");
        assert_eq!(around.after, ". It works for 10 minutes.");
    }

    #[test]
    fn no_invisible_marks_stand_around_values() {
        let said = Words::new(Language::English, "Acme Notes").with("mail-code-subject", "code", "482 139");
        assert_eq!(said, "482 139 is your Acme Notes code");
    }

    #[test]
    fn browsers_are_named_in_each_language() {
        let seen = UserAgent { browser: Some("Firefox"), system: Some("Windows"), ..UserAgent::default() };
        assert_eq!(Words::new(Language::English, "").browser(seen), seen.to_string());
        assert_eq!(Words::new(Language::German, "").browser(seen), "Firefox unter Windows");
        assert_eq!(Words::new(Language::English, "").browser(UserAgent::default()), UserAgent::default().to_string());
    }
}
