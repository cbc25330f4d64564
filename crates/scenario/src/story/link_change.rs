//! What happens to a link.

use super::action::{Deed, body};
use super::cast::Cast;
use super::{Action, LinkChange, SeenBy, flow_loss};
use crate::field::{Field, Mapping};
use crate::impairment;
use crate::keys::Keys;
use crate::yaml::Value;

const EXAMPLE: &str = "{end: \"sw1:eth1\", down: true}";
const KEYS: Keys = Keys::of(&["end", "down", "up", "one-way", "impair", "loses", "direction"]);
const CHANGES: [&str; 5] = ["down", "up", "one-way", "impair", "loses"];
const DOWN_KEYS: Keys = Keys::of(&["seen-by"]);

pub(super) fn read<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    read_one(field, cast).into_iter().map(Deed::from).collect()
}

fn read_one(field: &Field<'_>, cast: &Cast<'_>) -> Option<Action> {
    let map = body(field, &KEYS, EXAMPLE)?;
    let end = map.required("end", "say which, such as `end: \"sw1:eth1\"`");
    let end = end.and_then(|end| cast.end(end));
    let mut changes = map.among(&CHANGES, |change| change).into_iter();
    let Some((name, change)) = changes.next() else {
        if map.all_known() {
            field.refuse("nothing happens to the link: expected one of down, up, one-way, impair, loses");
        }
        return None;
    };
    for (other, change) in changes {
        change.refuse_key(format!("this step has `{name}` already: make `{other}` a step of its own"));
    }
    if let Some(direction) = map.get("direction").filter(|_| name != "impair") {
        direction.refuse_key("`direction` goes with `impair`: remove it");
    }
    // Without its end a change is read for what is wrong with it.
    let (link, this) = end.unwrap_or_default();
    let change = match name {
        "down" => LinkChange::Down { seen_by: read_down(change, this)? },
        "up" => happens(change).map(|()| LinkChange::Up)?,
        "loses" => LinkChange::Loses(flow_loss::read(change)?),
        "one-way" => happens(change).map(|()| LinkChange::OneWay { from: this })?,
        _ => {
            let (impairment, from) = (impairment::read(change), read_direction(&map, this));
            LinkChange::Impair { from: from?, impairment: impairment? }
        }
    };
    end.map(|_| Action::Link { link, change })
}

/// `true`: there is no other way to write it.
pub(super) fn happens(field: &Field<'_>) -> Option<()> {
    match field.value() {
        Value::Boolean(true) => Some(()),
        _ => {
            field.mismatch("true", "");
            None
        }
    }
}

fn read_down(field: &Field<'_>, this: usize) -> Option<SeenBy> {
    match field.value() {
        Value::Boolean(true) => Some(SeenBy::Both),
        Value::Mapping(_) => {
            let map = field.mapping(&DOWN_KEYS, "{seen-by: this-end}")?;
            let seen_by = map.required("seen-by", "expected both, this-end, far-end or nobody")?;
            let words = [
                ("both", SeenBy::Both),
                ("this-end", SeenBy::End(this)),
                ("far-end", SeenBy::End(1 - this)),
                ("nobody", SeenBy::Nobody),
            ];
            seen_by.word("who sees it", &words)
        }
        _ => {
            field.mismatch("true, or who sees it such as {seen-by: this-end}", "");
            None
        }
    }
}

fn read_direction(map: &Mapping<'_>, this: usize) -> Option<Option<usize>> {
    let words = [("both", None), ("from-this-end", Some(this)), ("to-this-end", Some(1 - this))];
    map.get("direction").map_or(Some(None), |field| field.word("a direction", &words))
}
