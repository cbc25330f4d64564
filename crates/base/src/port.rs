use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// A port of one switch: its index in the switch's configuration, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortId(pub u16);

impl PortId {
    /// The id as an array index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port{}", self.0)
    }
}

/// The name of a port or of a network interface: 1 to 15 bytes, as the kernel has it (IFNAMSIZ - 1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PortName(String);

/// Why a text is no interface name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortNameError {
    /// Longer than the kernel's limit.
    #[error("interface name `{0}` has {len} bytes: the kernel allows 15", len = .0.len())]
    TooLong(String),
    /// Empty, `.` or `..`.
    #[error("`{0}` is not an interface name: expected 1 to 15 bytes such as eth1")]
    Reserved(String),
    /// A character that the kernel refuses.
    #[error(
        "interface name `{0}` has a `/`, a `:`, white space or a control character, which the kernel refuses"
    )]
    Character(String),
}

impl PortName {
    /// Checks the kernel's rules (`dev_valid_name`).
    pub fn new(name: impl Into<String>) -> Result<Self, PortNameError> {
        let name = name.into();
        if name.len() > 15 {
            return Err(PortNameError::TooLong(name));
        }
        if matches!(name.as_str(), "" | "." | "..") {
            return Err(PortNameError::Reserved(name));
        }
        if name.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control()) {
            return Err(PortNameError::Character(name));
        }
        Ok(PortName(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for PortName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PortName::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A set of ports of one switch: one bit each.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PortSet(Vec<u64>);

impl PortSet {
    /// An empty set with room for `ports` ports.
    pub fn new(ports: usize) -> Self {
        PortSet(vec![0; ports.div_ceil(64)])
    }

    /// Adds a port; grows when the port is beyond the room that was asked for.
    pub fn insert(&mut self, port: PortId) {
        if port.index() / 64 >= self.0.len() {
            self.0.resize(port.index() / 64 + 1, 0);
        }
        self.0[port.index() / 64] |= 1 << (port.index() % 64);
    }

    /// Is it in?
    pub fn contains(&self, port: PortId) -> bool {
        self.0.get(port.index() / 64).is_some_and(|word| word & (1 << (port.index() % 64)) != 0)
    }

    /// In ascending order, one step per member.
    pub fn iter(&self) -> impl Iterator<Item = PortId> + '_ {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as u16;
                rest &= rest - 1;
                Some(PortId(index as u16 * 64 + bit))
            })
        })
    }

    /// How many ports are in.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// No port at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_kernel() {
        assert!(PortName::new("eth1").is_ok());
        assert!(PortName::new("fifteen-bytes-x").is_ok());
        for wrong in ["", ".", "..", "a/b", "a b", "a:b", "sixteen-bytes-xx"] {
            assert!(PortName::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_iterate_in_order() {
        let mut set = PortSet::new(2);
        for port in [130, 1, 64, 63] {
            set.insert(PortId(port));
        }
        assert_eq!(set.iter().map(|port| port.0).collect::<Vec<_>>(), [1, 63, 64, 130]);
        assert_eq!(set.len(), 4);
        assert!(!set.contains(PortId(900)));
    }
}
