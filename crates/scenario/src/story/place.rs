//! Where a scenario says something, for those who find out later that it cannot be done.

use crate::error::{FileError, Position, Problem};
use crate::field::Field;
use crate::source::Source;
use crate::yaml::{self, Node, Value};

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The dotted path of the field; empty for the whole file.
    pub field: String,
}

impl Place {
    pub(super) fn of(field: &Field<'_>) -> Self {
        let Position { line, column } = field.key_position();
        Place { line, column, field: field.path().to_owned() }
    }
}

/// The place of a field. A step of `path` is a key, or the name of an item of a list, or its number; where the file does not
/// go on as `path` does, because a variant says it elsewhere, it is as far as the file goes.
pub fn place(source: &Source, path: &[&str]) -> Place {
    let mut place = Place { line: 1, column: 1, field: String::new() };
    let Ok(root) = yaml::read(source) else { return place };
    let mut node = &root;
    for step in path {
        let Some((at, name, below)) = below(node, step) else { break };
        (place.line, place.column) = (at.line, at.column);
        place.field += if place.field.is_empty() { name.trim_start_matches('.') } else { &name };
        node = below;
    }
    place
}

/// What a step leads to: its position, its part of the path, and the tree below.
fn below<'n>(node: &'n Node, step: &str) -> Option<(Position, String, &'n Node)> {
    match &node.value {
        Value::Mapping(entries) => {
            let (key, value) = entries.iter().find(|(key, _)| key.text == step)?;
            Some((key.at, format!(".{step}"), value))
        }
        Value::List(items) => {
            let is_called = |item: &Node| {
                let Value::Mapping(entries) = &item.value else { return false };
                let name = entries.iter().find(|(key, _)| key.text == "name");
                name.is_some_and(|(_, name)| matches!(&name.value, Value::Text(text) if text == step))
            };
            let number = step.parse().ok().or_else(|| items.iter().position(is_called))?;
            let item = items.get(number)?;
            Some((item.at, format!("[{number}]"), item))
        }
        _ => None,
    }
}

/// Says of places of a scenario why they cannot be.
///
/// # Panics
/// When there is nothing to say.
pub fn refusal(source: &Source, problems: Vec<(Place, String)>) -> FileError {
    let problem = |(place, message): (Place, String)| {
        let at = Position { line: place.line, column: place.column };
        Problem::new(source.path(), Some(at), place.field, message)
    };
    let mut problems: Vec<Problem> = problems.into_iter().map(problem).collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    FileError::of(problems).expect("there is a problem").with_text(source.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "name: x\ntopology:\n  nodes:\n    h1: {vlan: 10}\nexpect:\n  - {name: a}\n  - {name: b}\n";

    fn find(path: &[&str]) -> (u32, u32, String) {
        let Place { line, column, field } = place(&Source::new("x.yml", FILE), path);
        (line, column, field)
    }

    #[test]
    fn places_are_found_by_key_name_and_number() {
        assert_eq!(find(&["topology", "nodes", "h1", "vlan"]), (4, 10, "topology.nodes.h1.vlan".into()));
        assert_eq!(find(&["expect", "b"]), (7, 5, "expect[1]".into()));
        assert_eq!(find(&["expect", "0"]), (6, 5, "expect[0]".into()));
        assert_eq!(find(&["topology", "links"]), (2, 1, "topology".into()));
        assert_eq!(find(&["flows"]), (1, 1, String::new()));
    }

    #[test]
    fn what_cannot_be_is_told_from_the_top_of_the_file() {
        let source = Source::new("x.yml", FILE);
        let problems = [["expect", "b"], ["topology", "nodes"]];
        let problems = problems.map(|path| (place(&source, &path), "not here".to_owned()));
        assert_eq!(
            refusal(&source, problems.into()).to_string(),
            "x.yml:3:3: topology.nodes: not here\nx.yml:7:5: expect[1]: not here"
        );
    }
}
