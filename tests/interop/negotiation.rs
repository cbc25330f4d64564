//! The two come up together, whoever speaks first, however often, and by however many links.

use crate::facing::{Facing, OURS, SLACK, THEIRS, Terms, events};
use crate::ovs::OVS;
use greylag_lacp::Timers;
use greylag_tests::has;
use std::time::Instant;

/// One end: who speaks first, and how often it wants to hear the other.
type Manner = (&'static str, &'static str);

#[test]
fn both_come_up_whoever_speaks_first_and_however_often() {
    if !has(OVS) {
        return;
    }
    let cases: [(Manner, Manner, usize); 5] = [
        (("ACTIVE", "FAST"), ("active", "fast"), 2),
        (("ACTIVE", "SLOW"), ("active", "slow"), 4),
        (("PASSIVE", "FAST"), ("active", "slow"), 2),
        (("PASSIVE", "SLOW"), ("active", "fast"), 4),
        (("ACTIVE", "SLOW"), ("passive", "fast"), 2),
    ];
    std::thread::scope(|scope| {
        for (ours, theirs, members) in cases {
            scope.spawn(move || come_up(ours, theirs, members));
        }
    });
}

fn come_up(ours: Manner, theirs: Manner, members: usize) {
    let facing = Facing::start(Terms {
        members,
        ours: &format!("lacp-mode: {}, interval: {}, admin-key: 7", ours.0, ours.1),
        theirs: &[&format!("lacp={}", theirs.0), &format!("other_config:lacp-time={}", theirs.1)],
    });
    let start = Instant::now();
    let bond = facing.wait_until_whole();
    let took = start.elapsed();
    println!("{ours:?} and {theirs:?}, {members} links: up after {took:.1?}");
    // An end that has heard nobody yet asks for a LACPDU a second, whatever it is configured for.
    let Timers { aggregate_wait, fast_periodic, .. } = Timers::STANDARD;
    assert!(took < aggregate_wait + 2 * fast_periodic + SLACK, "{took:?}");

    for (number, member) in (1_u16..).zip(&facing.members) {
        let end = &bond.members[member].partner;
        assert_eq!((end.system_id.as_str(), end.system_priority), (OURS, 100), "{member}");
        // The port of the host is the first.
        assert_eq!((end.key, end.port_id, end.port_priority), (7, number + 1, 0x8000), "{member}");
        assert_eq!(end.flags.contains("activity"), ours.0 == "ACTIVE", "{member}");
        assert_eq!(end.flags.contains("timeout"), ours.1 == "FAST", "{member}");
        assert!(!end.flags.contains("expired") && !end.flags.contains("defaulted"), "{member}");
    }
    let partners = events(&facing.greylag, "lacp-partner-changed");
    assert_eq!(partners.len(), members);
    for partner in partners {
        assert_eq!(
            (&partner["to"]["mac"], &partner["to"]["priority"]),
            (&THEIRS.into(), &200.into()),
            "{partner}"
        );
    }
    facing.carry_ping_and_tcp();
    let counted = facing.ovs.ask(&["lacp/show-stats", "bond0"]).expect("Open vSwitch answers");
    assert_eq!(counted.matches("RX Bad PDUs: 0\n").count(), members, "{counted}");
    let streams = facing.streams();
    let (out, back) = streams.end();
    for report in [&out, &back] {
        assert_eq!((report.lost, report.doubled, report.overtaken), (0, 0, 0), "{report}");
    }
}
