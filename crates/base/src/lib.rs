//! The words every crate of greylag speaks: addresses, ids, time, drop reasons, seeds.
//!
//! Start here if a type such as [`PortId`] or [`Instant`] appears in a signature. The crate has no
//! behaviour of its own and depends on nothing of greylag.
//!
//! ```
//! use greylag_base::{Instant, MacAddr, VlanId};
//! use std::time::Duration;
//!
//! let mac: MacAddr = "02:00:00:00:00:01".parse()?;
//! assert!(mac.is_unicast() && mac.is_locally_administered());
//! assert_eq!(VlanId::new(4095), None);
//! assert_eq!(Instant::ZERO + Duration::from_secs(1), Instant::from_nanos(1_000_000_000));
//! # Ok::<(), greylag_base::ParseMacError>(())
//! ```

mod dice;
mod drop_reason;
mod impairment;
mod interface;
mod mac;
mod port;
mod seed;
mod speed;
mod time;
mod vlan;

pub use dice::Dice;
pub use drop_reason::DropReason;
pub use impairment::{Fate, Impairer, Impairment, Lateness, Pace};
pub use interface::InterfaceId;
pub use mac::{MacAddr, ParseMacError};
pub use port::{PortId, PortName, PortNameError, PortSet};
pub use seed::Seed;
pub use speed::Mbps;
pub use time::Instant;
pub use vlan::{VlanId, VlanIdError, VlanSet};
