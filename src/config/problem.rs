//! What is wrong with a configuration, said all at once and to the place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::folder::Folder;

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingPlace {
    /// The file itself, which could not be read.
    Whole(Arc<str>),
    /// In the file; line and column (in characters) count from 1.
    File {
        /// The file's name as it was given.
        file: Arc<str>,
        /// The line of the key, from 1.
        line: usize,
        /// The column of the key in characters, from 1.
        column: usize,
    },
    /// In the environment variable of this name.
    Variable(String),
    /// In the command-line flag of this name.
    Flag(String),
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it was written, or where what is missing belongs.
    pub place: SettingPlace,
    /// What was found and what is allowed, as sentences.
    pub message: String,
}

/// Everything that is wrong with a configuration; at least one problem, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<Problem>,
}

/// Where the checks of a configuration put what they find.
#[derive(Debug)]
pub(super) struct Checks {
    /// The folder that relative paths start from: that of the configuration file.
    pub folder: Folder,
    /// What makes the configuration unusable.
    pub problems: Vec<Problem>,
    /// What the gateway starts with, although no visitor can be served so.
    pub faults: Vec<Problem>,
    /// What is allowed but deserves a word.
    pub warnings: Vec<String>,
    /// The keys of the whole file, once it was read.
    pub root_keys: &'static [&'static str],
}

impl Checks {
    /// A check that has found nothing yet.
    pub(super) fn new(folder: &Path) -> Self {
        let (problems, faults, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder: Folder::new(folder), problems, faults, warnings, root_keys: &[] }
    }

    /// Takes note of a problem.
    pub(super) fn refuse(&mut self, place: &SettingPlace, message: impl Into<String>) {
        self.problems.push(Problem { place: place.clone(), message: message.into() });
    }

    /// Takes note of something that the gateway starts with, although no visitor can be served so.
    pub(super) fn fault(&mut self, place: &SettingPlace, message: impl Into<String>) {
        self.faults.push(Problem { place: place.clone(), message: message.into() });
    }

    /// Takes note of something that is allowed but deserves a word.
    pub(super) fn warn(&mut self, place: &SettingPlace, message: impl fmt::Display) {
        self.warnings.push(format!("{place}: {message}"));
    }

    /// The faults, in the order of the file.
    pub(super) fn take_faults(&mut self) -> Vec<Problem> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by(|one, other| one.place.cmp(&other.place));
        faults
    }

    /// What was found, or `None` where the configuration can be used.
    pub(super) fn errors(&mut self) -> Option<ConfigErrors> {
        let mut problems = std::mem::take(&mut self.problems);
        // Of one place, in the order of the checks.
        problems.sort_by(|one, other| one.place.cmp(&other.place));
        problems.dedup();
        (!problems.is_empty()).then_some(ConfigErrors { problems })
    }
}

impl ConfigErrors {
    /// The problems, in the order of the file, then the variables, then the flags.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl SettingPlace {
    /// The place at a byte of a file's text.
    pub(super) fn in_text(file: &Arc<str>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        Self::File {
            file: Arc::clone(file),
            line: before.matches('\n').count() + 1,
            column: in_line.chars().count() + 1,
        }
    }
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Whole(file) => f.write_str(file),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
