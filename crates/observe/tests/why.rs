//! What `why` answers is what was put in: each failure of the libraries, at a moment at which it is at work.

use greylag_observe::why::{Answer, Death, Question, Replayed, text, why};
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{DayClock, look_at};
use greylag_tests::workspace;

fn scenario(file: &str) -> Scenario {
    read(&Source::read(workspace().join("scenarios").join(file)).expect("it is there"))
}

fn read(source: &Source) -> Scenario {
    story::parse(source, &Choice::default()).unwrap_or_else(|error| panic!("{}", error.render()))
}

/// Asks at a moment.
fn ask(scenario: &Scenario, at: &str, question: &Question) -> Answer {
    let at = DayClock::new(scenario.start).parse(at).expect("a time");
    look_at(scenario, scenario.seed, at, |moment| why(&Replayed::new(moment), moment.now(), question))
        .unwrap_or_else(|error| panic!("{error}"))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn between(from: &str, to: &str) -> Question {
    Question { from: from.into(), to: to.into(), ..Question::default() }
}

/// Where, for what reason, and after what frames of the first way die.
fn dies(answer: &Answer, place: &str, reason: &str, after: &str) {
    let death = answer.ways[0].death.as_ref().unwrap_or_else(|| panic!("it passes:\n{}", text(answer)));
    is_death(death, place, reason, after, answer);
}

fn is_death(death: &Death, place: &str, reason: &str, after: &str, answer: &Answer) {
    let at = death.port.as_ref().map_or_else(|| death.node.clone(), |port| format!("{}:{port}", death.node));
    let since = death.after.as_ref().map_or_else(String::new, |event| format!("{} {}", event.at, event.text));
    let told = text(answer);
    assert_eq!((at.as_str(), death.reason.as_str()), (place, reason), "{told}");
    assert!(since.starts_with(after), "after {since}, not {after}:\n{told}");
    assert!(!answer.passes, "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

/// A failure of `scenarios/learning`, at a time, from and to hosts: where and why frames die, and after what.
macro_rules! dies {
    ($($test:ident: $file:literal at $at:literal, $from:literal to $to:literal: $place:literal $reason:literal after $after:literal;)+) => {
        $(#[test]
        fn $test() {
            let answer = ask(&scenario($file), $at, &between($from, $to));
            dies(&answer, $place, $reason, $after);
        })+
    };
}

dies! {
    agent_dies_and_a_port_comes_back: "learning/agent-dies.yml" at "13:31:00", "h2" to "h7": "sw2:eth3" "not-in-flood-group" after "13:30:02 port-up port=eth3";
    stale_entry: "learning/stale-entry.yml" at "2m", "w" to "s": "sw1:eth2" "stale-entry" after "00:01:00 moves to sw3:eth1";
    stale_member: "learning/stale-member.yml" at "5m", "c" to "s1": "sw1:eth1" "destination-down" after "00:04:00 port-down port=eth8";
    host_moves: "learning/host-moves.yml" at "2m", "c1" to "s1": "sw2:eth9" "hairpin" after "00:01:00 moves to sw2:eth1, without a word";
    static_outlives_host: "learning/static-outlives-host.yml" at "3m", "c1" to "p1": "sw1:eth3" "destination-down" after "00:01:00 port-down port=eth1";
    lost_events: "learning/lost-events.yml" at "30m", "w" to "s1": "sw1:eth2" "stale-entry" after "00:05:00 moves to sw3:eth1";
    reordered_reports: "learning/reordered-reports.yml" at "2m", "w" to "c": "sw1:eth3" "stale-entry" after "00:01:00.2 moves to sw4:eth1";
    duplicate_mac: "learning/duplicate-mac.yml" at "100s", "c1" to "s1": "sw1:eth9" "stale-entry" after "00:01:34.091 mac-moved";
    broadcast_storm: "learning/broadcast-storm.yml" at "15s", "h2" to "h3": "sw1:eth9" "link-queue-full" after "00:00:10 broadcasts";
    a_loop: "learning/loop.yml" at "90s", "h2" to "h1": "sw1:eth8" "stale-entry" after "00:01:29.966 mac-moved";
}

#[test]
fn the_agent_that_died_is_named() {
    let answer = ask(&scenario("learning/agent-dies.yml"), "13:31:00", &between("h2", "h7"));
    let agent = answer.ways[0].death.as_ref().and_then(|death| death.agent.as_ref()).expect("an agent");
    assert_eq!(
        (agent.agent.as_str(), agent.state.as_str(), agent.since.as_str()),
        ("learning", "failed", "13:28:08.4")
    );
}

/// It arrives, and is flooded on its way: by which switch, and since what that switch does not know its station.
fn floods(answer: &Answer, node: &str, after: &str) {
    let told = text(answer);
    assert!(answer.passes, "{told}");
    let [flooding] = &answer.ways[0].floods[..] else { panic!("{told}") };
    let since =
        flooding.after.as_ref().map_or_else(String::new, |event| format!("{} {}", event.at, event.text));
    assert_eq!(flooding.node, node, "{told}");
    assert!(since.starts_with(after), "after {since}, not {after}:\n{told}");
    assert!(told.contains(&format!("flooded by {node}: it has no entry for ")), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

/// Nothing is lost, and everybody hears it.
#[test]
fn what_only_floods_passes_and_who_has_forgotten_is_named() {
    for (file, at, (from, to), node, after) in [
        ("learning/ageing-below-arp.yml", "30m", ("r2", "s1"), "sw2", "00:06:51 mac-aged port=eth9"),
        (
            "learning/table-full.yml",
            "2m",
            ("h3", "h4"),
            "sw1",
            "00:00:12 alarm-raised severity=yellow alarm=mac-table-full",
        ),
        (
            "learning/bucket-collisions.yml",
            "2m",
            ("c1", "s8"),
            "sw1",
            "00:00:00.01 alarm-raised severity=yellow alarm=mac-table-full",
        ),
        (
            "learning/agent-too-slow.yml",
            "100s",
            ("h1", "h3"),
            "sw1",
            "00:01:18.21 alarm-raised severity=yellow alarm=reports-lost",
        ),
    ] {
        floods(&ask(&scenario(file), at, &between(from, to)), node, after);
    }
}

/// The library of failures has none that is not asked about here.
#[test]
fn every_failure_of_learning_is_asked_about() {
    let own = include_str!("why.rs");
    for file in std::fs::read_dir(workspace().join("scenarios/learning")).expect("it is there") {
        let name = file.expect("it can be read").file_name().into_string().expect("it is UTF-8");
        assert!(own.contains(&format!("\"learning/{name}\"")), "{name} is not asked about");
    }
}

#[test]
fn a_link_of_a_bundle_that_carries_one_way_kills_the_flows_that_choose_it() {
    let answer = ask(&scenario("learning/one-way-link.yml"), "200s", &between("c1", "s1"));
    let flows = answer.ways[0].flows.as_ref().expect("a bundle chooses");
    let [by] = &flows.choices[..] else { panic!("{}", text(&answer)) };
    assert_eq!((by.node.as_str(), by.by.as_str()), ("sw1", "ae0"));
    for option in &by.options {
        assert_eq!(option.die == 0, option.to == "eth9", "{}", text(&answer));
        assert_eq!(option.pass == 0, option.to == "eth8", "{}", text(&answer));
    }
    let dying = flows.first_that_dies.as_ref().expect("one of them");
    is_death(&dying.death, "sw1:eth8", "link-one-way", "00:03:00 link sw1:eth8 - sw2:eth8", &answer);
    assert_eq!(answer.ways[1].flows.as_ref().map(|flows| flows.pass), Some(128), "the way back");
}

#[test]
fn buckets_that_stayed_with_a_next_hop_that_is_gone_are_counted() {
    let scenario = scenario("routing/stale-bucket.yml");
    let answer = ask(&scenario, "40s", &between("h1", "h3"));
    let flows = answer.ways[0].flows.as_ref().expect("a group chooses");
    let [by] = &flows.choices[..] else { panic!("{}", text(&answer)) };
    assert_eq!((by.node.as_str(), by.by.as_str(), by.buckets), ("r1", "group 1", 64));
    let dead: Vec<u16> = by.options.iter().flat_map(|option| option.dead_buckets.clone()).collect();
    assert_eq!(dead, [0, 2, 4, 6], "{}", text(&answer));
    let dying = flows.first_that_dies.as_ref().expect("one of them");
    is_death(&dying.death, "r1:eth1", "next-hop-unset", "00:00:20 interface-down interface=eth2", &answer);
    // That very flow, asked for, dies; another one passes whatever becomes of the rest.
    let of_port = |port| Question { source_port: Some(port), ..between("h1", "h3") };
    assert!(!ask(&scenario, "40s", &of_port(dying.flow.source_port)).ways[0].passes);
    assert!(ask(&scenario, "40s", &of_port(49_152)).passes);
}

#[test]
fn ipv6_is_followed_as_well() {
    let question = between("2001:db8:10::2", "2001:db8:20::2");
    let answer = ask(&scenario("routing/stale-bucket.yml"), "40s", &question);
    assert!(answer.ways[0].passes, "{}", text(&answer));
    let death = answer.ways[1].death.as_ref().expect("nobody has laid a way back");
    assert_eq!((death.node.as_str(), death.reason.as_str()), ("r2", "no-route"), "{}", text(&answer));
}

/// Two switches and a trunk, to be spoiled.
fn trunk(allowed: &str, timeline: &str) -> Scenario {
    let text = format!(
        r#"
name: trunk
title: Two switches and a trunk
lesson: {{cause: one, seen: that, notice: this, avoid: it}}
duration: 1m
topology:
  nodes:
    sw1: {{kind: greylag, config: {{ports: {{eth1: {{access-vlan: 20}}, eth9: {{interface-mode: TRUNK, trunk-vlans: [10, 20]}}}}}}}}
    sw2: {{kind: greylag, config: {{ports: {{eth1: {{access-vlan: 20}}, eth9: {{interface-mode: TRUNK, trunk-vlans: [{allowed}]}}}}}}}}
    h1: {{kind: host}}
    h2: {{kind: host}}
  links:
    - endpoints: ["sw1:eth9", "sw2:eth9"]
    - endpoints: ["sw1:eth1", {{node: h1, interface: eth1, ipv4: 10.0.0.1/24}}]
    - endpoints: ["sw2:eth1", {{node: h2, interface: eth1, ipv4: 10.0.0.2/24}}]
flows:
  both: {{from: [h1], to: [h2], both-ways: true, interval: 100ms}}
timeline: [{timeline}]
"#
    );
    read(&Source::new("trunk.yml", &text))
}

#[test]
fn a_vlan_is_missing_at_the_far_end_of_a_trunk() {
    let answer = ask(&trunk("10", ""), "30s", &between("h1", "h2"));
    dies(&answer, "sw2:eth9", "vlan-not-allowed", "");
    let back = answer.ways[1].death.as_ref().expect("neither way passes");
    assert_eq!((back.node.as_str(), back.port.as_deref()), ("sw2", Some("eth9")), "{}", text(&answer));
    assert_eq!(back.reason, "vlan-not-allowed");
}

#[test]
fn a_commit_takes_a_vlan_off_a_trunk() {
    let commit = "{at: 20s, name: typo, commit: {switch: sw2, patch: {ports: {eth9: {trunk-vlans: [10]}}}, author: ops}}";
    let answer = ask(&trunk("10, 20", commit), "30s", &between("h1", "h2"));
    dies(&answer, "sw2:eth9", "vlan-not-allowed", "00:00:20 config-committed");
}

#[test]
fn a_link_carries_one_way_only() {
    let cut = r#"{at: 20s, name: cut, link: {end: "sw1:eth9", one-way: true}}"#;
    let answer = ask(&trunk("10, 20", cut), "30s", &between("10.0.0.1", "h2"));
    dies(&answer, "sw1:eth9", "link-one-way", "00:00:20 link sw1:eth9 - sw2:eth9");
    assert!(answer.ways[1].passes, "{}", text(&answer));
}

#[test]
fn two_routers_that_chose_different_chassis() {
    let answer = ask(&scenario("dataforest-2025-10-23.yml"), "13:40:00", &between("r1", "r2"));
    dies(&answer, "ca2:eth12", "not-in-flood-group", "13:33:08.792 port-up port=ae12");
    let death = answer.ways[0].death.as_ref().expect("it dies");
    let agent = death.agent.as_ref().expect("ca2's agent is dead");
    assert_eq!((agent.state.as_str(), agent.since.as_str()), ("failed", "13:27:45.1"));
}

#[test]
fn who_is_not_there_cannot_be_asked_about() {
    let scenario = scenario("learning/host-moves.yml");
    let error = look_at(&scenario, scenario.seed, std::time::Duration::ZERO, |moment| {
        why(&Replayed::new(moment), moment.now(), &between("c1", "c9"))
            .expect_err("there is no c9")
            .to_string()
    });
    let expected = "there is no `c9`: expected one of sw1, sw2, s1, c1, c2, or an address of one of them";
    assert_eq!(error.expect("the replay goes"), expected);
}

/// docs/why.md shows what is printed. With `GREYLAG_WRITE_DOCS=1` it is written there.
#[test]
fn the_page_shows_what_is_answered() {
    let path = workspace().join("docs/why.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let mut written = String::new();
    let mut asked = None;
    let mut blocks = page.split("```");
    while let Some(plain) = blocks.next() {
        written += plain;
        let Some(block) = blocks.next() else { break };
        let command = block.lines().find(|line| line.contains("--replay"));
        let answer = match (block.strip_prefix("text\n"), asked.take()) {
            (Some(_), Some(command)) => format!("text\n{}", answered(command)),
            _ => block.to_owned(),
        };
        asked = command;
        written += &format!("```{answer}```");
    }
    if std::env::var_os("GREYLAG_WRITE_DOCS").is_some() {
        std::fs::write(path, &written).expect("the page can be written");
    }
    assert!(written == page, "docs/why.md shows other answers than these:\n{written}");
}

fn answered(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let ["greylag", "why", from, to, "--replay", file, "--at", at] = words[..] else { panic!("{command}") };
    let file = file.strip_prefix("scenarios/").expect("a scenario");
    text(&ask(&scenario(file), at, &between(from, to)))
}
