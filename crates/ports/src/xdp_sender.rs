//! The fastest way into an interface: AF_XDP's transmit half, for whoever makes traffic and receives none.
//!
//! Read first: Documentation/networking/af_xdp.rst of the kernel. In copy mode, which every interface has, a frame costs an skb and a
//! copy of its bytes, and neither a queueing discipline nor a look at its headers.

use crate::pages::Pages;
use crate::{Batch, Interface, OpenError, TxReport};
use greylag_base::PortName;
use rustix::io::Errno;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// A chunk of the memory that is shared with the kernel; no frame may be longer.
const CHUNK: usize = 4096;
/// Chunks: as many frames can be under way.
const CHUNKS: usize = 4096;
/// Entries of a ring; a power of two.
const ENTRIES: u32 = 4096;
/// What the kernel may keep of ours in its buffers, in bytes.
const BUFFER_BYTES: libc::c_int = 64 << 20;
/// Kicks for one batch before what is left waits for the next: the kernel takes some tens of frames with each.
const KICKS: usize = 8;

/// A ring that is shared with the kernel.
struct Ring {
    start: NonNull<u8>,
    len: usize,
    offsets: libc::xdp_ring_offset,
}

// SAFETY: it owns its mapping as a box does; the kernel, the other end, is no thread.
unsafe impl Send for Ring {}

impl Ring {
    fn map(
        socket: &OwnedFd,
        page: libc::off_t,
        offsets: libc::xdp_ring_offset,
        entry: usize,
    ) -> io::Result<Ring> {
        let len = offsets.desc as usize + ENTRIES as usize * entry;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
        // SAFETY: a new mapping, placed by the kernel, touches no memory that is there.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, kind, socket.as_raw_fd(), page) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Ring { start: NonNull::new(start.cast()).expect("no mapping is placed at 0"), len, offsets })
    }

    fn index(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: the kernel says that an aligned 32-bit index is there, within the mapping; both sides access it atomically.
        unsafe { &*self.start.as_ptr().add(offset as usize).cast::<AtomicU32>() }
    }

    fn producer(&self) -> &AtomicU32 {
        self.index(self.offsets.producer)
    }

    fn consumer(&self) -> &AtomicU32 {
        self.index(self.offsets.consumer)
    }

    /// Entry number `at`, counted for ever.
    fn entry<T>(&self, at: u32) -> *mut T {
        let at = (at & (ENTRIES - 1)) as usize;
        // SAFETY: the ring was mapped for as many entries of this size.
        unsafe { self.start.as_ptr().add(self.offsets.desc as usize).cast::<T>().add(at) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and nothing of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Sends into an interface; receives nothing.
pub struct XdpSender {
    // In this order: the socket is closed before its memory goes.
    socket: OwnedFd,
    transmit: Ring,
    completion: Ring,
    memory: Pages,
    /// Chunks that nobody has, the last used on top: what is written next is still in a cache.
    free: Vec<u64>,
    produced: u32,
    completed: u32,
}

impl XdpSender {
    /// The longest frame that it takes, in bytes.
    pub const LONGEST: usize = CHUNK;

    /// Sends into an interface of the calling thread's network namespace, which has to be up.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing.
    pub fn open(name: &PortName) -> Result<XdpSender, OpenError> {
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let interface = Interface::named(name).map_err(refused("a socket"))?;
        let index = interface.index().map_err(refused("its index"))?;
        let socket = new_socket()
            .map_err(|source| OpenError::without(name, "CAP_NET_RAW", "an AF_XDP socket", source))?;
        let mut memory = Pages::zeroed(CHUNK * CHUNKS);
        share(&socket, &mut memory).map_err(refused("to share memory with AF_XDP"))?;
        for ring in [libc::XDP_UMEM_FILL_RING, libc::XDP_UMEM_COMPLETION_RING, libc::XDP_TX_RING] {
            set(&socket, libc::SOL_XDP, ring, &ENTRIES).map_err(refused("a ring of AF_XDP"))?;
        }
        // Without the right to more, the system's own limit has to do.
        let _ = set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &BUFFER_BYTES);
        let offsets = offsets(&socket).map_err(refused("the layout of AF_XDP's rings"))?;
        let transmit = Ring::map(&socket, libc::XDP_PGOFF_TX_RING, offsets.tx, size_of::<libc::xdp_desc>());
        let page = libc::XDP_UMEM_PGOFF_COMPLETION_RING as libc::off_t;
        let completion = Ring::map(&socket, page, offsets.cr, size_of::<u64>());
        bind(&socket, index).map_err(refused("to bind the AF_XDP socket"))?;
        Ok(XdpSender {
            transmit: transmit.map_err(refused("to map a ring of AF_XDP"))?,
            completion: completion.map_err(refused("to map a ring of AF_XDP"))?,
            socket,
            memory,
            free: (0..CHUNKS as u64).map(|chunk| chunk * CHUNK as u64).collect(),
            produced: 0,
            completed: 0,
        })
    }

    /// Sends the frames of the batch with these indices, as [`Port::tx`](crate::Port::tx) does. What the kernel does not take at once waits in
    /// the ring, and counts as sent.
    pub fn send(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        self.reclaim();
        for index in frames.iter().map(|&index| usize::from(index)) {
            let frame = batch.bytes(index);
            if frame.len() > CHUNK {
                report.too_long += 1;
                continue;
            }
            let room = self.waiting() < ENTRIES;
            let Some(chunk) = self.free.pop().filter(|_| room) else {
                report.queue_full += 1;
                continue;
            };
            self.memory[chunk as usize..][..frame.len()].copy_from_slice(frame);
            let entry = libc::xdp_desc { addr: chunk, len: frame.len() as u32, options: 0 };
            // SAFETY: there is room, so that the kernel does not read this entry before `producer` is moved beyond it.
            unsafe { self.transmit.entry::<libc::xdp_desc>(self.produced).write(entry) };
            self.produced = self.produced.wrapping_add(1);
            report.sent(frame.len());
        }
        self.transmit.producer().store(self.produced, Ordering::Release);
        self.flush();
        report
    }

    /// Takes back the chunks of frames that are through.
    fn reclaim(&mut self) {
        let end = self.completion.producer().load(Ordering::Acquire);
        while self.completed != end {
            // SAFETY: the kernel has written this entry before it moved `producer` beyond it.
            self.free.push(unsafe { self.completion.entry::<u64>(self.completed).read() });
            self.completed = self.completed.wrapping_add(1);
        }
        self.completion.consumer().store(self.completed, Ordering::Release);
    }

    /// Has the kernel look at the ring. It stops after some frames, and when its buffers are full.
    fn kick(&self) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                std::ptr::null(),
                0,
                libc::MSG_DONTWAIT,
                std::ptr::null(),
                0,
            )
        };
        match sent {
            0.. => Ok(()),
            _ => Err(Errno::from_io_error(&io::Error::last_os_error()).expect("a system call failed")),
        }
    }

    /// Frames that the kernel has not taken yet.
    pub fn waiting(&self) -> u32 {
        self.produced.wrapping_sub(self.transmit.consumer().load(Ordering::Acquire))
    }

    /// Hands over what waits, as far as the kernel takes it.
    pub fn flush(&mut self) {
        for _ in 0..KICKS {
            if self.waiting() == 0 {
                break;
            }
            if let Err(Errno::NETDOWN | Errno::NXIO) = self.kick() {
                break;
            }
        }
        self.reclaim();
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn share(socket: &OwnedFd, memory: &mut Pages) -> io::Result<()> {
    // SAFETY: integers, for which zero is a value.
    let mut region: libc::xdp_umem_reg = unsafe { std::mem::zeroed() };
    region.addr = memory.start() as u64;
    region.len = memory.len() as u64;
    region.chunk_size = CHUNK as u32;
    set(socket, libc::SOL_XDP, libc::XDP_UMEM_REG, &region)
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads at most `len` bytes of `value`; the memory that XDP_UMEM_REG names outlives the socket.
    let status =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn offsets(socket: &OwnedFd) -> io::Result<libc::xdp_mmap_offsets> {
    // SAFETY: integers, for which zero is a value.
    let mut offsets: libc::xdp_mmap_offsets = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::xdp_mmap_offsets>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_XDP,
            libc::XDP_MMAP_OFFSETS,
            (&raw mut offsets).cast(),
            &mut len,
        )
    };
    if status == 0 { Ok(offsets) } else { Err(io::Error::last_os_error()) }
}

fn bind(socket: &OwnedFd, index: u32) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as _,
        sxdp_flags: libc::XDP_COPY,
        sxdp_ifindex: index,
        sxdp_queue_id: 0,
        sxdp_shared_umem_fd: 0,
    };
    // SAFETY: the address is a sockaddr_xdp of the length that is given.
    let status = unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_xdp>() as _)
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
