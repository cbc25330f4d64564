//! Parts of packets that are for us, until they are whole (RFC 791 3.2, RFC 815, RFC 8200 4.5). Parts that overlap are an
//! attack or a fault: none of their packet is taken (RFC 5722).

use crate::counters::IpDrop;
use crate::header::{Fragment, Header};
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Linux's `ipfrag_time`; RFC 1122 3.3.2 has a minute or two, RFC 8200 4.5 has one.
const TIME: Duration = Duration::from_secs(30);
/// Packets that are put together at the same time.
const PACKETS: usize = 64;
/// The longest payload.
const LONGEST: usize = 65_535 - 20;

type Key = (IpAddr, IpAddr, u32, u8);

#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    packets: BTreeMap<Key, Parts>,
}

/// What there is of a packet.
#[derive(Debug)]
struct Parts {
    since: Instant,
    parts: BTreeMap<usize, Vec<u8>>,
    len: Option<usize>,
    /// The first part as it came, and where: who sent it may be told that the others have not come.
    first: Option<(InterfaceId, Vec<u8>, Header)>,
}

/// A packet that has not become whole in time, by its first part.
pub(crate) type Abandoned = Option<(InterfaceId, Vec<u8>)>;

impl Reassembly {
    /// Takes a part; gives the packet's payload, and the first part's header, when it was the last that lacked.
    pub(crate) fn put(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        header: Header,
        fragment: Fragment,
        packet: &[u8],
    ) -> Result<Option<(Header, Vec<u8>)>, IpDrop> {
        let data = &packet[header.payload.clone()];
        let end = fragment.offset + data.len();
        if data.is_empty() || fragment.more && !data.len().is_multiple_of(8) || end > LONGEST {
            return Err(IpDrop::Malformed);
        }
        // In IPv6 the number of the protocol is not part of the key (RFC 8200 4.5).
        let protocol = if header.to.is_ipv4() { header.protocol } else { 0 };
        let key = (header.from, header.to, fragment.ident, protocol);
        if !self.packets.contains_key(&key) && self.packets.len() == PACKETS {
            return Err(IpDrop::Fragments);
        }
        let whole = self.packets.entry(key).or_insert_with(|| Parts {
            since: now,
            parts: BTreeMap::new(),
            len: None,
            first: None,
        });
        if whole.parts.get(&fragment.offset).is_some_and(|known| known == data) {
            return Ok(None);
        }
        if !whole.fits(fragment, end) {
            self.packets.remove(&key);
            return Err(IpDrop::Fragments);
        }
        whole.parts.insert(fragment.offset, data.to_vec());
        if fragment.offset == 0 {
            whole.first = Some((interface, packet.to_vec(), header));
        }
        let there: usize = whole.parts.values().map(Vec::len).sum();
        if whole.len != Some(there) {
            return Ok(None);
        }
        let whole = self.packets.remove(&key).expect("it is there");
        let header = whole.first.map(|(_, _, header)| header);
        let payload = whole.parts.into_values().flatten().collect();
        Ok(header.map(|header| (header, payload)))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.packets.values().map(|parts| parts.since + TIME).min()
    }

    /// Gives up one packet whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Abandoned> {
        let over = |(_, parts): &(&Key, &Parts)| parts.since + TIME <= now;
        let key = *self.packets.iter().find(over)?.0;
        let parts = self.packets.remove(&key)?;
        Some(parts.first.map(|(interface, packet, _)| (interface, packet)))
    }
}

impl Parts {
    /// Does a part that ends at `end` go with the others? Notes the length if it is the last.
    fn fits(&mut self, fragment: Fragment, end: usize) -> bool {
        let before = self.parts.range(..=fragment.offset).next_back();
        let behind = self.parts.range(fragment.offset..).next();
        let last = self.parts.last_key_value().map_or(0, |(offset, data)| offset + data.len());
        if before.is_some_and(|(offset, data)| offset + data.len() > fragment.offset)
            || behind.is_some_and(|(&offset, _)| offset < end)
            || self.len.is_some_and(|len| end > len || !fragment.more)
            || !fragment.more && last > end
        {
            return false;
        }
        if !fragment.more {
            self.len = Some(end);
        }
        true
    }
}
