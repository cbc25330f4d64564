//! Parameters about bundles (RFC 7275 7.2).

use super::LONGEST_NAME;
use super::parameter::{Malformed, Reader, cut};
use crate::lacp::{Flags, Participant, SystemId};
use greylag_base::{MacAddr, Mbps};

/// Which of the chassis one is, from 0 to 7 (RFC 7275 7.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(u8);

impl Node {
    /// `None` where there is no such node.
    pub const fn new(id: u8) -> Option<Node> {
        if id < 8 { Some(Node(id)) } else { None }
    }

    /// From 0 to 7.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The highest bit is always set; the lower four leave room for port numbers.
    const fn octet(self) -> u8 {
        0x80 | self.0 << 4
    }
}

/// The chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemConfig {
    /// As a system of LACP.
    pub system: SystemId,
    /// Which of the chassis.
    pub node: Node,
}

impl SystemConfig {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (system, octet) = (value.system()?, value.octet()?);
        value.ensure(octet & 0x80 != 0)?;
        Ok(SystemConfig { system, node: Node(octet >> 4 & 7) })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        put_system(octets, self.system);
        octets.push(self.node.octet());
    }
}

/// What goes with a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigFlags(pub u8);

impl ConfigFlags {
    /// Nothing of its kind follows.
    pub const SYNCHRONIZED: ConfigFlags = ConfigFlags(0x01);
    /// It is no longer there.
    pub const PURGE: ConfigFlags = ConfigFlags(0x02);
    /// The priority is valid.
    pub const PRIORITY_SET: ConfigFlags = ConfigFlags(0x04);

    /// Are all of `flags` set?
    pub const fn has(self, flags: ConfigFlags) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// How an interface or a bundle is (RFC 7275 7.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperState {
    /// 0.
    Up,
    /// 1.
    Down,
    /// 2: an operator wants it down.
    AdminDown,
    /// 3.
    Test,
}

impl OperState {
    const ALL: [OperState; 4] = [OperState::Up, OperState::Down, OperState::AdminDown, OperState::Test];

    fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        let octet = value.octet()?;
        OperState::ALL.get(usize::from(octet)).copied().ok_or(Malformed::Parameter(value.kind))
    }
}

/// What LACP has decided over a port (IEEE 802.1AX-2014 6.4.8), in the order in which the standard names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// 0.
    Selected,
    /// 1.
    Unselected,
    /// 2.
    Standby,
}

impl Selected {
    const ALL: [Selected; 3] = [Selected::Selected, Selected::Unselected, Selected::Standby];
}

/// A port, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Its LACP port number.
    pub number: u16,
    /// Its address.
    pub mac: MacAddr,
    /// Its key.
    pub key: u16,
    /// Its LACP priority, where [`ConfigFlags::PRIORITY_SET`] is set.
    pub priority: u16,
    /// Its speed.
    pub speed: Mbps,
    /// What goes with it.
    pub flags: ConfigFlags,
    /// What the chassis calls it; at most [`LONGEST_NAME`] octets are sent.
    pub name: String,
}

impl PortConfig {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(PortConfig {
            number: value.word()?,
            mac: value.mac()?,
            key: value.word()?,
            priority: value.word()?,
            speed: Mbps(u32::from_be_bytes(value.take()?)),
            flags: ConfigFlags(value.octet()?),
            name: value.name()?,
        })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.number.to_be_bytes());
        octets.extend_from_slice(&self.mac.0);
        put_words(octets, &[self.key, self.priority]);
        octets.extend_from_slice(&self.speed.0.to_be_bytes());
        octets.push(self.flags.0);
        put_name(octets, &self.name);
    }
}

/// Priorities of ports change, or shall (RFC 7275 7.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortPriority {
    /// 0: it has changed; 1: the receiver shall change its own.
    pub opcode: u16,
    /// Of which port; 0 for all of the bundle.
    pub port: u16,
    /// Of which bundle.
    pub aggregator: u16,
    /// Before.
    pub last: u16,
    /// After.
    pub current: u16,
}

impl PortPriority {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(PortPriority {
            opcode: value.word()?,
            port: value.word()?,
            aggregator: value.word()?,
            last: value.word()?,
            current: value.word()?,
        })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        put_words(octets, &[self.opcode, self.port, self.aggregator, self.last, self.current]);
    }
}

/// A port, as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortState {
    /// The other end of the link.
    pub partner: Participant,
    /// Its own LACP flags.
    pub flags: Flags,
    /// Its LACP port number.
    pub number: u16,
    /// Its key.
    pub key: u16,
    /// What LACP has decided over it.
    pub selected: Selected,
    /// Is there a link?
    pub state: OperState,
    /// Of which bundle.
    pub aggregator: u16,
}

impl PortState {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        let system = value.system()?;
        let (port, port_priority, key) = (value.word()?, value.word()?, value.word()?);
        let partner = Participant { system, key, port_priority, port, flags: Flags(value.octet()?) };
        let (flags, number, key) = (Flags(value.octet()?), value.word()?, value.word()?);
        let octet = usize::from(value.octet()?);
        let selected = *Selected::ALL.get(octet).ok_or(Malformed::Parameter(value.kind))?;
        let (state, aggregator) = (OperState::parse(value)?, value.word()?);
        Ok(PortState { partner, flags, number, key, selected, state, aggregator })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        let partner = &self.partner;
        put_system(octets, partner.system);
        put_words(octets, &[partner.port, partner.port_priority, partner.key]);
        octets.extend_from_slice(&[partner.flags.0, self.flags.0]);
        put_words(octets, &[self.number, self.key]);
        octets.extend_from_slice(&[self.selected as u8, self.state as u8]);
        put_words(octets, &[self.aggregator]);
    }
}

/// A bundle, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregatorConfig {
    /// What is redundant by having this bundle on several chassis.
    pub object_id: u64,
    /// The bundle.
    pub id: u16,
    /// Its address.
    pub mac: MacAddr,
    /// Its key.
    pub key: u16,
    /// The LACP priority of all its ports, where [`ConfigFlags::PRIORITY_SET`] is set.
    pub member_priority: u16,
    /// What goes with it.
    pub flags: ConfigFlags,
    /// What the chassis calls it; at most [`LONGEST_NAME`] octets are sent.
    pub name: String,
}

impl AggregatorConfig {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(AggregatorConfig {
            object_id: u64::from_be_bytes(value.take()?),
            id: value.word()?,
            mac: value.mac()?,
            key: value.word()?,
            member_priority: value.word()?,
            flags: ConfigFlags(value.octet()?),
            name: value.name()?,
        })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend_from_slice(&self.object_id.to_be_bytes());
        put_words(octets, &[self.id]);
        octets.extend_from_slice(&self.mac.0);
        put_words(octets, &[self.key, self.member_priority]);
        octets.push(self.flags.0);
        put_name(octets, &self.name);
    }
}

/// A bundle, as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregatorState {
    /// Whom it is connected to.
    pub partner: SystemId,
    /// That system's key.
    pub partner_key: u16,
    /// The bundle.
    pub id: u16,
    /// Its key.
    pub key: u16,
    /// Does it pass frames?
    pub state: OperState,
}

impl AggregatorState {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(AggregatorState {
            partner: value.system()?,
            partner_key: value.word()?,
            id: value.word()?,
            key: value.word()?,
            state: OperState::parse(value)?,
        })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        put_system(octets, self.partner);
        put_words(octets, &[self.partner_key, self.id, self.key]);
        octets.push(self.state as u8);
    }
}

/// Of what somebody wants to be told (RFC 7275 7.2.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncWhat {
    /// 0: the chassis.
    System,
    /// 1: bundles.
    Aggregator,
    /// 2: ports.
    Port,
    /// 0x3fff: everything.
    All,
    /// Another.
    Other(u16),
}

impl SyncWhat {
    fn from_code(code: u16) -> SyncWhat {
        match code & 0x3fff {
            0 => SyncWhat::System,
            1 => SyncWhat::Aggregator,
            2 => SyncWhat::Port,
            0x3fff => SyncWhat::All,
            other => SyncWhat::Other(other),
        }
    }

    fn code(self) -> u16 {
        match self {
            SyncWhat::System => 0,
            SyncWhat::Aggregator => 1,
            SyncWhat::Port => 2,
            SyncWhat::All => 0x3fff,
            SyncWhat::Other(other) => other & 0x3fff,
        }
    }
}

/// What the sender wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// By what the answer is recognised.
    pub number: u16,
    /// C: how it is configured.
    pub config: bool,
    /// S: how it is.
    pub state: bool,
    /// Of what.
    pub what: SyncWhat,
    /// Of which port or bundle; 0 for all.
    pub object: u16,
    /// Of all with this key, where `object` is 0.
    pub key: u16,
}

impl SyncRequest {
    pub(super) fn parse(value: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (number, bits) = (value.word()?, value.word()?);
        Ok(SyncRequest {
            number,
            config: bits & 0x8000 != 0,
            state: bits & 0x4000 != 0,
            what: SyncWhat::from_code(bits),
            object: value.word()?,
            key: value.word()?,
        })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        let bits = u16::from(self.config) << 15 | u16::from(self.state) << 14 | self.what.code();
        put_words(octets, &[self.number, bits, self.object, self.key]);
    }
}

fn put_words(octets: &mut Vec<u8>, words: &[u16]) {
    words.iter().for_each(|word| octets.extend_from_slice(&word.to_be_bytes()));
}

fn put_system(octets: &mut Vec<u8>, system: SystemId) {
    octets.extend_from_slice(&system.mac.0);
    put_words(octets, &[system.priority]);
}

fn put_name(octets: &mut Vec<u8>, name: &str) {
    let name = cut(name, LONGEST_NAME);
    octets.push(name.len() as u8);
    octets.extend_from_slice(name.as_bytes());
}
