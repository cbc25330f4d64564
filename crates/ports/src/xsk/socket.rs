//! The socket with its memory: chunks of fixed size, each of them the kernel's to receive to, ours to read, ours to write, or the
//! kernel's to send from.

use super::metadata;
use super::ring::{Consumer, Producer};
use crate::Offload;
use crate::pages::Pages;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

/// Two to a page. What the kernel leaves free in front of a received frame (256 octets, XDP_PACKET_HEADROOM) leaves room for an
/// ordinary frame with two tags; a longer one comes and goes in several chunks.
pub(crate) const CHUNK_BYTES: usize = 2048;

/// Chunks to receive to: what comes in while a worker is not scheduled for two milliseconds at a million frames per second.
const RECEIVE_CHUNKS: u32 = 2048;

/// Chunks to send from. As many as entries of the transmit ring, so that a chunk always finds a place there.
const SEND_CHUNKS: u32 = 1024;

/// What may wait in the kernel for its receiver, in bytes of kernel memory.
const SEND_BUFFER: libc::c_int = 8 << 20;

/// A queue that a socket had is free a little after that was closed: the kernel does it when it gets to it (`xp_release_deferred`).
const LINGERING: Duration = Duration::from_millis(300);

/// An address outside of the memory: the kernel counts such a descriptor as invalid and goes on.
const NOTHING: libc::xdp_desc = libc::xdp_desc { addr: u64::MAX, len: 1, options: 0 };

/// An AF_XDP socket in copy mode on one queue of a device.
pub(crate) struct Xsk {
    // Before the memory: the kernel lets go of it when the socket is closed.
    socket: OwnedFd,
    /// Of one that receives.
    receiving: Option<Receiving>,
    completed: Consumer<u64>,
    transmit: Producer<libc::xdp_desc>,
    memory: Pages,
    /// Chunks to send from that nobody has.
    free: Vec<u64>,
    /// Octets in front of each piece of a frame that is sent, for what the kernel is to do with it.
    metadata: usize,
}

/// The rings by which frames come in.
struct Receiving {
    fill: Producer<u64>,
    received: Consumer<libc::xdp_desc>,
}

/// What the kernel counted on a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct XskDrops {
    /// There was no chunk to receive to, or the frame was too long for one.
    pub(crate) no_memory: u64,
    /// We did not read fast enough.
    pub(crate) ring_full: u64,
}

impl Xsk {
    /// One that receives and sends, not bound yet.
    pub(crate) fn new() -> io::Result<Self> {
        Self::with(RECEIVE_CHUNKS, 0)
    }

    /// One that only sends, and has the kernel finish checksums if it can do that (Linux 6.11).
    pub(crate) fn sender() -> io::Result<Self> {
        Self::with(0, metadata::LEN).or_else(|_| Self::with(0, 0))
    }

    fn with(receive_chunks: u32, metadata: usize) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no memory is involved.
        let fd = unsafe { libc::socket(libc::AF_XDP, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };

        let memory = Pages::zeroed((receive_chunks + SEND_CHUNKS) as usize * CHUNK_BYTES);
        let area = libc::xdp_umem_reg {
            addr: memory.start() as u64,
            len: memory.len() as u64,
            chunk_size: CHUNK_BYTES as u32,
            headroom: 0,
            flags: if metadata > 0 { libc::XDP_UMEM_TX_METADATA_LEN } else { 0 },
            tx_metadata_len: metadata as u32,
        };
        set(&socket, libc::SOL_XDP, libc::XDP_UMEM_REG, &area)?;
        // The kernel wants one whoever receives.
        set(&socket, libc::SOL_XDP, libc::XDP_UMEM_FILL_RING, &receive_chunks.max(1))?;
        set(&socket, libc::SOL_XDP, libc::XDP_UMEM_COMPLETION_RING, &SEND_CHUNKS)?;
        if receive_chunks > 0 {
            set(&socket, libc::SOL_XDP, libc::XDP_RX_RING, &receive_chunks)?;
        }
        set(&socket, libc::SOL_XDP, libc::XDP_TX_RING, &SEND_CHUNKS)?;
        // Not in a user namespace, which stays with what the system allows.
        let _ = set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &SEND_BUFFER);

        let offsets: libc::xdp_mmap_offsets = get(&socket, libc::XDP_MMAP_OFFSETS)?;
        let fd = socket.as_fd();
        let chunk = |number: u32| u64::from(number) * CHUNK_BYTES as u64;
        let receiving = match receive_chunks {
            0 => None,
            chunks => {
                let fill = Producer::map(fd, libc::XDP_UMEM_PGOFF_FILL_RING, &offsets.fr, chunks)?;
                let received = Consumer::map(fd, libc::XDP_PGOFF_RX_RING as u64, &offsets.rx, chunks)?;
                let mut receiving = Receiving { fill, received };
                for number in 0..chunks {
                    receiving.fill.push(chunk(number));
                }
                receiving.fill.publish();
                Some(receiving)
            }
        };
        let completed = Consumer::map(fd, libc::XDP_UMEM_PGOFF_COMPLETION_RING, &offsets.cr, SEND_CHUNKS)?;
        let transmit = Producer::map(fd, libc::XDP_PGOFF_TX_RING as u64, &offsets.tx, SEND_CHUNKS)?;
        let free = (receive_chunks..receive_chunks + SEND_CHUNKS).map(chunk).collect();
        Ok(Xsk { socket, receiving, completed, transmit, memory, free, metadata })
    }

    /// Binds it to one queue of the device.
    pub(crate) fn bind(&self, index: u32, queue: u32) -> io::Result<()> {
        // Copy mode: the drivers that can do without it are not among those that this was tried on. XDP_USE_SG lets a frame be
        // several chunks, both ways.
        let address = libc::sockaddr_xdp {
            sxdp_family: libc::AF_XDP as u16,
            sxdp_flags: libc::XDP_COPY | libc::XDP_USE_NEED_WAKEUP | libc::XDP_USE_SG,
            sxdp_ifindex: index,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        let len = size_of::<libc::sockaddr_xdp>() as libc::socklen_t;
        let deadline = Instant::now() + LINGERING;
        loop {
            // SAFETY: the address is a sockaddr_xdp of the length that is given.
            let status = unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), len) };
            if status == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::EBUSY) || Instant::now() > deadline {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Copies the next frame to the start of `to`, and says how long it is; a frame that `to` is too short for counts more than
    /// `to` is long, and is cut. `None` when there is none.
    pub(crate) fn receive(&mut self, to: &mut [u8]) -> Option<usize> {
        let Receiving { fill, received } = self.receiving.as_mut()?;
        let mut len = 0;
        loop {
            // The kernel publishes the chunks of a frame together.
            let piece = received.pop()?;
            let piece_len = piece.len as usize;
            if let Some(room) = to.get_mut(len..len + piece_len) {
                self.memory.copy_out(piece.addr as usize, room);
            }
            len += piece_len;
            // In aligned mode the kernel takes the address down to the start of its chunk.
            fill.push(piece.addr);
            if piece.options & libc::XDP_PKT_CONTD == 0 {
                return Some(len);
            }
        }
    }

    /// Gives the kernel back what the frames were in.
    pub(crate) fn release_received(&mut self) {
        let Some(Receiving { fill, received }) = &mut self.receiving else { return };
        received.release();
        fill.publish();
        if fill.needs_wakeup() {
            // No driver in copy mode asks for it; one that does is told by any receiving system call.
            // SAFETY: no memory is involved.
            unsafe {
                libc::recvfrom(
                    self.socket.as_raw_fd(),
                    std::ptr::null_mut(),
                    0,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            };
        }
    }

    /// Octets of a frame that a chunk holds.
    #[inline]
    pub(crate) fn piece_bytes(&self) -> usize {
        CHUNK_BYTES - self.metadata
    }

    /// The kernel finishes checksums of frames that are in one piece.
    #[inline]
    pub(crate) fn finishes_checksums(&self) -> bool {
        self.metadata > 0
    }

    /// There are so many chunks to send from, as far as is known, and so many places in the ring.
    #[inline]
    pub(crate) fn has_room(&mut self, chunks: usize) -> bool {
        if self.free.len() < chunks {
            self.reclaim();
        }
        self.free.len() >= chunks && self.transmit.has_room(chunks as u32)
    }

    /// Takes back what the kernel is done with, and says how many descriptors that were.
    fn reclaim(&mut self) -> usize {
        let mut count = 0;
        while let Some(address) = self.completed.pop() {
            count += 1;
            // Kernels may also say that they are done with what was given up, which has no chunk.
            if address != NOTHING.addr {
                self.free.push(chunk_of(address));
            }
        }
        self.completed.release();
        count
    }

    /// Puts a frame behind the others that are to be sent.
    ///
    /// # Panics
    /// When there is no room for it: see [`has_room`](Self::has_room).
    #[inline]
    pub(crate) fn push(&mut self, frame: &[u8]) {
        let mut pieces = frame.chunks(self.piece_bytes()).peekable();
        while let Some(piece) = pieces.next() {
            let options = if pieces.peek().is_some() { libc::XDP_PKT_CONTD } else { 0 };
            self.push_piece(piece, options);
        }
    }

    /// The same for a frame that fits a chunk and whose checksum the kernel is to finish: see
    /// [`finishes_checksums`](Self::finishes_checksums).
    #[inline]
    pub(crate) fn push_unfinished(&mut self, frame: &[u8], offload: Offload) {
        debug_assert!(self.finishes_checksums() && frame.len() <= self.piece_bytes());
        let at = self.push_piece(frame, libc::XDP_TX_METADATA);
        let wanted = metadata::checksum(offload.checksum_start, offload.checksum_offset);
        self.memory.copy_in(at as usize - metadata::LEN, &wanted);
    }

    /// Puts octets into a chunk, and says where they are.
    #[inline]
    fn push_piece(&mut self, piece: &[u8], options: u32) -> u64 {
        let at = self.free.pop().expect("asked before") + self.metadata as u64;
        self.memory.copy_in(at as usize, piece);
        let is_in = self.transmit.push(libc::xdp_desc { addr: at, len: piece.len() as u32, options });
        assert!(is_in, "asked before");
        at
    }

    /// Has the kernel send what was pushed, all of it, and says how many frames the device dropped.
    ///
    /// # Errors
    /// Those of sendmsg(2). Of what was pushed, some is then still in the ring: with `EAGAIN` and `ENOBUFS` it can be sent when there is room
    /// again; with others, such as `ENETDOWN`, it is to be [given up](Self::give_up).
    pub(crate) fn send(&mut self, lost: &mut u64) -> Result<(), Errno> {
        self.transmit.publish();
        let mut unread = self.transmit.unread();
        while unread > 0 && self.transmit.needs_wakeup() {
            let kicked = self.kick();
            let left = self.transmit.unread();
            match kicked {
                // What the kernel says of a queue that the device receives by and does not send by.
                Ok(()) if left == unread => return Err(Errno::NXIO),
                Ok(()) | Err(Errno::INTR) => {}
                // It sends some and then says so.
                Err(Errno::AGAIN) if left < unread => {}
                // Until there is room for what it has sent before.
                Err(Errno::AGAIN) if self.reclaim() > 0 => {}
                // The device dropped the frame.
                Err(Errno::BUSY) => *lost += 1,
                Err(errno) => return Err(errno),
            }
            unread = left;
        }
        Ok(())
    }

    /// Is the device still, or again, in a state in which it takes frames? What waits is sent.
    ///
    /// # Errors
    /// `ENETDOWN` and the like.
    pub(crate) fn probe(&self) -> Result<(), Errno> {
        match self.kick() {
            Err(errno @ (Errno::NETDOWN | Errno::NXIO)) => Err(errno),
            _ => Ok(()),
        }
    }

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
        if sent < 0 {
            return Err(Errno::from_io_error(&io::Error::last_os_error()).expect("a system call failed"));
        }
        Ok(())
    }

    /// Has the kernel pass over what it has not taken, so that nothing of it leaves when the device is back, and says how many chunks
    /// that were.
    pub(crate) fn give_up(&mut self) -> u64 {
        let before = self.free.len();
        let free = &mut self.free;
        self.transmit.replace_unread(NOTHING, |piece| {
            if piece.addr != NOTHING.addr {
                free.push(chunk_of(piece.addr));
            }
        });
        (self.free.len() - before) as u64
    }

    /// What the kernel dropped, since the socket was made.
    pub(crate) fn drops(&self) -> io::Result<XskDrops> {
        let statistics: libc::xdp_statistics = get(&self.socket, libc::XDP_STATISTICS)?;
        // rx_fill_ring_empty_descs counts frames that rx_dropped counts too.
        Ok(XskDrops { no_memory: statistics.rx_dropped, ring_full: statistics.rx_ring_full })
    }
}

/// The chunk in which an address is.
fn chunk_of(address: u64) -> u64 {
    address & !(CHUNK_BYTES as u64 - 1)
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads at most `len` bytes of `value`. The memory that XDP_UMEM_REG names is kept by the caller as long as the
    // socket, and the kernel holds its pages besides.
    let status =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const *value).cast(), len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an option of SOL_XDP. `T` is integers, for which zero is a value.
fn get<T: Copy>(socket: &OwnedFd, option: libc::c_int) -> io::Result<T> {
    // SAFETY: callers ask for structures of integers.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to `value`.
    let status = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_XDP, option, (&raw mut value).cast(), &mut len)
    };
    if status == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
