//! A switch in the virtual world: the real control side and the real workers, driven by the event queue.
//!
//! Workers share the ports of their switch: what arrives at port `p` is handled by worker `p` modulo the number of workers. All of them
//! are in one thread, so that each frame is through before the next is looked at.

use crate::cabling::{Cabling, Teller};
use crate::fabric::Fabric;
use crate::observer::{Happening, Observer};
use crate::world::WorldError;
use greylag_base::{Instant, PortId, Seed};
use greylag_dataplane::Worker;
use greylag_ports::MemoryPort;
use greylag_scenario::story::Version;
use greylag_switch::config::{Membership, SwitchConfig};
use greylag_switch::history::History;
use greylag_switch::recording::Start;
use greylag_switch::{Input, Switch};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// How often lapsed addresses are reclaimed: as in the live world.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// A link end, as a port sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plug {
    pub(crate) link: usize,
    pub(crate) end: usize,
}

/// A switch, with power or without.
pub(crate) struct SwitchNode {
    node: usize,
    name: String,
    seed: Seed,
    /// What it is plugged into, by port; a bundle is plugged into nothing.
    plugs: Box<[Option<Plug>]>,
    /// The configurations that it starts with.
    history: History,
    starts: u32,
    /// The release that it runs or boots, where the scenario says something of it.
    version: Option<Version>,
    /// While it has power and has booted.
    running: Option<Running>,
    /// It is there at this time.
    booting: Option<Instant>,
}

/// What a switch loses with its power.
struct Running {
    switch: Switch,
    workers: Vec<Worker>,
    /// When lapsed addresses are reclaimed next; never in a switch that learns none.
    housekeeping: Option<Instant>,
    /// When the control side looks at what the workers have reported, if they have.
    look: Option<Instant>,
    /// The last event that was told to the observer.
    told: u64,
    /// The last commit that was.
    shown: u64,
    /// The number of the last commit whose impairments the links have.
    followed: u64,
    /// Entries that had lapsed when the observer was told last.
    lapsed: u64,
}

impl SwitchNode {
    pub(crate) fn new(node: usize, config: &SwitchConfig, plugs: Box<[Option<Plug>]>, seed: Seed) -> Self {
        SwitchNode {
            node,
            name: config.name.clone(),
            seed,
            plugs,
            history: History::new(config.clone(), Instant::ZERO),
            starts: 0,
            version: None,
            running: None,
            booting: None,
        }
    }

    /// The control side, unless there is no power.
    pub(crate) fn switch(&self) -> Option<&Switch> {
        self.running.as_ref().map(|running| &running.switch)
    }

    /// Its watchdog has it started anew.
    pub(crate) fn wants_reboot(&self) -> bool {
        self.switch().is_some_and(Switch::wants_reboot)
    }

    pub(crate) fn plugs(&self) -> &[Option<Plug>] {
        &self.plugs
    }

    /// Starts at once. Its links are down still.
    pub(crate) fn start<O: Observer>(
        &mut self,
        now: Instant,
        fabric: &mut Fabric,
        observer: &mut O,
    ) -> Result<(), WorldError> {
        let seed = match self.starts {
            0 => self.seed,
            // Chance does not repeat itself because somebody pulls a plug.
            again => self.seed.derive(&format!("start/{again}")),
        };
        // The address is the machine's, whatever becomes of its chance.
        let start = Start {
            chassis: Start::new(self.history.clone(), self.seed, now).chassis,
            ..Start::new(self.history.clone(), seed, now)
        };
        let switch = Switch::restore(start)
            .map_err(|source| WorldError::Switch { name: self.name.clone(), source })?;
        self.starts += 1;
        let switch = self.released(switch, now);
        let plane = switch.data_plane();
        let mut running = Running {
            workers: (0..switch.config().workers.count.into())
                .map(|index| Worker::new(Arc::clone(plane), index))
                .collect(),
            switch,
            housekeeping: Some(now),
            look: None,
            told: 0,
            shown: 0,
            followed: 0,
            lapsed: 0,
        };
        observer.happened(now, self.node, &Happening::Power(true));
        running.housekeep(now);
        running.settle(now, self.node, observer);
        running.originate(now, self.node, &self.plugs, fabric, observer);
        self.running = Some(running);
        self.booting = None;
        Ok(())
    }

    /// Runs another release from its next start on.
    pub(crate) fn install(&mut self, version: Version) {
        self.version = Some(version);
    }

    /// A switch that has just started, as its release makes it: before anybody has seen it at work.
    fn released(&self, mut switch: Switch, now: Instant) -> Switch {
        let Some(version) = &self.version else { return switch };
        let mut config = switch.config().clone();
        let seed = version.hash_seed.map(|seed| Seed(seed).derive(&self.name).0);
        if seed.is_some() && config.flow_hash.seed != seed {
            config.flow_hash.seed = seed;
            let author = format!("version {}", version.name);
            let commit = Input::Commit { config: Box::new(config), author, confirm_within: None };
            switch.handle_input(now, commit).expect("the seed of the flow hash may be any");
        }
        for fault in &version.faults {
            // A fault of an agent that this switch does not have befalls nobody.
            let _ = switch.handle_input(now, Input::Fault(fault.clone()));
        }
        switch
    }

    /// Loses its power, and with it everything but its configurations.
    pub(crate) fn stop(&mut self, now: Instant, observer: &mut impl Observer) {
        self.booting = None;
        if let Some(running) = self.running.take() {
            self.history = running.switch.history().clone();
            observer.happened(now, self.node, &Happening::Power(false));
        }
    }

    /// Has power again, and is there at `ready`.
    pub(crate) fn boot(&mut self, ready: Instant) {
        if self.running.is_none() && self.booting.is_none() {
            self.booting = Some(ready);
        }
    }

    /// The time at which it has booted, if that is now.
    pub(crate) fn has_booted(&self, now: Instant) -> bool {
        self.booting.is_some_and(|ready| ready <= now)
    }

    /// The control side is told something; an operator's order may be refused.
    pub(crate) fn tell<O: Observer>(
        &mut self,
        now: Instant,
        input: Input,
        fabric: &mut Fabric,
        observer: &mut O,
    ) {
        let Some(running) = &mut self.running else { return };
        let outcome = running.switch.handle_input(now, input);
        // A commit may have made a port of the bridge.
        running.housekeeping.get_or_insert(now);
        running.settle(now, self.node, observer);
        running.originate(now, self.node, &self.plugs, fabric, observer);
        if let Err(refused) = outcome {
            observer.happened(now, self.node, &Happening::Refused(&refused));
        }
    }

    /// Forwards what has arrived at a port, a batch at the most; says whether the switch has something to do by itself earlier than
    /// it had.
    pub(crate) fn forward<O: Observer>(
        &mut self,
        now: Instant,
        port: usize,
        fabric: &mut Fabric,
        observer: &mut O,
    ) -> bool {
        // What was on its way here was lost with the power.
        let Some(running) = &mut self.running else { return false };
        let workers = running.workers.len();
        let worker = &mut running.workers[port % workers];
        {
            let observer = RefCell::new(&mut *observer);
            let mut ports = Cabling { now, plugs: &self.plugs, fabric, observer: &observer };
            let mut tracer = Teller { now, node: self.node, observer: &observer };
            worker
                .poll_port_traced(now, PortId(port as u16), &mut ports, &mut tracer)
                .expect("a port of the virtual world does not fail");
        }
        let (news, punted) = (worker.take_news(), worker.take_punted());
        if punted {
            running.switch.poll_frames(now);
            running.settle(now, self.node, observer);
            running.originate(now, self.node, &self.plugs, fabric, observer);
        }
        (news && running.expect_reports(now)) || punted
    }

    /// When it has something to do by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let Some(running) = &self.running else { return self.booting };
        let timeouts = [running.switch.poll_timeout(), running.look, running.housekeeping];
        timeouts.into_iter().flatten().min()
    }

    /// Does what is due by now.
    pub(crate) fn handle_timeout<O: Observer>(
        &mut self,
        now: Instant,
        fabric: &mut Fabric,
        observer: &mut O,
    ) {
        let Some(running) = &mut self.running else { return };
        if running.switch.poll_timeout().is_some_and(|at| at <= now) {
            // Nobody can be told that time does not pass.
            let _ = running.switch.handle_input(now, Input::Timeout);
        }
        if running.housekeeping.is_some_and(|at| at <= now) {
            running.housekeep(now);
        }
        if running.look.take_if(|at| *at <= now).is_some() {
            running.switch.poll_workers(now);
        }
        // What waited while the agents were away.
        running.switch.poll_frames(now);
        running.settle(now, self.node, observer);
        running.originate(now, self.node, &self.plugs, fabric, observer);
    }
}

impl Running {
    fn housekeep(&mut self, now: Instant) {
        for worker in &mut self.workers {
            // No port of the virtual world has a queue that could miss a frame.
            worker.housekeep::<MemoryPort>(now, &mut []);
        }
        self.housekeeping = Some(now + HOUSEKEEPING);
        self.rest();
    }

    /// A router without a port of the bridge has no addresses to reclaim, and idle hours cost it nothing.
    fn rest(&mut self) {
        let mut ports = self.switch.config().ports.iter();
        if ports.all(|port| matches!(port.membership, Membership::Routed | Membership::Aggregate(_))) {
            self.housekeeping = None;
        }
    }

    /// Sends what the switch's own protocols have to send.
    fn originate<O: Observer>(
        &mut self,
        now: Instant,
        node: usize,
        plugs: &[Option<Plug>],
        fabric: &mut Fabric,
        observer: &mut O,
    ) {
        self.impair(plugs, fabric);
        while let Some(datagram) = self.switch.poll_management() {
            fabric.send_management(now, node, datagram);
        }
        while self.switch.data_plane().has_originated() {
            let observer = RefCell::new(&mut *observer);
            let mut ports = Cabling { now, plugs, fabric, observer: &observer };
            self.workers[0].originate(now, &mut ports);
            // What cannot go the way that the FIB says comes back.
            if self.workers[0].take_punted() {
                self.switch.poll_frames(now);
            }
        }
    }

    /// Has the links fare as the ports are configured that send by them.
    fn impair(&mut self, plugs: &[Option<Plug>], fabric: &mut Fabric) {
        let latest = self.switch.history().latest();
        if std::mem::replace(&mut self.followed, latest.number) == latest.number {
            return;
        }
        for (port, plug) in latest.config.ports.iter().zip(plugs) {
            if let Some(Plug { link, end }) = *plug {
                fabric.links[link].lanes[end].configure(port.impairment);
            }
        }
    }

    /// Once a report waits, the control side looks at the queues after its interval; says whether one has come.
    fn expect_reports(&mut self, now: Instant) -> bool {
        let is_news = self.look.is_none() && self.switch.has_news();
        if is_news {
            self.look = Some(now + self.switch.config().learning.poll_interval);
        }
        is_news
    }

    /// Tells the observer what has come of the last step.
    fn settle(&mut self, now: Instant, node: usize, observer: &mut impl Observer) {
        self.expect_reports(now);
        let lapsed = self.switch.data_plane().learn_counts().aged;
        if lapsed != self.lapsed {
            observer.happened(now, node, &Happening::Lapsed(lapsed - self.lapsed));
            self.lapsed = lapsed;
        }
        for record in self.switch.events().after(self.told) {
            observer.happened(now, node, &Happening::Switch(record));
            self.told = record.sequence;
        }
        if let Some(commit) = self.switch.history().commits().next()
            && commit.number != self.shown
        {
            self.shown = commit.number;
            observer.configured(now, node, &commit.config);
        }
    }
}
