//! A pair of chassis: this one in it, and the session.

use super::word;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_switch::show::{IccpRow, MclagRow};

pub(super) fn mclag(rows: &[MclagRow]) -> String {
    rows.iter().map(one).collect()
}

fn one(row: &MclagRow) -> String {
    let link = if row.inter_chassis_link_up { "up" } else { "down" };
    let mut text = format!(
        "chassis {} of group {}, preset {}, {}\nsession {}, inter-chassis link {} {link}, backup liveness {}\n",
        row.chassis_id,
        row.redundancy_group,
        row.preset,
        word(&row.status_control),
        word(&row.control_session),
        row.inter_chassis_link,
        word(&row.backup_liveness),
    );
    text += &format!(
        "system id {}, members {}, isolation {}, {} addresses of the peer\n",
        word(&row.system_id),
        word(&row.members),
        word(&row.isolation),
        row.peer_macs
    );
    if row.init_delay_left > 0 {
        text += &format!("init delay: {} s left\n", row.init_delay_left.div_ceil(1000));
    }
    if row.withdrawn {
        text += "withdrawn: this chassis does not learn\n";
    }
    let mut table = Table::new(&[
        ("LAG", Left),
        ("MC-AE", Right),
        ("SYSTEM ID", Left),
        ("SHARED", Left),
        ("LOCAL", Left),
        ("PEER", Left),
        ("ISOLATED", Left),
        ("PEER MACS", Right),
    ]);
    let yes = |is: bool| if is { "yes" } else { "no" };
    for bundle in &row.bundles {
        let peer = bundle.peer_leg.as_ref().map_or("-".to_owned(), word);
        table.row(&[
            &bundle.lag,
            &bundle.mc_ae_id,
            &bundle.system_id_mac,
            &yes(bundle.shared),
            &word(&bundle.local_leg),
            &peer,
            &yes(bundle.isolated),
            &bundle.peer_macs,
        ]);
    }
    text + "\n" + &table.to_string()
}

pub(super) fn iccp(rows: &[IccpRow]) -> String {
    rows.iter().map(session).collect()
}

fn session(row: &IccpRow) -> String {
    let of = &row.session;
    let mut text = format!(
        "{} > {}, {}\nsession {}, mLACP {}, established {} times\n",
        row.local_address,
        row.peer_address,
        word(&of.role),
        word(&of.session_state),
        word(&of.application_state),
        of.established_transitions,
    );
    if let Some(peer) = &of.peer_name {
        text += &format!("peer {peer}\n");
    }
    if let Some(failure) = &of.last_failure {
        text += &format!("failed last in {}: {}\n", word(&failure.state), failure.cause);
    }
    if let Some(bfd) = &row.bfd {
        text += &format!(
            "BFD {}, path {}\n",
            word(&bfd.session_state),
            if of.path_usable { "usable" } else { "lost" }
        );
    }
    let mut table = Table::new(&[
        ("", Left),
        ("LEGS", Right),
        ("LINKS", Right),
        ("IRB MACS", Right),
        ("MACS", Right),
        ("MESSAGES", Right),
        ("NAKS", Right),
        ("OCTETS", Right),
    ]);
    let sides = [
        ("told", &of.synchronised_sent, &of.messages_sent),
        ("heard", &of.synchronised_received, &of.messages_received),
    ];
    for (name, objects, messages) in sides {
        let all = messages.initialization
            + messages.keepalive
            + messages.rg_connect
            + messages.rg_disconnect
            + messages.rg_notification
            + messages.rg_application_data
            + messages.other;
        table.row(&[
            &name,
            &objects.aggregators,
            &objects.ports,
            &objects.irb_macs,
            &objects.macs,
            &all,
            &messages.naks,
            &messages.octets,
        ]);
    }
    text + "\n" + &table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_chassis_is_shown_with_its_bundles() {
        let bundle = json!({"lag": "ae10", "mc-ae-id": 10, "system-id-mac": "02:00:00:00:00:10", "shared": true,
            "local-leg": "held", "isolated": true, "peer-macs": 12});
        let row = json!({"preset": "junos", "chassis-id": 0, "redundancy-group": 1, "status-control": "active",
            "control-session": "up", "backup-liveness": "unknown", "inter-chassis-link": "ae0", "inter-chassis-link-up": true,
            "init-delay-left": 1500, "system-id": "shared", "members": "up", "isolation": "kept", "withdrawn": false,
            "peer-macs": 13, "bundles": [bundle]});
        let rows: Vec<MclagRow> = serde_json::from_value(json!([row])).unwrap();
        assert_eq!(
            mclag(&rows),
            "\
chassis 0 of group 1, preset junos, active
session up, inter-chassis link ae0 up, backup liveness unknown
system id shared, members up, isolation kept, 13 addresses of the peer
init delay: 2 s left

LAG   MC-AE  SYSTEM ID          SHARED  LOCAL  PEER  ISOLATED  PEER MACS
ae10     10  02:00:00:00:00:10  yes     held   -     yes              12
"
        );
    }
}
