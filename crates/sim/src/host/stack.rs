//! TCP and UDP: smoltcp on a device without Ethernet, which gives its packets to the host's own neighbour layer.

use super::lan::Lan;
use super::nic::ip_type;
use super::tcp::Tcp;
use super::udp::Udp;
use core::net::IpAddr;
use greylag_base::{Dice, Instant, Seed};
use greylag_ip::device::{PacketDevice, stack_time, wake_at};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::time::Instant as StackTime;
use smoltcp::wire::{HardwareAddress, IpCidr};
use std::fmt;

/// The longest IP packet that a host sends, probes of larger flows excepted.
pub(crate) const MTU: usize = 1500;
/// RFC 6335 6: dynamic ports.
const FIRST_PORT: u16 = 49_152;

pub(crate) struct Stack {
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) tcp: Tcp,
    pub(crate) udp: Udp,
    device: PacketDevice,
    wake: Option<Instant>,
    next_port: u16,
}

impl Stack {
    pub(crate) fn new(lan: &Lan, seed: Seed) -> Self {
        let mut device = PacketDevice::new(MTU);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed.derive("tcp").0;
        let mut interface = Interface::new(config, &mut device, StackTime::ZERO);
        interface.update_ip_addrs(|own| {
            for (addr, length) in lan.addresses.iter() {
                own.push(IpCidr::new(addr.into(), length))
                    .expect("the configuration was checked for their number");
            }
        });
        let dynamic = u64::from(u16::MAX - FIRST_PORT) + 1;
        Stack {
            interface,
            sockets: SocketSet::new(Vec::new()),
            tcp: Tcp::new(lan.ttl),
            udp: Udp::new(lan.ttl),
            device,
            wake: None,
            next_port: FIRST_PORT + Dice::new(seed.derive("ports")).below(dynamic) as u16,
        }
    }

    /// A port for a new socket of our own: the next of the dynamic ones.
    pub(crate) fn port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
        port
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// Takes in a packet that was checked.
    pub(crate) fn handle_packet(&mut self, now: Instant, packet: &[u8], lan: &mut Lan) {
        self.device.put(packet);
        self.run(now, lan);
    }

    /// Does all that can be done at `now`.
    pub(crate) fn run(&mut self, now: Instant, lan: &mut Lan) {
        let time = stack_time(now);
        loop {
            self.interface.poll(time, &mut self.device, &mut self.sockets);
            let tcp = self.tcp.run(now, &mut self.sockets, &mut lan.events);
            let udp = self.udp.run(&mut self.sockets, &lan.addresses, &mut lan.events);
            if !tcp && !udp {
                break;
            }
        }
        for packet in self.device.drain() {
            send(lan, now, &packet);
        }
        self.wake = self.interface.poll_at(time, &self.sockets).map(|at| wake_at(now, at));
    }
}

fn send(lan: &mut Lan, now: Instant, packet: &[u8]) {
    let to: IpAddr = if packet[0] >> 4 == 4 {
        let octets: [u8; 4] = packet[16..20].try_into().expect("four octets");
        octets.into()
    } else {
        let octets: [u8; 16] = packet[24..40].try_into().expect("sixteen octets");
        octets.into()
    };
    let header_len = lan.nic.header_len();
    let mut frame = lan.nic.packet_buffer(packet.len());
    frame[header_len..].copy_from_slice(packet);
    lan.nic.set_type(&mut frame, ip_type(to));
    lan.send(now, to, frame, &mut None);
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("wake", &self.wake).finish_non_exhaustive()
    }
}
