//! What happens to a switch's port to the management network.

use super::Action;
use super::action::{Deed, body, switches};
use super::cast::Cast;
use super::link_change::happens;
use crate::field::Field;
use crate::keys::Keys;

const EXAMPLE: &str = "{switch: ca1, down: true}";
const KEYS: Keys = Keys::of(&["switch", "down", "up"]);

pub(super) fn read<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &KEYS, EXAMPLE) else { return Vec::new() };
    let switches = switches(&map, cast);
    let up = match (map.get("down"), map.get("up")) {
        (Some(down), None) => happens(down).map(|()| false),
        (None, Some(up)) => happens(up).map(|()| true),
        (Some(_), Some(up)) => {
            up.refuse_key("this step has `down` already: make `up` a step of its own");
            None
        }
        (None, None) => {
            if map.all_known() {
                field.refuse("nothing happens to the port: expected one of down, up");
            }
            None
        }
    };
    for &switch in &switches {
        // A switch that could not be read may have one.
        if !cast.topology.incomplete && cast.topology.lab.management_address(switch).is_none() {
            field.refuse(format!(
                "switch `{0}` is not on the management network: add `mgmt-ipv4` to node `{0}`",
                cast.name(switch)
            ));
        }
    }
    let Some(up) = up else { return Vec::new() };
    switches.into_iter().map(|switch| Action::Management { switch, up }.into()).collect()
}
