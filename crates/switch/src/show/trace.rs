//! What the switch would do with a frame, step by step: the data plane's own stages decide, and this says it in words.

use crate::Switch;
use crate::config::InterfacePlace;
use crate::octets::Octets;
use crate::routing::fib_longest;
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId, MacAddr, PortId, VlanId};
use greylag_dataplane::{Choice, Decision, NextHop, Path, Rehearsed, Seen, stage_of};
use greylag_fib::GroupId;
use greylag_ip::ip_header;
use greylag_wire::ethernet::{self, EtherType, Frame};
use greylag_wire::vlan::{TAG_LEN, Tag, Tci};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use smoltcp::wire::IpProtocol;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct TraceRequest {
    /// The port that the frame comes in by.
    pub port: String,
    /// The switch itself sends it: by `interface`, or without one the way that the FIB says. No port is looked at then.
    pub own: bool,
    /// The interface of layer 3 that the switch itself sends it by.
    pub interface: Option<String>,
    /// The worker that takes it; the first when absent.
    pub worker: u16,
    /// The whole frame, from its destination address on. What follows is not looked at then.
    pub frame: Option<Octets>,
    /// The VLAN of its tag; without one when absent.
    pub vlan: Option<u16>,
    /// Whom it is from on the link.
    pub source_mac: Option<MacAddr>,
    /// Whom it is to on the link; the switch's own interface when absent.
    pub destination_mac: Option<MacAddr>,
    /// The packet's source.
    pub source: Option<IpAddr>,
    /// The packet's destination.
    pub destination: Option<IpAddr>,
    /// The number of its protocol; UDP when absent.
    pub protocol: Option<u8>,
    /// Of UDP and TCP.
    pub source_port: u16,
    /// Of UDP and TCP.
    pub destination_port: u16,
    /// Its time to live; 64 when absent.
    pub ttl: Option<u8>,
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// There is no such port.
    #[error("this switch has no port `{port}`: expected one of {there}")]
    NoPort {
        /// What was asked for.
        port: String,
        /// Those that it has.
        there: String,
    },
    /// There is no such interface.
    #[error("this switch has no interface `{interface}` of layer 3: expected one of {there}")]
    NoSuchInterface {
        /// What was asked for.
        interface: String,
        /// Those that it has.
        there: String,
    },
    /// There is no such worker.
    #[error("this switch has no worker {worker}: expected 0 to {last}")]
    NoWorker {
        /// What was asked for.
        worker: u16,
        /// The last.
        last: u16,
    },
    /// There is no VLAN of this number.
    #[error("VLAN {0} is none: expected 1 to 4094")]
    NoVlan(u16),
    /// The frame is not described.
    #[error("what frame? Give a destination address, or a whole frame")]
    NoFrame,
    /// The ends of the packet are of two families.
    #[error("source and destination are of two families: expected both of IPv4 or both of IPv6")]
    Families,
    /// No interface of the port has an address for whom the packet could be.
    #[error("port `{0}` has no interface of layer 3: give the destination's MAC address")]
    NoInterface(String),
}

/// What the switch would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceRow {
    /// The port that the frame comes in by.
    pub port: String,
    /// The worker that takes it.
    pub worker: u16,
    /// From whom it is on the link.
    pub source_mac: Option<MacAddr>,
    /// To whom it is on the link.
    pub destination_mac: Option<MacAddr>,
    /// To whom the packet is, if it is one.
    pub destination: Option<IpAddr>,
    /// `forwarded`, `flooded`, `routed`, `to-the-switch` or `dropped`.
    pub decision: String,
    /// Why it is dropped.
    pub reason: Option<String>,
    /// Where: `ingress`, `learn`, `route`, `lookup`, `flood` or `egress`.
    pub stage: Option<String>,
    /// Its VLAN, and what the table says of its stations, where it comes to the bridge.
    pub bridge: Option<TraceBridge>,
    /// The route that it takes.
    pub route: Option<TraceRoute>,
    /// What is sent.
    pub sent: Vec<TraceSent>,
    /// All of it in words, in order.
    pub steps: Vec<String>,
}

/// What the bridge knows of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceBridge {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The port or bundle behind which the table has its source.
    pub source: Option<String>,
    /// The port or bundle behind which the table has its destination.
    pub destination: Option<String>,
    /// Members of the VLAN that are up and get nothing that is flooded: their agent has not put them into the flood group.
    pub left_out: Vec<String>,
}

/// A route as one flow takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceRoute {
    /// The longest prefix that the FIB has.
    pub prefix: Option<IpNet>,
    /// Its group.
    pub group: GroupId,
    /// How many buckets that has.
    pub buckets: usize,
    /// The flow's bucket.
    pub bucket: u16,
    /// Where that leads, for people.
    pub next_hop: String,
    /// By which interface, if by any.
    pub interface: Option<String>,
    /// The address of the next hop; absent where that is the packet's own destination.
    pub address: Option<IpAddr>,
    /// The station of it, while that is known.
    pub neighbor: Option<MacAddr>,
}

/// A frame that is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceSent {
    /// By which port.
    pub port: String,
    /// To whom on the link.
    pub destination_mac: MacAddr,
    /// From whom.
    pub source_mac: MacAddr,
    /// The VLAN of its tag.
    pub vlan: Option<u16>,
    /// The packet's time to live, if it is one.
    pub ttl: Option<u8>,
    /// The whole frame.
    pub frame: Octets,
}

impl Switch {
    /// What would become of a frame now. Nothing is sent, counted or learned.
    ///
    /// # Errors
    /// When the question makes no sense.
    pub fn trace(&self, now: Instant, request: &TraceRequest) -> Result<TraceRow, TraceError> {
        let (rehearsed, frame, comes) = if request.own {
            let frame = request.frame.as_ref().ok_or(TraceError::NoFrame)?.0.clone();
            let interface =
                request.interface.as_deref().map(|name| self.trace_interface_called(name)).transpose()?;
            let by = request.interface.as_ref().map_or_else(String::new, |name| format!(" by {name}"));
            (self.data_plane().rehearse_own(now, interface, &frame), frame, format!("the switch sends{by}"))
        } else {
            let ingress = self.trace_ingress(request)?;
            let frame = match &request.frame {
                Some(frame) => frame.0.clone(),
                None => self.trace_frame(ingress, request)?,
            };
            let rehearsed = self.data_plane().rehearse(now, request.worker.into(), ingress, &frame);
            (rehearsed, frame, format!("comes in by {}", request.port))
        };
        let mut row = self.explained(comes, &frame, rehearsed);
        (row.port, row.worker) = (request.port.clone(), request.worker);
        Ok(row)
    }

    /// What became of a frame that came in, in words.
    pub fn traced(&self, ingress: PortId, worker: u16, frame: &[u8], what: Rehearsed) -> TraceRow {
        let port = self.port_name(ingress);
        let row = self.explained(format!("comes in by {port}"), frame, what);
        TraceRow { port, worker, ..row }
    }

    fn explained(&self, comes: String, frame: &[u8], what: Rehearsed) -> TraceRow {
        let Rehearsed { decision, seen, choice, sent } = what;
        let sent = sent.into_iter().filter_map(|(port, frame)| self.trace_sent(port, frame)).collect();
        let destination = destination_of(frame);
        let view = Frame::new_checked(frame);
        let mut row = TraceRow {
            port: String::new(),
            worker: 0,
            source_mac: view.as_ref().map(Frame::source),
            destination_mac: view.as_ref().map(Frame::destination),
            destination,
            decision: String::new(),
            reason: None,
            stage: None,
            bridge: seen.map(|seen| self.trace_bridge(seen)),
            route: choice.map(|choice| self.trace_route(choice, destination)),
            sent,
            steps: vec![format!("{comes}: {}", frame_text(frame))],
        };
        row.steps.extend(row.bridge.as_ref().map(bridge_text));
        self.tell_decision(decision, &mut row);
        for sent in &row.sent {
            let ttl = sent.ttl.map_or_else(String::new, |ttl| format!(", time to live {ttl}"));
            row.steps.push(format!("leaves by {}: {}{ttl}", sent.port, frame_text(&sent.frame.0)));
        }
        row
    }

    fn trace_ingress(&self, request: &TraceRequest) -> Result<PortId, TraceError> {
        let Some((ingress, _)) = self.config().port(&request.port) else {
            let there: Vec<&str> = self.ports().iter().map(|port| port.config().name.as_str()).collect();
            return Err(TraceError::NoPort { port: request.port.clone(), there: there.join(", ") });
        };
        let last = self.config().workers.count - 1;
        if request.worker > last {
            return Err(TraceError::NoWorker { worker: request.worker, last });
        }
        Ok(ingress)
    }

    fn trace_interface_called(&self, name: &str) -> Result<InterfaceId, TraceError> {
        let mut interfaces = self.config().numbered_interfaces();
        interfaces.find(|(_, interface)| interface.name.as_str() == name).map(|(id, _)| id).ok_or_else(|| {
            let there: Vec<&str> =
                self.config().interfaces.iter().map(|interface| interface.name.as_str()).collect();
            TraceError::NoSuchInterface { interface: name.to_owned(), there: there.join(", ") }
        })
    }

    fn trace_bridge(&self, seen: Seen) -> TraceBridge {
        let plane = self.data_plane().forwarding();
        let left_out = plane.vlan(seen.vlan).into_iter().flat_map(|vlan| vlan.left_out.iter());
        TraceBridge {
            vlan: seen.vlan,
            source: seen.source.map(|port| self.port_name(port)),
            destination: seen.destination.map(|port| self.port_name(port)),
            left_out: left_out.map(|port| self.port_name(port)).collect(),
        }
    }

    fn tell_decision(&self, decision: Option<Decision>, row: &mut TraceRow) {
        let all = |left_out: bool| {
            let but = if left_out { ", but for ports that are not in its flood group" } else { "" };
            format!("to all ports of the VLAN{but}")
        };
        row.steps.extend(row.route.as_ref().map(route_text));
        let (name, step) = match decision {
            Some(Decision::Forwarded(port)) => ("forwarded", format!("to {} alone", self.port_name(port))),
            Some(Decision::Flooded { left_out }) => ("flooded", all(left_out)),
            Some(Decision::Routed { path, .. }) => ("routed", self.leaves_text(&path)),
            Some(Decision::RoutedToAll { left_out, .. }) => {
                ("routed", format!("the MAC table does not know its station: {}", all(left_out)))
            }
            Some(Decision::Punted) => ("to-the-switch", "it is for the switch itself".to_owned()),
            Some(Decision::Dropped(reason)) => {
                row.reason = Some(reason.name().to_owned());
                row.stage = Some(stage_of(reason).to_owned());
                ("dropped", format!("dropped, {}: {}", reason.name(), reason.description()))
            }
            None => ("dropped", "nothing can be said of it".to_owned()),
        };
        name.clone_into(&mut row.decision);
        row.steps.push(step);
    }

    fn leaves_text(&self, path: &Path) -> String {
        format!("to the station {} by {}", path.neighbor, self.interface_name(path.interface))
    }

    fn trace_route(&self, choice: Choice, destination: Option<IpAddr>) -> TraceRoute {
        let Choice { group, bucket, next_hop } = choice;
        let routes = self.data_plane().routes();
        let word = next_hop.zip(routes).map(|(id, routes)| routes.next_hop(id));
        let (interface, neighbor) = match word {
            Some(NextHop::Neighbor { interface, mac }) => (Some(interface), Some(mac)),
            Some(NextHop::Unresolved { interface } | NextHop::Glean { interface }) => (Some(interface), None),
            _ => (None, None),
        };
        TraceRoute {
            prefix: destination.and_then(|to| fib_longest(self.data_plane(), to)).map(|(prefix, _)| prefix),
            group,
            buckets: routes.map_or(0, |routes| routes.tables().groups.buckets(group).len()),
            bucket,
            next_hop: next_hop.map_or_else(|| "nobody".to_owned(), |id| self.words().next_hop(id)),
            interface: interface.map(|id| self.interface_name(id)),
            address: next_hop.and_then(|id| self.words().address(id)),
            neighbor,
        }
    }

    /// A frame as it is described.
    fn trace_frame(&self, ingress: PortId, request: &TraceRequest) -> Result<Vec<u8>, TraceError> {
        let to = request.destination.ok_or(TraceError::NoFrame)?;
        let from = request.source.unwrap_or(match to {
            IpAddr::V4(_) => IpAddr::from([192, 0, 2, 1]),
            IpAddr::V6(_) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        });
        if from.is_ipv4() != to.is_ipv4() {
            return Err(TraceError::Families);
        }
        let vlan = match request.vlan {
            Some(vlan) => Some(VlanId::new(vlan).ok_or(TraceError::NoVlan(vlan))?),
            None => None,
        };
        let destination = match request.destination_mac {
            Some(mac) => mac,
            None => self
                .trace_interface(ingress, vlan)
                .and_then(|id| self.config().interfaces.get(id.index()))
                .map(|interface| self.interface_mac(interface))
                .ok_or_else(|| TraceError::NoInterface(request.port.clone()))?,
        };
        let source = request.source_mac.unwrap_or(MacAddr([2, 0, 0, 0, 0, 1]));
        let protocol = IpProtocol::from(request.protocol.unwrap_or(17));
        let header_len = ip_header::len(to);
        let mut packet = vec![0; header_len + 20];
        let body = ip_header::emit(&mut packet, (from, to), protocol, request.ttl.unwrap_or(64));
        body[..2].copy_from_slice(&request.source_port.to_be_bytes());
        body[2..4].copy_from_slice(&request.destination_port.to_be_bytes());
        let ether_type = if to.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 };
        let mut frame = ethernet::Repr { destination, source, ether_type }.frame(&packet);
        if let Some(vlan) = vlan {
            frame.splice(12..12, Tci(0).with_vlan(vlan).to_bytes());
        }
        Ok(frame)
    }

    /// The interface that a frame without, or with, a tag would be to.
    fn trace_interface(&self, ingress: PortId, vlan: Option<VlanId>) -> Option<InterfaceId> {
        let membership = &self.ports()[ingress.index()].config().membership;
        let bridge = membership.aggregate().map_or(ingress, |member| member.lag);
        let vlan = vlan.or_else(|| self.ports()[bridge.index()].config().membership.untagged());
        let carries = |place| match place {
            InterfacePlace::Port(port) => port == bridge,
            InterfacePlace::Vlan(of) => Some(of) == vlan,
            InterfacePlace::Loopback => false,
        };
        self.config().numbered_interfaces().find(|(_, own)| carries(own.place)).map(|(id, _)| id)
    }

    fn trace_sent(&self, port: PortId, frame: Vec<u8>) -> Option<TraceSent> {
        let view = Frame::new_checked(&frame)?;
        let (destination_mac, source_mac) = (view.destination(), view.source());
        let vlan = match Tag::parse(&frame) {
            Tag::Present(tci) => Some(tci.0 & 0xfff),
            _ => None,
        };
        let packet = packet_of(&frame);
        let ttl = packet.and_then(|packet| match packet.first()? >> 4 {
            4 => packet.get(8).copied(),
            6 => packet.get(7).copied(),
            _ => None,
        });
        Some(TraceSent {
            port: self.port_name(port),
            destination_mac,
            source_mac,
            vlan,
            ttl,
            frame: Octets(frame),
        })
    }
}

fn bridge_text(bridge: &TraceBridge) -> String {
    let place = |port: &Option<String>| {
        port.as_ref().map_or_else(|| "unknown".to_owned(), |port| format!("behind {port}"))
    };
    let (source, destination) = (place(&bridge.source), place(&bridge.destination));
    format!("VLAN {}: the MAC table has its source {source}, its destination {destination}", bridge.vlan)
}

fn route_text(route: &TraceRoute) -> String {
    let prefix = route.prefix.map_or_else(|| "a route".to_owned(), |prefix| prefix.to_string());
    let TraceRoute { group, buckets, bucket, next_hop, .. } = route;
    let station = route.neighbor.map_or_else(String::new, |mac| format!(", station {mac}"));
    format!(
        "{prefix} leads to group {} of {buckets} buckets, the flow's bucket {bucket} to {next_hop}{station}",
        group.get()
    )
}

/// What is behind header and tag, if it is an IP packet.
fn packet_of(frame: &[u8]) -> Option<&[u8]> {
    let tag = if let Tag::Present(_) = Tag::parse(frame) { TAG_LEN } else { 0 };
    let ether_type = u16::from_be_bytes(*frame.get(12 + tag..)?.first_chunk::<2>()?);
    let is_ip = [EtherType::IPV4, EtherType::IPV6].contains(&EtherType(ether_type));
    frame.get(14 + tag..).filter(|_| is_ip)
}

fn destination_of(frame: &[u8]) -> Option<IpAddr> {
    let packet = packet_of(frame)?;
    match packet.first()? >> 4 {
        4 => Some(IpAddr::from(*packet.get(16..20)?.first_chunk::<4>()?)),
        6 => Some(IpAddr::from(*packet.get(24..40)?.first_chunk::<16>()?)),
        _ => None,
    }
}

fn frame_text(frame: &[u8]) -> String {
    let Some(view) = Frame::new_checked(frame) else { return format!("{} octets", frame.len()) };
    let tag = match Tag::parse(frame) {
        Tag::Present(tci) => format!(", VLAN {}", tci.0 & 0xfff),
        _ => String::new(),
    };
    let to = destination_of(frame).map_or_else(String::new, |to| format!(", for {to}"));
    format!("{} to {}{tag}{to}", view.source(), view.destination())
}
