//! From the shortest paths to routes.

use crate::event::LinkStateEvent;
use crate::routes::{NextHop, Route, RouteChange};
use crate::spf::{Graph, Reached};
use crate::system::LinkState;
use crate::wire::Link;
use core::net::IpAddr;
use greylag_base::Instant;
use ipnet::IpNet;
use std::collections::BTreeMap;

impl LinkState {
    /// Calculates the shortest paths if it is time.
    pub(crate) fn run_spf(&mut self, now: Instant) {
        let Some((trigger, waited)) = self.throttle.run(now) else { return };
        self.spf_runs += 1;
        let first: Vec<Link> = self.own_links().collect();
        let graph = Graph::new(&self.database);
        let tree = graph.shortest_paths(self.router_id(), &first);
        let mut routes: BTreeMap<IpNet, Route> = BTreeMap::new();
        let own = self.own_prefixes();
        for (router, reached) in &tree.reached {
            for announced in graph.prefixes(*router).filter(|announced| !own.contains_key(&announced.prefix))
            {
                let next_hops = self.next_hops(&first, reached, &announced.prefix);
                if next_hops.is_empty() {
                    continue;
                }
                let route =
                    Route { next_hops, metric: reached.distance.saturating_add(announced.metric.into()) };
                match routes.get_mut(&announced.prefix) {
                    Some(known) => known.join(route),
                    None => drop(routes.insert(announced.prefix, route)),
                }
            }
        }
        routes.values_mut().for_each(Route::settle);
        let (routers, links) = (tree.reached.len() as u32, tree.links);
        let changed = self.publish(routes);
        self.events.push_back(LinkStateEvent::SpfRan { trigger, waited, routers, links, changed });
    }

    /// The gateways of one family that lead to a router.
    fn next_hops(&self, first: &[Link], reached: &Reached, prefix: &IpNet) -> Vec<NextHop> {
        let gateway = |link: &Link| {
            let known = self.neighbors.get(&(link.interface, link.neighbor))?;
            let interface = self.interfaces.get(&link.interface)?;
            let gateway = match prefix {
                IpNet::V4(_) => interface.ipv4().and(known.ipv4).map(IpAddr::V4),
                IpNet::V6(_) => interface.ipv6().and(known.ipv6).map(IpAddr::V6),
            };
            Some(NextHop { interface: link.interface, gateway: gateway? })
        };
        reached.first.iter().filter_map(|number| gateway(&first[*number])).collect()
    }

    /// Tells what is another than before.
    fn publish(&mut self, routes: BTreeMap<IpNet, Route>) -> u32 {
        let before = std::mem::replace(&mut self.routes, routes);
        let told = self.changes.len();
        for prefix in before.keys().filter(|prefix| !self.routes.contains_key(*prefix)) {
            self.changes.push_back(RouteChange { prefix: *prefix, next_hops: Vec::new(), metric: 0 });
        }
        for (prefix, route) in
            self.routes.iter().filter(|(prefix, route)| before.get(*prefix) != Some(*route))
        {
            let Route { next_hops, metric } = route.clone();
            self.changes.push_back(RouteChange { prefix: *prefix, next_hops, metric });
        }
        (self.changes.len() - told) as u32
    }
}
