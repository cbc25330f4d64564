//! A whole switch: configuration, control side, events.
//!
//! [`Switch`] is everything of a switch that is not its forwarding threads. It turns a [`SwitchConfig`](config::SwitchConfig) into
//! what the data plane forwards by, hears of links and of what the workers report as [`Input`]s, writes [`Event`]s,
//! and answers what operators ask ([`show`]). It has no clock and does no I/O: the live world and the virtual
//! one drive it alike.
//!
//! ```
//! use greylag_base::{Instant, PortId, PortName, Seed};
//! use greylag_switch::config::{PortConfig, SwitchConfig};
//! use greylag_switch::{Input, Switch};
//!
//! let mut config = SwitchConfig::new("sw1");
//! config.ports.push(PortConfig::new(PortName::new("eth1")?));
//! let mut switch = Switch::new(config, Seed(1), Instant::ZERO)?;
//! switch.handle_input(Instant::ZERO, Input::Link { port: PortId(0), up: true })?;
//! assert!(switch.ports()[0].is_up());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod agent;
pub mod alarm;
pub mod config;
mod control;
mod event;
pub mod fault;
pub mod show;

pub use control::{Input, Refused, Switch, SwitchError};
pub use event::{Event, EventLog, EventRecord};
