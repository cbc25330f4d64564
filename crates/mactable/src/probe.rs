use crate::key::Key;
use crate::table::MacTable;

/// In a probe's bucket, where no bucket number has a bit.
const UNSETTLED: u32 = 1 << 31;
/// As [`UNSETTLED`].
const ABSENT: u32 = 1 << 30;

/// A key, hashed: where in the table it would be.
///
/// It is a hint that every use checks, so it may outlive its session and a flush of its VLAN; only its table must be
/// the one that made it.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    key: u64,
    bucket: u32,
    /// Or [`crate::ids::NONE`], when the VLAN had no entries.
    fid: u16,
    vlan: u16,
}

impl Probe {
    #[inline]
    pub(crate) fn unsettled(key: u64, bucket: usize, is_absent: bool, (vlan, fid): (u16, u16)) -> Probe {
        let absent = if is_absent { ABSENT } else { 0 };
        Probe { key, bucket: bucket as u32 | UNSETTLED | absent, fid, vlan }
    }

    /// A batch has just seen that the entry is not there, or not current.
    #[inline]
    pub(crate) fn is_unsettled(&self) -> bool {
        self.bucket & UNSETTLED != 0
    }

    /// A batch has just seen that there is no entry.
    #[inline]
    pub(crate) fn is_absent(&self) -> bool {
        self.bucket & ABSENT != 0
    }

    #[inline]
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    #[inline]
    pub(crate) fn bucket(&self) -> usize {
        self.bucket as usize
    }

    #[inline]
    pub(crate) fn fid(&self) -> u16 {
        self.fid
    }

    #[inline]
    pub(crate) fn vlan(&self) -> u16 {
        self.vlan
    }
}

impl MacTable {
    #[inline]
    pub(crate) fn probe(&self, key: Key) -> Probe {
        debug_assert!((1..=4094).contains(&key.vlan()), "VLAN {}", key.vlan());
        self.probe_as(key, self.fid(key.vlan()))
    }

    /// The probe of an address under a given filtering id.
    #[inline]
    pub(crate) fn probe_as(&self, key: Key, fid: u16) -> Probe {
        // Without a filtering id, too, the address can be read back.
        let hash = self.permutation.forward((u64::from(fid) << 48) | key.mac());
        let (bucket, bits) = self.layout.split(hash);
        Probe { key: bits, bucket: bucket as u32, fid, vlan: key.vlan() }
    }

    /// The key of a probe that has a filtering id.
    pub(crate) fn key_of_probe(&self, probe: &Probe) -> Key {
        let (_, mac) = self.key_of(self.bucket(probe), probe.key());
        Key::from_octets(probe.vlan, mac)
    }

    /// The same key under another filtering id.
    #[cold]
    pub(crate) fn reprobe(&self, probe: &Probe, fid: u16) -> Probe {
        self.probe_as(self.key_of_probe(probe), fid)
    }
}

/// Filtering id and address from a key before hashing.
pub(crate) fn split_key(key: u64) -> (u16, [u8; 6]) {
    let [f0, f1, a, b, c, d, e, f] = key.to_be_bytes();
    (u16::from_be_bytes([f0, f1]), [a, b, c, d, e, f])
}
