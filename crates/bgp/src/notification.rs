//! NOTIFICATION: why a connection ends (RFC 4271 4.5 and 6, RFC 4486, 6608, 7313, 8538, 9003 and 9384).
//!
//! Codes are kept as numbers with a table of names beside them: what a neighbor says has to be understood even where the table has
//! no name for it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What one end says when it ends a connection.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notification {
    /// The error code.
    pub code: u8,
    /// The error subcode.
    pub subcode: u8,
    /// What the code says it is.
    pub data: Box<[u8]>,
}

/// Error code and subcode.
pub(crate) type Code = (u8, u8);

pub(crate) const NOT_SYNCHRONIZED: Code = (1, 1);
pub(crate) const BAD_MESSAGE_LENGTH: Code = (1, 2);
pub(crate) const BAD_MESSAGE_TYPE: Code = (1, 3);
pub(crate) const MALFORMED_OPEN: Code = (2, 0);
pub(crate) const UNSUPPORTED_VERSION: Code = (2, 1);
pub(crate) const BAD_PEER_AS: Code = (2, 2);
pub(crate) const BAD_BGP_IDENTIFIER: Code = (2, 3);
pub(crate) const UNSUPPORTED_PARAMETER: Code = (2, 4);
pub(crate) const UNACCEPTABLE_HOLD_TIME: Code = (2, 6);
pub(crate) const UNSUPPORTED_CAPABILITY: Code = (2, 7);
pub(crate) const MALFORMED_ATTRIBUTE_LIST: Code = (3, 1);
pub(crate) const UNRECOGNIZED_WELL_KNOWN: Code = (3, 2);
pub(crate) const OPTIONAL_ATTRIBUTE: Code = (3, 9);
pub(crate) const INVALID_NETWORK_FIELD: Code = (3, 10);
pub(crate) const HOLD_TIMER_EXPIRED: Code = (4, 0);
pub(crate) const UNEXPECTED_IN_OPEN_SENT: Code = (5, 1);
pub(crate) const UNEXPECTED_IN_OPEN_CONFIRM: Code = (5, 2);
pub(crate) const UNEXPECTED_IN_ESTABLISHED: Code = (5, 3);
pub(crate) const MAXIMUM_PREFIXES: Code = (6, 1);
pub(crate) const ADMINISTRATIVE_SHUTDOWN: Code = (6, 2);
pub(crate) const PEER_DE_CONFIGURED: Code = (6, 3);
pub(crate) const ADMINISTRATIVE_RESET: Code = (6, 4);
pub(crate) const OTHER_CONFIGURATION_CHANGE: Code = (6, 6);
pub(crate) const COLLISION_RESOLUTION: Code = (6, 7);
pub(crate) const BFD_DOWN: Code = (6, 10);
pub(crate) const BAD_REFRESH_LENGTH: Code = (7, 1);

/// IANA's names of the codes.
const CODES: &[(u8, &str)] = &[
    (1, "Message Header Error"),
    (2, "OPEN Message Error"),
    (3, "UPDATE Message Error"),
    (4, "Hold Timer Expired"),
    (5, "Finite State Machine Error"),
    (6, "Cease"),
    (7, "ROUTE-REFRESH Message Error"),
    (8, "Send Hold Timer Expired"),
];

/// IANA's names of the subcodes.
const SUBCODES: &[(Code, &str)] = &[
    (NOT_SYNCHRONIZED, "Connection Not Synchronized"),
    (BAD_MESSAGE_LENGTH, "Bad Message Length"),
    (BAD_MESSAGE_TYPE, "Bad Message Type"),
    (UNSUPPORTED_VERSION, "Unsupported Version Number"),
    (BAD_PEER_AS, "Bad Peer AS"),
    (BAD_BGP_IDENTIFIER, "Bad BGP Identifier"),
    (UNSUPPORTED_PARAMETER, "Unsupported Optional Parameter"),
    (UNACCEPTABLE_HOLD_TIME, "Unacceptable Hold Time"),
    (UNSUPPORTED_CAPABILITY, "Unsupported Capability"),
    ((2, 11), "Role Mismatch"),
    (MALFORMED_ATTRIBUTE_LIST, "Malformed Attribute List"),
    (UNRECOGNIZED_WELL_KNOWN, "Unrecognized Well-known Attribute"),
    ((3, 3), "Missing Well-known Attribute"),
    ((3, 4), "Attribute Flags Error"),
    ((3, 5), "Attribute Length Error"),
    ((3, 6), "Invalid ORIGIN Attribute"),
    ((3, 8), "Invalid NEXT_HOP Attribute"),
    (OPTIONAL_ATTRIBUTE, "Optional Attribute Error"),
    (INVALID_NETWORK_FIELD, "Invalid Network Field"),
    ((3, 11), "Malformed AS_PATH"),
    (UNEXPECTED_IN_OPEN_SENT, "Receive Unexpected Message in OpenSent State"),
    (UNEXPECTED_IN_OPEN_CONFIRM, "Receive Unexpected Message in OpenConfirm State"),
    (UNEXPECTED_IN_ESTABLISHED, "Receive Unexpected Message in Established State"),
    (MAXIMUM_PREFIXES, "Maximum Number of Prefixes Reached"),
    (ADMINISTRATIVE_SHUTDOWN, "Administrative Shutdown"),
    (PEER_DE_CONFIGURED, "Peer De-configured"),
    (ADMINISTRATIVE_RESET, "Administrative Reset"),
    ((6, 5), "Connection Rejected"),
    (OTHER_CONFIGURATION_CHANGE, "Other Configuration Change"),
    (COLLISION_RESOLUTION, "Connection Collision Resolution"),
    ((6, 8), "Out of Resources"),
    ((6, 9), "Hard Reset"),
    (BFD_DOWN, "BFD Down"),
    (BAD_REFRESH_LENGTH, "Invalid Message Length"),
];

impl Notification {
    pub(crate) fn new((code, subcode): Code, data: &[u8]) -> Self {
        Notification { code, subcode, data: data.into() }
    }

    /// IANA's name of the error code; `None` when there is none.
    pub fn code_name(&self) -> Option<&'static str> {
        CODES.iter().find(|(code, _)| *code == self.code).map(|(_, name)| *name)
    }

    /// IANA's name of the error subcode; `None` when there is none, as for all that are zero.
    pub fn subcode_name(&self) -> Option<&'static str> {
        SUBCODES.iter().find(|(code, _)| *code == (self.code, self.subcode)).map(|(_, name)| *name)
    }

    /// What an operator at the other end has to say of a shutdown or a reset (RFC 9003).
    pub fn communication(&self) -> Option<&str> {
        if ![ADMINISTRATIVE_SHUTDOWN, ADMINISTRATIVE_RESET].contains(&(self.code, self.subcode)) {
            return None;
        }
        let (length, text) = self.data.split_first()?;
        std::str::from_utf8(text.get(..usize::from(*length))?).ok().filter(|text| !text.is_empty())
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code_name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "code {}", self.code)?,
        }
        match self.subcode_name() {
            Some(name) => write!(f, "/{name}")?,
            None if self.subcode == 0 => {}
            None => write!(f, "/subcode {}", self.subcode)?,
        }
        self.communication().map_or(Ok(()), |text| write!(f, " ({text:?})"))
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} [{}.{} {:02x?}]", self.code, self.subcode, self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_it_is() {
        let said = |code, data: &[u8]| Notification::new(code, data).to_string();
        assert_eq!(said(HOLD_TIMER_EXPIRED, &[]), "Hold Timer Expired");
        assert_eq!(said(BFD_DOWN, &[]), "Cease/BFD Down");
        assert_eq!(said((6, 77), &[]), "Cease/subcode 77");
        assert_eq!(said((99, 0), &[]), "code 99");
        assert_eq!(said(ADMINISTRATIVE_SHUTDOWN, b"\x04gone"), "Cease/Administrative Shutdown (\"gone\")");
        // The length says more than there is.
        assert_eq!(said(ADMINISTRATIVE_SHUTDOWN, b"\x09gone"), "Cease/Administrative Shutdown");
    }
}
