//! Parameters: the values in a message (RFC 7275 6.4).

use super::message::Tlv;
use super::mlacp::{
    AggregatorConfig, AggregatorState, PortConfig, PortPriority, PortState, SyncRequest, SystemConfig,
};
use super::private::{self, IrbMac, MacEntry, VlanList};
use super::{LONGEST_SENDER_NAME, Status};
use crate::lacp::SystemId;
use greylag_base::MacAddr;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The numbers of parameters, of 14 bits.
pub mod kind {
    /// ICC Sender Name.
    pub const SENDER_NAME: u16 = 0x0001;
    /// NAK.
    pub const NAK: u16 = 0x0002;
    /// Requested Protocol Version.
    pub const REQUESTED_VERSION: u16 = 0x0003;
    /// Disconnect Code.
    pub const DISCONNECT_CODE: u16 = 0x0004;
    /// ICC RG ID, the first parameter of every message of ICCP's own.
    pub const REDUNDANCY_GROUP: u16 = 0x0005;
    /// PW-RED Connect: an application that nobody here has.
    pub const PW_RED_CONNECT: u16 = 0x0010;
    /// mLACP Connect.
    pub const MLACP_CONNECT: u16 = 0x0030;
    /// mLACP Disconnect.
    pub const MLACP_DISCONNECT: u16 = 0x0031;
    /// mLACP System Config.
    pub const SYSTEM_CONFIG: u16 = 0x0032;
    /// mLACP Port Config.
    pub const PORT_CONFIG: u16 = 0x0033;
    /// mLACP Port Priority.
    pub const PORT_PRIORITY: u16 = 0x0034;
    /// mLACP Port State.
    pub const PORT_STATE: u16 = 0x0035;
    /// mLACP Aggregator Config.
    pub const AGGREGATOR_CONFIG: u16 = 0x0036;
    /// mLACP Aggregator State.
    pub const AGGREGATOR_STATE: u16 = 0x0037;
    /// mLACP Synchronization Request.
    pub const SYNC_REQUEST: u16 = 0x0038;
    /// mLACP Synchronization Data.
    pub const SYNC_DATA: u16 = 0x0039;
    /// mLACP Disconnect Cause, within mLACP Disconnect.
    pub const MLACP_DISCONNECT_CAUSE: u16 = 0x003b;
    /// LDP's Common Session Parameters (RFC 5036 3.5.3).
    pub const COMMON_SESSION: u16 = 0x0500;
    /// LDP's ICCP Capability (RFC 7275 4.2.1).
    pub const CAPABILITY: u16 = 0x0700;
    /// Ours: as whom a bundle speaks LACP.
    pub const AGGREGATOR_SYSTEM: u16 = 0x3a01;
    /// Ours: MAC addresses of stations.
    pub const MACS: u16 = 0x3a02;
    /// Ours: MAC addresses of the switches' own interfaces.
    pub const IRB_MACS: u16 = 0x3a03;
    /// Ours: the sender isolates as this bundle of the receiver asks for.
    pub const ACKNOWLEDGE: u16 = 0x3a04;
    /// Ours: VLANs of a bundle, or of the link between the chassis.
    pub const VLANS: u16 = 0x3a05;
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Malformed {
    /// It is shorter than what it has to have.
    CutShort,
    /// This parameter ends after the message does.
    Overrun(u16),
    /// It does not begin with the redundancy group.
    NoRedundancyGroup,
    /// This parameter is longer or shorter than it can be, or holds what makes no sense.
    Parameter(u16),
}

impl fmt::Display for Malformed {
    /// In a few words, with the number of the parameter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::CutShort => f.write_str("a message is cut short"),
            Malformed::Overrun(kind) => write!(f, "parameter {kind:#06x} ends after its message"),
            Malformed::NoRedundancyGroup => f.write_str("a message has no redundancy group"),
            Malformed::Parameter(kind) => write!(f, "parameter {kind:#06x} makes no sense"),
        }
    }
}

/// What version of which application is wanted (RFC 7275 6.4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedVersion {
    /// The number of the application's Connect parameter; 0 for ICCP itself.
    pub connection: u16,
    /// The version.
    pub version: u16,
}

/// A parameter as a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// Whom the message is from, for people.
    SenderName(String),
    /// A message was refused.
    Nak {
        /// Why.
        status: Status,
        /// Which, by its id.
        message: u32,
        /// With [`Status::IncompatibleVersion`]: what would not have been refused.
        requested: Option<RequestedVersion>,
    },
    /// What version of which application is wanted.
    RequestedVersion(RequestedVersion),
    /// Why the sender disconnects.
    DisconnectCode(Status),
    /// LDP's: how long the sender waits for something to be said, in seconds.
    CommonSession {
        /// So many seconds.
        keepalive_time: u16,
    },
    /// LDP's: the sender speaks ICCP.
    Capability {
        /// S: it does, rather than does no more.
        advertised: bool,
        /// Major and minor.
        version: (u8, u8),
    },
    /// mLACP asks for a connection.
    MlacpConnect {
        /// Of mLACP.
        version: u16,
        /// A: the receiver's own Connect is accepted.
        accepted: bool,
    },
    /// mLACP ends its connection.
    MlacpDisconnect {
        /// Why, for people.
        cause: Option<String>,
    },
    /// The chassis.
    SystemConfig(SystemConfig),
    /// A port, as configured.
    PortConfig(PortConfig),
    /// Priorities of ports change, or shall.
    PortPriority(PortPriority),
    /// A port, as it is.
    PortState(PortState),
    /// A bundle, as configured.
    AggregatorConfig(AggregatorConfig),
    /// A bundle, as it is.
    AggregatorState(AggregatorState),
    /// What the sender wants to be told.
    SyncRequest(SyncRequest),
    /// What was asked for begins or ends here.
    SyncData {
        /// The request's number; 0 where nobody has asked.
        number: u16,
        /// Ends, rather than begins.
        end: bool,
    },
    /// Ours: as whom a bundle speaks LACP.
    AggregatorSystem {
        /// The bundle's.
        id: u16,
        /// As whom.
        system: SystemId,
    },
    /// Ours: where the sender has addresses of stations.
    Macs(Vec<MacEntry>),
    /// Ours: which addresses the sender routes for.
    IrbMacs(Vec<IrbMac>),
    /// Ours: the sender isolates as this bundle of the receiver asks for.
    Acknowledge {
        /// The bundle's.
        id: u16,
        /// The message that said how it is.
        serial: u32,
    },
    /// Ours: which VLANs the sender carries there.
    Vlans {
        /// The bundle's; `None` for the link between the chassis.
        id: Option<u16>,
        /// All of them.
        list: VlanList,
    },
    /// One that is not known here.
    Unknown {
        /// U.
        ignorable: bool,
        /// F.
        forward: bool,
        /// Which.
        kind: u16,
        /// What it says.
        value: Vec<u8>,
    },
}

impl Parameter {
    /// Reads one.
    ///
    /// # Errors
    /// When it is known and makes no sense.
    pub fn parse(tlv: &Tlv<'_>) -> Result<Self, Malformed> {
        let mut value = Reader { kind: tlv.kind, rest: tlv.value };
        let parameter = match tlv.kind {
            kind::SENDER_NAME => Parameter::SenderName(value.text_to_the_end()?),
            kind::NAK => nak(&mut value)?,
            kind::REQUESTED_VERSION => Parameter::RequestedVersion(requested(&mut value)?),
            kind::DISCONNECT_CODE => {
                let status = Status::from_code(u32::from_be_bytes(value.take()?));
                // What follows is for the application that is told.
                value.rest = &[];
                Parameter::DisconnectCode(status)
            }
            kind::COMMON_SESSION => common_session(&mut value)?,
            kind::CAPABILITY => {
                let [s, _, major, minor] = value.take()?;
                Parameter::Capability { advertised: s & 0x80 != 0, version: (major, minor) }
            }
            kind::MLACP_CONNECT => {
                let (version, a) = (value.word()?, value.word()?);
                Parameter::MlacpConnect { version, accepted: a & 0x8000 != 0 }
            }
            kind::MLACP_DISCONNECT => Parameter::MlacpDisconnect { cause: cause(&mut value)? },
            kind::SYSTEM_CONFIG => Parameter::SystemConfig(SystemConfig::parse(&mut value)?),
            kind::PORT_CONFIG => Parameter::PortConfig(PortConfig::parse(&mut value)?),
            kind::PORT_PRIORITY => Parameter::PortPriority(PortPriority::parse(&mut value)?),
            kind::PORT_STATE => Parameter::PortState(PortState::parse(&mut value)?),
            kind::AGGREGATOR_CONFIG => Parameter::AggregatorConfig(AggregatorConfig::parse(&mut value)?),
            kind::AGGREGATOR_STATE => Parameter::AggregatorState(AggregatorState::parse(&mut value)?),
            kind::SYNC_REQUEST => Parameter::SyncRequest(SyncRequest::parse(&mut value)?),
            kind::SYNC_DATA => {
                let (number, flags) = (value.word()?, value.word()?);
                value.ensure(flags <= 1)?;
                Parameter::SyncData { number, end: flags == 1 }
            }
            kind::AGGREGATOR_SYSTEM => {
                Parameter::AggregatorSystem { id: value.word()?, system: value.system()? }
            }
            kind::MACS => Parameter::Macs(private::macs(&mut value)?),
            kind::IRB_MACS => Parameter::IrbMacs(private::irb_macs(&mut value)?),
            kind::ACKNOWLEDGE => {
                let (id, serial) = (value.word()?, u32::from_be_bytes(value.take()?));
                Parameter::Acknowledge { id, serial }
            }
            kind::VLANS => {
                let id = value.word()?;
                Parameter::Vlans { id: (id != 0).then_some(id), list: private::vlans(&mut value)? }
            }
            unknown => {
                let Tlv { ignorable, forward, value, .. } = *tlv;
                let value = value.to_vec();
                return Ok(Parameter::Unknown { ignorable, forward, kind: unknown, value });
            }
        };
        value.ensure(value.rest.is_empty())?;
        Ok(parameter)
    }

    /// Its number.
    pub fn kind(&self) -> u16 {
        match self {
            Parameter::SenderName(_) => kind::SENDER_NAME,
            Parameter::Nak { .. } => kind::NAK,
            Parameter::RequestedVersion(_) => kind::REQUESTED_VERSION,
            Parameter::DisconnectCode(_) => kind::DISCONNECT_CODE,
            Parameter::CommonSession { .. } => kind::COMMON_SESSION,
            Parameter::Capability { .. } => kind::CAPABILITY,
            Parameter::MlacpConnect { .. } => kind::MLACP_CONNECT,
            Parameter::MlacpDisconnect { .. } => kind::MLACP_DISCONNECT,
            Parameter::SystemConfig(_) => kind::SYSTEM_CONFIG,
            Parameter::PortConfig(_) => kind::PORT_CONFIG,
            Parameter::PortPriority(_) => kind::PORT_PRIORITY,
            Parameter::PortState(_) => kind::PORT_STATE,
            Parameter::AggregatorConfig(_) => kind::AGGREGATOR_CONFIG,
            Parameter::AggregatorState(_) => kind::AGGREGATOR_STATE,
            Parameter::SyncRequest(_) => kind::SYNC_REQUEST,
            Parameter::SyncData { .. } => kind::SYNC_DATA,
            Parameter::AggregatorSystem { .. } => kind::AGGREGATOR_SYSTEM,
            Parameter::Macs(_) => kind::MACS,
            Parameter::IrbMacs(_) => kind::IRB_MACS,
            Parameter::Acknowledge { .. } => kind::ACKNOWLEDGE,
            Parameter::Vlans { .. } => kind::VLANS,
            Parameter::Unknown { kind, .. } => *kind,
        }
    }

    /// U: those that only we know may be passed over by others (RFC 5561 wants it of a capability too).
    fn ignorable(&self) -> bool {
        match self {
            Parameter::Unknown { ignorable, .. } => *ignorable,
            known => known.kind() >= kind::AGGREGATOR_SYSTEM || known.kind() == kind::CAPABILITY,
        }
    }

    /// Writes it behind what is there.
    pub fn emit(&self, octets: &mut Vec<u8>) {
        let forward = matches!(self, Parameter::Unknown { forward: true, .. });
        let bits = u16::from(self.ignorable()) << 15 | u16::from(forward) << 14 | self.kind() & 0x3fff;
        emit_tlv(bits, octets, |octets| self.emit_value(octets));
    }

    fn emit_value(&self, octets: &mut Vec<u8>) {
        let mut put = |more: &[u8]| octets.extend_from_slice(more);
        match self {
            Parameter::SenderName(name) => put(cut(name, LONGEST_SENDER_NAME).as_bytes()),
            Parameter::Nak { status, message, requested } => {
                put(&status.code().to_be_bytes());
                put(&message.to_be_bytes());
                if let Some(requested) = requested {
                    Parameter::RequestedVersion(*requested).emit(octets);
                }
            }
            Parameter::RequestedVersion(RequestedVersion { connection, version }) => {
                put(&[connection.to_be_bytes(), version.to_be_bytes()].concat());
            }
            Parameter::DisconnectCode(status) => put(&status.code().to_be_bytes()),
            Parameter::CommonSession { keepalive_time } => {
                put(&[0, 1]);
                put(&keepalive_time.to_be_bytes());
                // Flags, PVLim, the greatest PDU by default, and no label space of the receiver.
                put(&[0; 10]);
            }
            Parameter::Capability { advertised, version: (major, minor) } => {
                put(&[u8::from(*advertised) << 7, 0, *major, *minor]);
            }
            Parameter::MlacpConnect { version, accepted } => {
                put(&[version.to_be_bytes(), (u16::from(*accepted) << 15).to_be_bytes()].concat());
            }
            Parameter::MlacpDisconnect { cause } => {
                if let Some(cause) = cause {
                    emit_tlv(kind::MLACP_DISCONNECT_CAUSE, octets, |octets| {
                        octets.extend_from_slice(cut(cause, LONGEST_SENDER_NAME).as_bytes());
                    });
                }
            }
            Parameter::SystemConfig(system) => system.emit(octets),
            Parameter::PortConfig(port) => port.emit(octets),
            Parameter::PortPriority(priority) => priority.emit(octets),
            Parameter::PortState(port) => port.emit(octets),
            Parameter::AggregatorConfig(aggregator) => aggregator.emit(octets),
            Parameter::AggregatorState(aggregator) => aggregator.emit(octets),
            Parameter::SyncRequest(request) => request.emit(octets),
            Parameter::SyncData { number, end } => {
                put(&[number.to_be_bytes(), u16::from(*end).to_be_bytes()].concat());
            }
            Parameter::AggregatorSystem { id, system } => {
                put(&id.to_be_bytes());
                put(&system.mac.0);
                put(&system.priority.to_be_bytes());
            }
            Parameter::Macs(entries) => entries.iter().for_each(|entry| entry.emit(octets)),
            Parameter::IrbMacs(entries) => entries.iter().for_each(|entry| entry.emit(octets)),
            Parameter::Acknowledge { id, serial } => {
                put(&id.to_be_bytes());
                put(&serial.to_be_bytes());
            }
            Parameter::Vlans { id, list } => {
                put(&id.unwrap_or(0).to_be_bytes());
                list.emit(octets);
            }
            Parameter::Unknown { value, .. } => put(value),
        }
    }
}

/// The first octets of a text that are a text, and no more than so many.
pub(super) fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

fn emit_tlv(bits: u16, octets: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    octets.extend_from_slice(&bits.to_be_bytes());
    let at = octets.len();
    octets.extend_from_slice(&[0, 0]);
    value(octets);
    let length = u16::try_from(octets.len() - at - 2).expect("a parameter has at most 65535 octets");
    octets[at..at + 2].copy_from_slice(&length.to_be_bytes());
}

fn nak(value: &mut Reader<'_>) -> Result<Parameter, Malformed> {
    let status = Status::from_code(u32::from_be_bytes(value.take()?));
    let message = u32::from_be_bytes(value.take()?);
    let mut version = None;
    while let Some((tlv, rest)) = Tlv::split(value.rest)? {
        value.rest = rest;
        if tlv.kind == kind::REQUESTED_VERSION {
            version = Some(requested(&mut Reader { kind: tlv.kind, rest: tlv.value })?);
        }
    }
    Ok(Parameter::Nak { status, message, requested: version })
}

fn requested(value: &mut Reader<'_>) -> Result<RequestedVersion, Malformed> {
    Ok(RequestedVersion { connection: value.word()?, version: value.word()? })
}

/// RFC 5036 3.5.3.
fn common_session(value: &mut Reader<'_>) -> Result<Parameter, Malformed> {
    let (version, keepalive_time) = (value.word()?, value.word()?);
    value.ensure(version == 1 && keepalive_time > 0)?;
    value.take::<10>()?;
    Ok(Parameter::CommonSession { keepalive_time })
}

fn cause(value: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    let mut cause = None;
    while let Some((tlv, rest)) = Tlv::split(value.rest)? {
        value.rest = rest;
        if tlv.kind == kind::MLACP_DISCONNECT_CAUSE {
            cause = Some(Reader { kind: tlv.kind, rest: tlv.value }.text_to_the_end()?);
        }
    }
    Ok(cause)
}

/// What is left of a parameter's value.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) kind: u16,
    pub(super) rest: &'a [u8],
}

impl Reader<'_> {
    pub(super) fn ensure(&self, holds: bool) -> Result<(), Malformed> {
        if holds { Ok(()) } else { Err(Malformed::Parameter(self.kind)) }
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(Malformed::Parameter(self.kind))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn word(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn octet(&mut self) -> Result<u8, Malformed> {
        self.take().map(|[octet]| octet)
    }

    pub(super) fn mac(&mut self) -> Result<MacAddr, Malformed> {
        self.take().map(MacAddr)
    }

    /// The address is first, as everywhere in mLACP.
    pub(super) fn system(&mut self) -> Result<SystemId, Malformed> {
        let mac = self.mac()?;
        Ok(SystemId { priority: self.word()?, mac })
    }

    /// A length of one octet, then a text.
    pub(super) fn name(&mut self) -> Result<String, Malformed> {
        let length = usize::from(self.octet()?);
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Parameter(self.kind))?;
        self.rest = rest;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_| Malformed::Parameter(self.kind))
    }

    fn text_to_the_end(&mut self) -> Result<String, Malformed> {
        let text = std::mem::take(&mut self.rest);
        std::str::from_utf8(text).map(str::to_owned).map_err(|_| Malformed::Parameter(self.kind))
    }
}
