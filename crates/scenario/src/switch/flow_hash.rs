use crate::field::Field;
use crate::keys::Keys;
use crate::yaml::Value;
use greylag_dataplane::FlowFields;
use greylag_switch::config::FlowHashConfig;

const KEYS: Keys = Keys::of(&["fields", "symmetric", "seed"]);

pub(crate) fn read(field: &Field<'_>) -> FlowHashConfig {
    let mut hash = FlowHashConfig::default();
    let Some(map) = field.mapping(&KEYS, "{fields: layer3+4}") else { return hash };
    hash.fields = map.get("fields").and_then(read_fields).unwrap_or(hash.fields);
    hash.symmetric = map.get("symmetric").and_then(Field::boolean).unwrap_or(hash.symmetric);
    hash.seed = map.get("seed").and_then(|seed| seed.number("seed", 0..=u64::MAX.into()));
    hash
}

/// A name, or a list of names.
fn read_fields(field: &Field<'_>) -> Option<FlowFields> {
    let name = |field: &Field<'_>| field.word("a field of a frame", &FlowFields::NAMES);
    let items = match field.value() {
        Value::Text(_) => return name(field),
        Value::List(_) => field.list("")?,
        _ => {
            field.mismatch("a name such as layer3+4, or a list such as [source-ip, destination-ip]", "");
            return None;
        }
    };
    let names: Vec<Option<FlowFields>> = items.iter().map(name).collect();
    names.into_iter().try_fold(FlowFields::NONE, |all, one| Some(all.with(one?)))
}
