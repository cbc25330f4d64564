use crate::ids::NONE;
use crate::table::MacTable;

/// A key, hashed: where in the table it would be.
///
/// It is a hint that every use checks, so it may outlive its session and a flush of its VLAN; only its table must be
/// the one that made it.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    key: u64,
    bucket: u32,
    /// Or [`NONE`], when the VLAN had no entries.
    fid: u16,
    vlan: u16,
}

impl Probe {
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
    pub(crate) fn probe(&self, vlan: u16, mac: [u8; 6]) -> Probe {
        debug_assert!((1..=4094).contains(&vlan), "VLAN {vlan}");
        self.probe_as(vlan, self.vlans.id(vlan), mac)
    }

    /// The probe of an address under a given filtering id.
    #[inline]
    pub(crate) fn probe_as(&self, vlan: u16, fid: u16, mac: [u8; 6]) -> Probe {
        // An address without a filtering id keeps its place for one, so that it can be read back.
        let hashed_fid = if fid == NONE { 0 } else { fid };
        let [a, b, c, d, e, f] = mac;
        let key = (u64::from(hashed_fid) << 48) | u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let (bucket, key) = self.layout.split(self.permutation.forward(key));
        Probe { key, bucket: bucket as u32, fid, vlan }
    }

    /// The same key under another filtering id.
    #[cold]
    pub(crate) fn reprobe(&self, probe: &Probe, fid: u16) -> Probe {
        let (_, mac) = self.key_of(self.bucket(probe), probe.key);
        self.probe_as(probe.vlan, fid, mac)
    }
}

/// Filtering id and address from a key before hashing.
pub(crate) fn split_key(key: u64) -> (u16, [u8; 6]) {
    let [f0, f1, a, b, c, d, e, f] = key.to_be_bytes();
    (u16::from_be_bytes([f0, f1]), [a, b, c, d, e, f])
}
