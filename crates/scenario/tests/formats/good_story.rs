//! Scenario files that are right, and what they mean.

use greylag_base::{Seed, VlanId};
use greylag_scenario::story::{
    Action, CheckerLimits, Choice, ExpectedOutcome, ExpectedViolation, Impairment, LinkChange, Scenario,
    SeenBy, Standing,
};
use greylag_scenario::{Source, lab::NodeKind, story, switch};
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{LearningMode, SwitchConfig};
use greylag_switch::fault::Fault;
use std::time::Duration;

const FILE: &str = include_str!("stories/agent-dies.yml");

fn source(text: &str) -> Source {
    Source::new("agent-dies.yml", text)
}

fn read(text: &str, choice: &Choice) -> Scenario {
    story::parse(&source(text), choice).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn base() -> Scenario {
    read(FILE, &Choice::default())
}

fn variant(name: &str) -> Choice {
    Choice { variant: Some(name.to_owned()), ..Choice::default() }
}

fn assume(name: &str, value: &str) -> Choice {
    Choice { assume: vec![(name.to_owned(), value.to_owned())], ..Choice::default() }
}

fn config<'s>(scenario: &'s Scenario, name: &str) -> &'s SwitchConfig {
    let node = scenario.lab.nodes.iter().find(|node| node.name == name).unwrap();
    let NodeKind::Greylag(config) = &node.kind else { panic!("{name} is a switch") };
    config
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_base_and_every_variant_and_choice_are_right() {
    let checked = story::check(&source(FILE)).unwrap_or_else(|error| panic!("{}", error.render()));
    assert_eq!(checked, base());
}

#[test]
fn what_it_is_about() {
    let scenario = base();
    assert_eq!((scenario.name.as_str(), scenario.seed), ("agent-dies", Seed(7)));
    assert_eq!(scenario.title, "The learning agent dies under traffic");
    let lesson = scenario.lesson.unwrap();
    assert_eq!(lesson.cause, "The agent that owns the table crashes too often, and is given up.");
    assert_eq!(lesson.avoid, "Let the workers learn.");
    assert_eq!((scenario.start, scenario.duration), (seconds(86_100), seconds(720)));
    assert_eq!(scenario.checkers, CheckerLimits { silence: seconds(5), ..CheckerLimits::default() });
    assert_eq!(
        scenario.violations,
        [
            ExpectedViolation { checker: "no-black-hole".into(), node: None, may_from: None },
            ExpectedViolation {
                checker: "no-mute-switch".into(),
                node: Some(0),
                may_from: Some(seconds(300))
            },
        ]
    );
    let poller = &scenario.pollers[0];
    assert_eq!((poller.name.as_str(), poller.switches.as_slice()), ("snmp", [0].as_slice()));
    assert_eq!((poller.period, poller.phase), (seconds(300), Some(seconds(10))));
}

#[test]
fn hosts_and_links() {
    let scenario = base();
    let names: Vec<&str> = scenario.lab.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["sw1", "sw2", "h1", "h2", "h3"]);
    let [None, None, Some(h1), Some(h2), Some(h3)] = scenario.hosts.as_slice() else {
        panic!("two switches")
    };
    assert_eq!((h1.vlan, h1.neighbor_lifetime, h1.announces), (None, seconds(4 * 3600), false));
    assert_eq!((h2.vlan, h2.neighbor_lifetime, h2.announces), (VlanId::new(10), seconds(1200), true));
    assert!(h3.announces);

    let [first, second, .., spare] = scenario.links.as_slice() else { panic!("five links") };
    assert_eq!((first.rate, first.delay), (10_000_000_000, Duration::from_micros(5)));
    assert_eq!((first.queue, first.up), (1000, true));
    assert_eq!((second.rate, second.delay, second.queue), (100_000_000, Duration::from_nanos(250), 64));
    assert!(!spare.up);
    assert_eq!(scenario.links.len(), scenario.lab.links.len());
}

#[test]
fn flows() {
    let scenario = base();
    let [web, six] = scenario.flows.as_slice() else { panic!("two flows") };
    assert_eq!(web.pairs, [(2, 3)], "all with an IPv4 address, and none to itself");
    assert_eq!((web.count, web.interval, web.size), (3, Duration::from_millis(100), 200));
    assert_eq!((web.ipv6, web.weight), (false, 10_000_000));
    assert_eq!((web.start, web.stop), (seconds(1), seconds(600)), "00:05:00 is past midnight");
    assert_eq!((six.pairs.as_slice(), six.ipv6), ([(2, 4), (4, 2)].as_slice(), true));
    assert_eq!((six.count, six.interval, six.size, six.weight), (1, seconds(1), 100, 1_000_000));
    assert_eq!((six.start, six.stop), (seconds(0), seconds(720)));
}

/// What is done at a time, in order.
fn done(scenario: &Scenario, at: u64) -> Vec<&Action> {
    scenario.timeline.iter().filter(|step| step.at == seconds(at)).map(|step| &step.action).collect()
}

#[test]
fn faults_and_orders() {
    let scenario = base();
    assert!(scenario.timeline.is_sorted_by_key(|step| step.at));
    let agent = AgentKind::Learning;
    let crash = scenario.timeline.iter().find(|step| step.name.as_deref() == Some("crash")).unwrap();
    assert_eq!((crash.at, crash.standing), (seconds(60), Standing::Logged));
    assert_eq!(crash.source.as_deref(), Some("the log"));
    assert_eq!(crash.action, Action::Fault { switch: 0, fault: Fault::Crash { agent, dump: seconds(4) } });
    let fault = Fault::CrashLoop {
        agent,
        run_least: seconds(28),
        run_most: seconds(38),
        dump: seconds(4),
        times: Some(4),
        while_vlan: VlanId::new(97),
    };
    let both = [0, 1].map(|switch| Action::Fault { switch, fault: fault.clone() });
    assert_eq!(done(&scenario, 61), both.each_ref(), "a step each");

    let [Action::Commit { switch: 0, author, confirm_within, .. }, Action::Commit { switch: 1, .. }] =
        done(&scenario, 30)[..]
    else {
        panic!("a commit on both switches")
    };
    assert_eq!((author.as_str(), *confirm_within), ("ops", Some(seconds(300))));
    assert_eq!(done(&scenario, 31), [&Action::Confirm { switch: 0 }]);
    assert_eq!(done(&scenario, 33), [&Action::Rollback { switch: 0, steps: 1, author: "ops".into() }]);
    assert_eq!(
        done(&scenario, 34),
        [&Action::FlushFdb { switch: 0, port: Some("eth1".into()), vlan: VlanId::new(97) }]
    );
    assert_eq!(done(&scenario, 35), [&Action::CheckFdb { switch: 0, repair: true }]);
    assert_eq!(
        done(&scenario, 36),
        [&Action::PowerOff { switch: 1 }, &Action::PowerOn { switch: 1, boot: seconds(60) }]
    );
    assert_eq!(done(&scenario, 37), [&Action::Management { switch: 0, up: false }]);
    assert_eq!(done(&scenario, 38), [&Action::Management { switch: 0, up: true }]);
    assert_eq!(scenario.lab.management_address(0), Some("172.20.20.11".parse().unwrap()));
    assert_eq!(done(&scenario, 39), [&Action::PowerOn { switch: 1, boot: seconds(120) }], "the switch's own");
    assert_eq!(scenario.boots[..3], [180, 120, 180].map(seconds));
}

#[test]
fn links_that_change() {
    let scenario = base();
    // sw1:eth3 is end 0 of link 2, sw2:eth9 its end 1.
    let change = |at| match done(&scenario, at)[..] {
        [Action::Link { link: 2, change }] => change.clone(),
        _ => panic!("a link changes at {at} s"),
    };
    assert_eq!(change(40), LinkChange::Down { seen_by: SeenBy::End(0) });
    assert_eq!(change(41), LinkChange::Up);
    assert_eq!(change(42), LinkChange::OneWay { from: 1 });
    let impairment = Impairment {
        loss: 0.01,
        reorder: 0.1,
        jitter: Duration::from_millis(1),
        rate: Some(1_000_000),
        ..Impairment::default()
    };
    assert_eq!(change(43), LinkChange::Impair { from: Some(1), impairment });
}

#[test]
fn what_hosts_do() {
    let scenario = base();
    assert_eq!(done(&scenario, 120), [&Action::MoveHost { link: 0, to: 4, announces: false }]);
    assert_eq!(done(&scenario, 180), [&Action::MoveHost { link: 4, to: 0, announces: true }], "and back");
    assert_eq!(done(&scenario, 50), [&Action::Announce { host: 2 }]);
    let mac = "02:00:00:00:00:99".parse().unwrap();
    assert_eq!(done(&scenario, 51), [&Action::SetMac { host: 2, mac }]);
    assert_eq!(
        done(&scenario, 52),
        [&Action::MacFlood { host: 2, macs: 100_000, rate: 5000, lasts: seconds(60) }]
    );
    let to = "fd00::3".parse().unwrap();
    assert_eq!(done(&scenario, 53), [&Action::Ping { host: 2, to, count: 5 }], "the family that both have");
    assert_eq!(done(&scenario, 54), [&Action::Tcp { host: 2, to: 3, bytes: 1000 }]);
    assert_eq!(done(&scenario, 55), [&Action::Broadcast { host: 2, rate: 10, lasts: seconds(5) }]);
}

#[test]
fn expectations() {
    let scenario = base();
    let all = &scenario.expectations;
    let given_up = &all[0];
    assert_eq!((given_up.at, given_up.tolerance), (Some(seconds(165)), seconds(4)));
    assert_eq!(given_up.standing, Standing::Logged);
    let event = |node, event: &str, fields: &[(&str, &str)], least, most| ExpectedOutcome::Event {
        node,
        event: event.into(),
        fields: fields.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        from: Duration::ZERO,
        until: scenario.duration,
        last: false,
        least,
        most,
    };
    assert_eq!(given_up.outcome, event(Some(0), "agent-failed", &[("agent", "learning")], 1, None));
    assert_eq!(all[1].outcome, event(None, "mac-moved", &[], 0, Some(0)));
    let outcomes: Vec<&ExpectedOutcome> = all[2..].iter().map(|expectation| &expectation.outcome).collect();
    let expected = [
        ExpectedOutcome::AlarmSeen { poller: "snmp".into(), switch: 0, alarm: "agent-failed".into() },
        ExpectedOutcome::Level {
            flows: "web".into(),
            from: seconds(0),
            until: seconds(300),
            least: 0.99,
            most: 1.0,
        },
        ExpectedOutcome::BlackHole {
            flows: "web".into(),
            least: seconds(300),
            most: Some(seconds(360)),
            cause: Some("not-in-flood-group".into()),
        },
        ExpectedOutcome::ForeignUnicast {
            host: 4,
            from: seconds(0),
            until: seconds(720),
            least: 100,
            most: None,
        },
        ExpectedOutcome::Counter { switch: 0, counter: "mac-table.events-lost".into(), least: 1, most: None },
    ];
    assert_eq!(outcomes, expected.each_ref());
}

#[test]
fn parameters_and_assumptions() {
    let scenario = base();
    assert_eq!(config(&scenario, "sw1").mac_table.ageing_time, seconds(300));
    let [ageing, when, loss] = scenario.parameters.as_slice() else { panic!("three parameters") };
    assert_eq!((ageing.name.as_str(), ageing.value.as_str()), ("ageing", "300s"));
    assert_eq!(ageing.choices, ["300s", "180s", "600s"], "the base goes first");
    assert_eq!(ageing.standing, Standing::Documented);
    assert_eq!((when.standing, when.choices.is_empty()), (Standing::Assumed, true));
    assert_eq!(
        (loss.value.as_str(), loss.choices.as_slice()),
        ("0.01", ["0.01", "0.5"].map(String::from).as_slice())
    );

    let shorter = read(FILE, &assume("ageing", "180s"));
    assert_eq!(config(&shorter, "sw1").mac_table.ageing_time, seconds(180));
    assert_eq!(shorter.parameters[0].value, "180s");
    let earlier = read(FILE, &assume("when", "20s"));
    assert!(matches!(done(&earlier, 20)[..], [Action::Fault { fault: Fault::Crash { .. }, .. }]));
}

#[test]
fn variants() {
    let listed: Vec<(String, String)> =
        [("inline", "the worker learns by itself"), ("later", "the crash comes later")]
            .map(|(name, title)| (name.into(), title.into()))
            .into();
    assert_eq!((base().variants, base().variant), (listed, None));

    let inline = read(FILE, &variant("inline"));
    assert_eq!(inline.variant.as_deref(), Some("inline"));
    let learning = &config(&inline, "sw1").learning;
    assert_eq!(
        (learning.mode, learning.renew_interval),
        (LearningMode::Inline, seconds(10)),
        "mappings merge"
    );
    let names: Vec<&str> = inline.expectations.iter().map(|expectation| expectation.name.as_str()).collect();
    assert_eq!(
        names,
        ["given-up", "nobody-moves", "on-call-hears", "still-works", "floods", "lost", "quiet"],
        "one is gone, and a new one comes last"
    );
    assert!(matches!(inline.expectations[3].outcome, ExpectedOutcome::Level { least: 1.0, .. }));
    assert!(inline.violations.is_empty());

    let later = read(FILE, &variant("later"));
    let crash = later.timeline.iter().find(|step| step.name.as_deref() == Some("crash")).unwrap();
    assert_eq!((crash.at, crash.standing, &crash.source), (seconds(100), Standing::Assumed, &None));
    assert_eq!(later.timeline.len(), base().timeline.len() - 2);
    assert!(later.expectations.is_empty());
}

#[test]
fn a_patch_is_laid_over_what_runs() {
    let scenario = base();
    let patch = |at, index: usize| match done(&scenario, at)[index] {
        Action::Commit { patch, .. } => patch,
        _ => panic!("a commit at {at} s"),
    };
    let start = config(&scenario, "sw1");
    let vlan = |id| VlanId::new(id).unwrap();
    let added = switch::patched(start, patch(30, 0)).unwrap();
    assert_eq!(added.vlans[&vlan(97)].name.as_deref(), Some("new"));
    assert!(added.ports[0].membership.carries(vlan(97)) && !added.ports[0].membership.carries(vlan(10)));
    assert_eq!(added.ports[1..], start.ports[1..], "and nothing else");
    assert_eq!((&added.name, &added.learning), (&start.name, &start.learning));

    let removed = switch::patched(&added, patch(32, 0)).unwrap();
    assert!(removed.vlans.is_empty());
    let wrong = switch::patched(start, patch(32, 0)).unwrap_err().to_string();
    assert!(wrong.contains("vlans.97: there is no `97` to remove"), "{wrong}");
}

#[test]
fn a_patch_leaves_ports_plugged_into_what_they_are_plugged_into() {
    let text = "name: sw1\nports: {eth1: {type: tap, netns: h1, interface: eth0, mtu: 9000}, eth2: {}}\n";
    let running = switch::parse(&Source::new("sw1.yml", text)).unwrap();
    let patch = |text: &str| story::Patch { text: text.to_owned() };
    let patched = switch::patched(&running, &patch("{ports: {eth1: {access-vlan: 7}, eth2: null}}")).unwrap();
    assert_eq!(patched.ports[0].attachment, running.ports[0].attachment);
    assert_eq!(patched.ports[0].mtu, 9000);
    assert_eq!(patched.ports[0].membership.untagged(), VlanId::new(7));
    assert_eq!(patched.ports[1], running.ports[1], "its link is there still");
    let said = |text: &str| switch::patched(&running, &patch(text)).unwrap_err().to_string();
    assert_eq!(
        said("ports: {eth3: {}}"),
        "patch:1:9: ports.eth3: no link ends at port `eth3`: \
         add one to topology.links, or remove the port (linked: eth1, eth2)"
    );
    assert_eq!(
        said("name: sw2"),
        "patch:1:1: name: `name` is not needed here: the switch is called like its node. Remove it"
    );
}

const MATRIX: &str = "matrix:
  switches: [sw1]
  rows:
    a: {title: A, patch: {seed: 2, expect: {works: {least: 0.5}}}}
    b: {title: B, patch: {}}
  columns:
    x: {title: X, patch: {seed: 3}}
    y: {title: Y, patch: {timeline: {dies: {at: 1m, fault: {switch: sw1, crash: {}}}}}}
  cells:
    a: {y: {patch: {seed: 4}}}
";

#[test]
fn a_cell_is_the_base_with_the_patches_of_its_row_its_column_and_its_own() {
    let base = include_str!("stories/base.yml");
    let expect = "expect: [{name: works, level: web, least: 0.9}]\n";
    let source = Source::new("matrix.yml", format!("{base}{expect}{MATRIX}"));
    let scenario = story::check(&source).unwrap_or_else(|error| panic!("{error}"));
    let matrix = scenario.matrix.clone().expect("it has one");
    assert_eq!(matrix.switches, [0]);
    assert_eq!(matrix.cells().collect::<Vec<_>>(), [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]);
    let cell = |row, column| story::parse(&source, &story::Matrix::choice(row, column, &[])).unwrap();
    let seeds = matrix.cells().map(|(row, column)| cell(row, column).seed.0);
    assert_eq!(seeds.collect::<Vec<_>>(), [3, 4, 3, scenario.seed.0], "columns over rows, cells over both");
    assert_eq!(cell("b", "y").timeline.len(), scenario.timeline.len() + 1);
    assert_ne!(cell("a", "x").expectations, cell("b", "x").expectations);
}

#[test]
fn what_is_wrong_with_a_matrix_is_said_where_it_stands() {
    let base = include_str!("stories/base.yml");
    let lines = base.lines().count();
    let wrong = |from: &str, to: &str| {
        let text = format!("{base}{}", MATRIX.replace(from, to)).replace("expect: {works: {least: 0.5}}", "");
        let error = story::check(&Source::new("matrix.yml", text)).unwrap_err().to_string();
        error.lines().next().expect("a line").to_owned()
    };
    let at = |line: usize| format!("matrix.yml:{}:", lines + line);
    for (from, to, line, words) in [
        ("switches: [sw1]", "switches: [h1]", 2, "there is no switch `h1`: expected one of sw1"),
        ("    a: {y: {", "    c: {y: {", 10, "there is no row `c`"),
        ("    a: {y: {", "    a: {z: {", 10, "there is no column `z`"),
        ("{seed: 4}", "{matrix: {}}", 10, "`matrix` cannot be patched"),
        ("title: X, ", "", 7, "`title` is missing: say in a line what is different"),
    ] {
        let told = wrong(from, to);
        assert!(told.starts_with(&at(line)) && told.contains(words), "{told}");
    }
}
