//! Routes that the operator gives.

use crate::Switch;
use crate::config::{StaticRoute, StaticTarget};
use crate::routing::route::{Hop, Offer, RouteSource, Target};
use greylag_base::Instant;
use ipnet::IpNet;
use std::collections::BTreeSet;

impl Switch {
    /// Offers what the configuration has, and nothing else.
    pub(crate) fn settle_statics(&mut self, now: Instant) {
        let routes = self.config().routing.static_routes.clone();
        let wanted: BTreeSet<IpNet> = routes.iter().map(|route| route.prefix).collect();
        for gone in self.routing.statics.difference(&wanted).copied().collect::<Vec<_>>() {
            self.routing.rib.update(gone, RouteSource::Static, None);
        }
        for route in &routes {
            let offer = self.static_offer(route);
            self.routing.rib.update(route.prefix, RouteSource::Static, offer.as_ref());
        }
        self.routing.statics = wanted;
        self.settle_routes(now);
    }

    /// What a route is now; nothing while none of its gateways may be used.
    fn static_offer(&self, route: &StaticRoute) -> Option<Offer> {
        let target = match &route.to {
            StaticTarget::NextHops(hops) => {
                let hops = hops.iter().filter(|hop| self.may_be_used(hop)).map(|hop| {
                    let interface = hop.interface.as_ref();
                    let named = interface.and_then(|name| self.config().interface(name.as_str()));
                    Hop { address: hop.address, interface: named.map(|(id, _)| id), weight: hop.weight }
                });
                let hops: Vec<Hop> = hops.collect();
                if hops.is_empty() {
                    return None;
                }
                Target::hops(hops)
            }
            StaticTarget::Blackhole => Target::Blackhole,
            StaticTarget::Unreachable => Target::Unreachable,
            StaticTarget::Prohibit => Target::Prohibit,
        };
        Some(Offer { preference: route.preference, metric: 0, target })
    }
}
