//! The first look at a frame: its header, its VLAN, and whether the port may send it.

use crate::punt::is_slow_protocol;
use crate::{Aggregation, Forwarding, PortForwarding};
use greylag_base::{DropReason, MacAddr, VlanId};
use greylag_ports::{Batch, Tagging};
use greylag_wire::ethernet::{ADDRESSES_LEN, Frame, HEADER_LEN};
use greylag_wire::vlan::{TAG_LEN, Tag, Tci, Vid};

/// What the pipeline knows of a frame that has passed the ingress checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) destination: MacAddr,
    pub(crate) source: MacAddr,
    /// [`VlanId::DEFAULT`] where there is none, on ports that are not of the bridge: nobody asks for it there.
    pub(crate) vlan: VlanId,
    /// The tag that the frame carries on ports where its VLAN is tagged.
    pub(crate) tag: Tci,
}

/// Why a frame goes no further in the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is dropped.
    Drop(DropReason),
    /// It is for the switch itself.
    Punt,
}

impl From<DropReason> for Exit {
    fn from(reason: DropReason) -> Self {
        Exit::Drop(reason)
    }
}

/// How long a frame was on the wire: with its tag, wherever that is now.
#[inline(always)]
pub(crate) fn octets_on_wire(batch: &Batch, index: usize) -> u64 {
    let aside = if let Tagging::Aside(_) = batch.tagging(index) { TAG_LEN } else { 0 };
    (batch.bytes(index).len() + aside) as u64
}

/// The addresses of a frame that has a header, as numbers, the destination's first. Read from the frame: the octets of a header that has
/// just been put together have to be waited for.
#[inline(always)]
pub(crate) fn stations_of(frame: &[u8]) -> [u64; 2] {
    let addresses: &[u8; ADDRESSES_LEN] = frame.first_chunk().expect("it has a header");
    let destination = addresses.first_chunk().expect("eight octets");
    let source = addresses.last_chunk().expect("eight octets");
    [u64::from_be_bytes(*destination) >> 16, u64::from_be_bytes(*source) & 0xffff_ffff_ffff]
}

/// The group bit of an address (IEEE 802-2014 8.2).
const GROUP: u64 = 1 << 40;

/// Reads and checks one frame of a batch that came in on `port`.
#[inline(always)]
pub(crate) fn admit(
    batch: &mut Batch,
    index: usize,
    forwarding: &Forwarding,
    port: &PortForwarding,
) -> Result<Header, Exit> {
    admit_on::<true>(batch, index, forwarding, port)
}

/// As [`admit`], on a port that is no port of the bridge: a frame is of no VLAN there, and has no tag or one that has a priority alone.
#[inline(always)]
pub(crate) fn admit_unbridged(
    batch: &mut Batch,
    index: usize,
    forwarding: &Forwarding,
    port: &PortForwarding,
) -> Result<Header, Exit> {
    admit_on::<false>(batch, index, forwarding, port)
}

// Always inlined: a header that is returned in memory is read as a whole before its fields have arrived there.
#[inline(always)]
fn admit_on<const BRIDGED: bool>(
    batch: &mut Batch,
    index: usize,
    forwarding: &Forwarding,
    port: &PortForwarding,
) -> Result<Header, Exit> {
    let bytes = batch.bytes(index);
    let frame = Frame::new_checked(bytes).ok_or(DropReason::Runt)?;
    let (destination, source) = (frame.destination(), frame.source());
    let tag = match batch.tagging(index) {
        Tagging::Aside(tci) => Tag::Present(tci),
        Tagging::Untagged | Tagging::Inline => Tag::parse(bytes),
    };
    let inline = matches!(tag, Tag::Present(_)) && !matches!(batch.tagging(index), Tagging::Aside(_));
    let header_len = if inline { HEADER_LEN + TAG_LEN } else { HEADER_LEN };
    if batch.offload(index).wire_len(bytes.len()) > header_len + port.mtu {
        return Err(DropReason::Giant.into());
    }
    // As numbers, see `stations_of`.
    let [to, from] = stations_of(bytes);
    if from & GROUP != 0 {
        return Err(DropReason::SourceMulticast.into());
    }
    if from == 0 {
        return Err(DropReason::SourceZero.into());
    }
    let collecting = match port.aggregation {
        Aggregation::Member { collecting, .. } => Some(collecting),
        Aggregation::None | Aggregation::Lag(_) => None,
    };
    if to & GROUP != 0
        && let Some(last) = destination.reserved_group()
    {
        if collecting.is_some() && is_slow_protocol(&frame) {
            return Err(Exit::Punt);
        }
        if !forwarding.passes_reserved_group(last) {
            return Err(DropReason::ReservedGroup.into());
        }
    }
    if collecting == Some(false) {
        return Err(DropReason::NotCollecting.into());
    }
    let tci = match tag {
        Tag::Absent => Tci(0),
        Tag::Present(tci) => tci,
        Tag::Truncated => return Err(DropReason::TruncatedTag.into()),
    };
    let vlan = match tci.vid() {
        Vid::Vlan(vlan) if BRIDGED && port.vlans.contains(vlan) => vlan,
        Vid::Vlan(_) => return Err(DropReason::VlanNotAllowed.into()),
        Vid::Priority if BRIDGED => port.untagged.ok_or(DropReason::NoNativeVlan)?,
        Vid::Priority => VlanId::DEFAULT,
        Vid::Reserved => return Err(DropReason::ReservedVlan.into()),
    };
    if inline {
        batch.set_inline_tag(index);
    }
    Ok(Header { destination, source, vlan, tag: tci.with_vlan(vlan) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_ports::Offload;
    use greylag_wire::ethernet::{EtherType, Repr};

    const SOURCE: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn vlan(id: u16) -> VlanId {
        VlanId::new(id).unwrap()
    }

    fn trunk() -> PortForwarding {
        PortForwarding {
            vlans: [1, 10].map(vlan).into_iter().collect(),
            untagged: Some(vlan(1)),
            ..PortForwarding::access(vlan(1))
        }
    }

    fn frame(source: MacAddr, destination: MacAddr) -> Vec<u8> {
        Repr { destination, source, ether_type: EtherType::IPV4 }.frame(&[])
    }

    fn tagged(tci: u16) -> Vec<u8> {
        let mut bytes = frame(SOURCE, MacAddr::BROADCAST);
        bytes.splice(12..12, Tci(tci).to_bytes());
        bytes
    }

    fn admit_on(port: &PortForwarding, bytes: &[u8]) -> Result<Header, Exit> {
        let mut batch = Batch::new();
        batch.push(bytes);
        admit(&mut batch, 0, &Forwarding::new(vec![port.clone()], 0x4000), port)
    }

    #[test]
    fn each_check_has_its_reason() {
        let no_native = PortForwarding { untagged: None, ..trunk() };
        let group = |last| frame(SOURCE, MacAddr([1, 0x80, 0xc2, 0, 0, last]));
        let plain = frame(SOURCE, MacAddr::BROADCAST);
        let giant = vec![2; HEADER_LEN + 1501];
        type Case<'a> = (&'a str, &'a PortForwarding, &'a [u8], Result<u16, Exit>);
        let cases: &[Case<'_>] = &[
            ("untagged", &trunk(), &plain, Ok(1)),
            ("tagged", &trunk(), &tagged(10), Ok(10)),
            ("priority tag", &trunk(), &tagged(0xe000), Ok(1)),
            ("nothing", &trunk(), &[], Err(Exit::Drop(DropReason::Runt))),
            ("13 octets", &trunk(), &plain[..13], Err(Exit::Drop(DropReason::Runt))),
            ("14 octets", &trunk(), &plain[..14], Ok(1)),
            ("cut tag", &trunk(), &tagged(10)[..17], Err(Exit::Drop(DropReason::TruncatedTag))),
            ("tag and type only", &trunk(), &tagged(10)[..18], Ok(10)),
            ("giant", &trunk(), &giant, Err(Exit::Drop(DropReason::Giant))),
            ("largest", &trunk(), &giant[1..], Ok(1)),
            ("vlan 4095", &trunk(), &tagged(4095), Err(Exit::Drop(DropReason::ReservedVlan))),
            ("other vlan", &trunk(), &tagged(11), Err(Exit::Drop(DropReason::VlanNotAllowed))),
            ("no native", &no_native, &plain, Err(Exit::Drop(DropReason::NoNativeVlan))),
            ("priority, no native", &no_native, &tagged(0), Err(Exit::Drop(DropReason::NoNativeVlan))),
            ("zero source", &trunk(), &frame(MacAddr::ZERO, SOURCE), Err(Exit::Drop(DropReason::SourceZero))),
            (
                "group source",
                &trunk(),
                &frame(MacAddr::BROADCAST, SOURCE),
                Err(Exit::Drop(DropReason::SourceMulticast)),
            ),
            ("LACP", &trunk(), &group(2), Err(Exit::Drop(DropReason::ReservedGroup))),
            ("LLDP, allowed by the mask", &trunk(), &group(0xe), Ok(1)),
        ];
        for (name, port, bytes, expected) in cases {
            assert_eq!(admit_on(port, bytes).map(|header| header.vlan.get()), *expected, "{name}");
        }
    }

    #[test]
    fn a_super_frame_is_judged_by_its_segments() {
        let mut batch = Batch::new();
        let bytes = frame(SOURCE, MacAddr::BROADCAST);
        batch.slots().next().unwrap()[..bytes.len()].copy_from_slice(&bytes);
        let offload = |segment_len| Offload { gso_type: 1, header_len: 54, segment_len, ..Offload::NONE };
        batch.commit(60_000, Tagging::Untagged, offload(1460));
        let port = trunk();
        let forwarding = Forwarding::new(vec![port.clone()], 0);
        assert!(admit(&mut batch, 0, &forwarding, &port).is_ok());
        batch.clear();
        batch.commit(60_000, Tagging::Untagged, offload(1461));
        assert_eq!(admit(&mut batch, 0, &forwarding, &port), Err(Exit::Drop(DropReason::Giant)));
    }

    #[test]
    fn the_priority_stays_with_the_frame() {
        let header = admit_on(&trunk(), &tagged(0x6000 | 10)).unwrap();
        assert_eq!(header.tag, Tci(0x6000 | 10));
        let header = admit_on(&trunk(), &tagged(0x6000)).unwrap();
        assert_eq!(header.tag, Tci(0x6000 | 1));
    }
}
