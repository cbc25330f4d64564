//! From where a host moves: it has one link that is up, and which one changes with every move.

use super::Action;
use super::action::Later;
use super::cast::Cast;
use crate::phrase::listed;
use std::collections::BTreeMap;

/// Fills in the links that moving hosts leave. The actions come in the order of time.
pub(super) fn settle<'a, 'd: 'a>(
    actions: &mut dyn Iterator<Item = (&'a mut Action, Option<&'a Later<'d>>)>,
    cast: &Cast<'_>,
) {
    // Where each host that has moved is now.
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for (action, later) in actions {
        let (Action::MoveHost { link, to, .. }, Some(Later::Move { host, field })) = (action, later) else {
            continue;
        };
        let (links, settings) = (&cast.topology.lab.links, &cast.topology.links);
        let plugged = |link: usize| match places.get(host) {
            Some(&place) => link == place,
            None => settings[link].up,
        };
        let mut current: Vec<usize> = (0..links.len())
            .filter(|&link| links[link].ends.iter().any(|end| end.node == *host) && plugged(link))
            .collect();
        if current.contains(to) {
            field.refuse("the host is there already: expected an end of a link of its that is `up: false`");
            continue;
        }
        match (current.pop(), current.is_empty()) {
            (Some(from), true) => {
                *link = from;
                places.insert(*host, *to);
            }
            (last, _) => {
                current.extend(last);
                let ends = current.iter().flat_map(|&link| &links[link].ends);
                let ends: Vec<String> =
                    ends.filter(|end| end.node == *host).map(|end| cast.end_name(end)).collect();
                let ends = match ends.is_empty() {
                    true => "none".to_owned(),
                    false => listed(ends.iter().map(String::as_str)),
                };
                field.refuse(format!("a host that moves has one link that is up, and this one has {ends}"));
            }
        }
    }
}
