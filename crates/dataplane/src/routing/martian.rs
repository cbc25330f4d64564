//! Addresses that no packet on its way through a router may have (RFC 1812 5.3.7, RFC 4291 2.5 and 2.7).

/// What is wrong with an address, if anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing.
    Sound,
    /// It means something on one link only: a packet with it may be for the switch, and is not forwarded (RFC 3927 7,
    /// RFC 4291 2.5.6).
    Link,
    /// No packet that is forwarded or for the switch may have it.
    Martian,
}

/// By first octet: nothing is wrong with an address, whatever follows.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut at = 0;
    while at < 256 {
        plain[at] = !matches!(at, 0 | 127 | 169 | 224..);
        at += 1;
    }
    plain
};

/// Nothing is wrong with it, as can be told at a glance: almost all addresses are so.
#[inline(always)]
pub(crate) fn is_plain_ipv4(address: u32) -> bool {
    PLAIN[(address >> 24) as usize]
}

/// As [`is_plain_ipv4`].
#[inline(always)]
pub(crate) fn is_plain_ipv6(address: u128) -> bool {
    ((address >> 112) as u16).wrapping_sub(1) < 0xfe7f
}

/// 0/8, 127/8, 224/4, and 240/4 with the broadcast address: of groups only what concerns the link is listened to, and that is told
/// before.
#[inline(always)]
pub(crate) fn of_ipv4(address: u32) -> Scope {
    match address >> 24 {
        0 | 127 | 224.. => Scope::Martian,
        169 if address >> 16 == 0xa9fe => Scope::Link,
        _ => Scope::Sound,
    }
}

/// `::`, `::1`, ff00::/8.
#[inline(always)]
pub(crate) fn of_ipv6(address: u128) -> Scope {
    match (address >> 112) as u16 {
        0 if address <= 1 => Scope::Martian,
        0xff00.. => Scope::Martian,
        0xfe80..=0xfebf => Scope::Link,
        _ => Scope::Sound,
    }
}

/// 224.0.0.0/24, which ends at the link (RFC 5771 4).
pub(crate) fn is_link_group_ipv4(address: u32) -> bool {
    address >> 8 == 0xe0_0000
}

/// ff02::/16, which ends at the link (RFC 4291 2.7).
pub(crate) fn is_link_group_ipv6(address: u128) -> bool {
    address >> 112 == 0xff02
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn each_range_to_its_ends() {
        for (address, expected) in [
            ("0.0.0.0", Scope::Martian),
            ("0.255.255.255", Scope::Martian),
            ("1.0.0.0", Scope::Sound),
            ("126.255.255.255", Scope::Sound),
            ("127.0.0.0", Scope::Martian),
            ("128.0.0.0", Scope::Sound),
            ("169.253.255.255", Scope::Sound),
            ("169.254.0.0", Scope::Link),
            ("169.254.255.255", Scope::Link),
            ("169.255.0.0", Scope::Sound),
            ("223.255.255.255", Scope::Sound),
            ("224.0.0.0", Scope::Martian),
            ("240.0.0.1", Scope::Martian),
            ("255.255.255.255", Scope::Martian),
        ] {
            let bits = address.parse::<Ipv4Addr>().unwrap().to_bits();
            assert_eq!(of_ipv4(bits), expected, "{address}");
            assert!(!is_plain_ipv4(bits) || expected == Scope::Sound, "{address}");
        }
        for (address, expected) in [
            ("::", Scope::Martian),
            ("::1", Scope::Martian),
            ("::2", Scope::Sound),
            ("2001:db8::1", Scope::Sound),
            ("fe7f:ffff::", Scope::Sound),
            ("fe80::1", Scope::Link),
            ("febf:ffff::", Scope::Link),
            ("fec0::1", Scope::Sound),
            ("ff00::", Scope::Martian),
            ("ffff::1", Scope::Martian),
        ] {
            let bits = address.parse::<Ipv6Addr>().unwrap().to_bits();
            assert_eq!(of_ipv6(bits), expected, "{address}");
            assert!(!is_plain_ipv6(bits) || expected == Scope::Sound, "{address}");
        }
    }
}
