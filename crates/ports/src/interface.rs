use crate::ethtool;
use greylag_base::{MacAddr, PortName};
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// A network interface of the kernel, by its name in the network namespace that the calling thread was in when
/// this was made (netdevice(7)).
///
/// Every method is one or two system calls and fails with `ENODEV` when the interface is gone, renamed or moved
/// to another namespace, and with `EPERM` when a change needs `CAP_NET_ADMIN`.
pub struct Interface {
    name: PortName,
    /// Any socket will do: it stands for the namespace.
    socket: OwnedFd,
}

impl Interface {
    /// The interface of this name; whether there is one shows when it is used.
    ///
    /// # Errors
    /// The kernel's, when it has no socket left to give.
    pub fn named(name: &PortName) -> io::Result<Self> {
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        Ok(Interface { name: name.clone(), socket })
    }

    /// The name that it was made with.
    pub fn name(&self) -> &PortName {
        &self.name
    }

    /// The kernel's number for it (`SIOCGIFINDEX`).
    pub fn index(&self) -> io::Result<u32> {
        Ok(netdevice::name_to_index(self.socket.as_fd(), self.name.as_str())?)
    }

    /// Longest payload of a frame in bytes: without Ethernet header, without tag.
    pub fn mtu(&self) -> io::Result<u32> {
        let request = self.ask(libc::SIOCGIFMTU)?;
        // SAFETY: SIOCGIFMTU succeeded, so this is the field of the union that the kernel wrote.
        Ok(unsafe { request.ifr_ifru.ifru_mtu } as u32)
    }

    /// Sets the MTU, in bytes.
    pub fn set_mtu(&self, mtu: u32) -> io::Result<()> {
        self.tell(libc::SIOCSIFMTU, libc::__c_anonymous_ifr_ifru { ifru_mtu: mtu as libc::c_int })
    }

    /// Its hardware address.
    pub fn mac(&self) -> io::Result<MacAddr> {
        let address = self.hardware_address()?;
        Ok(MacAddr(std::array::from_fn(|at| address.sa_data[at] as u8)))
    }

    /// Gives it a hardware address.
    pub fn set_mac(&self, mac: MacAddr) -> io::Result<()> {
        let mut data = [0; 14];
        for (to, from) in data.iter_mut().zip(mac.0) {
            *to = from as libc::c_char;
        }
        let address = libc::sockaddr { sa_family: libc::ARPHRD_ETHER, sa_data: data };
        self.tell(libc::SIOCSIFHWADDR, libc::__c_anonymous_ifr_ifru { ifru_hwaddr: address })
    }

    /// Its frames begin with an Ethernet header (`ARPHRD_ETHER`, and `lo`, which imitates it).
    pub fn is_ethernet(&self) -> io::Result<bool> {
        Ok(matches!(self.hardware_address()?.sa_family, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK))
    }

    /// An administrator has set it up (`IFF_UP`).
    pub fn is_up(&self) -> io::Result<bool> {
        Ok(self.flags()? & libc::IFF_UP != 0)
    }

    /// It is up and the link has a carrier: for veth, the other end is up too.
    ///
    /// Without one the kernel takes every frame that a [`PacketQueue`](crate::PacketQueue) sends, and drops it.
    pub fn has_carrier(&self) -> io::Result<bool> {
        Ok(self.is_up()? && ethtool::has_carrier(self)?)
    }

    /// Sets it up or down, as `ip link set up` does.
    pub fn set_up(&self, up: bool) -> io::Result<()> {
        let flags = self.flags()?;
        let wanted = if up { flags | libc::IFF_UP } else { flags & !libc::IFF_UP };
        if wanted == flags {
            return Ok(());
        }
        let flags = libc::__c_anonymous_ifr_ifru { ifru_flags: wanted as libc::c_short };
        self.tell(libc::SIOCSIFFLAGS, flags)
    }

    /// Sets the length of its transmit queue, in frames. For a TAP it is the room between the kernel and us.
    /// Fails with `EPERM` in a user namespace.
    pub fn set_queue_len(&self, frames: u32) -> io::Result<()> {
        // The kernel reads ifru_ivalue, which libc lacks: an int at the same place as this one.
        self.tell(libc::SIOCSIFTXQLEN, libc::__c_anonymous_ifr_ifru { ifru_mtu: frames as libc::c_int })
    }

    /// The link speed that it shows, in Mbit/s; `None` when it does not know.
    pub fn speed(&self) -> io::Result<Option<u32>> {
        ethtool::speed(self)
    }

    /// Sets the link speed that it shows, in Mbit/s. Nothing becomes faster: spanning tree costs, LACP keys and
    /// monitoring read it.
    pub fn set_speed(&self, mbits: u32) -> io::Result<()> {
        ethtool::set_speed(self, mbits)
    }

    /// The name of its driver, such as `veth`.
    pub fn driver(&self) -> io::Result<String> {
        ethtool::driver(self)
    }

    /// Has the kernel finish what it sends by this interface: checksums are calculated, super-frames cut, tags put in
    /// (`ethtool -K IF tx off txvlan off`). For the other end of a cable whose port sees nothing but octets:
    /// [`XdpPort`](crate::XdpPort), [`RawPort`](crate::RawPort).
    pub fn finish_before_sending(&self) -> io::Result<()> {
        ethtool::finish_before_sending(self)
    }

    fn flags(&self) -> io::Result<libc::c_int> {
        let request = self.ask(libc::SIOCGIFFLAGS)?;
        // SAFETY: SIOCGIFFLAGS succeeded, so this is the field of the union that the kernel wrote.
        Ok(libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags } as u16))
    }

    fn hardware_address(&self) -> io::Result<libc::sockaddr> {
        let request = self.ask(libc::SIOCGIFHWADDR)?;
        // SAFETY: SIOCGIFHWADDR succeeded, so this is the field of the union that the kernel wrote.
        Ok(unsafe { request.ifr_ifru.ifru_hwaddr })
    }

    fn ask(&self, number: libc::Ioctl) -> io::Result<libc::ifreq> {
        let mut request = ifreq(&self.name);
        // SAFETY: all callers pass a SIOCGIF number, for which the kernel writes into the union of this ifreq.
        unsafe { self.ioctl(number, &mut request) }?;
        Ok(request)
    }

    fn tell(&self, number: libc::Ioctl, value: libc::__c_anonymous_ifr_ifru) -> io::Result<()> {
        let mut request = ifreq(&self.name);
        request.ifr_ifru = value;
        // SAFETY: all callers pass a SIOCSIF number and the field of the union that the kernel reads for it;
        // none of these fields is a pointer.
        unsafe { self.ioctl(number, &mut request) }
    }

    /// # Safety
    /// `request` must be what the kernel expects for `number`; a pointer in it must lead to what is expected there.
    pub(crate) unsafe fn ioctl(&self, number: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: the socket is open, and the caller vouches for the request.
        if unsafe { libc::ioctl(self.socket.as_raw_fd(), number, request as *mut libc::ifreq) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// A request that names an interface, all else zero.
pub(crate) fn ifreq(name: &PortName) -> libc::ifreq {
    // SAFETY: ifreq is plain data for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from as libc::c_char;
    }
    request
}
