use super::probe::PAYLOAD_LEN;
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_ip::ip_header;
use greylag_wire::ethernet::HEADER_LEN;
use smoltcp::wire::UDP_HEADER_LEN;
use std::time::Duration;

/// The frame check sequence, which is on the wire but not in our frames.
pub(crate) const FCS_LEN: usize = 4;
/// The longest frame: what the largest jumbo frame of common switches is, with its tag.
const LONGEST: u16 = 9_216;
/// Six bits (RFC 2474 3).
const DSCP_MAX: u8 = 63;

/// Names a flow in its probes: distinct in one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowEnd {
    /// The host, by its number in the world.
    pub host: usize,
    /// One of its addresses.
    pub addr: IpAddr,
}

/// What a flow is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowConfig {
    /// For people; the phase follows from it.
    pub name: String,
    /// Who sends.
    pub from: FlowEnd,
    /// Who receives.
    pub to: FlowEnd,
    /// UDP source port.
    pub sport: u16,
    /// UDP destination port.
    pub dport: u16,
    /// From one probe to the next: the resolution of what the flow measures.
    pub interval: Duration,
    /// From `start` to the first probe; `None` takes a time below `interval` from the seed, so that the flows of a
    /// world do not all send at once.
    pub phase: Option<Duration>,
    /// Bytes of an untagged frame on the wire, frame check sequence included: 64 (84 with IPv6) to 9216. A tag
    /// comes on top.
    pub size: u16,
    /// The traffic that the flow stands for, in bit/s.
    pub weight_bps: u64,
    /// Differentiated services code point, 0 to 63.
    pub dscp: u8,
    /// Before this, no probe is sent.
    pub start: Instant,
    /// From here on, no probe is sent; `None` is to the end of the run.
    pub stop: Option<Instant>,
}

/// What is wrong with a [`FlowConfig`] or a [`FlowSet`](super::FlowSet).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Two families.
    #[error("flow `{name}` goes from {from} to {to}: both ends must be IPv4 or both IPv6")]
    Families {
        /// The flow.
        name: String,
        /// Where it is from.
        from: IpAddr,
        /// Where it goes.
        to: IpAddr,
    },
    /// No station can have the address.
    #[error("flow `{name}` has {addr} at one end: expected the address of one station")]
    Unicast {
        /// The flow.
        name: String,
        /// The address.
        addr: IpAddr,
    },
    /// Too small for a probe, or longer than any frame.
    #[error("flow `{name}` has frames of {size} bytes: expected {least} to {LONGEST}")]
    Size {
        /// The flow.
        name: String,
        /// The size that was asked for.
        size: u16,
        /// The smallest that holds a probe.
        least: usize,
    },
    /// Time would stand still.
    #[error("flow `{0}` has an interval of 0 or beyond 584 years: expected one such as 10ms")]
    Interval(String),
    /// More than six bits.
    #[error("flow `{name}` has DSCP {dscp}: expected 0 to 63")]
    Dscp {
        /// The flow.
        name: String,
        /// The code point.
        dscp: u8,
    },
    /// A port that no datagram may have.
    #[error("flow `{0}` has UDP port 0: expected 1 to 65535")]
    Port(String),
    /// No pair of ends that differ and speak the same family.
    #[error("flows `{0}` have no pair of ends: expected two hosts with addresses of one family")]
    NoPair(String),
    /// More flows than distinct ports.
    #[error("there are {flows} flows `{name}`: expected at most {most}, one for each pair of ports")]
    TooMany {
        /// The set.
        name: String,
        /// How many were asked for.
        flows: u32,
        /// How many pairs of ports there are from the set's ports upwards.
        most: u32,
    },
}

impl FlowConfig {
    pub(crate) fn check(&self) -> Result<(), FlowError> {
        let name = || self.name.clone();
        let (from, to) = (self.from.addr, self.to.addr);
        if from.is_ipv4() != to.is_ipv4() {
            return Err(FlowError::Families { name: name(), from, to });
        }
        let group = |addr: &IpAddr| {
            addr.is_unspecified()
                || addr.is_multicast()
                || matches!(addr, IpAddr::V4(addr) if addr.is_broadcast())
        };
        if let Some(addr) = [from, to].into_iter().find(group) {
            return Err(FlowError::Unicast { name: name(), addr });
        }
        let least = HEADER_LEN + ip_header::len(from) + UDP_HEADER_LEN + PAYLOAD_LEN + FCS_LEN;
        if !(least..=usize::from(LONGEST)).contains(&usize::from(self.size)) {
            return Err(FlowError::Size { name: name(), size: self.size, least });
        }
        if self.interval.is_zero() || u64::try_from(self.interval.as_nanos()).is_err() {
            return Err(FlowError::Interval(name()));
        }
        if self.dscp > DSCP_MAX {
            return Err(FlowError::Dscp { name: name(), dscp: self.dscp });
        }
        if self.sport == 0 || self.dport == 0 {
            return Err(FlowError::Port(name()));
        }
        Ok(())
    }
}
