//! What the onlookers make of a world that is told to them call by call.

use super::outcome::{BlackHoleOutcome, FlowOutcome};
use super::watch::Watch;
use crate::{Decision, Happening, LinkLoss, Observer};
use greylag_base::{DropReason, Instant, MacAddr, PortId, Seed};
use greylag_scenario::story::{
    Action, CheckerLimits, Expectation, ExpectedOutcome, LinkChange, LinkSettings, Scenario, SeenBy, Standing,
};
use greylag_scenario::{Source, lab};
use greylag_switch::config::{MemberConfig, Membership};
use greylag_switch::{Event, EventRecord, LacpEvent};
use std::time::Duration;

/// h1 and h2 at sw1, h3 at sw2, and a spare cable from h2 to sw2.
const LAB: &str = r#"
name: rehearsal
topology:
  nodes:
    sw1: {kind: greylag}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, mac: "02:00:00:00:00:01"}]
    - endpoints: ["sw1:eth2", {node: h2, interface: eth1, mac: "02:00:00:00:00:02"}]
    - endpoints: ["sw2:eth1", {node: h3, interface: eth1, mac: "02:00:00:00:00:03"}]
    - endpoints: ["sw1:eth3", "sw2:eth3"]
    - endpoints: ["sw2:eth2", {node: h2, interface: eth2}]
"#;
const SW1: usize = 0;
const SW2: usize = 1;
const TRUNK: usize = 3;
const SPARE: usize = 4;

fn scenario() -> Scenario {
    scenario_of(LAB)
}

fn scenario_of(lab: &str) -> Scenario {
    let lab = lab::parse(&Source::new("rehearsal.clab.yml", lab)).expect("the lab is right");
    let settings = |up| LinkSettings {
        rate: 10_000_000_000,
        delay: Duration::from_micros(5),
        queue: 1000,
        up,
        loses: None,
    };
    Scenario {
        name: "rehearsal".into(),
        title: "A rehearsal".into(),
        lesson: None,
        hosts: vec![None; lab.nodes.len()],
        boots: vec![Duration::from_secs(180); lab.nodes.len()],
        links: (0..lab.links.len()).map(|link| settings(link != SPARE)).collect(),
        lab,
        seed: Seed(1),
        start: Duration::ZERO,
        duration: Duration::from_secs(600),
        parameters: Vec::new(),
        flows: Vec::new(),
        versions: Vec::new(),
        timeline: Vec::new(),
        pollers: Vec::new(),
        expectations: Vec::new(),
        checkers: CheckerLimits {
            passes: 8,
            silence: Duration::from_secs(3),
            flood: Duration::from_secs(30),
            disagreement: Duration::from_secs(30),
        },
        violations: Vec::new(),
        variants: Vec::new(),
        variant: None,
        matrix: None,
    }
}

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

/// Probe `sequence` of flow 0, h1 to the host whose address ends in `to`.
fn probe(to: u8, sequence: u64) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45];
    frame.resize(14 + 20 + 8, 0);
    frame[14 + 9] = 17;
    frame.extend([0x67, 0x6c, 0, 0, 0, 0]);
    frame.extend(&sequence.to_be_bytes()[2..]);
    frame.resize(60, 0);
    frame
}

/// A world that is told.
struct Stage<'a> {
    watch: Watch<'a>,
    told: u64,
}

impl<'a> Stage<'a> {
    /// Flow 0 goes to a host.
    fn new(scenario: &'a Scenario, to: usize) -> Self {
        let mut watch = Watch::new(scenario, Seed(1), None, None).expect("no file is written");
        watch.expect_flows([("web h1 to there".to_owned(), to)].into_iter());
        Stage { watch, told: 0 }
    }

    fn event(&mut self, second: u64, node: usize, event: Event) {
        self.told += 1;
        let record = EventRecord { sequence: self.told, at: at(second), event };
        self.watch.happened(at(second), node, &Happening::Switch(&record));
    }

    fn order(&mut self, second: u64, node: usize, action: &Action) {
        self.watch.happened(at(second), node, &Happening::Ordered(action));
    }

    fn decide(&mut self, second: u64, switch: usize, frame: &[u8], decision: Decision) {
        self.watch.decided(at(second), switch, PortId(0), frame, decision);
    }

    /// What is said of a hole of these probes.
    fn cause(mut self, lost: std::ops::Range<u64>) -> (Vec<String>, String) {
        let mut flows = vec![flow(lost)];
        self.watch.conclude(&mut flows, at(600));
        let cause = flows.remove(0).black_holes.remove(0).cause.expect("frames of it were seen");
        (cause.names, cause.text)
    }
}

/// A flow with one probe a second and one hole.
fn flow(lost: std::ops::Range<u64>) -> FlowOutcome {
    FlowOutcome {
        flows: "web".into(),
        from: "h1".into(),
        to: "there".into(),
        weight: 1,
        sent: 600,
        received: 600 - (lost.end - lost.start),
        lost: lost.end - lost.start,
        in_flight: 0,
        duplicates: 0,
        reordered: 0,
        span: (at(0), at(600)),
        black_holes: vec![BlackHoleOutcome {
            from: at(lost.start),
            until: at(lost.end),
            ended: true,
            first: lost.start,
            lost: lost.end - lost.start,
            cause: None,
        }],
    }
}

#[test]
fn a_frame_that_a_flood_leaves_out_dies_at_the_port_towards_its_receiver() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 4);
    for sequence in 10..20 {
        stage.decide(sequence, SW1, &probe(3, sequence), Decision::Flooded { left_out: false });
        stage.decide(sequence, SW2, &probe(3, sequence), Decision::Flooded { left_out: true });
        // The copy that h2 got is nobody's loss.
        stage.watch.arrived(at(sequence), 1, 1, &probe(3, sequence));
    }
    let (names, text) = stage.cause(10..20);
    assert_eq!(names, ["not-in-flood-group"]);
    assert_eq!(text, "sw2 · not-in-flood-group at eth1");
}

#[test]
fn a_stale_entry_is_told_with_the_move_that_made_it_one() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 3);
    let step = Action::MoveHost { link: 1, to: SPARE, announces: false };
    stage.order(5, 3, &step);
    for sequence in 6..9 {
        stage.decide(sequence, SW1, &probe(2, sequence), Decision::Forwarded(PortId(1)));
        stage.watch.perished(at(sequence), 1, 0, &probe(2, sequence), LinkLoss::Dark);
    }
    let (names, text) = stage.cause(6..9);
    assert_eq!(names, ["link-dark", "link"]);
    assert!(text.contains("sw1:eth2 - h2:eth1") && text.contains("since 00:00:05"), "{text}");

    let mut stage = Stage::new(&scenario, 3);
    stage.order(5, 3, &step);
    for sequence in 6..9 {
        stage.decide(sequence, SW1, &probe(2, sequence), Decision::Forwarded(PortId(0)));
    }
    let (names, text) = stage.cause(6..9);
    assert_eq!(names, ["stale-entry"]);
    assert_eq!(text, "sw1 · stale entry: sent to eth1, and h2 is behind eth3 since 00:00:05");
}

/// The same with a second trunk, and both are a bundle.
fn bundled() -> Scenario {
    let bundle = "{kind: greylag, config: {ports: {eth3: {aggregate-id: ae0}, eth4: {aggregate-id: ae0}, ae0: {type: lag}}}}";
    let lab = LAB.replace("{kind: greylag}", bundle);
    scenario_of(&(lab + "    - endpoints: [\"sw1:eth4\", \"sw2:eth4\"]\n"))
}

fn port(scenario: &Scenario, switch: usize, name: &str) -> PortId {
    match &scenario.lab.nodes[switch].kind {
        lab::NodeKind::Greylag(config) => config.port(name).expect("it has such a port").0,
        lab::NodeKind::Host => panic!("a host has no ports"),
    }
}

#[test]
fn causes_name_the_bundle_and_an_entry_that_points_past_it_is_a_stale_one() {
    let scenario = bundled();
    let told = |from: &str, names: &[&str], text: &str| {
        let mut stage = Stage::new(&scenario, 4);
        let sends = LacpEvent::LagChanged { lag: "ae0".into(), up: true, distributing: vec!["eth3".into()] };
        stage.event(1, SW1, Event::Lacp(sends));
        for sequence in 2..9 {
            stage.decide(sequence, SW1, &probe(3, sequence), Decision::Forwarded(port(&scenario, SW1, from)));
        }
        assert_eq!(
            stage.cause(2..9),
            (names.iter().map(|name| (*name).to_owned()).collect(), text.to_owned())
        );
    };
    told("eth3", &["vanished"], "sw1 · sent to eth3 of ae0, and never seen again");
    told("eth4", &["stale-entry"], "sw1 · stale entry: sent to eth4, by which ae0 does not send");
    told("eth2", &["stale-entry"], "sw1 · stale entry: sent to eth2, and h3 is behind ae0");
}

#[test]
fn a_port_that_joins_a_bundle_by_a_commit_is_one_of_its_ports_from_then_on() {
    let scenario = bundled();
    let lab::NodeKind::Greylag(config) = &scenario.lab.nodes[SW2].kind else { panic!("sw2 is a switch") };
    let (eth2, ae0) = (port(&scenario, SW2, "eth2"), port(&scenario, SW2, "ae0"));
    for (is_in, text) in
        [(false, "sw2 · not-collecting at eth2"), (true, "sw2 · not-collecting at eth2 of ae0")]
    {
        let mut config = config.clone();
        if is_in {
            let member = MemberConfig { lag: ae0, port_priority: None };
            config.ports[eth2.index()].membership = Membership::Aggregate(member);
        }
        let mut stage = Stage::new(&scenario, 4);
        stage.watch.configured(at(1), SW2, &config);
        for sequence in 2..6 {
            let dropped = Decision::Dropped(DropReason::NotCollecting);
            stage.watch.decided(at(sequence), SW2, eth2, &probe(3, sequence), dropped);
        }
        assert_eq!(stage.cause(2..6).1, text);
    }
}

#[test]
fn a_cut_link_is_told_and_so_is_what_most_frames_died_of() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 4);
    let change = LinkChange::Down { seen_by: SeenBy::Nobody };
    stage.order(30, SW1, &Action::Link { link: TRUNK, change });
    for sequence in 30..40 {
        stage.decide(sequence, SW1, &probe(3, sequence), Decision::Forwarded(PortId(2)));
        stage.watch.perished(at(sequence), TRUNK, 0, &probe(3, sequence), LinkLoss::Down);
    }
    stage.decide(40, SW1, &probe(3, 40), Decision::Dropped(DropReason::StormControl));
    let (names, text) = stage.cause(30..41);
    assert_eq!(names, ["link-down", "link"]);
    assert_eq!(text, "sw1 · link sw1:eth3 - sw2:eth3 is down since 00:00:30");
}

#[test]
fn a_probe_that_arrived_leaves_no_cause_behind() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 4);
    for sequence in 0..3 {
        stage.decide(sequence, SW1, &probe(3, sequence), Decision::Forwarded(PortId(2)));
        stage.decide(sequence, SW2, &probe(3, sequence), Decision::Forwarded(PortId(0)));
        if sequence != 1 {
            stage.watch.arrived(at(sequence), 2, 1, &probe(3, sequence));
        }
    }
    let mut flows = vec![flow(0..1), flow(1..2), flow(2..3)];
    let watch = &mut stage.watch;
    let causes = |flows: &mut Vec<FlowOutcome>, index: usize, watch: &mut Watch<'_>| {
        let mut one = vec![flows[index].clone()];
        watch.conclude(&mut one, at(600));
        one.remove(0).black_holes.remove(0).cause.map(|cause| cause.text)
    };
    let told: Vec<Option<String>> = (0..3).map(|index| causes(&mut flows, index, watch)).collect();
    assert_eq!(told[1].as_deref(), Some("sw2 · sent to eth1, and never seen again"));
    for other in [&told[0], &told[2]] {
        assert!(other.as_ref().is_some_and(|text| text.starts_with("h1 · it sends nothing")), "{other:?}");
    }
}

#[test]
fn the_log_is_one_line_for_each_happening_and_its_digest_is_the_same_again() {
    let scenario = scenario();
    let write = || {
        let mut lines = Vec::new();
        let mut watch = Watch::new(&scenario, Seed(1), Some(&mut lines), None).expect("memory is written");
        let up = EventRecord { sequence: 7, at: at(1), event: Event::PortUp { port: "eth1".into() } };
        watch.happened(at(1), SW1, &Happening::Power(true));
        watch.happened(at(2), SW1, &Happening::Switch(&up));
        watch.happened(at(3), 2, &Happening::Host("echo-reply", &[("from", "10.0.0.2".to_owned())]));
        watch.happened(at(4), SW2, &Happening::Lapsed(3));
        watch.happened(at(5), SW2, &Happening::Ordered(&Action::PowerOff { switch: SW2 }));
        let digest = watch.log.digest();
        watch.finish().expect("memory is written");
        (digest, String::from_utf8(lines).expect("lines are text"))
    };
    let (digest, lines) = write();
    assert_eq!(
        lines,
        r#"{"at-ns":1000000000,"node":"sw1","sequence":1,"event":"power-on"}
{"at-ns":2000000000,"node":"sw1","sequence":2,"happened-ns":1000000000,"event":"port-up","port":"eth1"}
{"at-ns":3000000000,"node":"h1","sequence":1,"event":"echo-reply","from":"10.0.0.2"}
{"at-ns":4000000000,"node":"sw2","sequence":1,"event":"entries-lapsed","entries":3}
{"at-ns":5000000000,"node":"sw2","sequence":2,"event":"ordered","action":"power-off","text":"power off"}
"#
    );
    assert_eq!(write().0, digest);
    // What sha256sum says of the lines above.
    assert_eq!(digest, "2e5c68223180c181dda7dcbccb170f03930dfd62f6a29dcebf14736525fc7bf6");
}

#[test]
fn frames_for_others_are_counted_at_the_host_that_an_expectation_names() {
    let mut scenario = scenario();
    scenario.expectations.push(Expectation {
        name: "floods".into(),
        outcome: ExpectedOutcome::ForeignUnicast {
            host: 3,
            from: Duration::from_secs(1),
            until: Duration::from_secs(3),
            least: 1,
            most: None,
        },
        at: None,
        tolerance: Duration::ZERO,
        standing: Standing::Assumed,
        source: None,
        unexplained: None,
    });
    let mut stage = Stage::new(&scenario, 4);
    for second in 0..5 {
        stage.watch.arrived(at(second), 1, 1, &probe(3, second));
        // Its own, and those of another host.
        stage.watch.arrived(at(second), 1, 1, &probe(2, second));
        stage.watch.arrived(at(second), 0, 1, &probe(3, second));
    }
    let evidence = super::judge::Evidence {
        lab: &scenario.lab,
        clock: super::clock::DayClock::new(Duration::ZERO),
        flows: &[],
        pollers: &[],
        ways: &stage.watch.ways,
        end: scenario.duration,
    };
    let judged = evidence.judge(&stage.watch.tallies).remove(0);
    assert_eq!(judged.measured, super::outcome::Measured::ForeignUnicast { frames: 2 });
    assert!(judged.holds && judged.reproduced == Some(at(1)));
}

#[test]
fn a_silence_is_held_against_the_switch_that_made_it() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 4);
    stage.event(1, SW1, Event::PortDown { port: "eth3".into() });
    for sequence in 2..10 {
        stage.decide(sequence, SW1, &probe(3, sequence), Decision::Dropped(DropReason::NoEgress));
    }
    let mut flows = vec![flow(2..4), flow(2..10)];
    stage.watch.expect_flows([("a".to_owned(), 4), ("b".to_owned(), 4)].into_iter());
    for sequence in 2..10 {
        stage.decide(sequence, SW1, &probe(3, sequence), Decision::Dropped(DropReason::NoEgress));
    }
    stage.watch.conclude(&mut flows[..1], at(600));
    assert!(std::mem::take(&mut stage.watch.charges).into_sorted().is_empty(), "two seconds are allowed");
    flows.remove(0);
    stage.watch.conclude(&mut flows, at(600));
    let charges = std::mem::take(&mut stage.watch.charges).into_sorted();
    let (charge, times) = &charges[0];
    assert_eq!((charge.checker, charge.node, charge.at, *times), ("no-black-hole", Some(SW1), at(5), 1));
    let led = stage.watch.chronicle.led_to(charge.at, charge.node, &scenario.lab);
    assert_eq!(led[0].text, "port-down port=eth3");
}

#[test]
fn frames_that_go_round_duplicates_and_floods_are_noticed_on_the_wire() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 4);
    for round in 0..9 {
        stage.watch.arrived(at(1), TRUNK, 0, &probe(3, 1));
        stage.watch.arrived(at(1) + Duration::from_millis(round), TRUNK, 1, &probe(3, 1));
    }
    stage.watch.arrived(at(2), 2, 1, &probe(3, 1));
    stage.watch.arrived(at(2), 2, 1, &probe(3, 1));
    for second in 10..60 {
        stage.watch.arrived(at(second), 1, 1, &probe(3, second));
    }
    let charges = std::mem::take(&mut stage.watch.charges).into_sorted();
    let found: Vec<(&str, Option<usize>, u64)> =
        charges.iter().map(|(charge, times)| (charge.checker, charge.node, *times)).collect();
    assert_eq!(
        found,
        [
            ("no-loop", Some(SW2), 1),
            ("no-loop", Some(SW1), 1),
            ("no-duplicate", Some(4), 1),
            ("no-lasting-flood", Some(3), 1)
        ]
    );
    assert_eq!(charges[0].0.subject.as_deref(), Some("web h1 to there #1"));
    assert_eq!(charges[3].0.text, "it hears what is for h3 since 00:00:10");
}

#[test]
fn moved_and_renamed_hosts_hear_what_is_theirs() {
    let scenario = scenario();
    let mut stage = Stage::new(&scenario, 3);
    let mac = MacAddr([2, 0, 0, 0, 0, 9]);
    stage.order(1, 3, &Action::SetMac { host: 3, mac });
    stage.decide(2, SW1, &probe(2, 2), Decision::Forwarded(PortId(1)));
    stage.watch.arrived(at(2), 1, 1, &probe(2, 2));
    stage.decide(3, SW1, &probe(9, 3), Decision::Forwarded(PortId(1)));
    stage.watch.arrived(at(3), 1, 1, &probe(9, 3));
    let (names, text) = stage.cause(2..4);
    assert_eq!(names, ["wrong-address"]);
    assert!(text.starts_with("h2 · "), "{text}");
}
