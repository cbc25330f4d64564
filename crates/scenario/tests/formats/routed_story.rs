//! Scenarios of routers: gateways, releases, checks, what single flows do; and what is wrong with them.

use greylag_scenario::Source;
use greylag_scenario::story::{
    self, Action, Choice, ExpectedOutcome, Finding, FlowLoss, LinkChange, LostBy, Scenario,
};
use greylag_switch::fault::Fault;
use std::time::Duration;

/// Two routers, two links, a host behind each.
const FILE: &str = r#"
name: routed
title: Two routers
duration: 10m
topology:
  nodes:
    r1: &router
      kind: greylag
      config:
        ports: {eth1: &port {interface-mode: ROUTED}, eth2: *port}
        interfaces:
          eth1: {ipv4: 10.0.1.1/24, ipv6: "2001:db8:1::1/64"}
          eth2: {ipv4: 10.0.9.0/31}
        routing: {link-state: {interfaces: {eth2: {metric: 7}}}}
    r2:
      kind: greylag
      config:
        ports: {eth1: *port, eth2: *port}
        interfaces: {eth1: {ipv4: 10.0.2.1/24}, eth2: {ipv4: 10.0.9.1/31}}
        routing:
          link-state: {interfaces: {eth2: {}}}
          bgp: {as: 64500, neighbors: {10.0.9.0: {peer-as: 64501}, 10.0.2.9: {peer-as: 64502}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["r1:eth1", {node: h1, interface: eth1, ipv4: 10.0.1.2/24, gateway: 10.0.1.1, ipv6: "2001:db8:1::2/64", gateway6: "fe80::1"}]
    - {endpoints: ["r1:eth2", "r2:eth2"], loses: {share: 0.25, by: pair, family: ipv6, in: transit-a}}
    - endpoints: ["r2:eth1", {node: h2, interface: eth1, ipv4: 10.0.2.2/24, gateway: 10.0.2.1}]
flows:
  web: {from: [h1], to: [h2], count: 5}
  back: {answers: web, interval: 2s}
versions:
  v1: {at-start: r1, boot: 2m}
  v2: {faults: [{stale-members: {family: ipv6}}, {restart: {}}], flow-hash: {seed: 7}}
"#;

fn read(rest: &str) -> Result<Scenario, String> {
    story::parse(&Source::new("x.yml", format!("{FILE}{rest}")), &Choice::default())
        .map_err(|error| error.to_string())
}

fn right(rest: &str) -> Scenario {
    read(rest).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_host_has_gateways_and_a_link_loses_flows() {
    let scenario = right("");
    let host = &scenario.lab.links[0].ends[1];
    assert_eq!((host.gateway, host.gateway6), ("10.0.1.1".parse().ok(), "fe80::1".parse().ok()));
    assert_eq!(scenario.lab.links[2].ends[1].gateway6, None);
    let loses = FlowLoss { share: 0.25, by: LostBy::Pair, ipv6: Some(true), within: "transit-a".into() };
    assert_eq!(scenario.links[1].loses, Some(loses));
    assert_eq!(scenario.links[0].loses, None);
}

#[test]
fn a_version_is_what_goes_wrong_in_it() {
    let scenario = right("timeline:\n  - {at: 1m, upgrade: {switch: [r1, r2], version: v2}}\n");
    let [first, second] = &scenario.versions[..] else { panic!("two versions") };
    assert_eq!(
        (&first.at_start[..], first.boot, first.hash_seed),
        (&[0][..], Duration::from_secs(120), None)
    );
    assert_eq!(
        (second.boot, second.hash_seed, second.at_start.len()),
        (Duration::from_secs(180), Some(7), 0)
    );
    assert!(matches!(second.faults[..], [Fault::Misprogram { .. }, Fault::Restart { .. }]));
    let upgrades: Vec<_> = scenario.timeline.iter().map(|step| &step.action).collect();
    let to_second = |switch| Action::Upgrade { switch, version: Box::new(second.clone()) };
    assert_eq!(upgrades, [&to_second(0), &to_second(1)]);
}

#[test]
fn checks_and_drains_are_steps() {
    let scenario = right(
        "timeline:
  - {at: 1s, check-fib: {switch: r1, repair: true}}
  - {at: 2s, check-paths: {switch: r2}}
  - {at: 3s, drain: {switch: r1}}
  - {at: 4s, drain: {end: \"r2:eth2\"}}
  - {at: 5s, undrain: {end: \"r2:eth2\"}}
  - {at: 6s, drain: {switch: r2}}
  - {at: 7s, link: {end: \"r1:eth2\", loses: {share: 0, in: transit-a}}}
",
    );
    let actions: Vec<&Action> = scenario.timeline.iter().map(|step| &step.action).collect();
    assert_eq!(actions[0], &Action::CheckFib { switch: 0, repair: true });
    assert_eq!(actions[1], &Action::CheckPaths { switch: 1 });
    let patches: Vec<(usize, &str)> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Commit { switch, patch, .. } => Some((*switch, patch.text.as_str())),
            _ => None,
        })
        .collect();
    let metric = |metric| {
        format!(r#"{{"routing":{{"link-state":{{"interfaces":{{"eth2":{{"metric":{metric}}}}}}}}}}}"#)
    };
    let with_session = |metric: &str, away| {
        let rest = format!(r#","bgp":{{"neighbors":{{"10.0.9.0":{{"graceful-shutdown":{away}}}}}}}}}}}"#);
        metric.strip_suffix("}}").expect("a patch of routing").to_owned() + &rest
    };
    assert_eq!(
        patches,
        [
            (0, r#"{"routing":{"link-state":{"overload":true}}}"#),
            (0, metric(65_535).as_str()),
            (1, with_session(&metric(65_535), true).as_str()),
            (0, metric(7).as_str()),
            (1, with_session(&metric(10), false).as_str()),
            (
                1,
                r#"{"routing":{"link-state":{"overload":true},"bgp":{"neighbors":{"10.0.9.0":{"graceful-shutdown":true},"10.0.2.9":{"graceful-shutdown":true}}}}}"#
            ),
        ]
    );
    for (switch, patch) in patches {
        let greylag_scenario::lab::NodeKind::Greylag(config) = &scenario.lab.nodes[switch].kind else {
            panic!("a router")
        };
        let patch = story::Patch { text: patch.to_owned() };
        greylag_scenario::switch::patched(config, &patch).unwrap_or_else(|error| panic!("{error}"));
    }
    let Action::Link { change: LinkChange::Loses(loss), .. } = actions[actions.len() - 1] else {
        panic!("the last step")
    };
    assert_eq!((loss.share, loss.by), (0.0, LostBy::Flow));
}

#[test]
fn what_single_flows_do_can_be_expected() {
    let scenario = right(
        "expect:
  - {name: few, flows: web, from: 1m, until: 2m, failing: [0.001, 0.05], by: {transit: [0, 1]}}
  - {name: others, other-flows: web, before: 1m, after: 2m, least: 0.5}
  - {name: ways, asymmetric: back, most: 0.5}
  - {name: fib, fib-conflicts: r1, at: 1m, least: 1}
  - {name: paths, lost-paths: r1, most: 0}
  - {name: green, monitoring: [r1, r2], most: 0}
",
    );
    let outcomes: Vec<&ExpectedOutcome> = scenario.expectations.iter().map(|one| &one.outcome).collect();
    assert!(matches!(
        outcomes[0],
        ExpectedOutcome::Flows { failing: Some((0.001, 0.05)), unhurt: None, by: Some(_), .. }
    ));
    assert!(matches!(outcomes[1], ExpectedOutcome::OtherFlows { least: 0.5, most: 1.0, .. }));
    let found = |what, least, most| ExpectedOutcome::Found { switch: 0, what, least, most };
    let back = "back".to_owned();
    assert_eq!(outcomes[2], &ExpectedOutcome::Asymmetric { flows: back, least: 0.0, most: 0.5 });
    assert_eq!(outcomes[3], &found(Finding::FibConflicts, 1, None));
    assert_eq!(outcomes[4], &found(Finding::LostPaths, 0, Some(0)));
    assert!(matches!(outcomes[5], ExpectedOutcome::Monitoring { least: 0, most: Some(0), .. }));
}

#[test]
fn flows_that_answer_are_those_that_they_answer_the_other_way_around() {
    let scenario = right("");
    let [web, back] = &scenario.flows[..] else { panic!("two") };
    assert_eq!((web.answers, back.answers), (None, Some(0)));
    let [(from, to)] = web.pairs[..] else { panic!("one pair") };
    assert_eq!((&back.pairs[..], back.count, back.ipv6), (&[(to, from)][..], 5, false));
    assert_eq!((web.interval, back.interval), (Duration::from_secs(1), Duration::from_secs(2)));
    for (flows, wrong) in [
        ("answers: wob", "did you mean `web`?"),
        ("answers: web, from: [h1]", "`from` is that of the flows that these answer: remove it"),
        ("answers: back", "there is no flow before this one"),
    ] {
        let text = FILE.replacen("answers: web", flows, 1);
        let error =
            story::parse(&Source::new("x.yml", text), &Choice::default()).expect_err(flows).to_string();
        assert!(error.contains(wrong), "{flows}: {error}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (rest, wrong) in [
        (
            "timeline: [{at: 1s, upgrade: {switch: r1, version: v3}}]",
            "there is no version `v3`: there are v1, v2",
        ),
        ("timeline: [{at: 1s, drain: {}}]", "nothing is drained: say `switch: r1`"),
        (
            "timeline: [{at: 1s, drain: {end: \"r1:eth1\"}}]",
            "neither `link-state` nor a session of `bgp` runs over this link",
        ),
        (
            "timeline: [{at: 1s, link: {end: \"r1:eth1\", loses: {share: 0.5}}}]",
            "`in` is missing: say whose network",
        ),
        ("expect: [{name: few, flows: web}]", "this cannot fail: add how many fail"),
        ("expect: [{name: few, flows: web, failing: [0.5, 0.1]}]", "the most is below the least"),
        (
            "expect: [{name: few, flows: web, failing: [0, 1], by: {trasit: [0, 1]}}]",
            "did you mean `transit`?",
        ),
        ("expect: [{name: few, other-flows: web, before: 1m, least: 1}]", "`after` is missing: say when"),
        ("expect: [{name: few, asymmetric: web, most: 0}]", "`web` is one direction: name flows that say"),
        ("expect: [{name: few, fib-conflicts: r1}]", "this cannot fail: add `least` or `most`"),
    ] {
        let error = read(rest).expect_err(rest);
        assert!(error.contains(wrong), "{rest}: {error}");
    }
}

#[test]
fn a_gateway_is_on_the_link() {
    for (from, to, wrong) in [
        ("gateway: 10.0.1.1", "gateway: 10.0.2.1", "the host does not reach that by its `ipv4`"),
        ("gateway: 10.0.1.1", "gateway: 10.0.1.2", "the host does not reach that by its `ipv4`"),
        (
            "gateway6: \"fe80::1\"",
            "gateway6: \"2001:db8:2::1\"",
            "the host does not reach that by its `ipv6`",
        ),
        ("gateway: 10.0.2.1", "gateway6: \"fe80::1\"", "a host without `ipv6` sends nothing there"),
        (
            "interface: eth1, ipv4: 10.0.2.2/24, gateway: 10.0.2.1",
            "interface: eth1, gateway: x",
            "is not right",
        ),
    ] {
        let text = FILE.replacen(from, to, 1);
        assert_ne!(text, FILE);
        let error = story::parse(&Source::new("x.yml", text), &Choice::default()).expect_err(to).to_string();
        assert!(error.contains(wrong), "{to}: {error}");
    }
    let text = FILE.replacen("  v2: {", "  v2: {at-start: [r1], ", 1);
    let error = story::parse(&Source::new("x.yml", text), &Choice::default()).expect_err("two").to_string();
    assert!(error.contains("`r1` starts with `v1` already"), "{error}");
}
