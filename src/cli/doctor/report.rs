//! What the doctor says: one line a check, as soon as it is known.

use std::fmt::Display;

use super::judge::Verdict;

/// The lines so far, by what they say.
#[derive(Debug, Default)]
pub(super) struct DoctorReport {
    fine: usize,
    wrong: usize,
}

impl DoctorReport {
    /// What was checked, and what came of it.
    pub(super) fn verdict(&mut self, checked: impl Display, verdict: Verdict) {
        match verdict {
            Verdict::Closed(words) => self.ok(format_args!("{checked}: {words}")),
            Verdict::Open(words) => self.fail(format_args!("{checked}: {words}")),
            Verdict::Unclear(words) => self.note(format_args!("{checked}: {words}")),
        }
    }

    /// A check that was passed.
    pub(super) fn ok(&mut self, line: impl Display) {
        self.fine += 1;
        println!("ok    {line}");
    }

    /// A check that was not.
    pub(super) fn fail(&mut self, line: impl Display) {
        self.wrong += 1;
        println!("FAIL  {line}");
    }

    /// What could not be checked, or was assumed.
    pub(super) fn note(&mut self, line: impl Display) {
        println!("note  {line}");
    }

    /// Says how it went; whether all is well.
    pub(super) fn close(self) -> bool {
        let Self { fine, wrong } = self;
        println!();
        match wrong {
            0 => println!("All {fine} checks passed: no way past the sign-in was found."),
            1 => println!("1 of {} checks failed. See the line that begins with FAIL.", fine + wrong),
            _ => println!("{wrong} of {} checks failed. See the lines that begin with FAIL.", fine + wrong),
        }
        wrong == 0
    }
}
