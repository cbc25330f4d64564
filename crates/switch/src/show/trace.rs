//! What the switch would do with a frame, step by step: the data plane's own stages decide, and this says it in words.

use crate::Switch;
use crate::config::InterfacePlace;
use crate::octets::Octets;
use crate::routing::{fib_longest, group_text};
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId, MacAddr, PortId, VlanId};
use greylag_dataplane::{Decision, Path};
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
    /// `forwarded`, `flooded`, `routed`, `to-the-switch` or `dropped`.
    pub decision: String,
    /// Why it is dropped.
    pub reason: Option<String>,
    /// The route that it takes.
    pub route: Option<TraceRoute>,
    /// What is sent.
    pub sent: Vec<TraceSent>,
    /// All of it in words, in order.
    pub steps: Vec<String>,
}

/// A route as one flow takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceRoute {
    /// The longest prefix that the FIB has.
    pub prefix: Option<IpNet>,
    /// Its group.
    pub group: GroupId,
    /// The flow's bucket.
    pub bucket: u16,
    /// Where that leads.
    pub next_hop: String,
    /// By which interface.
    pub interface: String,
    /// To which station.
    pub neighbor: MacAddr,
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
        let Some((ingress, _)) = self.config().port(&request.port) else {
            let there: Vec<&str> = self.ports().iter().map(|port| port.config().name.as_str()).collect();
            return Err(TraceError::NoPort { port: request.port.clone(), there: there.join(", ") });
        };
        let last = self.config().workers.count - 1;
        if request.worker > last {
            return Err(TraceError::NoWorker { worker: request.worker, last });
        }
        let frame = match &request.frame {
            Some(frame) => frame.0.clone(),
            None => self.trace_frame(ingress, request)?,
        };
        let rehearsed = self.data_plane().rehearse(now, request.worker.into(), ingress, &frame);
        let sent: Vec<TraceSent> =
            rehearsed.sent.into_iter().filter_map(|(port, frame)| self.trace_sent(port, frame)).collect();
        let destination = destination_of(&frame);
        let mut row = TraceRow {
            port: request.port.clone(),
            worker: request.worker,
            decision: String::new(),
            reason: None,
            route: None,
            sent,
            steps: vec![format!("comes in by {}: {}", request.port, frame_text(&frame))],
        };
        self.tell_decision(rehearsed.decision, destination, &mut row);
        for sent in &row.sent {
            let ttl = sent.ttl.map_or_else(String::new, |ttl| format!(", time to live {ttl}"));
            row.steps.push(format!("leaves by {}: {}{ttl}", sent.port, frame_text(&sent.frame.0)));
        }
        Ok(row)
    }

    fn tell_decision(&self, decision: Option<Decision>, destination: Option<IpAddr>, row: &mut TraceRow) {
        let all = |left_out: bool| {
            let but = if left_out { ", but for ports that are not in its flood group" } else { "" };
            format!("to all ports of the VLAN{but}")
        };
        let (name, step) = match decision {
            Some(Decision::Forwarded(_)) => ("forwarded", "the MAC table knows its station".to_owned()),
            Some(Decision::Flooded { left_out }) => ("flooded", all(left_out)),
            Some(Decision::Routed { path, .. }) => ("routed", self.tell_route(path, destination, row)),
            Some(Decision::RoutedToAll { path, left_out }) => {
                let step = self.tell_route(path, destination, row);
                row.steps.push(step);
                ("routed", format!("the MAC table does not know its station: {}", all(left_out)))
            }
            Some(Decision::Punted) => ("to-the-switch", "it is for the switch itself".to_owned()),
            Some(Decision::Dropped(reason)) => {
                row.reason = Some(reason.name().to_owned());
                if let Some((prefix, group)) = destination.and_then(|to| fib_longest(self.data_plane(), to)) {
                    let group = group_text(self, group);
                    row.steps.push(format!("the FIB has {prefix} for it: {group}"));
                }
                ("dropped", format!("dropped, {}: {}", reason.name(), reason.description()))
            }
            None => ("dropped", "nothing can be said of it".to_owned()),
        };
        name.clone_into(&mut row.decision);
        row.steps.push(step);
    }

    fn tell_route(&self, path: Path, destination: Option<IpAddr>, row: &mut TraceRow) -> String {
        let prefix = destination.and_then(|to| fib_longest(self.data_plane(), to)).map(|(prefix, _)| prefix);
        let route = TraceRoute {
            prefix,
            group: path.group,
            bucket: path.bucket,
            next_hop: self.words().next_hop(path.next_hop),
            interface: self.interface_name(path.interface),
            neighbor: path.neighbor,
        };
        let prefix = prefix.map_or_else(|| "a route".to_owned(), |prefix| prefix.to_string());
        let step = format!(
            "{prefix} leads to group {}, the flow's bucket {} there to {}: station {} by {}",
            route.group.get(),
            route.bucket,
            route.next_hop,
            route.neighbor,
            route.interface
        );
        row.route = Some(route);
        step
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
