//! `docs/scenarios.md`, `docs/routing.md` and `labs/switch.yml` show every key that is read, and all that they show is right.

use greylag_scenario::{Source, story, switch};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The YAML blocks of the page, each with the word behind ```` ```yaml ````.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(info) if !inside && !info.is_empty() => {
                let word = info.strip_prefix("yaml ").unwrap_or_else(|| panic!("what is {line}?"));
                blocks.push((word.to_owned(), String::new()));
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => {
                let text = &mut blocks.last_mut().unwrap().1;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// A file without one of its top-level keys.
fn without(file: &str, key: &str) -> String {
    let mut dropped = false;
    let keep = |line: &&str| {
        if !line.starts_with(' ') {
            dropped = line.starts_with(&format!("{key}:"));
        }
        !dropped
    };
    file.lines().filter(keep).map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_block_of_the_page_is_right() {
    let blocks = blocks(&read("docs/scenarios.md"));
    let [(_, file)] = blocks.iter().filter(|(word, _)| word == "file").collect::<Vec<_>>()[..] else {
        panic!("one whole file")
    };
    assert!(blocks.len() > 8);
    for (word, block) in &blocks {
        let text = match word.as_str() {
            "file" => file.clone(),
            "root" => {
                let keys = block.lines().filter(|line| !line.starts_with(' '));
                let keys = keys.filter_map(|line| line.split_once(':')).map(|(key, _)| key);
                keys.fold(file.clone(), |file, key| without(&file, key)) + block
            }
            key => {
                // The variant speaks of what the block takes the place of.
                let indented: String = block.lines().map(|line| format!("  {line}\n")).collect();
                format!("{}{key}:\n{indented}", without(&without(file, "variants"), key))
            }
        };
        if let Err(error) = story::check(&Source::new("scenarios.md", text)) {
            panic!("{word}:\n{}", error.render());
        }
    }
}

/// The keys that the reader's own tables allow, out of its source.
fn keys_read_by(files: &[&str]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for file in files {
        let text = read(&format!("crates/scenario/src/{file}"));
        for begin in ["allowed: &[", "Keys::of(&["] {
            for part in text.split(begin).skip(1) {
                let list = part.split(']').next().unwrap();
                keys.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    keys
}

fn missing(keys: &BTreeSet<String>, named: impl Fn(&str) -> bool) -> Vec<&String> {
    keys.iter().filter(|key| !named(key)).collect()
}

#[test]
fn the_page_names_every_key_of_a_scenario() {
    let folder = root().join("crates/scenario/src/story");
    let files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("story/{}", entry.unwrap().file_name().display()))
        .collect();
    let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
    files.extend(["impairment.rs", "lab.rs", "lab/node.rs", "lab/link.rs"]);
    let mut keys = keys_read_by(&files);
    assert!(keys.len() > 90, "{keys:?}");
    for key in ["exec", "bond", "frr"] {
        assert!(keys.remove(key), "that of labs");
    }
    let page = read("docs/scenarios.md");
    let named = |key: &str| {
        [format!("`{key}`"), format!("`{key}: ")].iter().any(|quoted| page.contains(quoted.as_str()))
    };
    assert_eq!(missing(&keys, named), Vec::<&String>::new());
}

#[test]
fn the_example_of_a_bond_has_every_key() {
    let keys = keys_read_by(&["bond.rs"]);
    assert!(keys.len() > 15, "{keys:?}");
    let example = read("labs/bond.yml");
    let named = |key: &str| example.lines().any(|line| line.starts_with(&format!("{key}:")));
    assert_eq!(missing(&keys, named), Vec::<&String>::new());
}

/// Where the keys of layer 3 are read.
const ROUTER: &[&str] = &[
    "switch/interfaces.rs",
    "switch/routing.rs",
    "switch/routing/bfd.rs",
    "switch/routing/bgp.rs",
    "switch/routing/link_state.rs",
    "switch/routing/neighbors.rs",
    "switch/routing/next_hop_groups.rs",
    "switch/routing/programming.rs",
    "switch/routing/static_routes.rs",
];

#[test]
fn the_page_of_routing_names_every_key_and_shows_what_is_right() {
    let keys = keys_read_by(ROUTER);
    assert!(keys.len() > 60, "{keys:?}");
    let page = read("docs/routing.md");
    let rows: String = page.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(missing(&keys, |key| rows.contains(&format!("`{key}`"))), Vec::<&String>::new());
    let block = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    if let Err(error) = switch::parse(&Source::new("routing.md", format!("name: r1\n{block}"))) {
        panic!("{}", error.render());
    }
}

#[test]
fn the_page_of_pairs_names_every_key() {
    let keys = keys_read_by(&["switch/mclag.rs"]);
    assert!(keys.len() > 25, "{keys:?}");
    let page = read("docs/mclag.md");
    assert_eq!(missing(&keys, |key| page.contains(&format!("`{key}`"))), Vec::<&String>::new());
}

#[test]
fn the_example_of_a_switch_has_every_key() {
    let files = [
        "switch.rs",
        "switch/behaviour.rs",
        "switch/flow_hash.rs",
        "switch/lag.rs",
        "switch/learning.rs",
        "switch/mac_table.rs",
        "switch/mclag.rs",
        "impairment.rs",
        "switch/port.rs",
        "switch/static_mac.rs",
        "switch/supervisor.rs",
        "switch/vlans.rs",
        "switch/workers.rs",
    ];
    let keys = keys_read_by(&[&files[..], ROUTER].concat());
    assert!(keys.len() > 140, "{keys:?}");
    let example = read("labs/switch.yml");
    let named = |key: &str| {
        let here = |(at, _): (usize, &str)| example[..at].ends_with([' ', '{', '\n']);
        example.match_indices(&format!("{key}:")).any(here)
    };
    assert_eq!(missing(&keys, named), Vec::<&String>::new());
}
