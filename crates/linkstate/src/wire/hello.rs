//! The hello: I am here, by these addresses, and I hear these.

use super::{Malformed, Reader};
use core::net::{Ipv4Addr, Ipv6Addr};
use greylag_base::InterfaceId;
use std::time::Duration;

/// Octets before the list of routers that are heard.
const FIXED_LEN: usize = 30;

/// What a router says of itself on one interface.
///
/// | octets | |
/// | --- | --- |
/// | 0..2 | the sender's number for its interface |
/// | 2..6 | hello interval in milliseconds |
/// | 6..10 | dead interval in milliseconds |
/// | 10..14 | IPv4 gateway; zero for none |
/// | 14..30 | IPv6 gateway, a link-local address; zero for none |
/// | 30.. | router-ids of those who are heard |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The sender's number for its interface.
    pub interface: InterfaceId,
    /// How often it says so; it has to be the same for all on a segment.
    pub hello_interval: Duration,
    /// After so much silence it gives others up; it has to be the same for all on a segment.
    pub dead_interval: Duration,
    /// Where it takes IPv4 packets that it should forward.
    pub ipv4: Option<Ipv4Addr>,
    /// Where it takes IPv6 packets that it should forward.
    pub ipv6: Option<Ipv6Addr>,
    /// The routers that it hears there.
    pub heard: Vec<Ipv4Addr>,
}

impl Hello {
    /// As many routers as fit one packet.
    pub(crate) const MOST_HEARD: usize =
        (super::packet::MOST_OCTETS - super::packet::HEADER_LEN - FIXED_LEN) / 4;

    pub(super) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let interface = InterfaceId(reader.half()?);
        let hello_interval = interval(&mut reader)?;
        let dead_interval = interval(&mut reader)?;
        let ipv4 = Ipv4Addr::from(reader.array::<4>()?);
        let ipv6 = Ipv6Addr::from(reader.array::<16>()?);
        let sound_ipv4 = !(ipv4.is_multicast() || ipv4.is_broadcast() || ipv4.is_loopback());
        if !sound_ipv4 || !(ipv6.is_unspecified() || ipv6.is_unicast_link_local()) {
            return Err(Malformed::Body);
        }
        Ok(Hello {
            interface,
            hello_interval,
            dead_interval,
            ipv4: Some(ipv4).filter(|address| !address.is_unspecified()),
            ipv6: Some(ipv6).filter(|address| !address.is_unspecified()),
            heard: reader.all(|reader| reader.array::<4>().map(Ipv4Addr::from))?,
        })
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend(self.interface.0.to_be_bytes());
        for interval in [self.hello_interval, self.dead_interval] {
            octets.extend((interval.as_millis() as u32).to_be_bytes());
        }
        octets.extend(self.ipv4.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        octets.extend(self.ipv6.unwrap_or(Ipv6Addr::UNSPECIFIED).octets());
        for router in &self.heard {
            octets.extend(router.octets());
        }
    }
}

fn interval(reader: &mut Reader<'_>) -> Result<Duration, Malformed> {
    match reader.word()? {
        0 => Err(Malformed::Body),
        millis => Ok(Duration::from_millis(millis.into())),
    }
}
