//! What operators see of a pair of chassis.

use crate::chassis::*;
use crate::network::Network;
use crate::rig::seconds;
use greylag_base::{Instant, VlanId};
use greylag_switch::config::{Membership, SwitchConfig};
use greylag_switch::mclag::{BackupLiveness, ControlSession, Members, SystemId};
use greylag_switch::show::{LegState, MclagCheckRow, MclagRow};

fn row(network: &Network, chassis: usize) -> MclagRow {
    network.switches[chassis].switch.mclag_row(Instant::ZERO + network.now()).unwrap()
}

fn check(network: &Network, chassis: usize) -> Vec<MclagCheckRow> {
    network.switches[chassis].switch.mclag_check_rows(Instant::ZERO + network.now()).unwrap()
}

/// A parameter, what has it, and what each side says.
type Conflict<'r> = (&'r str, Option<&'r str>, Option<&'r str>, Option<&'r str>);

fn conflicts(rows: &[MclagCheckRow]) -> Vec<Conflict<'_>> {
    rows.iter()
        .filter(|row| row.conflict)
        .map(|row| (row.parameter.as_str(), row.of.as_deref(), row.local.as_deref(), row.peer.as_deref()))
        .collect()
}

#[test]
fn a_pair_that_is_well_is_shown_with_its_legs_and_addresses() {
    let mut network = pair();
    learn_from_all(&mut network);
    network.wait(seconds(2));
    let shown = row(&network, CA2);
    assert_eq!(
        (shown.preset.as_str(), shown.chassis_id, shown.control_session),
        ("junos", 1, ControlSession::Up)
    );
    assert_eq!((shown.inter_chassis_link.as_str(), shown.inter_chassis_link_up), ("ae0", true));
    assert_eq!((shown.init_delay_left, shown.system_id, shown.members), (0, SystemId::Shared, Members::Up));
    assert!(shown.peer_macs > 0, "{shown:?}");
    for (bundle, id) in shown.bundles.iter().zip([1, 2]) {
        assert_eq!((bundle.mc_ae_id, bundle.system_id_mac, bundle.shared), (id, SHARED, true));
        let legs = (bundle.local_leg, bundle.peer_leg, bundle.isolated);
        assert_eq!(legs, (LegState::Up, Some(LegState::Up), true));
    }
    let session = network.switches[CA2].switch.iccp_row().unwrap();
    assert_eq!(session.peer_address.to_string(), "10.50.1.1");
    assert_eq!(session.bfd.map(|bfd| bfd.session_state), Some(greylag_bfd::State::Up));

    let rows = check(&network, CA2);
    assert_eq!(conflicts(&rows), []);
    let told: Vec<&str> = rows.iter().map(|row| row.parameter.as_str()).collect();
    let of_a_bundle = ["mc-ae-id", "system-id-mac", "system-priority", "admin-key", "vlans"];
    let all = [&["redundancy-group", "node-id"][..], &of_a_bundle, &of_a_bundle, &["vlans"]].concat();
    assert_eq!(told[..13], all);
    assert!(rows[..13].iter().all(|row| row.local.is_some() && row.peer.is_some()), "{rows:?}");
    let link = (rows[12].of.as_deref(), rows[12].local.as_deref(), rows[12].peer.as_deref());
    let vlans = Some("1,4000, 1 untagged");
    assert_eq!(link, (Some("inter-chassis link"), vlans, vlans));
}

#[test]
fn vlans_of_a_leg_that_the_other_leg_has_not_are_found_on_both_and_gone_when_both_have_them() {
    let mut network = pair();
    let more = |config: &mut SwitchConfig| {
        let vlans = [1, 97].into_iter().filter_map(VlanId::new).collect();
        let native = Some(VlanId::DEFAULT);
        config.ports[usize::from(AE1)].membership = Membership::Trunk { vlans, native };
        let link = &mut config.ports[usize::from(AE0)].membership;
        let vlans = [1, 97, CONTROL].into_iter().filter_map(VlanId::new).collect();
        *link = Membership::Trunk { vlans, native };
    };
    network.commit(CA1, more);
    network.wait(seconds(2));
    let (one, other) =
        (["1,97, 1 untagged", "1,97,4000, 1 untagged"], ["1, 1 untagged", "1,4000, 1 untagged"]);
    for (chassis, local, peer) in [(CA1, one, other), (CA2, other, one)] {
        let rows = check(&network, chassis);
        let found = conflicts(&rows);
        assert_eq!(
            found,
            [
                ("vlans", Some("mc-ae-id 1"), Some(local[0]), Some(peer[0])),
                ("vlans", Some("inter-chassis link"), Some(local[1]), Some(peer[1])),
            ]
        );
    }
    network.commit(CA2, more);
    network.wait(seconds(2));
    for chassis in [CA1, CA2] {
        assert_eq!(conflicts(&check(&network, chassis)), []);
    }
}

#[test]
fn what_the_chassis_do_not_agree_on_is_found_on_both() {
    let mut network = pair();
    network
        .commit(CA1, |config| legs(config).for_each(|lag| lag.admin_key = lag.admin_key.map(|key| key + 70)));
    network.wait(seconds(2));
    for (chassis, local, peer) in [(CA1, ["71", "72"], ["1", "2"]), (CA2, ["1", "2"], ["71", "72"])] {
        assert_eq!(
            conflicts(&check(&network, chassis)),
            [
                ("admin-key", Some("mc-ae-id 1"), Some(local[0]), Some(peer[0])),
                ("admin-key", Some("mc-ae-id 2"), Some(local[1]), Some(peer[1])),
            ]
        );
    }
}

#[test]
fn a_split_pair_is_shown_as_each_chassis_sees_it_and_alone_it_compares_nothing() {
    let mut network = pair();
    for port in ICL {
        network.link((CA1, port), false);
    }
    network.wait(seconds(10));
    let shown = row(&network, CA1);
    assert_eq!((shown.control_session, shown.backup_liveness), (ControlSession::Down, BackupLiveness::Alive));
    assert!(!shown.inter_chassis_link_up && shown.bundles.iter().all(|bundle| !bundle.shared));
    assert!(shown.bundles.iter().all(|bundle| bundle.system_id_mac != SHARED));
    assert_eq!(conflicts(&check(&network, CA1)), []);
    assert!(check(&network, CA1).iter().all(|row| row.peer.is_none()));
}
