//! Two chassis that partners take for one switch: what makes them one, and every way in which they stop being it.

use crate::chassis::*;
use crate::network::Network;
use crate::rig::{millis, seconds, station};
use greylag_base::{MacAddr, PortId, VlanId};
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{
    HealthGateConfig, Isolation, LearningMode, SwitchConfig, SynchronisedMacs, WhenIclDown,
};
use greylag_switch::fault::Fault;
use greylag_switch::mclag::{BackupLiveness, ControlSession, LegUse, MclagEvent, Members, Preset, SystemId};
use std::time::Duration;

const ICCP: AgentKind = AgentKind::Iccp;

#[test]
fn two_chassis_become_one_and_carry_everything_once() {
    let mut network = start(|_| {});
    let took = network.wait_for(seconds(60), is_one);
    assert!(took < seconds(15), "{took:?}");
    network.wait(seconds(5));
    for chassis in [CA1, CA2] {
        assert!(shows_shared(&network, chassis));
        assert_eq!(network.switches[chassis].alarms(), [""; 0]);
        assert!(network.switches[chassis].switch.iccp_snapshot().unwrap().conflicts.is_empty());
    }
    for router in [R1, R2] {
        let rows = network.switches[router].switch.lacp_rows().unwrap();
        assert_eq!(rows.iter().map(|row| row.partner_id).collect::<Vec<_>>(), [SHARED; 2]);
    }
    assert_eq!(broadcasts(&mut network), (96, 96));
    network.wait(seconds(1));
    assert_eq!(unicasts(&mut network), 12);
    network.plays_back();
}

#[test]
fn before_they_have_met_each_shows_its_own_system_and_partners_keep_one() {
    let mut network = start(|_| {});
    network.silence((CA1, ICL[0]), true);
    network.silence((CA1, ICL[1]), true);
    network.wait(seconds(20));
    for chassis in [CA1, CA2] {
        assert_eq!(session(&network, chassis), ControlSession::Never);
        assert!(!shows_shared(&network, chassis), "own-id-until-peer");
    }
    for router in [R1, R2] {
        assert_eq!(distributing(&network, router).len(), 1, "a partner keeps one of two systems");
    }
    network.silence((CA1, ICL[0]), false);
    network.silence((CA1, ICL[1]), false);
    network.wait_for(seconds(60), is_one);
    let told = events(&mut network, CA1);
    let shared = |event: &MclagEvent| matches!(event, MclagEvent::MclagSystemIdChanged { lag, system_id: SHARED, shared: true } if lag == "ae1");
    assert!(told.iter().any(shared), "{told:?}");
    network.plays_back();
}

#[test]
fn what_one_has_learned_the_other_reaches() {
    let mut network = pair();
    // One flow, which goes to one chassis only.
    assert_eq!(network.inject(H1, &frame(77, MacAddr::BROADCAST, 1))[H3], 1);
    assert_eq!(network.inject(H3, &frame(78, MacAddr::BROADCAST, 1))[H1], 1);
    network.wait(seconds(1));
    for chassis in [CA1, CA2] {
        assert_eq!(table(&network, chassis, 77).as_deref(), Some("ae1"), "behind its own leg, on {chassis}");
    }
    assert_eq!(table(&network, CA1, 78).as_deref(), Some("eth5"));
    assert_eq!(table(&network, CA2, 78).as_deref(), Some("ae0"), "over the inter-chassis link");
    let copies = network.inject(H4, &frame(79, station(77), 1));
    assert_eq!(copies, [1, 0, 0, 0], "it is known, and not flooded");
    network.plays_back();
}

#[test]
fn a_leg_that_is_lost_is_gone_around_and_comes_back_without_a_duplicate() {
    let mut network = pair();
    learn_from_all(&mut network);
    network.link((CA1, TO_R1), false);
    network.wait(millis(200));
    assert_eq!(distributing(&network, R1).len(), 1);
    assert!(!mclag(&network, CA2).isolated.contains(&1), "the other leg is all there is");
    assert!(mclag(&network, CA2).isolated.contains(&2));
    assert_eq!(broadcasts(&mut network), (96, 96));
    network.wait(seconds(1));
    assert_eq!(unicasts(&mut network), 12);
    assert_eq!(table(&network, CA1, 1000).as_deref(), Some("ae0"));

    network.link((CA1, TO_R1), true);
    talk(&mut network, seconds(5));
    assert!(is_one(&network));
    assert_eq!(broadcasts(&mut network), (96, 96));
    network.plays_back();
}

#[test]
fn a_leg_that_comes_up_waits_for_the_peer_for_a_second_at_most() {
    let mut network = pair_with(|config| {
        apart(config);
        pair_of(config).iccp.liveness_detection = None;
    });
    network.link((CA1, TO_R1), false);
    network.wait(seconds(1));
    // What ca1 says does not arrive, and nobody notices yet.
    network.cut((CA1, APART), true);
    network.link((CA1, TO_R1), true);
    let held = |network: &Network| {
        let used = mclag(network, CA1).legs.get(&PortId(AE1));
        matches!(used, Some(LegUse::Held { .. }))
    };
    network.wait_for(seconds(10), held);
    network.wait(millis(900));
    assert_eq!(session(&network, CA1), ControlSession::Up);
    assert!(held(&network) && !is_up(&network, CA1, AE1), "nobody has said that it isolates");
    network.wait(millis(100));
    assert!(is_up(&network, CA1, AE1));
    network.plays_back();
}

#[test]
fn a_link_between_them_that_is_lost_splits_them_and_both_revert() {
    let mut network = pair();
    learn_from_all(&mut network);
    let lost = network.now();
    for port in ICL {
        network.link((CA1, port), false);
    }
    network
        .wait_for(seconds(10), |network| [CA1, CA2].iter().all(|chassis| !shows_shared(network, *chassis)));
    assert!(network.now() - lost < seconds(7), "{:?}", network.now() - lost);
    network.wait(seconds(10));
    for chassis in [CA1, CA2] {
        assert_eq!(mclag(&network, chassis).backup_liveness, BackupLiveness::Alive);
        assert_eq!(network.switches[chassis].alarms(), ["iccp-down", "mclag-split-brain"]);
    }
    for router in [R1, R2] {
        assert_eq!(distributing(&network, router).len(), 1, "each partner keeps one system");
    }
    for port in ICL {
        network.link((CA1, port), true);
    }
    network.wait_for(seconds(60), is_one);
    network.wait(seconds(5));
    assert_eq!(broadcasts(&mut network), (96, 96));
    for chassis in [CA1, CA2] {
        assert_eq!(network.switches[chassis].alarms(), [""; 0]);
    }
    network.plays_back();
}

#[test]
fn with_a_session_the_standby_stands_by_when_only_the_link_between_them_is_lost() {
    let mut network = pair_with(apart);
    for port in ICL {
        network.link((CA1, port), false);
    }
    network.wait(seconds(3));
    for chassis in [CA1, CA2] {
        assert_eq!(session(&network, chassis), ControlSession::Up);
        assert!(shows_shared(&network, chassis));
    }
    let members = [CA1, CA2].map(|chassis| mclag(&network, chassis).ruling.members);
    assert_eq!(members, [Members::Up, Members::Standby]);
    for router in [R1, R2] {
        assert_eq!(distributing(&network, router), ["eth1"], "ca1 has it all");
    }
    let told = events(&mut network, CA2);
    let stands_by = MclagEvent::MclagMembersChanged { lag: "ae1".into(), to: Members::Standby };
    assert!(told.contains(&stands_by), "{told:?}");
    for port in ICL {
        network.link((CA1, port), true);
    }
    network.wait_for(seconds(30), is_one);
    network.wait(seconds(5));
    assert_eq!(broadcasts(&mut network), (96, 96));
    network.plays_back();
}

#[test]
fn an_agent_that_crashes_leaves_everything_as_it_is_and_the_next_takes_over() {
    let mut network = pair();
    learn_from_all(&mut network);
    events(&mut network, CA1);
    events(&mut network, CA2);
    network.fault(CA1, Fault::Crash { agent: ICCP, dump: Duration::ZERO });
    assert_eq!(session(&network, CA1), ControlSession::Down);
    assert!(shows_shared(&network, CA1));
    assert_eq!(broadcasts(&mut network), (96, 96));
    network.wait_for(seconds(10), |network| {
        [CA1, CA2].iter().all(|chassis| session(network, *chassis) == ControlSession::Up)
    });
    network.wait(seconds(2));
    for chassis in [CA1, CA2] {
        let told = events(&mut network, chassis);
        let changes = |event: &MclagEvent| {
            matches!(event, MclagEvent::MclagSystemIdChanged { .. } | MclagEvent::MclagMembersChanged { .. })
        };
        assert!(!told.iter().any(changes), "nobody noticed outside: {told:?}");
    }
    assert_eq!((broadcasts(&mut network), unicasts(&mut network)), ((96, 96), 12));
    network.plays_back();
}

#[test]
fn nor_does_anybody_notice_when_it_is_the_one_that_listens() {
    let mut network = pair();
    events(&mut network, CA1);
    network.fault(CA2, Fault::Crash { agent: ICCP, dump: Duration::ZERO });
    talk(&mut network, seconds(3));
    assert!(is_one(&network));
    let told = events(&mut network, CA1);
    let changes = |event: &MclagEvent| matches!(event, MclagEvent::MclagSystemIdChanged { .. });
    assert!(!told.iter().any(changes), "{told:?}");
    let told = told.iter().filter(|event| matches!(event, MclagEvent::IccpSessionDown { .. })).count();
    assert_eq!(told, 1, "but the agents did");
    network.plays_back();
}

#[test]
fn a_connection_that_the_peer_has_forgotten_makes_room_for_the_next() {
    let mut network = pair_with(|config| pair_of(config).iccp.liveness_detection = None);
    for port in ICL {
        network.silence((CA1, port), true);
    }
    // Nobody tells ca2.
    network.fault(CA1, Fault::Crash { agent: ICCP, dump: Duration::ZERO });
    network.wait(seconds(1));
    assert_eq!(
        [CA1, CA2].map(|chassis| session(&network, chassis)),
        [ControlSession::Down, ControlSession::Up]
    );
    for port in ICL {
        network.silence((CA1, port), false);
    }
    events(&mut network, CA2);
    network.wait_for(seconds(10), |network| session(network, CA1) == ControlSession::Up);
    network.wait(millis(100));
    let told = events(&mut network, CA2);
    let down = told.iter().filter(|event| matches!(event, MclagEvent::IccpSessionDown { .. })).count();
    let up = told.iter().filter(|event| matches!(event, MclagEvent::IccpSessionUp { .. })).count();
    assert_eq!((down, up), (1, 1), "{told:?}");
    assert!(is_one(&network));
    network.plays_back();
}

#[test]
fn without_bfd_there_is_no_session_although_tcp_could() {
    let mut network = pair();
    network.fault(CA2, Fault::Hang { agent: AgentKind::Bfd, lasts: Some(seconds(30)) });
    network.wait(seconds(10));
    for chassis in [CA1, CA2] {
        assert_eq!(session(&network, chassis), ControlSession::Down, "ca{}", chassis + 1);
    }
    network.wait_for(seconds(60), is_one);
    network.plays_back();
}

#[test]
fn a_chassis_whose_agent_is_dead_for_good_is_dead_to_the_other_one() {
    let mut network = pair_with(|config| config.supervisor.restart = false);
    network.fault(CA1, Fault::Crash { agent: ICCP, dump: Duration::ZERO });
    network.wait(seconds(10));
    assert_eq!(mclag(&network, CA2).backup_liveness, BackupLiveness::Dead, "nobody answers");
    assert!([CA1, CA2].iter().all(|chassis| shows_shared(&network, *chassis)));
    assert_eq!(distributing(&network, R1).len(), 2);
    network.plays_back();
}

#[test]
fn an_agent_that_hangs_loses_its_session_to_the_timeout_and_comes_back() {
    let mut network = pair();
    network.fault(CA1, Fault::Hang { agent: ICCP, lasts: Some(seconds(40)) });
    network.wait(seconds(10));
    assert_eq!(session(&network, CA2), ControlSession::Up, "nothing was heard, but not for long enough");
    network.wait(seconds(20));
    assert_eq!(session(&network, CA2), ControlSession::Down);
    assert_eq!(mclag(&network, CA2).backup_liveness, BackupLiveness::Dead);
    network.wait_for(seconds(60), is_one);
    network.plays_back();
}

/// Everything of ca2 is gone: its power.
fn cut_power(network: &mut Network) {
    for port in 0..=LONE {
        network.link((CA2, port), false);
    }
    network.management_is_cut = true;
}

#[test]
fn a_dead_peer_changes_nothing_for_who_is_left() {
    let mut network = pair();
    learn_from_all(&mut network);
    events(&mut network, CA1);
    cut_power(&mut network);
    network.wait(seconds(30));
    assert_eq!(mclag(&network, CA1).backup_liveness, BackupLiveness::Dead);
    assert!(shows_shared(&network, CA1));
    for router in [R1, R2] {
        assert_eq!(distributing(&network, router), ["eth1"]);
    }
    let told = events(&mut network, CA1);
    let changes = |event: &MclagEvent| matches!(event, MclagEvent::MclagSystemIdChanged { .. });
    assert!(!told.iter().any(changes), "{told:?}");
    assert!(mclag(&network, CA1).isolated.is_empty(), "{:?}", mclag(&network, CA1).isolated);
    assert_eq!(network.inject(H1, &frame(1000, MacAddr::BROADCAST, 1)), [0, 1, 1, 0]);
    network.plays_back();
}

#[test]
fn without_backup_liveness_the_standby_alone_reverts() {
    let mut network = pair_with(|config| pair_of(config).backup_liveness = None);
    for port in ICL {
        network.link((CA1, port), false);
    }
    network.wait(seconds(10));
    let shared = [CA1, CA2].map(|chassis| shows_shared(&network, chassis));
    assert_eq!(shared, [true, false]);
    network.plays_back();
}

#[test]
fn who_prefers_to_keeps_the_shared_system() {
    let mut network = pair_with(|config| {
        let pair = pair_of(config);
        pair.behaviour.prefer_status_control_active = pair.chassis_id == 1;
    });
    for port in ICL {
        network.link((CA1, port), false);
    }
    network.wait(seconds(10));
    let shared = [CA1, CA2].map(|chassis| shows_shared(&network, chassis));
    assert_eq!(shared, [false, true]);
}

#[test]
fn presets_differ_when_the_session_ends() {
    for (preset, shared, members) in [
        (Preset::JUNOS, [false, false], Members::Up),
        (Preset::ICCPD, [true, false], Members::Up),
        // Who is out says nothing, and so nothing else.
        (Preset::CUMULUS, [true, true], Members::Suspended),
    ] {
        let mut network = pair_with(|config| pair_of(config).behaviour = preset.behaviour);
        for port in ICL {
            network.link((CA1, port), false);
        }
        network.wait(seconds(10));
        let shows = [CA1, CA2].map(|chassis| shows_shared(&network, chassis));
        assert_eq!(shows, shared, "{}", preset.name);
        assert_eq!(mclag(&network, CA2).ruling.members, members, "{}", preset.name);
    }
}

#[test]
fn isolation_and_the_peers_addresses_end_with_the_session_as_was_configured() {
    for (isolation, macs) in [
        (Isolation::Keep, SynchronisedMacs::Pin),
        (Isolation::Lift, SynchronisedMacs::Flush),
        (Isolation::Lift, SynchronisedMacs::Convert),
    ] {
        let mut network = pair_with(|config| {
            let behaviour = &mut pair_of(config).behaviour;
            behaviour.isolation_on_iccp_down = isolation;
            behaviour.synchronised_macs = macs;
            behaviour.icl_down = WhenIclDown::Nothing;
            apart(config);
        });
        network.inject(H1, &frame(77, MacAddr::BROADCAST, 1));
        network.inject(H3, &frame(78, MacAddr::BROADCAST, 1));
        network.wait(seconds(1));
        assert_eq!(table(&network, CA2, 78).as_deref(), Some("ae0"));
        network.silence((CA1, APART), true);
        network.wait(seconds(10));
        assert_eq!(mclag(&network, CA2).isolated.is_empty(), isolation == Isolation::Lift, "{isolation:?}");
        let stays = table(&network, CA2, 78).is_some();
        assert_eq!(stays, macs != SynchronisedMacs::Flush, "{macs:?}");
        network.plays_back();
    }
}

#[test]
fn after_a_boot_bundles_stay_out_for_the_init_delay() {
    let mut network = start(|config| pair_of(config).init_delay = seconds(60));
    network.wait(seconds(55));
    for chassis in [CA1, CA2] {
        assert_eq!(session(&network, chassis), ControlSession::Up);
        assert_eq!(mclag(&network, chassis).ruling.members, Members::Suspended);
    }
    assert!([R1, R2].iter().all(|router| distributing(&network, *router).is_empty()));
    network.wait_for(seconds(20), is_one);
    let told = network.told(CA1, &["mclag-init-delay-over"]);
    assert_eq!(told, [(60_000, "mclag-init-delay-over".to_owned())]);
    // A commit begins no delay.
    network.commit(CA1, |config| pair_of(config).init_delay = seconds(30));
    network.wait(seconds(1));
    assert!(is_one(&network));
    network.plays_back();
}

#[test]
fn a_commit_gives_the_pair_another_system_while_it_runs() {
    const OTHER: MacAddr = MacAddr([2, 0xff, 0, 0, 0, 2]);
    let mut network = pair();
    let change = |config: &mut SwitchConfig| legs(config).for_each(|lag| lag.system_id_mac = Some(OTHER));
    network.commit(CA1, change);
    network.wait(seconds(2));
    let conflicts = network.switches[CA1].switch.iccp_snapshot().unwrap().conflicts;
    assert_eq!(conflicts.len(), 2, "{conflicts:?}");
    assert!(network.switches[CA2].alarms().contains(&"mclag-conflict".to_owned()));
    network.commit(CA2, change);
    network.wait_for(seconds(30), is_one);
    network.wait(seconds(5));
    for chassis in [CA1, CA2] {
        assert_eq!(network.switches[chassis].alarms(), [""; 0]);
    }
    let rows = network.switches[R1].switch.lacp_rows().unwrap();
    assert_eq!(rows.iter().map(|row| row.partner_id).collect::<Vec<_>>(), [OTHER; 2]);
    assert_eq!(broadcasts(&mut network), (96, 96));
    network.plays_back();
}

/// A pair whose learning agents own everything, and forget soon.
fn learned_pair(change: impl Fn(&mut SwitchConfig)) -> Network {
    pair_with(|config| {
        config.learning.mode = LearningMode::Agent;
        config.mac_table.ageing_time = seconds(30);
        config.supervisor.restart = false;
        change(config);
    })
}

fn kill_learning(network: &mut Network) -> Duration {
    let killed = network.now();
    network.fault(CA2, Fault::Crash { agent: AgentKind::Learning, dump: Duration::ZERO });
    killed
}

#[test]
fn a_dead_learning_agent_takes_the_session_with_it_and_both_revert() {
    let mut network = learned_pair(|_| {});
    learn_from_all(&mut network);
    let killed = kill_learning(&mut network);
    network.wait(seconds(15));
    assert!(is_one(&network), "LACP and ICCP know nothing");
    network.wait_for(seconds(60), |network| session(network, CA1) == ControlSession::Down);
    let down = network.now() - killed;
    assert!(down > seconds(20) && down < seconds(36), "the table has lapsed, then BFD: {down:?}");
    let told = network.told(CA1, &["bfd-session-down"]);
    assert_eq!(told.len(), 1, "{told:?}");
    network.wait_for(seconds(5), |network| [CA1, CA2].iter().all(|chassis| !shows_shared(network, *chassis)));
    network.wait(seconds(10));
    for router in [R1, R2] {
        assert_eq!(distributing(&network, router).len(), 1);
    }
    network.plays_back();
}

#[test]
fn the_same_with_a_management_network_that_is_dead_changes_nothing() {
    let mut network = learned_pair(|_| {});
    kill_learning(&mut network);
    network.management_is_cut = true;
    network.wait(seconds(60));
    for chassis in [CA1, CA2] {
        assert_eq!(session(&network, chassis), ControlSession::Down);
        assert!(shows_shared(&network, chassis));
    }
}

#[test]
fn the_same_without_backup_liveness_reverts_the_standby() {
    let mut network = learned_pair(|config| pair_of(config).backup_liveness = None);
    kill_learning(&mut network);
    network.wait(seconds(60));
    let shared = [CA1, CA2].map(|chassis| shows_shared(&network, chassis));
    assert_eq!(shared, [true, false]);
}

#[test]
fn a_health_gate_leaves_the_bundles_to_who_learns_and_never_to_nobody() {
    let mut network = learned_pair(|config| {
        pair_of(config).health_gate = Some(HealthGateConfig { hold_down: seconds(10), probe_interval: None });
    });
    kill_learning(&mut network);
    network.wait(seconds(5));
    assert!(mclag(&network, CA2).withdrawn);
    assert_eq!(mclag(&network, CA2).ruling.members, Members::Suspended);
    for router in [R1, R2] {
        assert_eq!(distributing(&network, router), ["eth1"]);
    }
    assert!(network.switches[CA2].alarms().contains(&"mclag-withdrawn".to_owned()));
    // The other one's is dead, too: somebody has to go on.
    network.fault(CA1, Fault::Crash { agent: AgentKind::Learning, dump: Duration::ZERO });
    network.wait(seconds(10));
    assert!(!mclag(&network, CA1).withdrawn);
    assert_eq!(distributing(&network, R1), ["eth1"]);
    network.fault(CA2, Fault::Restart { agent: AgentKind::Learning });
    network.wait(seconds(5));
    assert!(mclag(&network, CA2).withdrawn, "not well for long enough");
    network.wait(seconds(20));
    assert!(!mclag(&network, CA2).withdrawn);
    network.plays_back();
}

#[test]
fn a_probe_that_is_not_learned_shuts_the_gate() {
    let mut network = learned_pair(|config| {
        let (hold_down, probe_interval) = (seconds(10), Some(seconds(2)));
        pair_of(config).health_gate = Some(HealthGateConfig { hold_down, probe_interval });
    });
    network.wait(seconds(20));
    assert!([CA1, CA2].iter().all(|chassis| !mclag(&network, *chassis).withdrawn));
    let fault = Fault::RefuseWrites { share: 1.0, lasts: Some(seconds(20)) };
    network.fault(CA2, fault);
    network.wait(seconds(5));
    assert!(mclag(&network, CA2).withdrawn, "its agent lives, and nothing is learned");
    let told = events(&mut network, CA2);
    let unwell =
        MclagEvent::MclagHealthChanged { healthy: false, cause: Some("a probe has not come back".into()) };
    assert!(told.contains(&unwell), "{told:?}");
    network.wait_for(seconds(60), is_one);
    network.plays_back();
}

#[test]
fn what_a_dead_learning_agent_missed_the_next_one_gets() {
    let mut network = learned_pair(|_| {});
    kill_learning(&mut network);
    network.inject(H3, &frame(78, MacAddr::BROADCAST, 1));
    network.wait(seconds(2));
    assert_eq!(table(&network, CA1, 78).as_deref(), Some("eth5"));
    assert_eq!(table(&network, CA2, 78), None, "nobody writes there");
    network.fault(CA2, Fault::Restart { agent: AgentKind::Learning });
    network.wait(seconds(1));
    assert_eq!(table(&network, CA2, 78).as_deref(), Some("ae0"));
    network.plays_back();
}

#[test]
fn both_unwell_at_one_moment_is_not_both_out() {
    let mut network = learned_pair(|config| {
        pair_of(config).health_gate = Some(HealthGateConfig { hold_down: seconds(10), probe_interval: None });
    });
    for chassis in [CA1, CA2] {
        network.fault(chassis, Fault::Crash { agent: AgentKind::Learning, dump: Duration::ZERO });
    }
    for _ in 0..100 {
        network.wait(millis(100));
        let withdrawn = [CA1, CA2].map(|chassis| mclag(&network, chassis).withdrawn);
        assert_ne!(withdrawn, [true, true], "at {:?}", network.now());
    }
    assert_eq!([CA1, CA2].map(|chassis| mclag(&network, chassis).withdrawn), [false, true]);
}

#[test]
fn each_routes_what_is_for_the_others_interface() {
    let mut network = pair_with(|config| {
        let number = pair_of(config).chassis_id;
        crate::network::irb(config, 1, &[], &[&format!("10.0.0.{}/24", 250 + number)]);
        let vlan = config.vlans.entry(VlanId::DEFAULT).or_default();
        vlan.mcae_mac_synchronize = true;
    });
    network.wait(seconds(1));
    for chassis in [CA1, CA2] {
        assert_eq!(mclag(&network, chassis).peer_irb_macs.len(), 1);
    }
    let forwarding = network.switches[CA1].switch.data_plane().forwarding();
    let peers = mclag(&network, CA1).peer_irb_macs[&VlanId::DEFAULT];
    let interface = forwarding.interface(greylag_base::InterfaceId(1)).unwrap();
    assert_eq!((interface.peer_mac, interface.mac != peers), (Some(peers), true));
    network.plays_back();
}

#[test]
fn whose_system_is_it_is_shown() {
    let network = pair();
    let known = network.switches[CA2].switch.iccp_snapshot().unwrap();
    assert_eq!(
        known.peer_aggregators.iter().map(|leg| (leg.id, leg.up)).collect::<Vec<_>>(),
        [(1, true), (2, true)]
    );
    let partners = known.peer_aggregators.iter().filter(|leg| leg.partner.is_some()).count();
    assert_eq!((partners, known.peer_ports.len()), (2, 2));
    assert_eq!(mclag(&network, CA2).ruling.system_id, SystemId::Shared);
}
