//! Imitation of a switching chip's MAC table: buckets of few places, in which addresses are lost to collisions.
//!
//! A chip looks an address up in one bucket, chosen by a hash without a secret, and cannot learn it when that
//! bucket is full, however empty the rest is. RFC 2889 5.5 (address caching capacity) is about the difference that it makes.
//! Here the chip's buckets are counters beside the table: an address is learned only if its bucket has a place left. Look-ups
//! know nothing of it and cost what they always cost.
//!
//! An entry keeps its place until it is removed or swept, as in hardware, where lapsed entries stay until the
//! ageing process comes by.

use crate::config::Config;
use crate::hash::Permutation;
use crate::key::Key;
use crate::sync::{AtomicU16, Ordering};

/// The MAC table of a chip: how many addresses it loses to collisions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub struct Geometry {
    /// Number of buckets: 1 to [`Config::MAX_CAPACITY`].
    pub buckets: u32,
    /// Addresses per bucket: 1 to [`Geometry::MAX_DEPTH`].
    pub depth: u8,
    /// Which bucket an address goes to.
    pub hash: ChipHash,
}

/// How a chip chooses the bucket of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ChipHash {
    /// As the table itself hashes, with its secret.
    Keyed,
    /// CRC-32 (IEEE 802.3) of VLAN and address in eight octets, most significant first, modulo the buckets. Known to all.
    Crc32,
}

impl Geometry {
    /// The deepest bucket.
    pub const MAX_DEPTH: u8 = 8;
}

/// The places that are taken.
pub(crate) struct Chip {
    taken: Box<[AtomicU16]>,
    depth: u16,
    hash: ChipHash,
    keyed: Permutation,
}

impl Chip {
    pub(crate) fn new(geometry: &Geometry, config: &Config) -> Self {
        Chip {
            taken: (0..geometry.buckets).map(|_| AtomicU16::new(0)).collect(),
            depth: geometry.depth.into(),
            hash: geometry.hash,
            keyed: Permutation::new(60, config.hash_key),
        }
    }

    fn bucket(&self, key: Key) -> &AtomicU16 {
        let bits = u64::from(key.vlan()) << 48 | key.mac();
        let hash = match self.hash {
            ChipHash::Keyed => self.keyed.forward(bits),
            ChipHash::Crc32 => crc32(bits.to_be_bytes()).into(),
        };
        &self.taken[(hash % self.taken.len() as u64) as usize]
    }

    /// Takes a place for a key, if its bucket has one.
    pub(crate) fn admit(&self, key: Key) -> bool {
        let bucket = self.bucket(key);
        let is_full = bucket.fetch_add(1, Ordering::Relaxed) >= self.depth;
        if is_full {
            bucket.fetch_sub(1, Ordering::Relaxed);
        }
        !is_full
    }

    /// Gives a key's place back.
    pub(crate) fn leave(&self, key: Key) {
        self.bucket(key).fetch_sub(1, Ordering::Relaxed);
    }
}

/// CRC-32 as IEEE 802.3-2022 3.2.9 computes a frame check sequence, bit by bit: only learning a new address needs it.
fn crc32(octets: [u8; 8]) -> u32 {
    !octets.iter().fold(!0, |crc, &octet| {
        (0..8).fold(crc ^ u32::from(octet), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_ethernet() {
        // The check sequence of eight zero octets, and of "12345678".
        assert_eq!(crc32([0; 8]), 0x6522_df69);
        assert_eq!(crc32(*b"12345678"), 0x9ae0_daaf);
    }
}
