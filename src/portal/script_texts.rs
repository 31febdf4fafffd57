//! What a page's script says rarely: an asset of its own in each language, so that no page carries it along.

use serde_json::{Value, json};

use crate::wording::Words;

/// Which pages' scripts say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// Those of a link between two devices.
    Link,
    /// Those that add and remove passkeys.
    Passkeys,
}

impl Speaker {
    /// Each script that has texts.
    pub(super) const ALL: [Self; 2] = [Self::Link, Self::Passkeys];

    /// What the asset is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Passkeys => "passkeys",
        }
    }

    /// Its texts in one language, as JSON.
    pub(super) fn texts(self, words: Words<'_>) -> String {
        match self {
            Self::Link => link(words),
            Self::Passkeys => passkeys(words),
        }
        .to_string()
    }
}

/// The ends of a link by the names of its stages, each a heading and a text, and what is said on the way.
fn link(words: Words<'_>) -> Value {
    let say = |key| words.say(key);
    // One sentence for each minute from the first to the fifth: no plural is made up outside the catalogue.
    let left: Vec<_> = (1..=5).map(|minutes| words.with("link-left", "minutes", minutes)).collect();
    json!({
        "denied": [say("link-denied-heading"), say("link-denied-text")],
        "too-old": [say("link-too-old-heading"), say("link-too-old-text")],
        "gone": [say("link-gone-heading"), say("link-gone-text")],
        "elsewhere": [say("link-chosen-heading"), say("link-chosen-text")],
        "numbers-spent": [say("link-spent-heading"), say("link-spent-text")],
        "turned-down": [say("link-turned-down-heading"), say("link-turned-down-text")],
        "none": say("link-none-heading"),
        "numberInvalid": say("link-number-invalid"),
        "left": left,
        "camera": [say("link-camera-denied"), say("link-camera-none"), say("link-camera-busy")],
    })
}

/// The faces on which an act is confirmed, each a heading, a text and a button; and what is told beside them.
fn passkeys(words: Words<'_>) -> Value {
    let say = |key| words.say(key);
    json!({
        "add": [say("devices-add-here"), say("devices-add-text"), say("devices-confirm")],
        "make": [say("set-up-heading"), say("set-up-text"), say("set-up-create")],
        "remove": [say("devices-remove-heading"), say("devices-remove-text"), say("devices-remove-button")],
        "stop": [say("recover-cancel-heading"), say("devices-stop-text"), say("devices-confirm")],
        "last": say("devices-remove-last"),
        "told": {
            "unchanged": say("devices-none-removed"),
            "unsupported": say("devices-unsupported"),
            "none-made": say("register-none-made"),
            "already": say("register-set-up"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    fn texts(speaker: Speaker, language: Language) -> Value {
        serde_json::from_str(&speaker.texts(Words::new(language, "Acme Notes"))).unwrap()
    }

    #[test]
    fn the_countdown_has_a_sentence_for_each_minute() {
        let texts = texts(Speaker::Link, Language::English);
        let left = texts["left"].as_array().unwrap();
        assert_eq!(left.len(), 5);
        assert_eq!((&left[0], &left[4]), (&json!("Waiting… 1 minute left"), &json!("Waiting… 5 minutes left")));
    }

    #[test]
    fn every_face_has_a_heading_a_text_and_its_button() {
        let faces = [
            (Speaker::Link, 2, &["denied", "too-old", "gone", "elsewhere", "numbers-spent", "turned-down"][..]),
            (Speaker::Link, 3, &["camera"]),
            (Speaker::Passkeys, 3, &["add", "make", "remove", "stop"]),
        ];
        for language in Language::ALL {
            for (speaker, parts, names) in faces {
                let texts = texts(speaker, language);
                for name in names {
                    let said = texts[name].as_array().unwrap();
                    let is_said = said.iter().all(|text| !text.as_str().unwrap().is_empty());
                    assert!(said.len() == parts && is_said, "{name}");
                }
            }
        }
    }
}
