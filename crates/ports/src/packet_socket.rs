//! A socket of packet(7) that is set up for one queue of a port: what each option is for, and their order.

use crate::Interface;
use crate::OpenError;
use crate::control_filter::{Share, classic};
use greylag_base::PortName;
use std::io;
use std::mem::size_of;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What waits for us at most, in bytes of kernel memory (the kernel doubles it). About 200 super-frames or
/// 20,000 frames of 64 bytes: some tens of milliseconds at full rate.
const BUFFER_BYTES: libc::c_int = 8 << 20;

/// The highest of linux/pkt_sched.h.
const TC_PRIO_CONTROL: libc::c_int = 7;

/// Sets the interface up and opens one socket for each queue, all in one fanout group, so that each frame comes to
/// one of them.
pub(crate) fn open(
    name: &PortName,
    interface: &Interface,
    queues: NonZeroUsize,
) -> Result<Vec<OwnedFd>, OpenError> {
    let refused = |step| move |source| OpenError::at(name, step, source);
    let index = interface.index().map_err(refused("its index"))? as libc::c_int;
    let sockets = (0..queues.get())
        .map(|_| {
            let socket = new_socket()
                .map_err(|source| OpenError::without(name, "CAP_NET_RAW", "a packet socket", source))?;
            prepare(&socket, index).map_err(refused("a socket option"))?;
            Ok(socket)
        })
        .collect::<Result<Vec<_>, OpenError>>()?;

    // Before the sockets are bound: one that is bound to an interface that is down keeps ENETDOWN for its first rx.
    interface.set_up(true).map_err(refused("to set it up"))?;
    // Control frames wait elsewhere.
    let filter = classic(Share::Others);
    let filtered = |socket| attach(socket, &filter).map_err(refused("a socket filter"));
    match &sockets[..] {
        [socket] => {
            filtered(socket)?;
            bind(socket, libc::ETH_P_ALL, index).map_err(refused("to bind the packet socket"))?;
        }
        sockets => {
            // Only a bound socket may join a group, and until it has joined it would receive what the group
            // receives as well: let in nothing before all have joined.
            for socket in sockets {
                shut(socket).map_err(refused("a socket filter"))?;
                bind(socket, libc::ETH_P_ALL, index).map_err(refused("to bind the packet socket"))?;
            }
            join(sockets).map_err(refused("the fanout group"))?;
            for socket in sockets {
                filtered(socket)?;
            }
        }
    }
    Ok(sockets)
}

/// A socket for what comes in with this EtherType, and of that for what the filter keeps. Its interface is up already.
pub(crate) fn open_filtered(
    interface: &Interface,
    ether_type: u16,
    filter: Option<&[libc::sock_filter]>,
) -> Result<OwnedFd, OpenError> {
    let name = interface.name();
    let refused = |step| move |source| OpenError::at(name, step, source);
    let index = interface.index().map_err(refused("its index"))? as libc::c_int;
    let socket =
        new_socket().map_err(|source| OpenError::without(name, "CAP_NET_RAW", "a packet socket", source))?;
    prepare(&socket, index).map_err(refused("a socket option"))?;
    if let Some(filter) = filter {
        attach(&socket, filter).map_err(refused("a socket filter"))?;
    }
    bind(&socket, ether_type.into(), index).map_err(refused("to bind the packet socket"))?;
    Ok(socket)
}

/// A socket that only sends, and holds the interface promiscuous while it is open.
pub(crate) fn open_sender(name: &PortName, interface: &Interface) -> Result<OwnedFd, OpenError> {
    let refused = |step| move |source| OpenError::at(name, step, source);
    let index = interface.index().map_err(refused("its index"))? as libc::c_int;
    let socket =
        new_socket().map_err(|source| OpenError::without(name, "CAP_NET_RAW", "a packet socket", source))?;
    prepare(&socket, index).map_err(refused("a socket option"))?;
    interface.set_up(true).map_err(refused("to set it up"))?;
    bind(&socket, 0, index).map_err(refused("to bind the packet socket"))?;
    Ok(socket)
}

/// A socket for somebody who knows nothing of headers before the frame and binds it himself.
pub(crate) fn open_plain(name: &PortName, interface: &Interface) -> Result<OwnedFd, OpenError> {
    let refused = |step| move |source| OpenError::at(name, step, source);
    let index = interface.index().map_err(refused("its index"))? as libc::c_int;
    let socket =
        new_socket().map_err(|source| OpenError::without(name, "CAP_NET_RAW", "a packet socket", source))?;
    prepare_plain(&socket, index).map_err(refused("a socket option"))?;
    interface.set_up(true).map_err(refused("to set it up"))?;
    Ok(socket)
}

/// Protocol 0 receives nothing: no frame of another interface, and none before the options are set.
fn new_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn prepare(socket: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    let packet = |option, value: libc::c_int| set(socket, libc::SOL_PACKET, option, &value);
    // A virtio-net header before each frame, both ways: unfinished checksums and super-frames stay as they are.
    packet(libc::PACKET_VNET_HDR, 1)?;
    // The kernel takes the outer tag out of every frame before a packet socket sees it, and tells it only here.
    packet(libc::PACKET_AUXDATA, 1)?;
    prepare_plain(socket, index)
}

fn prepare_plain(socket: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    // What we or the kernel's own stack send by this interface is not what came in.
    set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
    // PACKET_QDISC_BYPASS stays off. It makes the kernel drop a super-frame that the interface cannot segment
    // itself (`__dev_direct_xmit`), hides what we send from tcpdump, and brought nothing measurable on veth, which
    // has no queue to pass by.

    // A switch takes frames to every address.
    let membership = libc::packet_mreq {
        mr_ifindex: index,
        mr_type: libc::PACKET_MR_PROMISC as _,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
    buffer(socket, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF)?;
    buffer(socket, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)
}

/// Has a queueing discipline that tells frames apart take this socket's first (socket(7), SO_PRIORITY; tc-pfifo_fast(8)).
pub(crate) fn prefer(socket: &OwnedFd) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_PRIORITY, &TC_PRIO_CONTROL)
}

/// Asks for the whole buffer, and in a user namespace, where that is not allowed, for what the system allows.
fn buffer(socket: &OwnedFd, force: libc::c_int, plain: libc::c_int) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, force, &BUFFER_BYTES)
        .or_else(|_| set(socket, libc::SOL_SOCKET, plain, &BUFFER_BYTES))
}

fn bind(socket: &OwnedFd, protocol: libc::c_int, index: libc::c_int) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as _,
        sll_protocol: (protocol as u16).to_be(),
        sll_ifindex: index,
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

/// Makes the sockets one group that shares the frames out by flow: PACKET_FANOUT_HASH is the same for both
/// directions of a flow and does not change with load, so frames of a flow stay in order. The kernel chooses a
/// group number that no one else has.
fn join(sockets: &[OwnedFd]) -> io::Result<()> {
    let how = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_UNIQUEID;
    set(&sockets[0], libc::SOL_PACKET, libc::PACKET_FANOUT, &(how << 16))?;
    let group =
        get::<libc::c_uint>(&sockets[0], libc::PACKET_FANOUT)? & !(libc::PACKET_FANOUT_FLAG_UNIQUEID << 16);
    sockets[1..].iter().try_for_each(|socket| set(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &group))
}

/// A filter that keeps no byte of any frame.
fn shut(socket: &OwnedFd) -> io::Result<()> {
    attach(socket, &[libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 }])
}

/// Takes the place of the filter that there is.
fn attach(socket: &OwnedFd, program: &[libc::sock_filter]) -> io::Result<()> {
    // The kernel only reads it; sock_fprog has no pointer to constant memory.
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Frames that found no room in the buffer since the last time that this was asked.
pub(crate) fn drops_since_last_asked(socket: &OwnedFd) -> io::Result<u64> {
    let stats: libc::tpacket_stats = get(socket, libc::PACKET_STATISTICS)?;
    Ok(stats.tp_drops.into())
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads at most `len` bytes of `value`; a pointer in it (sock_fprog) is good for the call.
    let status = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, ptr_of(value), len) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn ptr_of<T>(value: &T) -> *const libc::c_void {
    std::ptr::from_ref(value).cast()
}

/// Reads an option of SOL_PACKET. `T` is plain data for which zero is a value.
fn get<T: Copy>(socket: &OwnedFd, option: libc::c_int) -> io::Result<T> {
    // SAFETY: callers ask for integers and structures of them.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to `value`.
    let status = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, (&raw mut value).cast(), &mut len)
    };
    if status == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
