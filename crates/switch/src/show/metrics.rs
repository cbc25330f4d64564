//! What a switch tells those who measure it regularly: the metrics of `docs/metrics.md`, as numbers with a name, a sentence and labels.
//!
//! No label is an address, and no family grows with the number of stations or routes: what a scraper stores is as large as the
//! switch is configured, not as what is sent through it.

mod agents;
mod bundles;
mod layer3;
mod ports;
mod table;
mod text;

use crate::Switch;
use greylag_base::Instant;
use serde::Serialize;

pub use text::{Exposition, write_series};

/// Everything that one switch measured at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Each family once, in the order in which they are documented; one without samples is named all the same.
    pub families: Vec<Family>,
}

/// Numbers that mean the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name; that of a counter ends with `_total`.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// What it counts or tells, and in which unit.
    pub help: &'static str,
    /// What tells its samples apart.
    pub labels: &'static [&'static str],
    /// The numbers.
    pub samples: Vec<Sample>,
}

/// How a number moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It grows, and starts again from 0 with the switch.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The values of the family's labels, in their order. One that is empty is as good as none.
    pub labels: Vec<String>,
    /// The number.
    pub value: f64,
}

impl Kind {
    /// As it stands behind `# TYPE`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        }
    }
}

impl Metrics {
    /// Begins a family of numbers that only grow.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> &mut Family {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.family(Kind::Counter, name, help, labels)
    }

    /// Begins a family of numbers that go up and down.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> &mut Family {
        self.family(Kind::Gauge, name, help, labels)
    }

    fn family(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> &mut Family {
        self.families.push(Family { name, kind, help, labels, samples: Vec::new() });
        let last = self.families.len() - 1;
        &mut self.families[last]
    }
}

impl Family {
    /// Adds a number.
    pub fn put(&mut self, labels: &[&str], value: u64) {
        self.put_real(labels, value as f64);
    }

    /// Adds a number that may have a fraction.
    pub fn put_real(&mut self, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), self.labels.len(), "{}", self.name);
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        self.samples.push(Sample { labels, value });
    }

    /// Adds 1 for the state that is, and 0 for each that is not; the state is the last label.
    fn put_state<S: Serialize + PartialEq>(&mut self, labels: &[&str], states: &[S], is: &S) {
        for state in states {
            let state_word = word(state);
            self.put(&[labels, &[state_word.as_str()]].concat(), (state == is).into());
        }
    }
}

/// The word that JSON has for a state.
fn word(state: &impl Serialize) -> String {
    let word = serde_json::to_value(state).ok().and_then(|word| Some(word.as_str()?.to_owned()));
    word.unwrap_or_default()
}

impl Switch {
    /// Everything that it measures. `seconds` makes a time of day, in seconds since 1970, of its own time.
    pub fn metrics(&self, now: Instant, seconds: &dyn Fn(Instant) -> f64) -> Metrics {
        let mut metrics = Metrics::default();
        metrics
            .gauge(
                "greylag_switch_info",
                "The switch: its name, and the version of the program.",
                &["switch", "version"],
            )
            .put(&[&self.config().name, env!("CARGO_PKG_VERSION")], 1);
        self.measure_ports(&mut metrics);
        self.measure_table(now, &mut metrics);
        self.measure_agents(seconds, &mut metrics);
        self.measure_bundles(&mut metrics);
        self.measure_pair(now, &mut metrics);
        self.measure_layer3(now, &mut metrics);
        metrics
    }
}
