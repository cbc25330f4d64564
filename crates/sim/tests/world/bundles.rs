//! Switches that are joined by bundles: what comes of chance, which way flows go, and what the onlookers of a replay say.

use crate::rig::{Notes, after, scenario, world};
use greylag_base::{MacAddr, Seed};
use greylag_scenario::story::{Action, LinkChange, Scenario, SeenBy};
use greylag_sim::World;
use greylag_sim::replay::{Options, Outcome, replay};
use greylag_switch::{Event, LacpEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// h1 and h2 at sw1, h3 and h4 at sw2, and a bundle of two links between them; `rest` is what stands behind the topology.
fn pair(sw1: &str, sw2: &str, rest: &str) -> Scenario {
    scenario(&format!(
        r#"
name: pair
title: A test
duration: 60s
topology:
  nodes:
    sw1: {{kind: greylag, config: {{{sw1} ports: {{eth8: {{aggregate-id: ae0}}, eth9: {{aggregate-id: ae0}}, ae0: {{type: lag, interval: FAST}}}}}}}}
    sw2: {{kind: greylag, config: {{{sw2} ports: {{eth8: {{aggregate-id: ae0}}, eth9: {{aggregate-id: ae0}}, ae0: {{type: lag, interval: FAST}}}}}}}}
    h1: {{kind: host}}
    h2: {{kind: host}}
    h3: {{kind: host}}
    h4: {{kind: host}}
  links:
    - endpoints: ["sw1:eth8", "sw2:eth8"]
    - endpoints: ["sw1:eth9", "sw2:eth9"]
    - endpoints: ["sw1:eth1", {{node: h1, interface: eth1, ipv4: 10.0.0.1/24}}]
    - endpoints: ["sw1:eth2", {{node: h2, interface: eth1, ipv4: 10.0.0.2/24}}]
    - endpoints: ["sw2:eth1", {{node: h3, interface: eth1, ipv4: 10.0.0.3/24}}]
    - endpoints: ["sw2:eth2", {{node: h4, interface: eth1, ipv4: 10.0.0.4/24}}]
flows:
  web: {{from: [h1, h2], to: [h3, h4], both-ways: true, count: 4, interval: 60ms, start: 10s}}
{rest}
"#
    ))
}

const MEMBERS: [usize; 2] = [0, 1];

/// sw1 has a bundle with one link to sw2 and one to sw3; each has a host.
fn three(bundle: &str, sw2: &str, sw3: &str, rest: &str) -> Scenario {
    scenario(&format!(
        r#"
name: three
title: A test
duration: 60s
topology:
  nodes:
    sw1: {{kind: greylag, config: {{ports: {{eth8: {{aggregate-id: ae0}}, eth9: {{aggregate-id: ae0}}, ae0: {{type: lag, interval: FAST{bundle}}}}}}}}}
    sw2: {{kind: greylag, config: {{{sw2}}}}}
    sw3: {{kind: greylag, config: {{{sw3}}}}}
    h1: {{kind: host}}
    h2: {{kind: host}}
    h3: {{kind: host}}
  links:
    - endpoints: ["sw1:eth8", "sw2:eth9"]
    - endpoints: ["sw1:eth9", "sw3:eth9"]
    - endpoints: ["sw1:eth1", {{node: h1, interface: eth1, ipv4: 10.0.0.1/24}}]
    - endpoints: ["sw2:eth1", {{node: h2, interface: eth1, ipv4: 10.0.0.2/24}}]
    - endpoints: ["sw3:eth1", {{node: h3, interface: eth1, ipv4: 10.0.0.3/24}}]
{rest}
"#
    ))
}

fn judge(scenario: &Scenario) -> Outcome {
    replay(scenario, scenario.seed, Options::default()).expect("the world can be made")
}

/// Which checkers complained, about which nodes.
fn charges(outcome: &Outcome) -> Vec<(&str, &str)> {
    outcome.violations.iter().map(|charge| (charge.checker, charge.node.as_deref().unwrap_or("-"))).collect()
}

/// When each port of a bundle began to send, as a switch tells it.
fn begins(world: &World<Notes>, switch: usize) -> BTreeMap<String, Duration> {
    let mut begins = BTreeMap::new();
    for record in world.switch(switch).expect("it has power").events().after(0) {
        if let Event::Lacp(LacpEvent::LagMemberChanged { port, distributing: true, .. }) = &record.event {
            begins.entry(port.clone()).or_insert(record.at - greylag_base::Instant::ZERO);
        }
    }
    begins
}

/// The addresses that LACPDUs on a link come from, and when the first one arrives at each end.
fn first_pdus(world: &mut World<Notes>) -> Vec<(u64, MacAddr)> {
    let arrived = &world.observer().arrived;
    let pdus = arrived
        .iter()
        .filter(|(_, link, ..)| MEMBERS.contains(link))
        .filter(|(.., frame)| frame[..6] == [1, 0x80, 0xc2, 0, 0, 2]);
    let mut first = BTreeMap::new();
    for (at, link, to, frame) in pdus {
        let source = MacAddr(frame[6..12].try_into().expect("six octets"));
        first.entry((*link, *to)).or_insert((at.as_nanos(), source));
    }
    first.into_values().collect()
}

#[test]
fn frames_of_one_flow_go_one_way_and_stay_in_order() {
    let mut world = world(&pair("", "", ""));
    world.run_until(after(60 * SECOND));
    let flows = world.flows().to_vec();
    assert_eq!(flows.len(), 32);
    for flow in &flows {
        let record = world.flow_record(flow, SECOND);
        assert_eq!((record.lost, record.reordered, record.duplicated), (0, 0, 0));
    }
    let mut ways: BTreeMap<(usize, Vec<u8>), BTreeSet<usize>> = BTreeMap::new();
    for (_, link, to, frame) in &world.observer().arrived {
        let is_udp = frame[12..14] == [8, 0] && frame[23] == 17;
        if MEMBERS.contains(link) && is_udp {
            // Addresses and ports.
            ways.entry((*to, frame[26..38].to_vec())).or_default().insert(*link);
        }
    }
    assert_eq!(ways.len(), 32);
    assert!(ways.values().all(|links| links.len() == 1), "{ways:?}");
    for to in [0, 1] {
        let used: BTreeSet<usize> =
            ways.iter().filter(|((end, _), _)| *end == to).flat_map(|(_, links)| links.clone()).collect();
        assert_eq!(used.len(), 2, "both links are used");
    }
}

#[test]
fn a_flow_leaves_a_link_that_is_cut_at_once_and_others_stay() {
    let mut world = world(&pair("", "", ""));
    world.run_until(after(20 * SECOND));
    let cut = LinkChange::Down { seen_by: SeenBy::Both };
    world.order(&Action::Link { link: MEMBERS[0], change: cut });
    world.run_until(after(60 * SECOND));
    let flows = world.flows().to_vec();
    let lost: u64 = flows.iter().map(|flow| world.flow_record(flow, SECOND).lost).sum();
    // What was on the link: 5 µs of it.
    assert!(lost <= 2, "{lost} probes");
}

#[test]
fn the_same_seed_is_the_same_bundle_and_another_seed_has_other_phases_and_addresses() {
    let scenario = pair("", "", "");
    let run = |seed: u64| {
        let mut world = World::new(&scenario, Seed(seed), Notes::default()).expect("the world can be made");
        world.run_until(after(12 * SECOND));
        let pdus = first_pdus(&mut world);
        (world.observer().log.clone(), pdus, begins(&world, 0))
    };
    assert!(run(1) == run(1));
    let mut phases = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let mut leaders = BTreeSet::new();
    for seed in 1..=8 {
        let (_, pdus, begins) = run(seed);
        assert_eq!((pdus.len(), begins.len()), (4, 2), "seed {seed}");
        let earliest = pdus.iter().map(|(at, _)| *at).min().expect("somebody speaks");
        let first = pdus.iter().position(|(at, _)| *at == earliest);
        leaders.insert(first);
        phases.insert(pdus.iter().map(|(at, _)| *at).collect::<Vec<_>>());
        addresses.extend(pdus.iter().map(|(_, source)| *source));
    }
    assert_eq!((phases.len(), addresses.len()), (8, 32));
    assert!(leaders.len() > 1, "it is not always the same port that comes first");
}

#[test]
fn a_switch_that_was_without_power_has_its_bundle_back_and_the_same_address() {
    let mut world = world(&pair("", "", ""));
    world.run_until(after(20 * SECOND));
    let before: BTreeSet<MacAddr> = first_pdus(&mut world).into_iter().map(|(_, source)| source).collect();
    world.order(&Action::PowerOff { switch: 1 });
    assert!(!world.switch(0).expect("it has power").ports()[2].is_up(), "its partner sees that at once");
    world.order(&Action::PowerOn { switch: 1, boot: 5 * SECOND });
    world.run_until(after(30 * SECOND));
    world.observer().arrived.clear();
    world.run_until(after(60 * SECOND));
    let after: BTreeSet<MacAddr> = first_pdus(&mut world).into_iter().map(|(_, source)| source).collect();
    assert_eq!(before, after);
    let flows = world.flows().to_vec();
    for flow in &flows {
        let record = world.flow_record(flow, SECOND);
        assert!(record.black_holes.iter().all(|hole| hole.until < crate::rig::after(30 * SECOND)));
    }
}

#[test]
fn where_a_partner_does_not_collect_any_more_the_cause_says_so_with_port_bundle_and_agent() {
    let hang = r#"
timeline:
  - {at: 20s, fault: {switch: sw1, hang: {agent: lacp}}}
expect:
  - {name: hole, black-hole: web, at: 23s, tolerance: 1500ms, lasts: [36s, 39s], cause: not-collecting}
# sw2 has lost its bundle and what was behind it, and floods what is for h1 and h2.
violations: [no-black-hole, no-lasting-flood]
"#;
    let outcome = judge(&pair("", "", hang));
    assert!(outcome.holds, "{:#?} {:#?}", outcome.expectations, outcome.violations);
    let to_sw2 = outcome.flows.iter().find(|flow| flow.from == "h1" && !flow.black_holes.is_empty());
    let cause = to_sw2.and_then(|flow| flow.black_holes[0].cause.as_ref()).expect("its frames were seen");
    assert_eq!((cause.node.as_str(), cause.lag.as_deref()), ("sw2", Some("ae0")));
    let port = cause.port.as_deref().expect("it came in somewhere");
    assert_eq!(cause.text, format!("sw2 · not-collecting at {port} of ae0"));
}

#[test]
fn a_bundle_without_lacp_to_two_switches_has_two_partners() {
    let outcome = judge(&three(", lacp-mode: STATIC", "", "", "violations: [one-partner-per-bundle]"));
    assert!(outcome.holds, "{:#?}", outcome.violations);
    assert_eq!(charges(&outcome), [("one-partner-per-bundle", "sw1")]);
    assert!(
        outcome.violations[0].text.contains("eth8 to sw2, eth9 to sw3"),
        "{}",
        outcome.violations[0].text
    );
}

/// A bundle of one link that shows an id which may be another's, too.
fn leg(offset: u16) -> String {
    format!(
        r#"lacp: {{system-id-mac: "02:00:00:00:00:cc", port-number-offset: {offset}}}, ports: {{eth9: {{aggregate-id: ae0}}, ae0: {{type: lag, interval: FAST, admin-key: 7}}}}"#
    )
}

const REVERTS: &str = r#"
timeline:
  - {at: 20s, commit: {switch: sw3, patch: {lacp: {system-id-mac: "02:00:00:00:00:03"}}, author: ops}}
"#;

#[test]
fn two_switches_that_show_one_id_are_one_partner_until_one_of_them_reverts() {
    let chassis = three("", &leg(0), &leg(100), "");
    let outcome = judge(&chassis);
    assert!(outcome.holds, "{:#?}", outcome.violations);
    let distributing = |world: &World<Notes>| {
        let events = world.switch(0).expect("it has power").events();
        let last = events.after(0).filter_map(|record| match &record.event {
            Event::Lacp(LacpEvent::LagChanged { distributing, .. }) => Some(distributing.len()),
            _ => None,
        });
        last.last()
    };
    let mut world = world(&chassis);
    world.run_until(after(20 * SECOND));
    assert_eq!(distributing(&world), Some(2), "both legs are used");

    let reverts = three("", &leg(0), &leg(100), REVERTS);
    let outcome = judge(&reverts);
    assert!(outcome.holds, "LACP keeps one leg: {:#?}", outcome.violations);
    let mut world = crate::rig::world(&reverts);
    world.run_until(after(20 * SECOND));
    world.order(&reverts.timeline[0].action);
    world.run_until(after(40 * SECOND));
    assert_eq!(distributing(&world), Some(1));
}

#[test]
fn an_agent_that_hangs_keeps_two_partners_that_were_one() {
    let rest = REVERTS
        .replace("timeline:", "timeline:\n  - {at: 19s, fault: {switch: sw1, hang: {agent: lacp}}}")
        + "violations: [one-partner-per-bundle]";
    let outcome = judge(&three("", &leg(0), &leg(100), &rest));
    assert!(outcome.holds, "{:#?}", outcome.violations);
    let charge = &outcome.violations[0];
    assert!(charge.at > after(22 * SECOND) && charge.text.contains("02:00:00:00:00:03"), "{charge:?}");
}

#[test]
fn ports_of_a_switch_whose_learning_agent_is_dead_should_not_collect_and_distribute() {
    let crash = |violations: &str| {
        format!(
            "timeline:\n  - {{at: 20s, fault: {{switch: sw1, crash: {{}}}}}}\nviolations: [{violations}]\n"
        )
    };
    let agent = "learning: {mode: agent}, supervisor: {restart: false},";
    let outcome = judge(&pair(agent, "", &crash("forwarding-needs-learning, no-mute-switch")));
    let found = charges(&outcome);
    assert!(found.contains(&("forwarding-needs-learning", "sw1")), "{found:?}");
    assert!(!found.contains(&("forwarding-needs-learning", "sw2")), "{found:?}");
    // Where workers learn, nobody needs the agent.
    assert!(charges(&judge(&pair("supervisor: {restart: false},", "", &crash("")))).is_empty());
}
