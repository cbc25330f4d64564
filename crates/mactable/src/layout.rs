//! Where the fields of an entry stand in its 64 bits.
//!
//! ```text
//!  63                            12+b     12   11   10   9       0
//! +--------------------------------+--------+----+----+-----------+
//! | remainder of the hashed key    | binding| hit| 2nd| age code  |
//! +--------------------------------+--------+----+----+-----------+
//! ```

use crate::config::{Config, ConfigError};
use crate::sync::IS_MODEL;

/// Bits of the age code.
const AGE_BITS: u32 = 10;
pub(crate) const AGE_MASK: u64 = (1 << AGE_BITS) - 1;
/// Where an entry that readers may see has a bit: its age code is neither [`age::VACANT`] nor [`age::PENDING`].
pub(crate) const ENTRY_MASK: u64 = AGE_MASK & !1;
/// The entry sits in its second bucket.
pub(crate) const SECONDARY: u64 = 1 << AGE_BITS;
/// A frame of the station came in since somebody last asked, see [`crate::Renewal::Hit`]. Dynamic entries alone have it.
pub(crate) const HIT: u64 = 1 << (AGE_BITS + 1);
pub(crate) const BINDING_SHIFT: u32 = AGE_BITS + 2;
/// Ids beyond those that VLANs and ports need at once: at least so many flushes fit between two sweeps.
const LEAST_SPARE_IDS: u32 = if IS_MODEL { 2 } else { 4 };
/// Entries for each bucket when the table is as full as it may be; fewer, as buckets are a power of two.
///
/// With three in eight slots hardly a look-up leaves its first bucket, which is worth more than the memory that it takes.
const FILLING: u32 = if IS_MODEL { 2 } else { 3 };
/// Bits by which an id may be wider than it must be, when the word has them to give.
const SPARE_ID_BITS: u32 = 3;
/// Ids are kept in 16 bits, of which one says that the id is retired.
const MOST_ID_BITS: u32 = 15;

/// An entry's age code: what else than a stamp it may say.
pub(crate) mod age {
    /// No entry.
    pub(crate) const VACANT: u64 = 0;
    /// An insert is under way; readers pass over it.
    pub(crate) const PENDING: u64 = 1;
    /// Does not age, does not move; the binding field is the port itself.
    pub(crate) const STATIC: u64 = 2;
    /// Has no age yet.
    pub(crate) const UNSTAMPED: u64 = 3;
    /// The code of stamp 0.
    pub(crate) const FIRST_STAMP: u64 = 4;
    /// Stamps count modulo this.
    pub(crate) const STAMPS: u64 = super::AGE_MASK + 1 - FIRST_STAMP;
}

/// Widths of the fields, chosen once from the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    widths: Widths,
    /// What look-ups would otherwise compute each time.
    bucket_mask: u64,
    key_mask: u64,
    binding_mask: u64,
    remainder_shift: u32,
}

#[derive(Clone, Copy, Debug)]
struct Widths {
    index_bits: u32,
    fid_bits: u32,
    binding_bits: u32,
}

impl Widths {
    /// Bits that an entry needs.
    fn sum(self) -> u32 {
        (self.key_bits() - self.index_bits) + self.binding_bits + BINDING_SHIFT
    }

    fn key_bits(self) -> u32 {
        48 + self.fid_bits
    }
}

impl Layout {
    /// At most [`FILLING`] entries of the capacity come to a bucket. The number of buckets doubles beyond that until remainder,
    /// binding and the rest fit in a word; bits left over make the ids wider, so that flushes find fresh ones.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        config.check()?;
        let least_bits =
            |names: u16| (u32::from(names) + LEAST_SPARE_IDS).next_power_of_two().trailing_zeros();
        let buckets = config.capacity.div_ceil(FILLING).next_power_of_two();
        let mut widths = Widths {
            index_bits: buckets.trailing_zeros().max(1),
            fid_bits: least_bits(config.vlans),
            binding_bits: least_bits(config.ports),
        };
        widths.index_bits += widths.sum().saturating_sub(u64::BITS);
        for _ in 0..SPARE_ID_BITS {
            for wider in [
                Widths { binding_bits: widths.binding_bits + 1, ..widths },
                Widths { fid_bits: widths.fid_bits + 1, binding_bits: widths.binding_bits + 1, ..widths },
            ] {
                if wider.sum() <= u64::BITS && wider.binding_bits.max(wider.fid_bits) <= MOST_ID_BITS {
                    widths = wider;
                }
            }
        }
        debug_assert!(widths.sum() <= u64::BITS);
        let remainder_shift = BINDING_SHIFT + widths.binding_bits;
        Ok(Layout {
            bucket_mask: (1 << widths.index_bits) - 1,
            key_mask: (u64::MAX << remainder_shift) | SECONDARY,
            binding_mask: (1 << widths.binding_bits) - 1,
            remainder_shift,
            widths,
        })
    }

    /// Bits of filtering id and address together.
    pub(crate) fn key_bits(&self) -> u32 {
        self.widths.key_bits()
    }

    pub(crate) fn buckets(&self) -> usize {
        1 << self.widths.index_bits
    }

    /// The largest number of a bucket, all ones.
    #[inline]
    pub(crate) fn bucket_mask(&self) -> usize {
        self.bucket_mask as usize
    }

    pub(crate) fn fids(&self) -> usize {
        1 << self.widths.fid_bits
    }

    pub(crate) fn bindings(&self) -> usize {
        1 << self.widths.binding_bits
    }

    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    pub(crate) fn index_bits(&self) -> u32 {
        self.widths.index_bits
    }

    #[inline]
    pub(crate) fn remainder_shift(&self) -> u32 {
        self.remainder_shift
    }

    /// Splits a hash into bucket and the entry bits that stand for the rest of it.
    #[inline]
    pub(crate) fn split(&self, hash: u64) -> (usize, u64) {
        ((hash & self.bucket_mask) as usize, (hash >> self.widths.index_bits) << self.remainder_shift)
    }

    /// The hash of the entry `word` whose first bucket is `primary`.
    pub(crate) fn join(&self, primary: usize, word: u64) -> u64 {
        ((word >> self.remainder_shift()) << self.widths.index_bits) | primary as u64
    }

    /// The bits by which an entry is found: remainder, and which of its buckets it sits in.
    #[inline]
    pub(crate) fn key_mask(&self) -> u64 {
        self.key_mask
    }

    /// As [`Layout::key_mask`], where it stands.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline]
    pub(crate) fn key_mask_ref(&self) -> &u64 {
        &self.key_mask
    }

    /// The other bucket of an entry that has `bucket` as one of its two.
    ///
    /// The distance depends on the remainder alone, which both places store, so it leads there and back.
    #[inline]
    pub(crate) fn other_bucket(&self, bucket: usize, word: u64) -> usize {
        let remainder = word >> self.remainder_shift();
        let distance = remainder.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - self.widths.index_bits);
        bucket ^ distance.max(1) as usize
    }

    /// The first bucket of the entry `word` that sits in `bucket`.
    pub(crate) fn primary_of(&self, bucket: usize, word: u64) -> usize {
        if word & SECONDARY == 0 { bucket } else { self.other_bucket(bucket, word) }
    }

    /// Builds an entry from the key bits of a probe.
    #[inline]
    pub(crate) fn entry(&self, key: u64, binding: u16, age_code: u64) -> u64 {
        key | (u64::from(binding) << BINDING_SHIFT) | age_code
    }

    #[inline]
    pub(crate) fn binding(&self, word: u64) -> u16 {
        ((word >> BINDING_SHIFT) & self.binding_mask) as u16
    }
}

/// The age code of a word.
#[inline]
pub(crate) fn age_code(word: u64) -> u64 {
    word & AGE_MASK
}

/// The same entry with another age code.
#[inline]
pub(crate) fn with_age(word: u64, age_code: u64) -> u64 {
    (word & !AGE_MASK) | age_code
}

/// The same entry, seen at the time of an age code: what came in before is part of that.
#[inline]
pub(crate) fn restamped(word: u64, age_code: u64) -> u64 {
    with_age(word & !HIT, age_code)
}

#[inline]
pub(crate) fn is_hit(word: u64) -> bool {
    word & HIT != 0
}

/// The word is an entry that readers may see.
#[inline]
pub(crate) fn is_entry(word: u64) -> bool {
    word & ENTRY_MASK != 0
}

/// The slot may be taken.
#[inline]
pub(crate) fn is_vacant(word: u64) -> bool {
    age_code(word) == age::VACANT
}

#[inline]
pub(crate) fn is_static(word: u64) -> bool {
    age_code(word) == age::STATIC
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(capacity: u32, vlans: u16, ports: u16) -> Layout {
        Layout::new(&Config { capacity, vlans, ports, ..Config::default() }).unwrap()
    }

    #[test]
    fn every_permitted_shape_fits_a_word_and_has_spare_ids() {
        for capacity in [1, 5, 1024, 8192, 65_536, 65_537, 1 << 20, Config::MAX_CAPACITY] {
            for vlans in [1, 16, 1000, Config::MAX_VLANS] {
                for ports in [1, 32, 512, Config::MAX_PORTS] {
                    let layout = layout(capacity, vlans, ports);
                    assert!(layout.widths.sum() <= 64);
                    assert!(layout.fids() >= usize::from(vlans) + 4, "{capacity} {vlans} {ports}");
                    assert!(layout.bindings() >= usize::from(ports) + 4);
                    assert!(layout.buckets() * 3 >= capacity as usize);
                }
            }
        }
    }

    #[test]
    fn memory_is_22_to_43_bytes_per_entry_unless_ids_need_more() {
        for (capacity, each) in [(65_536u32, 32), (70_000, 29), (98_304, 21), (98_305, 42), (131_072, 32)] {
            let bytes = layout(capacity, 64, 64).buckets() * 64;
            assert_eq!(bytes / capacity as usize, each, "{capacity}");
        }
        // 4094 VLANs and 64 ports: 13 + 7 bits of ids, 2^16 buckets.
        assert_eq!(layout(1024, 4094, 64).buckets(), 1 << 16);
    }

    #[test]
    fn hash_and_place_lead_to_each_other() {
        for layout in [layout(1, 1, 1), layout(8192, 64, 256), layout(1 << 20, 4094, 4096)] {
            let all = (1 << layout.key_bits()) - 1;
            for hash in [0, 1, all, all / 3, 0x1234_5678_9abc & all] {
                let (primary, key) = layout.split(hash);
                let secondary = layout.other_bucket(primary, key);
                assert_ne!(primary, secondary);
                assert!(secondary < layout.buckets());
                for (bucket, flag) in [(primary, 0), (secondary, SECONDARY)] {
                    let word = layout.entry(key | flag, 3, age::STATIC);
                    assert_eq!(layout.primary_of(bucket, word), primary);
                    assert_eq!(layout.join(primary, word), hash);
                    assert_eq!(layout.binding(word), 3);
                    assert_eq!(word & layout.key_mask(), key | flag);
                    let hit = word | HIT;
                    assert_eq!((layout.join(primary, hit), layout.binding(hit)), (hash, 3));
                    assert_eq!((hit & layout.key_mask(), restamped(hit, age::STATIC)), (key | flag, word));
                }
            }
        }
    }
}
