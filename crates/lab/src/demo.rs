//! The quickstart lab at work: deploys it, lets its hosts talk, looks at its switch, and removes it.

use crate::client::{self, ClientError};
use crate::deploy::{DeployError, DeployOptions, deploy};
use crate::destroy::{DestroyError, destroy};
use crate::host::{self, TransferReport, TransferSize};
use crate::inspect::{NodeState, inspect};
use crate::netns::{Netns, NetnsError};
use greylag_base::VlanId;
use greylag_scenario::lab::{self, Lab, NodeKind};
use greylag_scenario::{FileError, Source};
use greylag_switch::show::{Counters, FdbEntry};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

/// The lab file that is deployed.
pub const LAB_FILE: &str = include_str!("../../../labs/quickstart.clab.yml");

/// Pings per pair of hosts, one every [`PING_INTERVAL`].
const PINGS: u16 = 3;
const PING_INTERVAL: Duration = Duration::from_millis(20);
/// How long a pair that must not reach each other is given to prove the opposite.
const PING_DEADLINE: Duration = Duration::from_secs(1);
const TRANSFER_TIME: Duration = Duration::from_secs(1);

/// What the demonstration shows, in this order.
pub enum Step {
    /// The lab stands.
    Deployed {
        /// Its name.
        lab: String,
        /// Its hosts.
        hosts: Vec<Host>,
    },
    /// Who reached whom.
    Reached(Vec<Reach>),
    /// TCP from one host to another of its VLAN.
    Transferred {
        /// Who sent.
        from: String,
        /// Who received.
        to: String,
        /// How fast.
        report: TransferReport,
    },
    /// The switch's MAC table.
    MacTable(Vec<FdbEntry>),
    /// The switch's counters.
    Counters(Counters),
    /// Nothing is left.
    Removed,
}

/// A host of the lab.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The VLAN of its port.
    pub vlan: VlanId,
    /// The switch's port that it is on.
    pub port: String,
}

/// Whether one host reached another.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Who asked.
    pub from: String,
    /// Who should answer, or must not.
    pub to: String,
    /// They are in one VLAN: it should be reached.
    pub expected: bool,
    /// The fastest answer; absent when none came.
    pub round_trip: Option<Duration>,
}

impl Reach {
    /// It came as it should.
    pub fn is_right(&self) -> bool {
        self.expected == self.round_trip.is_some()
    }
}

/// Why the demonstration ended early. The lab is removed all the same.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The lab file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A lab of this name is in use.
    #[error("lab `{0}` runs already: remove it with `greylag lab destroy {0}` first")]
    Busy(String),
    /// The lab cannot be deployed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The lab cannot be removed.
    #[error(transparent)]
    Destroy(#[from] DestroyError),
    /// A host's namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The switch does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A host cannot talk.
    #[error("{what}: {source}")]
    Talk {
        /// What was tried.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Hosts reached whom they must not, or did not reach whom they should.
    #[error("{0}")]
    Wrong(String),
    /// The caller asked to stop.
    #[error("interrupted; the lab is removed")]
    Interrupted,
}

/// Runs the demonstration and tells each step. The lab is removed at the end, however it ends.
///
/// # Errors
/// When a step fails, or hosts reach whom they must not.
pub fn run(mut options: DeployOptions, mut on_step: impl FnMut(Step)) -> Result<(), DemoError> {
    let lab = lab::parse(&Source::new("quickstart.clab.yml", LAB_FILE))?;
    let runs = |lab: &Lab| {
        inspect(&options.state, Some(&lab.name)).is_ok_and(|labs| {
            let mut nodes = labs.iter().flat_map(|lab| &lab.nodes);
            nodes.any(|node| node.pid.is_some() && node.state == NodeState::Running)
        })
    };
    if runs(&lab) {
        return Err(DemoError::Busy(lab.name));
    }
    // What a killed demonstration has left is of no use to anybody; and this one's switch is not to outlive it.
    options.reconfigure = true;
    options.tied = true;
    deploy(&lab, &options)?;
    let shown = show(&lab, &options, &mut on_step);
    destroy(&options.state, &lab.name)?;
    if shown.is_ok() {
        on_step(Step::Removed);
    }
    shown
}

fn show(lab: &Lab, options: &DeployOptions, on_step: &mut impl FnMut(Step)) -> Result<(), DemoError> {
    let go_on = || match options.interrupt.load(std::sync::atomic::Ordering::Relaxed) {
        true => Err(DemoError::Interrupted),
        false => Ok(()),
    };
    let hosts = hosts(lab)?;
    let shown = hosts.iter().map(|(host, _)| host.clone()).collect();
    on_step(Step::Deployed { lab: lab.name.clone(), hosts: shown });

    let reaches = reach_all(&hosts);
    let wrong = reaches.iter().find(|reach| !reach.is_right()).cloned();
    on_step(Step::Reached(reaches));
    if let Some(Reach { from, to, expected, .. }) = wrong {
        let verb = if expected { "does not reach" } else { "reaches" };
        let why = if expected { "they are in one VLAN" } else { "their VLANs are different" };
        return Err(DemoError::Wrong(format!("{from} {verb} {to}, although {why}")));
    }
    go_on()?;

    for (from, client) in &hosts {
        let partner = |(to, _): &&(Host, Netns)| to.vlan == from.vlan && to.name > from.name;
        let Some((to, server)) = hosts.iter().find(partner) else { continue };
        let address = SocketAddr::new(to.address, 0);
        let report =
            host::tcp_transfer(server, client, address, TransferSize::Time(TRANSFER_TIME), PING_DEADLINE)
                .map_err(|source| DemoError::Talk {
                    what: format!("TCP from {} to {}", from.name, to.name),
                    source,
                })?;
        on_step(Step::Transferred { from: from.name.clone(), to: to.name.clone(), report });
        go_on()?;
    }

    for node in lab.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Greylag(_))) {
        let socket = options.state.control_socket(&format!("{}-{}", lab.name, node.name));
        on_step(Step::MacTable(client::ask(&socket, "/v1/fdb")?));
        on_step(Step::Counters(client::ask(&socket, "/v1/counters")?));
    }
    Ok(())
}

/// The hosts of the lab with their addresses and VLANs, from the links that join them to a switch.
fn hosts(lab: &Lab) -> Result<Vec<(Host, Netns)>, DemoError> {
    let mut hosts = Vec::new();
    for link in &lab.links {
        for (end, other) in [(0, 1), (1, 0)].map(|(a, b)| (&link.ends[a], &link.ends[b])) {
            let (NodeKind::Host, NodeKind::Greylag(switch)) =
                (&lab.nodes[end.node].kind, &lab.nodes[other.node].kind)
            else {
                continue;
            };
            let port = switch.port(other.interface.as_str()).and_then(|(_, port)| port.membership.untagged());
            let (Some((address, _)), Some(vlan)) = (end.ipv4, port) else { continue };
            let host = Host {
                name: lab.nodes[end.node].name.clone(),
                address: address.into(),
                vlan,
                port: other.interface.to_string(),
            };
            hosts.push((host, Netns::open(&lab.netns(end.node))?));
        }
    }
    Ok(hosts)
}

/// Every host pings every other, all at the same time.
fn reach_all(hosts: &[(Host, Netns)]) -> Vec<Reach> {
    let pairs = hosts.iter().flat_map(|from| hosts.iter().map(move |to| (from, to)));
    thread::scope(|scope| {
        let pings: Vec<_> = pairs
            .filter(|((from, _), (to, _))| from.name != to.name)
            .map(|((from, netns), (to, _))| {
                scope.spawn(move || {
                    // That nobody answers to ARP is an answer too.
                    let report = host::ping(netns, to.address, PINGS, PING_INTERVAL, PING_DEADLINE);
                    Reach {
                        from: from.name.clone(),
                        to: to.name.clone(),
                        expected: from.vlan == to.vlan,
                        round_trip: report.ok().and_then(|report| report.round_trips.into_iter().min()),
                    }
                })
            })
            .collect();
        pings.into_iter().map(|ping| ping.join().expect("a ping does not panic")).collect()
    })
}
