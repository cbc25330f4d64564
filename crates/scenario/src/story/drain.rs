//! Traffic is led around a router or a link before something is done to it, and back: commits that every operator would write alike.

use super::action::{Deed, body};
use super::cast::Cast;
use super::{Action, Patch};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use greylag_switch::config::{BgpNeighbor, InterfaceAddress, LinkStateInterface, SwitchConfig};
use serde_json::{Value, json};

const KEYS: Keys = Keys::of(&["switch", "end"]);
const EXAMPLE: &str = "{switch: r1}";

/// A link that costs so much is the last that is taken.
const LAST_RESORT: u16 = u16::MAX;

pub(super) fn drain<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    read(field, cast, true)
}

pub(super) fn undrain<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    read(field, cast, false)
}

fn read<'d>(field: &Field<'d>, cast: &Cast<'_>, away: bool) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &KEYS, EXAMPLE) else { return Vec::new() };
    match (map.get("switch"), map.get("end")) {
        (Some(switches), None) => router(switches, cast, away),
        (None, Some(end)) => link(end, cast, away),
        (Some(_), Some(end)) => {
            end.refuse_key("a step drains a switch or a link: remove one of the two");
            Vec::new()
        }
        (None, None) => {
            nothing(field, &map);
            Vec::new()
        }
    }
}

fn nothing(field: &Field<'_>, map: &Mapping<'_>) {
    if map.all_known() {
        field.refuse("nothing is drained: say `switch: r1`, or the end of a link such as `end: \"r1:eth1\"`");
    }
}

/// The interior protocol's routers find their way around it, and those of BGP take what leads by it last (RFC 8326).
fn router<'d>(field: &Field<'d>, cast: &Cast<'_>, away: bool) -> Vec<Deed<'d>> {
    let mut deeds = Vec::new();
    for switch in cast.switches(field) {
        let config = cast.config(switch);
        let mut routing = serde_json::Map::new();
        if let Some(own) = config.and_then(|config| config.routing.link_state.as_ref()) {
            routing.insert("link-state".to_owned(), json!({"overload": away || own.overload}));
        }
        if let Some(bgp) = config.and_then(|config| sessions(config, away, |_| true)) {
            routing.insert("bgp".to_owned(), bgp);
        }
        if routing.is_empty() {
            let name = cast.name(switch);
            field.refuse(format!(
                "`{name}` speaks neither `link-state` nor `bgp` with anybody, by which others would find their way around it"
            ));
        } else {
            deeds.push(commit(switch, &json!({"routing": routing})));
        }
    }
    deeds
}

fn link<'d>(field: &Field<'d>, cast: &Cast<'_>, away: bool) -> Vec<Deed<'d>> {
    let Some((link, _)) = cast.end(field) else { return Vec::new() };
    let ends = &cast.topology.lab.links[link].ends;
    let deed = |end: &crate::lab::End| {
        let config = cast.config(end.node)?;
        let mut routing = serde_json::Map::new();
        let interfaces = config.routing.link_state.iter().flat_map(|link_state| &link_state.interfaces);
        let own: Option<&LinkStateInterface> =
            interfaces.into_iter().find(|interface| interface.interface == end.interface);
        if let Some(own) = own {
            let metric = if away { LAST_RESORT } else { own.metric };
            let interface = end.interface.as_str();
            routing.insert("link-state".to_owned(), json!({"interfaces": {interface: {"metric": metric}}}));
        }
        let on_link = config.interface(end.interface.as_str()).map(|(_, interface)| &interface.addresses);
        let over_it = |neighbor: &BgpNeighbor| {
            let mut addresses = on_link.into_iter().flatten();
            addresses.any(|own: &InterfaceAddress| own.subnet().contains(&neighbor.neighbor_address))
        };
        if let Some(bgp) = sessions(config, away, over_it) {
            routing.insert("bgp".to_owned(), bgp);
        }
        (!routing.is_empty()).then(|| commit(end.node, &json!({"routing": routing})))
    };
    let deeds: Vec<Deed<'d>> = ends.iter().filter_map(deed).collect();
    if deeds.is_empty() && !cast.topology.incomplete {
        field.refuse(
            "neither `link-state` nor a session of `bgp` runs over this link: nothing would go around it",
        );
    }
    deeds
}

/// Sessions of BGP that are about to end, or that go on, if any are meant.
fn sessions(config: &SwitchConfig, away: bool, is_meant: impl Fn(&BgpNeighbor) -> bool) -> Option<Value> {
    let neighbors = config.routing.bgp.iter().flat_map(|bgp| &bgp.neighbors);
    let neighbors: serde_json::Map<String, Value> = neighbors
        .filter(|neighbor| is_meant(neighbor))
        .map(|own| {
            let says = json!({"graceful-shutdown": away || own.graceful_shutdown});
            (own.neighbor_address.to_string(), says)
        })
        .collect();
    (!neighbors.is_empty()).then(|| json!({"neighbors": neighbors}))
}

fn commit<'d>(switch: usize, patch: &Value) -> Deed<'d> {
    let (patch, author) = (Patch { text: patch.to_string() }, "ops".to_owned());
    Action::Commit { switch, patch, author, confirm_within: None }.into()
}
