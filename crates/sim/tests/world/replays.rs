//! The same scenario and the same seed are the same world.

use crate::hosts::{H1, H2, H3, two_switches};
use crate::rig::{Notes, after};
use greylag_base::Seed;
use greylag_scenario::story::{Action, FlowSpec, Impairment, LinkChange, SeenBy};
use greylag_sim::World;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Half a minute with lossy links, a storm, a power cut and a transfer, in steps of `step`; what could be seen of it.
fn run(seed: u64, step: Duration) -> String {
    let mut scenario = two_switches();
    scenario.flows = vec![FlowSpec {
        name: "all".to_owned(),
        pairs: vec![(H1, H2), (H2, H1), (H1, H3), (H3, H1), (H2, H3), (H3, H2)],
        answers: None,
        count: 1,
        interval: Duration::from_millis(250),
        size: 200,
        ipv6: true,
        weight: 1,
        start: SECOND,
        stop: 30 * SECOND,
    }];
    let impairment = Impairment {
        loss: 0.05,
        duplicate: 0.05,
        reorder: 0.05,
        corrupt: 0.05,
        jitter: Duration::from_millis(300),
        ..Impairment::default()
    };
    let change = LinkChange::Impair { from: None, impairment };
    let cut = LinkChange::Down { seen_by: SeenBy::End(1) };
    let orders = [
        (2, Action::Link { link: 1, change }),
        (3, Action::Tcp { host: H1, to: H2, bytes: 20_000 }),
        (5, Action::MacFlood { host: H3, macs: 50, rate: 100, lasts: SECOND }),
        (10, Action::Link { link: 1, change: cut }),
        (12, Action::Link { link: 1, change: LinkChange::Up }),
        (15, Action::PowerOff { switch: 1 }),
        (16, Action::PowerOn { switch: 1, boot: SECOND }),
    ];
    let mut world = World::new(&scenario, Seed(seed), Notes::default()).unwrap();
    for (at, action) in &orders {
        let at = after(SECOND * *at);
        while world.now() < at {
            world.run_until((world.now() + step).min(at));
        }
        world.order(action);
    }
    while world.now() < after(31 * SECOND) {
        world.run_until((world.now() + step).min(after(31 * SECOND)));
    }
    let records: Vec<_> = world.flows().iter().map(|flow| world.flow_record(flow, SECOND)).collect();
    format!("{}{records:?}", world.observer().log)
}

#[test]
fn the_same_seed_is_the_same_world_in_one_step_or_in_ten_thousand() {
    let whole = run(1, 31 * SECOND);
    let lines = whole.lines().count();
    assert!(lines > 2_000, "{lines}");
    assert!(whole == run(1, 31 * SECOND), "a second run differs");
    assert!(whole == run(1, Duration::from_micros(3_141)), "small steps differ");
}

#[test]
fn another_seed_is_another_world() {
    assert!(run(1, 31 * SECOND) != run(2, 31 * SECOND));
}
