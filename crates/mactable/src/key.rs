/// VLAN and address in one word, the form in which batches hand them to the table.
///
/// One register per key: arrays of it are read eight at a time, and nothing is put together from bytes on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Key(u64);

const MAC_BITS: u32 = 48;

impl Key {
    /// `mac` is the address as a number, its first octet the most significant of six. VLANs are 1 to 4094.
    #[inline]
    pub const fn new(vlan: u16, mac: u64) -> Key {
        Key(((vlan as u64 & 0xfff) << MAC_BITS) | (mac & ((1 << MAC_BITS) - 1)))
    }

    /// The key of an address in octets.
    #[inline]
    pub const fn from_octets(vlan: u16, mac: [u8; 6]) -> Key {
        let [a, b, c, d, e, f] = mac;
        Key::new(vlan, u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// Its VLAN.
    #[inline]
    pub const fn vlan(self) -> u16 {
        (self.0 >> MAC_BITS) as u16
    }

    /// VLAN and address as one number.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Its address as a number.
    #[inline]
    pub const fn mac(self) -> u64 {
        self.0 & ((1 << MAC_BITS) - 1)
    }
}
