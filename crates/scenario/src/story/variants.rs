//! Variants: patches that are laid over the file before anything else is read.

use crate::field::{Document, Field};
use crate::keys::Keys;
use crate::name::node_name;
use crate::nearest::nearest;
use crate::overlay::lay_entry;
use crate::phrase::{listed, quoted};
use crate::yaml::{Key, Node, Origin, Value};

const KEYS: Keys = Keys::of(&["title", "patch"]);

const PATCH_KEYS: Keys = Keys {
    allowed: &[
        "title",
        "lesson",
        "seed",
        "start",
        "duration",
        "parameters",
        "topology",
        "flows",
        "versions",
        "timeline",
        "pollers",
        "expect",
        "checkers",
        "violations",
    ],
    explained: &[
        (&["name"], "is the scenario's: a variant is called by its own. Remove it"),
        (&["variants"], "cannot be patched: a variant is laid over the base alone. Remove it"),
        (&["matrix"], "cannot be patched: a cell is laid over the base alone. Remove it"),
    ],
};

/// A list whose items a patch may take by their names.
struct ByName {
    key: &'static str,
    thing: &'static str,
    /// An item that has one of these says what it is, and can be a new one.
    says: &'static [&'static str],
}

const BY_NAME: &[ByName] = &[
    ByName { key: "timeline", thing: "step", says: &["at"] },
    ByName { key: "expect", thing: "expectation", says: super::expect::KINDS },
];

/// A variant that the file has.
pub(super) struct Variant<'d> {
    pub(super) name: &'d str,
    pub(super) title: String,
    pub(super) patch: Option<Field<'d>>,
}

pub(super) fn read<'d>(root: &Field<'d>) -> Vec<Variant<'d>> {
    let Some(variants) = root.child("variants") else { return Vec::new() };
    read_patches(&variants, "variant")
}

/// Patches by name, each with a title.
pub(super) fn read_patches<'d>(patches: &Field<'d>, thing: &str) -> Vec<Variant<'d>> {
    let named = patches.named(thing, "{inline: {title: .., patch: {..}}}").unwrap_or_default();
    let read_one = |(name, field): (&'d str, Field<'d>)| {
        node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
        let map = field.mapping(&KEYS, "{title: the worker learns by itself, patch: {..}}");
        let map = map.as_ref();
        let title = map.and_then(|map| map.required("title", "say in a line what is different"));
        Variant {
            name,
            title: title.and_then(Field::text).unwrap_or_default().to_owned(),
            patch: map
                .and_then(|map| map.required("patch", "add what is different as `patch: {..}`"))
                .cloned(),
        }
    };
    named.into_iter().map(read_one).collect()
}

/// What is wrong with the name of a variant that there is not.
pub(super) fn unknown(name: &str, variants: &[Variant<'_>]) -> String {
    let names = || variants.iter().map(|variant| variant.name);
    let advice = match nearest(name, names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if variants.is_empty() => "the file has no variants".to_owned(),
        None => format!("the variants are {}", listed(names())),
    };
    format!("there is no variant {}: {advice}", quoted(name))
}

/// The tree of the whole file with patches in place, the first one laid first; without one it is the base.
pub(super) fn applied(document: &Document<'_>, patches: &[&Field<'_>]) -> Node {
    let mut root = document.root().node().clone();
    let Value::Mapping(entries) = &mut root.value else { return root };
    entries.retain(|(key, _)| !["variants", "matrix"].contains(&key.text.as_str()));
    for patch in patches {
        let Some(map) = patch.mapping(&PATCH_KEYS, "{topology: {..}}") else { continue };
        for (name, field) in map.entries() {
            let list = BY_NAME.iter().find(|list| list.key == *name);
            match (list, field.value()) {
                (Some(list), Value::Mapping(_)) => lay_by_name(entries, list, field),
                _ => lay_entry(entries, name, field),
            }
        }
    }
    root
}

fn lay_by_name(entries: &mut Vec<(Key, Node)>, list: &ByName, patch: &Field<'_>) {
    if !entries.iter().any(|(key, _)| key.text == list.key) {
        let node = Node { value: Value::List(Vec::new()), ..patch.node().clone() };
        entries.push((Key { at: patch.key_position(), text: list.key.to_owned() }, node));
    }
    let Some((_, Node { value: Value::List(items), .. })) =
        entries.iter_mut().find(|(key, _)| key.text == list.key)
    else {
        patch.refuse(format!("`{}` of the base is no list: nothing in it has a name", list.key));
        return;
    };
    for (name, field) in patch.named(list.thing, "").unwrap_or_default() {
        let found = items.iter().position(|item| name_of(item) == Some(name));
        match found {
            Some(index) if field.is_nothing() => {
                items.remove(index);
            }
            Some(index) => crate::overlay::lay(&mut items[index], &field),
            None if list.says.iter().any(|key| field.has(key)) => {
                let mut item = field.node().clone();
                name_item(&mut item, name, &field);
                items.push(item);
            }
            None => {
                let names = || items.iter().filter_map(name_of);
                let advice = match nearest(name, names()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("those with a name are {}", listed(names())),
                };
                field.refuse_key(format!("there is no {} {}: {advice}", list.thing, quoted(name)));
            }
        }
    }
}

fn name_of(item: &Node) -> Option<&str> {
    let Value::Mapping(entries) = &item.value else { return None };
    match entries.iter().find(|(key, _)| key.text == "name").map(|(_, node)| &node.value) {
        Some(Value::Text(name)) => Some(name),
        _ => None,
    }
}

/// A new item is called what the patch calls it.
fn name_item(item: &mut Node, name: &str, field: &Field<'_>) {
    let at = field.key_position();
    if let Value::Mapping(entries) = &mut item.value
        && !entries.iter().any(|(key, _)| key.text == "name")
    {
        let name = Node { at, value: Value::Text(name.to_owned()), origin: Origin::Here };
        entries.push((Key { at, text: "name".to_owned() }, name));
    }
}
