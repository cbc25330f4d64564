//! A TAP interface: the kernel of a host on one side, a queue of ours per worker on the other.
//!
//! Read first: Documentation/networking/tuntap.rst and linux/if_tun.h of the kernel.

use crate::bpf::{self, Purpose};
use crate::control_filter::steering;
use crate::frame_limit::FrameLimit;
use crate::link_stats::LinkStats;
use crate::tun::{Read, read_frame, write_frame};
use crate::turns::Turns;
use crate::{BATCH_FRAMES, Batch, Interface, Offload, OpenError, Port, RxDrop, RxDrops, Tagging, TxReport};
use greylag_base::{MacAddr, PortName};
use greylag_wire::ethernet::HEADER_LEN;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Frames that wait for us at most. The kernel's 1000 is less than what one worker finds after it was not
/// scheduled for a millisecond.
const QUEUE_LEN: u32 = 4096;

/// What a TAP shows as its link speed, in Mbit/s; the kernel's own value is 10.
const SPEED: u32 = 10_000;

/// `_IOW('T', 226, int)` of linux/if_tun.h.
const TUNSETCARRIER: libc::Ioctl = 0x4004_54e2;

/// `_IOR('T', 224, int)`.
const TUNSETSTEERINGEBPF: libc::Ioctl = 0x8004_54e0;
/// BPF_PROG_TYPE_SOCKET_FILTER of `enum bpf_prog_type`.
const PROG_TYPE_SOCKET_FILTER: u32 = 1;

/// A TAP interface that is to be.
#[derive(Clone, Debug)]
pub struct TapConfig {
    /// Its name in the network namespace of the thread that opens it.
    pub name: PortName,
    /// Queues, one for each worker.
    pub queues: NonZeroUsize,
    /// Longest payload of a frame, in bytes, without Ethernet header and tag.
    pub mtu: u32,
    /// Hardware address of the kernel's side; a random one when `None`.
    pub mac: Option<MacAddr>,
}

/// One queue of a TAP interface. The interface vanishes with the last of its queues.
///
/// Frames of control protocols have a queue of the interface to themselves, which the first of these reads as well: a full queue of data
/// does not keep them out. That takes a program in the kernel (CAP_BPF); without, they are among the others.
///
/// Frames come in with their tag in place: the kernel puts it there for a TAP. Offsets in [`Offload`] count it.
pub struct TapQueue {
    tun: OwnedFd,
    limit: FrameLimit,
    /// The kernel counts what it dropped for the interface, not per queue: the first queue tells for all.
    stats: Option<LinkStats>,
    dropped: RxDrops,
    control: Option<Control>,
}

/// Of the first queue: the one for control frames.
struct Control {
    tun: OwnedFd,
    turns: Turns,
}

impl TapQueue {
    /// Creates the interface in the network namespace of the calling thread, sets it up, and gives its queues.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing. The interface is gone again then.
    pub fn open(config: &TapConfig) -> Result<Vec<TapQueue>, OpenError> {
        let name = &config.name;
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let workers = config.queues.get();
        let purpose = Purpose { program_type: PROG_TYPE_SOCKET_FILTER, flags: 0, attach_type: 0 };
        let program = bpf::load(&steering(workers as u32), purpose).ok();
        let queues = workers + usize::from(program.is_some());
        let mut tuns = (0..queues)
            .map(|queue| attach(config, queue, queues > 1))
            .collect::<Result<Vec<_>, OpenError>>()?;
        let control = match program {
            Some(program) => {
                steer(&tuns[0], &program).map_err(refused("the program that chooses a queue"))?;
                tuns.pop()
            }
            None => None,
        };

        let interface = Arc::new(Interface::named(name).map_err(refused("a socket"))?);
        interface.set_mtu(config.mtu).map_err(refused("the MTU"))?;
        match interface.set_queue_len(QUEUE_LEN) {
            // SIOCSIFTXQLEN wants the capability of the whole machine; a user namespace stays with the kernel's 1000.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result.map_err(refused("the queue length"))?,
        }
        if let Some(mac) = config.mac {
            interface.set_mac(mac).map_err(refused("the hardware address"))?;
        }
        // Kernels before 4.20 do not let it be set. Nothing but what is displayed depends on it.
        let _ = interface.set_speed(SPEED);
        interface.set_up(true).map_err(refused("to set it up"))?;

        let index = interface.index().map_err(refused("its index"))?;
        let mut stats = Some(LinkStats::open(index).map_err(refused("its counters"))?);
        let queues = tuns.into_iter().map(|tun| {
            let limit = FrameLimit::of(Arc::clone(&interface)).map_err(refused("to read the MTU"))?;
            Ok(TapQueue { tun, limit, stats: stats.take(), dropped: RxDrops::default(), control: None })
        });
        let mut queues = queues.collect::<Result<Vec<TapQueue>, OpenError>>()?;
        if let (Some(tun), Some(first)) = (control, queues.first_mut()) {
            first.control = Some(Control { tun, turns: Turns::default() });
        }
        Ok(queues)
    }
}

/// Opens one queue; the first one creates the interface.
fn attach(config: &TapConfig, queue: usize, is_one_of_several: bool) -> Result<OwnedFd, OpenError> {
    let name = &config.name;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let tun = rustix::fs::open("/dev/net/tun", flags, Mode::empty()).map_err(|errno| {
        let (interface, source) = (name.clone(), errno.into());
        match errno {
            Errno::NOENT | Errno::NODEV | Errno::NXIO => OpenError::TunMissing { interface, source },
            Errno::ACCESS | Errno::PERM => OpenError::TunClosed { interface, source },
            _ => OpenError::Refused { interface, step: "to open /dev/net/tun", source },
        }
    })?;

    let mut flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    if is_one_of_several {
        flags |= libc::IFF_MULTI_QUEUE;
    }
    if queue == 0 {
        // Never attach to an interface that somebody else left behind: it would outlive us.
        flags |= libc::IFF_TUN_EXCL;
    }
    let mut request = crate::interface::ifreq(name);
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    tun_ioctl(&tun, libc::TUNSETIFF, &mut request).map_err(|source| match source.raw_os_error() {
        Some(libc::EBUSY | libc::EEXIST) => OpenError::NameTaken { interface: name.clone(), source },
        _ => OpenError::at(name, "to create the interface", source),
    })?;

    let refused = |step| move |source| OpenError::at(name, step, source);
    let mut header_len = Offload::HEADER_LEN as libc::c_int;
    tun_ioctl(&tun, libc::TUNSETVNETHDRSZ, &mut header_len).map_err(refused("the header size"))?;
    set_offloads(&tun).map_err(refused("the offloads"))?;
    // What we write is delivered at once or waits for its receiver; a limit here would only drop it earlier.
    let mut send_buffer = libc::c_int::MAX;
    tun_ioctl(&tun, libc::TUNSETSNDBUF, &mut send_buffer).map_err(refused("the send buffer"))?;
    Ok(tun)
}

/// Has the program choose the queue of each frame, in place of the kernel, which would go by where the flow's answers came from.
fn steer(tun: &OwnedFd, program: &OwnedFd) -> io::Result<()> {
    let mut program = program.as_raw_fd();
    tun_ioctl(tun, TUNSETSTEERINGEBPF, &mut program)
}

/// Lets the kernel hand over frames with unfinished checksums, and super-frames.
fn set_offloads(tun: &OwnedFd) -> io::Result<()> {
    let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    let udp = libc::TUN_F_USO4 | libc::TUN_F_USO6;
    set_offload(tun, tcp | udp).or_else(|error| match error.raw_os_error() {
        // Before Linux 6.2 there was no UDP segmentation for TAP.
        Some(libc::EINVAL) => set_offload(tun, tcp),
        _ => Err(error),
    })
}

fn set_offload(tun: &OwnedFd, offloads: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument as a number, not as a pointer.
    match unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(offloads)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn tun_ioctl<T>(tun: &OwnedFd, number: libc::Ioctl, argument: &mut T) -> io::Result<()> {
    // SAFETY: callers pass TUNSETIFF with an ifreq, TUNSETVNETHDRSZ, TUNSETSNDBUF, TUNSETCARRIER or TUNSETSTEERINGEBPF with an int: what the kernel
    // reads and writes for them, and nothing in it is a pointer.
    match unsafe { libc::ioctl(tun.as_raw_fd(), number, argument as *mut T) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What the kernel's side of a TAP sees as its cable.
pub struct TapCarrier(OwnedFd);

impl TapCarrier {
    /// Plugs the cable in, or pulls it.
    ///
    /// # Errors
    /// When the interface is gone, or the kernel is older than 5.0.
    pub fn set(&self, is_there: bool) -> io::Result<()> {
        let mut carrier = libc::c_int::from(is_there);
        tun_ioctl(&self.0, TUNSETCARRIER, &mut carrier)
    }
}

impl TapQueue {
    /// The carrier of the interface, which it has from the start. The interface stays while this is there.
    ///
    /// # Errors
    /// When the process has no room for another descriptor.
    pub fn carrier(&self) -> io::Result<TapCarrier> {
        self.tun.try_clone().map(TapCarrier)
    }
}

/// Adds what waits at a queue to an empty batch, and says how many frames there were that did not fit a slot.
fn read(tun: &OwnedFd, batch: &mut Batch) -> io::Result<u64> {
    let mut too_long = 0;
    for _ in 0..BATCH_FRAMES {
        match read_frame(tun, batch) {
            Ok(Read::Frame) => {}
            Ok(Read::TooLong) => too_long += 1,
            Err(Errno::AGAIN) => break,
            // What came in before is not lost for it; the next call meets it again.
            Err(_) if !batch.is_empty() => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(too_long)
}

impl Port for TapQueue {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        let TapQueue { tun, dropped, control, .. } = self;
        let Some(Control { tun: control, turns }) = control else {
            batch.clear();
            dropped.add(RxDrop::Unusable, read(tun, batch)?);
            return Ok(batch.len());
        };
        let truncated = std::cell::Cell::new(0);
        let take = |tun: &OwnedFd, batch: &mut Batch| {
            read(tun, batch).map(|frames| truncated.set(truncated.get() + frames))
        };
        let taken = turns.take(batch, |batch| take(control, batch), |batch| take(tun, batch));
        dropped.add(RxDrop::Unusable, truncated.get());
        taken
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        for index in frames.iter().map(|&index| usize::from(index)) {
            debug_assert!(!matches!(batch.tagging(index), Tagging::Aside(_)), "set_tag comes before tx");
            let (frame, offload) = (batch.bytes(index), batch.offload(index));
            if frame.len() < HEADER_LEN {
                report.refused += 1;
            } else if !self.limit.takes(frame, offload) {
                report.too_long += 1;
            } else {
                match write_frame(&self.tun, frame, offload) {
                    Ok(()) => report.sent(frame.len()),
                    Err(errno) => report.failed(errno, 1),
                }
            }
        }
        report
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.tun.as_fd())
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(|control| control.tun.as_fd())
    }

    fn rx_dropped(&mut self) -> RxDrops {
        // An interface that has moved to another namespace, or is gone, keeps what was read last.
        if let Some(Ok(dropped)) = self.stats.as_ref().map(LinkStats::tx_dropped) {
            self.dropped.set(RxDrop::QueueFull, dropped);
        }
        self.dropped
    }
}
