use crate::field::Field;
use crate::phrase::quoted;
use crate::yaml::Value;
use greylag_base::{VlanId, VlanSet};

/// One VLAN.
pub(crate) fn vlan(field: &Field<'_>) -> Option<VlanId> {
    let Value::Integer(number) = field.value() else {
        field.mismatch("a VLAN, 1 to 4094", "");
        return None;
    };
    numbered(*number).map_err(|wrong| field.refuse(wrong)).ok()
}

/// The VLAN that a key names.
pub(crate) fn vlan_key(key: &str, field: &Field<'_>) -> Option<VlanId> {
    let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    let vlan = match key.parse::<i128>() {
        Ok(number) if digits => numbered(number),
        _ => Err(format!("{} is not a VLAN: expected its number, 1 to 4094", quoted(key))),
    };
    vlan.map_err(|wrong| field.refuse_key(wrong)).ok()
}

/// A list of VLANs and of ranges `a..b`, both ends included (OpenConfig `trunk-vlans`).
pub(crate) fn vlan_list(field: &Field<'_>) -> Option<VlanSet> {
    let items = match field.value() {
        Value::Text(text) => {
            field.mismatch("a list such as [10, 20..29]", &format!("write [{text}]"));
            return None;
        }
        Value::Integer(number) => {
            field.mismatch("a list such as [10, 20..29]", &format!("write [{number}]"));
            return None;
        }
        _ => field.list("[10, 20..29]")?,
    };
    let mut set = VlanSet::new();
    let mut complete = true;
    for item in &items {
        let range = match item.value() {
            Value::Text(text) => range(text).map_err(|wrong| item.refuse(wrong)).ok(),
            Value::Integer(number) => match numbered(*number) {
                Ok(vlan) => Some((vlan, vlan)),
                Err(wrong) => {
                    item.refuse(wrong);
                    None
                }
            },
            _ => {
                item.mismatch("a VLAN or a range such as 20..29", "");
                None
            }
        };
        match range {
            Some((first, last)) => {
                (first.get()..=last.get()).filter_map(VlanId::new).for_each(|vlan| set.insert(vlan));
            }
            None => complete = false,
        }
    }
    complete.then_some(set)
}

fn numbered(number: i128) -> Result<VlanId, String> {
    let vlan = u16::try_from(number).ok().and_then(VlanId::new);
    vlan.ok_or_else(|| format!("VLAN {number} is out of range: expected 1 to 4094"))
}

fn range(text: &str) -> Result<(VlanId, VlanId), String> {
    let number = |text: &str| text.trim().parse::<i128>().ok();
    let Some((Some(first), Some(last))) =
        text.split_once("..").map(|(first, last)| (number(first), number(last)))
    else {
        // What other switches call a range.
        let dashed = text.split_once('-').map(|(first, last)| (number(first), number(last)));
        let advice = match dashed {
            Some((Some(first), Some(last))) => format!("write {first}..{last}"),
            _ => "expected a VLAN or a range such as 20..29".to_owned(),
        };
        return Err(format!("{} is neither a VLAN nor a range: {advice}", quoted(text)));
    };
    let range = (numbered(first)?, numbered(last)?);
    if range.0 > range.1 {
        return Err(format!("the range {} runs backwards: write {last}..{first}", quoted(text)));
    }
    Ok(range)
}
