use super::mac_table::MAXIMUM_ENTRIES;
use crate::field::Field;
use crate::keys::Keys;
use crate::name::free_name;
use crate::vlan::vlan_key;
use greylag_base::VlanId;
use greylag_switch::config::VlanConfig;
use std::collections::BTreeMap;

const KEYS: Keys = Keys::of(&["name", "maximum-entries", "mcae-mac-synchronize"]);

pub(super) fn read(field: &Field<'_>) -> BTreeMap<VlanId, VlanConfig> {
    let mut vlans = BTreeMap::new();
    for (key, field) in field.named("VLAN", "{10: {name: red}}").unwrap_or_default() {
        let Some(id) = vlan_key(key, &field) else { continue };
        if vlans.insert(id, read_one(&field)).is_some() {
            field.refuse_key(format!("VLAN {id} is named twice: remove one"));
        }
    }
    vlans
}

fn read_one(field: &Field<'_>) -> VlanConfig {
    let Some(map) = field.mapping(&KEYS, "{name: red}") else { return VlanConfig::default() };
    VlanConfig {
        name: map.get("name").and_then(free_name),
        maximum_entries: map
            .get("maximum-entries")
            .and_then(|entries| entries.number("maximum-entries", 0..=MAXIMUM_ENTRIES)),
        mcae_mac_synchronize: map.get("mcae-mac-synchronize").and_then(Field::boolean).unwrap_or(false),
    }
}
