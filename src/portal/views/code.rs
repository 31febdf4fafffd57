//! `/_bmauth/register/code`, `/_bmauth/recover/code` and `/_bmauth/account/address`.

use std::time::Duration;

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use super::step_refusal::StepRefusal;
use crate::domain::code::CodeKind;
use crate::domain::moving::NotNow;
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::{SplitSentence, Words};

/// The page that asks for a code. The same whether or not the address has an account. Works without a script.
#[derive(Clone, Copy, Debug)]
pub struct CodePage<'a> {
    /// What the code is for.
    pub code_for: CodePagePurpose,
    /// The address that was typed.
    pub email: &'a str,
    /// The address that the mail comes from.
    pub sender: &'a str,
    /// Where the visitor goes once signed in; `None` for the app's front page.
    pub return_to: Option<&'a str>,
    /// How the code is written that was sent.
    pub kind: CodeKind,
    /// Passkeys that the browser is to forget.
    pub forget: Option<Forget<'a>>,
    /// What happened last.
    pub state: CodeState,
}

/// Passkeys that the browser's device has, and no account.
#[derive(Clone, Copy, Debug)]
pub struct Forget<'a> {
    /// The passkey domain.
    pub rp_id: &'a str,
    /// Their credential ids in base64url, with spaces between them.
    pub ids: &'a str,
}

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePagePurpose {
    /// An account to be.
    Registering {
        /// Whether there are addresses that may have none, to which the mail says so.
        of_some: bool,
    },
    /// An account that its owner cannot sign in to.
    GettingBackIn(CodeDelivery),
    /// Another address of an account.
    ChangingAddress,
}

/// How a code of a recovery comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeDelivery {
    /// It comes by mail.
    Mail,
    /// The operator hands it out.
    Hand,
    /// The same, since no mail can be written to the address.
    HandForMail,
}

/// What happened last on a code page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// A code was sent; nothing was entered yet.
    Fresh,
    /// A new code was sent.
    Resent,
    /// What was entered is no code. Costs no try.
    Unreadable,
    /// What was typed is not the code.
    Wrong {
        /// How many more times this code may be tried; at least 1.
        tries_left: u32,
    },
    /// What was typed is the code of a letter before.
    Older {
        /// How many more times the newer code may be tried; at least 1.
        tries_left: u32,
    },
    /// The code's ten minutes are over.
    TooOld,
    /// The last try of this code was wrong too.
    UsedUp,
    /// A new code was asked for too soon.
    Wait {
        /// Until the next one may be asked for.
        seconds: u64,
    },
    /// No more codes for now.
    TooMany {
        /// Until there may be another.
        wait: Duration,
    },
    /// The code is right, and the account is not changed now.
    NotNow(NotNow),
}

impl CodeState {
    /// What is refused in this state, if anything is.
    pub fn refusal(self) -> Option<StepRefusal> {
        match self {
            Self::Fresh | Self::Resent => None,
            Self::Unreadable => Some(StepRefusal::NotACode),
            Self::Wrong { .. } => Some(StepRefusal::WrongCode),
            Self::Older { .. } => Some(StepRefusal::OlderCode),
            Self::TooOld => Some(StepRefusal::CodeTooOld),
            Self::UsedUp => Some(StepRefusal::TriesSpent),
            Self::Wait { seconds } => Some(StepRefusal::TooSoon { wait: Duration::from_secs(seconds) }),
            Self::TooMany { wait } => Some(StepRefusal::TooManyCodes { wait }),
            Self::NotNow(NotNow::ChangedLately) => Some(StepRefusal::ChangedLately),
            Self::NotNow(NotNow::Recovering) => Some(StepRefusal::Recovering),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/code.html")]
struct CodeTemplate<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    email: &'a str,
    sender: &'a str,
    forget: Option<Forget<'a>>,
    state: CodeState,
    sent: SplitSentence,
    label: String,
    is_numeric: bool,
    notice: Option<String>,
    code_url: &'static str,
    resend_url: Option<&'static str>,
    back_url: String,
    /// Where a signed-in person is led on from to where they wanted.
    next_url: String,
}

impl CodePage<'_> {
    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let by_hand =
            matches!(self.code_for, CodePagePurpose::GettingBackIn(CodeDelivery::Hand | CodeDelivery::HandForMail));
        let (heading, label) = match (by_hand, self.kind) {
            (true, _) => ("recover-heading", "recover-code-label"),
            (false, CodeKind::Digits) => ("code-heading", "code-label"),
            (false, CodeKind::Letters) => ("code-heading", "code-label-long"),
        };
        let (sent, code_url, resend_url, back_url) = match self.code_for {
            CodePagePurpose::Registering { of_some } => {
                let sent = if of_some {
                    self.longer("code-sent-to-some", "code-sent-to-some-long")
                } else {
                    self.longer("code-sent", "code-sent-long")
                };
                (sent, own_paths::REGISTER_CODE, own_paths::REGISTER_RESEND, own_paths::REGISTER)
            }
            CodePagePurpose::GettingBackIn(way) => {
                let sent = match way {
                    CodeDelivery::Mail => self.longer("recover-code-sent", "recover-code-sent-long"),
                    CodeDelivery::Hand => "recover-code-admin",
                    CodeDelivery::HandForMail => "recover-code-no-mail",
                };
                (sent, own_paths::RECOVER_CODE, own_paths::RECOVER_RESEND, own_paths::RECOVER)
            }
            CodePagePurpose::ChangingAddress => {
                let sent = self.longer("account-code-sent", "account-code-sent-long");
                (sent, own_paths::ACCOUNT_ADDRESS, own_paths::ACCOUNT_ADDRESS_RESEND, own_paths::ACCOUNT)
            }
        };
        finish(&CodeTemplate {
            frame: Frame::new(chrome, words.say(heading), code_url),
            words,
            email: self.email,
            sender: self.sender,
            forget: self.forget,
            state: self.state,
            sent: words.around(sent, "email"),
            label: words.say(label),
            is_numeric: !by_hand && self.kind == CodeKind::Digits,
            notice: if by_hand { self.state.notice_by_hand(words) } else { self.notice(words) },
            code_url,
            resend_url: (!by_hand).then_some(resend_url),
            back_url: detour::returning(back_url, self.return_to),
            next_url: detour::returning(own_paths::SIGN_IN, self.return_to),
        })
    }
}

impl CodePage<'_> {
    fn longer(&self, of_digits: &'static str, of_letters: &'static str) -> &'static str {
        match self.kind {
            CodeKind::Digits => of_digits,
            CodeKind::Letters => of_letters,
        }
    }

    /// The line above the field.
    fn notice(&self, words: Words<'_>) -> Option<String> {
        match self.state {
            CodeState::Unreadable => Some(words.say(self.longer("code-unreadable", "code-unreadable-long"))),
            CodeState::Fresh => None,
            CodeState::Resent => Some(words.say(match self.code_for {
                CodePagePurpose::Registering { of_some: false } => "code-resent",
                CodePagePurpose::Registering { of_some: true } | CodePagePurpose::ChangingAddress => {
                    "code-resent-to-some"
                }
                CodePagePurpose::GettingBackIn(_) => "recover-code-resent",
            })),
            CodeState::Wait { seconds } => Some(words.with("code-wait", "seconds", seconds)),
            CodeState::Wrong { tries_left } => Some(words.with("code-wrong", "tries", tries_left)),
            CodeState::Older { tries_left } => Some(words.with("code-older", "tries", tries_left)),
            CodeState::TooOld => Some(words.say("code-too-old")),
            CodeState::UsedUp => Some(words.say("code-used-up")),
            CodeState::TooMany { wait } => Some(words.with("code-too-many", "wait", words.wait(wait))),
            CodeState::NotNow(NotNow::ChangedLately) => Some(words.say("refusal-changed-lately")),
            CodeState::NotNow(NotNow::Recovering) => Some(words.say("refusal-recovering")),
        }
    }
}

impl CodeState {
    /// Whether there is something to put right, and not just news.
    fn is_mistake(self) -> bool {
        !matches!(self, Self::Fresh | Self::Resent | Self::Wait { .. } | Self::TooMany { .. } | Self::NotNow(_))
    }

    /// The line above the field, where no mail brought the code.
    fn notice_by_hand(self, words: Words<'_>) -> Option<String> {
        match self {
            Self::Unreadable => Some(words.say("recover-admin-unreadable")),
            Self::Wrong { tries_left } | Self::Older { tries_left } => {
                Some(words.with("recover-admin-wrong", "tries", tries_left))
            }
            Self::TooOld | Self::UsedUp => Some(words.say("recover-admin-over")),
            Self::TooMany { wait } => Some(words.with("error-too-many-text", "wait", words.wait(wait))),
            Self::Fresh | Self::Resent | Self::Wait { .. } | Self::NotNow(_) => None,
        }
    }
}
