//! What filters ask of a frame.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::MacAddr;
use greylag_wire::ethernet::{EtherType, Frame};
use greylag_wire::five_tuple::FiveTuple;
use greylag_wire::vlan::{TAG_LEN, Tag};

/// What a frame says of itself, as far as it is whole.
pub(super) struct Fields {
    pub(super) destination: MacAddr,
    pub(super) source: MacAddr,
    pub(super) vlan: Option<u16>,
    pub(super) ether_type: u16,
    /// Of the packet, or of what ARP says who asks, and for whom.
    pub(super) from: Option<IpAddr>,
    pub(super) to: Option<IpAddr>,
    pub(super) protocol: Option<u8>,
    pub(super) ports: Option<[u16; 2]>,
    /// Of a slow protocol.
    pub(super) subtype: Option<u8>,
}

impl Fields {
    /// `None` for what has no header.
    pub(super) fn of(frame: &[u8]) -> Option<Fields> {
        let view = Frame::new_checked(frame)?;
        let (vlan, tag) = match Tag::parse(frame) {
            Tag::Present(tci) => (Some(tci.0 & 0xfff), TAG_LEN),
            Tag::Absent => (None, 0),
            Tag::Truncated => return None,
        };
        let ether_type = u16::from_be_bytes(*frame.get(12 + tag..)?.first_chunk()?);
        let payload = frame.get(14 + tag..).unwrap_or_default();
        let mut fields = Fields {
            destination: view.destination(),
            source: view.source(),
            vlan,
            ether_type,
            from: None,
            to: None,
            protocol: None,
            ports: None,
            subtype: None,
        };
        match EtherType(ether_type) {
            EtherType::IPV4 => fields.take(FiveTuple::<Ipv4Addr>::parse(payload)),
            EtherType::IPV6 => fields.take(FiveTuple::<Ipv6Addr>::parse(payload)),
            EtherType::ARP => {
                let address = |at: usize| Some(IpAddr::from(*payload.get(at..)?.first_chunk::<4>()?));
                (fields.from, fields.to) = (address(14), address(24));
            }
            EtherType::SLOW => fields.subtype = payload.first().copied(),
            _ => {}
        }
        Some(fields)
    }

    fn take<A: Into<IpAddr>>(&mut self, packet: Option<FiveTuple<A>>) {
        let Some(packet) = packet else { return };
        self.from = Some(packet.source.into());
        self.to = Some(packet.destination.into());
        self.protocol = Some(packet.protocol);
        self.ports = Some([packet.source_port, packet.destination_port]).filter(|ports| *ports != [0, 0]);
    }
}
