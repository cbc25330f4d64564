//! Many frames per system call: the arrays that recvmmsg(2) and sendmmsg(2) work on, made once.
//!
//! Each message is two pieces of memory, the virtio-net header and the frame. A frame's bytes are never copied
//! here: the kernel reads and writes the batch itself.

use crate::{BATCH_FRAMES, Batch, Offload, TxReport};
use rustix::io::Errno;
use std::marker::PhantomData;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// What the kernel says beside a frame: one control message, `PACKET_AUXDATA`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Control {
    header: libc::cmsghdr,
    auxdata: libc::tpacket_auxdata,
}

const AUXDATA_LEN: u32 = size_of::<libc::tpacket_auxdata>() as u32;
// SAFETY: CMSG_LEN and CMSG_SPACE only calculate.
const _: () = assert!(offset_of!(Control, auxdata) == unsafe { libc::CMSG_LEN(0) } as usize);
// SAFETY: as above.
const _: () = assert!(size_of::<Control>() >= unsafe { libc::CMSG_SPACE(AUXDATA_LEN) } as usize);

/// The arrays of both directions.
struct Messages {
    offloads: [[u8; Offload::HEADER_LEN]; BATCH_FRAMES],
    pieces: [[libc::iovec; 2]; BATCH_FRAMES],
    messages: [libc::mmsghdr; BATCH_FRAMES],
}

// SAFETY: the pointers in `pieces` and `messages` are set anew for each system call and not followed after it.
unsafe impl Send for Messages {}

impl Messages {
    fn new() -> Box<Self> {
        // SAFETY: integers and raw pointers, for which zero is a value.
        unsafe { Box::new_zeroed().assume_init() }
    }

    /// Points message `at` to its offload header and to a frame's memory.
    fn point(&mut self, at: usize, frame: *mut u8, len: usize) {
        self.pieces[at] = [
            libc::iovec { iov_base: (&raw mut self.offloads[at]).cast(), iov_len: Offload::HEADER_LEN },
            libc::iovec { iov_base: frame.cast(), iov_len: len },
        ];
        let message = &mut self.messages[at].msg_hdr;
        message.msg_iov = (&raw mut self.pieces[at]).cast();
        message.msg_iovlen = 2;
    }
}

/// For receiving.
pub(crate) struct Receiver {
    messages: Box<Messages>,
    controls: Box<[Control; BATCH_FRAMES]>,
    /// The first slot that the messages point to, and how many slots there are from there; null for none.
    pointed: (*const u8, usize),
    /// So many messages the kernel has written to.
    written: usize,
}

// SAFETY: as for Messages; `controls` has no pointer, and `pointed` is compared and not followed.
unsafe impl Send for Receiver {}

/// What the kernel wrote about a frame that it received.
pub(crate) struct Received {
    /// Bytes of the frame.
    pub(crate) len: usize,
    /// The frame was longer than its slot.
    pub(crate) truncated: bool,
    pub(crate) offload: Offload,
    pub(crate) auxdata: Option<libc::tpacket_auxdata>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        // SAFETY: integers, for which zero is a value.
        let controls = unsafe { Box::new_zeroed().assume_init() };
        Receiver { messages: Messages::new(), controls, pointed: (ptr::null(), 0), written: 0 }
    }

    /// Lets the kernel write frames to the free slots of the batch, and says how many it has written.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, batch: &mut Batch) -> Result<usize, Errno> {
        self.receive_at_most(BATCH_FRAMES, socket, batch)
    }

    /// The same for so many frames.
    pub(crate) fn receive_at_most(
        &mut self,
        most: usize,
        socket: BorrowedFd<'_>,
        batch: &mut Batch,
    ) -> Result<usize, Errno> {
        let slots = most.min(BATCH_FRAMES - batch.len());
        let first = batch.slots().next().map_or(ptr::null(), |slot| slot.as_ptr());
        let anew = if self.pointed == (first, slots) { self.written } else { slots };
        // A batch is the same memory again and again: what the kernel has not written to is as it was.
        for (at, slot) in batch.slots().take(anew).enumerate() {
            self.messages.point(at, slot.as_mut_ptr(), slot.len());
            let message = &mut self.messages.messages[at].msg_hdr;
            message.msg_control = (&raw mut self.controls[at]).cast();
            message.msg_controllen = size_of::<Control>() as _;
        }
        self.pointed = (first, slots);
        // SAFETY: the first `slots` messages point to memory of `batch` and of `self`, both borrowed mutably until
        // the kernel is done, with the lengths that they have: those that were not pointed now point to the slots of a
        // batch that begins at the same address, and all batches are laid out alike.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.messages.as_mut_ptr(),
                slots as _,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let taken = usize::try_from(received).map_err(|_| last_errno());
        // The one behind may have failed half way.
        self.written = (taken.unwrap_or(0) + 1).min(slots);
        taken
    }

    /// What the last call of `receive` brought in this slot.
    pub(crate) fn received(&self, slot: usize) -> Received {
        let message = &self.messages.messages[slot];
        let control = &self.controls[slot];
        let told = message.msg_hdr.msg_controllen >= size_of::<libc::cmsghdr>()
            && (control.header.cmsg_level, control.header.cmsg_type)
                == (libc::SOL_PACKET, libc::PACKET_AUXDATA);
        Received {
            len: (message.msg_len as usize).saturating_sub(Offload::HEADER_LEN),
            truncated: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            offload: Offload::from_bytes(self.messages.offloads[slot]),
            auxdata: told.then_some(control.auxdata),
        }
    }
}

/// For sending.
pub(crate) struct Sender {
    messages: Box<Messages>,
}

/// Frames that are about to be sent with one system call, if the kernel takes them all.
pub(crate) struct Outgoing<'a> {
    messages: &'a mut Messages,
    count: usize,
    frames: PhantomData<&'a [u8]>,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Sender { messages: Messages::new() }
    }

    /// An empty load.
    pub(crate) fn load<'a>(&'a mut self) -> Outgoing<'a> {
        Outgoing { messages: &mut self.messages, count: 0, frames: PhantomData }
    }
}

impl<'a> Outgoing<'a> {
    /// Adds a frame.
    ///
    /// # Panics
    /// When it is the one after [`BATCH_FRAMES`].
    pub(crate) fn push(&mut self, frame: &'a [u8], offload: Offload) {
        self.messages.offloads[self.count] = offload.to_bytes();
        // The kernel only reads it; iovec has no pointer to constant memory.
        self.messages.point(self.count, frame.as_ptr().cast_mut(), frame.len());
        self.count += 1;
    }

    /// Hands the frames to the kernel, and is empty again. What it does not take is counted and passed over.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>, report: &mut TxReport) {
        self.hand_over(socket, report);
        self.count = 0;
    }

    fn hand_over(&self, socket: BorrowedFd<'_>, report: &mut TxReport) {
        let mut next = 0;
        let mut asked_again = false;
        while next < self.count {
            // The kernel stops at the first message that fails, says how many went before it, and keeps the
            // reason to itself until that message is the first one.
            match self.send_from(next, socket) {
                Ok(sent) => {
                    for pieces in &self.messages.pieces[next..next + sent] {
                        report.sent(pieces[1].iov_len);
                    }
                    next += sent;
                }
                Err(Errno::INTR) => {}
                // The buffer of the socket is full whatever the length of the frame: nobody gets in now.
                Err(errno @ Errno::AGAIN) => {
                    report.failed(errno, (self.count - next) as u64);
                    return;
                }
                Err(errno @ (Errno::NOBUFS | Errno::MSGSIZE)) => {
                    report.failed(errno, 1);
                    next += 1;
                }
                // It may be an error that the socket had kept for whoever asks next (SO_ERROR), such as ENETDOWN
                // of a link that is back by now.
                Err(_) if !asked_again => asked_again = true,
                Err(errno @ (Errno::NETDOWN | Errno::NXIO)) => {
                    report.failed(errno, (self.count - next) as u64);
                    return;
                }
                Err(errno) => {
                    report.failed(errno, 1);
                    next += 1;
                }
            }
        }
    }

    fn send_from(&self, next: usize, socket: BorrowedFd<'_>) -> Result<usize, Errno> {
        let messages = &self.messages.messages[next..self.count];
        // SAFETY: the messages point to offload headers of `self` and to frames that are borrowed as long as
        // `self`, with the lengths that they have. The kernel writes nothing but the number of octets that it took
        // from each message, which nobody reads.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                messages.as_ptr().cast_mut(),
                messages.len() as _,
                libc::MSG_DONTWAIT as _,
            )
        };
        if sent < 0 { Err(last_errno()) } else { Ok(sent as usize) }
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).expect("a system call failed")
}
