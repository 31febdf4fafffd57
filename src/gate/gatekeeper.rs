//! What deciding about a request needs of the sign-in side.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderValue;

use crate::auth::Auth;
use crate::auth::principal::Principal;
use crate::domain::access::Admission;
use crate::domain::bearer::Bearer;
use crate::domain::clock::Timestamp;
use crate::domain::host::Host;
use crate::domain::path::RequestTarget;
use crate::domain::secret::{Secret, SecretDigest};
use crate::identity::IdentityError;
use crate::store::StoreError;

/// What deciding about a request needs of the sign-in side.
#[async_trait]
pub trait Gatekeeper: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The principal of that session token, shown at `host`, where it is in memory and good there.
    fn live(&self, token: SecretDigest, host: &Host) -> Option<Principal>;

    /// The same, read from the store.
    ///
    /// # Errors
    /// The store could not be asked, so it is not known who asks.
    async fn load(&self, token: SecretDigest, host: &Host) -> Result<Option<Principal>, StoreError>;

    /// Whether a text says of itself that it is an access token of ours. Nothing about it is verified.
    fn is_access_token(&self, text: &str) -> bool;

    /// The principal of an access token; `None` where the token is not good or its session has ended.
    ///
    /// # Errors
    /// The store could not be asked, so it is not known who asks.
    async fn bearer(&self, text: &str) -> Result<Option<Principal>, StoreError>;

    /// The identity token of a principal for an audience, ready to be sent.
    ///
    /// # Errors
    /// It could not be signed.
    fn identity_token(&self, principal: &Principal, audience: &Arc<str>) -> Result<HeaderValue, IdentityError>;

    /// The `Authorization` for an app of that audience in the place of the access token `presented`, by which the
    /// principal was found; `None` where that is not good any more.
    ///
    /// # Errors
    /// It could not be signed.
    fn forwarded_token(
        &self,
        principal: &Principal,
        presented: &str,
        audience: &Arc<str>,
    ) -> Result<Option<HeaderValue>, IdentityError>;

    /// Keeps a target on `host` that is too long for an address, for a visitor at the address `client`; its name.
    /// `None` where that cannot be done now.
    async fn bookmark(&self, host: &Host, target: &RequestTarget, client: Option<IpAddr>) -> Option<Secret>;
}

/// The `Authorization` that the app gets in the place of an access token of ours. It is a token of ours for that app,
/// where its route asks for one and the access token was good. The visitor's own token opens everything that its
/// session opens, so no app ever sees it.
///
/// # Errors
/// It could not be signed.
pub fn forwarded(
    gatekeeper: &dyn Gatekeeper,
    admission: &Admission<Principal>,
    bearer: &Bearer,
) -> Result<Option<HeaderValue>, IdentityError> {
    let demands = &admission.route().demands;
    match (admission.principal(), bearer) {
        (Some(principal), Bearer::Token(presented)) if demands.forward_authorization => {
            gatekeeper.forwarded_token(principal, presented, &demands.audience)
        }
        _ => Ok(None),
    }
}

#[async_trait]
impl Gatekeeper for Auth {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    fn live(&self, token: SecretDigest, host: &Host) -> Option<Principal> {
        self.sessions.live_at(token, host).map(Principal::Person)
    }

    async fn load(&self, token: SecretDigest, host: &Host) -> Result<Option<Principal>, StoreError> {
        Ok(self.sessions.find_at(token, host).await?.map(Principal::Person))
    }

    fn is_access_token(&self, text: &str) -> bool {
        self.sessions.is_access_token(text)
    }

    async fn bearer(&self, text: &str) -> Result<Option<Principal>, StoreError> {
        Ok(self.sessions.of_access_token(text).await?.map(Principal::Person))
    }

    fn identity_token(&self, principal: &Principal, audience: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        self.sessions.identity_token(principal, audience)
    }

    fn forwarded_token(
        &self,
        principal: &Principal,
        presented: &str,
        audience: &Arc<str>,
    ) -> Result<Option<HeaderValue>, IdentityError> {
        self.sessions.forwarded_token(principal, presented, audience)
    }

    async fn bookmark(&self, host: &Host, target: &RequestTarget, client: Option<IpAddr>) -> Option<Secret> {
        self.bookmarks.keep(host, target, client).await
    }
}

/// A gateway where no visitor is signed in.
#[cfg(test)]
#[derive(Debug)]
pub struct NoneSignedIn;

#[cfg(test)]
#[async_trait]
impl Gatekeeper for NoneSignedIn {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(0)
    }

    fn live(&self, _: SecretDigest, _: &Host) -> Option<Principal> {
        None
    }

    async fn load(&self, _: SecretDigest, _: &Host) -> Result<Option<Principal>, StoreError> {
        Ok(None)
    }

    fn is_access_token(&self, _: &str) -> bool {
        false
    }

    async fn bearer(&self, _: &str) -> Result<Option<Principal>, StoreError> {
        Ok(None)
    }

    fn identity_token(&self, _: &Principal, _: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        Err(IdentityError::NoKey)
    }

    fn forwarded_token(&self, _: &Principal, _: &str, _: &Arc<str>) -> Result<Option<HeaderValue>, IdentityError> {
        Ok(None)
    }

    async fn bookmark(&self, _: &Host, _: &RequestTarget, _: Option<IpAddr>) -> Option<Secret> {
        None
    }
}
