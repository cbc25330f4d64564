//! The learning agent at work, slow, late, and gone.

use crate::rig::{LEARNING, Rig, agent_config, at, inline_config, millis, seconds, station};
use greylag_base::{DropReason, Instant, PortId};
use greylag_switch::config::{DampingAction, FloodGroups, MoveDamping, ReportOrder, SwitchConfig};
use greylag_switch::fault::Fault;
use std::time::Duration;

const MACS: &[&str] = &["mac-learned", "mac-moved", "mac-aged", "mac-declined", "mac-evicted"];

fn names(rig: &mut Rig) -> Vec<(u128, String)> {
    rig.told(MACS)
}

fn told(at: u128, name: &str) -> (u128, String) {
    (at, name.to_owned())
}

/// An agent that is not started again.
fn mortal(ports: usize) -> SwitchConfig {
    let mut config = agent_config(ports);
    config.supervisor.restart = false;
    config
}

#[test]
fn a_station_is_learned_when_the_agent_looks_at_its_queue_and_moved_when_it_looks_again() {
    let mut rig = Rig::new(agent_config(3));
    rig.wait_until(seconds(1));
    assert_eq!(rig.speak(0, 1), [1, 2]);
    assert_eq!(rig.table(1), None, "installing is the agent's");
    rig.wait_until(millis(1010));
    assert_eq!((rig.table(1), rig.list(1)), (Some("eth1".into()), Some("eth1".into())));
    assert_eq!(rig.send(1, station(2), station(1)), [0]);
    rig.wait_until(seconds(2));
    rig.speak(1, 1);
    rig.wait_until(seconds(3));
    assert_eq!((rig.table(1), rig.list(1)), (Some("eth2".into()), Some("eth2".into())));
    assert_eq!(
        names(&mut rig),
        [told(1010, "mac-learned"), told(1020, "mac-learned"), told(2010, "mac-moved")]
    );
}

#[test]
fn with_inline_learning_a_crashed_agent_means_that_nobody_hears() {
    let mut rig = Rig::new(inline_config(2));
    rig.speak(0, 1);
    rig.settle();
    rig.crash(seconds(100));
    rig.speak(0, 2);
    rig.wait_until(seconds(50));
    assert_eq!(rig.table(2), Some("eth1".into()), "the worker learns by itself");
    assert_eq!(names(&mut rig), [told(0, "mac-learned")]);
    // Back again, it hears of what waited.
    rig.wait_until(seconds(101));
    assert_eq!(names(&mut rig), [told(20, "mac-learned")]);
}

/// Sends every second from station 1 on the first port, from 0 to `until`.
fn talk(rig: &mut Rig, until: u64) {
    while rig.now < at(seconds(until)) {
        rig.speak(0, 1);
        rig.wait(seconds(1));
    }
}

#[test]
fn an_entry_in_use_lapses_an_ageing_time_after_the_last_renewal_of_an_agent_that_died() {
    // A tick of the table is 1/512 of the ageing time: one second.
    let mut config = mortal(2);
    config.mac_table.ageing_time = seconds(512);
    let mut rig = Rig::new(config);
    talk(&mut rig, 65);
    rig.crash(Duration::ZERO);
    // Renewed at 60 s for the last time.
    talk(&mut rig, 572);
    assert_eq!(rig.table(1), Some("eth1".into()));
    talk(&mut rig, 574);
    assert_eq!(rig.table(1), None);
    assert_eq!(names(&mut rig), [told(10, "mac-learned")], "nobody is there to tell");
}

#[test]
fn an_agent_that_renews_keeps_an_entry_in_use_and_lets_a_silent_one_go() {
    let mut config = agent_config(2);
    config.mac_table.ageing_time = seconds(64);
    config.mac_table.sweep_interval = Some(seconds(1));
    let mut rig = Rig::new(config);
    rig.speak(1, 2);
    talk(&mut rig, 1000);
    assert_eq!((rig.table(1), rig.table(2)), (Some("eth1".into()), None));
    assert_eq!((rig.list(1), rig.list(2)), (Some("eth1".into()), None));
    let told = names(&mut rig);
    assert_eq!(
        told.iter().map(|told| told.1.as_str()).collect::<Vec<_>>(),
        ["mac-learned", "mac-learned", "mac-aged"]
    );
    assert!((64_000..76_000).contains(&told[2].0), "{told:?}");
}

#[test]
fn a_port_that_flaps_while_the_agent_is_dead_gets_no_flooded_frame_until_the_agent_is_back() {
    let mut rig = Rig::new(agent_config(3));
    rig.crash(seconds(30));
    rig.wait_until(seconds(10));
    rig.link(2, false);
    rig.wait_until(seconds(11));
    rig.link(2, true);
    assert_eq!(rig.speak(0, 1), [1]);
    rig.wait_until(seconds(29));
    assert_eq!(rig.speak(0, 1), [1]);
    let left_out = rig.switch.data_plane().port_counts(PortId(2)).drops[DropReason::NotInFloodGroup.index()];
    assert_eq!(left_out, 2);
    // A frame to a station that is known there arrives; but the flap made the table forget all of them.
    rig.wait_until(seconds(31));
    assert_eq!(rig.speak(0, 1), [1, 2]);
}

#[test]
fn a_port_that_goes_down_leaves_its_flood_groups_whether_or_not_the_agent_lives() {
    for is_alive in [true, false] {
        let mut rig = Rig::new(mortal(3));
        if !is_alive {
            rig.crash(Duration::ZERO);
        }
        rig.link(2, false);
        assert!(rig.switch.ports()[2].flood_groups().is_empty());
        rig.link(2, true);
        assert_eq!(rig.speak(0, 1), if is_alive { vec![1, 2] } else { vec![1] });
    }
}

#[test]
fn a_leased_flood_group_lapses_an_ageing_time_after_the_agent_and_a_frozen_one_does_not() {
    for flood in [FloodGroups::Frozen, FloodGroups::Leased] {
        let mut config = mortal(3);
        config.learning.flood = flood;
        config.mac_table.ageing_time = seconds(60);
        let mut rig = Rig::new(config);
        rig.wait_until(seconds(25));
        rig.crash(Duration::ZERO);
        // Renewed at 20 s for the last time.
        rig.wait_until(millis(79_999));
        assert_eq!(rig.speak(0, 1), [1, 2]);
        rig.wait_until(seconds(80));
        let is_frozen = flood == FloodGroups::Frozen;
        assert_eq!(rig.speak(0, 1), if is_frozen { vec![1, 2] } else { vec![] }, "{flood:?}");
    }
}

#[test]
fn a_hung_agent_does_nothing_and_catches_up_when_it_is_not_hung_any_more() {
    let mut rig = Rig::new(agent_config(3));
    rig.speak(0, 1);
    rig.settle();
    rig.fault(Fault::Hang { agent: LEARNING, lasts: Some(seconds(20)) });
    rig.speak(1, 2);
    rig.link(0, false);
    rig.link(0, true);
    rig.wait_until(seconds(19));
    assert_eq!((rig.table(1), rig.table(2), rig.list(1)), (None, None, Some("eth1".into())));
    rig.wait_until(seconds(21));
    assert_eq!((rig.table(2), rig.list(1)), (Some("eth2".into()), None));
    assert_eq!(rig.speak(1, 2), [0, 2]);
}

#[test]
fn a_restarted_agent_adopts_the_table() {
    let mut rig = Rig::new(agent_config(3));
    rig.speak(0, 1);
    rig.speak(1, 2);
    rig.settle();
    rig.crash(seconds(5));
    assert_eq!(rig.list(1), None);
    rig.wait_until(seconds(2));
    rig.link(1, false);
    rig.wait_until(seconds(10));
    assert_eq!((rig.list(1), rig.list(2)), (Some("eth1".into()), None));
    assert!(rig.switch.check_fdb(rig.now).is_empty());
}

#[test]
fn a_restarted_agent_is_not_misled_by_the_report_of_an_end_before_it_began() {
    let mut config = agent_config(2);
    config.mac_table.ageing_time = seconds(64);
    config.mac_table.sweep_interval = Some(seconds(10));
    let mut rig = Rig::new(config);
    rig.speak(0, 1);
    rig.settle();
    rig.crash(seconds(80));
    // It speaks again between the end of its entry and the sweep, which reports both in this order.
    rig.wait_until(seconds(65));
    rig.speak(0, 1);
    assert_eq!(rig.table(1), None);
    rig.wait_until(seconds(85));
    assert_eq!((rig.table(1), rig.list(1)), (Some("eth1".into()), Some("eth1".into())));
    assert!(names(&mut rig).iter().any(|told| told.1 == "mac-aged"), "its end was reported, and is told");
    assert!(rig.switch.check_fdb(rig.now).is_empty());
}

#[test]
fn a_slow_agent_handles_so_many_reports_a_second() {
    let mut rig = Rig::new(agent_config(2));
    rig.fault(Fault::Slow { agent: LEARNING, rate: 50, lasts: Some(seconds(2)) });
    for number in 0..500 {
        rig.speak(0, number);
    }
    let handled = |rig: &Rig| rig.switch.counters(rig.now).learning.reports_handled;
    for (second, least, most) in [(1, 49, 52), (2, 99, 102)] {
        rig.wait_until(seconds(second) - millis(1));
        assert!((least..=most).contains(&handled(&rig)), "{} after {second} s", handled(&rig));
    }
    rig.wait_until(millis(2100));
    assert_eq!(handled(&rig), 500, "the rest when it is not slow any more");
}

/// A station moves from the first port to the second and back, and the report of its first move is the last to arrive.
fn reordered(order: ReportOrder) -> Option<String> {
    let mut config = agent_config(3);
    config.learning.report_order = order;
    config.learning.report_interval = None;
    let mut rig = Rig::new(config);
    rig.speak(0, 1);
    rig.settle();
    rig.wait_until(seconds(1));
    rig.fault(Fault::DelayReports { least: seconds(5), most: seconds(5), lasts: Some(seconds(1)) });
    rig.speak(1, 1);
    rig.wait_until(seconds(3));
    rig.speak(2, 1);
    rig.wait_until(seconds(4));
    assert_eq!(rig.table(1), Some("eth3".into()));
    rig.wait_until(seconds(10));
    assert_eq!(rig.table(1), rig.list(1));
    rig.table(1)
}

#[test]
fn a_late_report_moves_a_station_back_unless_reports_go_by_their_stamps() {
    assert_eq!(reordered(ReportOrder::Arrival), Some("eth2".into()));
    assert_eq!(reordered(ReportOrder::Stamped), Some("eth3".into()));
}

#[test]
fn what_the_table_does_not_take_is_told_and_counted_and_raises_an_alarm_when_it_is_full() {
    let mut config = agent_config(2);
    config.mac_table.maximum_entries = 2;
    config.ports[1].maximum_entries = Some(0);
    let mut rig = Rig::new(config);
    rig.speak(1, 9);
    rig.settle();
    assert_eq!(rig.alarms(), Vec::<String>::new(), "a port's limit is not the table's");
    for number in 1..=3 {
        rig.speak(0, number);
    }
    rig.settle();
    let declined = rig.switch.counters(rig.now).mac_table.declined;
    assert_eq!((declined["port-limit"], declined["table-full"]), (1, 1));
    assert_eq!(names(&mut rig).iter().filter(|told| told.1 == "mac-declined").count(), 2);
    assert_eq!(rig.alarms(), ["mac-table-full"]);
    assert!(
        rig.switch.check_fdb(rig.now + seconds(1)).is_empty(),
        "agent and table agree that it is not there"
    );
    rig.wait(seconds(70));
    assert_eq!(rig.now.since(Instant::ZERO).as_secs(), 70);
    assert_eq!(rig.alarms(), Vec::<String>::new());
}

#[test]
fn an_address_that_moves_too_often_is_held_by_the_agent_and_its_frames_pass() {
    let mut config = agent_config(3);
    config.mac_table.move_damping = Some(MoveDamping {
        threshold: 2,
        interval: seconds(10),
        hold: seconds(60),
        action: DampingAction::Drop,
    });
    let mut rig = Rig::new(config);
    for turn in 0..6 {
        rig.wait_until(seconds(turn));
        rig.speak((turn % 2) as usize, 1);
    }
    rig.settle();
    assert_eq!(rig.table(1), Some("eth1".into()), "where its second move brought it");
    assert_eq!(rig.speak(1, 1), [0, 2]);
    assert_eq!(
        rig.told(&["mac-moved", "mac-move-damped"]).iter().map(|told| told.0).collect::<Vec<_>>(),
        [1010, 2010, 3010]
    );
    assert!(rig.switch.counters(rig.now).mac_table.move_damped >= 2);
    rig.wait_until(seconds(64));
    rig.speak(1, 1);
    rig.settle();
    assert_eq!(rig.table(1), Some("eth2".into()));
}

#[test]
fn an_agent_that_takes_no_report_at_all_is_not_polled_for_nothing() {
    let mut rig = Rig::new(agent_config(2));
    rig.fault(Fault::Slow { agent: LEARNING, rate: 0, lasts: Some(seconds(5)) });
    rig.speak(0, 1);
    assert!(!rig.switch.has_news());
    rig.wait_until(seconds(4));
    assert_eq!(rig.table(1), None);
    rig.wait_until(seconds(5));
    assert_eq!(rig.table(1), Some("eth1".into()));
}

#[test]
fn an_agent_that_is_slow_at_an_unlikely_rate_is_as_good_as_one_that_is_not() {
    let mut rig = Rig::new(agent_config(2));
    rig.fault(Fault::Slow { agent: LEARNING, rate: u32::MAX, lasts: None });
    rig.speak(0, 1);
    rig.settle();
    assert_eq!(rig.table(1), Some("eth1".into()));
}

#[test]
fn an_agent_that_becomes_less_slow_does_not_sleep_on_for_as_long_as_it_would_have() {
    let mut rig = Rig::new(agent_config(2));
    rig.fault(Fault::Slow { agent: LEARNING, rate: 1, lasts: None });
    for number in 0..100 {
        rig.speak(0, number);
    }
    rig.wait_until(millis(100));
    rig.fault(Fault::Slow { agent: LEARNING, rate: 1000, lasts: None });
    rig.wait_until(millis(300));
    assert_eq!(rig.switch.counters(rig.now).learning.reports_handled, 100);
}
