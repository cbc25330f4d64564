//! UPDATE as it comes in: routes, what is said of them, and what becomes of one that is wrong (RFC 4271 6.3, RFC 7606).

use crate::attributes::{Aggregator, AsPath, Attributes, Opaque, Origin, Segment};
use crate::config::{Asn, Family};
use crate::event::{Fault, Mistake, Treatment};
use crate::message::family;
use crate::notification::{self as code, Notification};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netgauze_bgp_pkt::community::Community;
use netgauze_bgp_pkt::path_attribute::{self as wire, AsPathSegmentType};
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::{ParseFrom, ParseFromWithOneInput, ParseFromWithTwoInputs};

pub(crate) const ORIGIN: u8 = 1;
pub(crate) const AS_PATH: u8 = 2;
pub(crate) const NEXT_HOP: u8 = 3;
pub(crate) const MED: u8 = 4;
pub(crate) const LOCAL_PREF: u8 = 5;
pub(crate) const ATOMIC_AGGREGATE: u8 = 6;
pub(crate) const AGGREGATOR: u8 = 7;
pub(crate) const COMMUNITIES: u8 = 8;
const ORIGINATOR_ID: u8 = 9;
const CLUSTER_LIST: u8 = 10;
pub(crate) const MP_REACH_NLRI: u8 = 14;
pub(crate) const MP_UNREACH_NLRI: u8 = 15;
const EXTENDED_COMMUNITIES: u8 = 16;
const AS4_PATH: u8 = 17;
const AS4_AGGREGATOR: u8 = 18;
const LARGE_COMMUNITIES: u8 = 32;

pub(crate) const OPTIONAL: u8 = 0x80;
pub(crate) const TRANSITIVE: u8 = 0x40;
pub(crate) const PARTIAL: u8 = 0x20;
pub(crate) const EXTENDED_LENGTH: u8 = 0x10;

/// What a path attribute has to be, and what becomes of one that is not.
struct Rule {
    kind: u8,
    /// Of the flags, Optional and Transitive.
    flags: u8,
    /// RFC 7606 7; `None` where the session ends.
    wrong: Option<Treatment>,
    /// It means something within a system only, and from another it is passed over.
    internal: bool,
}

const fn rule(kind: u8, flags: u8, wrong: Option<Treatment>) -> Rule {
    Rule { kind, flags, wrong, internal: false }
}

const fn internal(kind: u8, flags: u8) -> Rule {
    Rule { kind, flags, wrong: WITHDRAW, internal: true }
}

const WITHDRAW: Option<Treatment> = Some(Treatment::TreatAsWithdraw);
const DISCARD: Option<Treatment> = Some(Treatment::AttributeDiscard);

const RULES: &[Rule] = &[
    rule(ORIGIN, TRANSITIVE, WITHDRAW),
    rule(AS_PATH, TRANSITIVE, WITHDRAW),
    rule(NEXT_HOP, TRANSITIVE, WITHDRAW),
    rule(MED, OPTIONAL, WITHDRAW),
    internal(LOCAL_PREF, TRANSITIVE),
    rule(ATOMIC_AGGREGATE, TRANSITIVE, DISCARD),
    rule(AGGREGATOR, OPTIONAL | TRANSITIVE, DISCARD),
    rule(COMMUNITIES, OPTIONAL | TRANSITIVE, WITHDRAW),
    internal(ORIGINATOR_ID, OPTIONAL),
    internal(CLUSTER_LIST, OPTIONAL),
    rule(MP_REACH_NLRI, OPTIONAL, None),
    rule(MP_UNREACH_NLRI, OPTIONAL, None),
    rule(EXTENDED_COMMUNITIES, OPTIONAL | TRANSITIVE, WITHDRAW),
    rule(AS4_PATH, OPTIONAL | TRANSITIVE, DISCARD),
    rule(AS4_AGGREGATOR, OPTIONAL | TRANSITIVE, DISCARD),
    rule(LARGE_COMMUNITIES, OPTIONAL | TRANSITIVE, WITHDRAW),
];

/// Whom an UPDATE comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) asn: Asn,
    pub(crate) external: bool,
    /// Routes of others are passed over.
    pub(crate) families: &'a [Family],
    /// Ours towards the neighbor: nobody reaches anything by sending it to himself (RFC 4271 5.1.3).
    pub(crate) own: &'a [IpAddr],
}

/// What an UPDATE says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) withdrawn: Vec<IpNet>,
    /// With the attributes of the routes that go by each next hop.
    pub(crate) announced: Vec<(Attributes, Vec<IpNet>)>,
    pub(crate) mistakes: Vec<Mistake>,
}

/// A path attribute in its frame.
struct Framed<'a> {
    flags: u8,
    kind: u8,
    /// From the length on.
    rest: &'a [u8],
    /// All of it.
    whole: &'a [u8],
    value: &'a [u8],
}

impl<'a> Framed<'a> {
    /// The first of a list; `None` when it ends after the list does.
    fn first(list: &'a [u8]) -> Option<Framed<'a>> {
        let (flags, kind) = (*list.first()?, *list.get(1)?);
        let (header, length) = match flags & EXTENDED_LENGTH {
            0 => (3, usize::from(*list.get(2)?)),
            _ => (4, usize::from(u16::from_be_bytes([*list.get(2)?, *list.get(3)?]))),
        };
        let whole = list.get(..header + length)?;
        Some(Framed { flags, kind, rest: &whole[2..], whole, value: &whole[header..] })
    }

    fn extended(&self) -> bool {
        self.flags & EXTENDED_LENGTH != 0
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    seen: Vec<u8>,
    origin: Option<Origin>,
    as_path: Option<AsPath>,
    next_hop: Option<IpAddr>,
    med: Option<u32>,
    local_pref: Option<u32>,
    atomic_aggregate: bool,
    aggregator: Option<Aggregator>,
    communities: Box<[u32]>,
    others: Vec<Opaque>,
    multiprotocol: Option<(IpAddr, Vec<IpNet>)>,
    withdrawn: Vec<IpNet>,
    mistakes: Vec<Mistake>,
}

/// Reads what follows the header.
///
/// # Errors
/// What the neighbor is told, where the session ends: RFC 7606 leaves that for what makes it uncertain which routes are meant.
pub(crate) fn read(body: &[u8], sender: &Sender<'_>) -> Result<Update, Notification> {
    let malformed = || Notification::new(code::MALFORMED_ATTRIBUTE_LIST, &[]);
    let (withdrawn, rest) = counted(body).ok_or_else(malformed)?;
    let (mut attributes, announced) = counted(rest).ok_or_else(malformed)?;
    let mut reading = Reading::default();
    let speaks = |family| sender.families.contains(&family);
    let announced = read_prefixes(announced, Family::Ipv4Unicast)?;
    if speaks(Family::Ipv4Unicast) {
        reading.withdrawn = read_prefixes(withdrawn, Family::Ipv4Unicast)?;
    }
    while !attributes.is_empty() {
        let Some(framed) = Framed::first(attributes) else {
            reading.mistake(0, Fault::Overrun, Treatment::TreatAsWithdraw);
            break;
        };
        attributes = &attributes[framed.whole.len()..];
        reading.take(&framed, sender)?;
    }
    let announced = if speaks(Family::Ipv4Unicast) { announced } else { Vec::new() };
    Ok(reading.conclude(announced, sender))
}

/// What a length of two octets counts, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// RFC 4271 6.3 and RFC 7606 5.3: a prefix that is too long ends the session; one that is no unicast prefix is passed over.
fn read_prefixes(bytes: &[u8], family: Family) -> Result<Vec<IpNet>, Notification> {
    let mut prefixes = Vec::new();
    let mut bytes = SliceReader::new(bytes);
    while !bytes.is_empty() {
        let read = match family {
            Family::Ipv4Unicast => <Ipv4Net as ParseFrom>::parse(&mut bytes).ok().map(IpNet::from),
            Family::Ipv6Unicast => <Ipv6Net as ParseFrom>::parse(&mut bytes).ok().map(IpNet::from),
        };
        let prefix = read.ok_or_else(|| Notification::new(code::INVALID_NETWORK_FIELD, &[]))?;
        if !prefix.network().is_multicast() {
            prefixes.push(prefix.trunc());
        }
    }
    Ok(prefixes)
}

impl Reading {
    fn mistake(&mut self, attribute: u8, fault: Fault, treatment: Treatment) {
        self.mistakes.push(Mistake { attribute, fault, treatment });
    }

    fn take(&mut self, framed: &Framed<'_>, sender: &Sender<'_>) -> Result<(), Notification> {
        let kind = framed.kind;
        if self.seen.contains(&kind) {
            // RFC 7606 3 g.
            if [MP_REACH_NLRI, MP_UNREACH_NLRI].contains(&kind) {
                return Err(Notification::new(code::MALFORMED_ATTRIBUTE_LIST, &[]));
            }
            self.mistake(kind, Fault::Twice, Treatment::AttributeDiscard);
            return Ok(());
        }
        self.seen.push(kind);
        let Some(rule) = RULES.iter().find(|rule| rule.kind == kind) else {
            return self.take_unknown(framed);
        };
        if rule.internal && sender.external {
            self.mistake(kind, Fault::Foreign, Treatment::AttributeDiscard);
            return Ok(());
        }
        if framed.flags & (OPTIONAL | TRANSITIVE) != rule.flags {
            // RFC 7606 3 c. The routes of MP_REACH_NLRI have to be known to be withdrawn.
            self.mistake(kind, Fault::Flags, Treatment::TreatAsWithdraw);
            if rule.wrong.is_some() {
                return Ok(());
            }
        }
        match (rule.wrong, self.take_known(framed, sender)) {
            (_, Some(())) => Ok(()),
            (Some(treatment), None) => {
                self.mistake(kind, Fault::Malformed, treatment);
                Ok(())
            }
            (None, None) => Err(Notification::new(code::OPTIONAL_ATTRIBUTE, framed.whole)),
        }
    }

    /// RFC 4271 5 and 6.3: what is well-known has to be known; what is not transitive ends here.
    fn take_unknown(&mut self, framed: &Framed<'_>) -> Result<(), Notification> {
        if framed.flags & OPTIONAL == 0 {
            return Err(Notification::new(code::UNRECOGNIZED_WELL_KNOWN, framed.whole));
        }
        if framed.flags & TRANSITIVE != 0 {
            self.others.push(Opaque { kind: framed.kind, partial: true, value: framed.value.into() });
        }
        Ok(())
    }

    /// `None` for what makes no sense.
    fn take_known(&mut self, framed: &Framed<'_>, sender: &Sender<'_>) -> Option<()> {
        let (rest, extended) = (&mut SliceReader::new(framed.rest), framed.extended());
        match framed.kind {
            ORIGIN => {
                self.origin = Some(match wire::Origin::parse(rest, extended).ok()? {
                    wire::Origin::IGP => Origin::Igp,
                    wire::Origin::EGP => Origin::Egp,
                    wire::Origin::Incomplete => Origin::Incomplete,
                });
            }
            AS_PATH => self.as_path = Some(read_path(&wire::AsPath::parse(rest, extended, true).ok()?)?),
            NEXT_HOP => {
                let next_hop = IpAddr::V4(wire::NextHop::parse(rest, extended).ok()?.next_hop());
                self.next_hop = Some(next_hop).filter(|hop| is_a_next_hop(*hop, sender));
                self.next_hop?;
            }
            MED => self.med = Some(wire::MultiExitDiscriminator::parse(rest, extended).ok()?.metric()),
            LOCAL_PREF => self.local_pref = Some(wire::LocalPreference::parse(rest, extended).ok()?.metric()),
            ATOMIC_AGGREGATE => {
                wire::AtomicAggregate::parse(rest, extended).ok()?;
                self.atomic_aggregate = true;
            }
            AGGREGATOR => match wire::Aggregator::parse(rest, extended, true).ok()? {
                wire::Aggregator::As4Aggregator(says) => {
                    self.aggregator = Some(Aggregator { asn: Asn(*says.asn()), address: says.origin() });
                }
                wire::Aggregator::As2Aggregator(_) => return None,
            },
            COMMUNITIES => {
                // RFC 7606 7.8.
                whole_units(framed.value, 4)?;
                let communities = wire::Communities::parse(rest, extended).ok()?;
                self.communities = communities.communities().iter().map(Community::value).collect();
            }
            ORIGINATOR_ID => return (framed.value.len() == 4).then_some(()),
            CLUSTER_LIST => return whole_units(framed.value, 4),
            EXTENDED_COMMUNITIES => return self.pass(framed, 8),
            LARGE_COMMUNITIES => return self.pass(framed, 12),
            MP_REACH_NLRI => return self.take_reach(framed.value, sender),
            MP_UNREACH_NLRI => {
                let (header, prefixes) = framed.value.split_first_chunk::<3>()?;
                if let Some(family) = spoken(*header, sender) {
                    self.withdrawn.extend(read_prefixes(prefixes, family).ok()?);
                }
            }
            // RFC 6793 4.1: who knows numbers of four octets does not say them twice.
            _ => {}
        }
        Some(())
    }

    fn pass(&mut self, framed: &Framed<'_>, unit: usize) -> Option<()> {
        whole_units(framed.value, unit)?;
        let partial = framed.flags & PARTIAL != 0;
        self.others.push(Opaque { kind: framed.kind, partial, value: framed.value.into() });
        Some(())
    }

    /// RFC 4760 3, RFC 2545 3.
    fn take_reach(&mut self, value: &[u8], sender: &Sender<'_>) -> Option<()> {
        let (header, rest) = value.split_first_chunk::<3>()?;
        let (length, rest) = rest.split_first()?;
        let (next_hop, rest) = rest.split_at_checked((*length).into())?;
        // A reserved octet, which says nothing.
        let (_, prefixes) = rest.split_first()?;
        let Some(family) = spoken(*header, sender) else { return Some(()) };
        let next_hop = match (family, next_hop.len()) {
            (Family::Ipv4Unicast, 4) => IpAddr::V4(Ipv4Addr::from(*next_hop.first_chunk::<4>()?)),
            // The second of two is the link-local one, for who is on the same link.
            (Family::Ipv6Unicast, 16 | 32) => IpAddr::V6(Ipv6Addr::from(*next_hop.first_chunk::<16>()?)),
            _ => return None,
        };
        let prefixes = read_prefixes(prefixes, family).ok()?;
        if !is_a_next_hop(next_hop, sender) {
            self.mistake(MP_REACH_NLRI, Fault::Malformed, Treatment::TreatAsWithdraw);
        }
        self.multiprotocol = Some((next_hop, prefixes));
        Some(())
    }

    /// Puts the parts together, or takes back what is announced.
    fn conclude(mut self, announced: Vec<IpNet>, sender: &Sender<'_>) -> Update {
        let reach = self.multiprotocol.take();
        if reach.is_some() || !announced.is_empty() {
            self.require(!announced.is_empty(), sender);
        }
        let mut update = Update { withdrawn: self.withdrawn, announced: Vec::new(), mistakes: self.mistakes };
        let withdraws = |mistake: &Mistake| mistake.treatment == Treatment::TreatAsWithdraw;
        if update.mistakes.iter().any(withdraws) {
            update.withdrawn.extend(announced);
            update.withdrawn.extend(reach.into_iter().flat_map(|(_, prefixes)| prefixes));
            return update;
        }
        let (Some(origin), Some(as_path)) = (self.origin, self.as_path) else { return update };
        self.others.sort();
        let attributes = Attributes {
            origin,
            as_path,
            next_hop: self.next_hop,
            med: self.med,
            local_pref: self.local_pref,
            atomic_aggregate: self.atomic_aggregate,
            aggregator: self.aggregator,
            communities: self.communities,
            others: self.others.into(),
        };
        if let Some((next_hop, prefixes)) = reach.filter(|(_, prefixes)| !prefixes.is_empty()) {
            update.announced.push((Attributes { next_hop: Some(next_hop), ..attributes.clone() }, prefixes));
        }
        if !announced.is_empty() {
            update.announced.push((attributes, announced));
        }
        update
    }

    /// RFC 7606 3 d: what has to be there; and the neighbor's own system has to be the first of the path (RFC 4271 6.3).
    fn require(&mut self, classic: bool, sender: &Sender<'_>) {
        let needed: &[u8] = if classic { &[ORIGIN, AS_PATH, NEXT_HOP] } else { &[ORIGIN, AS_PATH] };
        for kind in needed.iter().filter(|kind| !self.seen.contains(kind)).copied().collect::<Vec<u8>>() {
            self.mistake(kind, Fault::Missing, Treatment::TreatAsWithdraw);
        }
        let first = self.as_path.as_ref().map(AsPath::neighbor);
        if sender.external && first.is_some_and(|first| first != Some(sender.asn)) {
            self.mistake(AS_PATH, Fault::Malformed, Treatment::TreatAsWithdraw);
        }
    }
}

fn spoken([high, low, safi]: [u8; 3], sender: &Sender<'_>) -> Option<Family> {
    family(u16::from_be_bytes([high, low]), safi).filter(|family| sender.families.contains(family))
}

fn whole_units(value: &[u8], unit: usize) -> Option<()> {
    (!value.is_empty() && value.len().is_multiple_of(unit)).then_some(())
}

/// RFC 4271 6.3, as far as it does not take knowing the link.
fn is_a_next_hop(address: IpAddr, sender: &Sender<'_>) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    let nobody = address.is_unspecified() || address.is_multicast() || address.is_loopback() || broadcast;
    !nobody && !sender.own.contains(&address)
}

/// `None` for a system that is none (RFC 7607). A confederation's segments, which stay within it (RFC 5065 5), are not read at all.
fn read_path(path: &wire::AsPath) -> Option<AsPath> {
    let wire::AsPath::As4PathSegments(segments) = path else { return None };
    let segments = segments.iter().map(|segment| {
        let systems: Box<[Asn]> = segment.as_numbers().iter().copied().map(Asn).collect();
        match segment.segment_type() {
            _ if systems.contains(&Asn(0)) => None,
            AsPathSegmentType::AsSequence => Some(Segment::Sequence(systems)),
            AsPathSegmentType::AsSet => Some(Segment::Set(systems)),
        }
    });
    segments.collect::<Option<Box<[Segment]>>>().map(AsPath)
}
