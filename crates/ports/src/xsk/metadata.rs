//! What stands in front of a frame that the kernel is to do something with: `struct xsk_tx_metadata` of linux/if_xdp.h.

/// Its length, in octets: flags, where the checksum begins and goes, and what is for other flags.
pub(super) const LEN: usize = 24;

/// The checksum is to be finished: over all from `start`, to the place `offset` octets behind that.
pub(super) fn checksum(start: u16, offset: u16) -> [u8; LEN] {
    let mut octets = [0; LEN];
    octets[..8].copy_from_slice(&u64::from(libc::XDP_TXMD_FLAGS_CHECKSUM).to_ne_bytes());
    octets[8..10].copy_from_slice(&start.to_ne_bytes());
    octets[10..12].copy_from_slice(&offset.to_ne_bytes());
    octets
}
