//! Which frames somebody wants to see: a small language after that of tcpdump (pcap-filter(7)), without its library.
//!
//! `host 10.0.0.1 and (tcp port 179 or icmp)`: primitives, `not` or `!`, `and` or nothing, `or`, and parentheses. `not` binds
//! closest, then `and`, then `or`; tcpdump has `and` and `or` alike. docs/trace.md has all words.
//!
//! ```
//! use greylag_lab::filter::Filter;
//!
//! let filter: Filter = "vlan 10 and not arp".parse().unwrap();
//! assert!(!filter.takes(&[0xff; 60]));
//! let error = "host 10.0.0.1 nad arp".parse::<Filter>().unwrap_err();
//! assert_eq!(error.to_string(), "filter, at 15: `nad` is no word of a filter: expected `and`, `or` or the end");
//! ```

mod frame;
mod parse;

use core::net::IpAddr;
use frame::Fields;
use greylag_base::MacAddr;
use greylag_wire::ethernet::EtherType;
use ipnet::IpNet;

pub use parse::FilterError;

/// A filter; the empty one takes every frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Option<Expression>);

/// What a frame has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    /// An address of the packet, or of what ARP is about.
    Net(End, IpNet),
    /// An address on the link.
    Station(End, MacAddr),
    Port(End, Option<u8>, u16),
    /// In this VLAN, or with any tag.
    Vlan(Option<u16>),
    EtherType(u16),
    Protocol(u8),
    Lacp,
    Broadcast,
    Multicast,
}

/// Which of two ends is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Source,
    Destination,
    Either,
}

impl End {
    fn is(self, one: bool, other: bool) -> bool {
        match self {
            End::Source => one,
            End::Destination => other,
            End::Either => one || other,
        }
    }
}

impl Filter {
    /// Is it one of those frames? Reads what is there, as far as it is there.
    pub fn takes(&self, frame: &[u8]) -> bool {
        match &self.0 {
            None => true,
            Some(expression) => Fields::of(frame).is_some_and(|fields| expression.takes(&fields)),
        }
    }
}

impl Expression {
    fn takes(&self, frame: &Fields) -> bool {
        match self {
            Expression::And(all) => all.iter().all(|one| one.takes(frame)),
            Expression::Or(any) => any.iter().any(|one| one.takes(frame)),
            Expression::Not(one) => !one.takes(frame),
            Expression::Net(end, net) => {
                let is = |address: Option<IpAddr>| address.is_some_and(|address| net.contains(&address));
                end.is(is(frame.from), is(frame.to))
            }
            Expression::Station(end, mac) => end.is(frame.source == *mac, frame.destination == *mac),
            Expression::Port(end, protocol, port) => {
                protocol.is_none_or(|protocol| frame.protocol == Some(protocol))
                    && frame.ports.is_some_and(|[from, to]| end.is(from == *port, to == *port))
            }
            Expression::Vlan(vlan) => frame.vlan.is_some_and(|tag| vlan.is_none_or(|vlan| vlan == tag)),
            Expression::EtherType(number) => frame.ether_type == *number,
            Expression::Protocol(number) => frame.protocol == Some(*number),
            Expression::Lacp => frame.ether_type == EtherType::SLOW.0 && frame.subtype == Some(1),
            Expression::Broadcast => frame.destination.is_broadcast(),
            Expression::Multicast => frame.destination.is_group(),
        }
    }
}
