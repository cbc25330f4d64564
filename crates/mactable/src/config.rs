//! What a table is made from.

use crate::chip::Geometry;
use crate::evict::WhenFull;
use std::fmt;

/// Sizes, time and key of a table.
///
/// Memory: a table has the next power of two of `capacity / 3` buckets of 64 bytes and a count of 2 beside each: 22 to 44 bytes
/// per entry, 33 if the capacity is a power of two. An entry is one word, in which the bits of VLAN and port ids compete with those that the number of
/// buckets saves: there are at least `2^(v + p - 4)` buckets, where `v` and `p` are the bits needed to count to
/// `vlans + 4` and to `ports + 4`. With 64 VLANs and 64 ports that is 1024 buckets (64 KiB); with 4094 VLANs and 64 ports, 4 MiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Entries that the table holds at most, static ones included: 1 to [`Config::MAX_CAPACITY`].
    pub capacity: u32,
    /// Ports; their numbers are 0 to `ports - 1`: 1 to [`Config::MAX_PORTS`].
    pub ports: u16,
    /// VLANs that can have entries at the same time, whatever their ids: 1 to [`Config::MAX_VLANS`].
    pub vlans: u16,
    /// How long an entry lives after it was last seen, in nanoseconds; 0 is for ever.
    ///
    /// Rounded up to a multiple of 512 ns; every whole number of seconds is one.
    pub ageing_time: u64,
    /// Secret of the hash; a new one for every table, from the seed in a virtual world.
    pub hash_key: [u64; 2],
    /// What becomes of a new address when the table, or both of its buckets, are full.
    pub when_full: WhenFull,
    /// The chip whose collisions are imitated, if one is. An address that its bucket has no place for is declined, whatever
    /// `when_full` says.
    pub geometry: Option<Geometry>,
}

impl Config {
    /// The largest capacity.
    pub const MAX_CAPACITY: u32 = 1 << 26;
    /// The largest number of ports.
    pub const MAX_PORTS: u16 = 4096;
    /// The largest number of VLANs: all that IEEE 802.1Q-2022 9.6 permits.
    pub const MAX_VLANS: u16 = 4094;

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.capacity == 0 || self.capacity > Self::MAX_CAPACITY {
            return Err(ConfigError::Capacity(self.capacity));
        }
        if self.ports == 0 || self.ports > Self::MAX_PORTS {
            return Err(ConfigError::Ports(self.ports));
        }
        if self.vlans == 0 || self.vlans > Self::MAX_VLANS {
            return Err(ConfigError::Vlans(self.vlans));
        }
        if let Some(geometry) = &self.geometry {
            if geometry.buckets == 0 || geometry.buckets > Self::MAX_CAPACITY {
                return Err(ConfigError::ChipBuckets(geometry.buckets));
            }
            if geometry.depth == 0 || geometry.depth > Geometry::MAX_DEPTH {
                return Err(ConfigError::ChipDepth(geometry.depth));
            }
        }
        Ok(())
    }
}

impl Default for Config {
    /// 8192 entries, 64 ports, 64 VLANs, 300 s (IEEE 802.1Q-2022 table 8-6), and a key that is no secret. Declines when it is
    /// full, imitates no chip.
    fn default() -> Self {
        Config {
            capacity: 8192,
            ports: 64,
            vlans: 64,
            ageing_time: 300_000_000_000,
            hash_key: [0, 0],
            when_full: WhenFull::Decline,
            geometry: None,
        }
    }
}

/// A configuration that no table can be made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `capacity` is out of range.
    Capacity(u32),
    /// `ports` is out of range.
    Ports(u16),
    /// `vlans` is out of range.
    Vlans(u16),
    /// `geometry.buckets` is out of range.
    ChipBuckets(u32),
    /// `geometry.depth` is out of range.
    ChipDepth(u8),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, is, most) = match *self {
            ConfigError::Capacity(n) => ("capacity", n, Config::MAX_CAPACITY),
            ConfigError::Ports(n) => ("number of ports", u32::from(n), u32::from(Config::MAX_PORTS)),
            ConfigError::Vlans(n) => ("number of VLANs", u32::from(n), u32::from(Config::MAX_VLANS)),
            ConfigError::ChipBuckets(n) => ("number of chip buckets", n, Config::MAX_CAPACITY),
            ConfigError::ChipDepth(n) => ("bucket depth", n.into(), Geometry::MAX_DEPTH.into()),
        };
        write!(f, "a MAC table's {what} cannot be {is}: expected 1 to {most}")
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_out_of_range_are_named() {
        let error = Config { ports: 5000, ..Config::default() }.check().unwrap_err();
        assert_eq!(error.to_string(), "a MAC table's number of ports cannot be 5000: expected 1 to 4096");
        assert!(Config { capacity: 0, ..Config::default() }.check().is_err());
        assert!(Config { vlans: 4095, ..Config::default() }.check().is_err());
        assert!(Config::default().check().is_ok());
    }
}
