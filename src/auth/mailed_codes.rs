//! What the flows need of mailed codes: their digits, and what is counted of them.

use super::core::Core;
use crate::domain::code::{Code, CodeId};
use crate::domain::code_counters::CodeCounters;
use crate::domain::email::Email;
use crate::domain::visitor::Visitor;

impl Core {
    /// The digits of a code.
    pub(super) fn code(&self, id: CodeId) -> Code {
        Code::derive(&self.keys.codes, id)
    }

    /// What counts the codes of an address, and those that the visitor's network causes.
    pub(super) fn code_counters(&self, email: &Email, visitor: &Visitor) -> CodeCounters {
        let (email, network) = (email.as_str().as_bytes(), visitor.network());
        CodeCounters {
            letters: self.keys.counter(&[b"letters", email]),
            letters_from_network: self.keys.counter(&[b"letters from", email, &network]),
            network: self.keys.counter(&[b"letters of network", &network]),
            tries: self.keys.counter(&[b"tries", email]),
        }
    }
}
