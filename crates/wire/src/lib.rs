//! What the bytes of a frame mean: views over received bytes, and representations that emit them.
//!
//! One file per protocol, and in each the same things: the offsets of the fields, a view that has checked
//! its length, and a `Repr` with `parse` and `emit`. ARP, IP, UDP and TCP are left to smoltcp, but for what of them a flow is
//! told by (`five_tuple.rs`): that is read on the frame path, of packets that a stack would refuse too.
//!
//! ```
//! use greylag_wire::ethernet::{EtherType, Frame};
//!
//! let bytes = [0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1];
//! let frame = Frame::new_checked(&bytes[..]).expect("an Ethernet header is there");
//! assert_eq!(frame.ether_type(), EtherType::ARP);
//! assert_eq!(frame.source().to_string(), "02:00:00:00:00:01");
//! ```

pub mod bfd;
pub mod checksum;
pub mod control;
pub mod ethernet;
pub mod five_tuple;
pub mod iccp;
pub mod lacp;
pub mod marker;
pub mod slow;
pub mod vlan;
