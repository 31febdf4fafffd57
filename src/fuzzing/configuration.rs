//! Configurations, as operators write them.

use std::ffi::OsString;

use crate::config::{self, ConfigSource, SettingPlace};

/// The file that the text is read as if from. Its folder is nowhere, so no path of the text that starts from it leads
/// to a file.
const FILE: &str = "/nowhere/of/bmauth/bmauth.toml";

/// Reads a configuration: the text of its file, and behind each zero byte a variable with its value. It can be used, or
/// something is wrong with it at a place that is in the text, or in one of the variables; and it is so each time.
pub fn configuration(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    // Logos and passwords are read from files, and these may have no end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let mut parts = text.split('\0');
    let text = parts.next().unwrap_or_default();
    let variables: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let load = || {
        let mut source = ConfigSource::text(FILE, text);
        source.environment =
            variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        config::load(source)
    };
    match (load(), load()) {
        (Ok(config), Ok(_)) => {
            assert!(config.routes.iter().next().is_some(), "nothing is behind the gateway");
        }
        (Err(errors), Err(again)) => {
            assert_eq!(errors, again);
            assert!(!errors.problems().is_empty(), "nothing is wrong, and it cannot be used");
            for problem in errors.problems() {
                assert!(!problem.message.trim().is_empty(), "{problem}");
                assert!(is_in(&problem.place, text, &variables), "{problem} is said of a place that is not there");
            }
        }
        (Ok(_), Err(errors)) | (Err(errors), Ok(_)) => {
            assert!(errors.problems().is_empty(), "it can be used, and it cannot:\n{errors}");
        }
    }
}

fn is_in(place: &SettingPlace, text: &str, variables: &[(&str, &str)]) -> bool {
    match place {
        SettingPlace::File { file, line, column } => {
            // The place behind a line's last letter is in it, and one more line stands behind the last newline.
            let lines = text.split('\n').nth(line.wrapping_sub(1));
            let letters = lines.map(|line| line.chars().count() + 1);
            **file == *FILE && letters.is_some_and(|letters| (1..=letters).contains(column))
        }
        SettingPlace::Variable(name) => variables.iter().any(|(its, _)| its == name),
        SettingPlace::Whole(_) | SettingPlace::Flag(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::FILE;
    use crate::config::{ConfigSource, load};
    use crate::fuzzing::inputs::{holds, seeds};

    #[test]
    fn a_configuration_can_be_used_or_something_is_wrong_at_a_place_of_it() {
        // The whole of it, with what is commented out let in.
        let template: Vec<String> =
            crate::config::TEMPLATE.lines().map(|line| line.trim_start_matches("# ").into()).collect();
        let own = prop_oneof![
            Just("public_url = \"https://notes.example.com\"".to_owned()),
            Just("[email]\nfrom = \"no-reply@example.com\"\nsmtp_url = \"smtps://u:p@mail\"".to_owned()),
            Just("[[route]]\nupstream = [\"http://127.0.0.1:8000\"]".to_owned()),
            "\\[?\\[(route|server|email|a\\.b)\\]?\\]",
            "(host|path|access|listen|idle|issuer|ä|\"a b\")( = |=)(\"[a-z/:.*]{0,8}\"|\\[.{0,4}\\]|[0-9]{1,3}[smhd]?|true|\\{\\})",
            ".{0,12}",
        ];
        let line = prop_oneof![2 => proptest::sample::select(template).boxed(), 3 => own.boxed()];
        let variable = "(\u{0}BMAUTH__[A-Z_0-9]{0,12}(LISTEN|URL|UPSTREAM)?=.{0,8}){0,2}";
        let text = (proptest::collection::vec(line, 0..12), variable);
        holds("configuration", super::configuration, text.prop_map(|(lines, variable)| lines.join("\n") + &variable));
    }

    #[test]
    fn a_configuration_that_can_be_used_is_among_what_is_begun_with() {
        let loads = |seed: Vec<u8>| load(ConfigSource::text(FILE, String::from_utf8(seed).unwrap()));
        assert!(seeds("configuration").into_iter().any(|seed| loads(seed).is_ok()));
    }
}
