//! Networks, as limits count them.

use std::net::{IpAddr, Ipv6Addr};

/// The network of an address: an IPv4 address alone, or the /64 of an IPv6 address, which one household holds whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// That of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        })
    }

    /// The bytes that name it.
    pub fn bytes(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().into_iter().take(8).collect(),
        }
    }
}

/// Whether an address is none of the internet: loopback (RFC 1122, 4291), private (RFC 1918, 4193), shared (RFC 6598)
/// or link-local.
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let shared = matches!(address.octets(), [100, second, ..] if second & 0xc0 == 0x40);
            address.is_loopback() || address.is_private() || address.is_link_local() || shared
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8:1:2::1").bytes(), [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2]);
        assert_eq!(of("192.0.2.1").bytes(), [192, 0, 2, 1]);
    }
}
