//! Two systems (or one, and the two chassis of its partner) on a virtual clock, and the links between them.

use greylag_base::{Dice, Instant, MacAddr, Mbps, PortId, Seed};
use greylag_lacp::{
    BundleConfig, BundleId, Lacp, LacpConfig, LacpEvent, MemberConfig, MemberRow, Preset, mux, receive,
};
use greylag_wire::lacp::{Flags, Participant, Repr, SystemId};
use greylag_wire::slow;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
/// The other chassis of B.
pub(crate) const C: usize = 2;
pub(crate) const BUNDLE: BundleId = BundleId(0);
pub(crate) const SPEED: Mbps = Mbps(10_000);

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn system_mac(system: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, 0xa0 + system as u8])
}

/// A system with one bundle of so many ports, which behaves as the preset says and asks for a LACPDU a second.
pub(crate) fn system(number: usize, ports: u16, preset: &Preset) -> LacpConfig {
    let members = (0..ports).map(|port| MemberConfig {
        port: PortId(port),
        mac: MacAddr([2, 0, 0, 1, number as u8, port as u8]),
        port_priority: preset.port_priority,
    });
    LacpConfig {
        system_id_mac: system_mac(number),
        system_priority: preset.system_priority,
        port_number_offset: 0,
        bundles: vec![BundleConfig {
            mode: greylag_lacp::LacpMode::Active,
            interval: greylag_lacp::Interval::Fast,
            members: members.collect(),
            ..BundleConfig::new(BUNDLE, preset)
        }],
    }
}

/// What becomes of frames that go one way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Way {
    #[default]
    Whole,
    Cut,
    /// This share is lost, by chance.
    Loses(f64),
    /// One in so many arrives.
    OneIn(u64),
    /// One in so many is lost.
    AllButOneIn(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) ends: [(usize, PortId); 2],
    /// What leaves by each end.
    pub(crate) ways: [Way; 2],
    sent: [u64; 2],
}

/// A frame that a system gave away.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) system: usize,
    pub(crate) port: PortId,
    pub(crate) frame: Vec<u8>,
}

impl Sent {
    pub(crate) fn pdu(&self) -> Option<Repr> {
        Repr::parse(slow::Frame::new_checked(&self.frame)?.payload())
    }
}

pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) systems: Vec<Lacp>,
    pub(crate) links: Vec<Link>,
    pub(crate) delay: Duration,
    pub(crate) events: Vec<(Instant, usize, LacpEvent)>,
    pub(crate) sent: Vec<Sent>,
    under_way: BTreeMap<(Instant, u64), (usize, PortId, Vec<u8>)>,
    sequence: u64,
    dice: Dice,
}

impl Pair {
    /// Two systems with as many links as the smaller one has ports, all up.
    pub(crate) fn new(a: LacpConfig, b: LacpConfig) -> Pair {
        Pair::seeded(a, b, Seed(1))
    }

    pub(crate) fn seeded(a: LacpConfig, b: LacpConfig, seed: Seed) -> Pair {
        let ports = a.bundles[0].members.len().min(b.bundles[0].members.len()) as u16;
        let links = (0..ports).map(|port| [(A, PortId(port)), (B, PortId(port))]);
        Pair::wired(vec![a, b], links.collect(), seed)
    }

    /// A system whose first ports lead to one chassis, and the others to another.
    pub(crate) fn dual_homed(a: LacpConfig, b: LacpConfig, c: LacpConfig) -> Pair {
        let (first, second) = (b.bundles[0].members.len() as u16, c.bundles[0].members.len() as u16);
        let to_b = (0..first).map(|port| [(A, PortId(port)), (B, PortId(port))]);
        let to_c = (0..second).map(|port| [(A, PortId(first + port)), (C, PortId(port))]);
        Pair::wired(vec![a, b, c], to_b.chain(to_c).collect(), Seed(1))
    }

    /// A system whose links, all up, lead to whatever the test pretends to be ([`speak`](Pair::speak)).
    pub(crate) fn alone(a: LacpConfig) -> Pair {
        let ports: Vec<PortId> = a.bundles[0].members.iter().map(|member| member.port).collect();
        let mut pair = Pair::wired(vec![a], Vec::new(), Seed(1));
        for port in ports {
            pair.systems[A].set_link(Instant::ZERO, port, Some(SPEED));
        }
        pair.drain();
        pair
    }

    pub(crate) fn wired(configs: Vec<LacpConfig>, links: Vec<[(usize, PortId); 2]>, seed: Seed) -> Pair {
        let systems = configs.into_iter().enumerate().map(|(number, config)| {
            Lacp::new(config, seed.derive(&format!("system {number}")), Instant::ZERO)
                .expect("the test's configuration is sound")
        });
        let mut pair = Pair {
            now: Instant::ZERO,
            systems: systems.collect(),
            links: links.into_iter().map(|ends| Link { ends, ways: [Way::Whole; 2], sent: [0; 2] }).collect(),
            delay: Duration::from_micros(10),
            events: Vec::new(),
            sent: Vec::new(),
            under_way: BTreeMap::new(),
            sequence: 0,
            dice: Dice::new(seed.derive("links")),
        };
        for link in 0..pair.links.len() {
            pair.set_link(link, true);
        }
        pair
    }

    pub(crate) fn row(&self, system: usize, port: u16) -> MemberRow {
        self.systems[system].member_row(PortId(port)).expect("the port is a member")
    }

    pub(crate) fn mux(&self, system: usize, port: u16) -> mux::State {
        self.row(system, port).mux_state
    }

    pub(crate) fn receive(&self, system: usize, port: u16) -> receive::State {
        self.row(system, port).receive_state
    }

    /// Both ends of a link see it go up or down.
    pub(crate) fn set_link(&mut self, link: usize, up: bool) {
        for (system, port) in self.links[link].ends {
            self.systems[system].set_link(self.now, port, up.then_some(SPEED));
        }
        self.drain();
    }

    /// Nothing passes any more in either direction, and nobody is told.
    pub(crate) fn cut(&mut self, link: usize) {
        self.links[link].ways = [Way::Cut; 2];
    }

    pub(crate) fn mend(&mut self, link: usize) {
        self.links[link].ways = [Way::Whole; 2];
    }

    pub(crate) fn reconfigure(&mut self, system: usize, change: impl FnOnce(&mut LacpConfig)) {
        let mut config = self.systems[system].config().clone();
        change(&mut config);
        self.systems[system].reconfigure(self.now, config).expect("the test's configuration is sound");
        self.drain();
    }

    /// A frame out of nowhere.
    pub(crate) fn inject(&mut self, system: usize, port: u16, frame: &[u8]) {
        self.systems[system].handle_frame(self.now, PortId(port), frame);
        self.drain();
    }

    /// A LACPDU to a port of the first system, from one of so many partners: it describes the port as it is, and has
    /// these flags.
    pub(crate) fn speak(&mut self, port: u16, partner: usize, flags: Flags) {
        self.speak_from(port, partner, port + 1, flags);
    }

    /// The same from a certain port of the partner.
    pub(crate) fn speak_from(&mut self, port: u16, partner: usize, partner_port: u16, flags: Flags) {
        let us = self.row(A, port).actor;
        let us = Participant {
            system: us.system,
            key: us.oper_key,
            port_priority: us.port_priority,
            port: us.port_num,
            flags: Flags::AGGREGATION,
        };
        self.inject_pdu(port, partner, partner_port, flags, us);
    }

    /// The same from a partner that takes the port for one of another system.
    pub(crate) fn speak_about_another(&mut self, port: u16, partner: usize, flags: Flags) {
        let another = SystemId { priority: 1, mac: system_mac(77) };
        self.inject_pdu(
            port,
            partner,
            port + 1,
            flags,
            Participant { system: another, ..Participant::default() },
        );
    }

    fn inject_pdu(&mut self, port: u16, from: usize, from_port: u16, flags: Flags, partner: Participant) {
        let system = SystemId { priority: 1, mac: system_mac(from) };
        let actor = Participant { system, key: 1, port_priority: 1, port: from_port, flags };
        let pdu = Repr { version: 1, actor, partner, collector_max_delay: 0 };
        let frame = slow::Repr { source: system_mac(from) }.frame(&pdu.emit());
        self.inject(A, port, &frame);
    }

    /// Lets so many seconds pass in which a port hears a partner every second.
    pub(crate) fn speak_for(&mut self, seconds: u64, port: u16, partner: usize, flags: Flags) {
        for _ in 0..seconds {
            self.speak(port, partner, flags);
            self.run(secs(1));
        }
    }

    /// Takes what the systems have to say, and puts frames on their way.
    fn drain(&mut self) {
        for system in 0..self.systems.len() {
            while let Some((port, frame)) = self.systems[system].poll_transmit(self.now) {
                self.sent.push(Sent { at: self.now, system, port, frame: frame.clone() });
                self.carry(system, port, frame);
            }
            while let Some(event) = self.systems[system].poll_event() {
                self.events.push((self.now, system, event));
            }
        }
    }

    fn carry(&mut self, system: usize, port: PortId, frame: Vec<u8>) {
        let Some(link) = self.links.iter_mut().find(|link| link.ends.contains(&(system, port))) else {
            return;
        };
        let from = usize::from(link.ends[1] == (system, port));
        link.sent[from] += 1;
        let arrives = match link.ways[from] {
            Way::Whole => true,
            Way::Cut => false,
            Way::Loses(share) => !self.dice.chance(share),
            Way::OneIn(n) => link.sent[from].is_multiple_of(n),
            Way::AllButOneIn(n) => !link.sent[from].is_multiple_of(n),
        };
        if arrives {
            let (system, port) = link.ends[1 - from];
            self.sequence += 1;
            self.under_way.insert((self.now + self.delay, self.sequence), (system, port, frame));
        }
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let timeouts = self.systems.iter().filter_map(Lacp::poll_timeout);
        timeouts.chain(self.under_way.keys().next().map(|(at, _)| *at)).min()
    }

    /// Does what happens next, unless that is after `end`. Every wake-up must be for something: time has to pass.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        let Some(next) = self.next().filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        assert!(next >= self.now, "a wake-up was asked for at {next}, which is over since {}", self.now);
        self.now = next;
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= next
        {
            let (system, port, frame) = entry.remove();
            self.systems[system].handle_frame(next, port, &frame);
            self.drain();
        }
        for system in &mut self.systems {
            system.handle_timeout(next);
        }
        self.drain();
        let again = self.systems.iter().filter_map(Lacp::poll_timeout).min();
        assert!(again.is_none_or(|again| again > next), "woken at {next}, and again at once");
        true
    }

    /// Lets so much time pass.
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

    /// Every link of a system's bundle collects and distributes.
    pub(crate) fn is_whole(&self, system: usize) -> bool {
        let members = &self.systems[system].config().bundles[0].members;
        members.iter().all(|member| {
            let may = self.systems[system].member(member.port);
            may.is_some_and(|may| may.collecting && may.distributing)
        })
    }

    /// Lets the bundles come up.
    pub(crate) fn settle(mut self) -> Pair {
        let whole = |pair: &Pair| (0..pair.systems.len()).all(|system| pair.is_whole(system));
        assert!(
            self.run_until(secs(20), whole),
            "{:#?}",
            self.systems.iter().map(Lacp::snapshot).collect::<Vec<_>>()
        );
        self.run(secs(3));
        self.events.clear();
        self.sent.clear();
        self
    }

    /// When a system said something, and what, since the last [`settle`](Pair::settle).
    pub(crate) fn said(&self, system: usize) -> impl Iterator<Item = (Instant, &LacpEvent)> {
        self.events.iter().filter(move |(_, who, _)| *who == system).map(|(at, _, event)| (*at, event))
    }

    /// When a port's mux machine entered a state for the first time since.
    pub(crate) fn entered(&self, system: usize, port: u16, state: mux::State) -> Option<Instant> {
        self.said(system).find_map(|(at, event)| match event {
            LacpEvent::MuxStateChanged { port: id, to, .. } if *id == PortId(port) && *to == state => {
                Some(at)
            }
            _ => None,
        })
    }

    /// The same of the receive machine.
    pub(crate) fn received(&self, system: usize, port: u16, state: receive::State) -> Option<Instant> {
        self.said(system).find_map(|(at, event)| match event {
            LacpEvent::ReceiveStateChanged { port: id, to, .. } if *id == PortId(port) && *to == state => {
                Some(at)
            }
            _ => None,
        })
    }

    /// The last LACPDU that a port has sent.
    pub(crate) fn last_pdu(&self, system: usize, port: u16) -> Option<(Instant, Repr)> {
        let sent = self.sent.iter().rev().filter(|sent| (sent.system, sent.port) == (system, PortId(port)));
        sent.filter_map(|sent| Some((sent.at, sent.pdu()?))).next()
    }
}

/// What an active partner says that can be aggregated and wants a LACPDU a second.
pub(crate) const ACTIVE: Flags = Flags::ACTIVITY.with(Flags::TIMEOUT).with(Flags::AGGREGATION);

/// The flags of a port that frames pass by.
pub(crate) const PASSING: Flags = Flags::SYNCHRONIZATION.with(Flags::COLLECTING).with(Flags::DISTRIBUTING);
