//! What the agent believes, what the table has and what workers see, when they are not the same.

use crate::rig::{LEARNING, Rig, agent_config, inline_config, millis, seconds, station};
use greylag_mactable::WhenFull;
use greylag_switch::config::{ReportOrder, SwitchConfig};
use greylag_switch::fault::Fault;
use greylag_switch::{ConflictKind, Event, Input, Refused};
use std::time::Duration;

/// An agent to which everything is told once.
fn told_once(ports: usize) -> SwitchConfig {
    let mut config = agent_config(ports);
    config.learning.report_interval = None;
    config
}

fn lose_everything() -> Fault {
    Fault::LoseReports { share: 1.0, lasts: None }
}

fn refuse_everything() -> Fault {
    Fault::RefuseWrites { share: 1.0, lasts: None }
}

/// Kind, and the ports that agent, table and workers have a station on, as `-/eth1/-`.
fn conflicts(rig: &Rig) -> Vec<(ConflictKind, String)> {
    let place = |port: Option<String>| port.unwrap_or("-".into());
    let line = |agent, table, seen| format!("{}/{}/{}", place(agent), place(table), place(seen));
    let found = rig.switch.check_fdb(rig.now);
    found.into_iter().map(|found| (found.kind, line(found.agent, found.table, found.seen))).collect()
}

/// Has it checked and repaired; how many differences there were, and how many are put right.
fn repair(rig: &mut Rig) -> (usize, usize) {
    rig.read_events();
    rig.tell(Input::CheckFdb { repair: true }).unwrap();
    let checked = rig.events().into_iter().find_map(|(_, event)| match event {
        Event::FdbChecked { conflicts, repaired } => Some((conflicts, repaired)),
        _ => None,
    });
    checked.expect("a check is told")
}

/// It differs like this, a repair puts it right, and then the station is there.
#[track_caller]
fn differs_until_repaired(rig: &mut Rig, kind: ConflictKind, line: &str, then: Option<&str>) {
    assert_eq!(conflicts(rig), [(kind, line.to_owned())]);
    rig.tell(Input::CheckFdb { repair: false }).unwrap();
    assert_eq!(conflicts(rig).len(), 1, "a check alone changes nothing");
    assert_eq!(repair(rig), (1, 1));
    assert_eq!(conflicts(rig), []);
    assert_eq!((rig.table(1).as_deref(), rig.list(1).as_deref()), (then, then));
}

#[test]
fn a_write_that_never_arrived_stays_unnoticed_until_somebody_compares() {
    let mut rig = Rig::new(agent_config(3));
    rig.fault(refuse_everything());
    rig.speak(0, 1);
    rig.settle();
    rig.fault(Fault::Heal);
    // The source is reported every second, and the agent knows it.
    for second in 1..10 {
        rig.wait_until(seconds(second));
        rig.speak(0, 1);
    }
    rig.wait(millis(500));
    assert_eq!(rig.send(1, station(2), station(1)), [0, 2], "flooded all the while");
    rig.settle();
    differs_until_repaired(&mut rig, ConflictKind::NotInTable, "eth1/-/eth1", Some("eth1"));
    assert_eq!(rig.send(1, station(2), station(1)), [0]);
    assert_eq!(rig.switch.counters(rig.now).learning.writes_refused, 1);
}

#[test]
fn a_move_that_never_arrived_in_the_table_is_a_black_hole_until_somebody_compares() {
    let mut rig = Rig::new(agent_config(3));
    rig.speak(0, 1);
    rig.settle();
    rig.fault(refuse_everything());
    rig.speak(1, 1);
    rig.settle();
    rig.fault(Fault::Heal);
    assert_eq!(rig.send(2, station(3), station(1)), [0], "where it is no more");
    rig.settle();
    differs_until_repaired(&mut rig, ConflictKind::OtherPort, "eth2/eth1/eth2", Some("eth2"));
}

#[test]
fn a_repair_that_is_refused_is_none_that_lasts() {
    let mut rig = Rig::new(agent_config(3));
    rig.fault(refuse_everything());
    rig.speak(0, 1);
    rig.settle();
    assert_eq!(repair(&mut rig), (1, 1), "as far as the agent knows");
    rig.settle();
    assert_eq!(conflicts(&rig).len(), 1);
}

#[test]
fn a_source_whose_only_report_was_lost_is_flooded_to_until_somebody_asks_the_workers() {
    let mut rig = Rig::new(told_once(3));
    rig.fault(lose_everything());
    rig.speak(0, 1);
    rig.settle();
    rig.fault(Fault::Heal);
    rig.speak(0, 1);
    rig.wait_until(seconds(5));
    differs_until_repaired(&mut rig, ConflictKind::NotLearned, "-/-/eth1", Some("eth1"));
    assert_eq!(rig.switch.counters(rig.now).learning.reports_lost, 1);
}

#[test]
fn a_move_whose_only_report_was_lost_is_a_black_hole_on_which_agent_and_table_agree() {
    let mut rig = Rig::new(told_once(3));
    rig.speak(0, 1);
    rig.wait_until(seconds(5));
    rig.fault(lose_everything());
    rig.speak(1, 1);
    rig.settle();
    rig.fault(Fault::Heal);
    for second in 6..100 {
        rig.wait_until(seconds(second));
        rig.speak(1, 1);
    }
    assert_eq!(rig.send(2, station(3), station(1)), [0], "where it is no more");
    rig.settle();
    differs_until_repaired(&mut rig, ConflictKind::SeenElsewhere, "eth1/eth1/eth2", Some("eth2"));
}

#[test]
fn a_report_that_a_later_one_has_overtaken_is_no_difference_when_reports_are_stamped() {
    let mut config = told_once(3);
    config.learning.report_order = ReportOrder::Stamped;
    let mut rig = Rig::new(config);
    rig.speak(0, 1);
    rig.wait_until(seconds(5));
    rig.fault(Fault::DelayReports { least: seconds(4), most: seconds(4), lasts: Some(seconds(1)) });
    rig.speak(1, 1);
    rig.wait_until(seconds(7));
    rig.speak(2, 1);
    rig.wait_until(seconds(12));
    assert_eq!((rig.table(1).as_deref(), rig.list(1).as_deref()), (Some("eth3"), Some("eth3")));
    assert_eq!(conflicts(&rig), []);
}

#[test]
fn a_station_that_came_back_is_no_difference() {
    let mut rig = Rig::new(told_once(3));
    rig.speak(0, 1);
    rig.wait_until(seconds(5));
    rig.fault(lose_everything());
    rig.speak(1, 1);
    rig.settle();
    for second in 6..25 {
        rig.wait_until(seconds(second));
        rig.speak(0, 1);
    }
    assert_eq!(conflicts(&rig), []);
}

#[test]
fn an_inline_switch_whose_agent_did_not_hear_is_put_right_on_the_list() {
    let mut rig = Rig::new(inline_config(3));
    rig.fault(lose_everything());
    rig.speak(0, 1);
    rig.settle();
    differs_until_repaired(&mut rig, ConflictKind::NotOnList, "-/eth1/-", Some("eth1"));
    rig.speak(1, 1);
    rig.settle();
    differs_until_repaired(&mut rig, ConflictKind::OtherPort, "eth1/eth2/-", Some("eth2"));
}

#[test]
fn an_inline_switch_whose_agent_did_not_hear_of_an_eviction_forgets_it() {
    let mut config = inline_config(2);
    (config.mac_table.maximum_entries, config.mac_table.when_full) = (64, WhenFull::EvictOldest);
    let mut rig = Rig::new(config);
    let mut newcomers = 0..;
    for number in newcomers.by_ref().take(64) {
        rig.speak(0, number);
    }
    rig.settle();
    rig.fault(lose_everything());
    rig.wait_until(seconds(10));
    for number in newcomers.take(100) {
        rig.speak(1, number);
    }
    rig.settle();
    let evicted = rig.switch.counters(rig.now).mac_table.evicted as usize;
    assert!(evicted > 0);
    let found = conflicts(&rig);
    let gone: Vec<_> = found.iter().filter(|found| found.0 == ConflictKind::NotInTable).collect();
    assert!(!gone.is_empty() && gone.iter().all(|(_, line)| line == "eth1/-/-"), "{gone:?}");
    // As many came as went, for the table is as full as before.
    assert_eq!(gone.len() * 2, found.len());
    assert_eq!(repair(&mut rig), (found.len(), found.len()));
    assert_eq!(conflicts(&rig), []);
    assert_eq!(rig.switch.known(rig.now).len(), 64);
}

#[test]
fn an_address_of_whose_end_nobody_heard_is_no_difference_and_a_repair_takes_it_off_the_list() {
    for mut config in [agent_config(2), inline_config(2)] {
        config.mac_table.ageing_time = seconds(30);
        config.mac_table.sweep_interval = Some(seconds(1));
        let mut rig = Rig::new(config);
        rig.speak(0, 1);
        rig.settle();
        rig.fault(lose_everything());
        rig.wait_until(seconds(60));
        assert_eq!((rig.table(1), rig.list(1)), (None, Some("eth1".into())));
        assert_eq!(conflicts(&rig), []);
        assert_eq!(repair(&mut rig), (0, 0));
        assert_eq!(rig.list(1), None);
        // Nor is it in the way of learning it again.
        rig.fault(Fault::Heal);
        rig.speak(1, 1);
        rig.settle();
        assert_eq!((rig.table(1), rig.list(1)), (Some("eth2".into()), Some("eth2".into())));
    }
}

/// A station lapses, the report of that is late, and the station is learned again on the same port before it arrives.
fn after_a_late_end(order: ReportOrder) -> Rig {
    let mut config = agent_config(2);
    config.mac_table.ageing_time = seconds(30);
    config.mac_table.sweep_interval = Some(seconds(1));
    config.learning.report_order = order;
    let mut rig = Rig::new(config);
    rig.speak(0, 1);
    rig.wait_until(seconds(29));
    rig.fault(Fault::DelayReports { least: seconds(10), most: seconds(10), lasts: Some(seconds(4)) });
    rig.wait_until(seconds(34));
    assert_eq!(rig.table(1), None);
    rig.speak(0, 1);
    rig.settle();
    assert_eq!(rig.table(1), Some("eth1".into()));
    rig.wait_until(seconds(48));
    rig
}

#[test]
fn a_late_report_of_its_end_takes_a_station_off_the_list_unless_reports_go_by_their_stamps() {
    let mut rig = after_a_late_end(ReportOrder::Arrival);
    differs_until_repaired(&mut rig, ConflictKind::NotOnList, "-/eth1/-", Some("eth1"));
    assert_eq!(conflicts(&after_a_late_end(ReportOrder::Stamped)), []);
}

#[test]
fn a_renewal_takes_up_an_entry_in_use_that_the_agent_was_never_told_of() {
    let mut config = agent_config(2);
    config.learning.agent_owns.learn = false;
    let mut rig = Rig::new(config);
    rig.fault(lose_everything());
    rig.speak(0, 1);
    rig.settle();
    assert_eq!((rig.table(1), rig.list(1)), (Some("eth1".into()), None));
    rig.speak(0, 1);
    rig.wait_until(seconds(10));
    assert_eq!(rig.list(1), Some("eth1".into()));
}

#[test]
fn an_audit_that_is_configured_puts_right_by_itself() {
    let mut config = agent_config(3);
    config.learning.audit_interval = Some(seconds(60));
    let mut rig = Rig::new(config);
    rig.fault(Fault::RefuseWrites { share: 1.0, lasts: Some(seconds(10)) });
    rig.speak(0, 1);
    rig.wait_until(millis(59_999));
    assert_eq!(rig.table(1), None);
    rig.wait_until(seconds(60));
    assert_eq!(rig.table(1), Some("eth1".into()));
    rig.wait_until(seconds(180));
    let checks = rig.told(&["fdb-checked"]);
    assert_eq!(checks.iter().map(|told| told.0).collect::<Vec<_>>(), [60_000, 120_000, 180_000]);
}

#[test]
fn a_static_address_is_where_the_operator_says() {
    let mut config = agent_config(3);
    config.static_macs.push(greylag_switch::config::StaticMac {
        vlan: Rig::vlan(1),
        mac_address: station(1),
        port: greylag_base::PortId(0),
    });
    let mut rig = Rig::new(config);
    rig.speak(2, 1);
    rig.settle();
    assert_eq!((rig.table(1), rig.list(1)), (Some("eth1".into()), None));
    assert_eq!(conflicts(&rig), []);
}

#[test]
fn an_agent_that_is_not_there_compares_nothing() {
    let mut rig = Rig::new(agent_config(2));
    rig.speak(0, 1);
    rig.settle();
    rig.crash(seconds(10));
    let refused = Err(Refused::AgentDown { agent: LEARNING });
    assert_eq!(rig.tell(Input::CheckFdb { repair: true }), refused);
    assert_eq!(conflicts(&rig), []);
    rig.wait(seconds(20));
    assert_eq!(rig.tell(Input::CheckFdb { repair: true }), Ok(()));
    rig.fault(Fault::Hang { agent: LEARNING, lasts: Some(Duration::from_secs(1)) });
    assert_eq!(rig.tell(Input::CheckFdb { repair: true }), refused);
}

#[test]
fn what_was_learned_on_a_port_that_went_down_before_the_agent_heard_of_it_is_no_difference() {
    let mut rig = Rig::new(inline_config(3));
    rig.speak(0, 1);
    rig.speak(1, 2);
    rig.settle();
    rig.speak(0, 2);
    rig.speak(0, 3);
    rig.link(0, false);
    rig.settle();
    assert_eq!((rig.table(2), rig.list(2), rig.list(3)), (None, None, None));
    assert_eq!(conflicts(&rig), []);
}
