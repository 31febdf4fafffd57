//! The first line of a request's head, as it came in. Pingora writes spaces and control characters in a target as
//! escapes before other code sees it, and two servers would read two different requests.

/// What has been seen of a head's first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FirstLine {
    /// How many bytes it has, but for those at its end.
    length: usize,
    spaces: usize,
    /// Carriage returns; the last byte may be one.
    returns: usize,
    ends_with_return: bool,
    is_odd: bool,
    is_whole: bool,
}

impl FirstLine {
    /// Reads on. What follows the line is not looked at.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.is_whole && !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == b'\n');
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.read_line(line);
            let Some(end) = end else { return };
            // Empty lines may stand before it (RFC 9112 §2.2).
            if self.length > 0 {
                self.is_whole = true;
                self.is_odd |= self.returns > usize::from(self.ends_with_return);
            } else {
                *self = Self::default();
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
    }

    fn read_line(&mut self, line: &[u8]) {
        // Counted apart, so that each is one pass over many bytes at a time.
        let count = |is: fn(&u8) -> bool| line.iter().filter(|byte| is(byte)).count();
        let (returns, spaces) = (count(|&byte| byte == b'\r'), count(|&byte| byte == b' '));
        let others = count(|&byte| byte <= b' ' || byte == 0x7f) - returns - spaces;
        self.length += line.len() - returns;
        self.returns += returns;
        self.spaces += spaces;
        if let Some(last) = line.last() {
            self.ends_with_return = *last == b'\r';
        }
        self.is_odd |= others > 0 || self.spaces > 2;
    }

    /// Whether there is more in it than a method, a target and a version with one space between each, or a control
    /// character.
    pub(super) fn is_odd(&self) -> bool {
        self.is_odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_odd(bytes: &[u8]) -> bool {
        let mut whole = FirstLine::default();
        whole.read(bytes);
        // However it comes apart.
        for at in 0..=bytes.len() {
            let (start, end) = bytes.split_at(at);
            let mut parts = FirstLine::default();
            parts.read(start);
            parts.read(end);
            assert_eq!(parts, whole, "{} {}", start.escape_ascii(), end.escape_ascii());
        }
        whole.is_odd()
    }

    #[test]
    fn a_method_a_target_and_a_version_are_all_there_is() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\n",
            "\r\nGET / HTTP/1.1\r\n",
            "\n\r\nGET /a%20b?c HTTP/1.1\r\nA: b \x01c\r\n\r\n",
            "GET /",
        ] {
            assert!(!is_odd(line.as_bytes()), "{line:?}");
        }
        for line in [
            "GET /a b HTTP/1.1\r\n",
            "GET  / HTTP/1.1\r\n",
            "GET / HTTP/1.1 \r\n",
            "GET /\tHTTP/1.1\r\n",
            "GET /a\x0b HTTP/1.1\r\n",
            "GET /a\x7f HTTP/1.1\r\n",
            "GET /\0 HTTP/1.1\r\n",
            "GET /a\rb HTTP/1.1\r\n",
            "GET /a HTTP/1.1\r\r\n",
            "GET /?a b HTTP/1.1\n",
        ] {
            assert!(is_odd(line.as_bytes()), "{line:?}");
        }
    }
}
