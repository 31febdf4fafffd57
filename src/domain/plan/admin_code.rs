//! Changes of operators' codes.

use super::effects::Effects;
use crate::domain::account::AccountId;
use crate::domain::admin_code::{AdminCode, CodeDigest};

/// A change of an operator's code.
#[derive(Clone, Debug)]
pub enum AdminCodeChange {
    /// Keeps an operator's code in place of any other of the same account, which must exist.
    Put(AdminCode),
    /// Takes an operator's code away. It must still be out.
    Spend {
        /// The account that the code opens.
        account: AccountId,
        /// The code that is out.
        digest: CodeDigest,
    },
}

impl AdminCodeChange {
    /// Notes what it brings about beside itself.
    pub(super) fn note(&self, _: &mut Effects) {
        match self {
            Self::Put(_) | Self::Spend { .. } => {}
        }
    }
}
