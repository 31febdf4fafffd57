//! What is asked at a terminal, and what is missing where there is none.

use std::io::{BufRead, Write};

use anyhow::Context as _;

use crate::cli::CommandError;
use crate::config::without_password;

/// How often one thing is asked.
const TRIES: usize = 3;

/// One thing that has to be known.
pub(super) struct InitQuestion<'a> {
    /// The flag that says it.
    pub(super) flag: &'a str,
    /// How it is asked for.
    pub(super) asked: &'a str,
    /// What it is, where it is missing.
    pub(super) missing: &'a str,
    /// Whether no message may show the answer.
    pub(super) is_secret: bool,
}

/// Asks the operator at the terminal, if there is one.
pub(super) struct OperatorPrompt<'a> {
    terminal: Option<(&'a mut dyn BufRead, &'a mut dyn Write)>,
    missing: Vec<String>,
}

impl<'a> OperatorPrompt<'a> {
    /// Nothing asked yet; without a terminal, nothing will be.
    pub(super) fn new(terminal: Option<(&'a mut dyn BufRead, &'a mut dyn Write)>) -> Self {
        Self { terminal, missing: Vec::new() }
    }

    /// What a flag says, or an answer; `None` where there is neither, which [`OperatorPrompt::finish`] then tells.
    ///
    /// # Errors
    /// It cannot be meant, also after it was asked for again; or the terminal failed.
    pub(super) fn hear<T>(
        &mut self,
        question: &InitQuestion<'_>,
        given: Option<&str>,
        proposed: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, CommandError> {
        if let Some(given) = given {
            return read(given).map(Some).map_err(|why| CommandError::Usage(wrong(question, given, &why)));
        }
        let heard = self.ask(question, proposed, read)?;
        if heard.is_none() && proposed.is_none() {
            self.missing.push(format!("{} ({})", question.flag, question.missing));
        }
        Ok(heard)
    }

    /// An answer where there is a terminal, which Enter alone makes `proposed`; `None` where there is none.
    ///
    /// # Errors
    /// As [`OperatorPrompt::hear`].
    pub(super) fn hear_there<T>(
        &mut self,
        question: &InitQuestion<'_>,
        proposed: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, CommandError> {
        self.hear(question, None, Some(proposed), read)
    }

    /// Tells what is missing.
    ///
    /// # Errors
    /// Something is.
    pub(super) fn finish(self) -> Result<(), CommandError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(CommandError::Usage(format!(
            "bmauth init guesses nothing, and can ask only where standard input and error are a terminal. Add {}.",
            self.missing.join("; ")
        )))
    }

    fn ask<T>(
        &mut self,
        question: &InitQuestion<'_>,
        proposed: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, CommandError> {
        let Some((input, output)) = &mut self.terminal else { return Ok(None) };
        let broken = "the terminal cannot be read or written";
        writeln!(output, "\n{}", question.asked).context(broken)?;
        let mut last = String::new();
        for _ in 0..TRIES {
            match proposed {
                Some(proposed) => write!(output, "[{proposed}] > "),
                None => write!(output, "> "),
            }
            .and_then(|()| output.flush())
            .context(broken)?;
            let mut line = String::new();
            if input.read_line(&mut line).context(broken)? == 0 {
                return Ok(None);
            }
            let answer = match (line.trim(), proposed) {
                ("", Some(proposed)) => proposed,
                (answer, _) => answer,
            };
            match read(answer) {
                Ok(heard) => return Ok(Some(heard)),
                Err(why) => {
                    writeln!(output, "That cannot be used: {why}").context(broken)?;
                    last = wrong(question, answer, &why);
                }
            }
        }
        Err(CommandError::Usage(last))
    }
}

fn wrong(question: &InitQuestion<'_>, said: &str, why: &str) -> String {
    let flag = question.flag;
    if question.is_secret { format!("{flag}: {why}") } else { format!("{flag} is {:?}: {why}", without_password(said)) }
}
