//! How whoever goes on with something pending is known to be the one who began it.

/// How whoever goes on with something pending is known to be the one who began it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// By the browser's cookie.
    #[default]
    Cookie,
    /// By the code: it was begun over the API by a client that keeps no cookie. And by the network, or the code that
    /// somebody else caused, typed by the owner of the address into their own client, would finish what that somebody
    /// began ([`super::otp::candidates`]).
    Code {
        /// The network it was begun from, as [`super::visitor::network`] names it.
        network: Vec<u8>,
    },
}
