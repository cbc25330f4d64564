//! Which fields of a frame tell its flow.

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A set of fields of a frame. In a file: the name of a preset or of a field, or a list of such names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FlowFields(u16);

const PRESETS: usize = 3;

impl FlowFields {
    /// The name of each field, and of each preset behind them.
    pub const NAMES: [(&str, FlowFields); 13] = [
        ("destination-mac", FlowFields::DESTINATION_MAC),
        ("source-mac", FlowFields::SOURCE_MAC),
        ("vlan", FlowFields::VLAN),
        ("ether-type", FlowFields::ETHER_TYPE),
        ("destination-ip", FlowFields::DESTINATION_IP),
        ("source-ip", FlowFields::SOURCE_IP),
        ("protocol", FlowFields::PROTOCOL),
        ("flow-label", FlowFields::FLOW_LABEL),
        ("destination-port", FlowFields::DESTINATION_PORT),
        ("source-port", FlowFields::SOURCE_PORT),
        ("layer2", FlowFields::LAYER2),
        ("layer2+3", FlowFields::LAYER2_3),
        ("layer3+4", FlowFields::LAYER3_4),
    ];

    /// No field: all frames are one flow.
    pub const NONE: FlowFields = FlowFields(0);
    /// Destination MAC address.
    pub const DESTINATION_MAC: FlowFields = FlowFields(1 << 0);
    /// Source MAC address.
    pub const SOURCE_MAC: FlowFields = FlowFields(1 << 1);
    /// The VLAN that the switch has the frame in, be it tagged or not.
    pub const VLAN: FlowFields = FlowFields(1 << 2);
    /// The EtherType behind the VLAN tag.
    pub const ETHER_TYPE: FlowFields = FlowFields(1 << 3);
    /// Destination address of IPv4 or IPv6.
    pub const DESTINATION_IP: FlowFields = FlowFields(1 << 4);
    /// Source address of IPv4 or IPv6.
    pub const SOURCE_IP: FlowFields = FlowFields(1 << 5);
    /// What the IP packet carries.
    pub const PROTOCOL: FlowFields = FlowFields(1 << 6);
    /// Flow label of IPv6 (RFC 6437).
    pub const FLOW_LABEL: FlowFields = FlowFields(1 << 7);
    /// Destination port of TCP, UDP or SCTP.
    pub const DESTINATION_PORT: FlowFields = FlowFields(1 << 8);
    /// Source port of TCP, UDP or SCTP.
    pub const SOURCE_PORT: FlowFields = FlowFields(1 << 9);

    /// MAC addresses and EtherType: `layer2` of Linux' `xmit_hash_policy`.
    pub const LAYER2: FlowFields = Self::DESTINATION_MAC.with(Self::SOURCE_MAC).with(Self::ETHER_TYPE);
    /// MAC addresses, EtherType and IP addresses: `layer2+3`.
    pub const LAYER2_3: FlowFields = Self::LAYER2.with(Self::DESTINATION_IP).with(Self::SOURCE_IP);
    /// The five-tuple. Linux' `layer3+4` leaves out the protocol.
    pub const LAYER3_4: FlowFields = Self::DESTINATION_IP
        .with(Self::SOURCE_IP)
        .with(Self::PROTOCOL)
        .with(Self::DESTINATION_PORT)
        .with(Self::SOURCE_PORT);

    /// These fields and `others`.
    pub const fn with(self, others: FlowFields) -> FlowFields {
        FlowFields(self.0 | others.0)
    }

    /// These fields but `others`.
    pub const fn without(self, others: FlowFields) -> FlowFields {
        FlowFields(self.0 & !others.0)
    }

    /// All of `others` are in.
    pub const fn contains(self, others: FlowFields) -> bool {
        self.0 & others.0 == others.0
    }

    /// Some of `others` are in.
    pub const fn intersects(self, others: FlowFields) -> bool {
        self.0 & others.0 != 0
    }

    /// The same by names: that of a preset, or one for each field.
    fn names(self) -> Vec<&'static str> {
        let (fields, presets) = Self::NAMES.split_at(Self::NAMES.len() - PRESETS);
        match presets.iter().find(|&&(_, preset)| preset == self) {
            Some(&(name, _)) => vec![name],
            None => {
                fields.iter().filter(|&&(_, field)| self.contains(field)).map(|&(name, _)| name).collect()
            }
        }
    }
}

impl fmt::Display for FlowFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.names().join(","))
    }
}

impl fmt::Debug for FlowFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl Serialize for FlowFields {
    /// The name of a preset, or a list of fields.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.names()[..] {
            [name] => serializer.serialize_str(name),
            names => serializer.collect_seq(names),
        }
    }
}

impl<'de> Deserialize<'de> for FlowFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = FlowFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = FlowFields::NAMES.map(|(name, _)| name).join(", ");
        write!(f, "one of {names}, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FlowFields, E> {
        let known = FlowFields::NAMES.iter().find(|(name, _)| *name == text);
        known
            .map(|&(_, fields)| fields)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FlowFields, A::Error> {
        let mut fields = FlowFields::NONE;
        while let Some(more) = list.next_element()? {
            fields = fields.with(more);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_a_field_or_a_list_of_both() {
        let read = |text: &str| serde_json::from_str::<FlowFields>(text).unwrap();
        assert_eq!(read(r#""layer2""#), FlowFields::LAYER2);
        assert_eq!(read(r#""source-mac""#), FlowFields::SOURCE_MAC);
        assert_eq!(read("[]"), FlowFields::NONE);
        let labelled = FlowFields::LAYER3_4.with(FlowFields::FLOW_LABEL);
        assert_eq!(read(r#"["layer3+4", "flow-label"]"#), labelled);
        for fields in [FlowFields::LAYER2_3, FlowFields::VLAN, FlowFields::NONE, labelled] {
            assert_eq!(read(&serde_json::to_string(&fields).unwrap()), fields);
        }
        assert_eq!(serde_json::to_string(&FlowFields::LAYER3_4).unwrap(), r#""layer3+4""#);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = serde_json::from_str::<FlowFields>(r#"["layer7"]"#).unwrap_err().to_string();
        assert!(
            error.contains("\"layer7\"") && error.contains("layer2+3") && error.contains("flow-label"),
            "{error}"
        );
    }
}
