//! One switch, the worker that forwards for it, a host on every port, and a clock that stands until it is moved.

use greylag_base::{Instant, MacAddr, PortId, PortName, Seed, VlanId};
use greylag_dataplane::Worker;
use greylag_ports::MemoryPort;
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{LearningMode, PortConfig, SwitchConfig};
use greylag_switch::fault::Fault;
use greylag_switch::{Event, Input, Refused, Switch};
use greylag_wire::ethernet::{EtherType, Repr};
use std::sync::Arc;
use std::time::Duration;

/// How often a worker reclaims what has lapsed.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

pub(crate) const LEARNING: AgentKind = AgentKind::Learning;

pub(crate) struct Rig {
    pub(crate) switch: Switch,
    worker: Worker,
    ports: Vec<Option<MemoryPort>>,
    hosts: Vec<MemoryPort>,
    pub(crate) now: Instant,
    poll: Option<Instant>,
    housekeeping: Instant,
    read: u64,
}

/// A switch with so many ports in VLAN 1, whose agent owns everything.
pub(crate) fn agent_config(ports: usize) -> SwitchConfig {
    let mut config = SwitchConfig::new("sw1");
    config.ports = (1..=ports).map(|n| PortConfig::new(PortName::new(format!("eth{n}")).unwrap())).collect();
    config.learning.mode = LearningMode::Agent;
    config.mac_table.maximum_entries = 1024;
    config
}

pub(crate) fn inline_config(ports: usize) -> SwitchConfig {
    let mut config = agent_config(ports);
    config.learning.mode = LearningMode::Inline;
    config
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// So long after the start.
pub(crate) fn at(time: Duration) -> Instant {
    Instant::ZERO + time
}

/// The station number so and so.
pub(crate) fn station(number: u32) -> MacAddr {
    let [a, b, c, d] = number.to_be_bytes();
    MacAddr([2, 0, a, b, c, d])
}

impl Rig {
    /// A switch all of whose links are up since the start.
    pub(crate) fn new(config: SwitchConfig) -> Rig {
        let mut rig = Rig::dark(config);
        for port in 0..rig.hosts.len() {
            rig.link(port, true);
        }
        rig.read_events();
        rig
    }

    /// A switch all of whose links are down.
    pub(crate) fn dark(config: SwitchConfig) -> Rig {
        Rig::around(Switch::new(config, Seed(1), Instant::ZERO).unwrap())
    }

    pub(crate) fn around(switch: Switch) -> Rig {
        let (mut ports, mut hosts) = (Vec::new(), Vec::new());
        for _ in switch.ports() {
            let (host, port) = MemoryPort::pair(4096);
            hosts.push(host);
            ports.push(Some(port));
        }
        let worker = Worker::new(Arc::clone(switch.data_plane()), 0);
        let (now, housekeeping) = (Instant::ZERO, Instant::ZERO);
        Rig { switch, worker, ports, hosts, now, poll: None, housekeeping, read: 0 }
    }

    pub(crate) fn tell(&mut self, input: Input) -> Result<(), Refused> {
        let taken = self.switch.handle_input(self.now, input);
        self.expect_poll();
        taken
    }

    pub(crate) fn link(&mut self, port: usize, up: bool) {
        self.tell(Input::Link { port: PortId(port as u16), up }).unwrap();
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.tell(Input::Fault(fault)).unwrap();
    }

    pub(crate) fn crash(&mut self, dump: Duration) {
        self.fault(Fault::Crash { agent: LEARNING, dump });
    }

    /// Lets time pass until then, and everything happen that is due.
    pub(crate) fn wait_until(&mut self, until: Duration) {
        let until = at(until);
        let mut turns = 0;
        loop {
            let next = self.due();
            if next > until {
                self.now = until;
                return;
            }
            turns = if next == self.now { turns + 1 } else { 0 };
            assert!(turns < 100, "the clock does not go on at {next}");
            self.turn(next);
        }
    }

    /// When something is due next.
    pub(crate) fn due(&self) -> Instant {
        let due = [self.switch.poll_timeout(), self.poll, Some(self.housekeeping)];
        due.into_iter().flatten().min().unwrap().max(self.now)
    }

    /// Does what is due by then.
    pub(crate) fn turn(&mut self, next: Instant) {
        self.now = next;
        if self.switch.poll_timeout().is_some_and(|due| due <= next) {
            self.switch.handle_input(next, Input::Timeout).unwrap();
        }
        if self.poll.take_if(|poll| *poll <= next).is_some() {
            self.switch.poll_workers(next);
        }
        if self.housekeeping <= next {
            self.worker.housekeep(next, &mut self.ports);
            self.housekeeping = next + HOUSEKEEPING;
        }
        self.expect_poll();
    }

    /// Forwards all that has come in, and sends what the switch itself has to send.
    pub(crate) fn work(&mut self) {
        loop {
            self.worker.originate(self.now, &mut self.ports[..]);
            for port in 0..self.ports.len() {
                while self.worker.poll_port(self.now, PortId(port as u16), &mut self.ports).unwrap() > 0 {}
            }
            if self.worker.take_punted() {
                self.switch.poll_frames(self.now);
            }
            if !self.switch.data_plane().has_originated() {
                break;
            }
        }
        self.expect_poll();
    }

    /// What stands behind a port.
    pub(crate) fn host(&mut self, port: usize) -> &mut MemoryPort {
        &mut self.hosts[port]
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.wait_until(self.now.since(Instant::ZERO) + span);
    }

    fn expect_poll(&mut self) {
        if self.poll.is_none() && self.switch.has_news() {
            self.poll = Some(self.now + self.switch.config().learning.poll_interval);
        }
    }

    /// The host on a port sends a frame without a tag; which hosts receive it.
    pub(crate) fn send(&mut self, from: usize, source: MacAddr, destination: MacAddr) -> Vec<usize> {
        let frame = Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[0; 46]);
        self.carry(from, &frame).into_iter().map(|(host, _)| host).collect()
    }

    /// The host on a port sends a frame; which hosts receive it, and as what.
    pub(crate) fn carry(&mut self, from: usize, frame: &[u8]) -> Vec<(usize, Vec<u8>)> {
        assert!(self.hosts[from].send(frame));
        self.worker.poll_port(self.now, PortId(from as u16), &mut self.ports).unwrap();
        self.expect_poll();
        let mut reached = Vec::new();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            let copies: Vec<Vec<u8>> = std::iter::from_fn(|| host.receive()).collect();
            assert!(copies.len() <= 1, "host {index} received a frame {} times", copies.len());
            reached.extend(copies.into_iter().map(|copy| (index, copy)));
        }
        reached
    }

    /// The station on a port is heard, by a broadcast.
    pub(crate) fn speak(&mut self, from: usize, number: u32) -> Vec<usize> {
        self.send(from, station(number), MacAddr::BROADCAST)
    }

    /// The port that the table has a station on.
    pub(crate) fn table(&self, number: u32) -> Option<String> {
        let rows = self.switch.fdb(self.now);
        rows.into_iter().find(|row| row.mac == station(number)).map(|row| row.ifname)
    }

    /// The port that the agent has a station on.
    pub(crate) fn list(&self, number: u32) -> Option<String> {
        let rows = self.switch.known(self.now);
        rows.into_iter().find(|row| row.mac == station(number)).map(|row| row.ifname)
    }

    /// What happened since the last call.
    pub(crate) fn events(&mut self) -> Vec<(Instant, Event)> {
        let fresh: Vec<_> = self.switch.events().after(self.read).cloned().collect();
        self.read = fresh.last().map_or(self.read, |last| last.sequence);
        fresh.into_iter().map(|record| (record.at, record.event)).collect()
    }

    pub(crate) fn read_events(&mut self) {
        self.events();
    }

    /// When which events happened since the last call, by their names, in milliseconds; without those that `keep` does not name.
    pub(crate) fn told(&mut self, keep: &[&str]) -> Vec<(u128, String)> {
        let name = |event: &Event| {
            serde_json::to_value(event).unwrap()["event"].as_str().expect("an event has a name").to_owned()
        };
        let events =
            self.events().into_iter().map(|(at, event)| (at.since(Instant::ZERO).as_millis(), name(&event)));
        events.filter(|(_, name)| keep.contains(&name.as_str())).collect()
    }

    /// The names of the alarms that are raised.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let name = |alarm| serde_json::to_value(alarm).unwrap()["alarm"].as_str().unwrap().to_owned();
        self.switch.alarms().iter().map(name).collect()
    }

    /// Puts the agent's poll behind it: what workers reported is handled.
    pub(crate) fn settle(&mut self) {
        self.wait(2 * self.switch.config().learning.poll_interval);
    }

    pub(crate) fn vlan(id: u16) -> VlanId {
        VlanId::new(id).unwrap()
    }
}
