//! Names of header fields as the laxest server might read them, and those that no client may send. Lists are folded
//! already.

/// Fields by which some gateway tells an app who asks.
pub const KNOWN: [&[u8]; 11] = [
    b"remoteuser",
    b"remoteemail",
    b"remotename",
    b"remotegroups",
    b"xforwardeduser",
    b"xforwardedemail",
    b"xforwardedgroups",
    b"xforwardedpreferredusername",
    b"xforwardedaccesstoken",
    b"xremoteuser",
    b"xbmauthjwt",
];
/// What the names of such fields begin with: an app that stood behind another gateway before may still believe them.
pub const FAMILIES: [&[u8]; 8] = [
    b"xauthrequest",
    b"xauthenticated",
    b"xauthentik",
    b"xwebauth",
    b"xpomerium",
    b"xgoogiap",
    b"xgoogauthenticated",
    b"cfaccess",
];
/// Becomes the variable `HTTP_PROXY` in CGI, by which an app's own requests would be led elsewhere (CVE-2016-5385).
pub const CGI_VARIABLE: &[u8] = b"proxy";
/// Fields that some servers take for the real target, by which nothing was decided.
pub const OTHER_TARGET: [&[u8]; 6] =
    [b"xoriginalurl", b"xoriginaluri", b"xrewriteurl", b"xforwardeduri", b"xforwardedurl", b"xforwardedpath"];

/// A field name of which only letters and digits count, small letters and capitals alike. CGI alone makes one of `-` and
/// `_`, and others of `.` too.
#[derive(Clone, Copy, Debug)]
pub struct Folded {
    bytes: [u8; Self::KEPT],
    length: usize,
    whole: bool,
}

impl Folded {
    /// Longer names are compared by their beginning only, and equal none whole.
    const KEPT: usize = 64;

    /// Folds a name.
    pub fn of(name: &str) -> Self {
        let mut folded = Self { bytes: [0; Self::KEPT], length: 0, whole: true };
        for byte in name.bytes().filter(u8::is_ascii_alphanumeric) {
            let Some(place) = folded.bytes.get_mut(folded.length) else {
                folded.whole = false;
                break;
            };
            *place = byte.to_ascii_lowercase();
            folded.length += 1;
        }
        folded
    }

    /// What is left of the name, in small letters; of a long one its beginning.
    pub fn start(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether this is all that is left of `name`, which is folded already.
    pub fn is(&self, name: &[u8]) -> bool {
        self.whole && self.start() == name
    }

    /// Whether it is one of `names`, which are folded already.
    pub fn is_any(&self, names: &[&[u8]]) -> bool {
        names.iter().any(|name| self.is(name))
    }

    /// Whether some app may take it for one of ours that says who asks: one of the [`KNOWN`], the [`FAMILIES`], or
    /// `identity`, the name that the token has here.
    pub fn is_of_identity(&self, identity: &Self) -> bool {
        self.start() == identity.start() || self.is_any(&KNOWN) || self.begins_as_any(&FAMILIES)
    }

    /// Whether it begins as one of `families`, which are folded already.
    pub fn begins_as_any(&self, families: &[&[u8]]) -> bool {
        families.iter().any(|family| self.start().starts_with(family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_capitals_do_not_count() {
        for name in ["X-BMAuth-JWT", "x_bmauth_jwt", "x.bmauth.jwt", "XBmauthJwt", "-x!bmauth~jwt-"] {
            assert!(Folded::of(name).is(b"xbmauthjwt"), "{name}");
        }
        for name in ["x-bmauth-jwts", "x-bmauth", "", "y-bmauth-jwt"] {
            assert!(!Folded::of(name).is(b"xbmauthjwt"), "{name}");
        }
    }

    #[test]
    fn what_tells_an_app_who_asks_is_known_in_any_spelling() {
        let identity = Folded::of("X-Who");
        for name in ["x_who", "X-Who", "Remote-User", "remote.groups", "X-Auth-Request-Email", "CF-Access-Jwt"] {
            assert!(Folded::of(name).is_of_identity(&identity), "{name}");
        }
        for name in ["X-Whom", "Remote-Addr", "X-Env", "Authorization"] {
            assert!(!Folded::of(name).is_of_identity(&identity), "{name}");
        }
    }

    #[test]
    fn a_long_name_is_known_by_its_beginning_alone() {
        let long = format!("x-auth-request-{}", "a".repeat(100));
        let folded = Folded::of(&long);
        assert!(folded.begins_as_any(&[b"xauthrequest"]));
        assert!(!folded.is(folded.start()));
    }
}
