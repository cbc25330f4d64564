//! `forwarding-needs-learning`: a port of a bundle that collects and distributes belongs to a switch whose learning agent lives.
//!
//! Such a port tells its neighbour, again and again, to send here. [`no-mute-switch`](super::no_mute_switch) sees frames that are
//! forwarded all the same; here none is needed.

use greylag_base::Instant;
use std::collections::BTreeMap;

pub(crate) const NAME: &str = "forwarding-needs-learning";

/// What is known of a switch.
#[derive(Default)]
struct Switch {
    /// Since when each port collects and distributes.
    ports: BTreeMap<String, Instant>,
    told: bool,
}

/// Listens to what the switches tell of the ports of their bundles.
pub(crate) struct ForwardingNeedsLearning(Vec<Switch>);

impl ForwardingNeedsLearning {
    pub(crate) fn new(nodes: usize) -> Self {
        ForwardingNeedsLearning((0..nodes).map(|_| Switch::default()).collect())
    }

    /// A port of a bundle both collects and distributes from now on, or not.
    pub(crate) fn changed(&mut self, at: Instant, switch: usize, port: &str, passes: bool) {
        let ports = &mut self.0[switch].ports;
        if !passes {
            ports.remove(port);
        } else if !ports.contains_key(port) {
            ports.insert(port.to_owned(), at);
        }
    }

    /// A switch has lost its power, or has it again.
    pub(crate) fn powered(&mut self, switch: usize) {
        self.0[switch] = Switch::default();
    }

    /// Looks at a switch whose learning agent is dead since then, or lives. Gives the port that has passed frames on since its death
    /// for longest, and since when, once for each death.
    pub(crate) fn look(
        &mut self,
        at: Instant,
        switch: usize,
        dead: Option<Instant>,
    ) -> Option<(&str, Instant)> {
        let Switch { ports, told } = &mut self.0[switch];
        let Some(dead) = dead.filter(|dead| *dead <= at) else {
            *told = false;
            return None;
        };
        if std::mem::replace(told, !ports.is_empty() || *told) {
            return None;
        }
        let (port, since) = ports.iter().min_by_key(|(_, since)| **since)?;
        Some((port, dead.max(*since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_port_that_passes_frames_of_a_switch_without_learning_is_told_once_for_each_death() {
        let mut checker = ForwardingNeedsLearning::new(1);
        assert_eq!(checker.look(at(1), 0, Some(at(1))), None, "it passes none");
        checker.changed(at(2), 0, "eth1", true);
        checker.changed(at(3), 0, "eth2", true);
        assert_eq!(checker.look(at(4), 0, Some(at(5))), None, "not yet");
        assert_eq!(checker.look(at(6), 0, Some(at(5))), Some(("eth1", at(5))));
        assert_eq!(checker.look(at(7), 0, Some(at(5))), None);
        assert_eq!(checker.look(at(8), 0, None), None);
        checker.changed(at(8), 0, "eth1", false);
        assert_eq!(checker.look(at(9), 0, Some(at(9))), Some(("eth2", at(9))));
    }
}
