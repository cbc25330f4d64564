//! A moment of a replay: the world stands still there, and somebody may look around in it.

use super::cause::{loss_name, loss_words};
use super::clock::DayClock;
use super::order::link_name;
use super::run::{Options, ReplayError, begin};
use super::watch::Watch;
use crate::World;
use crate::host::Host;
use greylag_base::{Instant, Seed};
use greylag_scenario::story::Scenario;
use greylag_switch::Switch;
use serde_json::{Map, Value};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A world that stands still.
pub struct Moment<'m, 's> {
    scenario: &'s Scenario,
    world: &'m World<Watch<'s>>,
    events: Vec<LoggedEvent>,
}

/// A line of the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// When it happened.
    pub at: Instant,
    /// Index of the node in the lab.
    pub node: usize,
    /// Its name.
    pub event: String,
    /// What belongs to it.
    pub fields: Map<String, Value>,
}

/// What a link does to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFate {
    /// `link-down`, as expectations have it.
    pub name: &'static str,
    /// For people.
    pub words: &'static str,
}

/// Runs a scenario as far as a time since its start, and has somebody look around there. Orders of that very time are done.
///
/// # Errors
/// Those of [`replay`](super::replay).
pub fn look_at<R>(
    scenario: &Scenario,
    seed: Seed,
    at: Duration,
    look: impl FnOnce(&Moment<'_, '_>) -> R,
) -> Result<R, ReplayError> {
    let log = Notebook::default();
    let mut out = log.clone();
    let options = Options { events: Some(&mut out), ..Options::default() };
    let mut course = begin(scenario, seed, options)?;
    course.go_on(Instant::ZERO + at)?;
    let events = log.events(scenario);
    Ok(look(&Moment { scenario, world: &course.world, events }))
}

impl Moment<'_, '_> {
    /// What is replayed.
    pub fn scenario(&self) -> &Scenario {
        self.scenario
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// Writes times as times of day.
    pub fn clock(&self) -> DayClock {
        DayClock::new(self.scenario.start)
    }

    /// What has happened so far.
    pub fn events(&self) -> &[LoggedEvent] {
        &self.events
    }

    /// A switch, unless it is without power.
    pub fn switch(&self, node: usize) -> Option<&Switch> {
        self.world.switch(node)
    }

    /// A host.
    pub fn host(&self, node: usize) -> Option<&Host> {
        self.world.host(node)
    }

    /// The link that a host is plugged into, and the end that it is at.
    pub fn plug(&self, host: usize) -> Option<(usize, usize)> {
        self.world.plug(host)
    }

    /// What a link would do now to a frame from its end `from`, beside carrying it; nothing by chance.
    pub fn fate(&self, link: usize, from: usize, frame: &[u8]) -> Option<LinkFate> {
        let why = self.world.fate(link, from, frame)?;
        Some(LinkFate { name: loss_name(why), words: loss_words(why) })
    }

    /// What orders call a link.
    pub fn link_name(&self, link: usize) -> String {
        link_name(&self.scenario.lab, link)
    }
}

/// Where the event log is kept.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<Vec<u8>>>);

impl Write for Notebook {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Notebook {
    fn events(&self, scenario: &Scenario) -> Vec<LoggedEvent> {
        let octets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = octets.split(|&octet| octet == b'\n').filter(|line| !line.is_empty());
        let event = |line: &[u8]| {
            let mut fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
            let told = fields.remove("at-ns");
            let at = fields.remove("happened-ns").or(told)?.as_u64()?;
            let name = fields.remove("node")?;
            let node =
                scenario.lab.nodes.iter().position(|node| Some(node.name.as_str()) == name.as_str())?;
            fields.remove("sequence");
            let event = fields.remove("event")?.as_str()?.to_owned();
            Some(LoggedEvent { at: Instant::from_nanos(at), node, event, fields })
        };
        lines.filter_map(event).collect()
    }
}
