//! Two switches with one session on a virtual clock, or one whose other end the test pretends to be.

use core::net::IpAddr;
use greylag_base::{Dice, Instant, InterfaceId, Seed};
use greylag_bfd::{
    Bfd, BfdConfig, BfdEvent, Diagnostic, Failure, Micros, PacketIn, PacketOut, Path, SessionConfig,
    SessionId, SessionRow, State,
};
use greylag_wire::bfd::{Flags, Repr};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const SESSION: SessionId = SessionId(7);
/// Of both switches, towards the other.
pub(crate) const INTERFACE: InterfaceId = InterfaceId(3);
/// What the test calls itself where it pretends to be the other end.
pub(crate) const PRETENDER: u32 = 0x7777;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn ms(millis: u32) -> Micros {
    Micros::from_millis(millis)
}

pub(crate) fn address(switch: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, 1 + switch as u8])
}

/// What one switch's session is by default: one hop, three times 300 ms.
pub(crate) fn session(switch: usize) -> SessionConfig {
    let path = Path::SingleHop { interface: INTERFACE };
    SessionConfig::new(SESSION, address(switch), address(1 - switch), path)
}

/// The same with other times.
pub(crate) fn timed(switch: usize, desired: u32, required: u32, multiplier: u8) -> SessionConfig {
    SessionConfig {
        desired_minimum_tx_interval: ms(desired),
        required_minimum_receive: ms(required),
        detection_multiplier: multiplier,
        ..session(switch)
    }
}

fn alone(session: SessionConfig) -> BfdConfig {
    BfdConfig { sessions: vec![session] }
}

/// What becomes of packets that go one way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Whole,
    Cut,
    /// One in so many arrives.
    OneIn(u64),
    /// One in so many is lost.
    AllButOneIn(u64),
}

/// A packet that a switch gave away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) switch: usize,
    pub(crate) packet: PacketOut,
}

impl Sent {
    pub(crate) fn repr(&self) -> Repr {
        Repr::parse(&self.packet.payload).expect("what we send is sound")
    }

    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.repr().flags.has(flag)
    }
}

pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) switches: Vec<Bfd>,
    /// What leaves each switch.
    pub(crate) ways: [Way; 2],
    /// How long what leaves each switch takes at least.
    pub(crate) delay: [Duration; 2],
    /// And how much longer at most, by chance. Nothing overtakes.
    pub(crate) wander: [Duration; 2],
    /// Routers between the two.
    pub(crate) routers: u8,
    pub(crate) events: Vec<(Instant, usize, BfdEvent)>,
    pub(crate) sent: Vec<Sent>,
    carried: [u64; 2],
    last_arrival: [Instant; 2],
    under_way: BTreeMap<(Instant, u64), (usize, PacketOut)>,
    sequence: u64,
    dice: Dice,
}

impl Pair {
    pub(crate) fn new(a: SessionConfig, b: SessionConfig) -> Pair {
        Pair::seeded(a, b, Seed(1))
    }

    pub(crate) fn seeded(a: SessionConfig, b: SessionConfig, seed: Seed) -> Pair {
        Pair::far([a, b], seed, [Duration::from_micros(100); 2], [Duration::ZERO; 2])
    }

    /// The same with delays, from the first packet on.
    pub(crate) fn far(
        sessions: [SessionConfig; 2],
        seed: Seed,
        delay: [Duration; 2],
        wander: [Duration; 2],
    ) -> Pair {
        Pair::of(sessions.to_vec(), seed, delay, wander)
    }

    /// One switch; what it sends goes nowhere.
    pub(crate) fn alone(a: SessionConfig) -> Pair {
        Pair::of(vec![a], Seed(1), [Duration::ZERO; 2], [Duration::ZERO; 2])
    }

    fn of(sessions: Vec<SessionConfig>, seed: Seed, delay: [Duration; 2], wander: [Duration; 2]) -> Pair {
        let switches = sessions.into_iter().enumerate().map(|(number, session)| {
            let seed = seed.derive(&format!("switch {number}"));
            Bfd::new(alone(session), seed, Instant::ZERO).expect("the test's configuration is sound")
        });
        let mut pair = Pair {
            now: Instant::ZERO,
            switches: switches.collect(),
            ways: [Way::Whole; 2],
            delay,
            wander,
            routers: 0,
            events: Vec::new(),
            sent: Vec::new(),
            carried: [0; 2],
            last_arrival: [Instant::ZERO; 2],
            under_way: BTreeMap::new(),
            sequence: 0,
            dice: Dice::new(seed.derive("path")),
        };
        pair.drain();
        pair
    }

    /// Both up, and nothing to be negotiated any more.
    pub(crate) fn settled(a: SessionConfig, b: SessionConfig) -> Pair {
        Pair::new(a, b).settle()
    }

    pub(crate) fn settle(mut self) -> Pair {
        assert!(self.run_until(secs(5), Pair::is_up), "{:#?} {:#?}", self.row(A), self.row(B));
        self.run(secs(10));
        self.events.clear();
        self.sent.clear();
        self
    }

    pub(crate) fn row(&self, switch: usize) -> SessionRow {
        self.switches[switch].session_row(SESSION).expect("there is one session")
    }

    pub(crate) fn state(&self, switch: usize) -> State {
        self.switches[switch].state(SESSION).expect("there is one session")
    }

    pub(crate) fn diagnostic(&self, switch: usize) -> Diagnostic {
        self.row(switch).local_diagnostic_code
    }

    pub(crate) fn is_up(&self) -> bool {
        (0..self.switches.len()).all(|switch| self.state(switch) == State::Up)
    }

    /// Tells a switch something.
    pub(crate) fn tell(&mut self, switch: usize, what: impl FnOnce(&mut Bfd, Instant)) {
        what(&mut self.switches[switch], self.now);
        self.drain();
    }

    pub(crate) fn reconfigure(&mut self, switch: usize, change: impl FnOnce(&mut SessionConfig)) {
        let mut config = self.switches[switch].config().clone();
        change(&mut config.sessions[0]);
        self.tell(switch, |bfd, now| {
            bfd.reconfigure(now, config).expect("the test's configuration is sound");
        });
    }

    /// A switch loses all that it knew and begins anew.
    pub(crate) fn restart(&mut self, switch: usize) {
        let config = self.switches[switch].config().clone();
        let seed = Seed(2).derive(&format!("switch {switch} at {}", self.now));
        self.switches[switch] = Bfd::new(config, seed, self.now).expect("it was sound before");
        self.drain();
    }

    /// What the other end of the first switch says when it is sound, knows the switch, and is in this state.
    pub(crate) fn says(&self, state: State) -> Repr {
        Repr {
            diagnostic: Diagnostic::NoDiagnostic,
            state,
            flags: Flags::default(),
            detect_mult: 3,
            my_discriminator: PRETENDER,
            your_discriminator: self.row(A).local_discriminator,
            desired_min_tx: ms(100),
            required_min_rx: ms(100),
            required_min_echo_rx: Micros(0),
        }
    }

    /// The first switch hears that.
    pub(crate) fn hear(&mut self, state: State) {
        self.hear_repr(&self.says(state));
    }

    pub(crate) fn hear_repr(&mut self, repr: &Repr) {
        self.hear_payload(&repr.emit());
    }

    pub(crate) fn hear_payload(&mut self, payload: &[u8]) {
        let packet = PacketIn { payload, ..Pair::arriving() };
        self.hear_packet(&packet);
    }

    pub(crate) fn hear_packet(&mut self, packet: &PacketIn<'_>) {
        self.tell(A, |bfd, now| bfd.handle_packet(now, packet));
    }

    /// An empty datagram from the other end to the first switch's session.
    pub(crate) fn arriving() -> PacketIn<'static> {
        PacketIn {
            from: address(B),
            to: address(A),
            interface: INTERFACE,
            ttl: 255,
            destination_port: 3784,
            payload: &[],
        }
    }

    fn drain(&mut self) {
        for switch in 0..self.switches.len() {
            while let Some(packet) = self.switches[switch].poll_transmit() {
                self.sent.push(Sent { at: self.now, switch, packet });
                self.carry(switch, packet);
            }
            while let Some(event) = self.switches[switch].poll_event() {
                self.events.push((self.now, switch, event));
            }
        }
    }

    fn carry(&mut self, switch: usize, packet: PacketOut) {
        self.carried[switch] += 1;
        let arrives = match self.ways[switch] {
            Way::Whole => true,
            Way::Cut => false,
            Way::OneIn(n) => self.carried[switch].is_multiple_of(n),
            Way::AllButOneIn(n) => !self.carried[switch].is_multiple_of(n),
        };
        if arrives && self.switches.len() == 2 {
            let takes = self.delay[switch] + self.dice.between(Duration::ZERO, self.wander[switch]);
            let at = (self.now + takes).max(self.last_arrival[switch]);
            self.last_arrival[switch] = at;
            self.sequence += 1;
            self.under_way.insert((at, self.sequence), (1 - switch, packet));
        }
    }

    /// Does what happens next, unless that is after `end`. Every wake-up must be for something: time has to pass.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        let timeouts = self.switches.iter().filter_map(Bfd::poll_timeout);
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
            let (switch, packet) = entry.remove();
            let arrives = PacketIn {
                from: packet.from,
                to: packet.to,
                interface: INTERFACE,
                ttl: packet.ttl - self.routers,
                destination_port: packet.destination_port,
                payload: &packet.payload,
            };
            self.switches[switch].handle_packet(next, &arrives);
            self.drain();
        }
        for switch in &mut self.switches {
            switch.handle_timeout(next);
        }
        self.drain();
        let again = self.switches.iter().filter_map(Bfd::poll_timeout).min();
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

    /// How a switch's session ceased to be up, every time.
    pub(crate) fn failures(&self, switch: usize) -> Vec<Failure> {
        let own = self.events.iter().filter(|(_, who, _)| *who == switch);
        own.filter_map(|(_, _, event)| match event {
            BfdEvent::Down { failure, .. } => Some(*failure),
            _ => None,
        })
        .collect()
    }

    pub(crate) fn sent_by(&self, switch: usize) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.switch == switch)
    }

    pub(crate) fn last_sent(&self, switch: usize) -> Repr {
        self.sent_by(switch).last().expect("it has sent").repr()
    }
}
