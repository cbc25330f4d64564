//! What the kernel does to the frames that leave an interface: the queueing discipline at its root.
//!
//! `blackhole` is part of every kernel that queues at all; `netem` is a module that may be missing.

use crate::link;
use crate::netlink::Netlink;
use crate::netns::Netns;
use greylag_scenario::story::Impairment;
use netlink_packet_core::{DefaultNla, Emitable, NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use nix::errno::Errno;
use std::io;

/// TCA_OPTIONS of rtnetlink.h. What netem has there begins with a structure, which is no attribute.
const OPTIONS: u16 = 2;

/// The attributes of netem (pkt_sched.h: TCA_NETEM_*).
const REORDER: u16 = 3;
const CORRUPT: u16 = 4;
const RATE: u16 = 6;
const RATE64: u16 = 8;
const LATENCY64: u16 = 10;
const JITTER64: u16 = 11;

/// Frames that netem holds back at most.
const LIMIT: u32 = 10_000;

/// Has the frames that leave an interface disappear.
pub(crate) fn blackhole(netns: &Netns, interface: &str) -> io::Result<()> {
    replace(netns, interface, "blackhole", None)
}

/// Has the frames that leave an interface fare badly (tc-netem(8)).
///
/// # Errors
/// `ENOENT` when the kernel has no netem.
pub(crate) fn impair(netns: &Netns, interface: &str, impairment: &Impairment) -> io::Result<()> {
    replace(netns, interface, "netem", Some(netem(impairment)))
}

/// Do all frames that leave an interface disappear?
pub(crate) fn is_blackhole(netns: &Netns, interface: &str) -> io::Result<bool> {
    let found = link::find(netns, interface).map_err(|error| error.source)?.ok_or(Errno::ENODEV)?;
    let mut netlink = Netlink::open(netns)?;
    let all = netlink.dump(RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default()))?;
    Ok(all.iter().any(|message| {
        let RouteNetlinkMessage::NewQueueDiscipline(message) = message else { return false };
        let is_it = |attribute: &TcAttribute| *attribute == TcAttribute::Kind("blackhole".to_owned());
        message.header.index == found.index as i32 && message.attributes.iter().any(is_it)
    }))
}

/// The interfaces, by number, that have anything else on the way out than what a veth begins with, which is nothing (`noqueue`). What is
/// only on the way in counts as well.
pub(crate) fn queueing(netns: &Netns) -> io::Result<Vec<u32>> {
    let mut netlink = Netlink::open(netns)?;
    let all = netlink.dump(RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default()))?;
    let is_nothing = |attribute: &TcAttribute| *attribute == TcAttribute::Kind("noqueue".to_owned());
    let queueing = all.iter().filter_map(|message| {
        let RouteNetlinkMessage::NewQueueDiscipline(message) = message else { return None };
        (!message.attributes.iter().any(is_nothing)).then_some(message.header.index as u32)
    });
    Ok(queueing.collect())
}

/// Has frames leave as if nothing had been done to them.
pub(crate) fn clear(netns: &Netns, interface: &str) -> io::Result<()> {
    let mut netlink = Netlink::open(netns)?;
    let message = RouteNetlinkMessage::DelQueueDiscipline(at_root(netns, interface)?);
    match netlink.request(message, 0) {
        // There was none.
        Err(error)
            if [Errno::ENOENT, Errno::EINVAL]
                .map(|errno| Some(errno as i32))
                .contains(&error.raw_os_error()) =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Does this kernel have netem? Asked in a namespace that goes at once.
pub(crate) fn has_netem() -> bool {
    let name = format!("greylag-netem-{}", std::process::id());
    let Ok(netns) = Netns::create(&name) else { return false };
    let has = impair(&netns, "lo", &Impairment::default()).is_ok();
    let _ = Netns::delete(&name);
    has
}

fn replace(netns: &Netns, interface: &str, kind: &str, options: Option<Vec<u8>>) -> io::Result<()> {
    let mut message = at_root(netns, interface)?;
    message.attributes.push(TcAttribute::Kind(kind.to_owned()));
    message.attributes.extend(options.map(|bytes| TcAttribute::Other(DefaultNla::new(OPTIONS, bytes))));
    let message = RouteNetlinkMessage::NewQueueDiscipline(message);
    Netlink::open(netns)?.request(message, NLM_F_CREATE | NLM_F_REPLACE).map(drop)
}

fn at_root(netns: &Netns, interface: &str) -> io::Result<TcMessage> {
    let found = link::find(netns, interface).map_err(|error| error.source)?.ok_or(Errno::ENODEV)?;
    let mut message = TcMessage::default();
    message.header.index = found.index as i32;
    message.header.parent = TcHandle::ROOT;
    Ok(message)
}

/// `struct tc_netem_qopt`, and behind it the attributes that are needed.
fn netem(impairment: &Impairment) -> Vec<u8> {
    let share = |share: f64| (share * f64::from(u32::MAX)) as u32;
    let nanoseconds = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    // Every frame that is not held back overtakes those that are.
    let gap = u32::from(impairment.reorder > 0.0);
    let fields = [0, LIMIT, share(impairment.loss), gap, share(impairment.duplicate), 0];
    let mut bytes: Vec<u8> = fields.into_iter().flat_map(u32::to_ne_bytes).collect();
    let mut add = |kind: u16, value: Vec<u8>| {
        let attribute = DefaultNla::new(kind, value);
        let at = bytes.len();
        bytes.resize(at + attribute.buffer_len(), 0);
        attribute.emit(&mut bytes[at..]);
    };
    add(LATENCY64, nanoseconds(impairment.delay).to_ne_bytes().to_vec());
    add(JITTER64, nanoseconds(impairment.jitter).to_ne_bytes().to_vec());
    for (kind, value) in [(REORDER, impairment.reorder), (CORRUPT, impairment.corrupt)] {
        if value > 0.0 {
            // A probability, and a correlation with the last frame's.
            add(kind, [share(value), 0].into_iter().flat_map(u32::to_ne_bytes).collect());
        }
    }
    if let Some(rate) = impairment.rate {
        // In bytes a second; the old attribute has 32 bits of it.
        let rate = rate / 8;
        add(RATE64, rate.to_ne_bytes().to_vec());
        let old = [u32::try_from(rate).unwrap_or(u32::MAX), 0, 0, 0];
        add(RATE, old.into_iter().flat_map(u32::to_ne_bytes).collect());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn netem_is_told_in_its_own_structure() {
        let impairment = Impairment { loss: 1.0, delay: Duration::from_millis(5), ..Impairment::default() };
        let bytes = netem(&impairment);
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!([0, 4, 8, 12, 16, 20].map(word), [0, LIMIT, u32::MAX, 0, 0, 0]);
        // Length and kind, and then the value.
        let half = |at: usize| u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap());
        assert_eq!((half(24), half(26)), (12, LATENCY64));
        assert_eq!(i64::from_ne_bytes(bytes[28..36].try_into().unwrap()), 5_000_000);
        assert_eq!(bytes.len(), 24 + 2 * 12);
    }
}
