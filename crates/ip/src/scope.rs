//! smoltcp, once for each scope of addresses: once for all global ones, and once for the link-local ones of each interface, since two links
//! may have the same.

use crate::device::{PacketDevice, stack_time, wake_at};
use greylag_base::{Instant, Seed};
use smoltcp::iface::{Config, Context, Interface, SocketSet};
use smoltcp::wire::{HardwareAddress, IpCidr, Ipv4Address, Ipv6Address};
use std::fmt;

pub(crate) struct Scope {
    interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    device: PacketDevice,
    mtu: u16,
    seed: Seed,
    wake: Option<Instant>,
}

impl Scope {
    /// `seed` is that of this scope alone.
    pub(crate) fn new(mtu: u16, seed: Seed, now: Instant) -> Self {
        let (interface, device) = stack(mtu, seed, now);
        Scope { interface, sockets: SocketSet::new(Vec::new()), device, mtu, seed, wake: None }
    }

    /// Segments are for another MTU from now on. smoltcp asks its device only once.
    pub(crate) fn set_mtu(&mut self, now: Instant, mtu: u16) {
        if self.mtu != mtu {
            // Initial sequence numbers go on elsewhere.
            self.seed = self.seed.derive("mtu");
            self.mtu = mtu;
            (self.interface, self.device) = stack(mtu, self.seed, now);
        }
    }

    pub(crate) fn put(&mut self, packet: &[u8]) {
        self.device.put(packet);
    }

    pub(crate) fn context(&mut self) -> (&mut Context, &mut SocketSet<'static>) {
        (self.interface.context(), &mut self.sockets)
    }

    /// Does all that can be done at `now`; gives what smoltcp sends.
    pub(crate) fn run(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.interface.poll(stack_time(now), &mut self.device, &mut self.sockets);
        self.device.drain().collect()
    }

    /// Sees when it wants to be woken, after it has run and its sockets have been looked at.
    pub(crate) fn settle(&mut self, now: Instant) {
        let at = self.interface.poll_at(stack_time(now), &self.sockets);
        self.wake = at.map(|at| wake_at(now, at));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }
}

fn stack(mtu: u16, seed: Seed, now: Instant) -> (Interface, PacketDevice) {
    let mut device = PacketDevice::new(mtu.into());
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed.0;
    let mut interface = Interface::new(config, &mut device, stack_time(now));
    // What is for us was found out before, and so it is on the way out. smoltcp takes everything, and is on the link of everybody.
    interface.set_any_ip(true);
    interface.update_ip_addrs(|own| {
        for everybody in
            [IpCidr::new(Ipv4Address::UNSPECIFIED.into(), 0), IpCidr::new(Ipv6Address::UNSPECIFIED.into(), 0)]
        {
            own.push(everybody).expect("smoltcp has room for two addresses");
        }
    });
    (interface, device)
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("mtu", &self.mtu).field("wake", &self.wake).finish_non_exhaustive()
    }
}
