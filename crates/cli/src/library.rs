//! The library of failures: the scenarios that come with the program, in it, so that nobody needs more than the program to replay one.

use greylag_scenario::story::{Choice, Scenario, parse};
use greylag_scenario::{FileError, Source};
use std::path::{Path, PathBuf};

/// A folder of `scenarios/`, and what is to be learned from what is in it.
pub(crate) struct Shelf {
    pub(crate) title: &'static str,
    pub(crate) scenarios: &'static [Entry],
}

/// A scenario's path below `scenarios/`, without `.yml`, and its text.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    text: &'static str,
}

macro_rules! scenarios {
    ($($name:literal),+ $(,)?) => {
        &[$(Entry { name: $name, text: include_str!(concat!("../../../scenarios/", $name, ".yml")) }),+]
    };
}

/// All of it.
pub(crate) const LIBRARY: &[Shelf] = &[
    Shelf {
        title: "Learning: where a switch believes that somebody is, and where it does not know",
        scenarios: scenarios![
            "learning/agent-dies",
            "learning/agent-too-slow",
            "learning/lost-events",
            "learning/reordered-reports",
            "learning/stale-entry",
            "learning/stale-member",
            "learning/static-outlives-host",
            "learning/ageing-below-arp",
            "learning/one-way-link",
            "learning/host-moves",
            "learning/duplicate-mac",
            "learning/loop",
            "learning/broadcast-storm",
            "learning/table-full",
            "learning/bucket-collisions",
        ],
    },
    Shelf {
        title: "Routing: what was decided is not what packets are forwarded by",
        scenarios: scenarios![
            "routing/lost-route",
            "routing/lost-write",
            "routing/refused-write",
            "routing/late-write",
            "routing/overtaken-write",
            "routing/stale-member",
            "routing/stale-bucket",
            "routing/stale-family",
            "routing/stale-worker",
            "routing/stale-return",
            "polarisation",
            "ecmp-policy",
        ],
    },
    Shelf { title: "Two chassis that partners take for one", scenarios: scenarios!["mclag/matrix"] },
    Shelf {
        title: "Incidents that were, and what their operators planned then",
        scenarios: scenarios![
            "dataforest-2025-10-23",
            "dataforest-plan/lag-to-ecmp",
            "dataforest-plan/mtu-change",
            "dataforest-plan/pop-lost",
            "cloudscale-2026-05-08",
        ],
    },
];

impl Entry {
    /// What the file says.
    pub(crate) fn read(&self) -> Result<Scenario, FileError> {
        parse(&self.source(), &Choice::default())
    }

    fn source(&self) -> Source {
        Source::new(format!("scenarios/{}.yml", self.name), self.text)
    }
}

/// A scenario of the library, by its path with or without what stands before and behind its name.
pub(crate) fn find(path: &Path) -> Option<&'static Entry> {
    let text = path.to_str()?;
    let name = text.strip_prefix("scenarios/").unwrap_or(text);
    let name = name.strip_suffix(".yml").unwrap_or(name);
    LIBRARY.iter().flat_map(|shelf| shelf.scenarios).find(|entry| entry.name == name)
}

/// A file, or where there is none a scenario of the library.
pub(crate) fn source(path: &Path) -> Result<Source, FileError> {
    match find(path).filter(|_| !path.exists()) {
        Some(entry) => Ok(entry.source()),
        None => Source::read(PathBuf::from(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_is_all_there_is_and_all_of_it_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let mut there = BTreeSet::new();
        let mut folders = vec![folder.clone()];
        while let Some(next) = folders.pop() {
            for file in next.read_dir().unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    there
                        .insert(path.strip_prefix(&folder).unwrap().with_extension("").display().to_string());
                }
            }
        }
        let known: BTreeSet<String> =
            LIBRARY.iter().flat_map(|shelf| shelf.scenarios).map(|entry| entry.name.to_owned()).collect();
        assert_eq!(known, there);
        for entry in LIBRARY.iter().flat_map(|shelf| shelf.scenarios) {
            let scenario = entry.read().unwrap_or_else(|error| panic!("{}", error.render()));
            assert!(!scenario.title.is_empty(), "{}", entry.name);
        }
    }

    #[test]
    fn a_scenario_is_found_by_its_name_and_by_its_path() {
        for path in ["learning/agent-dies", "scenarios/learning/agent-dies.yml", "learning/agent-dies.yml"] {
            assert_eq!(find(Path::new(path)).map(|entry| entry.name), Some("learning/agent-dies"));
        }
        assert!(find(Path::new("agent")).is_none());
        assert!(source(Path::new("no/such")).is_err());
    }
}
