//! The interface: which frames a host takes, and how its packets become frames (IEEE 802.3-2022 3.1.1,
//! IEEE 802.1Q-2022 9.4).

use super::counters::{HostCounters, HostDrop};
use core::net::IpAddr;
use greylag_base::{MacAddr, VlanId};
use greylag_wire::ethernet::{ADDRESSES_LEN, EtherType, Frame, HEADER_LEN, MIN_FRAME_LEN};
use greylag_wire::vlan::{TAG_LEN, Tag, Tci, Vid};
use std::collections::VecDeque;

/// How many buffers are kept for later frames.
const SPARE: usize = 64;

/// The EtherType of an address's packets.
pub(crate) fn ip_type(addr: IpAddr) -> EtherType {
    if addr.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 }
}

/// What a received frame carries.
pub(crate) struct Received<'a> {
    pub(crate) ether_type: EtherType,
    pub(crate) payload: &'a [u8],
    /// It was sent to the host alone.
    pub(crate) unicast: bool,
}

#[derive(Debug)]
pub(crate) struct Nic {
    pub(crate) mac: MacAddr,
    pub(crate) vlan: Option<VlanId>,
    pub(crate) up: bool,
    pub(crate) counters: HostCounters,
    /// Whole frames on their way to the link.
    ready: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

impl Nic {
    pub(crate) fn new(mac: MacAddr, vlan: Option<VlanId>) -> Self {
        let counters = HostCounters::default();
        Nic { mac, vlan, up: true, counters, ready: VecDeque::new(), spare: Vec::new() }
    }

    /// With the tag, if the host has one.
    pub(crate) fn header_len(&self) -> usize {
        HEADER_LEN + if self.vlan.is_some() { TAG_LEN } else { 0 }
    }

    /// An empty buffer.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// A buffer with room for the header and a packet behind it, all zeros.
    pub(crate) fn packet_buffer(&mut self, len: usize) -> Vec<u8> {
        let mut frame = self.buffer();
        frame.clear();
        frame.resize(self.header_len() + len, 0);
        frame
    }

    /// Takes a buffer back.
    pub(crate) fn recycle(&mut self, frame: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(frame);
        }
    }

    pub(crate) fn discard(&mut self, reason: HostDrop, frame: Vec<u8>) {
        self.count(reason, &frame);
        self.recycle(frame);
    }

    pub(crate) fn count(&mut self, reason: HostDrop, frame: &[u8]) {
        self.counters.drops[reason as usize].add(frame);
    }

    /// Fills in what stands behind the addresses.
    pub(crate) fn set_type(&self, header: &mut [u8], ether_type: EtherType) {
        let mut behind = ADDRESSES_LEN;
        if let Some(vlan) = self.vlan {
            header[behind..][..TAG_LEN].copy_from_slice(&Tci(0).with_vlan(vlan).to_bytes());
            behind += TAG_LEN;
        }
        header[behind..][..2].copy_from_slice(&ether_type.0.to_be_bytes());
    }

    /// Fills in the addresses and gives the frame to the link.
    pub(crate) fn send(&mut self, to: MacAddr, mut frame: Vec<u8>) {
        if !self.up {
            return self.discard(HostDrop::LinkDown, frame);
        }
        frame[..6].copy_from_slice(&to.0);
        frame[6..ADDRESSES_LEN].copy_from_slice(&self.mac.0);
        if frame.len() < MIN_FRAME_LEN {
            frame.resize(MIN_FRAME_LEN, 0);
        }
        self.ready.push_back(frame);
    }

    /// Exchanges the next frame for a buffer that is not needed any more.
    pub(crate) fn next_frame(&mut self, frame: &mut Vec<u8>) -> bool {
        let Some(mut next) = self.ready.pop_front() else { return false };
        self.counters.sent.add(&next);
        std::mem::swap(frame, &mut next);
        self.recycle(next);
        true
    }

    /// Drops what has not left yet.
    pub(crate) fn go_down(&mut self) {
        self.up = false;
        while let Some(frame) = self.ready.pop_front() {
            self.discard(HostDrop::LinkDown, frame);
        }
    }

    /// Looks at a frame from the link; `Err` says why the host does not take it.
    pub(crate) fn receive<'a>(
        &mut self,
        bytes: &'a [u8],
        takes_group: impl FnOnce(MacAddr) -> bool,
    ) -> Result<Received<'a>, HostDrop> {
        self.counters.received.add(bytes);
        let frame = Frame::new_checked(bytes).ok_or(HostDrop::Runt)?;
        if frame.source() == self.mac {
            self.counters.own_source.add(bytes);
        }
        if !self.up {
            return Err(HostDrop::LinkDown);
        }
        let to = frame.destination();
        // A NIC filters by address before anything looks at the tag.
        if to != self.mac && !to.is_group() {
            return Err(HostDrop::ForeignUnicast);
        }
        let (vlan, header_len) = match Tag::parse(bytes) {
            Tag::Absent => (None, HEADER_LEN),
            Tag::Truncated => return Err(HostDrop::Runt),
            Tag::Present(tci) => match tci.vid() {
                // A priority tag says nothing about the VLAN (IEEE 802.1Q-2022 9.6).
                Vid::Priority => (None, HEADER_LEN + TAG_LEN),
                Vid::Vlan(vlan) => (Some(vlan), HEADER_LEN + TAG_LEN),
                Vid::Reserved => return Err(HostDrop::WrongVlan),
            },
        };
        if vlan != self.vlan {
            return Err(HostDrop::WrongVlan);
        }
        if to.is_group() && !takes_group(to) {
            return Err(HostDrop::ForeignGroup);
        }
        let ether_type = EtherType(u16::from_be_bytes([bytes[header_len - 2], bytes[header_len - 1]]));
        Ok(Received { ether_type, payload: &bytes[header_len..], unicast: !to.is_group() })
    }
}
