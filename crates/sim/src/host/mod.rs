//! A station of the virtual world: one Ethernet interface, IPv4 and IPv6, echo, TCP and UDP, and probe flows.
//!
//! A [`Host`] has no clock and does no I/O. Its world drives it through five doors:
//! [`handle_frame`](Host::handle_frame) and [`handle_timeout`](Host::handle_timeout) tell it what happens and when;
//! [`poll_transmit`](Host::poll_transmit), [`poll_timeout`](Host::poll_timeout) and [`poll_event`](Host::poll_event)
//! ask what it wants, after each of those and after each request such as [`ping`](Host::ping). All its chance comes
//! from one seed: the same frames at the same times, and it sends the same frames.
//!
//! A packet on its way out: `echo.rs`, `stack.rs` (smoltcp) or `probes.rs` makes it; `lan.rs` finds its next hop and
//! has it wait until the table of neighbours (`greylag_ip`) knows that one's MAC address, which `arp.rs` and `nd.rs` ask for; `nic.rs` makes
//! it a frame, with a tag if the host is in a VLAN. On its way in: `nic.rs`, then `arp.rs` or `packet.rs`, which
//! knows probes, echo and neighbour discovery, and leaves the rest to `stack.rs`. What a host drops has a reason with
//! a counter ([`HostDrop`]); [`HostDrop::ForeignUnicast`] is how it notices that the network floods.
//!
//! ```
//! use greylag_base::{Instant, MacAddr, Seed};
//! use greylag_sim::host::{Host, HostConfig, HostEvent};
//! use std::time::Duration;
//!
//! let host = |number: u8| {
//!     let config = HostConfig {
//!         ipv4: vec![([10, 0, 0, number].into(), 24)],
//!         ..HostConfig::new("station", MacAddr([2, 0, 0, 0, 0, number]))
//!     };
//!     Host::new(config, Seed(1)).expect("the configuration is right")
//! };
//! let (mut a, mut b) = (host(1), host(2));
//! a.ping(Instant::ZERO, "10.0.0.2".parse()?, 7, 1, 56)?;
//!
//! // A cable of 1 ms: who has 10.0.0.2, the answer, the request, the reply.
//! let mut now = Instant::ZERO;
//! let mut frame = Vec::new();
//! for _ in 0..2 {
//!     now += Duration::from_millis(1);
//!     while a.poll_transmit(&mut frame) {
//!         b.handle_frame(now, &frame);
//!     }
//!     now += Duration::from_millis(1);
//!     while b.poll_transmit(&mut frame) {
//!         a.handle_frame(now, &frame);
//!     }
//! }
//! let Some(HostEvent::EchoReply { round_trip, .. }) = a.poll_event() else { panic!("b answers") };
//! assert_eq!(round_trip, Duration::from_millis(4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arp;
mod config;
mod counters;
mod echo;
mod event;
mod lan;
mod nd;
mod nic;
mod packet;
mod probes;
mod stack;
mod tcp;
mod udp;

pub use config::{HostConfig, HostError, NeighborConfig};
pub use counters::{HostCounters, HostDrop, Tally};
pub use event::{HostEvent, TransferId};
pub use greylag_ip::neighbor::NeighborState;

use crate::flow::{Arrivals, Flow, FlowId};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr, Seed, VlanId};
use greylag_ip::addresses::NextHop;
use greylag_wire::ethernet::EtherType;
use lan::Lan;
use packet::Rest;
use probes::Probes;
use stack::Stack;

/// A station with one interface, whose link is up when it is made.
#[derive(Debug)]
pub struct Host {
    name: String,
    lan: Lan,
    stack: Stack,
    probes: Probes,
}

impl Host {
    /// The seed is that of the world: each host draws by its name.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: HostConfig, seed: Seed) -> Result<Self, HostError> {
        config.check()?;
        let lan = Lan::new(&config);
        let stack = Stack::new(&lan, seed.derive("host").derive(&config.name));
        Ok(Host { name: config.name, lan, stack, probes: Probes::default() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a frame from the link, without frame check sequence.
    pub fn handle_frame(&mut self, now: Instant, frame: &[u8]) {
        if let Err(reason) = self.take(now, frame) {
            self.lan.nic.count(reason, frame);
        }
    }

    fn take(&mut self, now: Instant, frame: &[u8]) -> Result<(), HostDrop> {
        let addresses = &self.lan.addresses;
        let received = self.lan.nic.receive(frame, |group| addresses.takes_group(group))?;
        match received.ether_type {
            EtherType::ARP => arp::handle(&mut self.lan, now, &received),
            EtherType::IPV4 | EtherType::IPV6 => match packet::handle(&mut self.lan, now, &received)? {
                Rest::Done => Ok(()),
                Rest::Probe(probe) => self.probes.arrive(now, &probe),
                Rest::Stack => {
                    self.stack.handle_packet(now, received.payload, &mut self.lan);
                    Ok(())
                }
            },
            _ => Err(HostDrop::UnknownProtocol),
        }
    }

    /// Does what is due at `now` or was before.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.lan.handle_timeout(now);
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.run(now, &mut self.lan);
        }
        self.probes.handle_timeout(now, &mut self.lan);
    }

    /// Puts the next frame for the link into `frame`, whose memory the host uses again; false when there is none.
    pub fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        self.lan.nic.next_frame(frame)
    }

    /// When [`handle_timeout`](Host::handle_timeout) is to be called next; `None` when only a frame can change anything.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timeouts =
            [self.lan.neighbors.poll_timeout(), self.stack.poll_timeout(), self.probes.poll_timeout()];
        timeouts.into_iter().flatten().min()
    }

    /// The next thing that happened, in order.
    pub fn poll_event(&mut self) -> Option<HostEvent> {
        self.lan.events.pop_front()
    }

    /// Sends an echo request with `size` bytes of data, 8 at least for the time; the reply is a
    /// [`HostEvent::EchoReply`].
    ///
    /// # Errors
    /// [`HostError::NoSource`], [`HostError::Size`].
    pub fn ping(
        &mut self,
        now: Instant,
        to: IpAddr,
        ident: u16,
        seq: u16,
        size: usize,
    ) -> Result<(), HostError> {
        let from = self.source(to)?;
        echo::ping(&mut self.lan, now, (from, to), (ident, seq), size)
    }

    /// Accepts connections and takes all that they send; each ends with a [`HostEvent::TransferReceived`].
    ///
    /// # Errors
    /// [`HostError::Port`].
    pub fn tcp_listen(&mut self, port: u16) -> Result<(), HostError> {
        if tcp::listen(&mut self.stack, port) { Ok(()) } else { Err(self.port_error(port)) }
    }

    /// Connects, sends `bytes` bytes and closes; a [`HostEvent::TransferDone`] or [`HostEvent::TransferFailed`] tells
    /// how it went. A transfer whose peer is silent goes on for ever.
    ///
    /// # Errors
    /// [`HostError::NoSource`], [`HostError::Peer`].
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        to: IpAddr,
        port: u16,
        bytes: u64,
    ) -> Result<TransferId, HostError> {
        let from = self.source(to)?;
        let id = tcp::connect(&mut self.stack, now, (from, to), port, bytes)?;
        self.stack.run(now, &mut self.lan);
        Ok(id)
    }

    /// Sends back every datagram that comes to `port` (RFC 862).
    ///
    /// # Errors
    /// [`HostError::Port`].
    pub fn udp_echo(&mut self, port: u16) -> Result<(), HostError> {
        if udp::echo(&mut self.stack, port) { Ok(()) } else { Err(self.port_error(port)) }
    }

    /// Sends a datagram from a port of its own; an answer is a [`HostEvent::Datagram`].
    ///
    /// # Errors
    /// [`HostError::NoSource`], [`HostError::Peer`], [`HostError::Size`].
    pub fn udp_send(&mut self, now: Instant, to: IpAddr, port: u16, data: &[u8]) -> Result<(), HostError> {
        let from = self.source(to)?;
        udp::send(&mut self.stack, (from, to), port, data)?;
        self.stack.run(now, &mut self.lan);
        Ok(())
    }

    /// Sends a flow's probes from now on. Those that were due before are sent at the next timeout.
    ///
    /// # Errors
    /// [`HostError::NotOwn`].
    pub fn send_flow(&mut self, flow: &Flow) -> Result<(), HostError> {
        let addr = flow.config().from.addr;
        if !self.lan.addresses.has(addr) {
            return Err(HostError::NotOwn {
                flow: flow.config().name.clone(),
                host: self.name.clone(),
                addr,
            });
        }
        self.probes.send_flow(flow, &self.lan);
        Ok(())
    }

    /// Takes a flow's probes from now on, and forgets what it knew of it; those of other flows are [`HostDrop::StrayProbe`].
    pub fn receive_flow(&mut self, flow: &Flow) {
        self.probes.receive_flow(flow);
    }

    /// How many probes of a flow it has sent, whether or not they left the host.
    ///
    /// # Panics
    /// When the host does not send the flow.
    pub fn probes_sent(&self, flow: FlowId) -> u64 {
        self.probes.sent(flow).unwrap_or_else(|| panic!("host `{}` does not send {flow:?}", self.name))
    }

    /// What it knows of a flow that it receives.
    ///
    /// # Panics
    /// When the host does not receive the flow.
    pub fn arrivals(&self, flow: FlowId) -> &Arrivals {
        self.probes.arrivals(flow).unwrap_or_else(|| panic!("host `{}` does not receive {flow:?}", self.name))
    }

    /// Tells everybody where its addresses are: ARP announcements (RFC 5227 2.3) and unsolicited neighbour
    /// advertisements (RFC 4861 7.2.6), one of each.
    pub fn announce(&mut self) {
        self.lan.announce();
    }

    /// Takes the link down or up.
    ///
    /// A host whose link goes down drops what it was about to send, and forgets its neighbours. A host that is moved
    /// without notice, as a virtual machine is, keeps its link up and does not forget. When the link comes up,
    /// the host announces itself if [`NeighborConfig::gratuitous`] says so.
    pub fn set_link(&mut self, up: bool) {
        self.lan.set_link(up);
    }

    /// Gives the interface another address, be it one that another station has. Nobody is told: see
    /// [`announce`](Host::announce).
    ///
    /// # Errors
    /// [`HostError::Mac`].
    pub fn set_mac(&mut self, mac: MacAddr) -> Result<(), HostError> {
        if !mac.is_unicast() {
            return Err(HostError::Mac { host: self.name.clone(), mac });
        }
        self.lan.nic.mac = mac;
        Ok(())
    }

    /// The address of its interface.
    pub fn mac(&self) -> MacAddr {
        self.lan.nic.mac
    }

    /// The neighbour that its packets to an address go to; `None` when it has neither a subnet nor a gateway for it.
    pub fn next_hop(&self, to: IpAddr) -> Option<IpAddr> {
        match self.lan.next_hop(to)? {
            NextHop::Neighbor(next) => Some(next),
            NextHop::Group(_) => None,
        }
    }

    /// Its addresses, with the lengths of their prefixes.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, u8)> + '_ {
        self.lan.addresses.iter()
    }

    /// The VLAN of its frames' tags.
    pub fn vlan(&self) -> Option<VlanId> {
        self.lan.nic.vlan
    }

    /// What it knows of a neighbour at `now`; no MAC address while it asks for it.
    pub fn neighbor(&self, now: Instant, addr: IpAddr) -> Option<(NeighborState, Option<MacAddr>)> {
        self.lan.neighbors.get(now, addr)
    }

    /// How many neighbours it knows or asks for.
    pub fn neighbors(&self) -> usize {
        self.lan.neighbors.len()
    }

    /// What it has counted.
    pub fn counters(&self) -> &HostCounters {
        &self.lan.nic.counters
    }

    fn source(&self, to: IpAddr) -> Result<IpAddr, HostError> {
        let source = self.lan.addresses.source(to);
        source.ok_or_else(|| HostError::NoSource { host: self.name.clone(), to })
    }

    fn port_error(&self, port: u16) -> HostError {
        HostError::Port { host: self.name.clone(), port }
    }
}
