//! How the visitor who goes on with a pending step is known to be the one who began it.

/// How the visitor who goes on with a pending step is known to be the one who began it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// By the browser's cookie, or by the ticket that its client asked for.
    #[default]
    Cookie,
    /// By the code: it was begun over the API by a client that has neither. So it opens only where nothing else waits
    /// for the address. Otherwise the owner of the address could type, into their own client, a code that a stranger
    /// caused, and so finish what the stranger began ([`super::otp::candidates`]).
    Code {
        /// The network it was begun from, by which the same client is guessed when it asks for another code, as
        /// [`super::visitor::network`] names it.
        network: Vec<u8>,
    },
}
