//! Parameters: `$name` anywhere in the file is the value of the parameter of that name.

use super::{Parameter, Standing, standing};
use crate::error::Problem;
use crate::field::Field;
use crate::keys::Keys;
use crate::name::node_name;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted, shown};
use crate::source::Source;
use crate::yaml::{self, Node, Origin, Value};
use std::collections::BTreeSet;

const KEYS: Keys = Keys::of(&["value", "standing", "source", "choices"]);
const EXAMPLE: &str = "{value: 300s, standing: assumed}";

/// A parameter with the value that takes its place in the tree.
pub(super) struct Setting {
    pub(super) parameter: Parameter,
    /// `None` when it is wrong.
    value: Option<Value>,
    origin: String,
}

/// Reads `parameters`. Values out of `assume` take the place of those in the file.
pub(super) fn read(
    root: &Field<'_>,
    assume: &[(String, String)],
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Setting> {
    let parameters = root.child("parameters");
    let entries = parameters.as_ref().and_then(|all| all.named("parameter", "{ageing: {value: 300s}}"));
    let mut settings: Vec<Setting> = entries
        .unwrap_or_default()
        .into_iter()
        .map(|(name, field)| {
            node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
            read_one(name, &field)
        })
        .collect();
    let mut seen = BTreeSet::new();
    for (name, text) in assume {
        let wrong = match seen.insert(name) {
            true => assumed(&mut settings, name, text).err(),
            false => Some(format!("{} is assumed twice: keep one of the two", quoted(name))),
        };
        if let Some(wrong) = wrong {
            let message = format!("{}: {wrong}", assumption(name, text));
            problems.push(Problem::new(source.path(), None, String::new(), message));
        }
    }
    settings
}

fn read_one(name: &str, field: &Field<'_>) -> Setting {
    let map = field.mapping(&KEYS, EXAMPLE);
    let value = map.as_ref().and_then(|map| map.required("value", "add one such as `value: 300s`"));
    let text = value.and_then(scalar);
    let choices = map.as_ref().and_then(|map| map.get("choices")?.list("[180s, 300s, 600s]"));
    let mut choices: Vec<String> = choices.unwrap_or_default().iter().filter_map(scalar).collect();
    if let Some(text) = text.as_ref().filter(|_| !choices.is_empty()) {
        choices.retain(|choice| choice != text);
        choices.insert(0, text.clone());
    }
    let (standing, source) = map.as_ref().map(standing::read).unwrap_or((Standing::Assumed, None));
    Setting {
        value: value.filter(|_| text.is_some()).map(|value| value.value().clone()),
        origin: format!("${name} (line {})", value.unwrap_or(field).line()),
        parameter: Parameter {
            name: name.to_owned(),
            value: text.unwrap_or_default(),
            standing,
            source,
            choices,
        },
    }
}

/// A plain value, as it is written in a file.
fn scalar(field: &Field<'_>) -> Option<String> {
    if let Value::Text(text) = field.value()
        && let Some(other) = reference(text)
    {
        field.refuse(format!("a parameter cannot be another one, here `${other}`: expected a plain value"));
        return None;
    }
    let text = plain(field.value());
    if text.is_none() {
        field.mismatch("a plain value such as 300s", "");
    }
    text
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Boolean(value) => Some(value.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(format!("{number:?}")),
        Value::Text(text) => Some(text.clone()),
        Value::Nothing | Value::List(_) | Value::Mapping(_) => None,
    }
}

/// An assumption, as the command line has it.
pub(super) fn assumption(name: &str, text: &str) -> String {
    format!("--assume {}", shown(&format!("{name}={text}")))
}

fn assumed(settings: &mut [Setting], name: &str, text: &str) -> Result<(), String> {
    let Some(index) = settings.iter().position(|setting| setting.parameter.name == name) else {
        let names = || settings.iter().map(|setting| setting.parameter.name.as_str());
        let advice = match nearest(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if settings.is_empty() => "the file has none".to_owned(),
            None => format!("the parameters are {}", listed(names())),
        };
        return Err(format!("there is no parameter {}: {advice}", quoted(name)));
    };
    let node = yaml::read(&Source::new("--assume", text)).ok();
    let value = node.map(|node| node.value).filter(|value| plain(value).is_some());
    let value = value.ok_or("expected a plain value such as 300s")?;
    let setting = &mut settings[index];
    setting.parameter.value = plain(&value).unwrap_or_default();
    setting.value = Some(value);
    setting.origin = assumption(name, text);
    Ok(())
}

/// The name behind a `$`, when that is all of a text.
fn reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (word && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(name)
}

/// The tree with every `$name` replaced by its value, at the place of the `$name`.
pub(super) fn substituted(field: &Field<'_>, settings: &[Setting]) -> Node {
    let node = field.node();
    let value = match &node.value {
        Value::Text(text) => match reference(text) {
            Some(name) => return replaced(field, name, settings),
            None => Value::Text(text.clone()),
        },
        Value::List(_) => {
            let items = field.list("").unwrap_or_default();
            Value::List(items.iter().map(|item| substituted(item, settings)).collect())
        }
        Value::Mapping(entries) => {
            let children = field.every_named_child();
            let keys = entries.iter().map(|(key, _)| key.clone());
            Value::Mapping(keys.zip(children.iter().map(|(_, child)| substituted(child, settings))).collect())
        }
        value => value.clone(),
    };
    Node { at: node.at, value, origin: node.origin.clone() }
}

fn replaced(field: &Field<'_>, name: &str, settings: &[Setting]) -> Node {
    let found = settings.iter().find(|setting| setting.parameter.name == name);
    if found.is_none() {
        let names = || settings.iter().map(|setting| setting.parameter.name.as_str());
        let advice = match nearest(name, names()) {
            Some(meant) => format!("did you mean `${meant}`?"),
            None => format!("add it to `parameters`, such as `{name}: {EXAMPLE}`"),
        };
        field.refuse(format!("there is no parameter {}: {advice}", quoted(name)));
    }
    let node = field.node().clone();
    match found.and_then(|setting| Some((setting.value.clone()?, setting.origin.as_str()))) {
        Some((value, origin)) => Node { at: node.at, value, origin: Origin::Parameter(origin.into()) },
        None => Node { origin: Origin::Unknown, ..node },
    }
}

/// Reports parameters that stand nowhere in the file, variants included: nothing would come of varying them.
pub(super) fn check_use(root: &Field<'_>) {
    let mut used = BTreeSet::new();
    note_references(root.node(), &mut used);
    for (name, field) in root.child("parameters").map(|all| all.every_named_child()).unwrap_or_default() {
        if !used.contains(name) {
            field.refuse_key(format!(
                "`${name}` stands nowhere: write it where the value belongs, or remove this"
            ));
        }
    }
}

fn note_references<'n>(node: &'n Node, used: &mut BTreeSet<&'n str>) {
    match &node.value {
        Value::Text(text) => used.extend(reference(text)),
        Value::List(items) => items.iter().for_each(|item| note_references(item, used)),
        Value::Mapping(entries) => entries.iter().for_each(|(_, value)| note_references(value, used)),
        _ => {}
    }
}
