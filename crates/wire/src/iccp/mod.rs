//! The Inter-Chassis Communication Protocol (RFC 7275 6 and 7), and what of LDP it needs (RFC 5036).
//!
//! RFC 7275 has ICCP travel in an LDP session between two provider edges. Two switches with nothing to label need no LDP, so here the
//! same messages travel on a TCP connection of their own, back to back and without LDP's PDU header. What LDP's session does for ICCP there,
//! two of LDP's messages do here: Initialization, with the session's parameters and the capability (RFC 5036 3.5.3, RFC 7275 4.2.1), and
//! KeepAlive (RFC 5036 3.5.4).
//!
//! `message.rs` has the header, the view and the representation of a message, `parameter.rs` what is in it, `mlacp.rs` the parameters
//! about bundles, `private.rs` those of our own.

mod message;
mod mlacp;
mod parameter;
mod private;
mod status;

pub use message::{LONGEST, Message, MessageType, Repr, Tlv};
pub use mlacp::{
    AggregatorConfig, AggregatorState, ConfigFlags, Node, OperState, PortConfig, PortPriority, PortState,
    Selected, SyncRequest, SyncWhat, SystemConfig,
};
pub use parameter::{Malformed, Parameter, RequestedVersion, kind};
pub use private::{IrbMac, MAC_ENTRY, MacEntry, MacPlace, VlanList};
pub use status::Status;

/// The TCP port on which the passive end listens. RFC 7275 has none of its own; iccpd's is used.
pub const PORT: u16 = 8888;
/// A sender's name has at most so many octets (RFC 7275 6.4.1).
pub const LONGEST_SENDER_NAME: usize = 80;
/// A bundle's or a port's name has at most so many octets (RFC 7275 7.2.4, 7.2.5).
pub const LONGEST_NAME: usize = 20;
/// The version of ICCP, major and minor (RFC 7275 4.2.1).
pub const VERSION: (u8, u8) = (1, 0);
/// The version of mLACP (RFC 7275 7.2.1).
pub const MLACP_VERSION: u16 = 1;

#[cfg(test)]
mod tests;
