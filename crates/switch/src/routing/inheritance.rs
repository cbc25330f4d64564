//! What protocols have told an agent that has ended: its successor goes on with it until it has heard anew, for a while.

use crate::Switch;
use crate::agent::AgentKind;
use crate::routing::route::RouteSource;
use greylag_base::Instant;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::time::Duration;

/// Routes of an agent that has ended, and that nobody has told of since.
#[derive(Default)]
pub(crate) struct Inheritance {
    routes: BTreeSet<(RouteSource, IpNet)>,
    /// By then everybody who is still there has been heard; `None` while nobody listens.
    until: Option<Instant>,
}

impl Switch {
    /// The routing agent ends: what protocols have told it is all there is for now.
    pub(crate) fn bequeath(&mut self) {
        for source in [RouteSource::Bgp, RouteSource::LinkState] {
            let routes = self.routing.rib.offered_by(source);
            self.routing.inheritance.routes.extend(routes.into_iter().map(|prefix| (source, prefix)));
        }
        self.routing.inheritance.until = None;
    }

    /// The routing agent has started: from now on others have time to tell it again.
    pub(crate) fn time_inheritance(&mut self, now: Instant) {
        if !self.routing.inheritance.routes.is_empty() && self.routing.inheritance.until.is_none() {
            self.routing.inheritance.until = Some(now + self.patience());
        }
    }

    /// As long as a neighbour may be silent, and as it may take to connect anew.
    fn patience(&self) -> Duration {
        let routing = &self.config().routing;
        let interfaces = routing.link_state.iter().flat_map(|link_state| &link_state.interfaces);
        let of_link_state = interfaces.map(|interface| interface.dead_interval);
        let neighbors = routing.bgp.iter().flat_map(|bgp| &bgp.neighbors);
        let of_bgp = neighbors.map(|neighbor| neighbor.hold_time + neighbor.connect_retry);
        of_link_state.chain(of_bgp).max().unwrap_or_default()
    }

    /// A protocol has spoken of a prefix.
    pub(crate) fn heard_of(&mut self, source: RouteSource, prefix: IpNet) {
        self.routing.inheritance.routes.remove(&(source, prefix));
    }

    /// A protocol is not spoken any more: its routes go.
    pub(crate) fn disinherit(&mut self, now: Instant, source: RouteSource) {
        self.routing.inheritance.routes.retain(|(of, _)| *of != source);
        for prefix in self.routing.rib.offered_by(source) {
            self.routing.rib.update(prefix, source, None);
        }
        self.settle_routes(now);
    }

    /// When what nobody has told of again goes.
    pub(crate) fn next_of_inheritance(&self) -> Option<Instant> {
        self.routing.inheritance.until.filter(|_| self.works(AgentKind::Routing))
    }

    pub(crate) fn run_inheritance(&mut self, now: Instant) {
        if self.next_of_inheritance().is_some_and(|until| until <= now) {
            for (source, prefix) in std::mem::take(&mut self.routing.inheritance).routes {
                self.routing.rib.update(prefix, source, None);
            }
            self.settle_routes(now);
        }
    }
}
