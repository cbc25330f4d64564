//! The doors: everything that the outside tells a switch's IP stack, and everything that it is told.

use crate::addresses::NextHop;
use crate::config::{ConfigError, IpConfig};
use crate::counters::{IpCounters, IpDrop};
use crate::event::{IpEvent, Outgoing, TcpEvent};
use crate::header::Header;
use crate::icmp_error::IcmpError;
use crate::ip_header;
use crate::links::Links;
use crate::neighbor::NeighborState;
use crate::reassembly::Reassembly;
use crate::tcp::{ConnectError, ConnectionId, PeerTtl, Tcp};
use core::net::{IpAddr, SocketAddr};
use greylag_base::{Instant, InterfaceId, MacAddr, Seed};
use greylag_wire::ethernet::Frame;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, UDP_HEADER_LEN, UdpPacket, UdpRepr};
use std::collections::BTreeSet;

/// How a packet of our own is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendOptions {
    /// Where it leaves, whatever routing says; to a group or a link-local address, it has to be said. `None` for as routing says.
    pub interface: Option<InterfaceId>,
    /// Its TTL or hop limit.
    pub ttl: u8,
    /// Its type of service or traffic class.
    pub tos: u8,
}

/// What a switch is as an IP station.
///
/// After any call that takes `now`, and after those that write, read or close a connection, ask for what became of it:
/// [`poll_event`](IpStack::poll_event), [`poll_tcp`](IpStack::poll_tcp) and [`poll_transmit`](IpStack::poll_transmit) until they are
/// empty, then [`poll_timeout`](IpStack::poll_timeout) once.
#[derive(Debug)]
pub struct IpStack {
    pub(crate) links: Links,
    pub(crate) tcp: Tcp,
    pub(crate) reassembly: Reassembly,
    pub(crate) protocols: BTreeSet<u8>,
    pub(crate) udp_ports: BTreeSet<u16>,
    config: IpConfig,
    now: Instant,
}

impl IpStack {
    /// A stack whose interfaces are down. All its chance comes from `seed`: one that stands for a restarted switch needs another seed
    /// than before, or its TCP begins with the numbers that it had.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(config: IpConfig, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        let mut stack = IpStack {
            links: Links::new(seed, now),
            tcp: Tcp::new(seed),
            reassembly: Reassembly::default(),
            protocols: BTreeSet::new(),
            udp_ports: BTreeSet::new(),
            config: IpConfig::default(),
            now,
        };
        stack.reconfigure(now, config)?;
        Ok(stack)
    }

    /// Becomes what it is told to be, as far as it is not already. Addresses that are new are announced; connections from those that
    /// are gone are over. An interface that is new is down.
    ///
    /// # Errors
    /// When the configuration contradicts itself; nothing has changed then.
    pub fn reconfigure(&mut self, now: Instant, config: IpConfig) -> Result<(), ConfigError> {
        config.check()?;
        self.now = now;
        self.links.reconfigure(now, &config);
        self.tcp.reconfigure(now, &mut self.links);
        self.config = config;
        Ok(())
    }

    /// What it was told to be.
    pub fn config(&self) -> &IpConfig {
        &self.config
    }

    /// An interface has come up, and announces its addresses, or has gone down, and forgets its neighbours but for the static ones. What
    /// it was about to send is gone.
    pub fn set_interface(&mut self, now: Instant, interface: InterfaceId, up: bool) {
        self.now = now;
        self.links.set_up(now, interface, up);
    }

    /// Packets of a protocol become [`IpEvent::Packet`], those for groups of the link too. ICMP, TCP and UDP are the stack's own.
    pub fn register_protocol(&mut self, protocol: u8) {
        self.protocols.insert(protocol);
    }

    /// Datagrams to a port become [`IpEvent::Datagram`].
    pub fn register_udp(&mut self, port: u16) {
        self.udp_ports.insert(port);
    }

    /// An untagged frame has come in: ARP, or an IP packet that is for us. What goes no further is counted.
    pub fn handle_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8]) {
        self.now = now;
        if let Err(reason) = self.take_frame(now, interface, frame) {
            self.links.counters.drop(reason);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.links.handle_timeout(now);
        while let Some(abandoned) = self.reassembly.expire(now) {
            self.links.counters.drop(IpDrop::Fragments);
            if let Some((interface, packet)) = abandoned {
                self.links.error(now, interface, IcmpError::ReassemblyTime, &packet, false);
            }
        }
        if self.tcp.is_touched() || self.tcp.poll_timeout().is_some_and(|at| at <= now) {
            self.tcp.run(now, &mut self.links);
        }
    }

    /// When [`handle_timeout`](IpStack::handle_timeout) is due if nothing comes from outside.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let at_once = self.tcp.is_touched().then_some(self.now);
        let timeouts =
            [at_once, self.links.poll_timeout(), self.tcp.poll_timeout(), self.reassembly.poll_timeout()];
        timeouts.into_iter().flatten().min()
    }

    /// The next thing to send.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        if self.tcp.is_touched() {
            self.tcp.run(self.now, &mut self.links);
        }
        self.links.outgoing.pop_front()
    }

    /// What happened next, but for TCP.
    pub fn poll_event(&mut self) -> Option<IpEvent> {
        self.links.events.pop_front()
    }

    /// What happened next to a TCP connection. While nobody asks, or a connection is [held](IpStack::hold), its window fills.
    pub fn poll_tcp(&mut self) -> Option<TcpEvent> {
        self.tcp.poll_event()
    }

    /// What is known of a neighbour; no MAC address while there is none that packets go to.
    pub fn neighbor(&self, interface: InterfaceId, ip: IpAddr) -> Option<(NeighborState, Option<MacAddr>)> {
        self.links.interfaces.get(&interface)?.neighbors.get(self.now, ip)
    }

    /// Where a neighbour is, if that is known. If not, it is asked for; if it was long ago, it is about to be asked.
    pub fn resolve(&mut self, now: Instant, interface: InterfaceId, ip: IpAddr) -> Option<MacAddr> {
        self.now = now;
        self.links.with_neighbors(now, interface, |neighbors| neighbors.look_for(now, ip));
        self.neighbor(interface, ip)?.1
    }

    /// A neighbour is needed from now on, or no longer: one that is, is asked for until it answers, and again whenever it has not been
    /// heard of for long. It outlives that its interface goes down, not that its interface goes.
    pub fn want(&mut self, now: Instant, interface: InterfaceId, ip: IpAddr, wanted: bool) {
        self.now = now;
        self.links.want(now, interface, ip, wanted);
    }

    /// The data plane has sent something to a neighbour: it is in use, and verified if it is stale.
    pub fn used(&mut self, now: Instant, interface: InterfaceId, ip: IpAddr) {
        self.now = now;
        self.links.with_neighbors(now, interface, |neighbors| neighbors.used(now, ip));
    }

    /// Sends a packet of a protocol that has the stack do so. It needs an address of ours as source.
    ///
    /// # Panics
    /// When the addresses are of two families, or the packet would be longer than IP can say.
    pub fn send_ip(
        &mut self,
        now: Instant,
        from: IpAddr,
        to: IpAddr,
        protocol: u8,
        how: SendOptions,
        payload: &[u8],
    ) {
        self.now = now;
        let header_len = ip_header::len(to);
        let mut packet = vec![0; header_len + payload.len()];
        assert!(packet.len() <= usize::from(u16::MAX), "a packet of {} octets", packet.len());
        let protocol = IpProtocol::from(protocol);
        ip_header::emit(&mut packet, (from, to), protocol, how.ttl).copy_from_slice(payload);
        ip_header::set_tos(&mut packet, how.tos);
        self.links.send_packet(now, packet, how.interface);
    }

    /// Sends a UDP datagram.
    ///
    /// # Panics
    /// As [`send_ip`](IpStack::send_ip).
    pub fn send_udp(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        how: SendOptions,
        payload: &[u8],
    ) {
        let mut datagram = vec![0; UDP_HEADER_LEN + payload.len()];
        let repr = UdpRepr { src_port: from.port(), dst_port: to.port() };
        let (own, peer) = (from.ip(), to.ip());
        repr.emit(
            &mut UdpPacket::new_unchecked(&mut datagram),
            &own.into(),
            &peer.into(),
            payload.len(),
            |body| body.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
        self.send_ip(now, own, peer, IpProtocol::Udp.into(), how, &datagram);
    }

    /// Sends a packet of our own, which [`Outgoing::Route`] gave away, by an interface to a gateway; `None` is for the destination
    /// itself.
    pub fn send_via(&mut self, now: Instant, interface: InterfaceId, gateway: Option<IpAddr>, packet: &[u8]) {
        self.now = now;
        let Some(header) = Header::parse(packet) else {
            return self.links.counters.drop(IpDrop::Malformed);
        };
        let next = NextHop::Neighbor(gateway.unwrap_or(header.to));
        self.links.send_cut(now, interface, next, header.packet(packet).to_vec(), None);
    }

    /// Forwards a packet that the data plane cannot forward, since it does not know the neighbour, or has to cut it. `frame` is the
    /// untagged frame as it came in at `ingress`, with the TTL that it had; `gateway` as of [`send_via`](IpStack::send_via).
    ///
    /// A packet whose TTL is over, or that must not be cut, is dropped, and its source told; so it is if the neighbour does not answer.
    pub fn forward_slow(
        &mut self,
        now: Instant,
        ingress: InterfaceId,
        interface: InterfaceId,
        gateway: Option<IpAddr>,
        frame: &[u8],
    ) {
        self.now = now;
        let forwarded = match Frame::new_checked(frame) {
            Some(frame) => self.links.forward(now, ingress, interface, gateway, &frame),
            None => Err(IpDrop::Runt),
        };
        if let Err(reason) = forwarded {
            self.links.counters.drop(reason);
        }
    }

    /// Tells the source of a transit packet what becomes of it, unless it must not be told. `frame` is the untagged frame as it
    /// came in at `interface`; the address of that is what the error comes from.
    pub fn forward_error(&mut self, now: Instant, interface: InterfaceId, error: IcmpError, frame: &[u8]) {
        self.now = now;
        let Some(frame) = Frame::new_checked(frame) else {
            return self.links.counters.drop(IpDrop::Runt);
        };
        self.links.error(now, interface, error, frame.payload(), frame.destination().is_group());
    }

    /// Accepts connections to a port on all addresses, or no longer does. Connections that are open stay.
    pub fn listen(&mut self, port: u16, listens: bool) {
        self.tcp.listen(port, listens);
    }

    /// Says which hop limits segments to and from another end have, on all its connections. Without, those that we accept have 64, those
    /// that we open what was said then.
    pub fn set_peer_ttl(&mut self, remote: IpAddr, ttl: Option<PeerTtl>) {
        self.tcp.set_peer(remote, ttl);
    }

    /// Opens a connection from an address of ours; `interface` is where a link-local one is. It tries until it is
    /// [aborted](IpStack::abort), if nobody answers.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        &mut self,
        now: Instant,
        local: IpAddr,
        remote: SocketAddr,
        ttl: u8,
        interface: Option<InterfaceId>,
    ) -> Result<ConnectionId, ConnectError> {
        self.now = now;
        self.tcp.connect(now, local, remote, ttl, interface, &mut self.links)
    }

    /// Sends octets; says how many of them the connection has room for. Who had too many asks again after
    /// [`handle_frame`](IpStack::handle_frame).
    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        self.tcp.send(id, bytes)
    }

    /// Whoever uses a connection does not listen: what comes is left in the window, until that is full and the other end waits. A
    /// close is told after it.
    pub fn hold(&mut self, id: ConnectionId, held: bool) {
        self.tcp.hold(id, held);
    }

    /// Closes a connection when all that was given to it has arrived. Nothing is told of it any more.
    pub fn close(&mut self, id: ConnectionId) {
        self.tcp.close(id);
    }

    /// Resets a connection. Nothing is told of it any more.
    pub fn abort(&mut self, id: ConnectionId) {
        self.tcp.abort(id);
    }

    /// What it has counted.
    pub fn counters(&self) -> &IpCounters {
        &self.links.counters
    }
}
