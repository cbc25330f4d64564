//! What the programming agent writes.

use greylag_dataplane::NextHop;
use greylag_fib::{GroupId, Member, NextHopId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// One write of the FIB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum FibWrite {
    /// What is done with packets of a next hop.
    NextHop {
        /// Which.
        id: NextHopId,
        /// What.
        next_hop: NextHop,
    },
    /// The members of a group; it goes when it has none.
    Group {
        /// Which.
        id: GroupId,
        /// They.
        members: Vec<Member>,
    },
    /// The group that a prefix leads to; the route goes when there is none.
    Route {
        /// From where.
        prefix: IpNet,
        /// To which.
        group: Option<GroupId>,
    },
    /// One bucket of a group, apart from the others: what a fault leaves behind, and a repair.
    Bucket {
        /// Of which.
        group: GroupId,
        /// Which.
        bucket: u16,
        /// Where it leads.
        next_hop: NextHopId,
    },
}

/// What a write changes: two writes of the same thing must not overtake each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Written {
    NextHop(NextHopId),
    Group(GroupId),
    Route(IpNet),
}

impl FibWrite {
    pub(crate) fn written(&self) -> Written {
        match *self {
            FibWrite::NextHop { id, .. } => Written::NextHop(id),
            FibWrite::Group { id, .. } | FibWrite::Bucket { group: id, .. } => Written::Group(id),
            FibWrite::Route { prefix, .. } => Written::Route(prefix),
        }
    }
}
