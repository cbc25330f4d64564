//! Frames cross switches and links in the time that they need.

use crate::rig::{after, frame, scenario, station, world};
use greylag_base::MacAddr;
use greylag_scenario::story::{Action, LinkChange, SeenBy};
use std::time::Duration;

pub(crate) const TWO_SWITCHES: &str = r#"
name: pair
title: A test
duration: 10m
topology:
  nodes: {sw1: {kind: greylag}, sw2: {kind: greylag}, h1: {kind: host}, h2: {kind: host}}
  links:
    - endpoints: ["h1:eth1", "sw1:eth1"]
    - endpoints: ["sw1:eth2", "sw2:eth1"]
    - endpoints: ["sw2:eth2", "h2:eth1"]
"#;

#[test]
fn a_frame_crosses_two_switches_and_three_links() {
    let mut world = world(&scenario(TWO_SWITCHES));
    let frame = frame(station(1), MacAddr::BROADCAST);
    world.send(0, 0, &frame);
    world.run_until(after(Duration::from_millis(1)));
    // 84 octets at 10 Gbit/s and 5 µs, three times; the switches take no time.
    let times: Vec<u64> = world.observer().arrived.iter().map(|arrived| arrived.0.as_nanos()).collect();
    assert_eq!(times, [5067, 10134, 15201]);
    assert_eq!(world.observer().arrived[2].3, frame);
}

#[test]
fn a_broadcast_in_a_loop_of_three_switches_circles_until_a_link_is_cut() {
    let ring = scenario(
        r#"
name: ring
title: A test
duration: 10m
topology:
  nodes: {sw1: {kind: greylag}, sw2: {kind: greylag}, sw3: {kind: greylag}, h1: {kind: host}}
  links:
    - endpoints: ["sw1:eth1", "sw2:eth1"]
    - endpoints: ["sw2:eth2", "sw3:eth1"]
    - endpoints: ["sw3:eth2", "sw1:eth2"]
    - endpoints: ["h1:eth1", "sw1:eth3"]
"#,
    );
    let mut world = world(&ring);
    world.observer().is_brief = true;
    world.send(3, 0, &frame(station(1), MacAddr::BROADCAST));
    world.run_until(after(Duration::from_millis(50)));
    // Two copies, one each way round, each on a new link every 5 µs, and the host hears each once a round.
    let first = world.observer().arrivals;
    assert!((25_000..27_500).contains(&first), "{first}");
    world.run_until(after(Duration::from_millis(100)));
    let both = world.observer().arrivals;
    assert!(both.abs_diff(2 * first) < 10, "it does not end: {first}, {both}");

    world.order(&Action::Link { link: 1, change: LinkChange::Down { seen_by: SeenBy::Both } });
    world.run_until(after(Duration::from_millis(101)));
    let stopped = world.observer().arrivals;
    world.run_until(after(Duration::from_secs(60)));
    assert_eq!(world.observer().arrivals, stopped);
}
