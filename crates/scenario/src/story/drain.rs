//! Traffic is led around a router or a link before something is done to it, and back: commits that every operator would write alike.

use super::action::{Deed, body};
use super::cast::Cast;
use super::{Action, Patch};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use greylag_switch::config::LinkStateInterface;
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

fn router<'d>(field: &Field<'d>, cast: &Cast<'_>, away: bool) -> Vec<Deed<'d>> {
    let switches = cast.switches(field);
    let speaks = |switch: &usize| {
        let speaks = cast.config(*switch).is_some_and(|config| config.routing.link_state.is_some());
        if !speaks {
            let name = cast.name(*switch);
            field.refuse(format!(
                "`{name}` speaks no `link-state`, by which others would find their way around it"
            ));
        }
        speaks
    };
    let patch = json!({"routing": {"link-state": {"overload": away}}});
    switches.into_iter().filter(speaks).map(|switch| commit(switch, &patch)).collect()
}

fn link<'d>(field: &Field<'d>, cast: &Cast<'_>, away: bool) -> Vec<Deed<'d>> {
    let Some((link, _)) = cast.end(field) else { return Vec::new() };
    let ends = &cast.topology.lab.links[link].ends;
    let deed = |end: &crate::lab::End| {
        let link_state = cast.config(end.node)?.routing.link_state.as_ref()?;
        let own: &LinkStateInterface =
            link_state.interfaces.iter().find(|interface| interface.interface == end.interface)?;
        let metric = if away { LAST_RESORT } else { own.metric };
        let interface = end.interface.as_str();
        let patch = json!({"routing": {"link-state": {"interfaces": {interface: {"metric": metric}}}}});
        Some(commit(end.node, &patch))
    };
    let deeds: Vec<Deed<'d>> = ends.iter().filter_map(deed).collect();
    if deeds.is_empty() && !cast.topology.incomplete {
        field.refuse("`link-state` runs over neither end of this link: nothing would go around it");
    }
    deeds
}

fn commit<'d>(switch: usize, patch: &Value) -> Deed<'d> {
    let (patch, author) = (Patch { text: patch.to_string() }, "ops".to_owned());
    Action::Commit { switch, patch, author, confirm_within: None }.into()
}
