//! The file formats: the configuration of a switch, of a bond, a lab and a scenario.
//!
//! A file becomes a plain value, [`SwitchConfig`](greylag_switch::config::SwitchConfig),
//! [`BondConfig`](greylag_switch::config::BondConfig), [`lab::Lab`] or [`story::Scenario`], or a [`FileError`] that
//! says for each problem where it is and what would be right. One run finds all problems of a file, and nothing but
//! files is touched.
//!
//! ```
//! use greylag_scenario::{Source, switch};
//!
//! let right = Source::new("sw1.yml", "name: sw1\nports:\n  eth1: {access-vlan: 10}\n");
//! assert_eq!(switch::parse(&right)?.ports.len(), 1);
//!
//! let wrong = Source::new("sw1.yml", "name: sw1\nports:\n  eth1: {access-vlan: 5000}\n");
//! let error = switch::parse(&wrong).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "sw1.yml:3:23: ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094"
//! );
//! # Ok::<(), greylag_scenario::FileError>(())
//! ```
//!
//! Who wants to follow a file on its way: [`Source`] reads it, `yaml.rs` makes a tree of it in which every value
//! knows its place, `field.rs` reads the tree field by field, `switch.rs` and `lab.rs` say which fields there are.
//! A scenario's tree is first made out of parts (`story/read.rs`): a variant is laid over it (`overlay.rs`), and
//! parameters are put in place.

mod address;
pub mod bond;
mod error;
mod field;
mod impairment;
mod json_names;
mod keys;
pub mod lab;
mod name;
mod nearest;
mod overlay;
mod phrase;
mod prefix;
mod quantity;
mod source;
pub mod story;
pub mod switch;
mod time_span;
mod vlan;
mod yaml;

pub use error::{FileError, Problem};
pub use impairment::{emit_impairment, parse_impairment};
pub use prefix::parse_prefix;
pub use source::Source;
pub use time_span::parse_time_span;
