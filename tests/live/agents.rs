//! A learning agent that works, dies and is healed under traffic.

use crate::rig::{DEADLINE, LIVE, Lab, Station, greylag, mac, succeed};
use crate::running::{Room, Running};
use greylag_base::MacAddr;
use greylag_switch::recording::file;
use greylag_tests::{has, wait_for};
use serde_json::Value;

/// An agent that owns everything and is not started again, and three hosts.
const MORTAL: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        mac-table: {ageing-time: 2}
        learning: {mode: agent, renew-interval: 500ms}
        supervisor: {restart: false}
        ports: {eth1: {access-vlan: 10}, eth2: {access-vlan: 10}, eth3: {access-vlan: 10}}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - endpoints: ["sw1:eth2", "h2:eth1"]
    - endpoints: ["sw1:eth3", "h3:eth1"]
"#;

fn state(lab: &Lab) -> String {
    lab.show("sw1", "agents")[0]["state"].as_str().expect("a state").to_owned()
}

fn fault(lab: &Lab, words: &[&str]) {
    succeed(&[&["fault"], words, &["-s", &lab.switch("sw1")]].concat());
}

/// What `check fdb` says, and its exit status.
fn check(lab: &Lab, words: &[&str]) -> (Value, Option<i32>) {
    let output = greylag(&[&["check", "fdb", "-j", "-s", &lab.switch("sw1")], words].concat());
    (serde_json::from_slice(&output.stdout).expect("-j prints JSON"), output.status.code())
}

/// Agent, table and workers agree.
fn agrees(lab: &Lab, words: &[&str]) {
    let (found, status) = check(lab, words);
    assert_eq!(status, Some(0), "{found}");
}

/// The stations of h1, h2 and h3; those of h1 and h2 are learned.
fn stations(lab: &Lab) -> [Station; 3] {
    let [mut h1, mut h2, h3] = ["h1", "h2", "h3"].map(|host| lab.station(host, "eth1"));
    h1.send(mac(1), MacAddr::BROADCAST, b"hello");
    h2.send(mac(2), MacAddr::BROADCAST, b"hello");
    wait_for("the agent has learned both", DEADLINE, || {
        lab.port_of("sw1", mac(1)).and(lab.port_of("sw1", mac(2)))
    });
    [h1, h2, h3]
}

/// Does a frame from h1 to h2 reach h3, too? Whoever does not read what comes in, loses what comes later.
fn is_flooded(h1: &mut Station, h2: &mut Station, h3: &mut Station) -> bool {
    h1.send(mac(1), mac(2), b"unicast");
    h1.send(mac(1), MacAddr::BROADCAST, b"end");
    assert_eq!(h2.count_until(b"unicast", b"end"), 1, "it arrives in any case");
    h3.count_until(b"unicast", b"end") > 0
}

#[test]
fn a_switch_whose_agent_has_died_forwards_until_its_entries_lapse_then_floods_and_is_healed_by_a_restart() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(MORTAL);
    let [mut h1, mut h2, mut h3] = stations(&lab);
    // Longer than the ageing time: it is the agent who keeps the entries alive.
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_secs(3) {
        h2.send(mac(2), mac(1), b"keep");
        assert!(!is_flooded(&mut h1, &mut h2, &mut h3));
    }
    fault(&lab, &["crash"]);
    assert_eq!(state(&lab), "failed");
    let alarms = lab.show("sw1", "alarms");
    let raised = alarms.as_array().unwrap().iter().find(|alarm| alarm["cleared"].is_null()).unwrap();
    assert_eq!((&raised["alarm"], &raised["severity"]), (&"agent-failed".into(), &"red".into()));

    // Nothing is amiss at first; then the entries lapse although their stations talk.
    assert!(!is_flooded(&mut h1, &mut h2, &mut h3));
    wait_for("frames are flooded", DEADLINE, || {
        h2.send(mac(2), mac(1), b"keep");
        is_flooded(&mut h1, &mut h2, &mut h3).then_some(())
    });

    fault(&lab, &["restart"]);
    wait_for("the switch learns again", DEADLINE, || {
        h2.send(mac(2), mac(1), b"keep");
        (!is_flooded(&mut h1, &mut h2, &mut h3)).then_some(())
    });
    assert_eq!(state(&lab), "running");
    agrees(&lab, &[]);
}

#[test]
fn an_audit_finds_writes_that_did_not_arrive_and_puts_them_right() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(&MORTAL.replace("ageing-time: 2", "ageing-time: 300"));
    let [mut h1, ..] = stations(&lab);
    agrees(&lab, &[]);
    fault(&lab, &["refuse-writes", "--share", "1"]);
    h1.send(mac(3), MacAddr::BROADCAST, b"new");
    let found = wait_for("the agent believes what is not so", DEADLINE, || {
        let (found, status) = check(&lab, &[]);
        (status == Some(1)).then_some(found)
    });
    let conflict = &found["conflicts"][0];
    assert_eq!(conflict["mac"], mac(3).to_string());
    assert_eq!(
        (&conflict["kind"], &conflict["agent"], &conflict["table"]),
        (&"not-in-table".into(), &"eth1".into(), &Value::Null)
    );

    let (found, status) = check(&lab, &["--repair"]);
    // The kernel of a host may have spoken meanwhile, and be refused too.
    let remaining = found["remaining"].as_array().expect("a list");
    let is_refused = remaining.iter().any(|conflict| conflict["mac"] == mac(3).to_string());
    assert_eq!((status, is_refused), (Some(1), true), "it is refused again: {found}");
    fault(&lab, &["heal"]);
    agrees(&lab, &["--repair"]);
    assert_eq!(lab.port_of("sw1", mac(3)).as_deref(), Some("eth1"));
    let text = succeed(&["check", "fdb", "-s", &lab.switch("sw1")]);
    assert_eq!(text, "agent, table and workers agree\n");

    succeed(&["clear", "fdb", "--port", "eth1", "--vlan", "10", "-s", &lab.switch("sw1")]);
    assert_eq!(lab.port_of("sw1", mac(3)), None);
    assert_eq!(lab.port_of("sw1", mac(2)).as_deref(), Some("eth2"));

    // An agent that does not answer has nothing to be compared.
    fault(&lab, &["hang"]);
    let (answer, status) = check(&lab, &[]);
    assert_eq!(status, Some(1));
    assert!(answer["error"].as_str().unwrap().contains("restart it first"), "{answer}");
}

#[test]
fn a_run_that_was_recorded_until_the_switch_was_killed_happens_again() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let folder = tempfile::tempdir().expect("a folder for the record");
    let record = folder.path().join("run.jsonl");
    let config = "ports: {tap1: {type: tap}, tap2: {type: tap}}\n\
                  learning: {mode: agent, renew-interval: 200ms}\n\
                  mac-table: {ageing-time: 1}\n";
    let mut switch = Running::start_with(&netns, config, &["--record", record.to_str().unwrap()]);
    let mut station = Station::open(&netns, "tap1");
    let learned = || succeed(&["show", "fdb", "-s", &switch.name]).contains(&mac(1).to_string());
    wait_for("the switch learns", DEADLINE, || {
        station.send(mac(1), MacAddr::BROADCAST, b"hello");
        learned().then_some(())
    });
    succeed(&["check", "fdb", "--repair", "-s", &switch.name]);
    succeed(&["fault", "crash-loop", "--run", "10ms..30ms", "--times", "3", "-s", &switch.name]);
    wait_for("the station is forgotten", DEADLINE, || (!learned()).then_some(()));
    succeed(&["clear", "fdb", "-s", &switch.name]);
    wait_for("all of it is on record", DEADLINE, || {
        let text = std::fs::read_to_string(&record).unwrap();
        (text.contains("fdb-flushed") && text.contains("mac-aged")).then_some(())
    });
    switch.kill();

    let text = std::fs::read_to_string(&record).expect("the record is there");
    let replayed = file::replay(&text).expect("it is a record of this version");
    assert_eq!((replayed.switch.as_str(), &replayed.difference), (switch.name.as_str(), &None));
    let names: Vec<String> = replayed
        .events
        .iter()
        .filter_map(|event| serde_json::to_value(event).ok()?["event"].as_str().map(str::to_owned))
        .collect();
    for expected in
        ["mac-learned", "fdb-checked", "agent-crashed", "agent-started", "mac-aged", "fdb-flushed"]
    {
        assert!(names.iter().any(|name| name == expected), "{expected} is not in {names:?}");
    }

    // The program says so, too, and finds what was changed.
    let told = succeed(&["replay", "--recording", record.to_str().unwrap()]);
    assert!(told.ends_with("events and outputs are those of the record\n"), "{told}");
    std::fs::write(&record, text.replacen("agent-crashed", "agent-stopped", 1)).expect("it is written");
    let output = greylag(&["replay", "--recording", record.to_str().unwrap(), "-j"]);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("-j prints JSON");
    assert_eq!((output.status.code(), &answer["equal"]), (Some(1), &false.into()));
    assert_eq!(answer["difference"]["replayed"]["event"], "agent-crashed");
    std::fs::write(&record, "name: sw1\n").expect("it is written");
    assert_eq!(greylag(&["replay", "--recording", record.to_str().unwrap()]).status.code(), Some(2));
}
