use core::net::IpAddr;
use serde::Serialize;
use std::time::Duration;

/// One of a host's TCP transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TransferId(pub u32);

/// Something that happened at a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum HostEvent {
    /// An echo reply came back.
    EchoReply {
        /// Who answered.
        from: IpAddr,
        /// As given to [`Host::ping`](super::Host::ping).
        ident: u16,
        /// As given to [`Host::ping`](super::Host::ping).
        seq: u16,
        /// From the request's sending to the reply's arrival.
        round_trip: Duration,
    },
    /// A neighbour did not answer as often as it was asked, and was forgotten.
    NeighborFailed {
        /// Its address.
        addr: IpAddr,
        /// How many packets had waited for it and were dropped.
        dropped: usize,
    },
    /// Every byte of a transfer has been acknowledged.
    TransferDone {
        /// Which.
        id: TransferId,
        /// How many.
        bytes: u64,
        /// From `tcp_connect` to the last acknowledgement, whatever had to be sent again.
        duration: Duration,
    },
    /// A transfer's connection was refused or reset.
    TransferFailed {
        /// Which.
        id: TransferId,
        /// How many bytes had been acknowledged.
        acknowledged: u64,
    },
    /// A peer's transfer to us ended.
    TransferReceived {
        /// Our port.
        port: u16,
        /// The peer's address.
        from: IpAddr,
        /// The peer's port.
        from_port: u16,
        /// How many bytes came.
        bytes: u64,
        /// The peer closed it in good order; false for a reset.
        complete: bool,
    },
    /// An answer to [`Host::udp_send`](super::Host::udp_send) arrived.
    Datagram {
        /// Who sent it.
        from: IpAddr,
        /// The sender's port.
        from_port: u16,
        /// Its length in bytes.
        len: usize,
    },
}
