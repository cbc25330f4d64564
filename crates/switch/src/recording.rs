//! A record of a run: all that a switch was told and answered, from which it can be played back without a data plane.

pub mod file;

use crate::control::SwitchError;
use crate::history::History;
use crate::input::Input;
use crate::lacp::chassis_address;
use crate::table_door::{Answer, OutputRecord};
use greylag_base::{Instant, MacAddr, Seed};
use serde::{Deserialize, Serialize};

/// What a switch starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Its configuration, and those that it had before.
    pub history: History,
    /// Where its chance comes from.
    pub seed: Seed,
    /// The address of the machine, from which those of its ports follow.
    pub chassis: MacAddr,
    /// When it starts.
    pub at: Instant,
}

impl Start {
    /// A start whose chassis has an address by chance.
    pub fn new(history: History, seed: Seed, at: Instant) -> Self {
        Start { history, seed, chassis: chassis_address(seed), at }
    }
}

/// Something that a switch was told, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputRecord {
    /// When.
    pub at: Instant,
    /// What.
    pub input: Input,
}

/// A run. It grows with what happens, and with the size of the table at each audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// What it started from.
    pub start: Start,
    /// What it was told, in order.
    pub inputs: Vec<InputRecord>,
    /// What the data plane answered when it was asked, in order.
    pub answers: Vec<Answer>,
    /// What was done to the data plane, in order.
    pub outputs: Vec<OutputRecord>,
}

impl Recording {
    pub(crate) fn new(start: Start) -> Self {
        Recording { start, inputs: Vec::new(), answers: Vec::new(), outputs: Vec::new() }
    }
}

/// A part of a run, torn off a record that is written down as it grows ([`Switch::tear_page`](crate::Switch::tear_page)).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// What the switch was told, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inputs: Vec<InputRecord>,
    /// What the data plane answered, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub answers: Vec<Answer>,
    /// What was done to the data plane, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub outputs: Vec<OutputRecord>,
}

/// Why a record cannot be played back.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackError {
    /// Its start is none.
    #[error(transparent)]
    Start(#[from] SwitchError),
    /// Played back, the switch asked the data plane something else than it did then.
    #[error(
        "the switch asks the data plane for something else than in the record: it was kept by another version, or changed"
    )]
    Diverged,
}
