//! Bundles between two switches: what brings them up, what takes members out, and what becomes of them without their agent.

use crate::pair::{A, B, Pair, bundled, lag};
use crate::rig::{Rig, millis, seconds};
use greylag_base::MacAddr;
use greylag_lacp::{LacpMode, receive};
use greylag_switch::agent::{AgentKind, AgentState};
use greylag_switch::config::{AgentOwns, LearningMode, Membership, PortFlush, SwitchConfig};
use greylag_switch::fault::Fault;
use greylag_switch::{Event, Input, LacpEvent};
use std::time::Duration;

const LACP: AgentKind = AgentKind::Lacp;

fn plain(_: &mut greylag_switch::config::LagConfig) {}

/// Both switches, of which one does not restart its agents.
fn mortal(members: usize) -> Pair {
    let mut config = bundled(members, plain);
    config.supervisor.restart = false;
    let mut pair = Pair::new(config, bundled(members, plain));
    pair.wait_until(seconds(10));
    assert_eq!(pair.distributing(A).len(), members);
    pair.sides.iter_mut().for_each(Rig::read_events);
    pair
}

/// The supervisor hears of it at once.
fn crash(pair: &mut Pair, side: usize) {
    pair.sides[side].fault(Fault::Crash { agent: LACP, dump: Duration::ZERO });
    pair.wait(Duration::ZERO);
}

fn drops(pair: &Pair, side: usize, reason: &str) -> u64 {
    let rows = pair.sides[side].switch.drops();
    rows.iter().filter(|row| row.reason == reason).map(|row| row.frames).sum()
}

#[test]
fn a_bundle_comes_up_and_carries_what_single_links_would() {
    let mut pair = Pair::new(bundled(2, plain), bundled(2, plain));
    assert!(!pair.send(A, 1, 2), "not at once");
    pair.wait_until(seconds(10));
    assert!(pair.is_up(A) && pair.is_up(B));
    assert!(pair.send(A, 1, 2) && pair.send(B, 2, 1));
    assert_eq!(pair.sides[B].table(1).as_deref(), Some("ae0"), "it is learned on the bundle");
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
    let told = pair.lacp_events(A);
    let lag = LacpEvent::LagChanged {
        lag: "ae0".into(),
        up: true,
        distributing: vec!["eth2".into(), "eth3".into()],
    };
    let (at, _) = told.iter().find(|(_, event)| *event == lag).expect("it is told");
    // Two seconds of waiting for others, and what the ports took to begin.
    assert!(*at >= seconds(2) && *at < millis(3_200), "{at:?}");
}

#[test]
fn ports_begin_at_times_of_their_own_within_a_second() {
    let mut pair = Pair::up(4, plain);
    pair.wait(seconds(60));
    let outputs = &pair.sides[A].switch.recording().unwrap().outputs;
    let mut first = [None; 4];
    for record in outputs {
        if let greylag_switch::Output::Originate { port, .. } = record.output {
            first[port.index() - 1].get_or_insert(record.at);
        }
    }
    let first = first.map(|at| at.expect("every port speaks"));
    // Within a second they begin, and a second later at most they speak.
    assert!(first.iter().all(|at| at.as_nanos() <= 2_000_000_000), "{first:?}");
    let mut times = first.to_vec();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), 4, "{first:?}");
}

#[test]
fn a_member_without_a_link_is_left_at_once_and_its_addresses_stay() {
    let mut pair = Pair::up(2, plain);
    assert!(pair.send(B, 2, 1));
    pair.link(1, false);
    assert_eq!([pair.distributing(A), pair.distributing(B)], [[2], [2]], "no timer is waited for");
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
    assert!(pair.is_up(A));
    assert_eq!(pair.sides[A].table(2).as_deref(), Some("ae0"), "who is behind the bundle still is");
    pair.link(1, true);
    assert_eq!(pair.distributing(A), [2], "its return is LACP's to say");
    pair.wait_for(seconds(10), |pair| pair.distributing(A) == [1, 2] && pair.distributing(B) == [1, 2]);
}

#[test]
fn a_bundle_without_a_link_is_a_port_that_is_down_and_is_flushed() {
    let mut pair = Pair::up(2, plain);
    assert!(pair.send(B, 2, 1));
    pair.link(1, false);
    pair.sides[A].read_events();
    pair.link(2, false);
    assert!(!pair.is_up(A) && pair.distributing(A).is_empty() && pair.collecting(A).is_empty());
    assert_eq!(pair.sides[A].table(2), None);
    let down: Vec<Event> = pair.sides[A].events().into_iter().map(|(_, event)| event).collect();
    assert!(down.contains(&Event::PortDown { port: "ae0".into() }), "{down:?}");
    assert!(down.contains(&Event::PortDown { port: "eth3".into() }), "{down:?}");
}

#[test]
fn a_dead_agent_leaves_everything_as_it_is_until_the_partner_gives_up() {
    let mut pair = mortal(2);
    crash(&mut pair, A);
    assert_eq!(pair.sides[A].switch.agent_state(LACP), Some(AgentState::Failed));
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100], "the data plane goes on");
    let silent = pair.now();
    let gives_up = pair.wait_for(seconds(10), |pair| pair.distributing(B).is_empty());
    // Expired three seconds after the last LACPDU: no longer in sync.
    assert!(gives_up > seconds(2) && gives_up <= seconds(3), "{gives_up:?}");
    let expired = pair.lacp_events(B).into_iter().find_map(|(at, event)| match event {
        LacpEvent::LacpReceiveStateChanged { to: receive::State::Expired, .. } => Some(at),
        _ => None,
    });
    assert!(expired.is_some_and(|at| at > silent));
    pair.wait(seconds(60));
    assert_eq!((pair.distributing(A), pair.collecting(A)), (vec![1, 2], vec![1, 2]), "and goes on");
    assert_eq!(pair.arriving(A), 0);
    assert_eq!(drops(&pair, B, "not-collecting"), 100, "the partner takes nothing");
}

#[test]
fn a_link_that_is_lost_while_the_agent_is_dead_is_left_and_waits_for_the_next_agent() {
    let mut pair = mortal(2);
    crash(&mut pair, A);
    pair.link(1, false);
    assert_eq!((pair.distributing(A), pair.collecting(A)), (vec![2], vec![2]));
    let lag = LacpEvent::LagChanged { lag: "ae0".into(), up: true, distributing: vec!["eth3".into()] };
    assert_eq!(pair.lacp_events(A).last().map(|(_, event)| event), Some(&lag), "the switch itself tells it");
    pair.link(1, true);
    pair.wait(seconds(1));
    assert_eq!((pair.distributing(A), pair.collecting(A)), (vec![2], vec![2]), "nobody says that it may");
    pair.sides[A].fault(Fault::Restart { agent: LACP });
    pair.wait_for(seconds(10), |pair| pair.distributing(A) == [1, 2] && pair.distributing(B) == [1, 2]);
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn a_restarted_agent_finds_its_partner_and_the_data_plane_never_stops() {
    let mut pair = Pair::up(2, plain);
    crash(&mut pair, A);
    let crashed = pair.now();
    while pair.now() < crashed + seconds(10) {
        assert_eq!(
            (pair.distributing(A), pair.collecting(A)),
            (vec![1, 2], vec![1, 2]),
            "at {:?}",
            pair.now()
        );
        pair.wait(millis(50));
    }
    // But its partner hears that this end is not in sync, until it is.
    let times = |pair: &mut Pair, wanted: bool| {
        pair.lacp_events(B).into_iter().find_map(|(at, event)| match event {
            LacpEvent::LagChanged { up, .. } if up == wanted => Some(at),
            _ => None,
        })
    };
    let down = times(&mut pair, false).expect("the partner leaves");
    assert!(down - crashed <= millis(1_200), "{:?}", down - crashed);
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn a_restarted_agent_gives_up_what_its_predecessor_left_with_a_partner_that_is_gone() {
    let mut pair = mortal(2);
    pair.commit(B, |config| config.supervisor.restart = false);
    crash(&mut pair, A);
    crash(&mut pair, B);
    pair.sides[A].fault(Fault::Restart { agent: LACP });
    pair.wait(Duration::ZERO);
    assert_eq!(pair.distributing(A), [1, 2], "it has not decided yet");
    let decides = pair.wait_for(seconds(10), |pair| pair.distributing(A).is_empty());
    assert!(decides > seconds(3) && decides <= seconds(6), "{decides:?}");
    assert!(pair.collecting(A).is_empty() && !pair.is_up(A));
}

#[test]
fn an_agent_that_hangs_hears_of_a_link_that_bounced_when_it_is_back() {
    let mut pair = Pair::up(2, plain);
    pair.sides[A].fault(Fault::Hang { agent: LACP, lasts: Some(seconds(2)) });
    pair.link(1, false);
    pair.link(1, true);
    pair.wait(seconds(1));
    assert_eq!((pair.distributing(A), pair.collecting(A)), (vec![2], vec![2]));
    pair.wait_for(seconds(10), |pair| pair.distributing(A) == [1, 2] && pair.distributing(B) == [1, 2]);
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn an_agent_that_hangs_is_given_up_by_its_partner_and_goes_on_where_it_was() {
    let mut pair = Pair::up(2, plain);
    pair.sides[A].fault(Fault::Hang { agent: LACP, lasts: Some(seconds(20)) });
    pair.wait(seconds(4));
    assert_eq!((pair.distributing(A).len(), pair.distributing(B).len()), (2, 0));
    assert_eq!((pair.arriving(A), pair.arriving(B)), (0, 0));
    let waiting = |pair: &Pair| {
        let rows = pair.sides[A].switch.agent_rows();
        rows.iter().find(|row| row.name == LACP.name()).map(|row| row.reports_waiting)
    };
    assert!(waiting(&pair) > Some(0), "what its partner says waits for it");
    pair.wait(seconds(15));
    pair.wait_for(seconds(10), |pair| pair.distributing(A) == [1, 2] && pair.distributing(B) == [1, 2]);
    assert_eq!(waiting(&pair), Some(0));
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn an_agent_slower_than_its_partner_speaks_gives_up_links_that_are_well() {
    let changes = |rate| {
        let mut pair = Pair::up(4, plain);
        pair.sides[A].fault(Fault::Slow { agent: LACP, rate, lasts: None });
        pair.wait(seconds(60));
        let told = pair.lacp_events(A);
        let lost = told
            .iter()
            .filter(|(_, event)| matches!(event, LacpEvent::LagMemberChanged { distributing: false, .. }));
        lost.count()
    };
    assert_eq!(changes(10), 0, "four links speak once a second each");
    assert!(changes(1) > 0, "each is heard once in four seconds, and three are allowed");
}

#[test]
fn a_system_id_that_is_committed_costs_the_aggregate_wait() {
    let mut pair = Pair::up(2, plain);
    assert!(pair.send(B, 2, 1));
    pair.commit(B, |config| config.lacp.system_id_mac = Some(MacAddr([2, 0, 0, 0, 0, 0xee])));
    assert!(!pair.is_up(A) && !pair.is_up(B), "it is another partner, and that at once");
    assert_eq!(pair.sides[A].table(2), None, "what was behind it is forgotten");
    let back = pair.wait_for(seconds(10), |pair| pair.is_up(A) && pair.is_up(B));
    assert!(back >= seconds(2) && back < seconds(3), "{back:?}");
    let told = pair.lacp_events(A);
    let changed = told.iter().filter(|(_, event)| matches!(event, LacpEvent::LacpPartnerChanged { .. }));
    assert_eq!(changed.count(), 2);
    pair.wait(seconds(2));
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn a_bundle_with_fewer_links_than_it_needs_is_down() {
    let mut pair = Pair::up(3, |lag| lag.min_links = 2);
    pair.link(1, false);
    assert!(pair.is_up(A));
    pair.link(3, false);
    assert!(!pair.is_up(A) && !pair.is_up(B) && pair.distributing(A).is_empty());
    assert_eq!(pair.arriving(A), 0);
    pair.link(1, true);
    pair.wait_for(seconds(10), |pair| pair.is_up(A) && pair.is_up(B));
    assert_eq!(pair.distributing(A), [1, 2]);
}

#[test]
fn a_disabled_bundle_takes_and_sends_nothing_and_its_partner_is_told() {
    let mut pair = Pair::up(2, plain);
    pair.commit(A, |config| config.ports[3].enabled = false);
    assert!(!pair.is_up(A));
    assert_eq!((pair.arriving(A), pair.arriving(B)), (0, 0));
    pair.wait(seconds(4));
    assert!(!pair.is_up(B), "it speaks no more");
    pair.commit(A, |config| config.ports[3].enabled = true);
    pair.wait_for(seconds(10), |pair| pair.is_up(A) && pair.is_up(B));
    pair.wait(seconds(2));
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn a_disabled_member_is_out_at_once_with_and_without_an_agent() {
    for is_dead in [false, true] {
        let mut pair = mortal(2);
        if is_dead {
            crash(&mut pair, A);
        }
        pair.commit(A, |config| config.ports[1].enabled = false);
        assert_eq!((pair.distributing(A), pair.collecting(A)), (vec![2], vec![2]), "dead: {is_dead}");
        pair.commit(A, |config| config.ports[1].enabled = true);
        assert_eq!(pair.distributing(A), [2], "dead: {is_dead}");
    }
}

#[test]
fn a_port_that_leaves_its_bundle_by_a_commit_is_no_part_of_it_whoever_lives() {
    for is_dead in [false, true] {
        let mut pair = mortal(2);
        if is_dead {
            crash(&mut pair, A);
        }
        pair.commit(A, |config| config.ports[1].membership = Membership::Access(Rig::vlan(7)));
        assert_eq!((pair.distributing(A), pair.collecting(A)), (vec![2], vec![2]), "dead: {is_dead}");
    }
}

#[test]
fn a_port_that_becomes_a_member_forgets_what_was_behind_it() {
    for mode in [LearningMode::Inline, LearningMode::Agent] {
        let config = |membership| {
            let mut config = bundled(2, plain);
            config.learning.mode = mode;
            config.ports[1].membership = membership;
            config
        };
        let alone = Membership::Access(Rig::vlan(1));
        let mut pair = Pair::new(config(alone.clone()), config(alone));
        pair.link(2, false);
        assert!(pair.send(B, 2, 1));
        pair.sides[A].settle();
        assert_eq!(pair.sides[A].table(2).as_deref(), Some("eth2"));
        let join =
            |config: &mut SwitchConfig| config.ports[1].membership = config.ports[2].membership.clone();
        pair.commit(A, join);
        assert_eq!(pair.sides[A].table(2), None, "{mode:?}");
    }
}

#[test]
fn an_agent_that_hangs_and_has_to_flush_leaves_addresses_at_a_port_that_became_a_member() {
    for (flush, is_left) in [(PortFlush::AtOnce, false), (PortFlush::Agent, true)] {
        let config = |membership| {
            let mut config = bundled(2, plain);
            config.learning.mode = LearningMode::Agent;
            config.learning.agent_owns = AgentOwns { flood: false, ..AgentOwns::ALL };
            config.learning.flush = flush;
            config.ports[1].membership = membership;
            config
        };
        let alone = Membership::Access(Rig::vlan(1));
        let mut pair = Pair::new(config(alone.clone()), config(alone));
        pair.link(2, false);
        assert!(pair.send(B, 2, 1));
        pair.sides[A].settle();
        let hang =
            |pair: &mut Pair, lasts| pair.sides[A].fault(Fault::Hang { agent: AgentKind::Learning, lasts });
        hang(&mut pair, Some(seconds(30)));
        for side in [A, B] {
            pair.commit(side, |config| config.ports[1].membership = config.ports[2].membership.clone());
        }
        assert_eq!(pair.sides[A].table(2).is_some(), is_left, "{flush:?}");
        pair.link(2, true);
        pair.wait_for(seconds(10), |pair| pair.distributing(A) == [1, 2] && pair.distributing(B) == [1, 2]);
        assert!(pair.send(A, 1, 2), "it goes on by the port that it was behind");
        pair.link(1, false);
        assert_eq!(pair.send(A, 1, 2), !is_left, "{flush:?}");
        assert_eq!(drops(&pair, A, "destination-down"), u64::from(is_left));
        // The agent is back, or another is started.
        pair.wait(seconds(30));
        assert_eq!(pair.sides[A].table(2), None);
        assert!(pair.send(A, 1, 2), "{flush:?}");
        pair.plays_back(A);
    }
}

#[test]
fn an_agent_that_is_started_forgets_what_is_at_ports_that_do_not_carry_it() {
    let mut config = crate::rig::agent_config(3);
    config.learning.flush = PortFlush::Agent;
    let mut rig = Rig::new(config);
    rig.speak(0, 1);
    rig.settle();
    rig.fault(Fault::Hang { agent: AgentKind::Learning, lasts: None });
    rig.link(0, false);
    assert_eq!(rig.table(1).as_deref(), Some("eth1"), "nobody forgets it");
    rig.fault(Fault::Restart { agent: AgentKind::Learning });
    rig.settle();
    assert_eq!((rig.table(1), rig.list(1)), (None, None));
}

#[test]
fn only_the_flows_of_a_lost_member_move_where_a_bundle_is_resilient() {
    for resilient in [false, true] {
        let mut pair = Pair::up(4, |lag| lag.resilient = resilient);
        let before = pair.buckets(A);
        pair.link(3, false);
        let after = pair.buckets(A);
        let moved = before.iter().zip(&after).filter(|(was, is)| **was != 3 && was != is).count();
        assert_eq!(moved == 0, resilient, "{moved} buckets moved that did not have to");
        pair.link(3, true);
        pair.wait_for(seconds(10), |pair| pair.distributing(A).len() == 4);
        let moved = after.iter().zip(&pair.buckets(A)).filter(|(was, is)| **is != 3 && *was != *is).count();
        assert_eq!(moved == 0, resilient);
    }
}

#[test]
fn a_bundle_without_lacp_is_up_with_its_links() {
    let mut pair = Pair::up(2, |lag| lag.mode = LacpMode::Static);
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
    pair.cut(A, 1, true);
    pair.wait(seconds(300));
    let arriving = pair.arriving(A);
    assert!((20..80).contains(&arriving), "{arriving} of 100: nobody notices");
}

#[test]
fn a_silent_one_way_cut_is_left_by_both_ends_and_told_by_the_one_that_hears() {
    let mut pair = Pair::up(2, plain);
    pair.cut(A, 1, true);
    // B hears no more. It leaves the link after one timeout, and says that it has forgotten its partner after another: only then
    // is that out of sync with it.
    let deaf_leaves = pair.wait_for(seconds(10), |pair| pair.distributing(B) == [2]);
    assert!(deaf_leaves > seconds(2) && deaf_leaves <= seconds(3), "{deaf_leaves:?}");
    assert_eq!(pair.distributing(A), [1, 2]);
    let hearing_leaves = deaf_leaves + pair.wait_for(seconds(10), |pair| pair.distributing(A) == [2]);
    assert!(hearing_leaves > seconds(5) && hearing_leaves <= seconds(6), "{hearing_leaves:?}");
    pair.wait(seconds(5));
    let one_way = LacpEvent::LacpOneWay { port: "eth2".into(), raised: true };
    assert!(pair.lacp_events(A).iter().any(|(_, event)| *event == one_way));
    assert!(!pair.lacp_events(B).iter().any(|(_, event)| *event == one_way));
    assert_eq!([pair.arriving(A), pair.arriving(B)], [100, 100]);
}

#[test]
fn what_happened_to_a_bundle_is_played_back_without_a_data_plane() {
    let mut pair = Pair::up(3, |lag| lag.resilient = true);
    pair.arriving(A);
    pair.link(1, false);
    pair.wait(seconds(3));
    pair.link(1, true);
    pair.sides[A].fault(Fault::Hang { agent: LACP, lasts: Some(seconds(5)) });
    pair.link(2, false);
    pair.wait(seconds(1));
    pair.link(2, true);
    pair.wait(seconds(20));
    crash(&mut pair, B);
    pair.wait(seconds(20));
    pair.sides[B].fault(Fault::Slow { agent: LACP, rate: 2, lasts: Some(seconds(9)) });
    pair.commit(A, |config| config.lacp.system_id_mac = Some(MacAddr([2, 0, 0, 0, 0, 0xee])));
    pair.wait(seconds(20));
    pair.commit(B, |config| lag(config).min_links = 3);
    pair.commit(A, |config| config.ports[2].enabled = false);
    pair.wait(seconds(20));
    pair.sides[A].tell(Input::Rollback { steps: 1, author: "ops".into() }).unwrap();
    pair.wait(seconds(20));
    assert_eq!(pair.distributing(A), [1, 2, 3]);
    pair.plays_back(A);
    pair.plays_back(B);
    let frames = |side: usize| {
        let inputs = &pair.sides[side].switch.recording().unwrap().inputs;
        inputs.iter().filter(|record| matches!(record.input, Input::Frame { .. })).count()
    };
    assert!(frames(A) > 100 && frames(B) > 100);
}
