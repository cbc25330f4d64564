//! Routers on segments, on a virtual clock.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Dice, Instant, InterfaceId, Seed};
use greylag_linkstate::wire::{Body, Repr};
use greylag_linkstate::{
    AnnouncedPrefix, DatabaseRow, DownReason, InterfaceConfig, LinkState, LinkStateConfig, LinkStateEvent,
    LinkStateSnapshot, NeighborState, NextHop, PacketOut,
};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const C: usize = 2;
pub(crate) const D: usize = 3;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn router_id(router: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 255, 0, router as u8 + 1)
}

/// What each router announces besides the prefixes of its interfaces.
pub(crate) fn loopback(router: usize) -> IpNet {
    IpNet::new(router_id(router).into(), 32).expect("32 bits are there")
}

pub(crate) fn loopback6(router: usize) -> IpNet {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, router as u16 + 1);
    IpNet::new(address.into(), 128).expect("128 bits are there")
}

/// A router's address on a segment.
pub(crate) fn address(segment: usize, router: usize) -> IpAddr {
    Ipv4Addr::new(10, segment as u8 / 100, segment as u8 % 100, router as u8 + 1).into()
}

/// A router's address of the link.
pub(crate) fn local(router: usize) -> IpAddr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, router as u16 + 1).into()
}

pub(crate) fn subnet(segment: usize) -> IpNet {
    IpNet::new(address(segment, 0), 24).expect("24 bits are there").trunc()
}

fn addresses(segment: usize, router: usize) -> Vec<IpNet> {
    let net = |address, bits| IpNet::new(address, bits).expect("so many bits are there");
    vec![net(address(segment, router), 24), net(local(router), 64)]
}

/// What joins routers.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Who, by which interface of its own, at which cost.
    pub(crate) ends: Vec<(usize, InterfaceId, u16)>,
    pub(crate) delay: Duration,
    /// How much longer a packet takes at most, by chance. Packets may overtake.
    pub(crate) wander: Duration,
    /// The part of packets that are lost, each at each receiver.
    pub(crate) loss: f64,
    /// Nothing that the one sends arrives at the other.
    pub(crate) deaf: BTreeSet<(usize, usize)>,
}

/// A packet that a router gave away.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) router: usize,
    pub(crate) packet: PacketOut,
}

impl Sent {
    pub(crate) fn repr(&self) -> Repr {
        Repr::parse(&self.packet.payload).expect("what we send is sound")
    }

    pub(crate) fn is_hello(&self) -> bool {
        matches!(self.repr().body, Body::Hello(_))
    }
}

/// Hello, summary, request, update or acknowledgement, with what it holds.
pub(crate) fn describe(repr: &Repr) -> String {
    match &repr.body {
        Body::Hello(hello) => format!("hello {:?}", hello.heard),
        Body::Summary(headers) => format!("summary {}", headers.len()),
        Body::Request(ids) => format!("request {ids:?}"),
        Body::Update(lsas) => {
            let said = lsas.iter().map(|lsa| format!("{}#{}", lsa.header.id, lsa.header.sequence));
            format!("update {:?}", said.collect::<Vec<_>>())
        }
        Body::Acknowledgement(headers) => format!("acknowledgement {}", headers.len()),
    }
}

pub(crate) struct Network {
    pub(crate) now: Instant,
    pub(crate) routers: Vec<LinkState>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) events: Vec<(Instant, usize, LinkStateEvent)>,
    pub(crate) sent: Vec<Sent>,
    /// What each router has said that its routes are.
    pub(crate) ribs: Vec<BTreeMap<IpNet, (u32, Vec<NextHop>)>>,
    /// When each route last became another.
    pub(crate) changed: BTreeMap<(usize, IpNet), Instant>,
    /// When each router wants to be woken.
    due: Vec<Option<Instant>>,
    under_way: BTreeMap<(Instant, u64), (usize, InterfaceId, PacketOut)>,
    sequence: u64,
    seed: Seed,
    dice: Dice,
}

impl Network {
    /// Routers that are joined by segments: on each, who, and at which cost. All begin at once, with all carriers there.
    pub(crate) fn new(routers: usize, segments: &[&[(usize, u16)]]) -> Network {
        Network::seeded(Seed(1), routers, segments, |_| {})
    }

    /// Two routers to a segment, at one cost for either.
    pub(crate) fn of_links(routers: usize, links: &[(usize, usize, u16)]) -> Network {
        let segments: Vec<Vec<(usize, u16)>> =
            links.iter().map(|(a, b, cost)| vec![(*a, *cost), (*b, *cost)]).collect();
        let segments: Vec<&[(usize, u16)]> = segments.iter().map(Vec::as_slice).collect();
        Network::new(routers, &segments)
    }

    pub(crate) fn seeded(
        seed: Seed,
        routers: usize,
        segments: &[&[(usize, u16)]],
        prepare: impl FnOnce(&mut Network),
    ) -> Network {
        let mut configs: Vec<LinkStateConfig> = (0..routers).map(config).collect();
        let segments = segments.iter().map(|members| {
            let ends = members.iter().map(|(router, cost)| {
                let interfaces = &mut configs[*router].interfaces;
                let id = InterfaceId(interfaces.len() as u16);
                interfaces.push(InterfaceConfig { cost: *cost, ..InterfaceConfig::new(id) });
                (*router, id, *cost)
            });
            let (delay, wander) = (Duration::from_micros(100), Duration::ZERO);
            Segment { ends: ends.collect(), delay, wander, loss: 0.0, deaf: BTreeSet::new() }
        });
        let segments = segments.collect();
        let routers = configs.into_iter().enumerate().map(|(number, config)| {
            let seed = seed.derive(&format!("router {number}"));
            LinkState::new(config, seed, Instant::ZERO).expect("the test's configuration is sound")
        });
        let routers: Vec<LinkState> = routers.collect();
        let mut network = Network {
            now: Instant::ZERO,
            ribs: vec![BTreeMap::new(); routers.len()],
            due: routers.iter().map(LinkState::poll_timeout).collect(),
            routers,
            segments,
            events: Vec::new(),
            sent: Vec::new(),
            changed: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sequence: 0,
            seed,
            dice: Dice::new(seed.derive("segments")),
        };
        prepare(&mut network);
        for segment in 0..network.segments.len() {
            network.set_carrier(segment, true);
        }
        network
    }

    /// All adjacent, nothing to be said any more.
    pub(crate) fn settle(mut self) -> Network {
        self.run(secs(60));
        self.events.clear();
        self.sent.clear();
        self.changed.clear();
        self
    }

    /// All ends of a segment have a carrier, or lose it.
    pub(crate) fn set_carrier(&mut self, segment: usize, up: bool) {
        for (router, id, _) in self.segments[segment].ends.clone() {
            self.set_end(segment, router, id, up);
        }
    }

    fn set_end(&mut self, segment: usize, router: usize, id: InterfaceId, up: bool) {
        let there = addresses(segment, router);
        self.tell(router, |router, now| router.set_interface(now, id, up, &there));
    }

    /// Nothing passes any more, and nobody is told.
    pub(crate) fn cut(&mut self, segment: usize) {
        self.segments[segment].loss = 1.0;
    }

    pub(crate) fn mend(&mut self, segment: usize) {
        self.segments[segment].loss = 0.0;
    }

    /// A router's interface on a segment.
    pub(crate) fn end(&self, segment: usize, router: usize) -> InterfaceId {
        let mut ends = self.segments[segment].ends.iter();
        ends.find(|(who, ..)| *who == router).expect("the router is on the segment").1
    }

    /// Tells a router something.
    pub(crate) fn tell(&mut self, router: usize, what: impl FnOnce(&mut LinkState, Instant)) {
        what(&mut self.routers[router], self.now);
        self.drain(router);
    }

    pub(crate) fn reconfigure(&mut self, router: usize, change: impl FnOnce(&mut LinkStateConfig)) {
        let mut config = self.routers[router].config().clone();
        change(&mut config);
        self.tell(router, |router, now| {
            router.reconfigure(now, config).expect("the test's configuration is sound");
        });
    }

    /// A router loses all that it knew and begins anew.
    pub(crate) fn restart(&mut self, router: usize) {
        let config = self.routers[router].config().clone();
        let seed = self.seed.derive(&format!("router {router} at {}", self.now));
        self.routers[router] = LinkState::new(config, seed, self.now).expect("it was sound before");
        self.ribs[router].clear();
        self.drain(router);
        for (segment, id) in self.ends_of(router) {
            self.set_end(segment, router, id, true);
        }
    }

    pub(crate) fn ends_of(&self, router: usize) -> Vec<(usize, InterfaceId)> {
        let segments = self.segments.iter().enumerate();
        let ends = segments.flat_map(|(number, segment)| segment.ends.iter().map(move |end| (number, end)));
        ends.filter(|(_, end)| end.0 == router).map(|(number, end)| (number, end.1)).collect()
    }

    fn drain(&mut self, router: usize) {
        while let Some(packet) = self.routers[router].poll_transmit() {
            self.sent.push(Sent { at: self.now, router, packet: packet.clone() });
            self.carry(router, &packet);
        }
        while let Some(event) = self.routers[router].poll_event() {
            self.events.push((self.now, router, event));
        }
        while let Some(change) = self.routers[router].poll_route_change() {
            self.changed.insert((router, change.prefix), self.now);
            let rib = &mut self.ribs[router];
            let before = if change.next_hops.is_empty() {
                rib.remove(&change.prefix)
            } else {
                rib.insert(change.prefix, (change.metric, change.next_hops.clone()))
            };
            let before = before.unwrap_or_default();
            assert_ne!(before, (change.metric, change.next_hops), "{} is no change", change.prefix);
        }
        self.due[router] = self.routers[router].poll_timeout();
    }

    fn carry(&mut self, from: usize, packet: &PacketOut) {
        let Some(segment) = self
            .segments
            .iter()
            .find(|segment| segment.ends.iter().any(|end| (end.0, end.1) == (from, packet.interface)))
        else {
            return;
        };
        for (to, id, _) in segment.ends.iter().filter(|end| (end.0, end.1) != (from, packet.interface)) {
            if segment.deaf.contains(&(from, *to)) || self.dice.chance(segment.loss) {
                continue;
            }
            let at = self.now + segment.delay + self.dice.between(Duration::ZERO, segment.wander);
            self.sequence += 1;
            self.under_way.insert((at, self.sequence), (*to, *id, packet.clone()));
        }
    }

    /// Does what happens next, unless that is after `end`. Every wake-up must be for something: time has to pass.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        let timeouts = self.due.iter().flatten().copied();
        let next = timeouts.chain(self.under_way.keys().next().map(|(at, _)| *at)).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        assert!(next >= self.now, "a wake-up was asked for at {next}, which is over since {}", self.now);
        self.now = next;
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= next
        {
            let (router, id, packet) = entry.remove();
            self.tell(router, |router, now| router.handle_packet(now, id, packet.from, &packet.payload));
        }
        for router in 0..self.routers.len() {
            if self.due[router].is_some_and(|due| due <= next) {
                self.tell(router, LinkState::handle_timeout);
            }
        }
        let again = self.due.iter().flatten().min().copied();
        assert!(again.is_none_or(|again| again > next), "woken at {next}, and again at once");
        true
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
    }

    /// Lets time pass until something holds, and tells how long that took.
    pub(crate) fn run_until(&mut self, limit: Duration, holds: impl Fn(&Network) -> bool) -> Duration {
        let begin = self.now;
        while !holds(self) {
            assert!(self.step(begin + limit) || holds(self), "it did not hold within {limit:?}");
        }
        self.now - begin
    }

    pub(crate) fn snapshot(&self, router: usize) -> LinkStateSnapshot {
        self.routers[router].snapshot(self.now)
    }

    /// The state of a neighbor, on whichever segment it is first.
    pub(crate) fn state(&self, router: usize, neighbor: usize) -> Option<NeighborState> {
        let rows = self.snapshot(router).neighbors;
        rows.iter().find(|row| row.neighbor == super::driver::router_id(neighbor)).map(|row| row.state)
    }

    /// Where a router's packets go next, as text; empty for nowhere.
    pub(crate) fn way(&self, router: usize, to: IpNet) -> String {
        let Some((metric, next_hops)) = self.ribs[router].get(&to) else { return String::new() };
        let gateways: Vec<String> = next_hops.iter().map(|hop| hop.gateway.to_string()).collect();
        format!("{} at {metric}", gateways.join(" "))
    }

    pub(crate) fn reaches(&self, router: usize, other: usize) -> bool {
        self.ribs[router].contains_key(&loopback(other))
    }

    /// Every router reaches every other.
    pub(crate) fn is_whole(&self) -> bool {
        let all = 0..self.routers.len();
        all.clone().all(|a| all.clone().all(|b| a == b || self.reaches(a, b)))
    }

    /// What a router has of another's first announcement.
    pub(crate) fn lsa(&self, router: usize, of: usize) -> Option<DatabaseRow> {
        let rows = self.snapshot(router).database;
        rows.into_iter().find(|row| row.header.id.router == router_id(of) && row.header.id.fragment == 0)
    }

    /// When, where and why adjacencies went down.
    pub(crate) fn downs(&self) -> Vec<(Instant, usize, DownReason)> {
        let downs = self.events.iter().filter_map(|(at, router, event)| match event {
            LinkStateEvent::AdjacencyDown { reason, .. } => Some((*at, *router, *reason)),
            _ => None,
        });
        downs.collect()
    }

    /// Packets of a router, as text.
    pub(crate) fn said(&self, router: usize) -> Vec<String> {
        self.sent.iter().filter(|sent| sent.router == router).map(|sent| describe(&sent.repr())).collect()
    }

    /// All routers have the same instances.
    pub(crate) fn databases_agree(&self) -> bool {
        let of = |router: usize| {
            let rows = self.snapshot(router).database.into_iter();
            rows.map(|row| (row.header.id, row.header.sequence, row.header.checksum)).collect::<Vec<_>>()
        };
        (1..self.routers.len()).all(|router| of(router) == of(0))
    }
}

/// A router without interfaces.
fn config(router: usize) -> LinkStateConfig {
    let prefixes = [loopback(router), loopback6(router)].map(|prefix| AnnouncedPrefix { prefix, metric: 0 });
    LinkStateConfig { prefixes: prefixes.to_vec(), ..LinkStateConfig::new(router_id(router)) }
}
