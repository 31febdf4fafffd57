//! The chunks of a request's body as they come in, held to their grammar (RFC 9112 §7.1). Pingora takes a size of no
//! digits for the end, where another server finds a fault or goes on. Then what follows would be the next request to
//! one and part of this one to the other.

/// What has been read of a body in chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Chunks {
    /// At the start of a chunk, or within its size: so many digits, and what they say.
    #[default]
    Start,
    Size(u8, u64),
    /// Behind the size, where only spaces and an extension may follow.
    Space(u64),
    Extension(u64),
    /// Behind the carriage return that ends that line.
    Line(u64),
    /// Within the data: so many bytes are left.
    Data(u64),
    DataReturn,
    DataLine,
    /// At the start of a line of the trailers, within one, and behind their carriage returns.
    Trailer,
    TrailerRest,
    TrailerLine,
    LastLine,
    End,
    Broken,
}

/// The most digits of a size.
const MOST_DIGITS: u8 = 16;

impl Chunks {
    /// Reads on; returns whether nothing was wrong so far. What follows the end is not looked at.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while !matches!(self, Self::End | Self::Broken) {
            if let Self::Data(left) = *self {
                let here = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                rest = rest.get(here..).unwrap_or_default();
                let left = left - u64::try_from(here).unwrap_or(left);
                *self = if left == 0 { Self::DataReturn } else { Self::Data(left) };
            }
            let Some((&byte, after)) = rest.split_first() else { break };
            rest = after;
            *self = self.next(byte);
        }
        *self != Self::Broken
    }

    fn next(self, byte: u8) -> Self {
        let digit = || char::from(byte).to_digit(16).map(u64::from);
        // What may stand in an extension or a trailer: all but what could end the line somewhere.
        let is_text = byte == b'\t' || !byte.is_ascii_control();
        match (self, byte) {
            (Self::Start, _) => digit().map_or(Self::Broken, |digit| Self::Size(1, digit)),
            (Self::Size(digits, size), _) if digit().is_some() => match digit() {
                Some(digit) if digits < MOST_DIGITS => Self::Size(digits + 1, size << 4 | digit),
                _ => Self::Broken,
            },
            (Self::Size(_, size) | Self::Space(size) | Self::Extension(size), b';') => Self::Extension(size),
            (Self::Size(_, size) | Self::Space(size), b' ' | b'\t') => Self::Space(size),
            (Self::Size(_, size) | Self::Extension(size), b'\r') => Self::Line(size),
            (Self::Extension(size), _) if is_text => Self::Extension(size),
            (Self::Line(0), b'\n') => Self::Trailer,
            (Self::Line(size), b'\n') => Self::Data(size),
            (Self::DataReturn, b'\r') => Self::DataLine,
            (Self::DataLine, b'\n') => Self::Start,
            (Self::Trailer, b'\r') => Self::LastLine,
            (Self::LastLine, b'\n') => Self::End,
            (Self::TrailerRest, b'\r') => Self::TrailerLine,
            (Self::TrailerLine, b'\n') => Self::Trailer,
            (Self::Trailer, _) if is_text && byte != b' ' && byte != b'\t' => Self::TrailerRest,
            (Self::TrailerRest, _) if is_text => Self::TrailerRest,
            _ => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Chunks {
        let mut whole = Chunks::default();
        whole.read(bytes);
        // However it comes apart.
        for at in 0..=bytes.len() {
            let (start, end) = bytes.split_at(at);
            let mut parts = Chunks::default();
            parts.read(start);
            parts.read(end);
            assert_eq!(parts, whole, "{} {}", start.escape_ascii(), end.escape_ascii());
        }
        whole
    }

    #[test]
    fn chunks_as_they_are_written_are_read_to_their_end() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "00005\r\nhello\r\n000\r\n\r\n",
            "A;name=\"a b\";x\r\n0123456789\r\n0;y\r\n\r\n",
            "2 ;x\r\n\r\n\r\n0\r\n\r\n",
            "1\r\nx\r\n0\r\nExpires: now\r\nX:\r\n\r\n",
            "0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(read(body.as_bytes()), Chunks::End, "{body:?}");
        }
        for body in ["", "5", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "ffffffffffffffff\r\nx"] {
            assert!(!matches!(read(body.as_bytes()), Chunks::End | Chunks::Broken), "{body:?}");
        }
    }

    #[test]
    fn what_servers_read_differently_is_broken() {
        for body in [
            "\r\n\r\n",
            "\r\n0\r\n\r\n",
            ";x\r\n\r\n",
            " 5\r\nhello",
            "5 \r\nhello",
            "5\nhello\n0\n\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\r\nhello",
            "5;a\rb\r\nhello",
            "5;a\nb\r\nhello",
            "0x5\r\nhello",
            "+5\r\nhello",
            "-1\r\n",
            "5_0\r\n",
            "00000000000000005\r\nhello",
            "g\r\n",
            "0\r\n \r\n\r\n",
            "0\r\nX: a\rb\r\n\r\n",
            "0\r\nX: a\nb\r\n\r\n",
            "0\r\n\rx",
        ] {
            assert_eq!(read(body.as_bytes()), Chunks::Broken, "{body:?}");
        }
    }
}
