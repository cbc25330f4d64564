//! What the data plane does with the bundles of a switch.
//!
//! The LACP agent decides it; it stays when the agent is gone. A link that is down is taken out whoever lives: no
//! agent is asked for that, and none can be late.

use greylag_base::PortId;
use greylag_dataplane::Buckets;
use greylag_lacp::Member;
use std::collections::{BTreeMap, BTreeSet};

/// All bundles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lags {
    lags: BTreeMap<PortId, Lag>,
    /// Ports that are taken from, as the agent has decided.
    collecting: BTreeSet<PortId>,
}

#[derive(Clone, Debug, Default)]
struct Lag {
    /// Ports that frames may leave by, as the agent has decided; empty while the bundle is down.
    distributing: Vec<PortId>,
    buckets: Buckets<PortId>,
}

impl Lags {
    /// What the agent says of a port.
    pub(super) fn set_member(&mut self, port: PortId, member: Member) {
        if member.collecting {
            self.collecting.insert(port);
        } else {
            self.collecting.remove(&port);
        }
    }

    /// What the agent says of a bundle.
    pub(super) fn set_distributing(&mut self, lag: PortId, distributing: Vec<PortId>) {
        self.lags.entry(lag).or_default().distributing = distributing;
    }

    /// Frames of the bundle can leave, as far as the agent and `link_up` tell.
    pub(super) fn is_up(&self, lag: PortId, link_up: impl Fn(PortId) -> bool) -> bool {
        self.lags.get(&lag).is_some_and(|lag| lag.distributing.iter().any(|&port| link_up(port)))
    }

    /// What comes in by a port of a bundle is taken.
    pub(crate) fn collects(&self, port: PortId) -> bool {
        self.collecting.contains(&port)
    }

    /// Deals the flows of a bundle to the ports that they can leave by. With `resilient`, those whose port has not gone stay.
    pub(super) fn deal(&mut self, lag: PortId, resilient: bool, link_up: impl Fn(PortId) -> bool) {
        let lag = self.lags.entry(lag).or_default();
        let members: Vec<PortId> = lag.distributing.iter().copied().filter(|&port| link_up(port)).collect();
        lag.buckets =
            if resilient { Buckets::resilient(&lag.buckets, &members) } else { Buckets::even(&members) };
    }

    /// By which port the flows of a bundle leave.
    pub(crate) fn buckets(&self, lag: PortId) -> Buckets<PortId> {
        self.lags.get(&lag).map(|lag| lag.buckets.clone()).unwrap_or_default()
    }
}
