use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use std::io;
use std::os::fd::OwnedFd;

const NLMSG_ERROR: u16 = 2;
const RTM_NEWSTATS: u16 = 92;
const RTM_GETSTATS: u16 = 94;
const NLM_F_REQUEST: u16 = 1;
/// `struct nlmsghdr`.
const MESSAGE_HEADER: usize = 16;
/// `struct if_stats_msg`: family and padding, index, filter.
const STATS_HEADER: usize = 12;
const IFLA_STATS_LINK_64: u16 = 1;
/// `tx_dropped` is the eighth counter of `struct rtnl_link_stats64`.
const TX_DROPPED: usize = 7 * 8;

/// The kernel's counters of one interface (`RTM_GETSTATS` of linux/if_link.h), read without sysfs, which shows
/// the namespace that it was mounted in.
pub(crate) struct LinkStats {
    socket: OwnedFd,
    index: u32,
}

impl LinkStats {
    /// Of the interface with this index in the network namespace of the calling thread.
    pub(crate) fn open(index: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Protocol 0 of netlink is NETLINK_ROUTE.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        Ok(LinkStats { socket, index })
    }

    /// Frames that the kernel wanted to send by the interface and dropped, on all of its queues.
    pub(crate) fn tx_dropped(&self) -> io::Result<u64> {
        let mut request = [0; MESSAGE_HEADER + STATS_HEADER];
        let len = request.len() as u32;
        request[0..4].copy_from_slice(&len.to_ne_bytes());
        request[4..6].copy_from_slice(&RTM_GETSTATS.to_ne_bytes());
        request[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
        request[20..24].copy_from_slice(&self.index.to_ne_bytes());
        let filter: u32 = 1 << (IFLA_STATS_LINK_64 - 1);
        request[24..28].copy_from_slice(&filter.to_ne_bytes());
        send(&self.socket, &request, SendFlags::empty())?;

        // The kernel answers before send returns.
        let mut answer = [0; 1024];
        let (len, _) = recv(&self.socket, &mut answer[..], RecvFlags::empty())?;
        Self::find(&answer[..len])
    }

    fn find(answer: &[u8]) -> io::Result<u64> {
        let malformed = || io::Error::from(Errno::BADMSG);
        match answer.get(4..6).map(|kind| u16::from_ne_bytes([kind[0], kind[1]])).ok_or_else(malformed)? {
            RTM_NEWSTATS => {}
            NLMSG_ERROR => {
                let errno =
                    answer.get(MESSAGE_HEADER..).and_then(|rest| rest.first_chunk()).ok_or_else(malformed)?;
                return Err(io::Error::from_raw_os_error(-i32::from_ne_bytes(*errno)));
            }
            _ => return Err(malformed()),
        }
        let mut attributes = answer.get(MESSAGE_HEADER + STATS_HEADER..).ok_or_else(malformed)?;
        // An attribute of padding may stand before the counters.
        while let Some(&[a, b, c, d]) = attributes.first_chunk::<4>() {
            let len = usize::from(u16::from_ne_bytes([a, b]));
            let value = attributes.get(4..len).ok_or_else(malformed)?;
            if u16::from_ne_bytes([c, d]) == IFLA_STATS_LINK_64 {
                let dropped =
                    value.get(TX_DROPPED..).and_then(|rest| rest.first_chunk()).ok_or_else(malformed)?;
                return Ok(u64::from_ne_bytes(*dropped));
            }
            attributes = attributes.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
        Err(malformed())
    }
}
