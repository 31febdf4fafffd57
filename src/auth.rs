//! The driver of the flows: loads the facts, calls the pure step, commits its plan.
//!
//! Each flow has a file and a type here beside its file of steps in [`crate::domain`], and every step is one function
//! of the same shape. All of them stand on one `core`; `assertion` and `attestation` are the two halves of WebAuthn
//! that they share.

mod assertion;
mod attestation;
pub mod bookmarks;
mod core;
pub mod failure;
pub mod hand_off;
pub mod keys;
pub mod ledger;
pub mod link;
mod mailed_codes;
pub mod manage;
pub mod moving;
pub mod operate;
pub mod otp;
pub mod passkeys;
pub mod principal;
pub mod recover;
pub mod register;
pub mod rotation;
pub mod sessions;
pub mod sign_in;
pub mod starting;
pub mod tokens;
pub mod verifying;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use self::core::Core;
use crate::counts::Counts;
use crate::counts::store::StoreCounts;
use crate::domain::clock::{Clock, Entropy, Timestamp};
use crate::domain::known_device::KnownDevice;
use crate::domain::plan::Counter;
use crate::domain::press::Press;
use crate::domain::recover::RecoveryPolicy;
use crate::domain::register::RegisterPolicy;
use crate::domain::visitor::Visitor;
use crate::identity::Identity;
use crate::mail::transport::Transport;
use crate::store::StoreError;
use bookmarks::Bookmarks;
use hand_off::HandOffFlow;
use keys::DerivedKeys;
use ledger::Ledger;
use link::LinkFlow;
use manage::ManageFlow;
use moving::MoveFlow;
use operate::OperateFlow;
use otp::OtpFlow;
use passkeys::RelyingParty;
use recover::RecoverFlow;
use register::RegisterFlow;
use sessions::Sessions;
use sign_in::SignInFlow;
use starting::SignedInBrowser;
use tokens::TokensFlow;
use verifying::Verifying;

/// The sign-in side of the gateway.
pub struct Auth {
    /// Who is signed in.
    pub sessions: Sessions,
    /// Registering: a new account with its first passkey.
    pub register: RegisterFlow,
    /// Signing in with a passkey.
    pub sign_in: SignInFlow,
    /// Signing a second device in from the first.
    pub link: LinkFlow,
    /// Getting back in.
    pub recover: RecoverFlow,
    /// What "My devices" and "My account" do.
    pub manage: ManageFlow,
    /// Changing an account's address.
    pub moving: MoveFlow,
    /// E-mailed codes over the API.
    pub otp: OtpFlow,
    /// Sessions of clients of the API.
    pub tokens: TokensFlow,
    /// One sign-in for several hosts.
    pub hand_off: HandOffFlow,
    /// What an operator does.
    pub operate: OperateFlow,
    /// Where visitors wanted to go.
    pub bookmarks: Bookmarks,
    core: Arc<Core>,
}

/// What [`Auth`] is made of.
pub struct AuthParts {
    /// Where everything is kept.
    pub ledger: Arc<Ledger>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What random names and secrets are drawn from.
    pub entropy: Arc<dyn Entropy>,
    /// The relying party.
    pub relying_party: RelyingParty,
    /// Where signatures are verified.
    pub verifying: Arc<Verifying>,
    /// The signer of identity tokens.
    pub identity: Arc<Identity>,
    /// Who may register.
    pub policy: RegisterPolicy,
    /// How a person without their passkey gets back in.
    pub recovery: RecoveryPolicy,
    /// Whether a second device may be signed in from the first.
    pub linking: link::LinkPolicy,
    /// How long an elevation of a session lasts.
    pub elevation: Duration,
    /// The keys derived from the master secret.
    pub keys: DerivedKeys,
    /// What is counted.
    pub counts: Arc<Counts>,
    /// How letters leave.
    pub post: Arc<dyn Transport>,
}

impl Auth {
    /// Puts the parts together.
    pub fn new(parts: AuthParts) -> Self {
        let AuthParts {
            ledger,
            clock,
            entropy,
            relying_party,
            verifying,
            identity,
            policy,
            recovery,
            linking,
            elevation,
            keys,
            counts,
            post,
        } = parts;
        let links = ledger.links();
        let core = Arc::new(Core {
            records: ledger.records(),
            table: ledger.sessions(),
            ledger,
            clock,
            entropy,
            relying_party: Arc::new(relying_party),
            verifying,
            identity,
            keys,
            counts,
            post,
        });
        let of_core = || Arc::clone(&core);
        let sessions = Sessions::new(of_core());
        let register = RegisterFlow::new(of_core(), policy);
        let recover = RecoverFlow::new(of_core(), sessions.clone(), recovery);
        let sign_in = SignInFlow::new(of_core(), recover.clone());
        let tokens = TokensFlow::new(of_core(), sessions.clone(), sign_in.clone());
        let moving = MoveFlow::new(of_core(), sessions.clone(), register.clone());
        Self {
            link: LinkFlow::new(of_core(), sessions.clone(), links, linking),
            manage: ManageFlow::new(of_core(), sessions.clone(), tokens.clone(), moving.clone(), elevation),
            moving,
            otp: OtpFlow::new(of_core(), register.clone(), recover.clone(), tokens.clone()),
            operate: OperateFlow::new(of_core(), sessions.clone()),
            hand_off: HandOffFlow::new(of_core(), sessions.clone()),
            bookmarks: Bookmarks::new(of_core()),
            sessions,
            register,
            sign_in,
            recover,
            tokens,
            core,
        }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// What random names and secrets are drawn from.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.core.entropy
    }

    /// The signer of identity tokens.
    pub fn identity(&self) -> &Identity {
        &self.core.identity
    }

    /// Where everything is kept.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.core.ledger
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.core.records.ready().await
    }

    /// Whether other gateways may have the same store.
    pub fn shares_its_store(&self) -> bool {
        self.core.records.is_shared()
    }

    /// The bucket of a network that all gateways of the store have in common, by what it limits. Nothing of the network
    /// can be told from its name.
    pub fn bucket(&self, limits: &str, network: &[u8]) -> Counter {
        self.core.keys.counter(&[b"bucket", limits.as_bytes(), network])
    }

    /// What is counted of the store.
    pub fn store_counts(&self) -> Option<&StoreCounts> {
        self.core.records.counts()
    }

    /// A token for the forms of one page shown to that visitor, so that only our own pages can send them. It is of
    /// their session where they have one: an attacker who planted a browser's flow cookie knows that one alone.
    pub fn form_token(&self, visitor: &Visitor) -> String {
        let nonce = self.entropy().uuid();
        let mac = self.core.keys.forms.mac_text(&form_token_parts(visitor, nonce.as_bytes()));
        format!("{}.{mac}", nonce.simple())
    }

    /// Whether `given` is the token of a page that was shown to that visitor.
    pub fn form_token_fits(&self, visitor: &Visitor, given: &str) -> bool {
        let Some((nonce, mac)) = given.split_once('.') else { return false };
        let nonce = Uuid::try_parse(nonce).ok().filter(|uuid| *nonce == *uuid.simple().to_string());
        nonce.is_some_and(|nonce| self.core.keys.forms.verify_text(&form_token_parts(visitor, nonce.as_bytes()), mac))
    }

    /// What a visitor's browser is known by, which has signed in. Its first name follows from its session's token, so
    /// that the same press is answered the same again.
    pub fn known_device(&self, visitor: &Visitor, signed_in: &SignedInBrowser) -> KnownDevice {
        let key = &self.core.keys.known_devices;
        let device = visitor.device.clone().unwrap_or_else(|| KnownDevice::named_after(&signed_in.token, key));
        device.known_to(signed_in.session.account, key)
    }

    /// What was pressed, on a page with that token; `name` is what its script calls the press.
    pub fn press(&self, token: &str, name: &str, step: &str, body: &[u8]) -> Press {
        Press::new(&self.core.keys.presses, token, name, step, body)
    }
}

fn form_token_parts<'a>(visitor: &'a Visitor, nonce: &'a [u8; 16]) -> [&'a [u8]; 3] {
    match &visitor.session {
        Some(session) => [b"session", session.bytes(), nonce],
        None => [b"flow", visitor.browser.bytes(), nonce],
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("core", &self.core).finish_non_exhaustive()
    }
}
