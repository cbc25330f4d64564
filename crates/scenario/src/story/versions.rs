//! Releases of a switch's software: what is wrong with each, as an assumption with a name.

use super::cast::Cast;
use super::fault;
use crate::field::Field;
use crate::keys::Keys;
use crate::name::node_name;
use crate::time_span::{LONGEST, time_span};
use greylag_switch::fault::Fault;
use std::time::Duration;

const EXAMPLE: &str = "{v2: {faults: [{stale-members: {family: ipv6}}], boot: 2m}}";
const KEYS: Keys = Keys::of(&["faults", "flow-hash", "boot", "at-start"]);
const HASH_KEYS: Keys = Keys::of(&["seed"]);

/// Of a large switch.
const BOOT: Duration = Duration::from_secs(180);

/// A release of a switch's software.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// What goes wrong in it from the moment it starts.
    pub faults: Vec<Fault>,
    /// Where the seeds of the flow hash come from, that of each switch by its name; drawn anew at each start when absent.
    pub hash_seed: Option<u64>,
    /// From going down until it is there.
    pub boot: Duration,
    /// Switches that run it from the start.
    pub at_start: Vec<usize>,
}

pub(super) fn read(field: Option<&Field<'_>>, cast: &Cast<'_>) -> Vec<Version> {
    let entries = field.and_then(|field| field.named("version", EXAMPLE)).unwrap_or_default();
    let mut versions: Vec<Version> = Vec::new();
    for (name, field) in entries {
        node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
        // One that could not be read is there all the same: what names it has nothing to complain of.
        let version = read_one(name, &field, cast, &versions);
        versions.push(version);
    }
    versions
}

fn read_one(name: &str, field: &Field<'_>, cast: &Cast<'_>, others: &[Version]) -> Version {
    let mut version = Version {
        name: name.to_owned(),
        faults: Vec::new(),
        hash_seed: None,
        boot: BOOT,
        at_start: Vec::new(),
    };
    let Some(map) = field.mapping(&KEYS, "{boot: 2m}") else { return version };
    let faults = map.get("faults").and_then(|faults| faults.list("[{stale-members: {family: ipv6}}]"));
    version.faults = faults.unwrap_or_default().iter().filter_map(fault::read_alone).collect();
    if let Some(hash) = map.get("flow-hash").and_then(|hash| hash.mapping(&HASH_KEYS, "{seed: 7}")) {
        let seed = hash.required("seed", "add a number such as `seed: 7`");
        version.hash_seed = seed.and_then(|seed| seed.number("seed", 0..=i128::from(u64::MAX)));
    }
    let boot = map.get("boot").and_then(|boot| time_span(boot, "boot", Duration::ZERO..=LONGEST));
    version.boot = boot.unwrap_or(version.boot);
    if let Some(at_start) = map.get("at-start") {
        version.at_start = cast.switches(at_start);
        for other in others {
            if let Some(&twice) = version.at_start.iter().find(|switch| other.at_start.contains(switch)) {
                let (switch, other) = (cast.name(twice), &other.name);
                at_start.refuse(format!(
                    "`{switch}` starts with `{other}` already: expected it in one of the two"
                ));
            }
        }
    }
    version
}
