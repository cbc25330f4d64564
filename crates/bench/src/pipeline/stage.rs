//! How far frames go: configurations in which all of them are dropped at the same place, one stage further each time.

use serde::{Deserialize, Serialize};

/// Bridged or routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// By the MAC table.
    Bridged,
    /// By the FIB, IPv4.
    Routed,
}

/// The last stage that frames come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Until {
    /// They are received, and nobody looks at them.
    Receive,
    /// Routed: the source is a martian.
    Check,
    /// Bridged: the destination is behind the port that they came in by. Routed: the next hop is a black hole.
    LookUp,
    /// They leave.
    Deliver,
}

impl Until {
    /// Those that can be told apart, in their order. On the bridge, a frame that does not come to the MAC table is dropped by another way
    /// through the check than nearly all that do: what those take for it cannot be seen from outside.
    pub(crate) const fn of(layer: Layer) -> &'static [Until] {
        match layer {
            Layer::Bridged => &[Until::Receive, Until::LookUp, Until::Deliver],
            Layer::Routed => &[Until::Receive, Until::Check, Until::LookUp, Until::Deliver],
        }
    }

    /// What the stage is, in words.
    pub(crate) const fn name(self, layer: Layer) -> &'static str {
        match (self, layer) {
            (Until::Receive, _) => "receive",
            (Until::Check, _) => "parse, check, IP header",
            (Until::LookUp, Layer::Bridged) => "parse, check, learn, look up",
            (Until::LookUp, Layer::Routed) => "longest prefix, bucket",
            (Until::Deliver, Layer::Bridged) => "decide, deliver",
            (Until::Deliver, Layer::Routed) => "station, rewrite, deliver",
        }
    }
}

impl Layer {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Bridged => "l2",
            Layer::Routed => "l3",
        }
    }

    /// What the size of its table counts.
    pub(crate) const fn counted(self) -> &'static str {
        match self {
            Layer::Bridged => "stations a side",
            Layer::Routed => "IPv4 prefixes",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Layer, String> {
        match name {
            "l2" => Ok(Layer::Bridged),
            "l3" => Ok(Layer::Routed),
            _ => Err("expected l2 or l3".to_owned()),
        }
    }
}
