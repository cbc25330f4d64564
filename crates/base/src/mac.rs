use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A MAC address (EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
    /// `00:00:00:00:00:00`, which no station may use.
    pub const ZERO: MacAddr = MacAddr([0; 6]);

    /// The group bit is set: multicast or broadcast (IEEE 802-2014 8.2).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// An address of one station: neither group nor zero.
    pub fn is_unicast(self) -> bool {
        !self.is_group() && self != Self::ZERO
    }

    /// All ones.
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// The U/L bit is set (IEEE 802-2014 8.4).
    pub const fn is_locally_administered(self) -> bool {
        self.0[0] & 2 == 2
    }

    /// The last octet, when the address is one of the sixteen that a bridge never forwards by itself:
    /// 01-80-C2-00-00-00 to 0F (IEEE 802.1Q-2022 table 8-1).
    pub fn reserved_group(self) -> Option<u8> {
        match self.0 {
            [0x01, 0x80, 0xc2, 0, 0, last] if last < 0x10 => Some(last),
            _ => None,
        }
    }

    /// The low 48 bits of `bits`, most significant octet first.
    pub const fn from_bits(bits: u64) -> Self {
        let b = bits.to_be_bytes();
        MacAddr([b[2], b[3], b[4], b[5], b[6], b[7]])
    }

    /// The address as a 48-bit number.
    pub const fn to_bits(self) -> u64 {
        let m = self.0;
        u64::from_be_bytes([0, 0, m[0], m[1], m[2], m[3], m[4], m[5]])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        let text = format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}").to_string();
        f.pad(&text)
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a MAC address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a MAC address: expected six octets such as 02:00:00:00:00:01")]
pub struct ParseMacError(String);

impl FromStr for MacAddr {
    type Err = ParseMacError;

    /// Accepts `02:00:00:00:00:01` and `02-00-00-00-00-01`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseMacError(text.to_owned());
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut octets = [0; 6];
        let mut parts = text.split(separator);
        for octet in &mut octets {
            let part = parts.next().ok_or_else(wrong)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(MacAddr(octets))
    }
}

impl Serialize for MacAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in ["02:00:5e:10:00:ff", "02-00-5e-10-00-ff"] {
            let mac: MacAddr = text.parse().unwrap();
            assert_eq!(mac.to_string(), "02:00:5e:10:00:ff");
            assert_eq!(MacAddr::from_bits(mac.to_bits()), mac);
        }
        for text in
            ["", "02:00", "02:00:00:00:00:0g", "2:0:0:0:0:1", "02:00:00:00:00:01:02", "+2:00:00:00:00:01"]
        {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn sixteen_reserved_groups() {
        let reserved = |text: &str| text.parse::<MacAddr>().unwrap().reserved_group();
        assert_eq!(reserved("01:80:c2:00:00:00"), Some(0));
        assert_eq!(reserved("01:80:c2:00:00:0f"), Some(15));
        assert_eq!(reserved("01:80:c2:00:00:10"), None);
    }
}
