//! What the data plane does with the bundles of a switch.
//!
//! The LACP agent decides it; it stays when the agent is gone. A link that is down is taken out whoever lives: no
//! agent is asked for that, and none can be late. It comes back when the agent says so.

use greylag_base::PortId;
use greylag_dataplane::Buckets;
use greylag_lacp::Member;
use std::collections::{BTreeMap, BTreeSet};

/// All bundles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lags(BTreeMap<PortId, Lag>);

#[derive(Clone, Debug, Default)]
struct Lag {
    /// Ports that are taken from, as the agent has decided.
    collecting: BTreeSet<PortId>,
    /// Ports that frames may leave by, as the agent has decided, in their order; empty while the bundle is down.
    distributing: BTreeSet<PortId>,
    /// Ports that an agent left behind when it ended, and that the next one has not decided over.
    left_behind: BTreeSet<PortId>,
    buckets: Buckets<PortId>,
}

impl Lags {
    /// What the agent says of a port.
    pub(super) fn set_member(&mut self, lag: PortId, port: PortId, member: Member) {
        let lag = self.0.entry(lag).or_default();
        lag.left_behind.remove(&port);
        if member.collecting {
            lag.collecting.insert(port);
        } else {
            lag.collecting.remove(&port);
        }
        if !member.distributing {
            lag.distributing.remove(&port);
        }
    }

    /// What the agent says of a bundle. Ports that another agent left behind go on as they were.
    pub(super) fn set_distributing(&mut self, lag: PortId, distributing: &[PortId]) {
        let lag = self.0.entry(lag).or_default();
        lag.distributing.retain(|port| lag.left_behind.contains(port));
        lag.distributing.extend(distributing);
    }

    /// An agent is gone, or another one has begun: what it had decided is nobody's.
    pub(super) fn leave_behind(&mut self) {
        for lag in self.0.values_mut() {
            lag.left_behind = lag.collecting.union(&lag.distributing).copied().collect();
        }
    }

    /// The ports that another agent left behind, each with its bundle.
    pub(super) fn left_behind(&self) -> Vec<(PortId, PortId)> {
        self.0.iter().flat_map(|(lag, state)| state.left_behind.iter().map(|port| (*lag, *port))).collect()
    }

    /// Takes out of a bundle all ports that `stays` does not keep, and says which they are.
    pub(super) fn retain(&mut self, lag: PortId, stays: impl Fn(PortId) -> bool) -> Vec<PortId> {
        let Some(lag) = self.0.get_mut(&lag) else { return Vec::new() };
        let gone = lag.collecting.union(&lag.distributing).copied().filter(|&port| !stays(port)).collect();
        for ports in [&mut lag.collecting, &mut lag.distributing, &mut lag.left_behind] {
            ports.retain(|&port| stays(port));
        }
        gone
    }

    /// The ports that frames of the bundle leave by.
    pub(super) fn distributing(&self, lag: PortId) -> Vec<PortId> {
        self.0.get(&lag).map(|lag| lag.distributing.iter().copied().collect()).unwrap_or_default()
    }

    /// Frames of the bundle can leave.
    pub(crate) fn is_up(&self, lag: PortId) -> bool {
        self.0.get(&lag).is_some_and(|lag| !lag.distributing.is_empty())
    }

    /// What comes in by a port of a bundle is taken.
    pub(super) fn collects(&self, lag: PortId, port: PortId) -> bool {
        self.0.get(&lag).is_some_and(|lag| lag.collecting.contains(&port))
    }

    /// Deals the flows of a bundle to the ports that they can leave by. With `resilient`, those whose port has not gone stay.
    pub(super) fn deal(&mut self, lag: PortId, resilient: bool) {
        let lag = self.0.entry(lag).or_default();
        let members: Vec<PortId> = lag.distributing.iter().copied().collect();
        lag.buckets =
            if resilient { Buckets::resilient(&lag.buckets, &members) } else { Buckets::even(&members) };
    }

    /// By which port the flows of a bundle leave.
    pub(crate) fn buckets(&self, lag: PortId) -> Buckets<PortId> {
        self.0.get(&lag).map(|lag| lag.buckets.clone()).unwrap_or_default()
    }
}
