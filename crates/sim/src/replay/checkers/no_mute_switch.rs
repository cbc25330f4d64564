//! `no-mute-switch`: a switch that leaves learning to an agent forwards only while that agent lives.
//!
//! Its ports are up, and its neighbours go on sending to it: the failure that this project is about. An agent that
//! was given up is dead at once, one that is to be started again when it has been dead for as long as a flow may be
//! silent.

use crate::replay::chronicle::Life;
use greylag_base::Instant;
use std::time::Duration;

pub(crate) const NAME: &str = "no-mute-switch";

#[derive(Clone, Copy)]
enum Agent {
    /// Lives, or there is none.
    Lives,
    /// Frames that are forwarded from this moment on are held against the switch, once.
    Dead { from: Instant, told: bool },
}

/// Watches the learning agents.
pub(crate) struct NoMuteSwitch {
    patience: Duration,
    agents: Vec<Agent>,
}

impl NoMuteSwitch {
    pub(crate) fn new(nodes: usize, patience: Duration) -> Self {
        NoMuteSwitch { patience, agents: vec![Agent::Lives; nodes] }
    }

    /// The learning agent of a switch has taken a turn.
    pub(crate) fn turned(&mut self, at: Instant, switch: usize, life: Life) {
        let agent = &mut self.agents[switch];
        *agent = match (life, *agent) {
            (Life::Running | Life::Slow | Life::Hung, _) => Agent::Lives,
            (_, told @ Agent::Dead { told: true, .. }) => told,
            (Life::Failed, _) => Agent::Dead { from: at, told: false },
            (Life::Ended, dead @ Agent::Dead { .. }) => dead,
            (Life::Ended, Agent::Lives) => Agent::Dead { from: at + self.patience, told: false },
        };
    }

    /// A switch has lost its power, or has it again: its agents are new.
    pub(crate) fn powered(&mut self, switch: usize) {
        self.agents[switch] = Agent::Lives;
    }

    /// A switch has forwarded a frame. True when its agent is dead, once for each death.
    pub(crate) fn forwarded(&mut self, at: Instant, switch: usize) -> bool {
        match &mut self.agents[switch] {
            Agent::Dead { from, told } if at >= *from => !std::mem::replace(told, true),
            _ => false,
        }
    }

    /// Since when the learning agent of a switch counts as dead, or will.
    pub(crate) fn dead_since(&self, switch: usize) -> Option<Instant> {
        match self.agents[switch] {
            Agent::Lives => None,
            Agent::Dead { from, .. } => Some(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_switch_that_forwards_with_a_dead_agent_is_told_once() {
        let mut checker = NoMuteSwitch::new(1, Duration::from_secs(3));
        checker.turned(at(1), 0, Life::Ended);
        assert!(!checker.forwarded(at(2), 0));
        checker.turned(at(3), 0, Life::Failed);
        assert_eq!([checker.forwarded(at(3), 0), checker.forwarded(at(4), 0)], [true, false]);
        checker.turned(at(5), 0, Life::Ended);
        assert!(!checker.forwarded(at(60), 0));
    }

    #[test]
    fn an_agent_that_is_soon_back_is_forgiven() {
        let mut checker = NoMuteSwitch::new(2, Duration::from_secs(3));
        for second in [10, 20, 30] {
            checker.turned(at(second), 0, Life::Ended);
            assert!(!checker.forwarded(at(second + 2), 0));
            checker.turned(at(second + 2), 0, Life::Running);
            assert!(!checker.forwarded(at(second + 9), 0));
        }
        checker.turned(at(40), 1, Life::Failed);
        checker.powered(1);
        assert!(!checker.forwarded(at(41), 1));
    }
}
