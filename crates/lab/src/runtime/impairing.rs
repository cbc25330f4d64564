//! Ports whose frames fare badly: what the configuration says of each, what was ordered in its place, and what comes of it. A port
//! that nobody has ever impaired is opened and used as if there were none of this.

use super::worker_thread::{Change, Replaced};
use greylag_base::{Impairment, PortId, Seed};
use greylag_ports::{ImpairmentCounts, ImpairmentDesk};
use greylag_switch::Switch;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The impairments of a running switch.
#[derive(Default)]
pub(super) struct Impairments(Mutex<State>);

#[derive(Default)]
struct State {
    /// The number of the last commit that was followed.
    followed: Option<u64>,
    /// What was ordered, in the place of what is configured.
    ordered: BTreeMap<usize, Impairment>,
    /// Ports that are or were impaired.
    desks: BTreeMap<usize, Desks>,
    /// Worker by worker: where changes of its ports are put.
    changes: Vec<Arc<Replaced>>,
}

/// Those of a port.
struct Desks {
    current: Impairment,
    /// Worker by worker.
    desks: Vec<Arc<ImpairmentDesk>>,
    seed: Seed,
}

impl Impairments {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workers have started, or started again.
    pub(super) fn attach(&self, changes: Vec<Arc<Replaced>>) {
        let mut state = self.state();
        state.changes = changes;
        // They look at the configuration once more.
        state.followed = None;
    }

    /// Does what the configuration says, where nothing was ordered.
    pub(super) fn follow(&self, switch: &Switch) {
        let mut state = self.state();
        let commit = Some(switch.history().latest().number);
        if state.followed == commit || state.changes.is_empty() {
            return;
        }
        state.followed = commit;
        for (port, config) in switch.config().ports.iter().enumerate() {
            let impairment = state.ordered.get(&port).copied().unwrap_or(config.impairment);
            state.set(switch, port, impairment);
        }
    }

    /// Does something else than the configuration says, or that again. The workers follow as soon as all of these have a port.
    pub(super) fn order(
        &self,
        switch: &Switch,
        port: PortId,
        impairment: Option<Impairment>,
    ) -> Vec<Arc<ImpairmentDesk>> {
        let (mut state, port) = (self.state(), port.index());
        match impairment {
            Some(impairment) => state.ordered.insert(port, impairment),
            None => state.ordered.remove(&port),
        };
        let impairment = impairment.unwrap_or(switch.config().ports[port].impairment);
        state.set(switch, port, impairment);
        state.desks.get(&port).map(|desks| desks.desks.clone()).unwrap_or_default()
    }

    /// What a port does to frames now, and has done; `None` for one that nobody ever impaired.
    pub(super) fn of(&self, port: usize) -> Option<(Impairment, ImpairmentCounts)> {
        let state = self.state();
        let Desks { current, desks, .. } = state.desks.get(&port)?;
        let sum = desks.iter().map(|desk| desk.counts()).fold(ImpairmentCounts::default(), |sum, one| {
            ImpairmentCounts {
                lost: sum.lost + one.lost,
                duplicated: sum.duplicated + one.duplicated,
                corrupted: sum.corrupted + one.corrupted,
                overtaken: sum.overtaken + one.overtaken,
                no_room: sum.no_room + one.no_room,
                refused: sum.refused + one.refused,
            }
        });
        Some((*current, sum))
    }

    /// The queues of a port were made again.
    pub(super) fn renew(&self, port: usize) {
        let state = self.state();
        let Some(Desks { current, desks, seed }) = state.desks.get(&port) else { return };
        for (worker, (changes, desk)) in state.changes.iter().zip(desks).enumerate() {
            desk.order(*current);
            changes.push((port, impaired(desk, *seed, worker)));
        }
    }
}

fn impaired(desk: &Arc<ImpairmentDesk>, seed: Seed, worker: usize) -> Change {
    Change::Impaired { desk: Arc::clone(desk), seed: seed.derive(&worker.to_string()) }
}

impl State {
    fn set(&mut self, switch: &Switch, port: usize, impairment: Impairment) {
        if !self.desks.contains_key(&port) {
            if impairment == Impairment::default() {
                return;
            }
            let seed = seed(&switch.config().name, switch.config().ports[port].name.as_str());
            let desks = self.changes.iter().enumerate().map(|(worker, changes)| {
                let desk = Arc::<ImpairmentDesk>::default();
                changes.push((port, impaired(&desk, seed, worker)));
                desk
            });
            let desks = Desks { current: Impairment::default(), desks: desks.collect(), seed };
            self.desks.insert(port, desks);
        }
        let Some(desks) = self.desks.get_mut(&port) else { return };
        if desks.current != impairment {
            desks.current = impairment;
            desks.desks.iter().for_each(|desk| desk.order(impairment));
        }
    }
}

/// Chance is the same each time that a switch of this name runs.
fn seed(switch: &str, port: &str) -> Seed {
    Seed(0).derive(switch).derive(port)
}
