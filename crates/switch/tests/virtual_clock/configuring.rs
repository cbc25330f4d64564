//! Commits, and the way back.

use crate::rig::{LEARNING, Rig, agent_config, at, inline_config, seconds, station};
use greylag_base::{Instant, PortId, PortName, Seed, VlanId};
use greylag_mactable::WhenFull;
use greylag_switch::config::{
    Attachment, FloodGroups, Io, LearningMode, Membership, MoveDamping, PortConfig, StaticMac, StormControl,
    SwitchConfig, VlanConfig,
};
use greylag_switch::fault::Fault;
use greylag_switch::history::{History, KEPT};
use greylag_switch::recording::Start;
use greylag_switch::{DiffLine, Event, Input, Refused, Switch};
use std::time::Duration;

const TOLD: &[&str] =
    &["config-committed", "config-confirmed", "config-rolled-back", "alarm-raised", "alarm-cleared"];

fn changed(rig: &Rig, change: impl FnOnce(&mut SwitchConfig)) -> Box<SwitchConfig> {
    let mut config = rig.switch.config().clone();
    change(&mut config);
    Box::new(config)
}

fn commit(rig: &mut Rig, change: impl FnOnce(&mut SwitchConfig)) -> Result<(), Refused> {
    commit_within(rig, None, change)
}

fn commit_within(
    rig: &mut Rig,
    confirm_within: Option<Duration>,
    change: impl FnOnce(&mut SwitchConfig),
) -> Result<(), Refused> {
    let config = changed(rig, change);
    rig.tell(Input::Commit { config, author: "ops".into(), confirm_within })
}

fn lines(rig: &Rig, change: impl FnOnce(&mut SwitchConfig)) -> Vec<String> {
    rig.switch.diff(&changed(rig, change)).iter().map(DiffLine::to_string).collect()
}

fn trunk(vlans: &[u16]) -> Membership {
    Membership::Trunk { vlans: vlans.iter().copied().map(Rig::vlan).collect(), native: None }
}

#[test]
fn a_diff_is_what_an_engineer_would_write() {
    let mut rig = Rig::new(inline_config(2));
    assert_eq!(lines(&rig, |_| {}), Vec::<String>::new());
    let found = lines(&rig, |config| {
        config
            .vlans
            .insert(Rig::vlan(97), VlanConfig { name: Some("voice".into()), ..VlanConfig::default() });
        config.vlans.insert(Rig::vlan(98), VlanConfig::default());
        config.ports[0].membership = trunk(&[1, 10, 11, 12]);
        config.ports[1].mtu = 9000;
        config.ports[1].storm_control = StormControl { broadcast: Some(100), ..StormControl::default() };
        config.mac_table.ageing_time = Duration::from_millis(1500);
        config.learning.report_interval = None;
        let (mac_address, port) = (station(1), PortId(1));
        config.static_macs.push(StaticMac { vlan: Rig::vlan(1), mac_address, port });
    });
    assert_eq!(
        found,
        [
            "  learning.report-interval: 1s -> once",
            "  mac-table.ageing-time: 300s -> 1500ms",
            "- ports.eth1.access-vlan: 1",
            "  ports.eth1.interface-mode: ACCESS -> TRUNK",
            "+ ports.eth1.trunk-vlans: 1,10-12",
            "  ports.eth2.mtu: 1500 -> 9000",
            "+ ports.eth2.storm-control.broadcast: 100",
            "+ static-macs.1.02:00:00:00:00:01: eth2",
            "+ vlans.97.name: voice",
            "+ vlans.98: {}",
        ]
    );
    // Both ways.
    commit(&mut rig, |config| config.ports[1].mtu = 9000).unwrap();
    assert_eq!(lines(&rig, |config| config.ports[1].mtu = 1500), ["  ports.eth2.mtu: 9000 -> 1500"]);
}

#[test]
fn what_is_fixed_while_it_runs_is_refused_by_name_and_nothing_changes() {
    type Change = fn(&mut SwitchConfig);
    let cases: &[(&str, Change)] = &[
        ("name", |config| config.name = "sw2".into()),
        ("workers.count", |config| config.workers.count = 2),
        ("mac-table.maximum-entries", |config| config.mac_table.maximum_entries = 77),
        ("mac-table.sweep-interval", |config| config.mac_table.sweep_interval = Some(seconds(1))),
        ("learning.queue-length", |config| config.learning.queue_length = 1),
        ("ports.eth9", |config| config.ports.push(PortConfig::new(PortName::new("eth9").unwrap()))),
        ("ports.eth3", |config| drop(config.ports.pop())),
        ("ports.eth3", |config| config.ports[2].name = PortName::new("eth9").unwrap()),
        ("the order of ports", |config| config.ports.swap(0, 1)),
        ("ports.eth2.io", |config| config.ports[1].io = Io::AfXdp),
        ("ports.eth2.type", |config| {
            config.ports[1].attachment = Attachment::Tap { netns: None, interface: None, mac_address: None };
        }),
    ];
    let mut rig = Rig::new(inline_config(3));
    let before = rig.switch.config().clone();
    for &(field, change) in cases {
        let refused = commit(&mut rig, |config| {
            config.ports[0].mtu = 9000;
            change(config);
        });
        assert_eq!(refused, Err(Refused::Fixed { field: field.into() }));
        assert_eq!(rig.switch.config(), &before);
    }
    assert_eq!(rig.told(TOLD), []);
    assert_eq!(rig.switch.history().commits().len(), 1);
}

#[test]
fn everything_else_takes_effect_at_once() {
    let mut rig = Rig::new(inline_config(3));
    for (port, number) in [(0, 1), (1, 2), (2, 3)] {
        rig.speak(port, number);
    }
    rig.settle();
    commit(&mut rig, |config| {
        config.ports[0].membership = Membership::Access(Rig::vlan(10));
        config.ports[1].enabled = false;
        config.ports[2].maximum_entries = Some(1);
        config.mac_table.ageing_time = seconds(60);
        config.mac_table.move_damping = Some(MoveDamping {
            threshold: 1,
            interval: seconds(10),
            hold: seconds(10),
            action: Default::default(),
        });
        let (mac_address, port) = (station(9), PortId(2));
        config.static_macs.push(StaticMac { vlan: Rig::vlan(1), mac_address, port });
    })
    .unwrap();
    // What left its VLAN, and what is behind a disabled port, is forgotten.
    assert_eq!((rig.table(1), rig.table(2), rig.table(3)), (None, None, Some("eth3".into())));
    assert_eq!((rig.list(1), rig.list(2)), (None, None));
    assert_eq!(rig.table(9), Some("eth3".into()));
    rig.speak(2, 4);
    assert_eq!(rig.table(4), None, "the port's limit");
    assert_eq!(rig.speak(0, 1), Vec::<usize>::new());
    rig.wait(seconds(61));
    assert_eq!((rig.table(3), rig.table(9)), (None, Some("eth3".into())));
    assert_eq!(rig.told(&["port-down"]).len(), 1);

    commit(&mut rig, |config| {
        config.ports[1].enabled = true;
        config.static_macs.clear();
    })
    .unwrap();
    assert_eq!(rig.told(&["port-up"]).len(), 1);
    assert_eq!((rig.speak(2, 3), rig.table(9)), (vec![1], None));
}

#[test]
fn a_commit_that_cannot_be_is_refused_whole() {
    let mut config = inline_config(2);
    config.mac_table.maximum_entries = 2;
    let mut rig = Rig::new(config);
    let entry =
        |number, port| StaticMac { vlan: Rig::vlan(1), mac_address: station(number), port: PortId(port) };
    commit(&mut rig, |config| config.static_macs = vec![entry(1, 0)]).unwrap();
    // The first moves, the second fits, the third does not.
    let refused = commit(&mut rig, |config| {
        config.ports[0].mtu = 9000;
        config.static_macs = vec![entry(1, 1), entry(2, 0), entry(3, 0)];
    });
    assert_eq!(refused, Err(Refused::StaticMac { mac: station(3), vlan: Rig::vlan(1) }));
    assert_eq!((rig.table(1), rig.table(2), rig.table(3)), (Some("eth1".into()), None, None));
    assert_eq!(rig.switch.config().ports[0].mtu, 1500);

    let refused = commit(&mut rig, |config| config.static_macs = vec![entry(1, 7)]);
    let no_such_port = Refused::NoSuchPort { mac: station(1), vlan: Rig::vlan(1), port: PortId(7), ports: 2 };
    assert_eq!(refused, Err(no_such_port));
    let refused =
        commit(&mut rig, |config| config.ports[0].membership = trunk(&(1..=65).collect::<Vec<_>>()));
    assert_eq!(refused, Err(Refused::TooManyVlans { vlans: 65, room: 64 }));
    commit(&mut rig, |config| config.ports[0].membership = trunk(&(1..=64).collect::<Vec<_>>())).unwrap();
}

#[test]
fn a_commit_that_nobody_confirms_is_rolled_back_at_its_deadline() {
    let mut rig = Rig::new(inline_config(2));
    rig.wait_until(seconds(10));
    commit_within(&mut rig, Some(seconds(300)), |config| config.ports[0].mtu = 9000).unwrap();
    assert_eq!(rig.alarms(), ["commit-unconfirmed"]);
    assert_eq!(rig.switch.poll_timeout(), Some(at(seconds(310))));
    rig.wait_until(seconds(309));
    assert_eq!(rig.switch.config().ports[0].mtu, 9000);
    rig.wait_until(seconds(310));
    assert_eq!(rig.switch.config().ports[0].mtu, 1500);
    assert_eq!(rig.alarms(), Vec::<String>::new());
    let events: Vec<Event> = rig.events().into_iter().map(|(_, event)| event).collect();
    assert!(events.contains(&Event::ConfigRolledBack { author: None, changes: 1 }), "{events:?}");
    let authors: Vec<_> = rig.switch.commit_rows().into_iter().map(|row| (row.commit, row.author)).collect();
    assert_eq!(authors, [(3, None), (2, Some("ops".into())), (1, None)]);
    assert_eq!(rig.tell(Input::Confirm), Err(Refused::NothingToConfirm));
}

#[test]
fn a_commit_is_confirmed_by_a_word_or_by_the_next_one() {
    let mut rig = Rig::new(inline_config(2));
    commit_within(&mut rig, Some(seconds(60)), |config| config.ports[0].mtu = 2000).unwrap();
    rig.wait_until(seconds(59));
    rig.tell(Input::Confirm).unwrap();
    commit_within(&mut rig, Some(seconds(60)), |config| config.ports[0].mtu = 3000).unwrap();
    commit_within(&mut rig, Some(seconds(60)), |config| config.ports[0].mtu = 4000).unwrap();
    rig.wait_until(seconds(600));
    assert_eq!(rig.switch.config().ports[0].mtu, 3000, "the last one was not confirmed");
    let told = rig.told(TOLD);
    let names: Vec<&str> = told.iter().map(|told| told.1.as_str()).collect();
    assert_eq!(
        names,
        [
            "config-committed",
            "alarm-raised",
            "alarm-cleared",
            "config-confirmed",
            "config-committed",
            "alarm-raised",
            "alarm-cleared",
            "config-confirmed",
            "config-committed",
            "alarm-raised",
            "alarm-cleared",
            "config-rolled-back"
        ]
    );
}

#[test]
fn a_rollback_goes_back_so_many_commits_and_is_one_itself() {
    let mut rig = Rig::new(inline_config(2));
    for mtu in [2000, 3000, 4000] {
        commit(&mut rig, |config| config.ports[0].mtu = mtu).unwrap();
    }
    let mut roll_back = |steps| {
        let taken = rig.tell(Input::Rollback { steps, author: "ops".into() });
        (taken, rig.switch.config().ports[0].mtu)
    };
    assert_eq!(roll_back(2), (Ok(()), 2000));
    assert_eq!(roll_back(1), (Ok(()), 4000));
    assert_eq!(roll_back(0), (Err(Refused::NoSuchRollback { kept: 5 }), 4000));
    assert_eq!(roll_back(6), (Err(Refused::NoSuchRollback { kept: 5 }), 4000));
    assert_eq!(roll_back(5), (Ok(()), 1500));
}

#[test]
fn the_history_is_as_long_as_it_may_be_and_survives_a_power_cycle() {
    let mut rig = Rig::new(inline_config(2));
    for turn in 0..60 {
        rig.wait(seconds(1));
        commit(&mut rig, |config| config.ports[0].mtu = 2000 + turn).unwrap();
    }
    commit_within(&mut rig, Some(seconds(60)), |config| config.ports[0].mtu = 1600).unwrap();
    let history = rig.switch.history().clone();
    assert_eq!(history.commits().len(), KEPT);
    let json = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<History>(&json).unwrap(), history);

    let again = Switch::restore(Start::new(history, Seed(2), at(seconds(100)))).unwrap();
    assert_eq!(again.config().ports[0].mtu, 2059, "nobody had confirmed the last one");
    assert_eq!(again.history().commits().len(), KEPT - 1);
    assert_eq!(again.history().latest().at, at(seconds(60)));
    assert!(again.alarms().is_empty());
    assert_eq!(again.poll_timeout(), None);
}

#[test]
fn a_new_vlan_is_flooded_in_when_the_agent_is_there_to_put_its_ports_in() {
    for is_alive in [true, false] {
        let mut config = agent_config(3);
        config.supervisor.restart = false;
        let mut rig = Rig::new(config);
        if !is_alive {
            rig.crash(Duration::ZERO);
        }
        commit(&mut rig, |config| {
            for port in &mut config.ports {
                port.membership = Membership::Access(VlanId::new(97).unwrap());
            }
        })
        .unwrap();
        assert_eq!(rig.speak(0, 1), if is_alive { vec![1, 2] } else { vec![] });
    }
}

#[test]
fn a_switch_that_changes_to_an_agent_and_back_goes_on() {
    let mut rig = Rig::new(inline_config(3));
    rig.speak(0, 1);
    rig.settle();
    commit(&mut rig, |config| config.learning.mode = LearningMode::Agent).unwrap();
    assert_eq!(rig.send(1, station(2), station(1)), [0]);
    rig.speak(1, 1);
    rig.settle();
    assert_eq!((rig.table(1), rig.table(2)), (Some("eth2".into()), Some("eth2".into())));
    assert_eq!(rig.now.since(Instant::ZERO), Duration::from_millis(40));
    rig.wait_until(seconds(100));
    assert_eq!(rig.speak(2, 3), [0, 1]);
    commit(&mut rig, |config| config.learning.mode = LearningMode::Inline).unwrap();
    rig.crash(seconds(1000));
    rig.speak(0, 1);
    assert_eq!(rig.table(1), Some("eth1".into()));
    assert_eq!(rig.speak(2, 3), [0, 1]);
    rig.wait_until(seconds(150));
    assert_eq!(rig.switch.poll_timeout(), Some(at(seconds(1100))));
}

fn static_entry(number: u32, port: u16) -> StaticMac {
    StaticMac { vlan: Rig::vlan(1), mac_address: station(number), port: PortId(port) }
}

#[test]
fn a_station_is_learned_again_after_a_static_entry_of_its_address() {
    for is_hung in [false, true] {
        let mut rig = Rig::new(agent_config(3));
        rig.speak(0, 1);
        rig.settle();
        if is_hung {
            rig.fault(Fault::Hang { agent: LEARNING, lasts: Some(seconds(5)) });
        }
        commit(&mut rig, |config| config.static_macs.push(static_entry(1, 2))).unwrap();
        rig.wait(seconds(1));
        rig.tell(Input::Rollback { steps: 1, author: "ops".into() }).unwrap();
        for _ in 0..10 {
            rig.wait(seconds(1));
            rig.speak(0, 1);
        }
        rig.settle();
        assert_eq!((rig.table(1), rig.list(1)), (Some("eth1".into()), Some("eth1".into())));
    }
}

#[test]
fn a_station_is_learned_again_after_a_commit_that_did_not_come_to_be() {
    let mut config = agent_config(2);
    config.mac_table.maximum_entries = 2;
    let mut rig = Rig::new(config);
    rig.speak(0, 1);
    rig.settle();
    let statics = vec![static_entry(1, 1), static_entry(2, 0), static_entry(3, 0)];
    assert!(commit(&mut rig, |config| config.static_macs = statics).is_err());
    for _ in 0..3 {
        rig.wait(seconds(1));
        rig.speak(0, 1);
    }
    rig.settle();
    assert_eq!(rig.table(1), Some("eth1".into()));
}

#[test]
fn a_rollback_by_itself_is_whole_although_stations_have_taken_the_room_of_static_ones() {
    let mut config = inline_config(2);
    config.mac_table.maximum_entries = 3;
    config.static_macs = vec![static_entry(1, 0), static_entry(2, 0)];
    let mut rig = Rig::new(config);
    commit_within(&mut rig, Some(seconds(60)), |config| config.static_macs = vec![static_entry(3, 0)])
        .unwrap();
    rig.speak(1, 8);
    rig.speak(1, 9);
    rig.settle();
    assert_eq!((rig.table(8), rig.table(9)), (Some("eth2".into()), Some("eth2".into())));
    rig.wait(seconds(61));
    let port = || Some("eth1".to_owned());
    assert_eq!((rig.table(1), rig.table(2), rig.table(3)), (port(), port(), None));
    assert_eq!(rig.told(&["fdb-flushed", "config-rolled-back", "mac-declined"]).len(), 2);
    assert!(rig.switch.check_fdb(rig.now).is_empty());
}

#[test]
fn who_makes_room_for_a_static_entry_is_told_and_learned_again() {
    for is_hung in [false, true] {
        let mut config = agent_config(2);
        (config.mac_table.maximum_entries, config.mac_table.when_full) = (2, WhenFull::EvictOldest);
        let mut rig = Rig::new(config);
        rig.speak(0, 1);
        rig.settle();
        rig.speak(1, 2);
        rig.settle();
        if is_hung {
            rig.fault(Fault::Hang { agent: LEARNING, lasts: Some(seconds(1)) });
        }
        commit(&mut rig, |config| config.static_macs.push(static_entry(3, 0))).unwrap();
        assert_eq!(rig.told(&["mac-evicted"]).len(), 1);
        let evicted = if rig.table(1).is_none() { 1 } else { 2 };
        commit(&mut rig, |config| config.static_macs.clear()).unwrap();
        for _ in 0..5 {
            rig.wait(seconds(1));
            rig.speak(evicted - 1, evicted as u32);
        }
        rig.settle();
        assert_eq!(rig.table(evicted as u32), Some(format!("eth{evicted}")), "hung: {is_hung}");
    }
}

#[test]
fn a_report_of_another_mode_does_not_keep_a_source_from_being_reported() {
    let mut config = agent_config(2);
    config.learning.report_interval = None;
    let mut rig = Rig::new(config);
    rig.fault(Fault::LoseReports { share: 1.0, lasts: Some(seconds(1)) });
    rig.speak(0, 1);
    rig.wait(seconds(2));
    commit(&mut rig, |config| config.learning.mode = LearningMode::Inline).unwrap();
    rig.wait(seconds(2));
    assert!(rig.switch.check_fdb(rig.now).is_empty(), "nobody waits where workers install");
    commit(&mut rig, |config| config.learning.mode = LearningMode::Agent).unwrap();
    rig.speak(0, 1);
    rig.settle();
    assert_eq!(rig.table(1), Some("eth1".into()));
}

#[test]
fn a_flood_group_of_a_dead_agent_follows_a_commit() {
    // The agent dies at 25 s, after a renewal at 20 s, and the commit is at 30 s.
    type Change = fn(&mut SwitchConfig);
    let cases: &[(&str, FloodGroups, Change, Option<u64>)] = &[
        ("frozen", FloodGroups::Leased, |config| config.learning.flood = FloodGroups::Frozen, None),
        ("leased", FloodGroups::Frozen, |config| config.learning.flood = FloodGroups::Leased, Some(90)),
        ("shorter", FloodGroups::Leased, |config| config.mac_table.ageing_time = seconds(40), Some(60)),
        ("longer", FloodGroups::Leased, |config| config.mac_table.ageing_time = seconds(100), Some(120)),
        ("no ageing", FloodGroups::Leased, |config| config.mac_table.ageing_time = Duration::ZERO, None),
        ("something else", FloodGroups::Leased, |config| config.ports[0].mtu = 9000, Some(80)),
    ];
    for &(name, flood, change, lapses) in cases {
        let mut config = agent_config(3);
        config.supervisor.restart = false;
        config.learning.flood = flood;
        config.mac_table.ageing_time = seconds(60);
        let mut rig = Rig::new(config);
        rig.wait_until(seconds(25));
        rig.crash(Duration::ZERO);
        rig.wait_until(seconds(30));
        commit(&mut rig, change).unwrap();
        let end = lapses.unwrap_or(1000);
        rig.wait_until(seconds(end) - Duration::from_millis(1));
        assert_eq!(rig.speak(0, 1), [1, 2], "{name}");
        rig.wait_until(seconds(end));
        assert_eq!(rig.speak(0, 1), if lapses.is_some() { vec![] } else { vec![1, 2] }, "{name}");
    }
}

#[test]
fn vlans_may_come_and_go_for_ever() {
    let mut rig = Rig::new(inline_config(2));
    for turn in 0..300 {
        let vlan = Rig::vlan(2 + turn);
        commit(&mut rig, |config| {
            config.ports.iter_mut().for_each(|port| port.membership = Membership::Access(vlan));
        })
        .unwrap();
        rig.speak(0, 1);
        assert_eq!(rig.table(1), Some("eth1".into()), "in VLAN {vlan}");
        // Long enough for what it leaves in the table to be swept, and in every other turn for its station to lapse.
        rig.wait(seconds(if turn % 2 == 0 { 5 } else { 500 }));
    }
}
