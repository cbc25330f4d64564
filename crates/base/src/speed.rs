use serde::{Deserialize, Serialize};
use std::fmt;

/// The speed of a link, in megabits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mbps(pub u32);

impl fmt::Display for Mbps {
    /// `100M`, `2.5G`, `10G`: as files have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000 / 100, self.0 % 100) {
            (1.., 0, 0) => write!(f, "{}G", self.0 / 1000),
            (1.., tenth, 0) => write!(f, "{}.{tenth}G", self.0 / 1000),
            _ => write!(f, "{}M", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_that_says_it_in_few_digits() {
        let speeds =
            [(10, "10M"), (100, "100M"), (1000, "1G"), (2500, "2.5G"), (10_001, "10001M"), (400_000, "400G")];
        for (mbps, text) in speeds {
            assert_eq!(Mbps(mbps).to_string(), text);
        }
    }
}
