//! Who carries the flows at the end of a replay, when all that had to happen has happened.

use super::outcome::Carrier;
use greylag_base::Instant;
use greylag_scenario::story::Scenario;
use std::time::Duration;

/// The last so much of a replay is looked at, and a quarter of a short one.
const WINDOW: Duration = Duration::from_secs(10);

/// Probes that switches forwarded.
pub(super) struct Carriers {
    since: Instant,
    /// By node.
    probes: Vec<u64>,
}

impl Carriers {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let window = WINDOW.min(scenario.duration / 4);
        Carriers {
            since: Instant::ZERO + (scenario.duration - window),
            probes: vec![0; scenario.lab.nodes.len()],
        }
    }

    /// A switch has forwarded a probe.
    pub(super) fn forwarded(&mut self, at: Instant, switch: usize) {
        self.probes[switch] += u64::from(at >= self.since);
    }

    /// The switches of which the scenario has it told.
    pub(super) fn told(&self, scenario: &Scenario) -> Vec<Carrier> {
        let switches = scenario.matrix.iter().flat_map(|matrix| &matrix.switches);
        let carrier = |&switch: &usize| Carrier {
            switch: scenario.lab.nodes[switch].name.clone(),
            probes: self.probes[switch],
        };
        switches.map(carrier).collect()
    }
}
