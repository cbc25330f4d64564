//! Two switches that show one system, to one bond.

use crate::facing::{FAST, OURS, Place, THEIRS, commit, distributions, members, switch_file, system};
use crate::lacp_show::Bond;
use crate::ovs::{OVS, Ovs};
use crate::rig::{DEADLINE, raw_socket};
use crate::running::Running;
use crate::stream::{self, Direction, FLOWS};
use greylag_tests::{has, wait_for};
use std::time::Instant;

/// One of the two switches, with a host behind it, and one link to the bond.
struct Chassis {
    switch: Running,
    near: Place,
    _here: Place,
    link: String,
    offset: u16,
}

impl Chassis {
    fn start(there: &Place, number: u16) -> Chassis {
        let [near, here] = std::array::from_fn(|_| Place::new());
        let link = format!("m{number}");
        near.cable("eth0", &here, "lan");
        here.cable(&link, there, &link);
        let offset = (number - 1) * 100;
        let file = Chassis::file(&link, offset, OURS);
        let switch = Running::start(&here.netns, &file);
        Chassis { switch, near, _here: here, link, offset }
    }

    fn file(link: &str, offset: u16, id: &str) -> String {
        let system = system(id).replace('}', &format!(", port-number-offset: {offset}}}"));
        switch_file(&system, &[link.to_owned()], &format!("{}, admin-key: 7", FAST.ours))
    }

    /// Shows this system from now on.
    fn become_system(&self, id: &str) {
        commit(&self.switch, &Chassis::file(&self.link, self.offset, id));
    }
}

/// By which links the flows of the far host arrive.
fn links_of_flows(far: &Place, chassis: &[Chassis; 2]) -> [usize; 2] {
    let (mut out, _) = raw_socket(&far.netns, "eth0");
    let mut into = chassis.each_ref().map(|chassis| raw_socket(&chassis.near.netns, "eth0").1);
    stream::spread(Direction::Back, &mut *out, &mut into)
}

#[test]
fn two_switches_with_one_system_id_are_one_partner_until_one_shows_its_own() {
    if !has(OVS) {
        return;
    }
    let [there, far] = std::array::from_fn(|_| Place::new());
    far.cable("eth0", &there, "lan");
    let chassis = [1, 2].map(|number| Chassis::start(&there, number));
    let ovs = Ovs::start(&there.netns);
    let id = format!("other_config:lacp-system-id=\"{THEIRS}\"");
    let start = Instant::now();
    // Flows are dealt one by one, to the links that there are then.
    let settings = ["bond_mode=balance-slb", &id, "other_config:lacp-system-priority=200"];
    ovs.add_bond(&members(2), &[&settings, FAST.theirs].concat());
    let bond = ovs.wait_for_bond("Open vSwitch uses both links", Bond::is_whole);
    println!("one partner on two switches after {:.1?}", start.elapsed());
    let partners = ["m1", "m2"].map(|link| bond.members[link].partner.clone());
    for partner in &partners {
        assert_eq!((partner.system_id.as_str(), partner.key), (OURS, 7));
    }
    assert_eq!(partners.map(|partner| partner.port_id), [2, 102], "the numbers of the two do not meet");
    wait_for("both switches use their link", DEADLINE, || {
        chassis
            .iter()
            .all(|chassis| distributions(&chassis.switch).last() == Some(&vec![chassis.link.clone()]))
            .then_some(())
    });
    let [first, second] = links_of_flows(&far, &chassis);
    println!("  of the flows, {first} arrive by the first switch and {second} by the second");
    assert!(first > 0 && second > 0);

    for reverts in [1, 0] {
        let (changed, stays) = (&chassis[reverts], &chassis[1 - reverts]);
        let before = distributions(&stays.switch).len();
        let start = Instant::now();
        changed.become_system("02:00:00:00:00:77");
        let bond = ovs.wait_for_bond("Open vSwitch keeps one link and has left the other", |bond| {
            let changed = &bond.members[&changed.link];
            let in_sync = changed.partner.flags.contains("synchronized");
            in_sync && bond.members.values().filter(|member| member.is_used()).count() == 1
        });
        println!(
            "{} shows another system and is in sync again after {:.1?}: Open vSwitch keeps {}, whose partner did not change and was \
             in sync while the other was not",
            changed.link,
            start.elapsed(),
            stays.link
        );
        let left = &bond.members[&changed.link];
        assert_eq!(left.partner.system_id, "02:00:00:00:00:77");
        assert!(bond.members[&stays.link].is_used());
        assert!(left.status == "current" && !left.attached, "it is heard, and left out: {left:?}");
        assert!(!left.actor.flags.contains("synchronized"), "which is what it says to its partner: {left:?}");
        // So the switch with another system has nowhere to send to, and the other one saw nothing.
        assert_eq!(distributions(&changed.switch).last(), Some(&Vec::new()));
        assert_eq!(distributions(&stays.switch).len(), before);
        let mut expected = [FLOWS; 2];
        expected[reverts] = 0;
        assert_eq!(links_of_flows(&far, &chassis), expected);
        changed.become_system(OURS);
        ovs.wait_for_bond("Open vSwitch uses both links", Bond::is_whole);
    }
}
