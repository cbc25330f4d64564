//! YAML text to a tree in which every node knows its place. The only file that names the YAML library.

use crate::error::{FileError, Position};
use crate::source::Source;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, MessageFormatter, Spanned, UserMessageFormatter};
use std::fmt;
use std::rc::Rc;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What put a value where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The text of the file.
    Here,
    /// A parameter: messages begin with this.
    Parameter(Rc<str>),
    /// A parameter that is wrong or not there: that has been told, and nothing else can be said of the value.
    Unknown,
}

/// What YAML can say.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing behind the colon, `~` or `null`.
    Nothing,
    Boolean(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file. A key may be there twice: the reader says which thing was named twice.
    Mapping(Vec<(Key, Node)>),
}

/// A key, spelled as in the file, and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) at: Position,
    pub(crate) text: String,
}

/// Lists and mappings inside of each other.
const MAXIMUM_DEPTH: usize = 16;

/// Reads the one document of a file. An empty file is [`Value::Nothing`].
///
/// # Errors
/// The text is no YAML, or uses what no file of ours needs: tags, several documents, deep nesting.
pub(crate) fn read(source: &Source) -> Result<Node, FileError> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // YAML 1.2: `no` and `on` are text, so that nobody's VLAN called `no` turns into `false`.
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        // Every level takes much of the stack. No format of ours has more than ten.
        budget: serde_saphyr::budget! { max_depth: MAXIMUM_DEPTH },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: MAXIMUM_DEPTH,
        },
    };
    serde_saphyr::from_str_with_options(source.text(), options).map_err(|error| {
        let at = error.location().as_ref().map_or(Position { line: 1, column: 1 }, position);
        FileError::at(source.path(), at, explain(error.without_snippet())).with_text(source.text())
    })
}

fn explain(error: &Error) -> String {
    match error {
        Error::MultipleDocuments { .. } => {
            "a second YAML document begins here: expected one in a file, without `---` in between".into()
        }
        // What is wrong with the text that an alias stands for.
        Error::AliasError { error, .. } => explain(error),
        Error::UnknownAnchor { .. } => "no anchor of this name above: expected `&name` before `*name`".into(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "an alias inside of its own anchor: remove it".into()
        }
        Error::UnsupportedTag { tag, .. } => format!("the tag `{tag}` has no meaning here: remove it"),
        Error::Unexpected { expected: "string scalar", .. } => "a key must be plain text".into(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "the file is larger or nests deeper than any switch or lab needs".into()
        }
        error => {
            let message = UserMessageFormatter.format_message(error);
            let hint = HINTS.iter().find(|(begin, _)| message.starts_with(begin)).map(|&(_, hint)| hint);
            format!("not valid YAML: {message}{}", hint.map(|hint| format!(" ({hint})")).unwrap_or_default())
        }
    }
}

/// What usually is behind a message of the parser.
const HINTS: &[(&str, &str)] = &[
    ("tabs disallowed", "indent with spaces"),
    ("mapping values are not allowed", "a value with `: ` in it needs quotes"),
    ("unexpected character: `@", "a value that begins with it needs quotes"),
    ("unexpected character: `%", "a value that begins with it needs quotes"),
    ("unexpected character: ``", "a value that begins with it needs quotes"),
    ("illegal placement of ':'", "a bracket or quote above may not be closed"),
    ("simple key expected ':'", "expected `key: value`"),
    ("while parsing a block mapping", "is the line indented like its neighbours?"),
];

fn position(location: &Location) -> Position {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Position { line: number(location.line()), column: number(location.column()) }
}

// Both take `defined`: behind an alias or a merge key, the text to correct is at the anchor.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Node { at: position(&spanned.defined), value: spanned.value, origin: Origin::Here })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Key { at: position(&spanned.defined), text: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(Value::Mapping(mapping))
    }
}

/// The way back, without the places. As JSON it is a text that [`read`] makes the same tree of.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Nothing => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i128(*value),
            Value::Real(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Mapping(entries) => {
                let mut mapping = serializer.serialize_map(Some(entries.len()))?;
                for (key, node) in entries {
                    mapping.serialize_entry(&key.text, node)?;
                }
                mapping.end()
            }
        }
    }
}
