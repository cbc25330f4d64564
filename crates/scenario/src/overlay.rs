//! Laying one mapping over another: mappings merge, nothing (`null`) removes a key, everything else, lists too,
//! takes the place of what was there.

use crate::field::Field;
use crate::phrase::quoted;
use crate::yaml::{Key, Node, Value};

/// Lays `patch` over `base`. What is laid over keeps the places of the patch.
pub(crate) fn lay(base: &mut Node, patch: &Field<'_>) {
    match (&mut base.value, patch.value()) {
        (Value::Mapping(entries), Value::Mapping(_)) => {
            for (name, field) in patch.named("key", "").unwrap_or_default() {
                lay_entry(entries, name, &field);
            }
        }
        _ => *base = patch.node().clone(),
    }
}

/// Lays the value of one key over what a mapping has under it.
pub(crate) fn lay_entry(entries: &mut Vec<(Key, Node)>, name: &str, patch: &Field<'_>) {
    let found = entries.iter().position(|(key, _)| key.text == name);
    match found {
        Some(index) if patch.is_nothing() => {
            entries.remove(index);
        }
        None if patch.is_nothing() => {
            let name = quoted(name);
            patch.refuse_key(format!(
                "there is no {name} to remove: to add one that has nothing to say, write `{{}}` behind it"
            ));
        }
        Some(index) => {
            let (key, value) = &mut entries[index];
            let merges = matches!((&value.value, patch.value()), (Value::Mapping(_), Value::Mapping(_)));
            if !merges {
                key.at = patch.key_position();
            }
            lay(value, patch);
        }
        None => {
            let mut value = patch.node().clone();
            if let Value::Mapping(_) = value.value {
                // What a new mapping removes is not there either.
                value.value = Value::Mapping(Vec::new());
                lay(&mut value, patch);
            }
            entries.push((Key { at: patch.key_position(), text: name.to_owned() }, value));
        }
    }
}
