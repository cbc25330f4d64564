//! OPEN: who the ends are, and what they agree on (RFC 4271 4.2 and 6.2, RFC 5492, 4760, 6793 and 6286).

use crate::config::{Asn, BgpConfig, Family, NeighborConfig};

use crate::notification::{self as code, Notification};
use bytes::Bytes;
use core::net::Ipv4Addr;
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::capabilities::{
    BgpCapability, FourOctetAsCapability, MultiProtocolExtensionsCapability,
};
use netgauze_bgp_pkt::open::{BgpOpenMessage, BgpOpenMessageParameter};
use netgauze_iana::address_family::AddressType;
use netgauze_parse_utils::WritablePdu;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFrom;
use std::time::Duration;

const VERSION: u8 = 4;
/// The only optional parameter that is left (RFC 5492 4).
const CAPABILITIES: u8 = 2;

/// What an OPEN says, as far as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// In the field of two octets.
    my_as: u16,
    hold_time: u16,
    id: Ipv4Addr,
    /// Of the capability for four octets (RFC 6793).
    asn: Option<Asn>,
    /// `None` where no capability names any: that is IPv4 unicast alone (RFC 4760 8).
    families: Option<Vec<Family>>,
    route_refresh: bool,
}

/// What two OPENs agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The neighbor's BGP Identifier.
    pub(crate) id: Ipv4Addr,
    /// Zero for no KEEPALIVEs, and to wait for ever.
    pub(crate) hold_time: Duration,
    pub(crate) families: Vec<Family>,
    /// The neighbor tells everything once more when it is asked to.
    pub(crate) route_refresh: bool,
}

fn address_type(family: Family) -> AddressType {
    match family {
        Family::Ipv4Unicast => AddressType::Ipv4Unicast,
        Family::Ipv6Unicast => AddressType::Ipv6Unicast,
    }
}

impl Open {
    /// Reads what follows the header.
    pub(crate) fn read(body: &[u8]) -> Result<Open, Notification> {
        let malformed = |_| Notification::new(code::MALFORMED_OPEN, &[]);
        let mut body = SliceReader::new(body);
        if body.read_u8().map_err(malformed)? != VERSION {
            return Err(Notification::new(code::UNSUPPORTED_VERSION, &[0, VERSION]));
        }
        let mut open = Open {
            my_as: body.read_u16_be().map_err(malformed)?,
            hold_time: body.read_u16_be().map_err(malformed)?,
            id: body.read_u32_be().map_err(malformed)?.into(),
            asn: None,
            families: None,
            route_refresh: false,
        };
        let length = body.read_u8().map_err(malformed)?;
        if usize::from(length) != body.remaining() {
            return Err(Notification::new(code::MALFORMED_OPEN, &[]));
        }
        while !body.is_empty() {
            let kind = body.read_u8().map_err(malformed)?;
            let length = body.read_u8().map_err(malformed)?;
            let mut parameter = body.take_slice(length.into()).map_err(malformed)?;
            if kind != CAPABILITIES {
                return Err(Notification::new(code::UNSUPPORTED_PARAMETER, &[kind]));
            }
            while !parameter.is_empty() {
                let capability = parameter;
                let _code = parameter.read_u8().map_err(malformed)?;
                let length = parameter.read_u8().map_err(malformed)?;
                parameter.read_bytes(length.into()).map_err(malformed)?;
                open.take_capability(&capability.as_slice()[..2 + usize::from(length)]);
            }
        }
        Ok(open)
    }

    /// Each by itself, so that one which is wrong hides no other. What is not known is passed over (RFC 5492 3).
    fn take_capability(&mut self, capability: &[u8]) {
        match BgpCapability::parse(&mut SliceReader::new(capability)) {
            Ok(BgpCapability::MultiProtocolExtensions(says)) => {
                let families = self.families.get_or_insert_default();
                let known = [Family::Ipv4Unicast, Family::Ipv6Unicast];
                families.extend(known.into_iter().find(|known| address_type(*known) == says.address_type()));
            }
            Ok(BgpCapability::FourOctetAs(says)) => self.asn = Some(Asn(says.asn4())),
            Ok(BgpCapability::RouteRefresh) => self.route_refresh = true,
            _ => {}
        }
    }

    /// What a neighbor's OPEN and ours agree on, or what is wrong with it.
    pub(crate) fn agree(&self, ours: &BgpConfig, neighbor: &NeighborConfig) -> Result<Agreed, Notification> {
        let id = self.id;
        let asn = self.asn.unwrap_or(Asn(self.my_as.into()));
        if asn != neighbor.peer_as {
            let said = u16::try_from(asn.0).unwrap_or(Asn::TRANS.0 as u16);
            return Err(Notification::new(code::BAD_PEER_AS, &said.to_be_bytes()));
        }
        let internal = neighbor.peer_as == ours.asn;
        let ourselves = internal && id == ours.router_id;
        if id.is_unspecified() || id.is_multicast() || id.is_broadcast() || ourselves {
            return Err(Notification::new(code::BAD_BGP_IDENTIFIER, &id.octets()));
        }
        if matches!(self.hold_time, 1 | 2) {
            return Err(Notification::new(code::UNACCEPTABLE_HOLD_TIME, &self.hold_time.to_be_bytes()));
        }
        let hold_time = neighbor.hold_time.min(Duration::from_secs(self.hold_time.into()));
        let theirs = self.families.as_deref().unwrap_or(&[Family::Ipv4Unicast]);
        let families: Vec<Family> = [Family::Ipv4Unicast, Family::Ipv6Unicast]
            .into_iter()
            .filter(|family| theirs.contains(family) && neighbor.family(*family).is_some())
            .collect();
        // RFC 5492 5: what is required and missing is quoted.
        let mut missing = Vec::new();
        if self.asn.is_none() {
            missing.push(BgpCapability::FourOctetAs(FourOctetAsCapability::new(ours.asn.0)));
        }
        if families.is_empty() {
            missing.extend(neighbor.families.iter().map(|family| multiprotocol(family.family)));
        }
        if !missing.is_empty() {
            let mut data = Vec::new();
            for capability in missing {
                capability.write(&mut data).expect("memory can be written to");
            }
            return Err(Notification::new(code::UNSUPPORTED_CAPABILITY, &data));
        }
        Ok(Agreed { id, hold_time, families, route_refresh: self.route_refresh })
    }
}

fn multiprotocol(family: Family) -> BgpCapability {
    BgpCapability::MultiProtocolExtensions(MultiProtocolExtensionsCapability::new(address_type(family)))
}

/// Our OPEN to a neighbor.
pub(crate) fn write(ours: &BgpConfig, neighbor: &NeighborConfig) -> Bytes {
    let mut capabilities: Vec<BgpCapability> =
        neighbor.families.iter().map(|family| multiprotocol(family.family)).collect();
    capabilities.push(BgpCapability::RouteRefresh);
    capabilities.push(BgpCapability::FourOctetAs(FourOctetAsCapability::new(ours.asn.0)));
    let my_as = u16::try_from(ours.asn.0).unwrap_or(Asn::TRANS.0 as u16);
    let hold_time = u16::try_from(neighbor.hold_time.as_secs()).expect("the configuration was checked");
    let parameters = vec![BgpOpenMessageParameter::new_capabilities(capabilities)];
    let open = BgpMessage::Open(BgpOpenMessage::new(my_as, hold_time, ours.router_id, parameters));
    let mut bytes = Vec::new();
    open.write(&mut bytes).expect("memory can be written to");
    bytes.into()
}

/// The hold timer before the OPENs have agreed on one (RFC 4271 8.2.2).
pub(crate) const LARGE_HOLD: Duration = Duration::from_secs(240);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FamilyConfig, NeighborId};
    use crate::message;

    fn ours() -> (BgpConfig, NeighborConfig) {
        let (local, remote) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let neighbor = NeighborConfig::new(NeighborId(1), Asn(4_200_000_002), local, remote);
        (BgpConfig::new(Asn(65_001), Ipv4Addr::new(192, 0, 2, 1)), neighbor)
    }

    /// Version, AS, hold time, identifier, parameters.
    fn body(version: u8, asn: u16, hold: u16, id: [u8; 4], parameters: &[u8]) -> Vec<u8> {
        let fixed = [&[version][..], &asn.to_be_bytes(), &hold.to_be_bytes(), &id].concat();
        [fixed, vec![parameters.len() as u8], parameters.to_vec()].concat()
    }

    const FOUR_OCTETS: &[u8] = &[65, 4, 0xfa, 0x56, 0xea, 0x02];

    fn with(capabilities: &[&[u8]]) -> Vec<u8> {
        let all = capabilities.concat();
        [&[2, all.len() as u8][..], &all].concat()
    }

    #[test]
    fn what_is_wrong_with_an_open_has_its_code() {
        let sound = with(&[FOUR_OCTETS]);
        let v6: &[u8] = &[1, 4, 0, 2, 0, 1];
        type Case = (Vec<u8>, (u8, u8), &'static [u8]);
        let table: &[Case] = &[
            (body(3, 23_456, 90, [192, 0, 2, 2], &sound), (2, 1), &[0, 4]),
            (body(4, 23_456, 90, [192, 0, 2, 2], &with(&[&[65, 4, 0, 0, 0, 7]])), (2, 2), &[0, 7]),
            (body(4, 7, 90, [192, 0, 2, 2], &[]), (2, 2), &[0, 7]),
            (body(4, 23_456, 90, [0; 4], &sound), (2, 3), &[0; 4]),
            (body(4, 23_456, 90, [224, 0, 0, 1], &sound), (2, 3), &[224, 0, 0, 1]),
            (body(4, 23_456, 90, [192, 0, 2, 2], &[1, 1, 0]), (2, 4), &[1]),
            (body(4, 23_456, 2, [192, 0, 2, 2], &sound), (2, 6), &[0, 2]),
            (body(4, 23_456, 90, [192, 0, 2, 2], &with(&[v6, FOUR_OCTETS])), (2, 7), &[1, 4, 0, 1, 0, 1]),
            // A capability that ends after its parameter, and a parameter that ends after the message.
            (body(4, 23_456, 90, [192, 0, 2, 2], &[2, 2, 65, 4]), (2, 0), &[]),
            (body(4, 23_456, 90, [192, 0, 2, 2], &[2, 9, 65, 4]), (2, 0), &[]),
        ];
        let (config, neighbor) = ours();
        for (bytes, code, data) in table {
            let says = Open::read(bytes).and_then(|open| open.agree(&config, &neighbor)).unwrap_err();
            assert_eq!(((says.code, says.subcode), &*says.data), (*code, *data), "{bytes:?}");
        }
    }

    #[test]
    fn who_cannot_count_to_four_octets_is_told_so() {
        let (config, mut neighbor) = ours();
        neighbor.peer_as = Asn(7);
        let open = Open::read(&body(4, 7, 90, [192, 0, 2, 2], &[])).unwrap();
        let says = open.agree(&config, &neighbor).unwrap_err();
        assert_eq!((says.code, says.subcode, &*says.data), (2, 7, &[65, 4, 0, 0, 0xfd, 0xe9][..]));
    }

    #[test]
    fn within_one_system_nobody_is_called_as_we_are() {
        let (config, mut neighbor) = ours();
        let same = body(4, 65_001, 90, [192, 0, 2, 1], &with(&[&[65, 4, 0, 0, 0xfd, 0xe9]]));
        neighbor.peer_as = config.asn;
        let says = Open::read(&same).unwrap().agree(&config, &neighbor).unwrap_err();
        assert_eq!((says.code, says.subcode), (2, 3));
        // Between two systems, it is the system that tells them apart (RFC 6286 2.1).
        let (config, neighbor) = ours();
        let other = body(4, 23_456, 90, [192, 0, 2, 1], &with(&[FOUR_OCTETS]));
        assert!(Open::read(&other).unwrap().agree(&config, &neighbor).is_ok());
    }

    #[test]
    fn the_ends_agree_on_what_both_know_and_on_the_lesser_hold_time() {
        let (config, mut neighbor) = ours();
        let next_hop = "2001:db8::1".parse().unwrap();
        let families = FamilyConfig { family: Family::Ipv6Unicast, next_hop, max_prefixes: None };
        neighbor.families.push(families);
        // Unknown capabilities, an unknown family and one of a wrong length hide none of the others.
        let strange: &[&[u8]] =
            &[&[8, 1, 9], &[200, 0], &[1, 4, 0, 25, 0, 70], &[1, 1, 0], &[1, 4, 0, 2, 0, 1], &[2, 0]];
        let said = with(&[&strange.concat(), FOUR_OCTETS]);
        let open = Open::read(&body(4, 23_456, 30, [192, 0, 2, 2], &said)).unwrap();
        let agreed = Agreed {
            id: Ipv4Addr::new(192, 0, 2, 2),
            hold_time: Duration::from_secs(30),
            families: vec![Family::Ipv6Unicast],
            route_refresh: true,
        };
        assert_eq!(open.agree(&config, &neighbor), Ok(agreed));
    }

    #[test]
    fn what_we_say_is_read_as_we_mean_it() {
        let (mut config, neighbor) = ours();
        config.asn = Asn(4_200_000_001);
        let open = Open::read(&write(&config, &neighbor)[message::HEADER..]).unwrap();
        let said = Open {
            my_as: 23_456,
            hold_time: 90,
            id: config.router_id,
            asn: Some(config.asn),
            families: Some(vec![Family::Ipv4Unicast]),
            route_refresh: true,
        };
        assert_eq!(open, said);
    }
}
