//! The way out: which interface, which neighbour, which frame. And ICMP errors, which can come of anything.

use crate::addresses::NextHop;
use crate::config::IpConfig;
use crate::counters::{IpCounters, IpDrop, Silence};
use crate::event::{IpEvent, Outgoing};
use crate::fragment;
use crate::header::{self, Header};
use crate::icmp_error::{self, IcmpError, Limiter};
use crate::interface::{Interface, Waiting};
use crate::nd::Message;
use crate::neighbor::{Evidence, Expired, NeighborTimers, Question, Resolved};
use crate::{arp, ip_header, nd};
use core::net::IpAddr;
use greylag_base::{Dice, Instant, InterfaceId, MacAddr, Seed};
use greylag_wire::ethernet::{EtherType, Frame, Repr};
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// We forward: RFC 4861 4.4.
const IS_ROUTER: bool = true;

#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) interfaces: BTreeMap<InterfaceId, Interface>,
    pub(crate) outgoing: VecDeque<Outgoing>,
    pub(crate) events: VecDeque<IpEvent>,
    pub(crate) counters: IpCounters,
    timers: NeighborTimers,
    limiter: Limiter,
    seed: Seed,
    /// Of the next packet that is cut.
    ident: u32,
}

impl Links {
    pub(crate) fn new(seed: Seed, now: Instant) -> Self {
        let config = IpConfig::default();
        Links {
            interfaces: BTreeMap::new(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            counters: IpCounters::default(),
            timers: config.neighbors,
            limiter: Limiter::new(config.icmp_limit, now),
            seed,
            ident: Dice::new(seed.derive("fragments")).word() as u32,
        }
    }

    /// Becomes what it is told to be, as far as it is not already.
    pub(crate) fn reconfigure(&mut self, now: Instant, config: &IpConfig) {
        self.timers = config.neighbors.clone();
        self.limiter.set_limit(config.icmp_limit);
        let gone: Vec<InterfaceId> =
            self.interfaces.keys().filter(|id| !config.interfaces.contains_key(id)).copied().collect();
        for id in gone {
            self.set_up(now, id, false);
            self.interfaces.remove(&id);
        }
        for (&id, wanted) in &config.interfaces {
            let dice = || Dice::new(self.seed.derive(&format!("interface {id}")));
            let link = self
                .interfaces
                .entry(id)
                .or_insert_with(|| Interface::new(id, wanted.clone(), &self.timers, dice()));
            link.draw_timers(&self.timers);
            let before = std::mem::replace(&mut link.addresses, wanted.addresses());
            let moved = link.config.mac != wanted.mac;
            for (&addr, mac) in &link.config.neighbors {
                if wanted.neighbors.get(&addr) != Some(mac) {
                    link.neighbors.remove_permanent(addr);
                }
            }
            link.config = wanted.clone();
            let announced: Vec<IpAddr> =
                link.addresses.iter().map(|own| own.0).filter(|&own| moved || !before.has(own)).collect();
            for (&addr, &mac) in &wanted.neighbors {
                let waiting = self.link(id).neighbors.set_permanent(now, addr, mac);
                self.send_waiting(id, mac, waiting);
            }
            for own in announced {
                self.announce(id, own);
            }
            self.look_for_wanted(now, id);
            self.tell(now, id);
        }
    }

    fn link(&mut self, id: InterfaceId) -> &mut Interface {
        self.interfaces.get_mut(&id).expect("it was looked up before")
    }

    /// Sees to it that those are known whom somebody has to reach.
    fn look_for_wanted(&mut self, now: Instant, id: InterfaceId) {
        let link = self.link(id);
        if !link.up {
            return;
        }
        let wanted: Vec<IpAddr> = link.neighbors.wanted().iter().copied().collect();
        for addr in wanted {
            let question = self.link(id).neighbors.look_for(now, addr);
            self.ask(id, question);
        }
    }

    fn tell(&mut self, now: Instant, id: InterfaceId) {
        if let Some(link) = self.interfaces.get_mut(&id) {
            link.tell(now, &mut self.events);
        }
    }

    pub(crate) fn set_up(&mut self, now: Instant, id: InterfaceId, up: bool) {
        let Some(link) = self.interfaces.get_mut(&id).filter(|link| link.up != up) else { return };
        link.up = up;
        if up {
            link.draw_timers(&self.timers);
            let own: Vec<IpAddr> = link.addresses.iter().map(|own| own.0).collect();
            for addr in own {
                self.announce(id, addr);
            }
            self.look_for_wanted(now, id);
        } else {
            for _ in link.neighbors.flush() {
                self.counters.drop(IpDrop::InterfaceDown);
            }
            self.outgoing.retain(|out| !matches!(out, Outgoing::Frame { interface, .. } if *interface == id));
        }
        self.tell(now, id);
    }

    /// Is it an address of any interface of ours? A link-local one is that of its own interface alone.
    pub(crate) fn owns(&self, at: InterfaceId, addr: IpAddr) -> bool {
        if is_link_local(addr) {
            return self.interfaces.get(&at).is_some_and(|link| link.addresses.has(addr));
        }
        self.has(addr)
    }

    /// Does any interface have it?
    pub(crate) fn has(&self, addr: IpAddr) -> bool {
        self.interfaces.values().any(|link| link.addresses.has(addr))
    }

    /// The interface with the longest prefix that an address is in.
    fn on_link(&self, to: IpAddr) -> Option<InterfaceId> {
        if is_link_local(to) || to.is_multicast() {
            return None;
        }
        let matches = self.interfaces.iter().filter(|(_, link)| link.up);
        let matches =
            matches.filter_map(|(&id, link)| Some((link.addresses.longest_match(to)?, Reverse(id))));
        matches.max().map(|(_, Reverse(id))| id)
    }

    /// The address of ours by which an error or a question about `to` leaves: of this interface, or else of the first that has one
    /// which everybody can answer.
    fn source(&self, id: InterfaceId, to: IpAddr) -> Option<IpAddr> {
        let sound = |addr: &IpAddr| is_link_local(*addr) == is_link_local(to) || addr.is_ipv4();
        let here = self.interfaces.get(&id)?.addresses.source(to).filter(sound);
        here.or_else(|| {
            let others = || self.interfaces.values().filter_map(|link| link.addresses.source(to));
            others().find(|addr| !is_link_local(*addr)).filter(|_| !is_link_local(to))
        })
    }

    /// Sends a packet of our own.
    pub(crate) fn send_packet(&mut self, now: Instant, packet: Vec<u8>, interface: Option<InterfaceId>) {
        let Some(to) = header::destination(&packet) else { return };
        let Some(id) = interface.or_else(|| self.on_link(to)) else {
            if is_link_local(to) || to.is_multicast() {
                return self.counters.drop(IpDrop::NoRoute);
            }
            return self.outgoing.push_back(Outgoing::Route { to, packet: packet.into() });
        };
        let Some(link) = self.interfaces.get(&id) else {
            return self.counters.drop(IpDrop::NoInterface);
        };
        let next = link.addresses.on_link(to).unwrap_or(NextHop::Neighbor(to));
        self.send_cut(now, id, next, packet, None);
    }

    /// Sends a frame's packet of somebody else's on its way, or tells why not.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        ingress: InterfaceId,
        egress: InterfaceId,
        gateway: Option<IpAddr>,
        frame: &Frame<'_>,
    ) -> Result<(), IpDrop> {
        let packet = frame.payload();
        let header = Header::parse(packet).ok_or(IpDrop::Malformed)?;
        let packet = header.packet(packet);
        if !header::is_intact(packet) {
            return Err(IpDrop::Malformed);
        }
        // RFC 1812 5.3.4: what was for everybody on one link is not for anybody on another.
        if frame.destination().is_group() || header.to.is_multicast() {
            return Err(IpDrop::ForeignMac);
        }
        let link = self.interfaces.get(&egress).ok_or(IpDrop::NoInterface)?;
        let mtu = link.config.mtu;
        if header.ttl <= 1 {
            self.error(now, ingress, IcmpError::TimeExceeded, packet, false);
            return Err(IpDrop::HopLimit);
        }
        if packet.len() > usize::from(mtu) && fragment::is_protected(packet) {
            self.error(now, ingress, IcmpError::TooBig { mtu }, packet, false);
            return Err(IpDrop::TooBig);
        }
        let mut packet = packet.to_vec();
        ip_header::set_ttl(&mut packet, header.ttl - 1);
        let next = NextHop::Neighbor(gateway.unwrap_or(header.to));
        self.send_cut(now, egress, next, packet, Some(ingress));
        Ok(())
    }

    /// Sends a packet of our own that routers may cut.
    pub(crate) fn send_divisible(
        &mut self,
        now: Instant,
        mut packet: Vec<u8>,
        interface: Option<InterfaceId>,
    ) {
        let ident = self.next_ident();
        ip_header::allow_fragments(&mut packet, ident as u16);
        self.send_packet(now, packet, interface);
    }

    fn next_ident(&mut self) -> u32 {
        self.ident = self.ident.wrapping_add(1);
        self.ident
    }

    /// Sends a packet that may be longer than the interface takes.
    pub(crate) fn send_cut(
        &mut self,
        now: Instant,
        id: InterfaceId,
        next: NextHop,
        mut packet: Vec<u8>,
        ingress: Option<InterfaceId>,
    ) {
        let Some(link) = self.interfaces.get(&id) else {
            return self.counters.drop(IpDrop::NoInterface);
        };
        let mtu = link.config.mtu;
        if packet.len() <= usize::from(mtu) {
            return self.transmit(now, id, next, packet, ingress);
        }
        let mtu = usize::from(mtu);
        let ident = self.next_ident();
        let parts = if packet[0] >> 4 == 6 {
            fragment::cut_v6(&packet, mtu, ident)
        } else {
            if ingress.is_none() {
                // Who may cut it on its way is one thing; we are its source.
                ip_header::allow_fragments(&mut packet, ident as u16);
            }
            fragment::cut_v4(&packet, mtu)
        };
        for part in parts {
            self.transmit(now, id, next, part, ingress);
        }
    }

    /// Sends a packet that is short enough, or has it wait for the neighbour.
    fn transmit(
        &mut self,
        now: Instant,
        id: InterfaceId,
        next: NextHop,
        packet: Vec<u8>,
        ingress: Option<InterfaceId>,
    ) {
        let Some(link) = self.interfaces.get_mut(&id) else {
            return self.counters.drop(IpDrop::NoInterface);
        };
        if !link.up {
            return self.counters.drop(IpDrop::InterfaceDown);
        }
        let next = match next {
            NextHop::Group(mac) => return self.frame(id, mac, ether_type(&packet), &packet),
            NextHop::Neighbor(next) => next,
        };
        match link.neighbors.resolve(now, next, Waiting { packet, ingress }, &mut None) {
            Resolved::Goes { to, packet: Waiting { packet, .. }, ask } => {
                self.frame(id, to, ether_type(&packet), &packet);
                self.ask(id, ask.then_some((next, Some(to))));
            }
            Resolved::Waits { ask, oldest } => {
                if oldest.is_some() {
                    self.counters.drop(IpDrop::QueueFull);
                }
                self.ask(id, ask.then_some((next, None)));
            }
            Resolved::Failed(waiting) => self.fail(now, &waiting),
            Resolved::Full(_) => self.counters.drop(IpDrop::NeighborsFull),
        }
        self.tell(now, id);
    }

    /// The neighbour of a packet does not answer.
    fn fail(&mut self, now: Instant, waiting: &Waiting) {
        self.counters.drop(IpDrop::Unresolved);
        if let Some(ingress) = waiting.ingress {
            self.error(now, ingress, IcmpError::HostUnreachable, &waiting.packet, false);
        }
    }

    fn send_waiting(&mut self, id: InterfaceId, to: MacAddr, waiting: VecDeque<Waiting>) {
        for Waiting { packet, .. } in waiting {
            self.frame(id, to, ether_type(&packet), &packet);
        }
    }

    /// Takes in what was heard of a neighbour, and sends what waited for it.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        id: InterfaceId,
        addr: IpAddr,
        mac: Option<MacAddr>,
        evidence: Evidence,
    ) {
        if let Some((mac, waiting)) = self.link(id).neighbors.hear(now, addr, mac, evidence) {
            self.send_waiting(id, mac, waiting);
        }
        self.tell(now, id);
    }

    /// Does something with the neighbours of an interface that is up; the neighbour may then have to be asked.
    pub(crate) fn with_neighbors(
        &mut self,
        now: Instant,
        id: InterfaceId,
        act: impl FnOnce(&mut crate::neighbor::Neighbors<Waiting>) -> Option<Question>,
    ) {
        let Some(link) = self.interfaces.get_mut(&id).filter(|link| link.up) else { return };
        let question = act(&mut link.neighbors);
        self.ask(id, question);
        self.tell(now, id);
    }

    /// A neighbour is needed from now on, or no longer. One behind an interface that is down is asked for when that comes up.
    pub(crate) fn want(&mut self, now: Instant, id: InterfaceId, ip: IpAddr, wanted: bool) {
        let Some(link) = self.interfaces.get_mut(&id) else { return };
        let question = link.neighbors.want(now, ip, wanted, link.up);
        self.ask(id, question);
        self.tell(now, id);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.interfaces.values().filter_map(|link| link.neighbors.poll_timeout()).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let ids: Vec<InterfaceId> = self.interfaces.keys().copied().collect();
        for id in ids {
            while let Some(expired) = self.link(id).neighbors.expire(now) {
                match expired {
                    Expired::Ask(question) => self.ask(id, Some(question)),
                    Expired::Failed(_, waiting) => {
                        for waiting in waiting {
                            self.fail(now, &waiting);
                        }
                    }
                }
            }
            self.tell(now, id);
        }
    }

    /// Asks for a neighbour.
    fn ask(&mut self, id: InterfaceId, question: Option<Question>) {
        let Some((addr, known)) = question else { return };
        let mac = self.link(id).config.mac;
        // Without an address of our own nobody could answer.
        match (self.source(id, addr), addr) {
            (Some(IpAddr::V4(source)), IpAddr::V4(addr)) => {
                let to = known.unwrap_or(MacAddr::BROADCAST);
                self.frame(id, to, EtherType::ARP, &arp::request(mac, source, addr));
            }
            (Some(IpAddr::V6(source)), IpAddr::V6(addr)) => {
                let (to, message) = nd::solicitation(mac, source, addr, known);
                self.frame(id, to, EtherType::IPV6, &emit(message));
            }
            _ => self.counters.drop(IpDrop::NoSource),
        }
    }

    /// Answers who asked for an address of ours.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        id: InterfaceId,
        target: core::net::Ipv6Addr,
        asker: Option<core::net::Ipv6Addr>,
    ) {
        let message = nd::answer(self.link(id).config.mac, target, asker, IS_ROUTER);
        let to = message.to.into();
        let next = self.link(id).addresses.on_link(to).unwrap_or(NextHop::Neighbor(to));
        self.transmit(now, id, next, emit(message), None);
    }

    /// Tells everybody who holds an address of ours where it is now.
    pub(crate) fn announce(&mut self, id: InterfaceId, own: IpAddr) {
        let link = self.link(id);
        if !link.up {
            return;
        }
        let mac = link.config.mac;
        match own {
            IpAddr::V4(own) => {
                self.frame(id, MacAddr::BROADCAST, EtherType::ARP, &arp::request(mac, own, own));
            }
            IpAddr::V6(own) => {
                let message = nd::announcement(mac, own, IS_ROUTER);
                let to = crate::addresses::group_mac6(message.to);
                self.frame(id, to, EtherType::IPV6, &emit(message));
            }
        }
    }

    pub(crate) fn frame(&mut self, id: InterfaceId, to: MacAddr, ether_type: EtherType, payload: &[u8]) {
        let source = self.link(id).config.mac;
        let frame = Repr { destination: to, source, ether_type }.frame(payload).into();
        self.outgoing.push_back(Outgoing::Frame { interface: id, destination: to, frame });
    }

    /// Tells the source of a packet that came in at `ingress` what became of it, if it may be told.
    pub(crate) fn error(
        &mut self,
        now: Instant,
        ingress: InterfaceId,
        error: IcmpError,
        packet: &[u8],
        to_group: bool,
    ) {
        if let Err(silence) = self.try_error(now, ingress, error, packet, to_group) {
            *self.counters.icmp_silences.entry(silence).or_default() += 1;
        }
    }

    fn try_error(
        &mut self,
        now: Instant,
        ingress: InterfaceId,
        error: IcmpError,
        packet: &[u8],
        to_group: bool,
    ) -> Result<(), Silence> {
        let header = Header::parse(packet).ok_or(Silence::Malformed)?;
        let packet = header.packet(packet);
        icmp_error::may_be_told(error, &header, packet, to_group)?;
        if self.is_broadcast(header.to) {
            return Err(Silence::ToGroup);
        }
        // A source that is ours has been made up.
        if self.is_broadcast(header.from) || self.has(header.from) {
            return Err(Silence::NoSource);
        }
        let own = self.source(ingress, header.from).ok_or(Silence::NoAddress)?;
        if !self.limiter.takes(now) {
            return Err(Silence::Limited);
        }
        let packet = icmp_error::build(error, own, header.from, packet);
        *self.counters.icmp_errors.entry(error.name().into()).or_default() += 1;
        let interface = is_link_local(header.from).then_some(ingress);
        self.send_packet(now, packet, interface);
        Ok(())
    }

    /// Is it the broadcast of everybody, or of a subnet of ours?
    pub(crate) fn is_broadcast(&self, addr: IpAddr) -> bool {
        let IpAddr::V4(addr) = addr else { return false };
        self.interfaces.values().any(|link| link.addresses.is_broadcast(addr))
    }
}

fn emit(message: Message) -> Vec<u8> {
    let mut packet = vec![0; message.packet_len()];
    message.emit(&mut packet);
    packet
}

fn ether_type(packet: &[u8]) -> EtherType {
    if packet[0] >> 4 == 4 { EtherType::IPV4 } else { EtherType::IPV6 }
}

/// Does an address mean something on one link alone? Addresses of 169.254.0.0/16 are routed here as any others, as
/// Linux does.
pub(crate) fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local())
}
