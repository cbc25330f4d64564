//! Cut links and lost power: who sees it, what dies, what comes back.

use crate::hosts::{H1, H2, TWO_SWITCHES, two_switches};
use crate::rig::{Notes, after, scenario, world};
use greylag_base::MacAddr;
use greylag_scenario::story::{Action, LinkChange, Patch, SeenBy};
use greylag_sim::{LinkLoss, World};
use greylag_switch::agent::AgentKind;
use greylag_switch::fault::Fault;
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

#[test]
fn an_agent_that_is_given_up_leaves_hosts_that_come_later_unknown() {
    let text = TWO_SWITCHES
        .replace("sw2: {kind: greylag}", "sw2: {kind: greylag, config: {learning: {mode: agent}}}");
    let mut world = world(&scenario(&text));
    world.run_until(after(SECOND));
    assert_eq!(world.switch(1).unwrap().data_plane().table().len(), 3);

    let crash = Fault::CrashLoop {
        agent: AgentKind::Learning,
        run_least: Duration::from_millis(100),
        run_most: Duration::from_millis(200),
        dump: Duration::from_millis(100),
        times: None,
        while_vlan: None,
    };
    world.order(&Action::Fault { switch: 1, fault: crash });
    world.run_until(after(10 * SECOND));
    assert!(world.observer().log.contains("AgentFailed"), "the supervisor gives it up");

    world.order(&Action::SetMac { host: H2, mac: MacAddr([2, 0, 0, 0, 0, 0x22]) });
    world.order(&Action::Announce { host: H2 });
    world.run_until(after(20 * SECOND));
    assert_eq!(
        world.switch(0).unwrap().data_plane().table().len(),
        4,
        "who learns inline knows the new address"
    );
    assert_eq!(world.switch(1).unwrap().data_plane().table().len(), 3);
}

#[test]
fn a_commit_changes_what_runs_and_survives_a_power_cycle_once_it_is_confirmed() {
    let patch = Patch { text: "ports: {eth3: {enabled: false}}".to_owned() };
    let commit = |confirm_within| Action::Commit {
        switch: 1,
        patch: patch.clone(),
        author: "ops".to_owned(),
        confirm_within,
    };
    let is_enabled = |world: &World<Notes>| world.switch(1).unwrap().config().ports[2].enabled;

    let mut world = world(&two_switches());
    world.order(&commit(Some(60 * SECOND)));
    assert!(!is_enabled(&world));
    world.run_until(after(61 * SECOND));
    assert!(is_enabled(&world), "nobody has confirmed it");

    world.order(&commit(None));
    world.order(&Action::PowerOff { switch: 1 });
    world.order(&Action::PowerOn { switch: 1, boot: SECOND });
    world.run_until(after(63 * SECOND));
    assert!(!is_enabled(&world));
}

#[test]
fn a_patch_that_does_not_fit_is_told_and_changes_nothing() {
    let mut world = world(&two_switches());
    let patch = Patch { text: "ports: {eth3: {enabled: perhaps}}".to_owned() };
    world.order(&Action::Commit { switch: 1, patch, author: "ops".to_owned(), confirm_within: None });
    world.order(&Action::Confirm { switch: 1 });
    let log = &world.observer().log;
    assert!(log.contains("WrongPatch") && log.contains("Refused"), "{log}");
    assert_eq!(world.switch(1).unwrap().history().commits().len(), 1);
}
