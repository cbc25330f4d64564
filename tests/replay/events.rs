//! What `docs/events.md` says of events is what the code has, and what replays write.

use crate::incident::incident;
use greylag_tests::workspace;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where a switch's events are declared.
const DECLARED: [(&str, &str); 7] = [
    ("crates/switch/src/event.rs", "Event"),
    ("crates/switch/src/lacp/event.rs", "LacpEvent"),
    ("crates/switch/src/mclag/event.rs", "MclagEvent"),
    ("crates/switch/src/routing/event.rs", "RoutingEvent"),
    ("crates/switch/src/routing/bfd.rs", "BfdSessionEvent"),
    ("crates/switch/src/routing/bgp.rs", "BgpSessionEvent"),
    ("crates/switch/src/routing/link_state.rs", "LinkStateTold"),
];

/// Fields of an event, and whether each may be absent.
type Fields = BTreeMap<String, bool>;

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        match letter {
            '_' => text.push('-'),
            letter if letter.is_uppercase() => {
                if !text.is_empty() {
                    text.push('-');
                }
                text.extend(letter.to_lowercase());
            }
            letter => text.push(letter),
        }
    }
    text
}

/// The variants of an enum and their fields, as rustfmt writes them.
fn declared(file: &str, name: &str) -> BTreeMap<String, Fields> {
    let text = std::fs::read_to_string(workspace().join(file)).expect("the source is there");
    let (_, body) = text.split_once(&format!("pub enum {name} {{\n")).expect("the enum is there");
    let (body, _) = body.split_once("\n}\n").expect("it ends");
    let mut events = BTreeMap::new();
    let (mut event, mut attribute) = (None, "");
    for line in body.lines() {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim();
        match depth {
            4 if line.starts_with(char::is_uppercase) && !line.contains('(') => {
                let name = kebab(line.trim_end_matches([' ', '{', ',']));
                events.insert(name.clone(), Fields::new());
                event = Some(name);
            }
            8 if line.starts_with("#[") => attribute = line,
            8 if line.starts_with(char::is_lowercase) => {
                let (field, _) = line.split_once(':').expect("a field has a type");
                let fields = event.as_ref().and_then(|event| events.get_mut(event)).expect("of a variant");
                if attribute.contains("flatten") {
                    // The alarm, and its agent where it is about one.
                    fields.extend([("alarm".to_owned(), false), ("agent".to_owned(), true)]);
                } else {
                    fields.insert(kebab(field), attribute.contains("skip_serializing_if"));
                }
                attribute = "";
            }
            _ => {}
        }
    }
    events
}

/// The rows of the document's tables.
fn documented() -> BTreeMap<String, Fields> {
    let text = std::fs::read_to_string(workspace().join("docs/events.md")).expect("the document is there");
    let rows =
        text.lines().filter(|line| line.starts_with("| `")).filter(|line| line.matches(" | ").count() == 3);
    let mut events = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let name = cells[0].trim_matches('`').to_owned();
        let since = cells[1].split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        assert_eq!(since, 2, "since when is there {name}? {row}");
        let fields = cells[2].split("; ").filter(|field| !field.trim().is_empty()).map(|field| {
            let (name, rest) = field.split_once(": ").unwrap_or_else(|| panic!("{row}: {field}"));
            let may_be_absent = rest.contains("or absent") || rest.contains("where it is about one");
            (name.trim().trim_matches('`').to_owned(), may_be_absent)
        });
        let before = events.insert(name.clone(), fields.collect::<Fields>());
        assert!(before.is_none(), "{name} has two rows");
    }
    events
}

#[test]
fn every_event_is_documented_with_its_fields() {
    let code: BTreeMap<String, Fields> =
        DECLARED.iter().flat_map(|(file, name)| declared(file, name)).collect();
    assert!(code.len() > 60 && code["bfd-session-down"].contains_key("local-diagnostic"), "{code:#?}");
    let only_replays = ["ordered", "refused", "entries-lapsed", "power-on", "power-off"];
    let mut documented = documented();
    for name in only_replays {
        assert!(documented.remove(name).is_some(), "{name} is missing");
    }
    for (name, fields) in &code {
        assert_eq!(documented.get(name), Some(fields), "{name}");
    }
    let names: BTreeSet<&String> = code.keys().collect();
    assert_eq!(documented.keys().collect::<BTreeSet<_>>(), names);
}

#[test]
fn what_a_replay_writes_is_documented() {
    let documented = documented();
    let mut seen = BTreeSet::new();
    for line in incident().events.lines() {
        let line: Value = serde_json::from_str(line).expect("a line is an object");
        let line = line.as_object().expect("an object");
        let name = line["event"].as_str().expect("a name");
        if ["h", "r"].iter().any(|host| line["node"].as_str().is_some_and(|node| node.starts_with(host)))
            && !documented.contains_key(name)
        {
            // Hosts have events of their own.
            continue;
        }
        let fields = documented.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
        let own: BTreeSet<&String> = line
            .keys()
            .filter(|key| !["at-ns", "node", "sequence", "happened-ns", "event"].contains(&key.as_str()))
            .collect();
        for field in &own {
            assert!(fields.contains_key(*field), "{name}: {field} is not documented");
        }
        for (field, _) in fields.iter().filter(|(_, may_be_absent)| !**may_be_absent) {
            assert!(own.contains(field), "{name}: {field} is missing");
        }
        seen.insert(name.to_owned());
    }
    for name in ["agent-failed", "bfd-session-down", "lacp-mux-state-changed", "iccp-session-down"] {
        assert!(seen.contains(name), "the replay has no {name}: {seen:?}");
    }
}
