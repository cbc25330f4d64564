//! A sparse block as eight sorted ranges in one cache line.
//!
//! Below most long prefixes little else is routed. As nested blocks that would be a chain of nodes with two or three runs each, and
//! a dependent load for every five bits; as ranges it is one line, searched by comparing all of it at once.

use crate::prefix::Address;
use crate::routes::Route;
use crate::word::{RANGES, STRIDE};

/// Where ranges begin, and their groups. Places that are left over repeat the last range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    pub(crate) begins: [u32; RANGES],
    pub(crate) groups: [u32; RANGES],
}

impl Ranges {
    /// The block whose addresses share `depth` bits, in which `cover` is the group of what no route is for. `None` if a line
    /// is no fit form for it.
    pub(crate) fn of<A: Address>(depth: u8, cover: u32, routes: &[Route<A>]) -> Option<Self> {
        let longest = routes.iter().map(|(prefix, _)| prefix.len()).max()?;
        // One node says as much in less.
        let fit = longest > depth + STRIDE && longest <= depth + 32 && routes.len() <= 2 * RANGES;
        fit.then(|| Sweep::over(depth, cover, routes))?
    }
}

struct Sweep {
    ranges: [(u32, u32); RANGES],
    count: usize,
}

impl Sweep {
    fn over<A: Address>(depth: u8, cover: u32, routes: &[Route<A>]) -> Option<Ranges> {
        let mut sweep = Sweep { ranges: [(0, cover); RANGES], count: 1 };
        // The prefixes that the sweep is inside of: last key and group.
        let mut open = [(u32::MAX, cover); 2 * RANGES + 1];
        let mut inside = 0;
        for (prefix, group) in routes {
            let begin = prefix.first().tail(depth);
            while open[inside].0 < begin {
                inside -= 1;
                sweep.begin(open[inside + 1].0 + 1, open[inside].1)?;
            }
            sweep.begin(begin, *group)?;
            inside += 1;
            open[inside] = (prefix.last().tail(depth), *group);
        }
        while let Some(next) = (inside > 0).then(|| open[inside].0.checked_add(1)).flatten() {
            inside -= 1;
            sweep.begin(next, open[inside].1)?;
        }
        Some(sweep.padded())
    }

    /// From `key` on it is `group`. `None` if that is one range too many.
    fn begin(&mut self, key: u32, group: u32) -> Option<()> {
        // What began here is hidden at once.
        if self.ranges[self.count - 1].0 == key {
            self.count -= 1;
        }
        if self.count > 0 && self.ranges[self.count - 1].1 == group {
            return Some(());
        }
        *self.ranges.get_mut(self.count)? = (key, group);
        self.count += 1;
        Some(())
    }

    fn padded(self) -> Ranges {
        let last = self.ranges[self.count - 1].1;
        let at = |index: usize| if index < self.count { self.ranges[index] } else { (u32::MAX, last) };
        Ranges {
            begins: std::array::from_fn(|index| at(index).0),
            groups: std::array::from_fn(|index| at(index).1),
        }
    }
}
