//! Why a browser made or used no passkey, by the name of the error (WebAuthn L3 §5.1.3, §5.1.4, and what browsers throw
//! besides).

/// What the browser was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyCall {
    /// To make a passkey.
    Create,
    /// To use a passkey.
    Get,
}

impl PasskeyCall {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Create, Self::Get];

    /// The name of the call, as browsers have it on `navigator.credentials`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
        }
    }
}

/// The names of errors that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebauthnError {
    /// Closed, timed out, or nothing there that fits: browsers do not say which.
    NotAllowed,
    /// The device has a passkey of the account already.
    InvalidState,
    /// Stopped by a script that is not ours.
    Abort,
    /// Nothing that can verify its user, or keep a passkey.
    Constraint,
    /// No algorithm, or nothing else, that both sides know.
    NotSupported,
    /// The browser could not speak with what keeps the passkeys.
    NotReadable,
    /// The authenticator failed, and says no more.
    Unknown,
    /// What was asked for, or came, was incomplete.
    Data,
    /// What was asked for could not be written for the authenticator.
    Encoding,
    /// The authenticator failed at it.
    Operation,
    /// It took too long.
    Timeout,
    /// The page's address has no part in the passkey domain, or is not secure.
    Security,
    /// An object is not what it should be: ours, or a password manager's.
    Type,
    /// An object of ours could not be passed on by a password manager.
    DataClone,
    /// Any name that the standard does not have.
    Other,
}

impl WebauthnError {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::NotAllowed,
        Self::InvalidState,
        Self::Abort,
        Self::Constraint,
        Self::NotSupported,
        Self::NotReadable,
        Self::Unknown,
        Self::Data,
        Self::Encoding,
        Self::Operation,
        Self::Timeout,
        Self::Security,
        Self::Type,
        Self::DataClone,
        Self::Other,
    ];

    /// The error of that name.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|error| error.as_str() == name).unwrap_or(Self::Other)
    }

    /// Its name, as scripts know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "NotAllowedError",
            Self::InvalidState => "InvalidStateError",
            Self::Abort => "AbortError",
            Self::Constraint => "ConstraintError",
            Self::NotSupported => "NotSupportedError",
            Self::NotReadable => "NotReadableError",
            Self::Unknown => "UnknownError",
            Self::Data => "DataError",
            Self::Encoding => "EncodingError",
            Self::Operation => "OperationError",
            Self::Timeout => "TimeoutError",
            Self::Security => "SecurityError",
            Self::Type => "TypeError",
            Self::DataClone => "DataCloneError",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_its_name_and_no_other_name_by_any() {
        for (number, error) in WebauthnError::ALL.into_iter().enumerate() {
            assert_eq!(WebauthnError::of(error.as_str()), error);
            assert_eq!(error as usize, number);
        }
        for name in ["", "notallowederror", "NotAllowedError ", "NotFoundError", "maria@example.com"] {
            assert_eq!(WebauthnError::of(name), WebauthnError::Other, "{name}");
        }
    }
}
