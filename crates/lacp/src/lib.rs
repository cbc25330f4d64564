//! Link aggregation control (LACP): the machines of IEEE 802.1AX, without I/O and without a clock.
//!
//! [`Lacp`] is everything of one system: its bundles, and the ports that may become one link each. It is told what comes in,
//! what the links do and what time it is, and it is asked what goes out, what happened, and when it wants to be woken:
//!
//! | door | |
//! | --- | --- |
//! | [`handle_frame`](Lacp::handle_frame) | a frame to 01-80-C2-00-00-02 has come in |
//! | [`set_link`](Lacp::set_link), [`reconfigure`](Lacp::reconfigure) | a link, or what is wanted, has changed |
//! | [`handle_timeout`](Lacp::handle_timeout) | it is as late as [`poll_timeout`](Lacp::poll_timeout) has said |
//! | [`poll_transmit`](Lacp::poll_transmit) | what is to be sent, until there is no more |
//! | [`poll_event`](Lacp::poll_event) | what happened, until there is no more: the data plane goes by [`LacpEvent::MemberChanged`] and [`LacpEvent::BundleChanged`] |
//! | [`snapshot`](Lacp::snapshot) | everything that operators ask |
//!
//! A system with one bundle of one link hears its partner for the first time, and is woken for its first LACPDU:
//!
//! ```
//! use greylag_base::{Instant, MacAddr, Mbps, PortId, Seed};
//! use greylag_lacp::{BundleConfig, BundleId, Lacp, LacpConfig, MemberConfig, Preset};
//!
//! let mut bundle = BundleConfig::new(BundleId(0), &Preset::STANDARD);
//! bundle.members.push(MemberConfig { port: PortId(4), mac: MacAddr([2, 0, 0, 0, 1, 4]), port_priority: 32768 });
//! let config = LacpConfig {
//!     system_id_mac: MacAddr([2, 0, 0, 0, 0, 1]),
//!     system_priority: 32768,
//!     port_number_offset: 0,
//!     bundles: vec![bundle],
//! };
//! let mut lacp = Lacp::new(config, Seed(1), Instant::ZERO)?;
//! lacp.set_link(Instant::ZERO, PortId(4), Some(Mbps(10_000)));
//! assert_eq!(lacp.poll_transmit(Instant::ZERO), None);
//!
//! let soon = lacp.poll_timeout().expect("an active port has something to say");
//! lacp.handle_timeout(soon);
//! let (port, frame) = lacp.poll_transmit(soon).expect("it is said");
//! assert_eq!((port, frame.len()), (PortId(4), 124));
//! assert!(!lacp.member(PortId(4)).expect("it is a member").distributing);
//! # Ok::<(), greylag_lacp::ConfigError>(())
//! ```
//!
//! # Where to read
//!
//! One file per machine, each with its diagram as a table and the clause that it follows: [`receive`], [`periodic`], [`mux`],
//! `selection.rs`, `transmit.rs`, [`churn`], `marker.rs`. `port.rs` has the variables that they share, `bundle.rs` the order in
//! which they run, `system.rs` the doors. `watch.rs` looks for what the standard does not.
//!
//! Clauses are those of IEEE 802.1AX-2014. The edition of 2020 numbers them otherwise (6.4.13 is its mux machine, 6.4.14
//! its transmit machine), and replaces the limit of three LACPDUs a second by that of all slow protocols. What devices run today are the
//! machines of 2014 and before.
//!
//! # Where implementations differ
//!
//! [`Behaviour`] names every difference, and [`Preset`] says who chose what. The ones that decide outages:
//!
//! - **The partner's system id changes.** The port detaches at once and is selected again; frames pass again after
//!   `aggregate-wait` and two LACPDUs. [`LacpEvent::PartnerChanged`].
//! - **Two partners on one bundle.** One is kept, by [`PartnerChoice`] and [`PartnerPin`]; the ports of the others are
//!   [`OtherPartners`]. [`LacpEvent::PartnersDiffer`], [`LacpEvent::PartnerKept`].
//! - **A partner that speaks and never collects.** With coupled control frames are sent to it and lost, with independent
//!   control none is ([`MuxControl`]). [`LacpEvent::PartnerNotCollecting`].
//! - **A link that works one way.** The end that still hears stays out of sync, by the standard's [`SyncRule`], as soon as the other
//!   says that it has given up. [`LacpEvent::OneWay`].
//! - **Lost LACPDUs.** Three in a row have to be lost before a partner is given up. [`LacpEvent::PdusMissed`].
//! - **Fewer links than `min-links`.** [`BelowMinLinks`]. [`LacpEvent::BundleChanged`].
//!
//! Version 2 is read as far as version 1 goes; version 1 is sent.

mod behaviour;
mod bundle;
pub mod churn;
mod config;
mod event;
mod machine;
mod marker;
pub mod mux;
pub mod periodic;
mod port;
mod preset;
pub mod receive;
mod selection;
mod show;
mod system;
mod timer;
mod transmit;
mod watch;

pub use behaviour::{
    Behaviour, BelowMinLinks, ExpiredTimeout, KeyFormat, MistakenPartner, MuxControl, OtherPartners,
    PartnerChoice, PartnerPin, RateLimit, SyncRule, Timers,
};
pub use config::{
    Admission, BundleConfig, BundleId, ConfigError, Interval, LacpConfig, LacpMode, MemberConfig,
};
pub use event::{LacpEvent, Member, Reason, Selected};
pub use machine::Transition;
pub use preset::Preset;
pub use show::{Arrows, BundleRow, Counters, EndRow, LacpSnapshot, MemberRow};
pub use system::Lacp;
