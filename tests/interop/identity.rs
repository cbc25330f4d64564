//! Ends that say something else of themselves from one LACPDU to the next.

use crate::facing::{FAST, Facing, OURS, SLACK, commit, events, switch_file, system};
use crate::ovs::OVS;
use greylag_lacp::Timers;
use greylag_tests::has;

/// What is changed, and who sees what.
type Change<'a> = (&'a str, &'a dyn Fn(&Facing));

#[test]
fn an_end_that_changes_its_system_or_key_costs_the_aggregate_wait() {
    if !has(OVS) {
        return;
    }
    let facing = Facing::start(FAST);
    facing.wait_until_whole();
    let become_system = |id: &str, key: u16| {
        let lag = format!("{}, admin-key: {key}", FAST.ours);
        commit(&facing.greylag, &switch_file(&system(id), &facing.members, &lag));
    };
    let set_interfaces = |value: &str| {
        let mut words = Vec::new();
        for member in &facing.members {
            words.extend(["--", "set", "interface", member, value]);
        }
        facing.ovs.configure(&words[1..]);
    };
    let changes: [Change<'_>; 4] = [
        ("their system id", &|facing| {
            facing.ovs.configure(&[
                "set",
                "port",
                "bond0",
                "other_config:lacp-system-id=\"02:00:00:00:00:99\"",
            ]);
        }),
        ("their key", &|_| set_interfaces("other_config:lacp-aggregation-key=42")),
        ("our system id", &|_| become_system("02:00:00:00:00:77", 4)),
        ("our key", &|_| become_system("02:00:00:00:00:77", 42)),
    ];
    for (what, change) in changes {
        let streams = facing.streams();
        streams.wait_until_whole();
        facing.wait_through(change);
        let (out, back) = streams.end();
        println!("{what} changed\n  from us: {out}\n  to us:   {back}");
        // Each end may have to hear the other once more before it is in sync.
        let Timers { aggregate_wait, fast_periodic, .. } = Timers::STANDARD;
        for report in [out, back] {
            assert!(report.longest < aggregate_wait + 2 * fast_periodic + SLACK, "{what}: {report}");
            assert!(report.longest > aggregate_wait, "{what}: ports wait for others to join: {report}");
            assert_eq!(report.doubled, 0, "{what}");
        }
    }
    let end = &facing.ovs.bond().members["m1"];
    assert_eq!((end.partner.system_id.as_str(), end.partner.key), ("02:00:00:00:00:77", 42));
    assert_eq!((end.actor.system_id.as_str(), end.actor.key), ("02:00:00:00:00:99", 42));
    assert_ne!(OURS, end.partner.system_id);
    let kept = events(&facing.greylag, "lacp-partner-kept");
    assert!(kept.iter().any(|event| event["to"]["mac"] == "02:00:00:00:00:99"), "{kept:?}");
}
