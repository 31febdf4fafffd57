//! A code on its way to a mailbox and back: how long it may be entered, how often it may be tried, how soon another is
//! sent. The same for registering and for getting back in.

use std::time::Duration;

use super::clock::Timestamp;
use super::code::{self, CodeId, CodeKind};

/// A code that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailedCode {
    /// Its name; the digits are a keyed digest of it.
    pub id: CodeId,
    /// How often it was tried.
    pub tries: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The code in whose place it came, which opens nothing any more: a visitor who types it is told so.
    pub earlier: Option<CodeId>,
}

/// Why a code opens nothing, or another is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    /// What was typed is not a code.
    NotACode,
    /// The code is wrong.
    Wrong {
        /// How often this code may still be tried.
        tries_left: u32,
    },
    /// The code is the one before: a newer one has taken its place.
    Older {
        /// How often the newer code may still be tried.
        tries_left: u32,
    },
    /// The code is older than ten minutes, or from the future, so that its age is unknown.
    TooOld,
    /// The code was tried too often; another must be asked for.
    TriesSpent,
    /// Another code was asked for too soon.
    TooSoon {
        /// How long to wait.
        wait: Duration,
    },
    /// The address was sent, or tried with, too many codes lately.
    TooMany {
        /// How long to wait.
        wait: Duration,
    },
}

impl MailedCode {
    /// The code of that name, sent now.
    pub fn new(id: CodeId, now: Timestamp) -> Self {
        Self { id, tries: 0, sent_at: now, earlier: None }
    }

    /// The code of that name takes its place.
    ///
    /// # Errors
    /// [`CodeRefusal::TooSoon`] within half a minute.
    pub fn replaced(self, by: CodeId, now: Timestamp) -> Result<Self, CodeRefusal> {
        let again = self.sent_at.after(code::RESEND_AFTER);
        // One from the future was sent by a clock that has been set right since, so it makes no visitor wait.
        if self.sent_at <= now && now < again {
            return Err(CodeRefusal::TooSoon { wait: again.since(now) });
        }
        Ok(Self { earlier: Some(self.id), ..Self::new(by, now) })
    }

    /// The code while it may be entered.
    ///
    /// # Errors
    /// [`CodeRefusal::TooOld`].
    pub fn in_time(self, now: Timestamp) -> Result<Self, CodeRefusal> {
        if self.sent_at.after(code::LIFETIME).is_ahead(now, code::LIFETIME) {
            Ok(self)
        } else {
            Err(CodeRefusal::TooOld)
        }
    }

    /// With one more try, to be kept before anything is compared.
    ///
    /// # Errors
    /// [`CodeRefusal::TriesSpent`], also of six digits where the `next` code of the address is one of letters, since
    /// those of digits were tried too often.
    pub fn tried(self, next: CodeKind) -> Result<Self, CodeRefusal> {
        if self.id.kind() == CodeKind::Digits && next == CodeKind::Letters {
            return Err(CodeRefusal::TriesSpent);
        }
        self.tried_beside()
    }

    /// The same where what was typed is another kind of code, which is counted apart.
    ///
    /// # Errors
    /// [`CodeRefusal::TriesSpent`].
    pub fn tried_beside(self) -> Result<Self, CodeRefusal> {
        if self.tries >= code::TRIES {
            return Err(CodeRefusal::TriesSpent);
        }
        Ok(Self { tries: self.tries.saturating_add(1), ..self })
    }

    /// What a wrong try comes to, once it is counted.
    pub fn wrong(self) -> CodeRefusal {
        match code::TRIES.saturating_sub(self.tries) {
            0 => CodeRefusal::TriesSpent,
            tries_left => CodeRefusal::Wrong { tries_left },
        }
    }
}

impl CodeRefusal {
    /// How long to wait, where that is why.
    pub fn wait(self) -> Option<Duration> {
        match self {
            Self::TooSoon { wait } | Self::TooMany { wait } => Some(wait),
            Self::NotACode | Self::Wrong { .. } | Self::Older { .. } | Self::TooOld | Self::TriesSpent => None,
        }
    }

    /// The same, where what was typed is the code before. It costs a try like any other, and a guesser learns nothing
    /// of the code that is out: both come of random names.
    #[must_use]
    pub fn of_earlier(self) -> Self {
        if let Self::Wrong { tries_left } = self { Self::Older { tries_left } } else { self }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SENT: Timestamp = Timestamp::from_unix(1_000);

    fn code(number: u128) -> CodeId {
        CodeId(Uuid::from_u128(number))
    }

    fn later(seconds: u64) -> Timestamp {
        SENT.after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_code_is_tried_five_times() {
        let mut mailed = MailedCode::new(code(1), SENT);
        for tries_left in (1..5).rev() {
            mailed = mailed.tried_beside().unwrap();
            assert_eq!(mailed.wrong(), CodeRefusal::Wrong { tries_left });
        }
        mailed = mailed.tried_beside().unwrap();
        assert_eq!(mailed.wrong(), CodeRefusal::TriesSpent);
        assert_eq!(mailed.tried_beside(), Err(CodeRefusal::TriesSpent));
    }

    #[test]
    fn a_code_is_entered_within_ten_minutes() {
        let mailed = MailedCode::new(code(1), SENT);
        assert_eq!(mailed.in_time(later(599)), Ok(mailed));
        assert_eq!(mailed.in_time(later(600)), Err(CodeRefusal::TooOld));
    }

    #[test]
    fn a_code_of_a_clock_that_was_ahead_is_too_old_and_another_is_sent_at_once() {
        for ahead in [1, 3600, 10 * 365 * 24 * 3600] {
            let now = Timestamp::from_unix(2_000_000_000);
            let mailed = MailedCode::new(code(1), now.after(Duration::from_secs(ahead)));
            assert_eq!(
                mailed.replaced(code(2), now),
                Ok(MailedCode { earlier: Some(code(1)), ..MailedCode::new(code(2), now) }),
                "{ahead}"
            );
            let in_time = if ahead > 60 { Err(CodeRefusal::TooOld) } else { Ok(mailed) };
            assert_eq!(mailed.in_time(now), in_time, "{ahead}");
        }
    }

    #[test]
    fn another_code_comes_after_half_a_minute_and_its_tries_start_again() {
        let mailed = MailedCode { tries: 5, ..MailedCode::new(code(1), SENT) };
        let wait = Duration::from_secs(1);
        assert_eq!(mailed.replaced(code(2), later(29)), Err(CodeRefusal::TooSoon { wait }));
        let another = MailedCode { id: code(2), tries: 0, sent_at: later(30), earlier: Some(code(1)) };
        assert_eq!(mailed.replaced(code(2), later(30)), Ok(another));
    }
}
