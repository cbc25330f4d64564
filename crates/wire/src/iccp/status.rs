//! Why something is refused or ended (RFC 7275 10.4).

use serde::{Deserialize, Serialize};
use std::fmt;

/// An ICCP status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// 0x00010001: the redundancy group is another.
    UnknownRedundancyGroup,
    /// 0x00010002: there is a session already.
    ConnectionCountExceeded,
    /// 0x00010003: the application is connected already.
    ApplicationConnectionCountExceeded,
    /// 0x00010004: nobody here speaks of what this application is about.
    ApplicationNotInGroup,
    /// 0x00010005: the version is another.
    IncompatibleVersion,
    /// 0x00010006: the message has no place here.
    RejectedMessage,
    /// 0x00010007: an operator wants no session.
    AdministrativelyDisabled,
    /// 0x00010010: the redundancy group is no longer configured.
    GroupRemoved,
    /// 0x00010011: the application is no longer configured.
    ApplicationRemoved,
    /// Another.
    Other(u32),
}

const CODES: [(Status, u32, &str); 9] = [
    (Status::UnknownRedundancyGroup, 0x0001_0001, "unknown redundancy group"),
    (Status::ConnectionCountExceeded, 0x0001_0002, "connection count exceeded"),
    (Status::ApplicationConnectionCountExceeded, 0x0001_0003, "application connection count exceeded"),
    (Status::ApplicationNotInGroup, 0x0001_0004, "application not in redundancy group"),
    (Status::IncompatibleVersion, 0x0001_0005, "incompatible protocol version"),
    (Status::RejectedMessage, 0x0001_0006, "rejected message"),
    (Status::AdministrativelyDisabled, 0x0001_0007, "administratively disabled"),
    (Status::GroupRemoved, 0x0001_0010, "redundancy group removed"),
    (Status::ApplicationRemoved, 0x0001_0011, "application removed from redundancy group"),
];

impl Status {
    /// By the code.
    pub fn from_code(code: u32) -> Status {
        let known = CODES.iter().find(|(_, known, _)| *known == code);
        known.map_or(Status::Other(code), |(status, ..)| *status)
    }

    /// The code on the wire.
    pub fn code(self) -> u32 {
        match self {
            Status::Other(code) => code,
            known => CODES.iter().find(|(status, ..)| *status == known).map_or(0, |(_, code, _)| *code),
        }
    }
}

impl fmt::Display for Status {
    /// In a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODES.iter().find(|(status, ..)| status == self) {
            Some((_, _, name)) => f.write_str(name),
            None => write!(f, "status {:#010x}", self.code()),
        }
    }
}
