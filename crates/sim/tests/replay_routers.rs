//! Worlds with routers: hosts beyond gateways, flows that others lose, releases with faults of their own.

use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{Choice, parse};
use greylag_sim::replay::{Measured, Options, Outcome, replay};

/// Two routers over two links, and a host behind each; `link` is said of the host's link at r2, `rest` stands behind the topology.
fn run(link: &str, rest: &str) -> Outcome {
    let text = format!(
        r#"
name: routers
title: Two routers
duration: 5m
topology:
  nodes:
    r1:
      kind: greylag
      config:
        ports: {{eth1: &routed {{interface-mode: ROUTED}}, eth2: *routed, eth3: *routed}}
        interfaces:
          eth1: {{ipv4: 10.0.1.1/24, ipv6: "2001:db8:1::1/64"}}
          eth2: {{ipv4: 10.0.8.0/31, ipv6: "2001:db8:8::/127"}}
          eth3: {{ipv4: 10.0.9.0/31, ipv6: "2001:db8:9::/127"}}
        routing:
          link-state: &protocol
            interfaces: {{eth1: {{passive: true}}, eth2: {{hello-interval: 1s, dead-interval: 4s}}, eth3: {{hello-interval: 1s, dead-interval: 4s}}}}
    r2:
      kind: greylag
      config:
        ports: {{eth1: *routed, eth2: *routed, eth3: *routed}}
        interfaces:
          eth1: {{ipv4: 10.0.2.1/24, ipv6: "2001:db8:2::1/64"}}
          eth2: {{ipv4: 10.0.8.1/31, ipv6: "2001:db8:8::1/127"}}
          eth3: {{ipv4: 10.0.9.1/31, ipv6: "2001:db8:9::1/127"}}
        routing: {{link-state: *protocol}}
    h1: {{kind: host}}
    h2: {{kind: host}}
  links:
    - endpoints: ["r1:eth1", {{node: h1, interface: eth1, ipv4: 10.0.1.2/24, gateway: 10.0.1.1, ipv6: "2001:db8:1::2/64", gateway6: "2001:db8:1::1"}}]
    - endpoints: ["r1:eth2", "r2:eth2"]
    - endpoints: ["r1:eth3", "r2:eth3"]
    - {{endpoints: ["r2:eth1", {{node: h2, interface: eth1, ipv4: 10.0.2.2/24, gateway: 10.0.2.1, ipv6: "2001:db8:2::2/64", gateway6: "2001:db8:2::1"}}]{link}}}
flows:
  four: {{from: [h1], to: [h2], both-ways: true, count: 200, interval: 2s, start: 20s, stop: 290s}}
  six: {{from: [h1], to: [h2], both-ways: true, family: ipv6, count: 200, interval: 2s, start: 20s, stop: 290s}}
{rest}
"#
    );
    let scenario = parse(&Source::new("routers.yml", text), &Choice::default())
        .unwrap_or_else(|error| panic!("{}", error.render()));
    replay(&scenario, Seed(1), Options::default()).expect("the world can be made")
}

fn holds(outcome: &Outcome) {
    let wrong: Vec<_> = outcome
        .expectations
        .iter()
        .filter_map(|one| Some((&one.name, &one.measured, one.failure.as_ref()?)))
        .collect();
    let violations: Vec<_> = outcome.violations.iter().map(|violation| &violation.text).collect();
    assert!(outcome.holds, "{wrong:#?} {violations:#?} {:?}", outcome.missing_violations);
}

/// Next hops of IPv6 are link-local: they are asked for again and again, and always answer.
#[test]
fn hosts_reach_each_other_beyond_their_gateways_over_both_families() {
    holds(&run(
        "",
        "expect:
  - {name: four, flows: four, from: 20s, unhurt: [1, 1]}
  - {name: six, flows: six, from: 20s, unhurt: [1, 1]}
  - {name: known, event: neighbor-failed, most: 0}
  - {name: green, monitoring: [r1, r2], from: 20s, most: 0}
  - {name: tried, event: paths-checked, on: r1, where: {lost: 0}}
timeline: [{at: 1m, check-paths: {switch: r1}}, {at: 1m, check-fib: {switch: r1}}]
",
    ));
}

#[test]
fn a_network_that_loses_some_flows_loses_all_of_them_and_nothing_of_others() {
    let outcome = run(
        ", loses: {share: 0.1, in: transit-a, family: ipv6}",
        "expect:
  - {name: four, flows: four, from: 20s, unhurt: [1, 1]}
  - {name: six, flows: six, from: 20s, failing: [0.05, 0.15], unhurt: [0.85, 0.95], avoidable: [1, 1], by: {transit: [1, 1]}}
",
    );
    holds(&outcome);
    let Measured::Flows { flows, failing, unhurt, .. } = outcome.expectations[1].measured else { panic!() };
    assert_eq!(failing + unhurt, flows, "for good, or never");
    let text = outcome
        .flows
        .iter()
        .flat_map(|flow| &flow.black_holes)
        .filter_map(|hole| hole.cause.as_ref())
        .map(|cause| cause.text.clone());
    let mut texts: Vec<String> = text.collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts, ["h2 · lost in transit-a, beyond h2:eth1", "r2 · lost in transit-a, beyond r2:eth1"]);

    let pairs = run(
        ", loses: {share: 1, by: pair, in: transit-a, family: ipv4}",
        "expect:
  - {name: four, flows: four, from: 20s, failing: [1, 1], avoidable: [0, 0]}
  - {name: six, flows: six, from: 20s, unhurt: [1, 1]}
",
    );
    holds(&pairs);
}

/// Nobody orders a fault: the release has it.
#[test]
fn a_release_has_its_faults_from_the_moment_it_starts() {
    holds(&run(
        "",
        "versions:
  old: {at-start: [r1, r2], boot: 10s}
  new: {boot: 10s, faults: [{drop-writes: {family: ipv6}}], flow-hash: {seed: 7}}
timeline:
  - {at: 60s, upgrade: {switch: r1, version: new}}
  - {at: 125s, check-fib: {switch: r1}}
  - {at: 180s, upgrade: {switch: r1, version: old}}
  - {at: 250s, check-fib: {switch: r1}}
checkers: {silence: 1m, disagreement: 2m}
expect:
  - {name: well-with-the-old-one, flows: six, from: 20s, until: 59s, unhurt: [1, 1]}
  - {name: starts, event: switch-started, on: r1, least: 3, most: 3}
  - {name: other-seed, event: config-committed, on: r1, where: {author: version new}, least: 1, most: 1}
  - {name: four-is-well, flows: four, from: 90s, until: 179s, unhurt: [1, 1]}
  - {name: six-is-not, flows: six, from: 62s, until: 179s, failing: [1, 1]}
  - {name: where, black-hole: six, cause: no-route}
  - {name: check-finds, fib-conflicts: r1, at: 126s, least: 4}
  - {name: back, flows: six, from: 230s, unhurt: [1, 1]}
  - {name: nothing-left, fib-conflicts: r1, at: 251s, most: 0}
violations: [no-black-hole]
",
    ));
}
