//! TCP and UDP: smoltcp on a device without Ethernet, which gives its packets to the host's own neighbour layer.
//!
//! smoltcp is told the time and its seed; its features that read a clock are not built.

use super::lan::Lan;
use super::nic::ip_type;
use super::tcp::Tcp;
use super::udp::Udp;
use core::net::IpAddr;
use greylag_base::{Dice, Instant, Seed};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as StackTime;
use smoltcp::wire::{HardwareAddress, IpCidr};
use std::fmt;

/// The longest IP packet that a host sends, probes of larger flows excepted.
pub(crate) const MTU: usize = 1500;
/// RFC 6335 6: dynamic ports.
const FIRST_PORT: u16 = 49_152;
/// smoltcp counts microseconds.
const TICK: u64 = 1_000;

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
        let mut device = PacketDevice::default();
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
        self.device.inbound.extend_from_slice(packet);
        self.run(now, lan);
    }

    /// Does all that can be done at `now`.
    pub(crate) fn run(&mut self, now: Instant, lan: &mut Lan) {
        let time = StackTime::from_micros((now.as_nanos() / TICK) as i64);
        loop {
            self.interface.poll(time, &mut self.device, &mut self.sockets);
            let tcp = self.tcp.run(now, &mut self.sockets, &mut lan.events);
            let udp = self.udp.run(&mut self.sockets, &lan.addresses, &mut lan.events);
            if !tcp && !udp {
                break;
            }
        }
        for packet in self.device.outbound.drain(..) {
            send(lan, now, &packet);
        }
        let tick = now.as_nanos() / TICK + 1;
        // What smoltcp wants at once it has just had its chance for: a tick later, so that time goes on.
        self.wake = self.interface.poll_at(time, &self.sockets).map(|at| {
            let micros = u64::try_from(at.total_micros()).unwrap_or(0).max(tick);
            Instant::from_nanos(micros.saturating_mul(TICK))
        });
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

/// One packet in, any number out.
#[derive(Debug, Default)]
struct PacketDevice {
    inbound: Vec<u8>,
    outbound: Vec<Vec<u8>>,
}

struct Inbound<'a>(&'a mut Vec<u8>);
struct Outbound<'a>(&'a mut Vec<Vec<u8>>);

impl Device for PacketDevice {
    type RxToken<'a> = Inbound<'a>;
    type TxToken<'a> = Outbound<'a>;

    fn receive(&mut self, _: StackTime) -> Option<(Inbound<'_>, Outbound<'_>)> {
        let waits = !self.inbound.is_empty();
        waits.then_some((Inbound(&mut self.inbound), Outbound(&mut self.outbound)))
    }

    fn transmit(&mut self, _: StackTime) -> Option<Outbound<'_>> {
        Some(Outbound(&mut self.outbound))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

impl RxToken for Inbound<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(self.0);
        self.0.clear();
        result
    }
}

impl TxToken for Outbound<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}
