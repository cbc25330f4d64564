//! smoltcp as a stack without Ethernet: a device that takes IP packets and gives them back, and its time.
//!
//! smoltcp is told the time and its seed; its features that read a clock are not built.

use greylag_base::Instant;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as StackTime;

/// smoltcp counts microseconds.
const TICK: u64 = 1_000;

/// The time as smoltcp counts it.
pub fn stack_time(now: Instant) -> StackTime {
    StackTime::from_micros((now.as_nanos() / TICK) as i64)
}

/// When smoltcp wants to be polled, which has just been at `now`. What it wants at once it has had its chance for: a tick later, so
/// that time goes on.
pub fn wake_at(now: Instant, at: StackTime) -> Instant {
    let tick = now.as_nanos() / TICK + 1;
    let micros = u64::try_from(at.total_micros()).unwrap_or(0).max(tick);
    Instant::from_nanos(micros.saturating_mul(TICK))
}

/// One packet in, any number out.
#[derive(Debug)]
pub struct PacketDevice {
    mtu: usize,
    inbound: Vec<u8>,
    outbound: Vec<Vec<u8>>,
}

impl PacketDevice {
    /// A device for packets up to this length.
    pub fn new(mtu: usize) -> Self {
        PacketDevice { mtu, inbound: Vec::new(), outbound: Vec::new() }
    }

    /// Gives smoltcp a packet, for its next poll.
    pub fn put(&mut self, packet: &[u8]) {
        self.inbound.extend_from_slice(packet);
    }

    /// The packets that smoltcp has sent, in order.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Vec<u8>> {
        self.outbound.drain(..)
    }
}

/// A packet on its way to smoltcp.
#[derive(Debug)]
pub struct Inbound<'a>(&'a mut Vec<u8>);

/// Where smoltcp's packets go.
#[derive(Debug)]
pub struct Outbound<'a>(&'a mut Vec<Vec<u8>>);

impl Device for PacketDevice {
    type RxToken<'a> = Inbound<'a>;
    type TxToken<'a> = Outbound<'a>;

    fn receive(&mut self, _: StackTime) -> Option<(Inbound<'_>, Outbound<'_>)> {
        let waits = !self.inbound.is_empty();
        waits.then_some((Inbound(&mut self.inbound), Outbound(&mut self.outbound)))
    }

    fn transmit(&mut self, _: StackTime) -> Option<Outbound<'_>> {
        Some(Outbound(&mut self.outbound))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

impl RxToken for Inbound<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(self.0);
        self.0.clear();
        result
    }
}

impl TxToken for Outbound<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}
