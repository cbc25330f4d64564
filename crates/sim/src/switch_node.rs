//! A switch in the virtual world: the real control side and the real workers, driven by the event queue.
//!
//! Workers share the ports of their switch: what arrives at port `p` is handled by worker `p` modulo the number of workers. All of them
//! are in one thread, so that each frame is through before the next is looked at.

use crate::fabric::Fabric;
use crate::observer::{Happening, Observer};
use crate::sim_port::{Outgoing, SimPort};
use crate::world::WorldError;
use greylag_base::{Instant, PortId, Seed};
use greylag_dataplane::{Decision, Tracer, Worker};
use greylag_switch::config::SwitchConfig;
use greylag_switch::history::History;
use greylag_switch::{Input, Switch};
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
    /// What it is plugged into, by port.
    plugs: Box<[Plug]>,
    /// The configurations that it starts with.
    history: History,
    starts: u32,
    power: Power,
}

/// What a switch is doing.
enum Power {
    Off,
    /// It is there at this time.
    Booting(Instant),
    On(Box<Running>),
}

/// What a switch loses with its power.
struct Running {
    switch: Switch,
    workers: Vec<Worker>,
    ports: Vec<Option<SimPort>>,
    outgoing: Outgoing,
    housekeeping: Instant,
    /// When the control side looks at what the workers have reported, if they have.
    look: Option<Instant>,
    /// The last event that was told to the observer.
    told: u64,
    /// Entries that had lapsed when the observer was told last.
    lapsed: u64,
}

impl SwitchNode {
    pub(crate) fn new(node: usize, config: &SwitchConfig, plugs: Box<[Plug]>, seed: Seed) -> Self {
        SwitchNode {
            node,
            name: config.name.clone(),
            seed,
            plugs,
            history: History::new(config.clone(), Instant::ZERO),
            starts: 0,
            power: Power::Off,
        }
    }

    /// The control side, unless there is no power.
    pub(crate) fn switch(&self) -> Option<&Switch> {
        match &self.power {
            Power::On(running) => Some(&running.switch),
            Power::Off | Power::Booting(_) => None,
        }
    }

    pub(crate) fn plugs(&self) -> &[Plug] {
        &self.plugs
    }

    /// Starts at once. Its links are down still.
    pub(crate) fn start(&mut self, now: Instant, observer: &mut impl Observer) -> Result<(), WorldError> {
        let seed = match self.starts {
            0 => self.seed,
            // Chance does not repeat itself because somebody pulls a plug.
            again => self.seed.derive(&format!("start/{again}")),
        };
        let switch = Switch::restore(self.history.clone(), seed, now)
            .map_err(|source| WorldError::Switch { name: self.name.clone(), source })?;
        self.starts += 1;
        let outgoing = Outgoing::new(self.plugs.len());
        let plane = switch.data_plane();
        let mut running = Box::new(Running {
            workers: (0..switch.config().workers.count.into())
                .map(|index| Worker::new(Arc::clone(plane), index))
                .collect(),
            ports: (0..self.plugs.len())
                .map(|port| Some(SimPort::new(PortId(port as u16), outgoing.clone())))
                .collect(),
            outgoing,
            switch,
            housekeeping: now,
            look: None,
            told: 0,
            lapsed: 0,
        });
        observer.happened(now, self.node, &Happening::Power(true));
        running.housekeep(now);
        running.settle(now, self.node, observer);
        self.power = Power::On(running);
        Ok(())
    }

    /// Loses its power, and with it everything but its configurations.
    pub(crate) fn stop(&mut self, now: Instant, observer: &mut impl Observer) {
        let was = std::mem::replace(&mut self.power, Power::Off);
        if let Power::On(running) = was {
            self.history = running.switch.history().clone();
            observer.happened(now, self.node, &Happening::Power(false));
        }
    }

    /// Has power again, and is there at `ready`.
    pub(crate) fn boot(&mut self, ready: Instant) {
        if let Power::Off = self.power {
            self.power = Power::Booting(ready);
        }
    }

    /// The time at which it has booted, if that is now.
    pub(crate) fn has_booted(&self, now: Instant) -> bool {
        matches!(self.power, Power::Booting(ready) if ready <= now)
    }

    /// The control side is told something; an operator's order may be refused.
    pub(crate) fn tell(&mut self, now: Instant, input: Input, observer: &mut impl Observer) {
        let Power::On(running) = &mut self.power else { return };
        let outcome = running.switch.handle_input(now, input);
        running.settle(now, self.node, observer);
        if let Err(refused) = outcome {
            observer.happened(now, self.node, &Happening::Refused(&refused));
        }
    }

    /// A frame is at the door; at most a batch of them until [`SwitchNode::forward`].
    pub(crate) fn arrived(&mut self, port: usize, frame: Vec<u8>, fabric: &mut Fabric) {
        match &mut self.power {
            Power::On(running) => {
                running.ports[port].as_mut().expect("every port has a link").arrived(frame);
            }
            Power::Off | Power::Booting(_) => fabric.pool.give(frame),
        }
    }

    /// Forwards what has arrived at a port; says whether the switch has something to do by itself earlier than it had.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        port: usize,
        fabric: &mut Fabric,
        observer: &mut impl Observer,
    ) -> bool {
        let Power::On(running) = &mut self.power else { return false };
        let workers = running.workers.len();
        let worker = &mut running.workers[port % workers];
        let mut teller = Teller { now, node: self.node, observer };
        worker
            .poll_port_traced(now, PortId(port as u16), &mut running.ports, &mut teller)
            .expect("a port of the virtual world does not fail");
        let is_news = worker.take_news();
        running.ports[port].as_mut().expect("every port has a link").clear_up(&mut fabric.pool);
        for port in running.outgoing.take() {
            let Plug { link, end } = self.plugs[port];
            fabric.send_all(now, link, end, running.ports[port].as_mut().expect("it has sent"), observer);
        }
        is_news && running.expect_reports(now)
    }

    /// When it has something to do by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.power {
            Power::Off => None,
            Power::Booting(ready) => Some(*ready),
            Power::On(running) => {
                let timeouts = [running.switch.poll_timeout(), running.look, Some(running.housekeeping)];
                timeouts.into_iter().flatten().min()
            }
        }
    }

    /// Does what is due by now.
    pub(crate) fn handle_timeout(&mut self, now: Instant, observer: &mut impl Observer) {
        let Power::On(running) = &mut self.power else { return };
        if running.switch.poll_timeout().is_some_and(|at| at <= now) {
            // Nobody can be told that time does not pass.
            let _ = running.switch.handle_input(now, Input::Timeout);
        }
        if running.housekeeping <= now {
            running.housekeep(now);
        }
        if running.look.take_if(|at| *at <= now).is_some() {
            running.switch.poll_workers(now);
        }
        running.settle(now, self.node, observer);
    }
}

/// Tells an observer what the data plane decides.
struct Teller<'a, O> {
    now: Instant,
    node: usize,
    observer: &'a mut O,
}

impl<O: Observer> Tracer for Teller<'_, O> {
    fn decided(&mut self, ingress: PortId, frame: &[u8], decision: Decision) {
        self.observer.decided(self.now, self.node, ingress, frame, decision);
    }
}

impl Running {
    fn housekeep(&mut self, now: Instant) {
        for worker in &mut self.workers {
            worker.housekeep(now, &mut self.ports);
        }
        self.housekeeping = now + HOUSEKEEPING;
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
    }
}
