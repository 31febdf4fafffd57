//! Everything of a row as text, also what its `Debug` hides, so that rows can be compared.

use bmauth::domain::account::Account;
use bmauth::domain::activity::Event;
use bmauth::domain::ceremony::{Ceremony, CeremonyPurpose, Makes};
use bmauth::domain::letter::Letter;
use bmauth::domain::link::Link;
use bmauth::domain::passkey::{NewPasskey, Passkey};
use bmauth::domain::profile::Metadata;
use bmauth::domain::recovery::{Hold, Recovery};
use bmauth::domain::registration::Registration;
use bmauth::domain::session::Session;
use bmauth::domain::signing_key::SigningKey;
use bmauth::domain::token_family::TokenFamily;

pub trait Shown {
    fn shown(&self) -> String;
}

impl Shown for Ceremony {
    fn shown(&self) -> String {
        let hidden = match &self.purpose {
            CeremonyPurpose::Make { makes: Makes::Registration { email, profile }, state, .. } => {
                format!("{} {} {}", email.as_str(), profile.metadata.shown(), json(state))
            }
            CeremonyPurpose::Make { state, .. } => json(state),
            CeremonyPurpose::Prove { state, .. } => json(state),
        };
        format!("{self:?} {hidden}")
    }
}

impl Shown for Registration {
    fn shown(&self) -> String {
        let metadata = self.profile.metadata.shown();
        format!("{self:?} {} {metadata} {}", self.email.as_str(), self.passkey.shown())
    }
}

impl Shown for Account {
    fn shown(&self) -> String {
        format!("{self:?} {} {}", self.email.as_str(), self.metadata.shown())
    }
}

impl Shown for Metadata {
    fn shown(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Shown for NewPasskey {
    fn shown(&self) -> String {
        format!("{self:?} {}", json(&self.credential))
    }
}

impl Shown for Passkey {
    fn shown(&self) -> String {
        format!("{self:?} {}", self.key.shown())
    }
}

impl Shown for Session {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for TokenFamily {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for Link {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for Recovery {
    fn shown(&self) -> String {
        format!("{self:?} {}", self.email.as_str())
    }
}

impl Shown for Hold {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for Event {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for Letter {
    fn shown(&self) -> String {
        format!("{self:?} {}", self.to.as_str())
    }
}

impl Shown for SigningKey {
    fn shown(&self) -> String {
        format!("{self:?} {:?}", self.pkcs8.0)
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), T::shown)
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> String {
        self.iter().map(T::shown).collect::<Vec<_>>().join("\n")
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}
