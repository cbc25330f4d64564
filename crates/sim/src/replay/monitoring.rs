//! Monitoring from inside: what the switches themselves say of their interfaces, neighbours and sessions.

use super::watch::Watch;
use crate::World;
use greylag_base::Instant;
use greylag_linkstate::NeighborState;
use greylag_scenario::story::{ExpectedOutcome, Scenario};
use greylag_switch::Switch;

/// Looks for an expectation, and says when to look again.
pub(crate) fn look(scenario: &Scenario, index: usize, world: &mut World<Watch<'_>>) -> Option<Instant> {
    let ExpectedOutcome::Monitoring { switches, until, every, .. } = &scenario.expectations[index].outcome
    else {
        return None;
    };
    let now = world.now();
    let red = switches.iter().find_map(|&node| {
        let name = &scenario.lab.nodes[node].name;
        match world.switch(node) {
            Some(switch) => down(switch, now).map(|what| format!("{name}: {what}")),
            None => Some(format!("{name} is without power")),
        }
    });
    if let Some(what) = red {
        world.observer().tallies.red(now, index, what);
    }
    Some(now + *every).filter(|next| *next < Instant::ZERO + *until)
}

/// Something that is not up and should be.
fn down(switch: &Switch, now: Instant) -> Option<String> {
    let interfaces = switch.interface_rows().into_iter();
    let interface = interfaces
        .filter(|row| row.admin_status == "UP" && row.oper_status != "UP")
        .map(|row| format!("interface {} is down", row.name));
    let bfd = switch.bfd_rows().into_iter().filter(|row| row.session_state != greylag_bfd::State::Up);
    let bfd = bfd.map(|row| format!("BFD to {} is down", row.remote_address));
    let bgp = switch.bgp_rows().into_iter().flat_map(|rows| rows.neighbors);
    let bgp = bgp.filter(|row| row.session_state != greylag_bgp::State::Established);
    let bgp = bgp.map(|row| format!("BGP to {} is down", row.neighbor_address));
    let link_state = switch.link_state_rows(now).into_iter().flat_map(|rows| {
        let is_full = |on: &str| {
            rows.neighbors.iter().any(|row| row.interface == on && row.state == NeighborState::Full)
        };
        let alone = rows.interfaces.iter().filter(|row| !row.passive && !is_full(&row.interface));
        alone.map(|row| format!("no adjacency on interface {}", row.interface)).collect::<Vec<_>>()
    });
    interface.chain(bfd).chain(bgp).chain(link_state).next()
}
