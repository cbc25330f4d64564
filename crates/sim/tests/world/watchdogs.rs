//! Switches that are started anew by their watchdog.

use crate::hosts::{H1, TWO_SWITCHES};
use crate::rig::{after, scenario, world};
use greylag_scenario::story::{Action, Patch};
use greylag_switch::agent::{AgentKind, AgentState};
use greylag_switch::fault::Fault;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const SW2: usize = 1;

#[test]
fn a_watchdog_is_a_power_cycle_and_an_unconfirmed_commit_is_gone_with_it() {
    let watched = "sw2: {kind: greylag, boot: 20s, config: {supervisor: {restart: false, watchdog: 10s}}}";
    let scenario = scenario(&TWO_SWITCHES.replace("sw2: {kind: greylag}", watched));
    let mut world = world(&scenario);
    world.run_until(after(SECOND));
    let commit = |text: &str, confirm_within| Action::Commit {
        switch: SW2,
        patch: Patch { text: text.to_owned() },
        author: "ops".to_owned(),
        confirm_within,
    };
    world.order(&commit("{vlans: {20: {}}}", None));
    world.order(&commit("{vlans: {30: {}}}", Some(600 * SECOND)));
    let crash = Fault::Crash { agent: AgentKind::Learning, dump: Duration::ZERO };
    world.order(&Action::Fault { switch: SW2, fault: crash });

    world.run_until(after(11 * SECOND - Duration::from_nanos(1)));
    assert!(world.switch(SW2).is_some(), "it is borne for ten seconds");
    world.run_until(after(11 * SECOND));
    assert!(world.switch(SW2).is_none());
    assert!(!world.switch(0).unwrap().ports()[1].link_is_up(), "the other end loses carrier");
    world.run_until(after(31 * SECOND - Duration::from_nanos(1)));
    assert!(world.switch(SW2).is_none(), "it boots for twenty seconds");

    world.run_until(after(31 * SECOND));
    let switch = world.switch(SW2).expect("it has booted");
    assert_eq!(switch.agent_state(AgentKind::Learning), Some(AgentState::Running));
    let vlans: Vec<u16> = switch.config().vlan_set().iter().map(greylag_base::VlanId::get).collect();
    assert_eq!(vlans, [1, 20], "what nobody confirmed is gone");
    world.order(&Action::Ping { host: H1, to: "10.0.0.2".parse().unwrap(), count: 1 });
    world.run_until(after(35 * SECOND));
    assert_eq!(world.observer().said(H1, "echo-reply"), 1);
}
