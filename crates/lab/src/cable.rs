//! A link of a deployed lab, and what can be done to it while frames are on it.

use crate::client::{self, ClientError};
use crate::link::{self, LinkError};
use crate::mark;
use crate::netns::{Netns, NetnsError};
use crate::qdisc;
use crate::record::{LabRecord, LinkRecord, NodeRecordKind};
use crate::state::{State, StateError};
use greylag_base::PortName;
use greylag_scenario::emit_impairment;
use greylag_scenario::story::{Impairment, LinkChange, SeenBy};
use greylag_switch::show::PortRow;
use nix::errno::Errno;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long a switch may take to hear of a queueing discipline. It takes a millisecond or two when nothing holds it up.
const LONGEST_NOTICE: Duration = Duration::from_secs(1);

/// Why nothing was done to a link.
#[derive(Debug, thiserror::Error)]
pub enum CableError {
    /// No lab of that name.
    #[error("lab `{0}` is not deployed")]
    NotDeployed(String),
    /// The end is not of a lab.
    #[error("no link of lab `{lab}` ends at `{end}`: expected one of {ends}", ends = .ends.join(", "))]
    Unknown {
        /// The lab.
        lab: String,
        /// What was looked for.
        end: String,
        /// What there is.
        ends: Vec<String>,
    },
    /// It was done, and frames still leave past it.
    #[error(
        "{end}: the switch has not heard within a second that its device has a queueing discipline now, and sends past it: its log \
         says whether it still watches its interfaces"
    )]
    Unnoticed {
        /// The end.
        end: String,
    },
    /// It cannot be done to such a link.
    #[error("{end}: {reason}")]
    Impossible {
        /// One of its ends.
        end: String,
        /// Why not, and what can be.
        reason: String,
    },
    /// The kernel does not do it.
    #[error("{end}: cannot {action}: {source}")]
    Kernel {
        /// One of its ends.
        end: String,
        /// What was tried, as a verb.
        action: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
    /// The switch at one of its ends does not do it.
    #[error("{end}: {source}")]
    Switch {
        /// That end.
        end: String,
        /// What the switch said.
        source: ClientError,
    },
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// An interface.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// A link of a deployed lab.
pub struct Cable {
    tap: bool,
    ends: [CableEnd; 2],
}

struct CableEnd {
    /// As the lab's file has it: `sw1:eth1`.
    name: String,
    kind: NodeRecordKind,
    netns: Netns,
    interface: PortName,
    /// Where a switch is asked.
    socket: PathBuf,
}

impl Cable {
    /// The link that ends at `end`, such as `sw1:eth1`, and which of its ends that is.
    ///
    /// # Errors
    /// When there is no such lab, or no such link.
    pub fn find(state: &State, lab: &str, end: &str) -> Result<(Cable, usize), CableError> {
        let folder = state.lab(lab)?;
        let record = LabRecord::read(&folder)?.ok_or_else(|| CableError::NotDeployed(lab.to_owned()))?;
        let names = |link: &LinkRecord| {
            link.ends.each_ref().map(|end| format!("{}:{}", record.nodes[end.node].name, end.interface))
        };
        for link in &record.links {
            let names = names(link);
            let Some(which) = names.iter().position(|name| name == end) else { continue };
            let [a, b] = names;
            let open = |name: String, index: usize| {
                let place = &link.ends[index];
                let node = &record.nodes[place.node];
                let netns = mark::open(&folder, &node.netns)?;
                Ok::<_, CableError>(CableEnd {
                    name,
                    kind: node.kind,
                    netns,
                    interface: place.interface.clone(),
                    socket: state.control_socket(&record.switch_name(node)),
                })
            };
            return Ok((Cable { tap: link.tap, ends: [open(a, 0)?, open(b, 1)?] }, which));
        }
        let ends = record.links.iter().flat_map(names).collect();
        Err(CableError::Unknown { lab: lab.to_owned(), end: end.to_owned(), ends })
    }

    /// Does to it what a timeline can say.
    ///
    /// # Errors
    /// When that cannot be done to such a link, or the kernel refuses.
    pub fn change(&self, change: &LinkChange) -> Result<(), CableError> {
        let ends = self.ends.each_ref().map(|end| end.kind);
        if let Err(reason) = can(self.tap, ends, change) {
            return Err(CableError::Impossible { end: self.ends[0].name.clone(), reason });
        }
        match change {
            LinkChange::Down { seen_by: SeenBy::Nobody } => {
                self.ends.iter().try_for_each(CableEnd::blackhole)
            }
            LinkChange::Down { .. } => {
                let end = &self.ends[cut_at(self.tap, ends)];
                Ok(link::set_down(&end.netns, end.interface.as_str())?)
            }
            LinkChange::Up => self.mend(),
            LinkChange::Loses(_) => unreachable!("it can be done to no such link"),
            LinkChange::OneWay { from } => self.ends[*from].blackhole(),
            LinkChange::Impair { from, impairment } => {
                let meant = |&(index, _): &(usize, &CableEnd)| from.is_none_or(|from| from == index);
                self.ends.iter().enumerate().filter(meant).try_for_each(|(_, end)| end.impair(impairment))
            }
        }
    }

    fn mend(&self) -> Result<(), CableError> {
        for end in self.ends.iter().filter(|end| end.kind.is_switch()) {
            match client::post(&end.socket, &end.resource("mend"), "") {
                // One without power does no harm.
                Ok(_) | Err(ClientError::Connect { .. }) => {}
                Err(source) => return Err(CableError::Switch { end: end.name.clone(), source }),
            }
        }
        for end in self.ends.iter().filter(|end| !(self.tap && end.kind.is_switch())) {
            link::set_up(&end.netns, end.interface.as_str())?;
            qdisc::clear(&end.netns, end.interface.as_str())
                .map_err(|source| end.failed("let frames pass again", source))?;
        }
        Ok(())
    }
}

impl CableEnd {
    /// Has frames that leave it fare badly: by the switch's own port, at a host by the kernel.
    fn impair(&self, impairment: &Impairment) -> Result<(), CableError> {
        if !self.kind.is_switch() {
            return qdisc::impair(&self.netns, self.interface.as_str(), impairment)
                .map_err(|source| self.without_netem(source));
        }
        client::post(&self.socket, &self.resource("impair"), emit_impairment(impairment))
            .map(drop)
            .map_err(|source| CableError::Switch { end: self.name.clone(), source })
    }

    fn resource(&self, verb: &str) -> String {
        format!("/v1/ports/{}/{verb}", self.interface)
    }

    /// Has frames that leave it disappear. A switch that sends past queueing disciplines is given the time to hear of this one.
    fn blackhole(&self) -> Result<(), CableError> {
        qdisc::blackhole(&self.netns, self.interface.as_str())
            .map_err(|source| self.failed("have frames disappear", source))?;
        let begun = Instant::now();
        while self.sends_past_qdisc() {
            if begun.elapsed() > LONGEST_NOTICE {
                return Err(CableError::Unnoticed { end: self.name.clone() });
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// One that does not answer hears of nothing that could be waited for.
    fn sends_past_qdisc(&self) -> bool {
        let ports = || client::ask_within::<Vec<PortRow>>(&self.socket, "/v1/ports", LONGEST_NOTICE).ok();
        let is_it = |port: &&PortRow| port.name == self.interface.as_str();
        let past_qdisc = |port: &PortRow| port.io.as_ref()?.past_qdisc;
        self.kind.is_switch()
            && ports().and_then(|ports| ports.iter().find(is_it).and_then(past_qdisc)).unwrap_or(false)
    }

    fn failed(&self, action: &'static str, source: io::Error) -> CableError {
        CableError::Kernel { end: self.name.clone(), action, source }
    }

    fn without_netem(&self, source: io::Error) -> CableError {
        if source.raw_os_error() == Some(Errno::ENOENT as i32) {
            let reason = NO_NETEM.to_owned();
            return CableError::Impossible { end: self.name.clone(), reason };
        }
        self.failed("have frames fare badly", source)
    }
}

pub(crate) const NO_NETEM: &str = "this kernel has no netem (CONFIG_NET_SCH_NETEM, module sch_netem), without which what a \
                                   host sends cannot be impaired; what a switch sends can be, and a link can be down, dead or one-way";

/// The end at which a link is cut. A host whose own interface is set down forgets its IPv6 addresses, so that it is the switch's; a TAP
/// has an interface at the host only.
fn cut_at(tap: bool, ends: [NodeRecordKind; 2]) -> usize {
    let wanted = if tap { NodeRecordKind::Host } else { NodeRecordKind::Greylag };
    ends.iter().position(|kind| *kind == wanted).unwrap_or(0)
}

/// Can that be done to a link whose ends are these? Otherwise: why not, and what can be.
pub(crate) fn can(tap: bool, ends: [NodeRecordKind; 2], change: &LinkChange) -> Result<(), String> {
    let is_switch = |end: usize| ends[end].is_switch();
    match change {
        LinkChange::Down { seen_by: SeenBy::End(_) } => Err(
            "a veth pair and a TAP lose carrier at both ends or at none: expected `seen-by: both` or `nobody`".to_owned(),
        ),
        LinkChange::Down { seen_by: SeenBy::Both } | LinkChange::Up => Ok(()),
        LinkChange::Down { seen_by: SeenBy::Nobody } if tap => {
            Err("what a switch writes to a TAP passes no queue of the kernel: give the link `type: veth`".to_owned())
        }
        LinkChange::OneWay { from } if tap && is_switch(*from) => {
            Err("what a switch writes to a TAP passes no queue of the kernel: give the link `type: veth`".to_owned())
        }
        LinkChange::Loses(_) => Err(
            "a live link loses frames by chance and not by flow: replay without `--live`".to_owned(),
        ),
        LinkChange::Impair { impairment, .. } if !needs_netem(ends, change) || *impairment == Impairment::default() => Ok(()),
        LinkChange::Impair { impairment, .. } if impairment.corrupt > 0.0 && !impairment.unnoticed => Err(
            "what a host sends has no check sequence that would notice a flipped bit: expected `unnoticed: true`".to_owned(),
        ),
        LinkChange::Impair { impairment, .. } if impairment.frame_rate.is_some() || !impairment.burst.is_zero() => Err(
            "the kernel of a host has no `frame-rate` and no `burst`: expected `rate`".to_owned(),
        ),
        _ => Ok(()),
    }
}

/// Is there a host among the ends whose frames are to fare badly? A switch's own port does that without the kernel.
pub(crate) fn needs_netem(ends: [NodeRecordKind; 2], change: &LinkChange) -> bool {
    let LinkChange::Impair { from, .. } = change else { return false };
    (0..2).any(|end| from.is_none_or(|from| from == end) && !ends[end].is_switch())
}

#[cfg(test)]
mod tests {
    use super::*;
    use NodeRecordKind::{Greylag, Host};

    #[test]
    fn what_cannot_be_done_is_said_before_it_is_tried() {
        let one_way = |from| LinkChange::OneWay { from };
        let down = |seen_by| LinkChange::Down { seen_by };
        let corrupt = |from| {
            let impairment = Impairment { corrupt: 0.1, ..Impairment::default() };
            LinkChange::Impair { from: Some(from), impairment }
        };
        for (tap, change, possible) in [
            (false, down(SeenBy::Both), true),
            (false, down(SeenBy::End(0)), false),
            (false, down(SeenBy::Nobody), true),
            (true, down(SeenBy::Both), true),
            (true, down(SeenBy::Nobody), false),
            (true, one_way(0), false),
            (true, one_way(1), true),
            (false, one_way(0), true),
            (true, corrupt(0), true),
            (true, corrupt(1), false),
        ] {
            assert_eq!(can(tap, [Greylag, Host], &change).is_ok(), possible, "tap: {tap}, {change:?}");
        }
    }

    #[test]
    fn a_host_keeps_its_interface() {
        assert_eq!([cut_at(false, [Host, Greylag]), cut_at(false, [Greylag, Host])], [1, 0]);
        assert_eq!([cut_at(true, [Host, Greylag]), cut_at(false, [Host, Host])], [0, 0]);
    }
}
