use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A capture has many octets: digits come from a table, not from a formatter.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Octets of a frame; in text, two hexadecimal digits each.
#[derive(Clone, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

impl Octets {
    fn text(&self) -> String {
        let mut text = String::with_capacity(2 * self.0.len());
        for octet in &self.0 {
            text.push(DIGITS[usize::from(octet >> 4)].into());
            text.push(DIGITS[usize::from(octet & 15)].into());
        }
        text
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        let octet = |pair: &[u8]| match *pair {
            [high, low] => Some(value(high)? << 4 | value(low)?),
            _ => None,
        };
        let octets = text.as_bytes().chunks(2).map(octet).collect::<Option<Vec<u8>>>();
        octets.map(Octets).ok_or_else(|| D::Error::custom("expected pairs of hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_to_an_octet() {
        let octets = Octets(vec![0, 0x1f, 0xff]);
        let text = serde_json::to_string(&octets).unwrap();
        assert_eq!(text, "\"001fff\"");
        assert_eq!(serde_json::from_str::<Octets>(&text).unwrap(), octets);
        for wrong in ["\"0\"", "\"0g\"", "\"+1\"", "\"é\"", "7"] {
            assert!(serde_json::from_str::<Octets>(wrong).is_err(), "{wrong}");
        }
    }
}
