//! Cut links and lost power: who sees it, what dies, what comes back.

use crate::hosts::{H1, H2, two_switches};
use crate::rig::{after, world};
use greylag_scenario::story::{Action, LinkChange, SeenBy};
use greylag_sim::LinkLoss;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Between the switches: sw1:eth2 is end 0, sw2:eth1 is end 1.
const TRUNK: usize = 1;

#[test]
fn a_cut_is_seen_by_those_who_see_it() {
    let cases = [
        (SeenBy::Both, [false, false]),
        (SeenBy::End(0), [false, true]),
        (SeenBy::End(1), [true, false]),
        (SeenBy::Nobody, [true, true]),
    ];
    for (seen_by, carrier) in cases {
        let mut world = world(&two_switches());
        world.run_until(after(SECOND));
        world.order(&Action::Link { link: TRUNK, change: LinkChange::Down { seen_by } });
        let ports = [(0, 1), (1, 0)];
        let up = ports.map(|(switch, port)| world.switch(switch).unwrap().ports()[port].link_is_up());
        assert_eq!(up, carrier, "{seen_by:?}");

        // Whoever sees nothing goes on sending into the void.
        world.order(&Action::Broadcast { host: H1, rate: 10, lasts: SECOND });
        world.run_until(after(3 * SECOND));
        let lost = world.observer().lost(LinkLoss::Down);
        assert_eq!(lost, if carrier[0] { 10 } else { 0 }, "{seen_by:?}");

        world.order(&Action::Link { link: TRUNK, change: LinkChange::Up });
        world.order(&Action::Ping { host: H1, to: "10.0.0.2".parse().unwrap(), count: 1 });
        world.run_until(after(6 * SECOND));
        assert_eq!(world.observer().said(H1, "echo-reply"), 1, "{seen_by:?}");
    }
}

#[test]
fn a_switch_without_power_is_dark_and_comes_back_empty_after_its_boot() {
    let mut world = world(&two_switches());
    world.run_until(after(SECOND));
    assert!(!world.switch(1).unwrap().data_plane().table().is_empty());

    world.order(&Action::PowerOff { switch: 1 });
    assert!(world.switch(1).is_none());
    assert!(!world.switch(0).unwrap().ports()[1].link_is_up(), "the other end loses carrier");
    world.order(&Action::Ping { host: H1, to: "10.0.0.2".parse().unwrap(), count: 1 });
    world.run_until(after(10 * SECOND));

    world.order(&Action::PowerOn { switch: 1, boot: 20 * SECOND });
    world.run_until(after(30 * SECOND - Duration::from_nanos(1)));
    assert!(world.switch(1).is_none() && !world.switch(0).unwrap().ports()[1].link_is_up());
    world.run_until(after(30 * SECOND));
    let switch = world.switch(1).expect("it has booted");
    assert!(switch.data_plane().table().is_empty());
    assert_eq!(switch.ports().iter().filter(|port| port.link_is_up()).count(), 3);
    assert!(world.switch(0).unwrap().ports()[1].link_is_up());

    world.order(&Action::Ping { host: H1, to: "10.0.0.2".parse().unwrap(), count: 1 });
    world.run_until(after(40 * SECOND));
    assert_eq!(world.observer().said(H1, "echo-reply"), 1);
}

#[test]
fn frames_that_are_on_their_way_to_a_switch_die_with_its_power() {
    let mut world = world(&two_switches());
    world.run_until(after(SECOND));
    world.order(&Action::Broadcast { host: H2, rate: 1, lasts: SECOND });
    world.order(&Action::PowerOff { switch: 1 });
    world.run_until(after(2 * SECOND));
    assert_eq!(world.observer().lost(LinkLoss::Dark), 1);
}
