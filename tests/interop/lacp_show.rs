//! What Open vSwitch says of a bond: `ovs-appctl lacp/show`.

use std::collections::{BTreeMap, BTreeSet};

/// A bond.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bond {
    /// It has a partner.
    pub(crate) negotiated: bool,
    /// By interface.
    pub(crate) members: BTreeMap<String, Member>,
}

/// A member of a bond.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Member {
    /// `current`, `expired` or `defaulted`.
    pub(crate) status: String,
    /// It has joined the partner that the bond keeps.
    pub(crate) attached: bool,
    /// Frames may leave by it.
    pub(crate) may_enable: bool,
    /// Itself.
    pub(crate) actor: End,
    /// What it has heard of us.
    pub(crate) partner: End,
}

/// One end of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct End {
    pub(crate) system_id: String,
    pub(crate) system_priority: u16,
    pub(crate) port_id: u16,
    pub(crate) port_priority: u16,
    pub(crate) key: u16,
    /// The flags that are set, by the names that it has for them.
    pub(crate) flags: BTreeSet<String>,
}

/// The flags of an end that frames pass by, but for who speaks first and how often.
const PASSING: [&str; 4] = ["aggregation", "synchronized", "collecting", "distributing"];

impl Bond {
    /// Reads what was printed.
    ///
    /// # Errors
    /// The first line that is not known.
    pub(crate) fn read(text: &str) -> Result<Bond, String> {
        let mut bond = Bond::default();
        let mut member = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let unknown = || line.to_owned();
            if line.starts_with("----") {
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(unknown)?;
            let value = value.trim();
            match name {
                "status" => bond.negotiated = value.ends_with("negotiated"),
                "member" => {
                    let (interface, status) = value.split_once(": ").ok_or_else(unknown)?;
                    let (status, attached) = status.split_once(' ').ok_or_else(unknown)?;
                    let (status, attached) = (status.to_owned(), attached == "attached");
                    member = interface.to_owned();
                    bond.members.insert(member.clone(), Member { status, attached, ..Member::default() });
                }
                _ => {
                    let Some(member) = bond.members.get_mut(&member) else { continue };
                    member.set(name, value).ok_or_else(unknown)?;
                }
            }
        }
        Ok(bond)
    }

    /// Every member has joined a partner, and frames leave by it.
    pub(crate) fn is_whole(&self) -> bool {
        self.negotiated && self.members.values().all(Member::is_used)
    }
}

impl Member {
    /// Frames pass both ways, as far as the two ends say.
    pub(crate) fn is_used(&self) -> bool {
        let passes = |end: &End| PASSING.iter().all(|&flag| end.flags.contains(flag));
        self.status == "current"
            && self.attached
            && self.may_enable
            && passes(&self.actor)
            && passes(&self.partner)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let (end, name) = match name.split_once(' ') {
            Some(("actor", name)) => (&mut self.actor, name),
            Some(("partner", name)) => (&mut self.partner, name),
            _ => {
                if name == "may_enable" {
                    self.may_enable = value == "true";
                }
                return Some(());
            }
        };
        match name {
            "sys_id" => end.system_id = value.to_owned(),
            "sys_priority" => end.system_priority = value.parse().ok()?,
            "port_id" => end.port_id = value.parse().ok()?,
            "port_priority" => end.port_priority = value.parse().ok()?,
            "key" => end.key = value.parse().ok()?,
            "state" => end.flags = value.split_whitespace().map(str::to_owned).collect(),
            _ => return None,
        }
        Some(())
    }
}

#[test]
fn what_open_vswitch_says_is_read() {
    let bond = Bond::read(
        "---- bond0 ----
  status: active negotiated
  sys_id: be:30:b1:17:26:46
  sys_priority: 65534
  aggregation key: 1
  lacp_time: fast

member: m1: current attached
  port_id: 1
  port_priority: 65535
  may_enable: true

  actor sys_id: be:30:b1:17:26:46
  actor sys_priority: 65534
  actor port_id: 1
  actor port_priority: 65535
  actor key: 1
  actor state: activity timeout aggregation synchronized collecting distributing

  partner sys_id: 3e:ed:30:00:d8:42
  partner sys_priority: 100
  partner port_id: 2
  partner port_priority: 7
  partner key: 3
  partner state: activity timeout aggregation synchronized collecting distributing

member: m2: defaulted detached
  port_id: 2
  port_priority: 65535
  may_enable: false
",
    )
    .unwrap();
    let Member { actor, partner, .. } = &bond.members["m1"];
    assert!(bond.members["m1"].is_used() && !bond.members["m2"].is_used() && !bond.is_whole());
    assert_eq!((actor.port_id, actor.key), (1, 1));
    assert_eq!((partner.system_id.as_str(), partner.system_priority), ("3e:ed:30:00:d8:42", 100));
    assert_eq!((partner.port_id, partner.port_priority, partner.key), (2, 7, 3));
    assert_eq!(
        Bond::read("member: m1: current attached\n  actor port_id: one\n"),
        Err("actor port_id: one".into())
    );
}
