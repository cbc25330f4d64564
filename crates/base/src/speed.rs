use serde::{Deserialize, Serialize};

/// The speed of a link, in megabits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mbps(pub u32);
