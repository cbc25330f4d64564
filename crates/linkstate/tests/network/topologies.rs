//! Any network, and whatever happens to it: what routers find is what an obviously right calculation finds.

use crate::driver::{Network, address, loopback, millis, secs};
use greylag_base::Seed;
use greylag_linkstate::NextHop;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const FAR: u64 = u64::MAX / 4;

/// What is there, and in which state it is.
#[derive(Clone, Debug)]
struct Plan {
    routers: usize,
    /// On each segment, who, at which cost.
    segments: Vec<Vec<(usize, u16)>>,
    down: BTreeSet<usize>,
    overload: BTreeSet<usize>,
}

/// What an operator, or a cable, may do.
#[derive(Clone, Debug)]
enum Deed {
    Carrier(usize),
    Cost(usize, u16),
    Overload(usize),
    Restart(usize),
}

impl Plan {
    /// By how much each router is away from each, going through nobody with overload (Floyd and Warshall).
    fn distances(&self) -> Vec<Vec<u64>> {
        let mut distances = vec![vec![FAR; self.routers]; self.routers];
        for (from, _, to, cost) in self.steps() {
            distances[from][to] = distances[from][to].min(cost);
        }
        for middle in (0..self.routers).filter(|router| !self.overload.contains(router)) {
            for from in 0..self.routers {
                for to in 0..self.routers {
                    let through = distances[from][middle] + distances[middle][to];
                    distances[from][to] = distances[from][to].min(through);
                }
            }
        }
        distances
    }

    /// From whom, on which segment, to whom, at which cost.
    fn steps(&self) -> Vec<(usize, usize, usize, u64)> {
        let up = self.segments.iter().enumerate().filter(|(number, _)| !self.down.contains(number));
        up.flat_map(|(number, members)| {
            members.iter().flat_map(move |(from, cost)| {
                let others = members.iter().filter(move |(to, _)| to != from);
                others.map(move |(to, _)| (*from, number, *to, u64::from(*cost)))
            })
        })
        .collect()
    }

    /// The routes to all loopbacks that a router should have.
    fn routes(
        &self,
        network: &Network,
        from: usize,
        distances: &[Vec<u64>],
    ) -> BTreeMap<ipnet::IpNet, (u32, Vec<NextHop>)> {
        let mut routes = BTreeMap::new();
        for to in (0..self.routers).filter(|to| *to != from && distances[from][*to] < FAR) {
            let mut next_hops: Vec<NextHop> = Vec::new();
            for (_, segment, next, cost) in self.steps().into_iter().filter(|step| step.0 == from) {
                let rest = match next {
                    _ if next == to => 0,
                    _ if self.overload.contains(&next) => FAR,
                    _ => distances[next][to],
                };
                if cost + rest == distances[from][to] {
                    let interface = network.end(segment, from);
                    next_hops.push(NextHop { interface, gateway: address(segment, next) });
                }
            }
            next_hops.sort_unstable();
            routes.insert(loopback(to), (distances[from][to] as u32, next_hops));
        }
        routes
    }

    fn agrees(&self, network: &Network) -> Result<(), TestCaseError> {
        let distances = self.distances();
        for router in 0..self.routers {
            let loopbacks: BTreeSet<_> = (0..self.routers).map(loopback).collect();
            let found: BTreeMap<_, _> =
                network.ribs[router].iter().filter(|(prefix, _)| loopbacks.contains(*prefix)).collect();
            let expected = self.routes(network, router, &distances);
            prop_assert_eq!(found, expected.iter().collect(), "router {} of {:?}", router, self);
        }
        Ok(())
    }

    fn network(&self, seed: u64) -> Network {
        let segments: Vec<&[(usize, u16)]> = self.segments.iter().map(Vec::as_slice).collect();
        Network::seeded(Seed(seed), self.routers, &segments, |_| {})
    }

    fn apply(&mut self, network: &mut Network, deed: &Deed) {
        match *deed {
            Deed::Carrier(segment) => {
                let segment = segment % self.segments.len();
                let was_down = self.down.remove(&segment);
                if !was_down {
                    self.down.insert(segment);
                }
                network.set_carrier(segment, was_down);
            }
            Deed::Cost(segment, cost) => {
                let number = segment % self.segments.len();
                let member = segment % self.segments[number].len();
                self.segments[number][member].1 = cost;
                let router = self.segments[number][member].0;
                let id = network.end(number, router);
                network.reconfigure(router, |config| config.interfaces[id.index()].cost = cost);
            }
            Deed::Overload(router) => {
                let router = router % self.routers;
                let had = self.overload.remove(&router);
                if !had {
                    self.overload.insert(router);
                }
                network.reconfigure(router, |config| config.overload = !had);
            }
            Deed::Restart(router) => {
                network.restart(router % self.routers);
                for segment in self.down.clone() {
                    network.set_carrier(segment, false);
                }
            }
        }
    }
}

/// Few routers, few costs: so there are many ways of equal cost.
fn plans() -> impl Strategy<Value = Plan> {
    (2_usize..9).prop_flat_map(|routers| {
        let member = (0..routers, 1_u16..5);
        let segment = proptest::collection::vec(member, 2..5).prop_map(|members| {
            let once: BTreeMap<usize, u16> = members.into_iter().collect();
            once.into_iter().collect::<Vec<_>>()
        });
        proptest::collection::vec(segment, 1..12).prop_map(move |segments| Plan {
            routers,
            segments,
            down: BTreeSet::new(),
            overload: BTreeSet::new(),
        })
    })
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        any::<usize>().prop_map(Deed::Carrier),
        (any::<usize>(), 1_u16..5).prop_map(|(segment, cost)| Deed::Cost(segment, cost)),
        any::<usize>().prop_map(Deed::Overload),
        any::<usize>().prop_map(Deed::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn all_find_the_shortest_ways(plan in plans(), seed in any::<u64>()) {
        let mut network = plan.network(seed);
        network.run(secs(40));
        plan.agrees(&network)?;
    }

    #[test]
    fn whatever_happens_all_find_the_shortest_ways_in_the_end(
        mut plan in plans(),
        deeds in proptest::collection::vec((deeds(), 0_u64..20_000), 1..12),
        loss in 0.0..0.3_f64,
        wander in 0_u64..50,
        seed in any::<u64>(),
    ) {
        let mut network = plan.network(seed);
        for segment in &mut network.segments {
            (segment.loss, segment.wander) = (loss, millis(wander));
        }
        for (deed, pause) in &deeds {
            plan.apply(&mut network, deed);
            network.run(millis(*pause));
        }
        for segment in 0..network.segments.len() {
            network.mend(segment);
        }
        network.run(secs(80));
        plan.agrees(&network)?;
    }
}

#[test]
fn two_hundred_routers() {
    // A ring with chords: what a router has to calculate when something far away goes.
    let ring = (0..200).map(|router| (router, (router + 1) % 200, 10));
    let chords = (0..200).step_by(5).map(|router| (router, (router + 37) % 200, 30));
    let links: Vec<(usize, usize, u16)> = ring.chain(chords).collect();
    let plan = Plan {
        routers: 200,
        segments: links.iter().map(|(a, b, cost)| vec![(*a, *cost), (*b, *cost)]).collect(),
        down: BTreeSet::new(),
        overload: BTreeSet::new(),
    };
    let mut network = plan.network(1);
    network.run(secs(40));
    plan.agrees(&network).unwrap();
}
