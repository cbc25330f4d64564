//! A whole switch: configuration, control side, events.
//!
//! [`Switch`] is everything of a switch that is not its forwarding threads. It turns a [`SwitchConfig`](config::SwitchConfig) into
//! what the data plane forwards by, hears of links and of what the workers report as [`Input`]s, lets its learning agent work
//! and die, writes [`Event`]s, raises alarms, and answers what operators ask ([`show`]). It has no clock and does no I/O: the
//! live world and the virtual one drive it alike.
//!
//! # What a driver does
//!
//! - [`Switch::handle_input`] with what comes from outside, as it comes.
//! - [`Input::Timeout`] when [`Switch::poll_timeout`] is due. That is exact: `None` when nothing is due, and a time that is not
//!   over is never asked for twice in vain.
//! - [`Switch::wants_reboot`] after both: the watchdog has the switch started anew, with its history.
//! - [`Switch::poll_management`] after both, until there is no more: what the switch sends over the management network.
//! - [`Switch::poll_workers`] once [`poll_interval`](config::LearningConfig::poll_interval) has passed since [`Switch::has_news`]
//!   became true, which it does when a worker reports or cannot; or, where nobody notices that, every so often.
//! - [`Switch::poll_frames`] when a worker has handed up a frame or packet for the switch itself, and
//!   [`Worker::originate`](greylag_dataplane::Worker::originate) while the data plane
//!   [has one to send](greylag_dataplane::DataPlane::has_originated).
//!
//!
//!   An agent that is slow, or was away, looks at its queue of its own accord: `poll_timeout` says when.
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
//!
//! // Frames come in on a worker of `switch.data_plane()` here. Afterwards:
//! let mut poll: Option<Instant> = None;
//! let mut now = Instant::ZERO;
//! if poll.is_none() && switch.has_news() {
//!     poll = Some(now + switch.config().learning.poll_interval);
//! }
//! // Nothing was reported, and no agent that owns nothing has anything to do.
//! assert_eq!((poll, switch.poll_timeout()), (None, None));
//! while let Some(next) = [poll, switch.poll_timeout()].into_iter().flatten().min() {
//!     now = next;
//!     if poll.take_if(|poll| *poll <= now).is_some() {
//!         switch.poll_workers(now);
//!     } else {
//!         switch.handle_input(now, Input::Timeout)?;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Records
//!
//! A switch that is [`Switch::recorded`] keeps what it was told and what its data plane answered; [`Switch::playback`] makes the
//! same events and the same [`Output`]s from that, without a worker or a table.

pub mod agent;
pub mod alarm;
mod commit;
pub mod config;
mod control;
mod diff;
mod event;
pub mod fault;
mod flood_groups;
pub mod history;
mod input;
mod lacp;
mod lasting;
mod learning;
mod management;
pub mod mclag;
mod octets;
mod port;
mod publication;
pub mod recording;
mod routing;
pub mod show;
mod supervisor;
mod table_door;
mod timed;
mod watchdog;

pub use control::{Switch, SwitchError};
pub use diff::{DiffLine, diff};
pub use event::{Event, EventLog, EventRecord};
pub use input::{Input, Refused};
pub use lacp::{LacpEvent, chassis_address, lacp_system};
pub use learning::audit::{ConflictKind, FdbConflict};
pub use learning::{Learned, Origin};
pub use management::ManagementDatagram;
pub use octets::Octets;
pub use port::Port;
pub use publication::{FloodGroup, Publication};
pub use routing::{
    BfdSessionEvent, BgpSessionEvent, FibConflict, FibConflictKind, FibRefusal, FibWrite, FpmInput, GroupUse,
    Hop, LinkStateTold, Offer, PathProbe, RouteSource, RoutingEvent, Target,
};
pub use supervisor::GivenUp;
pub use table_door::{Answer, Installed, Output, OutputRecord, Place, Sighting, TableEntry};
