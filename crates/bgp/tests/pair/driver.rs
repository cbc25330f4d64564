//! Routers whose connections are pipes that split what goes through them, on a virtual clock.

use core::net::IpAddr;
use greylag_base::{Dice, Instant, Seed};
use greylag_bgp::{
    Action, Asn, Bgp, BgpConfig, BgpEvent, Direction, Failure, Family, FamilyConfig, IpNet, NeighborConfig,
    NeighborId, NeighborRow, Route, State,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const C: usize = 2;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn prefix(text: &str) -> IpNet {
    text.parse().expect("the test's prefix is one")
}

pub(crate) fn address(router: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, 1 + router as u8])
}

pub(crate) fn address6(router: usize) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1 + router as u16])
}

/// A neighbor is called by the number of its router.
pub(crate) fn id(router: usize) -> NeighborId {
    NeighborId(router as u32)
}

/// What `router` is told of its neighbor `other`: both families, with what is said by default.
pub(crate) fn neighbor(router: usize, other: usize, systems: &[u32]) -> NeighborConfig {
    let mut config = NeighborConfig::new(id(other), Asn(systems[other]), address(router), address(other));
    let family = Family::Ipv6Unicast;
    config.families.push(FamilyConfig { family, next_hop: address6(router), max_prefixes: None });
    config
}

/// Routers in these systems, with everybody everybody's neighbor.
pub(crate) fn mesh(systems: &[u32]) -> Vec<BgpConfig> {
    let all = 0..systems.len();
    let config = |router: usize| {
        let IpAddr::V4(router_id) = address(router) else { unreachable!("it is written above") };
        let mut config = BgpConfig::new(Asn(systems[router]), router_id);
        let others = all.clone().filter(|other| *other != router);
        config.neighbors = others.map(|other| neighbor(router, other, systems)).collect();
        config
    };
    all.clone().map(config).collect()
}

#[derive(Clone, Debug)]
enum Arrival {
    /// The other end's TCP asks for a connection.
    Asks,
    /// There is a connection.
    Answers,
    Bytes(Vec<u8>),
    Closes,
}

/// A connection: who opened it, to whom, and which of all that these two had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pipe {
    opener: usize,
    acceptor: usize,
    generation: u64,
}

pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) routers: Vec<Bgp>,
    /// Pairs of routers between which nothing arrives, until they are healed: TCP keeps it.
    pub(crate) cut: Vec<[usize; 2]>,
    /// As many octets arrive together at most; `None` for as they were sent.
    pub(crate) split: Option<usize>,
    /// How long everything takes.
    pub(crate) delay: Duration,
    pub(crate) events: Vec<(Instant, usize, BgpEvent)>,
    /// What each router uses, as it told.
    pub(crate) used: Vec<BTreeMap<IpNet, Route>>,
    generations: BTreeMap<(usize, usize), u64>,
    /// The ends that are open: of which pipe, at which router.
    open: BTreeMap<(usize, usize, usize), u64>,
    last_arrival: BTreeMap<(Pipe, usize), Instant>,
    under_way: BTreeMap<(Instant, u64), (Pipe, usize, Arrival)>,
    /// What was sent over a cut.
    kept: Vec<(Pipe, usize, Arrival)>,
    sequence: u64,
    dice: Dice,
}

impl Net {
    pub(crate) fn new(configs: Vec<BgpConfig>, seed: u64) -> Net {
        let seed = Seed(seed);
        let count = configs.len();
        let routers = configs.into_iter().enumerate().map(|(number, config)| {
            let seed = seed.derive(&format!("router {number}"));
            Bgp::new(config, seed, Instant::ZERO).expect("the test's configuration is sound")
        });
        let mut net = Net {
            now: Instant::ZERO,
            routers: routers.collect(),
            cut: Vec::new(),
            split: Some(40),
            delay: Duration::from_micros(100),
            events: Vec::new(),
            used: vec![BTreeMap::new(); count],
            generations: BTreeMap::new(),
            open: BTreeMap::new(),
            last_arrival: BTreeMap::new(),
            under_way: BTreeMap::new(),
            kept: Vec::new(),
            sequence: 0,
            dice: Dice::new(seed.derive("pipes")),
        };
        for router in 0..count {
            // All are on one link.
            for other in (0..count).filter(|other| *other != router) {
                net.routers[router].set_next_hop(Instant::ZERO, address(other), Some(0));
                net.routers[router].set_next_hop(Instant::ZERO, address6(other), Some(0));
            }
        }
        net.drain();
        net
    }

    /// Everybody's sessions are up.
    pub(crate) fn settled(configs: Vec<BgpConfig>) -> Net {
        let mut net = Net::new(configs, 1);
        assert!(net.run_until(secs(60), Net::is_up), "{:#?}", net.row(A, B));
        net.run(secs(1));
        net.events.clear();
        net
    }

    pub(crate) fn row(&self, router: usize, other: usize) -> NeighborRow {
        self.routers[router].neighbor_row(id(other)).expect("they are neighbors")
    }

    pub(crate) fn state(&self, router: usize, other: usize) -> State {
        self.routers[router].state(id(other)).expect("they are neighbors")
    }

    pub(crate) fn is_up(&self) -> bool {
        let all = self.routers.iter();
        all.flat_map(|bgp| bgp.config().neighbors.iter().map(|neighbor| bgp.state(neighbor.id)))
            .all(|state| state == Some(State::Established))
    }

    /// Tells a router something.
    pub(crate) fn tell<T>(&mut self, router: usize, what: impl FnOnce(&mut Bgp, Instant) -> T) -> T {
        let answer = what(&mut self.routers[router], self.now);
        self.drain();
        answer
    }

    pub(crate) fn reconfigure(&mut self, router: usize, change: impl FnOnce(&mut BgpConfig)) {
        let mut config = self.routers[router].config().clone();
        change(&mut config);
        self.tell(router, |bgp, now| bgp.reconfigure(now, config)).expect("the configuration is sound");
    }

    fn pipe(&self, router: usize, other: NeighborId, direction: Direction) -> Pipe {
        let other = other.0 as usize;
        let (opener, acceptor) = match direction {
            Direction::Active => (router, other),
            Direction::Passive => (other, router),
        };
        Pipe { opener, acceptor, generation: *self.open.get(&(router, opener, acceptor)).unwrap_or(&0) }
    }

    /// Asks everybody for everything, until nobody has more.
    pub(crate) fn drain(&mut self) {
        for router in 0..self.routers.len() {
            while let Some(action) = self.routers[router].poll_transmit() {
                self.act(router, action);
            }
            while let Some(event) = self.routers[router].poll_event() {
                self.events.push((self.now, router, event));
            }
            while let Some(change) = self.routers[router].poll_route_change() {
                match change.route {
                    Some(route) => self.used[router].insert(change.prefix, route),
                    None => self.used[router].remove(&change.prefix),
                };
            }
        }
    }

    fn act(&mut self, router: usize, action: Action) {
        match action {
            Action::Connect { neighbor } => {
                let acceptor = neighbor.0 as usize;
                let generation = self.generations.entry((router, acceptor)).or_default();
                *generation += 1;
                let pipe = Pipe { opener: router, acceptor, generation: *generation };
                self.open.insert((router, router, acceptor), pipe.generation);
                self.carry(pipe, acceptor, Arrival::Asks);
            }
            Action::Send { neighbor, direction, bytes } => {
                let (pipe, to) = (self.pipe(router, neighbor, direction), neighbor.0 as usize);
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let most = self.split.unwrap_or(rest.len()).min(rest.len());
                    let (piece, later) = rest.split_at(1 + self.dice.below(most as u64) as usize);
                    self.carry(pipe, to, Arrival::Bytes(piece.to_vec()));
                    rest = later;
                }
            }
            Action::Close { neighbor, direction } => {
                let (pipe, to) = (self.pipe(router, neighbor, direction), neighbor.0 as usize);
                self.open.remove(&(router, pipe.opener, pipe.acceptor));
                self.carry(pipe, to, Arrival::Closes);
            }
        }
    }

    /// Nothing overtakes anything of the same connection.
    fn carry(&mut self, pipe: Pipe, to: usize, arrival: Arrival) {
        if self.cut.contains(&[pipe.opener, pipe.acceptor])
            || self.cut.contains(&[pipe.acceptor, pipe.opener])
        {
            self.kept.push((pipe, to, arrival));
            return;
        }
        let last = self.last_arrival.entry((pipe, to)).or_insert(Instant::ZERO);
        let at = (self.now + self.delay).max(*last);
        *last = at;
        self.sequence += 1;
        self.under_way.insert((at, self.sequence), (pipe, to, arrival));
    }

    fn arrive(&mut self, pipe: Pipe, to: usize, arrival: Arrival) {
        let (other, direction) = match to == pipe.opener {
            true => (pipe.acceptor, Direction::Active),
            false => (pipe.opener, Direction::Passive),
        };
        let end = (to, pipe.opener, pipe.acceptor);
        let now = self.now;
        if let Arrival::Asks = arrival {
            if self.open.get(&(other, pipe.opener, pipe.acceptor)) != Some(&pipe.generation) {
                // It was given up meanwhile.
                return;
            }
            if !self.routers[to].accepts(id(other)) {
                return self.carry(pipe, other, Arrival::Closes);
            }
            self.open.insert(end, pipe.generation);
            self.carry(pipe, other, Arrival::Answers);
            return self.tell(to, |bgp, _| bgp.handle_connected(now, id(other), direction));
        }
        if self.open.get(&end) != Some(&pipe.generation) {
            return;
        }
        if let Arrival::Closes = arrival {
            self.open.remove(&end);
        }
        self.tell(to, |bgp, _| match arrival {
            Arrival::Answers | Arrival::Asks => bgp.handle_connected(now, id(other), direction),
            Arrival::Bytes(bytes) => bgp.handle_bytes(now, id(other), direction, &bytes),
            Arrival::Closes => bgp.handle_closed(now, id(other), direction),
        });
    }

    /// Nothing is cut any more.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        for (pipe, to, arrival) in std::mem::take(&mut self.kept) {
            self.carry(pipe, to, arrival);
        }
    }

    /// Does what happens next, unless that is after `end`. Every wake-up must be for something: time has to pass.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        let timeouts = self.routers.iter().filter_map(Bgp::poll_timeout);
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
            let (pipe, to, arrival) = entry.remove();
            self.arrive(pipe, to, arrival);
        }
        for router in 0..self.routers.len() {
            self.tell(router, Bgp::handle_timeout);
        }
        let again = self.routers.iter().filter_map(Bgp::poll_timeout).min();
        assert!(again.is_none_or(|again| again > next), "woken at {next}, and again at once");
        true
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
    }

    /// Lets time pass until something holds; false when it does not within `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, holds: impl Fn(&Net) -> bool) -> bool {
        let end = self.now + limit;
        while !holds(self) {
            if !self.step(end) {
                return holds(self);
            }
        }
        true
    }

    /// How a router's sessions ceased to be up, every time.
    pub(crate) fn failures(&self, router: usize) -> Vec<Failure> {
        let own = self.events.iter().filter(|(_, who, _)| *who == router);
        own.filter_map(|(_, _, event)| match event {
            BgpEvent::Down { failure, .. } => Some(failure.clone()),
            _ => None,
        })
        .collect()
    }

    /// The next hops that a router uses for a prefix; none for no route.
    pub(crate) fn next_hops(&self, router: usize, prefix: &str) -> Vec<IpAddr> {
        let route = self.used[router].get(&self::prefix(prefix));
        route.map(|route| route.next_hops.clone()).unwrap_or_default()
    }
}
