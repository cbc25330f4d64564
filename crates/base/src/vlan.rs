use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use std::num::NonZeroU16;

/// A VLAN identifier, 1 to 4094 (IEEE 802.1Q-2022 9.6; 0 is a priority tag, 4095 is reserved).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct VlanId(NonZeroU16);

impl VlanId {
    /// The VLAN that untagged frames belong to by default.
    pub const DEFAULT: VlanId = VlanId(NonZeroU16::MIN);
    /// The largest identifier.
    pub const MAX: VlanId = VlanId(NonZeroU16::new(4094).expect("not 0"));

    /// `None` outside 1 to 4094.
    pub const fn new(id: u16) -> Option<Self> {
        match NonZeroU16::new(id) {
            Some(number) if id <= 4094 => Some(VlanId(number)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The number as an array index.
    pub const fn index(self) -> usize {
        self.0.get() as usize
    }
}

/// A number that is no VLAN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("VLAN {0} is out of range: expected 1 to 4094")]
pub struct VlanIdError(pub i64);

impl TryFrom<i64> for VlanId {
    type Error = VlanIdError;
    fn try_from(id: i64) -> Result<Self, Self::Error> {
        u16::try_from(id).ok().and_then(VlanId::new).ok_or(VlanIdError(id))
    }
}

impl<'de> Deserialize<'de> for VlanId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        VlanId::try_from(i64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vlan{}", self.0)
    }
}

/// A set of VLANs: one bit each, half a kilobyte.
#[derive(Clone, PartialEq, Eq)]
pub struct VlanSet(Box<[u64; 64]>);

impl VlanSet {
    /// The empty set.
    pub fn new() -> Self {
        VlanSet(Box::new([0; 64]))
    }

    /// VLANs 1 to 4094.
    pub fn all() -> Self {
        (1..=4094).filter_map(VlanId::new).collect()
    }

    /// Adds a VLAN.
    pub fn insert(&mut self, vlan: VlanId) {
        self.0[vlan.index() / 64] |= 1 << (vlan.index() % 64);
    }

    /// Is it in?
    pub fn contains(&self, vlan: VlanId) -> bool {
        self.0[vlan.index() / 64] & (1 << (vlan.index() % 64)) != 0
    }

    /// Those that are in both sets.
    pub fn intersection(&self, other: &VlanSet) -> VlanSet {
        let mut both = self.clone();
        for (word, mask) in both.0.iter_mut().zip(other.0.iter()) {
            *word &= mask;
        }
        both
    }

    /// In ascending order, one step per member.
    pub fn iter(&self) -> impl Iterator<Item = VlanId> + '_ {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as u16;
                rest &= rest - 1;
                VlanId::new(index as u16 * 64 + bit)
            })
        })
    }

    /// No VLAN at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }
}

impl Default for VlanSet {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<VlanId> for VlanSet {
    fn from_iter<I: IntoIterator<Item = VlanId>>(vlans: I) -> Self {
        let mut set = VlanSet::new();
        for vlan in vlans {
            set.insert(vlan);
        }
        set
    }
}

impl fmt::Display for VlanSet {
    /// Ranges as an engineer writes them: `1,10-19,30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut vlans = self.iter().map(VlanId::get).peekable();
        let mut separator = "";
        while let Some(first) = vlans.next() {
            let mut last = first;
            while vlans.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first}-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for VlanSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl Serialize for VlanSet {
    /// As a list of ranges, `"1,10-19,30"`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VlanSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong =
            || de::Error::custom(format!("`{text}` is no set of VLANs: expected ranges such as 1,10-19"));
        let number = |text: &str| text.parse().ok().and_then(VlanId::new).ok_or_else(wrong);
        let mut set = VlanSet::new();
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (VlanId, VlanId) = (number(first)?, number(last)?);
            for vlan in (first.get()..=last.get()).filter_map(VlanId::new) {
                set.insert(vlan);
            }
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let set: VlanSet = [1, 10, 11, 12, 30, 4094].into_iter().filter_map(VlanId::new).collect();
        assert_eq!(set.to_string(), "1,10-12,30,4094");
        assert_eq!(VlanSet::all().to_string(), "1-4094");
        assert_eq!(VlanSet::new().to_string(), "");
    }

    #[test]
    fn bounds() {
        assert!(
            VlanId::try_from(0).is_err() && VlanId::try_from(4095).is_err() && VlanId::try_from(-1).is_err()
        );
        assert_eq!(VlanId::try_from(4094), Ok(VlanId::MAX));
    }
}
