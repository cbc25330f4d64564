//! FRR at a node of kind `frr`: its configuration and its daemons.

use super::{FrrNode, containerlab};
use crate::field::Field;
use crate::keys::Keys;
use crate::phrase::quoted;
use crate::source::Source;
use std::path::Path;

const EXAMPLE: &str = "{config: r1.frr.conf}";

const KEYS: Keys = Keys { allowed: &["config", "daemons"], explained: containerlab::NODE };

/// The daemons that can be asked for; zebra always runs.
const DAEMONS: &[(&str, &str)] = &[
    ("staticd", "staticd"),
    ("bfdd", "bfdd"),
    ("ospfd", "ospfd"),
    ("ospf6d", "ospf6d"),
    ("isisd", "isisd"),
    ("bgpd", "bgpd"),
];

/// The network namespace of FRR at a node.
pub(super) fn netns(lab: &str, node: &str) -> String {
    format!("greylag-{lab}-{node}.frr")
}

/// Reads `frr`. A `config` of several lines is the configuration itself, and one line is the name of its file.
pub(super) fn read(field: &Field<'_>, lab: &Source) -> Option<FrrNode> {
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let config = map.required("config", "add the name of an frr.conf, or its lines behind `|`")?;
    let text = config.text()?;
    let configuration = match text.contains('\n') {
        true => text.to_owned(),
        false => {
            let path = lab.path().parent().unwrap_or_else(|| Path::new("")).join(text);
            match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    let path = path.display().to_string();
                    config.refuse(format!("{}: {error}: expected the name of an frr.conf", quoted(&path)));
                    return None;
                }
            }
        }
    };
    let daemons = map.get("daemons").and_then(|daemons| daemons.list("[bgpd]")).unwrap_or_default();
    let daemons = daemons.iter().filter_map(|daemon| daemon.word("a daemon of FRR", DAEMONS));
    Some(FrrNode { configuration, daemons: daemons.map(str::to_owned).collect() })
}
