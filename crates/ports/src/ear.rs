//! Hears the frames of one EtherType on one interface, and leaves all others alone: what a measurement needs of a stream
//! that is too fast to be read.

use crate::{Interface, OpenError};
use greylag_base::PortName;
use greylag_wire::ethernet::EtherType;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What may wait for us, in bytes of kernel memory.
const BUFFER_BYTES: libc::c_int = 8 << 20;

/// A packet socket that the kernel shows nothing but frames of its EtherType.
pub struct Ear(OwnedFd);

impl Ear {
    /// Listens on an interface of the calling thread's network namespace, whoever its frames are for.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing.
    pub fn open(name: &PortName, ether_type: EtherType) -> Result<Ear, OpenError> {
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let index =
            Interface::named(name).and_then(|interface| interface.index()).map_err(refused("its index"))?;
        let socket = new_socket()
            .map_err(|source| OpenError::without(name, "CAP_NET_RAW", "a packet socket", source))?;
        bind(&socket, index, ether_type).map_err(refused("to bind the packet socket"))?;
        Ok(Ear(socket))
    }

    /// The length of the next frame, of which as much as fits is written to `frame`; `None` when there is none. Never blocks.
    ///
    /// # Errors
    /// The kernel's, for example `ENETDOWN`.
    pub fn hear(&self, frame: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(&self.0, frame, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
            Ok((_, len)) => Ok(Some(len)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Protocol 0 receives nothing until it is bound.
fn new_socket() -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    for option in [libc::SO_RCVBUFFORCE, libc::SO_RCVBUF] {
        let (value, len) = (std::ptr::from_ref(&BUFFER_BYTES), size_of::<libc::c_int>() as libc::socklen_t);
        // SAFETY: the kernel reads an int. Without the right to more, the system's own limit has to do.
        if unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, value.cast(), len) } == 0 {
            break;
        }
    }
    Ok(socket)
}

fn bind(socket: &OwnedFd, index: u32, ether_type: EtherType) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as _,
        sll_protocol: ether_type.0.to_be(),
        sll_ifindex: index as libc::c_int,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the address is a sockaddr_ll of the length that is given.
    let status = unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as _)
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
