//! Reading a tree field by field: every reader either gives a value or reports what is wrong with the field and
//! gives none, so that one run finds all the problems of a file.

use crate::error::{FileError, Position, Problem, quote_lines};
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::phrase::{either, found, quoted};
use crate::source::Source;
use crate::yaml::{self, Key, Node, Origin, Value};
use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// A file that is being read, and the problems found in it so far.
pub(crate) struct Document<'s> {
    source: &'s Source,
    root: Node,
    problems: RefCell<Vec<Problem>>,
}

impl<'s> Document<'s> {
    /// # Errors
    /// The text is not YAML.
    pub(crate) fn read(source: &'s Source) -> Result<Self, FileError> {
        Ok(Document::of(source, yaml::read(source)?))
    }

    /// A tree that was made out of parts of `source`.
    pub(crate) fn of(source: &'s Source, root: Node) -> Self {
        Document { source, root, problems: RefCell::default() }
    }

    pub(crate) fn root(&self) -> Field<'_> {
        self.root_at(String::new())
    }

    /// The root of a tree that stands at `path` of the file.
    pub(crate) fn root_at(&self, path: String) -> Field<'_> {
        Field { document: self, node: &self.root, key: self.root.at, path }
    }

    /// A tree that was made out of parts of the same file.
    pub(crate) fn beside(&self, root: Node) -> Document<'s> {
        Document::of(self.source, root)
    }

    /// Takes over what was found wrong in a tree that was made out of parts of this file.
    pub(crate) fn adopt(&self, problems: Vec<Problem>) {
        self.problems.borrow_mut().extend(problems);
    }

    /// The problems, from the top of the file to its end.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        quote_lines(&mut problems, self.source.text());
        problems
    }
}

/// A value of the file, with its place and its dotted path.
#[derive(Clone)]
pub(crate) struct Field<'d> {
    document: &'d Document<'d>,
    node: &'d Node,
    key: Position,
    path: String,
}

impl<'d> Field<'d> {
    /// Reports a problem with the value.
    pub(crate) fn refuse(&self, message: impl Into<String>) {
        // Nothing has no place of its own: the parser gives the end of whatever follows.
        let at = if self.is_nothing() { self.key } else { self.node.at };
        let message = message.into();
        let message = match &self.node.origin {
            Origin::Here => message,
            Origin::Parameter(parameter) => format!("{parameter}: {message}"),
            Origin::Unknown => return,
        };
        self.report(at, self.path.clone(), message);
    }

    /// Reports a problem with the field being there at all.
    pub(crate) fn refuse_key(&self, message: impl Into<String>) {
        self.report(self.key, self.path.clone(), message.into());
    }

    fn report(&self, at: Position, field: String, message: String) {
        let problem = Problem::new(self.document.source.path(), Some(at), field, message);
        self.document.problems.borrow_mut().push(problem);
    }

    pub(crate) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    pub(crate) fn node(&self) -> &'d Node {
        self.node
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Where the field's key is.
    pub(crate) fn key_position(&self) -> Position {
        self.key
    }

    /// The line that the field's key is on.
    pub(crate) fn line(&self) -> u32 {
        self.key.line
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.node.value, Value::Nothing)
    }

    /// The value of a key, before anything is checked.
    pub(crate) fn child(&self, key: &str) -> Option<Field<'d>> {
        self.every_named_child().into_iter().find(|(name, _)| *name == key).map(|(_, field)| field)
    }

    /// All keys and values of a mapping, as they are; none of anything else.
    pub(crate) fn every_named_child(&self) -> Vec<(&'d str, Field<'d>)> {
        match &self.node.value {
            Value::Mapping(entries) => self.fields_of(entries),
            _ => Vec::new(),
        }
    }

    /// The key is there, before anything else is checked: to tell one kind of file from another.
    pub(crate) fn has(&self, key: &str) -> bool {
        matches!(&self.node.value, Value::Mapping(entries) if entries.iter().any(|(name, _)| name.text == key))
    }

    /// A mapping or list without anything in it, or nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.node.value {
            Value::Nothing => true,
            Value::List(items) => items.is_empty(),
            Value::Mapping(entries) => entries.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn value(&self) -> &'d Value {
        &self.node.value
    }

    /// Reports that the value is not what was expected. `advice` may be empty.
    pub(crate) fn mismatch(&self, expected: &str, advice: &str) {
        let separator = if advice.is_empty() { "" } else { ": " };
        self.refuse(format!("expected {expected}, found {}{separator}{advice}", found(&self.node.value)));
    }

    /// Any text.
    pub(crate) fn text(&self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => return Some(text),
            Value::Boolean(_) | Value::Integer(_) | Value::Real(_) => {
                self.mismatch("text", "put it in quotes");
            }
            _ => self.mismatch("text", ""),
        }
        None
    }

    /// A text that `read` makes something of; `expected` is for a value that is no text.
    pub(crate) fn parsed<T, E: Display>(
        &self,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Value::Text(text) = &self.node.value else {
            self.mismatch(expected, "");
            return None;
        };
        read(text).map_err(|wrong| self.refuse(wrong.to_string())).ok()
    }

    /// A whole number; `what` is what it counts.
    pub(crate) fn number<T: TryFrom<i128>>(&self, what: &str, range: RangeInclusive<i128>) -> Option<T> {
        let (low, high) = (range.start(), range.end());
        match &self.node.value {
            Value::Integer(number) if range.contains(number) => return T::try_from(*number).ok(),
            Value::Integer(number) => {
                self.refuse(format!("{what} {number} is out of range: expected {low} to {high}"));
            }
            Value::Text(text) if text.parse::<i128>().is_ok() => {
                self.mismatch(&format!("a number from {low} to {high}"), "remove the quotes");
            }
            _ => self.mismatch(&format!("a whole number from {low} to {high}"), ""),
        }
        None
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        if let Value::Boolean(value) = self.node.value {
            return Some(value);
        }
        self.mismatch("true or false", "");
        None
    }

    /// One word of a few; `what` says of what kind, with its article.
    pub(crate) fn word<T: Copy>(&self, what: &str, words: &[(&str, T)]) -> Option<T> {
        let names = || words.iter().map(|&(name, _)| name);
        let expected = either(names());
        let Value::Text(text) = &self.node.value else {
            self.mismatch(&expected, "");
            return None;
        };
        let known = words.iter().find(|(name, _)| name == text);
        if known.is_none() {
            let advice = match nearest(text, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("expected {expected}"),
            };
            self.refuse(format!("{} is not {what}: {advice}", quoted(text)));
        }
        known.map(|&(_, value)| value)
    }

    /// The items of a list; nothing is an empty list.
    pub(crate) fn list(&self, example: &str) -> Option<Vec<Field<'d>>> {
        let items = match &self.node.value {
            Value::List(items) => items.as_slice(),
            Value::Nothing => &[],
            _ => {
                self.mismatch(&format!("a list such as {example}"), "");
                return None;
            }
        };
        let item = |(index, node): (usize, &'d Node)| Field {
            document: self.document,
            node,
            key: node.at,
            path: format!("{}[{index}]", self.path),
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// A mapping whose keys are known beforehand; nothing is an empty mapping.
    pub(crate) fn mapping(&self, keys: &Keys, example: &str) -> Option<Mapping<'d>> {
        let mut mapping =
            Mapping { field: self.clone(), entries: Vec::new(), meant: Vec::new(), refused: false };
        for (key, field) in self.children(example)? {
            if let Some(refusal) = keys.refuse(key) {
                field.refuse_key(refusal.message);
                mapping.refused = true;
                mapping.meant.extend(refusal.meant);
            } else if let Some(first) = mapping.get(key) {
                field.refuse_key(format!("`{key}` is given twice: it is on line {} already", first.line()));
            } else {
                mapping.entries.push((key, field));
            }
        }
        Some(mapping)
    }

    /// A mapping whose keys are names that the user gives to things, such as ports; each once.
    pub(crate) fn named(&self, thing: &str, example: &str) -> Option<Vec<(&'d str, Field<'d>)>> {
        let mut entries = self.children(example)?;
        let mut seen = std::collections::BTreeMap::new();
        entries.retain(|(name, field)| {
            let earlier = seen.get(name).copied();
            if let Some(line) = earlier {
                field.refuse_key(format!(
                    "{thing} {} is named twice: it is on line {line} already",
                    quoted(name)
                ));
            } else {
                seen.insert(*name, field.line());
            }
            earlier.is_none()
        });
        Some(entries)
    }

    fn children(&self, example: &str) -> Option<Vec<(&'d str, Field<'d>)>> {
        let entries = match &self.node.value {
            Value::Mapping(entries) => entries.as_slice(),
            Value::Nothing => &[],
            _ => {
                self.mismatch(&format!("a mapping such as {example}"), "");
                return None;
            }
        };
        Some(self.fields_of(entries))
    }

    fn fields_of(&self, entries: &'d [(Key, Node)]) -> Vec<(&'d str, Field<'d>)> {
        let child = |(key, node): &'d (Key, Node)| {
            let path = self.path_of(&key.text);
            (key.text.as_str(), Field { document: self.document, node, key: key.at, path })
        };
        entries.iter().map(child).collect()
    }

    fn path_of(&self, key: &str) -> String {
        // A VLAN interface is called eth0.10: without quotes its path would read as two steps.
        let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
        let step = if plain { key.to_owned() } else { quoted(key).replace('`', "\"") };
        if self.path.is_empty() { step } else { format!("{}.{step}", self.path) }
    }
}

/// A mapping whose keys have been checked.
pub(crate) struct Mapping<'d> {
    field: Field<'d>,
    entries: Vec<(&'d str, Field<'d>)>,
    meant: Vec<&'static str>,
    refused: bool,
}

impl<'d> Mapping<'d> {
    pub(crate) fn get(&self, key: &str) -> Option<&Field<'d>> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, field)| field)
    }

    /// No key was refused: what is missing has not been told of.
    pub(crate) fn all_known(&self) -> bool {
        !self.refused
    }

    /// Those of some keys that are there, in the order of the file.
    pub(crate) fn among<'k, K: Copy>(
        &self,
        keys: &'k [K],
        name: impl Fn(K) -> &'static str,
    ) -> Vec<(K, &Field<'d>)> {
        let found = |(key, field)| Some((*keys.iter().find(|&&known| name(known) == key)?, field));
        self.entries.iter().map(|(key, field)| (*key, field)).filter_map(found).collect()
    }

    /// What is there, in the order of the file.
    pub(crate) fn entries(&self) -> &[(&'d str, Field<'d>)] {
        &self.entries
    }

    /// Like `get`, for what is as good as absent when nothing is behind it: mappings and lists.
    pub(crate) fn filled(&self, key: &str) -> Option<&Field<'d>> {
        self.get(key).filter(|field| !field.is_nothing())
    }

    /// Reports the key as missing if it is; `advice` says what to write.
    pub(crate) fn required(&self, key: &str, advice: &str) -> Option<&Field<'d>> {
        let present = self.get(key);
        if present.is_none() && !self.meant.contains(&key) {
            let path = self.field.path_of(key);
            self.field.report(self.field.node.at, path, format!("`{key}` is missing: {advice}"));
        }
        present
    }
}
