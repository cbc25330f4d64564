use crate::Offload;
use crate::pages::Pages;
use greylag_wire::ethernet::ADDRESSES_LEN;
use greylag_wire::vlan::{TAG_LEN, Tci};

/// How many frames a batch holds. Large enough to spread the cost of a system call and to overlap the memory
/// latency of a batch's table look-ups, small enough that its headers stay in the first-level cache.
pub const BATCH_FRAMES: usize = 64;

/// The longest frame that a slot takes: a 64 KiB super-frame with its headers and a tag.
pub const FRAME_BYTES: usize = 65_536 + 64;

/// Room in front of each frame, so that a tag can be put in without moving the payload.
const HEADROOM: usize = 64;

/// From slot to slot. An odd number of cache lines, so that the headers of a batch do not all fall into the
/// same cache set.
const STRIDE: usize = HEADROOM + FRAME_BYTES + 64;
const _: () = assert!(STRIDE.is_multiple_of(64) && (STRIDE / 64) % 2 == 1);

/// Where the 802.1Q tag of a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tagging {
    /// There is none.
    #[default]
    Untagged,
    /// In the frame, behind the addresses.
    Inline,
    /// The kernel took it out and told it beside the frame.
    Aside(Tci),
}

#[derive(Clone, Copy, Default)]
struct Frame {
    /// First octet, from the start of the slot.
    start: u32,
    len: u32,
    tagging: Tagging,
    offload: Offload,
}

/// A frame of a batch, with what is known of it besides its octets.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// From the destination address on, in the shape that it has now.
    pub bytes: &'a [u8],
    /// Where its tag is.
    pub tagging: Tagging,
    /// What its sender left to do.
    pub offload: Offload,
}

impl View<'_> {
    /// How long it was on the wire: with its tag, wherever that is now.
    #[inline(always)]
    pub fn octets_on_wire(&self) -> usize {
        let aside = if let Tagging::Aside(_) = self.tagging { TAG_LEN } else { 0 };
        self.bytes.len() + aside
    }
}

/// Up to [`BATCH_FRAMES`] frames in fixed memory, all from one ingress port.
///
/// Made once per worker; nothing is allocated afterwards. Memory that no frame has touched yet costs nothing.
pub struct Batch {
    memory: Pages,
    frames: [Frame; BATCH_FRAMES],
    len: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Batch {
            memory: Pages::zeroed(STRIDE * BATCH_FRAMES),
            frames: [Frame::default(); BATCH_FRAMES],
            len: 0,
        }
    }

    /// How many frames are in.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No frame is in.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets the frames.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Copies a finished frame in, behind those that are there.
    ///
    /// # Panics
    /// When the batch is full or the frame is longer than [`FRAME_BYTES`].
    #[inline]
    pub fn push(&mut self, frame: &[u8]) {
        assert!(frame.len() <= FRAME_BYTES, "a frame of {} bytes does not fit a slot", frame.len());
        self.memory[self.len * STRIDE + HEADROOM..][..frame.len()].copy_from_slice(frame);
        self.commit(frame.len(), Tagging::Untagged, Offload::NONE);
    }

    /// The room of the slots that hold no frame yet, in order: where a port receives to.
    pub fn slots(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.memory
            .chunks_exact_mut(STRIDE)
            .skip(self.len)
            .map(|slot| &mut slot[HEADROOM..HEADROOM + FRAME_BYTES])
    }

    /// The room of the next slot, with so many octets in front of it that are not the frame's.
    pub(crate) fn next_slot_with(&mut self, ahead: usize) -> Option<&mut [u8]> {
        let slot = self.memory.chunks_exact_mut(STRIDE).nth(self.len)?;
        Some(&mut slot[HEADROOM - ahead..HEADROOM + FRAME_BYTES])
    }

    /// Takes the next slot as a frame of `len` bytes. `tagging` is `Aside` when the port knows of a tag that
    /// is not in the bytes; whether one is in the bytes is for the parser to find out.
    ///
    /// # Panics
    /// When the batch is full or `len` is beyond [`FRAME_BYTES`].
    #[inline]
    pub fn commit(&mut self, len: usize, tagging: Tagging, offload: Offload) {
        assert!(len <= FRAME_BYTES, "a frame of {len} bytes does not fit a slot");
        self.frames[self.len] = Frame { start: HEADROOM as u32, len: len as u32, tagging, offload };
        self.len += 1;
    }

    /// Takes the frame in `slot`, counted from the first slot of the memory, as the next frame: moves it when
    /// slots before it came to nothing.
    pub(crate) fn commit_from(&mut self, slot: usize, len: usize, tagging: Tagging, offload: Offload) {
        if slot != self.len {
            let from = slot * STRIDE + HEADROOM;
            self.memory.copy_within(from..from + len, self.len * STRIDE + HEADROOM);
        }
        self.commit(len, tagging, offload);
    }

    /// Puts four octets behind the addresses of the last frame, as they were before the kernel took them out.
    pub(crate) fn restore_tag(&mut self, tag: [u8; TAG_LEN]) {
        let index = self.len - 1;
        let frame = &mut self.frames[index];
        let slot = &mut self.memory[index * STRIDE..][..STRIDE];
        insert_tag(slot, frame, tag);
    }

    /// A frame, and what is known of it.
    #[inline]
    pub fn view(&self, index: usize) -> View<'_> {
        let Frame { tagging, offload, .. } = self.frames[..self.len][index];
        View { bytes: self.bytes(index), tagging, offload }
    }

    /// All frames, in order.
    #[inline(always)]
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        let slots = self.memory.chunks_exact(STRIDE);
        self.frames[..self.len].iter().zip(slots).map(|(frame, slot)| {
            let Frame { start, len, tagging, offload } = *frame;
            View { bytes: &slot[start as usize..][..len as usize], tagging, offload }
        })
    }

    /// The bytes of a frame, in the shape that it has now.
    #[inline]
    pub fn bytes(&self, index: usize) -> &[u8] {
        let frame = &self.frames[..self.len][index];
        &self.memory[index * STRIDE + frame.start as usize..][..frame.len as usize]
    }

    /// The same, to be rewritten.
    #[inline]
    pub fn bytes_mut(&mut self, index: usize) -> &mut [u8] {
        let frame = &self.frames[..self.len][index];
        &mut self.memory[index * STRIDE + frame.start as usize..][..frame.len as usize]
    }

    /// How long the longest frame is that this one becomes on a wire: [`Offload::wire_len`].
    #[inline]
    pub fn wire_len(&self, index: usize) -> usize {
        let Frame { len, offload, .. } = self.frames[..self.len][index];
        offload.wire_len(len as usize)
    }

    /// What its sender left to do.
    #[inline]
    pub fn offload(&self, index: usize) -> Offload {
        self.frames[..self.len][index].offload
    }

    /// Where the tag of a frame is.
    #[inline]
    pub fn tagging(&self, index: usize) -> Tagging {
        self.frames[..self.len][index].tagging
    }

    /// Copies a frame to the start of `to`, without the tag that it has. Says how long that is, and what is left to do then.
    ///
    /// # Panics
    /// When `to` is too short, or the frame shorter than the tag that it says it has.
    pub fn copy_untagged(&self, index: usize, to: &mut [u8]) -> (usize, Offload) {
        let (bytes, mut offload) = (self.bytes(index), self.offload(index));
        if self.tagging(index) != Tagging::Inline {
            to[..bytes.len()].copy_from_slice(bytes);
            return (bytes.len(), offload);
        }
        let len = bytes.len() - TAG_LEN;
        to[..ADDRESSES_LEN].copy_from_slice(&bytes[..ADDRESSES_LEN]);
        to[ADDRESSES_LEN..len].copy_from_slice(&bytes[ADDRESSES_LEN + TAG_LEN..]);
        offload.tag_removed();
        (len, offload)
    }

    /// The parser found a tag behind the addresses.
    pub fn set_inline_tag(&mut self, index: usize) {
        self.frames[..self.len][index].tagging = Tagging::Inline;
    }

    /// Gives a frame this tag, or none: moves the twelve octets of the addresses, nothing else.
    ///
    /// # Panics
    /// When the frame is shorter than its addresses and the tag that it says it has.
    #[inline(always)]
    pub fn set_tag(&mut self, index: usize, tag: Option<Tci>) {
        // Most frames go as they came.
        if self.tagging(index) != Tagging::Untagged || tag.is_some() {
            self.change_tag(index, tag);
        }
    }

    fn change_tag(&mut self, index: usize, tag: Option<Tci>) {
        let frame = &mut self.frames[..self.len][index];
        let slot = &mut self.memory[index * STRIDE..][..STRIDE];
        let start = frame.start as usize;
        match (frame.tagging, tag) {
            (Tagging::Untagged, None) => {}
            (Tagging::Aside(_), None) => frame.tagging = Tagging::Untagged,
            (Tagging::Inline, None) => {
                slot.copy_within(start..start + ADDRESSES_LEN, start + TAG_LEN);
                frame.start += TAG_LEN as u32;
                frame.len -= TAG_LEN as u32;
                frame.tagging = Tagging::Untagged;
                frame.offload.tag_removed();
            }
            (Tagging::Inline, Some(tci)) => {
                slot[start + ADDRESSES_LEN..][..TAG_LEN].copy_from_slice(&tci.to_bytes());
            }
            (Tagging::Untagged | Tagging::Aside(_), Some(tci)) => {
                insert_tag(slot, frame, tci.to_bytes());
                frame.tagging = Tagging::Inline;
            }
        }
    }
}

/// Moves the addresses into the headroom and puts the tag behind them.
fn insert_tag(slot: &mut [u8], frame: &mut Frame, tag: [u8; TAG_LEN]) {
    let start = frame.start as usize;
    slot.copy_within(start..start + ADDRESSES_LEN, start - TAG_LEN);
    slot[start - TAG_LEN + ADDRESSES_LEN..][..TAG_LEN].copy_from_slice(&tag);
    frame.start -= TAG_LEN as u32;
    frame.len += TAG_LEN as u32;
    frame.offload.tag_inserted();
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_base::VlanId;
    use greylag_wire::vlan::Tag;

    fn tci(vlan: u16) -> Tci {
        Tci(0x2000).with_vlan(VlanId::new(vlan).unwrap())
    }

    #[test]
    fn a_tag_goes_in_and_out_without_a_trace() {
        let frame: Vec<u8> = (0..60).collect();
        let mut batch = Batch::new();
        batch.push(&frame);
        batch.set_tag(0, Some(tci(10)));
        assert_eq!(batch.bytes(0).len(), 64);
        assert_eq!(batch.bytes(0)[..12], frame[..12]);
        assert_eq!(Tag::parse(batch.bytes(0)), Tag::Present(tci(10)));
        assert_eq!(batch.bytes(0)[16..], frame[12..]);
        batch.set_tag(0, Some(tci(11)));
        assert_eq!(Tag::parse(batch.bytes(0)), Tag::Present(tci(11)));
        batch.set_tag(0, None);
        assert_eq!(batch.bytes(0), frame);
    }

    #[test]
    fn a_copy_without_the_tag_is_what_the_frame_would_be_without_it() {
        let frame: Vec<u8> = (0..60).collect();
        let mut batch = Batch::new();
        batch.push(&frame);
        let mut copy = [0; 100];
        assert_eq!(batch.copy_untagged(0, &mut copy), (60, Offload::NONE));
        batch.set_tag(0, Some(tci(10)));
        assert_eq!(batch.copy_untagged(0, &mut copy), (60, Offload::NONE));
        assert_eq!(copy[..60], frame);
        batch.bytes_mut(0)[0] = 9;
        assert_eq!(batch.bytes(0)[..2], [9, 1]);
    }

    #[test]
    fn a_frame_moves_up_when_the_slot_before_it_is_void() {
        let mut batch = Batch::new();
        for (slot, octet) in batch.slots().zip([1, 2, 3]) {
            slot[..60].fill(octet);
        }
        batch.commit_from(1, 60, Tagging::Untagged, Offload::NONE);
        batch.restore_tag([0x88, 0xa8, 0x20, 0x05]);
        batch.commit_from(2, 60, Tagging::Untagged, Offload::NONE);
        assert_eq!(batch.bytes(0)[10..18], [2, 2, 0x88, 0xa8, 0x20, 0x05, 2, 2]);
        assert_eq!((batch.bytes(0).len(), batch.tagging(0)), (64, Tagging::Untagged));
        assert_eq!(batch.bytes(1), [3; 60]);
    }

    #[test]
    fn the_checksum_offset_follows_the_tag() {
        let mut batch = Batch::new();
        batch.slots().next().unwrap()[..100].fill(7);
        let offload = Offload {
            flags: 1,
            gso_type: 1,
            header_len: 54,
            segment_len: 1448,
            checksum_start: 34,
            checksum_offset: 16,
        };
        batch.commit(100, Tagging::Aside(tci(10)), offload);
        batch.set_tag(0, Some(tci(10)));
        assert_eq!((batch.offload(0).checksum_start, batch.offload(0).header_len), (38, 58));
        batch.set_tag(0, None);
        assert_eq!(batch.offload(0), offload);
    }
}
