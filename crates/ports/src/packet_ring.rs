//! What a packet socket has received, in memory that is shared with the kernel: TPACKET_V2.
//!
//! Read first: Documentation/networking/packet_mmap.rst, and `tpacket_rcv` of the kernel's net/packet/af_packet.c. The kernel copies
//! each frame to the next slot where it comes in, on the core of its sender, and the worker reads it without a system call. A frame that is
//! longer than a slot waits in the socket besides, whole (PACKET_COPY_THRESH), so that slots need not be as long as super-frames.

use crate::af_packet::stripped_tag;
use crate::mmsg::{Received, Receiver};
use crate::{BATCH_FRAMES, Batch, Offload, Tagging};
use greylag_wire::ethernet::EtherType;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

/// An ordinary frame with two tags, behind what the kernel says of it. A line of memory more than a power of two: else all slots would begin in
/// the same few sets of a cache, whose other sets would stay empty.
const SLOT_BYTES: usize = 2048 + 64;

/// What the kernel allocates at once. No slot goes on in the next block.
const BLOCK_BYTES: usize = 1 << 16;

const SLOTS_OF_A_BLOCK: usize = BLOCK_BYTES / SLOT_BYTES;

const BLOCKS: usize = 64;

/// What comes in while a worker is not scheduled for two milliseconds at a million frames per second, in 4 MiB.
const SLOTS: usize = BLOCKS * SLOTS_OF_A_BLOCK;

const RING_BYTES: usize = BLOCKS * BLOCK_BYTES;

/// The slots, and which is the next.
pub(crate) struct PacketRing {
    map: NonNull<u8>,
    next: usize,
    /// There was nothing the last time.
    was_empty: bool,
}

// SAFETY: the mapping is shared with the kernel alone, and goes along.
unsafe impl Send for PacketRing {}

impl PacketRing {
    /// Has the kernel put what the socket receives into a ring. What waits in the socket is lost.
    pub(crate) fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        set(socket, libc::PACKET_VERSION, &libc::tpacket_versions::TPACKET_V2)?;
        // Any number will do: frames that are too long are queued as well.
        set(socket, libc::PACKET_COPY_THRESH, &1_i32)?;
        let ring = libc::tpacket_req {
            tp_block_size: BLOCK_BYTES as u32,
            tp_block_nr: BLOCKS as u32,
            tp_frame_size: SLOT_BYTES as u32,
            tp_frame_nr: SLOTS as u32,
        };
        set(socket, libc::PACKET_RX_RING, &ring)?;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
        // SAFETY: a new mapping, placed by the kernel, touches no memory that is there.
        let map = unsafe { libc::mmap(null_mut(), RING_BYTES, access, kind, socket.as_raw_fd(), 0) };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let map = NonNull::new(map.cast()).expect("no mapping is placed at 0");
        Ok(PacketRing { map, next: 0, was_empty: false })
    }

    /// Adds what has come in to a batch, and says how many frames there were that are of no use.
    ///
    /// # Errors
    /// Those that the socket keeps for whoever asks: `ENETDOWN`.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        receiver: &mut Receiver,
        batch: &mut Batch,
    ) -> Result<u64, Errno> {
        let (before, mut useless) = (batch.len(), 0);
        while batch.len() < BATCH_FRAMES {
            let slot = self.slot();
            // SAFETY: the status is the first field of what the kernel writes to a slot, aligned, and both sides touch it by atomic
            // operations alone.
            let status = unsafe { slot.cast::<AtomicU32>().as_ref() };
            if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                break;
            }
            // SAFETY: the slot is ours until its status is TP_STATUS_KERNEL again, and what the kernel writes there begins with a
            // tpacket2_hdr. Nothing keeps the reference beyond this turn.
            let octets = unsafe { std::slice::from_raw_parts(slot.as_ptr(), SLOT_BYTES) };
            // SAFETY: as above; integers, for which every pattern of bits is a value.
            let header = unsafe { octets.as_ptr().cast::<libc::tpacket2_hdr>().read() };
            let is_taken = if header.tp_snaplen == header.tp_len {
                take(batch, octets, &header)
            } else {
                header.tp_status & libc::TP_STATUS_COPY != 0 && take_long(socket, receiver, batch)
            };
            useless += u64::from(!is_taken);
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.next = (self.next + 1) % SLOTS;
        }
        let is_empty = batch.len() == before && useless == 0;
        // An error makes the socket ready as well, for as long as nobody has asked for it.
        if std::mem::replace(&mut self.was_empty, is_empty) && is_empty {
            error_of(socket)?;
        }
        Ok(useless)
    }

    fn slot(&self) -> NonNull<u8> {
        let (block, place) = (self.next / SLOTS_OF_A_BLOCK, self.next % SLOTS_OF_A_BLOCK);
        // SAFETY: within the mapping: `next` is below SLOTS, and the slots of a block fit it.
        unsafe { self.map.add(block * BLOCK_BYTES + place * SLOT_BYTES) }
    }
}

impl Drop for PacketRing {
    fn drop(&mut self) {
        // SAFETY: mapped by `of` with this length, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.map.as_ptr().cast(), RING_BYTES) };
    }
}

/// Copies a frame out of its slot; `false` for one that is not where the kernel says.
fn take(batch: &mut Batch, octets: &[u8], header: &libc::tpacket2_hdr) -> bool {
    let (start, len) = (usize::from(header.tp_mac), header.tp_snaplen as usize);
    let Some(frame) = octets.get(start..start + len) else { return false };
    let offload = start.checked_sub(Offload::HEADER_LEN).and_then(|from| octets[from..].first_chunk());
    let Some(offload) = offload else { return false };
    let mut offload = Offload::from_bytes(*offload);
    batch.slots().next().expect("the batch is not full")[..len].copy_from_slice(frame);
    offload.measure_headers(frame);
    let tag = stripped_tag(&libc::tpacket_auxdata {
        tp_status: header.tp_status,
        tp_len: header.tp_len,
        tp_snaplen: header.tp_snaplen,
        tp_mac: header.tp_mac,
        tp_net: header.tp_net,
        tp_vlan_tci: header.tp_vlan_tci,
        tp_vlan_tpid: header.tp_vlan_tpid,
    });
    admit(batch, len, offload, tag);
    true
}

/// Receives the frame that was too long for its slot: the first of those that wait in the socket.
fn take_long(socket: BorrowedFd<'_>, receiver: &mut Receiver, batch: &mut Batch) -> bool {
    if receiver.receive_at_most(1, socket, batch) != Ok(1) {
        return false;
    }
    let Received { len, truncated, mut offload, auxdata } = receiver.received(0);
    if truncated {
        return false;
    }
    let frame = batch.slots().next().expect("the kernel wrote to this slot");
    offload.measure_headers(&frame[..len]);
    admit(batch, len, offload, auxdata.and_then(|auxdata| stripped_tag(&auxdata)));
    true
}

/// Makes what is in the next slot of the batch a frame.
fn admit(batch: &mut Batch, len: usize, offload: Offload, tag: Option<(EtherType, greylag_wire::vlan::Tci)>) {
    match tag {
        Some((EtherType::C_TAG, tci)) => batch.commit(len, Tagging::Aside(tci), offload),
        Some((EtherType(tpid), tci)) => {
            batch.commit(len, Tagging::Untagged, offload);
            let ([a, b], [c, d]) = (tpid.to_be_bytes(), tci.0.to_be_bytes());
            batch.restore_tag([a, b, c, d]);
        }
        None => batch.commit(len, Tagging::Untagged, offload),
    }
}

/// What the socket has kept (SO_ERROR), which is gone with the question.
fn error_of(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::net::sockopt::socket_error(socket)?
}

fn set<T>(socket: BorrowedFd<'_>, option: libc::c_int, value: &T) -> io::Result<()> {
    let (value, len) = (std::ptr::from_ref(value), size_of::<T>() as libc::socklen_t);
    // SAFETY: the kernel reads at most `len` bytes of `value`, in which there is no pointer.
    let status = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, value.cast(), len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
