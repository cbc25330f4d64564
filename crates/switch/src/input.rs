//! What a switch's control side is told.

use crate::agent::AgentKind;
use crate::config::SwitchConfig;
use crate::fault::Fault;
use crate::octets::Octets;
use crate::routing::FpmInput;
use core::net::IpAddr;
use greylag_base::{InterfaceId, MacAddr, PortId, VlanId};
use greylag_dataplane::{PuntReason, WorkerReport};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that a switch's control side is told from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Input {
    /// A port's link changed.
    Link {
        /// Which port.
        port: PortId,
        /// The link is up.
        up: bool,
    },
    /// A frame for the switch itself has come in.
    Frame {
        /// By which port.
        port: PortId,
        /// From its destination address on.
        frame: Octets,
    },
    /// A packet for the switch itself, or over which it has to decide, has come in.
    Packet {
        /// By which interface.
        interface: InterfaceId,
        /// Why it was handed up.
        reason: PuntReason,
        /// From its destination address on the link on, without a tag.
        frame: Octets,
    },
    /// A datagram has come in by the management network, which is none of the data plane's.
    Management {
        /// Who sent it.
        from: IpAddr,
        /// What UDP carries.
        octets: Octets,
    },
    /// FRR's zebra has connected, said something, or gone.
    Fpm(FpmInput),
    /// Another IP stack shares an interface: what is for the switch itself goes there too.
    HostInterface {
        /// Which.
        interface: InterfaceId,
        /// The kernel's number of it there.
        index: u32,
    },
    /// What one look at the workers brought.
    Reports {
        /// What they reported, as much as the agent takes.
        reports: Vec<WorkerReport>,
        /// Reports that did not fit their queues since the last look.
        lost: u64,
        /// Addresses that they did not learn since the last look because the table had no room.
        full: u64,
    },
    /// An operator commits a configuration. It confirms the commit before, if that waits.
    Commit {
        /// All of it.
        config: Box<SwitchConfig>,
        /// Who.
        author: String,
        /// It is rolled back unless it is confirmed within this time.
        confirm_within: Option<Duration>,
    },
    /// An operator confirms the last commit.
    Confirm,
    /// An operator goes back to the configuration before the last so many commits.
    Rollback {
        /// How many.
        steps: usize,
        /// Who.
        author: String,
    },
    /// An operator flushes dynamic addresses.
    FlushFdb {
        /// Of one port only.
        port: Option<PortId>,
        /// Of one VLAN only.
        vlan: Option<VlanId>,
    },
    /// An operator has the agent's list compared with the table.
    CheckFdb {
        /// And what differs put right.
        repair: bool,
    },
    /// An operator has RIB and FIB compared.
    CheckFib {
        /// And what differs put right.
        repair: bool,
    },
    /// An operator has a packet sent through every bucket of every group.
    CheckPaths,
    /// Something goes wrong inside.
    Fault(Fault),
    /// Time has passed: what [`Switch::poll_timeout`](crate::Switch::poll_timeout) asked for is due.
    Timeout,
}

/// Why an input was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A commit changes what is fixed while a switch runs.
    #[error("{field} cannot change while the switch runs: restart it with the new configuration")]
    Fixed {
        /// The field of the configuration.
        field: String,
    },
    /// A commit has more VLANs than the switch made room for when it started.
    #[error("{vlans} VLANs are too many: this switch made room for {room} when it started")]
    TooManyVlans {
        /// How many it has.
        vlans: usize,
        /// How many are possible.
        room: usize,
    },
    /// A commit has a static address on a port that the switch does not have.
    #[error("the static address {mac} in VLAN {vlan} is on port number {port}, and the switch has {ports}")]
    NoSuchPort {
        /// The address.
        mac: MacAddr,
        /// Its VLAN.
        vlan: VlanId,
        /// The port's number, from 0.
        port: PortId,
        /// How many ports there are.
        ports: usize,
    },
    /// A commit has a static address for which the MAC table has no room.
    #[error("the static address {mac} in VLAN {vlan} does not fit the MAC table: remove others first")]
    StaticMac {
        /// The address.
        mac: MacAddr,
        /// Its VLAN.
        vlan: VlanId,
    },
    /// A commit has bundles that contradict each other.
    #[error("link aggregation: {0}")]
    Lacp(#[from] greylag_lacp::ConfigError),
    /// A commit has a pair of chassis whose session cannot be.
    #[error("multi-chassis iccp: {0}")]
    Iccp(#[from] greylag_iccp::ConfigError),
    /// A commit has interfaces of layer 3 that cannot be.
    #[error("layer 3: {0}")]
    Ip(#[from] greylag_ip::ConfigError),
    /// There is no commit that waits to be confirmed.
    #[error("no commit waits to be confirmed")]
    NothingToConfirm,
    /// The history is not that long.
    #[error("the history has {kept} earlier configurations: expected a rollback of 1 to {kept}")]
    NoSuchRollback {
        /// How many it has.
        kept: usize,
    },
    /// The switch has nothing to do for the agent that it is for.
    #[error(
        "this switch has no {name} agent: expected one of {there}",
        name = .agent.name(),
        there = .there.iter().map(|agent| agent.name()).collect::<Vec<_>>().join(", ")
    )]
    NoAgent {
        /// Which.
        agent: AgentKind,
        /// Those that it has.
        there: Vec<AgentKind>,
    },
    /// The agent that it is for does not run, or does nothing.
    #[error("the {name} agent does not answer: restart it first", name = .agent.name())]
    AgentDown {
        /// Which.
        agent: AgentKind,
    },
}
