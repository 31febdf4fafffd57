//! A host as a client names it.

use std::ops::Deref;

use http::HeaderValue;

use crate::domain::host::{Authority, HostError};
use crate::gate::refusal::GateRefusal;

/// A host and port as a client wrote them, read.
#[derive(Debug)]
pub(super) struct NamedHost {
    raw: Box<[u8]>,
    authority: Authority,
    /// In the one spelling in which it is passed on.
    pub(super) written: HeaderValue,
}

impl NamedHost {
    /// # Errors
    /// It is not a host.
    pub(super) fn read(raw: &[u8]) -> Result<Self, GateRefusal> {
        let authority = Authority::parse(raw).map_err(GateRefusal::MalformedHost)?;
        let written = HeaderValue::try_from(authority.to_string())
            .map_err(|_| GateRefusal::MalformedHost(HostError::Character))?;
        Ok(Self { raw: raw.into(), authority, written })
    }

    /// Whether this is what `raw` says.
    pub(super) fn is(&self, raw: &[u8]) -> bool {
        *self.raw == *raw
    }
}

impl Deref for NamedHost {
    type Target = Authority;

    fn deref(&self) -> &Authority {
        &self.authority
    }
}
