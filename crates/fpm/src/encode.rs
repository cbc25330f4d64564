//! Messages as octets: what zebra would send, and what it is answered.

use crate::message::{FpmMessage, Other};
use crate::next_hop;
use crate::route::RouteAdd;
use crate::stream::{HEADER_LEN, NETLINK, VERSION};

/// Why messages cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// They are longer than a frame can be.
    #[error("a frame of {0} octets; 65535 are the most")]
    TooLong(usize),
    /// It is not known in full what the message said.
    #[error("a {0} cannot be written: only its name is known")]
    NotKnown(Other),
}

/// What became of a route in the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data plane forwards by it.
    Offloaded,
    /// Packets for it are handed to the kernel.
    Trapped,
    /// It is not in the data plane: there was no room for it, for example.
    Failed,
}

impl Outcome {
    /// `RTM_F_OFFLOAD`, `RTM_F_TRAP`, `RTM_F_OFFLOAD_FAILED`.
    const fn flag(self) -> u32 {
        match self {
            Outcome::Offloaded => 0x4000,
            Outcome::Trapped => 0x8000,
            Outcome::Failed => 0x2000_0000,
        }
    }
}

/// Writes one frame with these messages to the end of `out`, as zebra sends them: one message to a frame, or the deletion of
/// a route together with the one that takes its place.
///
/// ```
/// use greylag_fpm::{Fpm, FpmMessage, NextHopId, encode};
///
/// let mut octets = Vec::new();
/// encode(&[FpmMessage::NextHopDelete(NextHopId(7))], &mut octets)?;
/// let mut fpm = Fpm::new();
/// assert_eq!(fpm.handle_bytes(&octets), octets.len());
/// assert_eq!(fpm.poll_message()?, Some(FpmMessage::NextHopDelete(NextHopId(7))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A weight over 256 is written as 256 in a route; in a group of next hops each has its place.
///
/// # Errors
/// When they are too long for one frame, or one of them is [`FpmMessage::Other`]. `out` is as it was then.
pub fn encode(messages: &[FpmMessage<'_>], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    frame(out, |out| {
        for message in messages {
            match message {
                FpmMessage::RouteAdd(route) => route.emit(0, out),
                FpmMessage::RouteDelete(route) => route.emit(out),
                FpmMessage::NextHopAdd(next_hop) => next_hop.emit(out),
                FpmMessage::NextHopDelete(id) => next_hop::emit_delete(*id, out),
                FpmMessage::Other(other) => return Err(EncodeError::NotKnown(*other)),
            }
        }
        Ok(())
    })
}

/// Writes to the end of `out` the frame that tells zebra what became of a route.
///
/// zebra takes it from FRR 8.5 on, of static routes from 9.1 on, and never of protocol kernel; 8.4 reads and forgets what comes back. It finds
/// the route by table, prefix and protocol, and wants a next hop to compare, so it gets back what it has sent, with a flag. Of a frame it
/// reads the first message only: each route has a frame of its own.
///
/// # Errors
/// When the route has more next hops than a frame has room for.
pub fn encode_outcome(route: &RouteAdd<'_>, outcome: Outcome, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    frame(out, |out| {
        route.emit(outcome.flag(), out);
        Ok(())
    })
}

fn frame(
    out: &mut Vec<u8>,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend([VERSION, NETLINK, 0, 0]);
    debug_assert_eq!(out.len() - start, HEADER_LEN);
    let written = payload(out).and_then(|()| {
        let len = out.len() - start;
        u16::try_from(len).map_err(|_| EncodeError::TooLong(len))
    });
    match written {
        Ok(len) => out[start + 2..start + 4].copy_from_slice(&len.to_be_bytes()),
        Err(_) => out.truncate(start),
    }
    written.map(|_| ())
}
