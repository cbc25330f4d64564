//! A greylag in the middle of two bonds: LACPDUs pass it when it is told so, and end at it when it is not.

use crate::facing::{Place, SLACK, commit, members};
use crate::lacp_show::Bond;
use crate::ovs::{OVS, Ovs};
use crate::rig::succeed;
use crate::running::Running;
use greylag_lacp::Timers;
use greylag_tests::has;
use serde_json::Value;
use std::time::Instant;

/// Frames that ended because they were to a group that ends at a bridge.
fn ended(switch: &Running) -> u64 {
    let rows: Value =
        serde_json::from_str(&succeed(&["show", "drops", "-s", &switch.name, "-j"])).expect("JSON");
    let rows = rows.as_array().expect("rows").iter().filter(|row| row["reason"] == "reserved-group");
    rows.filter_map(|row| row["frames"].as_u64()).sum()
}

#[test]
fn lacp_passes_a_switch_between_two_others_when_told_to_and_not_otherwise() {
    if !has(OVS) {
        return;
    }
    // The first links are veth, the second ones TAP; each pair is a cable of its own.
    let [left, middle, right] = std::array::from_fn(|_| Place::new());
    left.cable("m1", &middle, "left1");
    right.cable("m1", &middle, "right1");
    let [host_of_left, host_of_right] = std::array::from_fn(|_| Place::new());
    host_of_left.cable("eth0", &left, "lan");
    host_of_right.cable("eth0", &right, "lan");
    let tap = |place: &Place| {
        format!("{{type: tap, netns: {}, interface: m2, access-vlan: 12}}", place.netns.name())
    };
    let file = |mask: &str| {
        format!(
            "group-fwd-mask: {mask}\nports:\n  left1: {{access-vlan: 11}}\n  right1: {{access-vlan: 11}}\n  left2: {}\n  right2: {}\n",
            tap(&left),
            tap(&right)
        )
    };
    // Bit 2 is 01-80-C2-00-00-02.
    let switch = Running::start(&middle.netns, &file("0x4"));
    let ends = [&left, &right].map(|place| {
        let ovs = Ovs::start(&place.netns);
        ovs.add_bond(&members(2), &["lacp=active", "other_config:lacp-time=fast"]);
        ovs
    });
    let bonds = ends
        .each_ref()
        .map(|ovs| ovs.wait_for_bond("the two outer ones have found each other", Bond::is_whole));
    for link in members(2) {
        assert_eq!(
            bonds[0].members[&link].partner.system_id, bonds[1].members[&link].actor.system_id,
            "{link}"
        );
    }
    assert_eq!(ended(&switch), 0);

    let start = Instant::now();
    commit(&switch, &file("0"));
    let silent = |bond: &Bond| bond.members.values().all(|member| member.status != "current");
    ends[0].wait_for_bond("nothing arrives any more", silent);
    println!("not told to pass LACP: given up after {:.1?}", start.elapsed());
    assert!(start.elapsed() < Timers::STANDARD.short_timeout + SLACK);
    assert!(ended(&switch) > 0);

    let start = Instant::now();
    commit(&switch, &file("0x4"));
    for ovs in &ends {
        ovs.wait_for_bond("they have found each other again", Bond::is_whole);
    }
    println!("told to again: up after {:.1?}", start.elapsed());
}
