//! The PROXY protocol, versions 1 and 2: a proxy in front says at the start of a connection whose it is.

use std::io;
use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, with its end.
const LONGEST_LINE: usize = 107;
/// How much version 2 may say besides: addresses, and a few more things that the gateway does not read.
const MOST: usize = 4096;

/// Reads what is said at the start of a connection: its source, or `None` where that is the proxy itself, as for a
/// check of its own. Not a byte beyond is read.
///
/// # Errors
/// It says nothing of the kind, or the connection breaks off.
pub(super) async fn source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut said = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut said).await?;
    if said == SIGNATURE {
        said.extend([0; 4]);
        stream.read_exact(said.get_mut(SIGNATURE.len()..).unwrap_or_default()).await?;
        let length = match said.as_slice() {
            [.., high, low] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => 0,
        };
        if length > MOST {
            return Err(malformed());
        }
        let begun = said.len();
        said.resize(begun + length, 0);
        stream.read_exact(said.get_mut(begun..).unwrap_or_default()).await?;
    } else {
        while !said.ends_with(b"\n") {
            if !said.starts_with(b"PROXY ") || said.len() == LONGEST_LINE {
                return Err(malformed());
            }
            said.push(stream.read_u8().await?);
        }
    }
    match HeaderResult::parse(&said) {
        HeaderResult::V1(Ok(v1::Header { addresses, .. })) => Ok(match addresses {
            v1::Addresses::Unknown => None,
            v1::Addresses::Tcp4(v4) => Some((v4.source_address, v4.source_port).into()),
            v1::Addresses::Tcp6(v6) => Some((v6.source_address, v6.source_port).into()),
        }),
        HeaderResult::V2(Ok(v2::Header { command, addresses, .. })) => Ok(match (command, addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(v4)) => Some((v4.source_address, v4.source_port).into()),
            (v2::Command::Proxy, v2::Addresses::IPv6(v6)) => Some((v6.source_address, v6.source_port).into()),
            (v2::Command::Local, _) | (_, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => None,
        }),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(malformed()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not what the PROXY protocol begins with")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn read(said: &[u8]) -> (Result<Option<String>, io::ErrorKind>, Vec<u8>) {
        let mut stream = said;
        let source = source(&mut stream).now_or_never().expect("all is there");
        let source = source.map(|source| source.map(|source| source.to_string())).map_err(|error| error.kind());
        (source, stream.to_vec())
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[0x20 | command, family], &length, body, b"GET /"].concat()
    }

    #[test]
    fn the_source_is_read_and_not_a_byte_more() {
        let v4 = [203, 0, 113, 9, 10, 0, 0, 1, 0xc0, 0, 0x20, 0xfb];
        let mut v6 = [0; 36];
        (v6[0], v6[1], v6[15], v6[32]) = (0x20, 1, 7, 1);
        for (said, source) in [
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 49152 8443\r\nGET /".to_vec(), Some("203.0.113.9:49152")),
            (b"PROXY TCP6 2001::7 2001::8 256 8443\r\nGET /".to_vec(), Some("[2001::7]:256")),
            (b"PROXY UNKNOWN\r\nGET /".to_vec(), None),
            (binary(1, 0x11, &v4), Some("203.0.113.9:49152")),
            (binary(1, 0x11, &[&v4[..], &[4, 0, 1, 0]].concat()), Some("203.0.113.9:49152")),
            (binary(1, 0x21, &v6), Some("[2001::7]:256")),
            (binary(0, 0, &[]), None),
            (binary(0, 0x11, &v4), None),
            (binary(1, 0, &[]), None),
        ] {
            assert_eq!(read(&said), (Ok(source.map(str::to_owned)), b"GET /".to_vec()), "{}", said.escape_ascii());
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let mut long = SIGNATURE.to_vec();
        long.extend([0x21, 0x11, 0xff, 0xff]);
        for said in [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9\r\n".to_vec(),
            b"PROXY TCP4 999.0.113.9 10.0.0.1 49152 8443\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 49152 8443\n".to_vec(),
            [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat(),
            binary(1, 0x11, &[1, 2, 3]),
            binary(7, 0x11, &[0; 12]),
            long,
        ] {
            assert_eq!(read(&said).0, Err(io::ErrorKind::InvalidData), "{}", said.escape_ascii());
        }
        for cut in [b"".as_slice(), b"PROXY", b"PROXY TCP4 203.0", &binary(1, 0x11, &[0; 12])[..20]] {
            assert_eq!(read(cut).0, Err(io::ErrorKind::UnexpectedEof));
        }
    }
}
