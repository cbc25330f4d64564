//! How a session comes up, and how it ends.

use crate::driver::{A, B, Pair, config, leg, secs};
use greylag_iccp::{
    ApplicationState, Cause, Conflict, ConflictParameter, Iccp, IccpEvent, SessionState, Status,
};
use std::time::Duration;

#[test]
fn two_chassis_meet_and_tell_each_other_everything() {
    let mut pair = Pair::new([config(A), config(B)], 1);
    assert_eq!(pair.ends[A].session(), SessionState::Nonexistent);
    assert!(pair.run_until(secs(1), Pair::is_whole));
    for end in [A, B] {
        let row = pair.row(end);
        assert_eq!(row.session_state, SessionState::Operational);
        assert_eq!(row.application_state, ApplicationState::Operational);
        assert_eq!(row.peer_name, Some(format!("greylag-{}", 1 - end)));
        assert_eq!(row.peer_system, Some(config(1 - end).system));
        assert_eq!((row.established_transitions, row.complete, row.waiting), (1, true, 0));
        assert_eq!((row.messages_sent.naks, row.messages_received.naks), (0, 0));
        assert_eq!(row.last_failure, None);
    }
}

#[test]
fn a_quiet_session_lives_by_keepalives() {
    let mut pair = Pair::settled();
    pair.run(secs(60));
    assert!(pair.is_whole() && pair.events.is_empty());
    let sent = pair.row(A).messages_sent.keepalive;
    assert!((59..=60).contains(&sent), "{sent} in 60 s");
}

#[test]
fn the_shorter_timeout_is_used_by_both_and_keepalives_follow() {
    let mut other = config(B);
    (other.session_timeout, other.keepalive) = (secs(3), secs(1));
    let mut slow = config(A);
    (slow.session_timeout, slow.keepalive) = (secs(90), secs(30));
    let mut pair = Pair::new([slow, other], 1);
    pair.run(secs(30));
    assert!(pair.is_whole());
    let row = pair.row(A);
    assert_eq!((row.keepalive, row.session_timeout), (Some(secs(1)), Some(secs(3))));
    assert_eq!(row.established_transitions, 1);
}

#[test]
fn a_peer_that_falls_silent_is_given_up_after_the_timeout() {
    let mut pair = Pair::settled();
    pair.stalled = true;
    let began = pair.now;
    assert!(pair.run_until(secs(60), |pair| !pair.ends[A].is_up()));
    assert_eq!(pair.failure(A).cause, Cause::SessionTimeout);
    let took = pair.now - began;
    assert!((secs(14)..=secs(15)).contains(&took), "{took:?}");
    assert_eq!(pair.heard(A), [IccpEvent::SessionDown { cause: Cause::SessionTimeout }]);
    pair.stalled = false;
    assert!(pair.run_until(secs(5), Pair::is_whole));
}

#[test]
fn bfd_ends_a_session_at_once_and_nothing_is_tried_meanwhile() {
    let mut pair = Pair::settled();
    pair.tell(A, |iccp, now| iccp.set_path(now, false));
    assert_eq!(pair.heard(A), [IccpEvent::SessionDown { cause: Cause::BfdDown }]);
    pair.run(secs(30));
    assert_eq!(pair.ends[A].poll_timeout(), None);
    assert_eq!(pair.ends[B].session(), SessionState::Nonexistent);
    assert_eq!(pair.failure(B).cause, Cause::ConnectionClosed);
    pair.tell(A, |iccp, now| iccp.set_path(now, true));
    pair.run(Duration::from_millis(10));
    assert!(pair.is_whole(), "it is tried at once");
}

#[test]
fn the_passive_end_lets_nobody_in_while_its_path_cannot_be_used() {
    let mut pair = Pair::settled();
    pair.tell(B, |iccp, now| iccp.set_path(now, false));
    pair.run(secs(10));
    assert_eq!(pair.ends.each_ref().map(Iccp::session), [SessionState::Nonexistent; 2]);
    pair.tell(B, |iccp, now| iccp.set_path(now, true));
    assert!(pair.run_until(secs(2), Pair::is_whole));
}

#[test]
fn nobody_who_listens_is_asked_again_every_retry() {
    let mut pair = Pair::new([config(A), config(B)], 1);
    pair.refused = true;
    pair.run(Duration::from_millis(10));
    pair.cut();
    let began = pair.row(B).established_transitions;
    pair.run(Duration::from_millis(5500));
    assert_eq!(pair.row(B).established_transitions, began);
    assert_eq!(pair.failure(A).cause, Cause::ConnectionClosed);
    pair.refused = false;
    assert!(pair.run_until(secs(2), Pair::is_whole));
}

#[test]
fn a_lost_connection_is_opened_again() {
    let mut pair = Pair::settled();
    pair.cut();
    let down = IccpEvent::SessionDown { cause: Cause::ConnectionClosed };
    assert!(pair.heard(A).contains(&down) && pair.heard(B).contains(&down));
    assert!(pair.run_until(secs(2), Pair::is_whole));
    assert_eq!(pair.row(A).established_transitions, 2);
}

#[test]
fn a_peer_that_connects_anew_has_forgotten_the_session() {
    let mut pair = Pair::settled();
    pair.tell(B, Iccp::handle_connected);
    let cause = Cause::ConnectionReplaced;
    assert_eq!(pair.heard(B), [IccpEvent::SessionDown { cause }]);
    assert_eq!(pair.ends[B].session(), SessionState::Initialized);
}

#[test]
fn who_shuts_down_says_so_and_tries_no_more() {
    let mut pair = Pair::settled();
    pair.tell(B, Iccp::shut_down);
    pair.run(secs(5));
    let said = Cause::PeerApplicationDisconnected("disabled".to_owned());
    assert_eq!(pair.heard(A)[0], IccpEvent::SessionDown { cause: said });
    assert_eq!(pair.heard(B), [IccpEvent::SessionDown { cause: Cause::AdminDown }]);
    assert_eq!(pair.row(A).messages_received.rg_disconnect, 1);
    assert!(!pair.ends[B].accepts() && !pair.ends[A].is_up());
    pair.reconfigure(B, |_| {});
    assert!(pair.run_until(secs(2), Pair::is_whole));
}

#[test]
fn of_two_redundancy_groups_no_session_comes_about_until_they_are_one() {
    let mut other = config(B);
    other.redundancy_group = 2;
    let mut pair = Pair::new([config(A), other], 1);
    pair.run(Duration::from_millis(4500));
    let row = pair.row(A);
    assert_eq!(row.session_state, SessionState::CapRec);
    assert_eq!(row.last_nak_sent.unwrap().status, Status::UnknownRedundancyGroup);
    assert_eq!(row.last_nak_received.unwrap().status, Status::UnknownRedundancyGroup);
    let conflict = Conflict {
        parameter: ConflictParameter::RedundancyGroup,
        aggregator: None,
        local: Some("1".to_owned()),
        peer: Some("2".to_owned()),
    };
    assert_eq!(pair.heard(A), [IccpEvent::Conflict(conflict.clone())], "once, however often it is tried");
    assert!((3..=6).contains(&row.messages_sent.rg_connect), "{:?}", row.messages_sent);
    pair.reconfigure(B, |config| config.redundancy_group = 1);
    assert!(pair.run_until(secs(5), Pair::is_whole));
    assert!(pair.heard(A).contains(&IccpEvent::ConflictOver(conflict)));
    assert!(pair.row(A).conflicts.is_empty());
}

#[test]
fn what_does_not_concern_the_peer_is_changed_without_a_new_session() {
    let mut pair = Pair::settled();
    pair.reconfigure(A, |config| (config.mac_chunk, config.connect_retry) = (1000, secs(2)));
    pair.run(secs(1));
    assert!(pair.events.is_empty());
    pair.reconfigure(A, |config| config.sender_name = "ca1".to_owned());
    assert_eq!(pair.heard(A), [IccpEvent::SessionDown { cause: Cause::ConfigurationChanged }]);
    pair.run(secs(3));
    assert!(pair.is_whole());
    assert_eq!(pair.row(B).peer_name.as_deref(), Some("ca1"));
}

#[test]
fn what_cannot_go_together_is_told_while_it_cannot() {
    type Change = Box<dyn Fn(&mut Pair)>;
    let set = |end: usize, leg: greylag_iccp::Aggregator| {
        move |pair: &mut Pair| pair.tell(end, |iccp, now| iccp.set_aggregator(now, leg))
    };
    let mut mac = leg(B, 10, true);
    mac.system.mac.0[5] = 99;
    let mut priority = leg(B, 10, true);
    priority.system.priority = 1;
    let mut key = leg(B, 10, true);
    key.key = 7;
    let node = |pair: &mut Pair| pair.reconfigure(B, |config| config.system.node_id = 0);
    use ConflictParameter::{AdminKey, McAeId, NodeId, SystemIdMac, SystemPriority};
    let table: Vec<(Change, ConflictParameter, &str, &str)> = vec![
        (
            Box::new(move |pair| set(B, mac.clone())(pair)),
            SystemIdMac,
            "02:00:00:00:01:0a",
            "02:00:00:00:01:63",
        ),
        (Box::new(move |pair| set(B, priority.clone())(pair)), SystemPriority, "127", "1"),
        (Box::new(move |pair| set(B, key.clone())(pair)), AdminKey, "10", "7"),
        (Box::new(move |pair| set(B, leg(B, 11, true))(pair)), McAeId, "-", "ae11"),
        (Box::new(|pair| pair.tell(B, |iccp, now| iccp.remove_aggregator(now, 10))), McAeId, "ae10", "-"),
        (Box::new(node), NodeId, "0", "0"),
    ];
    for (change, parameter, local, peer) in table {
        let mut pair = Pair::settled();
        for end in [A, B] {
            set(end, leg(end, 10, true))(&mut pair);
        }
        pair.run(secs(1));
        assert_eq!(pair.row(A).conflicts, [], "the legs fit");
        pair.events.clear();
        change(&mut pair);
        pair.run(secs(3));
        let found = pair.row(A).conflicts;
        let text = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
        let [conflict] = &found[..] else { panic!("{parameter:?}: {found:?}") };
        assert_eq!(conflict.parameter, parameter);
        assert_eq!((text(&conflict.local).as_str(), text(&conflict.peer).as_str()), (local, peer));
        assert!(pair.heard(A).contains(&IccpEvent::Conflict(conflict.clone())), "{:?}", pair.heard(A));
        assert_eq!(pair.row(B).conflicts.len(), 1, "both are told");
    }
}
