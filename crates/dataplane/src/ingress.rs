//! The first look at a frame: its header, its VLAN, and whether the port may send it.

use crate::punt::is_slow_protocol;
use crate::{Aggregation, Forwarding, PortForwarding};
use greylag_base::{DropReason, MacAddr, VlanId};
use greylag_mactable::Key;
use greylag_ports::{BATCH_FRAMES, Batch, Tagging, View};
use greylag_wire::ethernet::{ADDRESSES_LEN, EtherType, Frame, HEADER_LEN};
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

/// What most frames on a port are: whole, without a tag, and from one station to one other. They are told from all others by a few
/// comparisons.
struct Plain {
    /// The longest.
    most: usize,
    /// The VLAN of frames without a tag.
    vlan: VlanId,
}

impl Plain {
    /// None is, on a port that admits no such frame.
    fn on<const BRIDGED: bool>(port: Option<&PortForwarding>) -> Plain {
        let takes_none =
            |port: &PortForwarding| matches!(port.aggregation, Aggregation::Member { collecting: false, .. });
        let port = port.filter(|port| !takes_none(port));
        let vlan = |port: &PortForwarding| if BRIDGED { port.untagged } else { Some(VlanId::DEFAULT) };
        match port.and_then(|port| vlan(port).zip(Some(port.mtu))) {
            Some((vlan, mtu)) => Plain { most: HEADER_LEN + mtu, vlan },
            None => Plain { most: 0, vlan: VlanId::DEFAULT },
        }
    }

    /// The header of such a frame, and its addresses as [`stations_of`] has them.
    #[inline(always)]
    fn admit(&self, view: View<'_>) -> Option<(Header, [u64; 2])> {
        let header: &[u8; HEADER_LEN] = view.bytes.first_chunk()?;
        let [to, from] = stations_of(header);
        let is_plain = view.bytes.len() <= self.most
            && view.tagging == Tagging::Untagged
            && !view.offload.is_super_frame()
            && header[ADDRESSES_LEN..] != EtherType::C_TAG.0.to_be_bytes()
            && (to | from) & GROUP == 0
            && from != 0;
        let [destination, source] =
            [0, 6].map(|at| MacAddr(*header[at..].first_chunk().expect("six octets")));
        let header = Header { destination, source, vlan: self.vlan, tag: Tci(self.vlan.get()) };
        is_plain.then_some((header, [to, from]))
    }
}

/// What the first look at a batch leaves for those behind it. Kept from batch to batch, for clearing it would cost a small one more than
/// its frames do; only the places of the batch that is under way mean anything.
pub(crate) struct Arrivals {
    pub(crate) sources: [Key; BATCH_FRAMES],
    pub(crate) destinations: [Key; BATCH_FRAMES],
    /// Which frames of the batch they are.
    pub(crate) frames: [u16; BATCH_FRAMES],
    /// Why a frame goes no further, at its number.
    exits: [Exit; BATCH_FRAMES],
}

/// How many frames there were.
pub(crate) struct Looked {
    /// Those that are admitted.
    pub(crate) admitted: usize,
    /// All, by their length on the wire.
    pub(crate) octets: u64,
    /// Those that go no further, a bit each.
    turned_away: u64,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Arrivals {
            sources: [Key::default(); BATCH_FRAMES],
            destinations: [Key::default(); BATCH_FRAMES],
            frames: [0; BATCH_FRAMES],
            exits: [Exit::Punt; BATCH_FRAMES],
        }
    }

    /// Reads and checks all frames of a batch that came in on `port`; none is admitted where that is down. On a port that is no port of the
    /// bridge a frame is of no VLAN, and has no tag or one that has a priority alone.
    // Never inlined: what it keeps in mind for a frame fits the registers, as long as nothing of other stages has to.
    #[inline(never)]
    pub(crate) fn look<const BRIDGED: bool>(
        &mut self,
        batch: &mut Batch,
        forwarding: &Forwarding,
        port: Option<&PortForwarding>,
        headers: &mut [Option<Header>; BATCH_FRAMES],
    ) -> Looked {
        let Arrivals { sources, destinations, frames, exits } = self;
        let plain = Plain::on::<BRIDGED>(port);
        let (mut admitted, mut octets) = (0, 0);
        let (mut turned_away, mut inline_tags) = (0_u64, 0_u64);
        for (index, (view, place)) in batch.views().zip(&mut *headers).enumerate() {
            octets += view.octets_on_wire();
            let (header, [destination, source]) = match plain.admit(view) {
                Some(plain) => plain,
                None => match judge::<BRIDGED>(batch, index, forwarding, port) {
                    Ok(judged) => {
                        inline_tags |= u64::from(judged.has_inline_tag) << index;
                        (judged.header, stations_of(view.bytes))
                    }
                    Err(exit) => {
                        exits[index] = exit;
                        turned_away |= 1 << index;
                        *place = None;
                        continue;
                    }
                },
            };
            let vlan = header.vlan.get();
            *place = Some(header);
            // Nobody asks the MAC table for what comes in elsewhere.
            if BRIDGED {
                sources[admitted] = Key::new(vlan, source);
                destinations[admitted] = Key::new(vlan, destination);
            }
            frames[admitted] = index as u16;
            admitted += 1;
        }
        for index in places(inline_tags) {
            batch.set_inline_tag(index);
        }
        Looked { admitted, octets: octets as u64, turned_away }
    }

    /// The frames that go no further, in order, and why.
    pub(crate) fn turned_away(&self, looked: &Looked) -> impl Iterator<Item = (u16, Exit)> {
        places(looked.turned_away).map(|index| (index as u16, self.exits[index]))
    }
}

/// The places of the bits that are set.
fn places(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
}

/// A frame that is admitted.
struct Judged {
    header: Header,
    /// There is a tag behind its addresses.
    has_inline_tag: bool,
}

/// Any frame.
// Takes the batch for what it knows of the frame: a view that is handed on has to be in memory, for every frame.
#[inline(never)]
fn judge<const BRIDGED: bool>(
    batch: &Batch,
    index: usize,
    forwarding: &Forwarding,
    port: Option<&PortForwarding>,
) -> Result<Judged, Exit> {
    let port = port.ok_or(DropReason::PortDown)?;
    let View { bytes, tagging, offload } = batch.view(index);
    let frame = Frame::new_checked(bytes).ok_or(DropReason::Runt)?;
    let (destination, source) = (frame.destination(), frame.source());
    let tag = match tagging {
        Tagging::Aside(tci) => Tag::Present(tci),
        Tagging::Untagged | Tagging::Inline => Tag::parse(bytes),
    };
    let has_inline_tag = matches!(tag, Tag::Present(_)) && !matches!(tagging, Tagging::Aside(_));
    let header_len = if has_inline_tag { HEADER_LEN + TAG_LEN } else { HEADER_LEN };
    if offload.wire_len(bytes.len()) > header_len + port.mtu {
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
    Ok(Judged { header: Header { destination, source, vlan, tag: tci.with_vlan(vlan) }, has_inline_tag })
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_base::PortId;
    use greylag_ports::Offload;
    use greylag_wire::ethernet::Repr;

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
        admit(&mut batch, &Forwarding::new(vec![port.clone()], 0x4000), port)
    }

    /// What becomes of the one frame of a batch.
    fn admit(batch: &mut Batch, forwarding: &Forwarding, port: &PortForwarding) -> Result<Header, Exit> {
        let (mut arrivals, mut headers) = (Arrivals::new(), [None; BATCH_FRAMES]);
        let looked = arrivals.look::<true>(batch, forwarding, Some(port), &mut headers);
        match arrivals.turned_away(&looked).next() {
            Some((_, exit)) => Err(exit),
            None => Ok(headers[0].expect("it is admitted, or turned away")),
        }
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
        assert!(admit(&mut batch, &forwarding, &port).is_ok());
        batch.clear();
        batch.commit(60_000, Tagging::Untagged, offload(1461));
        assert_eq!(admit(&mut batch, &forwarding, &port), Err(Exit::Drop(DropReason::Giant)));
    }

    #[test]
    fn the_priority_stays_with_the_frame() {
        let header = admit_on(&trunk(), &tagged(0x6000 | 10)).unwrap();
        assert_eq!(header.tag, Tci(0x6000 | 10));
        let header = admit_on(&trunk(), &tagged(0x6000)).unwrap();
        assert_eq!(header.tag, Tci(0x6000 | 1));
    }

    #[test]
    fn what_is_plain_is_admitted_as_it_would_be_by_the_long_way() {
        let other = MacAddr([2, 0, 0, 0, 0, 9]);
        let stations = [SOURCE, other, MacAddr::ZERO, MacAddr::BROADCAST, MacAddr([1, 0x80, 0xc2, 0, 0, 2])];
        let member = |collecting| Aggregation::Member { lag: PortId(0), collecting };
        let ports = [
            trunk(),
            PortForwarding { untagged: None, ..trunk() },
            PortForwarding { mtu: 100, ..trunk() },
            PortForwarding { aggregation: member(true), ..trunk() },
            PortForwarding { aggregation: member(false), ..trunk() },
        ];
        let super_frame = Offload { gso_type: 1, header_len: 54, segment_len: 1000, ..Offload::NONE };
        let unfinished = Offload { flags: Offload::NEEDS_CHECKSUM, ..Offload::NONE };
        let taggings = [Tagging::Untagged, Tagging::Aside(Tci(10))];
        let mut plain = 0;
        for (port, (destination, source)) in ports.iter().flat_map(|port| {
            let pairs = stations.iter().flat_map(|to| stations.iter().map(move |from| (to, from)));
            pairs.map(move |pair| (port, pair))
        }) {
            let forwarding = Forwarding::new(vec![port.clone()], 0);
            let header = Repr { destination: *destination, source: *source, ether_type: EtherType::IPV4 };
            for (tag, len) in [None, Some(0x6000 | 10), Some(0x6000), Some(4095)]
                .into_iter()
                .flat_map(|tag| [13, 14, 60, 114, 115, 1514, 1515].map(|len| (tag, len)))
            {
                let mut bytes = header.frame(&[7; 1600]);
                if let Some(tag) = tag {
                    bytes.splice(12..12, Tci(tag).to_bytes());
                }
                for (tagging, offload) in taggings
                    .into_iter()
                    .flat_map(|tagging| [Offload::NONE, super_frame, unfinished].map(|work| (tagging, work)))
                {
                    let mut batch = Batch::new();
                    batch.slots().next().unwrap()[..len].copy_from_slice(&bytes[..len]);
                    batch.commit(len, tagging, offload);
                    for (short, long) in [
                        (
                            Plain::on::<true>(Some(port)).admit(batch.view(0)),
                            judge::<true>(&batch, 0, &forwarding, Some(port)),
                        ),
                        (
                            Plain::on::<false>(Some(port)).admit(batch.view(0)),
                            judge::<false>(&batch, 0, &forwarding, Some(port)),
                        ),
                    ] {
                        let Some((header, addresses)) = short else { continue };
                        let judged = long.unwrap_or_else(|exit| panic!("plain, and {exit:?}: {bytes:?}"));
                        assert_eq!((judged.header, judged.has_inline_tag), (header, false));
                        assert_eq!(addresses, stations_of(batch.bytes(0)));
                        plain += 1;
                    }
                }
            }
        }
        assert!(plain > 100, "{plain} frames were plain");
        assert!(Plain::on::<true>(None).admit(whole().view(0)).is_none(), "the port is down");
    }

    fn whole() -> Batch {
        let mut batch = Batch::new();
        batch.push(&frame(SOURCE, MacAddr([2, 0, 0, 0, 0, 9])));
        batch
    }

    #[test]
    fn frames_of_all_kinds_keep_their_order_in_a_batch() {
        let unicast = |source| frame(source, MacAddr([2, 0, 0, 0, 0, 9]));
        let tagged = |vlan| {
            let mut bytes = unicast(SOURCE);
            bytes.splice(12..12, Tci(vlan).to_bytes());
            bytes
        };
        let mut batch = Batch::new();
        for bytes in [unicast(SOURCE), tagged(11), tagged(10), unicast(MacAddr::ZERO), unicast(SOURCE)] {
            batch.push(&bytes);
        }
        let (port, mut arrivals, mut headers) = (trunk(), Arrivals::new(), [None; BATCH_FRAMES]);
        let forwarding = Forwarding::new(vec![port.clone()], 0);
        let looked = arrivals.look::<true>(&mut batch, &forwarding, Some(&port), &mut headers);
        assert_eq!(arrivals.frames[..looked.admitted], [0, 2, 4]);
        assert_eq!(
            arrivals.sources[..looked.admitted].iter().map(|key| key.vlan()).collect::<Vec<_>>(),
            [1, 10, 1]
        );
        assert_eq!(
            [0, 1, 2, 3, 4].map(|frame| headers[frame].map(|header| header.vlan.get())),
            [Some(1), None, Some(10), None, Some(1)]
        );
        assert_eq!(batch.tagging(2), Tagging::Inline);
        assert_eq!(looked.octets, 3 * 60 + 2 * 64);
        let reasons = [(1, DropReason::VlanNotAllowed), (3, DropReason::SourceZero)];
        let reasons = reasons.map(|(frame, reason)| (frame, Exit::Drop(reason)));
        assert_eq!(arrivals.turned_away(&looked).collect::<Vec<_>>(), reasons);
    }
}
