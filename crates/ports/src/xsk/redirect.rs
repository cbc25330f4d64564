//! The program that hands the frames of a device to AF_XDP sockets: what is no control frame goes to the socket of
//! the queue that it came in by, which a map has.
//!
//! Read first: bpf(2), linux/bpf.h, and Documentation/bpf/{standardization/instruction-set,map_xskmap}.rst of the kernel.

use crate::bpf::{self, Instruction, Purpose};
use crate::control_filter::in_front_of_sockets;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `enum bpf_cmd`.
mod command {
    pub(super) const MAP_CREATE: libc::c_long = 0;
    pub(super) const MAP_UPDATE_ELEM: libc::c_long = 2;
    pub(super) const LINK_CREATE: libc::c_long = 28;
}

const MAP_TYPE_XSKMAP: u32 = 17;
const PROG_TYPE_XDP: u32 = 6;
/// `enum bpf_attach_type`: BPF_XDP.
const ATTACH_XDP: u32 = 37;
/// The program also gets frames that are in several pieces (jumbo frames); without it, the device refuses a long MTU.
const PROG_XDP_HAS_FRAGS: u32 = 1 << 5;
/// linux/if_link.h: XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE.
const IN_THE_STACK: u32 = 1 << 1;
const IN_THE_DRIVER: u32 = 1 << 2;

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the driver: "native".
    Native,
    /// In the network stack, for a driver that has no place for it: "generic".
    Generic,
}

/// `return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS)`: to the socket of the queue, and where there is none, on to
/// the kernel's own stack.
fn program(sockets: &OwnedFd) -> [Instruction; 6] {
    let instruction = Instruction::new;
    [
        // r2 = *(u32 *)(r1 + 16): rx_queue_index of struct xdp_md.
        instruction(0x61, 0x12, 16, 0),
        // r1 = the map with this descriptor (BPF_PSEUDO_MAP_FD), which takes two.
        instruction(0x18, 0x11, 0, sockets.as_raw_fd()),
        instruction(0, 0, 0, 0),
        // r3 = XDP_PASS.
        instruction(0xb7, 0x03, 0, 2),
        // r0 = bpf_redirect_map(r1, r2, r3); return r0.
        instruction(0x85, 0, 0, 51),
        instruction(0x95, 0, 0, 0),
    ]
}

/// The program on a device, until this is dropped or the process ends, however it ends: what holds it there is a descriptor.
#[derive(Debug)]
pub(crate) struct Attached {
    #[expect(dead_code, reason = "it is held, not used")]
    link: OwnedFd,
    sockets: OwnedFd,
    mode: Mode,
}

impl Attached {
    /// Puts the program on the device with this index, which has so many queues.
    ///
    /// # Errors
    /// `EBUSY` when the device has another program, `EPERM` without CAP_BPF and CAP_NET_ADMIN, others of the driver's.
    pub(crate) fn to(index: u32, queues: u32) -> io::Result<Self> {
        let sockets = create_map(queues)?;
        let program = load(&sockets)?;
        let attach = |flags| link(&program, index, flags);
        let (link, mode) = match attach(IN_THE_DRIVER) {
            Ok(link) => (link, Mode::Native),
            Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {
                (attach(IN_THE_STACK)?, Mode::Generic)
            }
            Err(error) => return Err(error),
        };
        Ok(Attached { link, sockets, mode })
    }

    /// Frames of this queue go to this socket, which is bound to it.
    pub(crate) fn hand_over(&self, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
        #[repr(C)]
        struct Update {
            map: u32,
            padding: u32,
            key: u64,
            value: u64,
            flags: u64,
        }
        let socket = socket.as_raw_fd();
        let mut update = Update {
            map: self.sockets.as_raw_fd() as u32,
            padding: 0,
            key: (&raw const queue) as u64,
            value: (&raw const socket) as u64,
            flags: 0,
        };
        // SAFETY: the attributes of this command; key and value are four octets each, as the map was made.
        unsafe { bpf::call(command::MAP_UPDATE_ELEM, &mut update) }.map(drop)
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }
}

fn create_map(entries: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Create {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        flags: u32,
    }
    let mut create =
        Create { map_type: MAP_TYPE_XSKMAP, key_size: 4, value_size: 4, max_entries: entries, flags: 0 };
    // SAFETY: the attributes of this command, without pointers.
    let fd = unsafe { bpf::call(command::MAP_CREATE, &mut create) }?;
    // SAFETY: the command gave a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn load(sockets: &OwnedFd) -> io::Result<OwnedFd> {
    let purpose = Purpose { program_type: PROG_TYPE_XDP, flags: PROG_XDP_HAS_FRAGS, attach_type: ATTACH_XDP };
    bpf::load(&in_front_of_sockets(&program(sockets)), purpose)
}

fn link(program: &OwnedFd, index: u32, flags: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Create {
        program: u32,
        target: u32,
        attach_type: u32,
        flags: u32,
    }
    let mut create =
        Create { program: program.as_raw_fd() as u32, target: index, attach_type: ATTACH_XDP, flags };
    // SAFETY: the attributes of this command, without pointers.
    let fd = unsafe { bpf::call(command::LINK_CREATE, &mut create) }?;
    // SAFETY: as in `create_map`.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
