//! Parameters of our own, for what RFC 7275 does not know: addresses, isolation, VLANs, and a system id for each bundle.
//!
//! They have numbers from 0x3000 to 0x3ffe, which are left to vendors, and the U bit, so that others pass over them. SONiC's
//! iccpd has parameters for similar things at other numbers, in texts rather than octets; these are not those.
//!
//! | number | what | value |
//! | --- | --- | --- |
//! | 0x3a01 | as whom a bundle speaks LACP | bundle 2, system id 6, system priority 2 |
//! | 0x3a02 | addresses of stations | for each: VLAN 2, address 6, where 1 (0 nowhere any more, 1 a port of the sender's alone, 2 a bundle), bundle 2 |
//! | 0x3a03 | addresses of the sender's own interfaces | for each: VLAN 2, address 6 (zero for none any more) |
//! | 0x3a04 | the sender isolates as a bundle of the receiver asks for | bundle 2, id 4 of the message that said how the bundle is |
//! | 0x3a05 | VLANs of the sender's leg of a bundle, or of its inter-chassis link, all of them each time | bundle 2 (0 for the link), untagged VLAN 2 (0 for none), for each run of VLANs in ascending order: first 2, last 2 |

use super::parameter::{Malformed, Reader};
use greylag_base::{MacAddr, VlanId, VlanSet};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A station's address takes so many octets.
pub const MAC_ENTRY: usize = 11;

/// Where a chassis has a station's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MacPlace {
    /// Behind its leg of this multi-chassis bundle.
    Aggregator(u16),
    /// Behind a port that the other chassis has nothing of.
    SingleHomed,
}

/// A station's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacEntry {
    /// In which VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac: MacAddr,
    /// Where; `None` for nowhere any more.
    pub place: Option<MacPlace>,
}

impl MacEntry {
    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        let (place, bundle) = match self.place {
            None => (0, 0),
            Some(MacPlace::SingleHomed) => (1, 0),
            Some(MacPlace::Aggregator(id)) => (2, id),
        };
        octets.extend_from_slice(&self.vlan.get().to_be_bytes());
        octets.extend_from_slice(&self.mac.0);
        octets.push(place);
        octets.extend_from_slice(&u16::to_be_bytes(bundle));
    }
}

/// The address of a switch's own interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrbMac {
    /// In which VLAN.
    pub vlan: VlanId,
    /// The address; `None` for none any more.
    pub mac: Option<MacAddr>,
}

impl IrbMac {
    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.vlan.get().to_be_bytes());
        octets.extend_from_slice(&self.mac.unwrap_or(MacAddr::ZERO).0);
    }
}

/// The VLANs that a leg of a bundle carries, or the link between the chassis.
#[derive(Clone, PartialEq, Eq)]
pub struct VlanList {
    /// The one whose frames have no tag.
    pub untagged: Option<VlanId>,
    /// All of them, that one included.
    pub vlans: VlanSet,
}

impl VlanList {
    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.untagged.map_or(0, VlanId::get).to_be_bytes());
        let mut vlans = self.vlans.iter().map(VlanId::get).peekable();
        while let Some(first) = vlans.next() {
            let mut last = first;
            while vlans.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            octets.extend_from_slice(&first.to_be_bytes());
            octets.extend_from_slice(&last.to_be_bytes());
        }
    }
}

impl fmt::Display for VlanList {
    /// As an engineer writes it: `10,20-29`, and behind it which of them is untagged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.vlans.is_empty(), self.untagged) {
            (true, _) => f.write_str("none"),
            (false, None) => write!(f, "{}", self.vlans),
            (false, Some(untagged)) => write!(f, "{}, {untagged} untagged", self.vlans),
        }
    }
}

impl fmt::Debug for VlanList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn macs(value: &mut Reader<'_>) -> Result<Vec<MacEntry>, Malformed> {
    let mut entries = Vec::with_capacity(value.rest.len() / MAC_ENTRY);
    while !value.rest.is_empty() {
        let (vlan, mac) = (vlan(value)?, value.mac()?);
        value.ensure(mac.is_unicast())?;
        let place = match (value.octet()?, value.word()?) {
            (0, 0) => None,
            (1, 0) => Some(MacPlace::SingleHomed),
            (2, id) => Some(MacPlace::Aggregator(id)),
            _ => return Err(Malformed::Parameter(value.kind)),
        };
        entries.push(MacEntry { vlan, mac, place });
    }
    Ok(entries)
}

pub(super) fn irb_macs(value: &mut Reader<'_>) -> Result<Vec<IrbMac>, Malformed> {
    let mut entries = Vec::new();
    while !value.rest.is_empty() {
        let (vlan, mac) = (vlan(value)?, value.mac()?);
        value.ensure(mac == MacAddr::ZERO || mac.is_unicast())?;
        entries.push(IrbMac { vlan, mac: (mac != MacAddr::ZERO).then_some(mac) });
    }
    Ok(entries)
}

pub(super) fn vlans(value: &mut Reader<'_>) -> Result<VlanList, Malformed> {
    let untagged = match value.word()? {
        0 => None,
        id => Some(VlanId::new(id).ok_or(Malformed::Parameter(value.kind))?),
    };
    let mut vlans = VlanSet::new();
    let mut before = 0;
    while !value.rest.is_empty() {
        let (first, last) = (vlan(value)?.get(), vlan(value)?.get());
        value.ensure(before < first && first <= last)?;
        (first..=last).filter_map(VlanId::new).for_each(|vlan| vlans.insert(vlan));
        before = last;
    }
    value.ensure(untagged.is_none_or(|untagged| vlans.contains(untagged)))?;
    Ok(VlanList { untagged, vlans })
}

fn vlan(value: &mut Reader<'_>) -> Result<VlanId, Malformed> {
    VlanId::new(value.word()?).ok_or(Malformed::Parameter(value.kind))
}
