//! What the switches say of themselves, asked over their control sockets.

use super::seen::{Seen, Teller};
use super::stage::Stage;
use crate::answer::FdbCheck;
use crate::client;
use greylag_base::Instant;
use greylag_scenario::lab::NodeKind;
use greylag_scenario::story::{ExpectedOutcome, Scenario};
use greylag_switch::EventRecord;
use greylag_switch::config::LearningMode;
use greylag_switch::show::{Counters, DropRow};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;
use std::time::{self, Duration};

/// Between two looks at a switch.
const PERIOD: Duration = Duration::from_millis(200);

/// Asks all switches.
pub(super) struct News<'a> {
    scenario: &'a Scenario,
    switches: Vec<Asked>,
    teller: Teller,
    /// Between two comparisons of agent and table.
    comparing: Duration,
}

struct Asked {
    node: usize,
    socket: PathBuf,
    /// Its agent has a list of its own to be compared.
    has_agent: bool,
    known: Mutex<Known>,
}

/// What is known of a switch since it has power.
#[derive(Default)]
struct Known {
    /// Its last event, and when that was told.
    sequence: u64,
    told: Instant,
    forwarded: u64,
    lapsed: u64,
}

/// An event with its date.
#[derive(Deserialize)]
struct DatedEvent {
    time: String,
    #[serde(flatten)]
    record: EventRecord,
}

impl<'a> News<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        stage: &Stage<'_>,
        teller: Teller,
        comparing: Duration,
    ) -> Self {
        let asked = |node: usize| Asked {
            node,
            socket: stage.socket(node),
            has_agent: matches!(&scenario.lab.nodes[node].kind,
                NodeKind::Greylag(config) if config.learning.mode == LearningMode::Agent),
            known: Mutex::default(),
        };
        News { scenario, switches: stage.switches().map(asked).collect(), teller, comparing }
    }

    /// Asks every so often until it is over.
    pub(super) fn follow<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, over: &'scope AtomicBool) {
        for asked in &self.switches {
            scope.spawn(move || {
                let mut compared = time::Instant::now();
                while !over.load(Ordering::Relaxed) {
                    asked.ask(&self.teller);
                    if asked.has_agent && compared.elapsed() >= self.comparing {
                        compared = time::Instant::now();
                        asked.compare(&self.teller);
                    }
                    std::thread::sleep(PERIOD);
                }
            });
        }
    }

    /// Asks once more, for what has happened up to the end.
    pub(super) fn last_word(&self) {
        self.switches.iter().for_each(|asked| asked.ask(&self.teller));
    }

    /// A switch is about to lose its power, and what it knows with it.
    pub(super) fn power_off(&self, node: usize) {
        if let Some(asked) = self.asked(node) {
            asked.ask(&self.teller);
            *asked.known.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
        }
    }

    /// Reads a counter for an expectation.
    pub(super) fn count(&self, at: Instant, expectation: usize) {
        let ExpectedOutcome::Counter { switch, .. } = &self.scenario.expectations[expectation].outcome else {
            return;
        };
        let counts = self.asked(*switch).and_then(|asked| {
            let counters: Counters = client::ask(&asked.socket, "/v1/counters").ok()?;
            let drops: Vec<DropRow> = client::ask(&asked.socket, "/v1/drops").ok()?;
            Some(Box::new((counters, drops)))
        });
        self.teller.tell_of(at, Seen::Counted { expectation, counts });
    }

    fn asked(&self, node: usize) -> Option<&Asked> {
        self.switches.iter().find(|asked| asked.node == node)
    }
}

impl Asked {
    /// Tells what is new. A switch without power says nothing.
    fn ask(&self, teller: &Teller) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let resource = format!("/v1/events?after={}", known.sequence);
        let Ok(events) = client::ask::<Vec<DatedEvent>>(&self.socket, &resource) else { return };
        for DatedEvent { time, mut record } in events {
            known.sequence = record.sequence;
            record.at = teller.clock().read(&time);
            // What a worker reports late happened before what was told before it.
            known.told = known.told.max(record.at);
            teller.tell_of(known.told, Seen::Event { node: self.node, record });
        }
        let Ok(counters) = client::ask::<Counters>(&self.socket, "/v1/counters") else { return };
        let forwarded: u64 = counters.ports.iter().map(|port| port.out_frames).sum();
        if forwarded > known.forwarded {
            teller.tell(Seen::Forwarded { node: self.node });
        }
        let lapsed = counters.mac_table.aged.saturating_sub(known.lapsed);
        if lapsed > 0 {
            teller.tell(Seen::Lapsed { node: self.node, entries: lapsed });
        }
        (known.forwarded, known.lapsed) = (forwarded, counters.mac_table.aged);
    }

    /// Compares agent and table. An agent that does not answer differs from nothing.
    fn compare(&self, teller: &Teller) {
        let check = client::ask::<FdbCheck>(&self.socket, "/v1/check/fdb");
        let differences = check.map_or(0, |check| check.conflicts.len());
        teller.tell(Seen::Compared { node: self.node, differences });
    }
}
