//! The live world: a lab as a value becomes network namespaces, cables, hosts and running switches, and goes
//! again without a trace.
//!
//! [`deploy`](deploy::deploy) makes a lab and [`destroy`](destroy::destroy) removes it, from whatever is left of it;
//! [`inspect`](inspect::inspect) and [`exec`] look into one that stands. Below them are the things
//! that a lab is made of: [`netns`], [`link`], [`host`], and the [`state`] that tells one greylag what another
//! has made. Nothing here calls a program of the machine; a kernel is all that is needed.
//!
//! ```no_run
//! use greylag_lab::{host, link, netns::Netns};
//! use greylag_base::PortName;
//! use std::time::Duration;
//!
//! let (left, right) = (Netns::create("left")?, Netns::create("right")?);
//! let eth0 = PortName::new("eth0")?;
//! let end = |netns| link::VethEnd { netns, name: &eth0, mac: None, mtu: 1500 };
//! link::veth_pair(&end(&left), &end(&right))?;
//! for (netns, address) in [(&left, "10.0.0.1"), (&right, "10.0.0.2")] {
//!     link::add_address(netns, "eth0", address.parse()?, 24)?;
//!     link::set_up(netns, "eth0")?;
//! }
//! let second = Duration::from_secs(1);
//! assert!(host::ping(&left, "10.0.0.2".parse()?, 1, second, second)?.is_clean());
//! Netns::delete("left")?;
//! Netns::delete("right")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod answer;
pub mod bond;
pub mod cable;
pub mod capture;
pub mod client;
pub mod demo;
pub mod deploy;
pub mod destroy;
pub mod exec;
pub mod filter;
pub mod find_switch;
pub mod follow;
pub mod frr;
pub mod host;
pub mod inspect;
pub mod launch;
pub mod link;
pub mod link_monitor;
pub mod login;
mod machine_clock;
mod management;
pub mod map;
mod mark;
mod netlink;
pub mod netns;
pub mod process;
mod qdisc;
mod record;
pub mod replay;
pub mod runtime;
pub mod stack;
pub mod state;
pub mod userns;

pub use record::NodeRecordKind;
