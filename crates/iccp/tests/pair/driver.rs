//! Two chassis whose connection is a pipe that splits what goes through it, stalls and breaks, on a virtual clock.

use greylag_base::{Dice, Instant, MacAddr, Mbps, Seed, VlanId};
use greylag_iccp::{
    Action, Aggregator, Failure, Iccp, IccpConfig, IccpEvent, IccpSnapshot, MacPlace, Port, Role,
    SystemConfig,
};
use greylag_wire::lacp::{Flags, SystemId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn vlan(id: u16) -> VlanId {
    VlanId::new(id).expect("the test's VLAN is one")
}

pub(crate) fn station(number: u32) -> MacAddr {
    let [a, b, c, d] = number.to_be_bytes();
    MacAddr([2, 1, a, b, c, d])
}

pub(crate) fn config(end: usize) -> IccpConfig {
    let role = if end == A { Role::Active } else { Role::Passive };
    let system = SystemId { priority: 127, mac: MacAddr([2, 0, 0, 0, 0, 1 + end as u8]) };
    IccpConfig::new(1, role, SystemConfig { system, node_id: end as u8 })
}

/// A leg as both chassis ought to have it.
pub(crate) fn leg(end: usize, id: u16, up: bool) -> Aggregator {
    Aggregator {
        id,
        object_id: id.into(),
        system: SystemId { priority: 127, mac: MacAddr([2, 0, 0, 0, 1, id as u8]) },
        mac: MacAddr([2, 0, 0, 2, end as u8, id as u8]),
        key: id,
        name: format!("ae{id}"),
        up,
        partner: None,
    }
}

pub(crate) fn link(end: usize, number: u16, up: bool) -> Port {
    Port {
        number,
        aggregator: 10,
        mac: MacAddr([2, 0, 0, 3, end as u8, number as u8]),
        key: 10,
        priority: 127,
        speed: Mbps(100_000),
        name: format!("et-0/0/{number}"),
        up,
        selected: up,
        flags: Flags::ACTIVITY,
        partner: None,
    }
}

/// What a caller makes of the events: the peer, as it was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Peer {
    pub(crate) legs: BTreeMap<u16, Aggregator>,
    pub(crate) serials: BTreeMap<u16, u32>,
    pub(crate) links: BTreeMap<u16, Port>,
    pub(crate) macs: BTreeMap<(VlanId, MacAddr), MacPlace>,
    pub(crate) irb_macs: BTreeMap<VlanId, MacAddr>,
    pub(crate) complete: bool,
}

impl Peer {
    fn hear(&mut self, event: &IccpEvent) {
        match event {
            IccpEvent::SessionDown { .. } => *self = Peer::default(),
            IccpEvent::PeerAggregator { aggregator, serial } => {
                self.serials.insert(aggregator.id, *serial);
                self.legs.insert(aggregator.id, aggregator.clone());
            }
            IccpEvent::PeerAggregatorGone { id } => {
                self.legs.remove(id).expect("it was there");
            }
            IccpEvent::PeerPort(port) => {
                self.links.insert(port.number, port.clone());
            }
            IccpEvent::PeerPortGone { number } => {
                self.links.remove(number).expect("it was there");
            }
            IccpEvent::PeerMac { vlan, mac, place: Some(place) } => {
                let before = self.macs.insert((*vlan, *mac), *place);
                assert_ne!(before, Some(*place), "what is so already is no event");
            }
            IccpEvent::PeerMac { vlan, mac, place: None } => {
                self.macs.remove(&(*vlan, *mac)).expect("it was there");
            }
            IccpEvent::PeerIrbMac { vlan, mac: Some(mac) } => {
                self.irb_macs.insert(*vlan, *mac);
            }
            IccpEvent::PeerIrbMac { vlan, mac: None } => {
                self.irb_macs.remove(vlan).expect("it was there");
            }
            IccpEvent::PeerMacsComplete => self.complete = true,
            _ => {}
        }
    }
}

#[derive(Clone, Debug)]
enum Arrival {
    Connected,
    Bytes(Vec<u8>),
    Closed,
}

pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) ends: [Iccp; 2],
    pub(crate) peers: [Peer; 2],
    pub(crate) events: Vec<(Instant, usize, IccpEvent)>,
    /// As many octets arrive together at most; `None` for as they were sent.
    pub(crate) split: Option<usize>,
    /// Nothing arrives; TCP keeps it.
    pub(crate) stalled: bool,
    /// Nobody listens at the passive end.
    pub(crate) refused: bool,
    /// What was sent, by sender, if it is to be kept.
    pub(crate) record: Option<[Vec<u8>; 2]>,
    /// Which connection of all is open at each end.
    open: [Option<u64>; 2],
    connections: u64,
    /// In order, to whom, of which connection.
    under_way: VecDeque<(Instant, usize, u64, Arrival)>,
    dice: Dice,
}

impl Pair {
    pub(crate) fn new(configs: [IccpConfig; 2], seed: u64) -> Pair {
        let [a, b] = configs.map(|config| Iccp::new(config, Instant::ZERO).expect("the test's is sound"));
        let mut pair = Pair {
            now: Instant::ZERO,
            ends: [a, b],
            peers: Default::default(),
            events: Vec::new(),
            split: None,
            stalled: false,
            refused: false,
            record: None,
            open: [None; 2],
            connections: 0,
            under_way: VecDeque::new(),
            dice: Dice::new(Seed(seed)),
        };
        pair.drain();
        pair
    }

    /// Both are up and know all of each other.
    pub(crate) fn settled() -> Pair {
        let mut pair = Pair::new([config(A), config(B)], 1);
        pair.run(secs(1));
        assert!(pair.is_whole(), "{:#?}", pair.row(A));
        pair.events.clear();
        pair
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.ends.iter().all(Iccp::is_up) && self.peers.iter().all(|peer| peer.complete)
    }

    pub(crate) fn row(&self, end: usize) -> IccpSnapshot {
        self.ends[end].snapshot()
    }

    /// Tells one end something.
    pub(crate) fn tell<T>(&mut self, end: usize, what: impl FnOnce(&mut Iccp, Instant) -> T) -> T {
        let answer = what(&mut self.ends[end], self.now);
        self.drain();
        answer
    }

    pub(crate) fn reconfigure(&mut self, end: usize, change: impl FnOnce(&mut IccpConfig)) {
        let mut config = self.ends[end].config().clone();
        change(&mut config);
        self.tell(end, |iccp, now| iccp.reconfigure(now, config)).expect("the test's is sound");
    }

    fn drain(&mut self) {
        for end in [A, B] {
            while let Some(action) = self.ends[end].poll_action(self.now) {
                self.act(end, action);
            }
            while let Some(event) = self.ends[end].poll_event() {
                self.peers[end].hear(&event);
                self.events.push((self.now, end, event));
            }
        }
    }

    fn act(&mut self, end: usize, action: Action) {
        let other = 1 - end;
        match action {
            Action::Connect => {
                self.connections += 1;
                self.open[end] = Some(self.connections);
                let arrival = if self.refused { (end, Arrival::Closed) } else { (other, Arrival::Connected) };
                self.carry(arrival.0, self.connections, arrival.1);
            }
            Action::Send(bytes) => {
                let Some(connection) = self.open[end] else { panic!("there is no connection to send on") };
                if let Some(record) = self.record.as_mut() {
                    record[end].extend_from_slice(&bytes);
                }
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let most = self.split.unwrap_or(rest.len()).min(rest.len());
                    let take =
                        if self.split.is_some() { 1 + self.dice.below(most as u64) as usize } else { most };
                    let (piece, later) = rest.split_at(take);
                    self.carry(other, connection, Arrival::Bytes(piece.to_vec()));
                    rest = later;
                }
            }
            Action::Close => {
                if let Some(connection) = self.open[end].take() {
                    self.carry(other, connection, Arrival::Closed);
                }
            }
        }
    }

    fn carry(&mut self, to: usize, connection: u64, arrival: Arrival) {
        let at = self.now + Duration::from_micros(100);
        self.under_way.push_back((at, to, connection, arrival));
    }

    fn arrive(&mut self, to: usize, connection: u64, arrival: Arrival) {
        match arrival {
            Arrival::Connected if to == B => {
                if self.open[A] == Some(connection) {
                    if !self.ends[B].accepts() {
                        return self.carry(A, connection, Arrival::Closed);
                    }
                    self.open[B] = Some(connection);
                    self.carry(A, connection, Arrival::Connected);
                    self.tell(B, Iccp::handle_connected);
                }
            }
            _ if self.open[to] != Some(connection) => {}
            Arrival::Connected => self.tell(to, Iccp::handle_connected),
            Arrival::Bytes(bytes) => self.tell(to, |iccp, now| iccp.handle_bytes(now, &bytes)),
            Arrival::Closed => {
                self.open[to] = None;
                self.tell(to, Iccp::handle_closed);
            }
        }
    }

    /// The connection breaks, and both ends notice; what was under way is lost.
    pub(crate) fn cut(&mut self) {
        self.under_way.clear();
        for end in [A, B] {
            if self.open[end].take().is_some() {
                self.tell(end, Iccp::handle_closed);
            }
        }
    }

    /// There is a connection, and the test is the peer.
    pub(crate) fn impersonate(&mut self, end: usize) {
        self.connections += 1;
        self.open[end] = Some(self.connections);
        self.tell(end, Iccp::handle_connected);
    }

    /// Octets that the peer has not sent come in.
    pub(crate) fn inject(&mut self, to: usize, bytes: &[u8]) {
        self.tell(to, |iccp, now| iccp.handle_bytes(now, bytes));
    }

    /// Does what happens next, unless that is after `end`. Every wake-up must be for something: time has to pass.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        let arrival = self.under_way.front().filter(|_| !self.stalled).map(|(at, ..)| *at);
        let timeouts = self.ends.iter().filter_map(Iccp::poll_timeout);
        let Some(next) = timeouts.chain(arrival).min().filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        let next = next.max(self.now);
        self.now = next;
        while !self.stalled && self.under_way.front().is_some_and(|(at, ..)| *at <= next) {
            let (_, to, connection, arrival) = self.under_way.pop_front().expect("it is there");
            self.arrive(to, connection, arrival);
        }
        for end in [A, B] {
            if self.ends[end].poll_timeout().is_some_and(|at| at <= next) {
                self.tell(end, Iccp::handle_timeout);
            }
        }
        let again = self.ends.iter().filter_map(Iccp::poll_timeout).min();
        assert!(again.is_none_or(|again| again > next), "woken at {next}, and again at once");
        true
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
    }

    /// Lets time pass until something holds; false when it does not within `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, holds: impl Fn(&Pair) -> bool) -> bool {
        let end = self.now + limit;
        while !holds(self) {
            if !self.step(end) {
                return holds(self);
            }
        }
        true
    }

    /// What happened to one end.
    pub(crate) fn heard(&self, end: usize) -> Vec<IccpEvent> {
        let own = self.events.iter().filter(|(_, who, _)| *who == end);
        own.map(|(_, _, event)| event.clone()).collect()
    }

    pub(crate) fn failure(&self, end: usize) -> Failure {
        self.row(end).last_failure.expect("something failed")
    }
}
