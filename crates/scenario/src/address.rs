use crate::field::Field;
use crate::phrase::quoted;
use crate::prefix::prefixed;
use greylag_base::MacAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of one station.
pub(crate) fn station_mac(field: &Field<'_>) -> Option<MacAddr> {
    field.parsed("a MAC address such as \"02:00:00:00:00:01\"", |text| {
        let mac: MacAddr = text.parse().map_err(|_| {
            format!("{} is not a MAC address: expected six octets such as 02:00:00:00:00:01", quoted(text))
        })?;
        match mac.is_unicast() {
            true => Ok(mac),
            false if mac.is_group() => Err(format!(
                "{mac} is a group address: expected that of one station, with an even first octet such as 02"
            )),
            false => Err(format!("{mac} is no station's address: expected one such as 02:00:00:00:00:01")),
        }
    })
}

/// A host's address and prefix length.
pub(crate) fn ipv4(field: &Field<'_>) -> Option<(Ipv4Addr, u8)> {
    const EXPECTED: &str = "an IPv4 address with its prefix length such as 10.0.0.1/24";
    field.parsed(EXPECTED, |text| {
        let (address, length) = prefixed::<Ipv4Addr>(text)
            .filter(|(_, length)| *length <= 32)
            .ok_or_else(|| format!("{} is not right: expected {EXPECTED}", quoted(text)))?;
        let host_bits = u32::MAX.checked_shr(length.into()).unwrap_or(0);
        let host = address.to_bits() & host_bits;
        let why = if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
            Some("no host on a link can have it")
        } else if length <= 30 && host == 0 {
            Some("it is the subnet's own")
        } else if address.is_broadcast() || (length <= 30 && host == host_bits) {
            Some("it is the subnet's broadcast address")
        } else {
            None
        };
        match why {
            Some(why) => Err(format!("{address}/{length} is not a host's address: {why}")),
            None => Ok((address, length)),
        }
    })
}

/// A host's address and prefix length.
pub(crate) fn ipv6(field: &Field<'_>) -> Option<(Ipv6Addr, u8)> {
    const EXPECTED: &str = "an IPv6 address with its prefix length such as fd00::1/64";
    field.parsed(EXPECTED, |text| {
        let (address, length) = prefixed::<Ipv6Addr>(text)
            .filter(|(_, length)| *length <= 128)
            .ok_or_else(|| format!("{} is not right: expected {EXPECTED}", quoted(text)))?;
        if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
            return Err(format!("{address}/{length} is not a host's address: no host on a link can have it"));
        }
        Ok((address, length))
    })
}

/// The address of a switch's interface and its prefix length. Its link-local address is the switch's own to give.
pub(crate) fn interface_address(field: &Field<'_>, is_ipv4: bool) -> Option<(IpAddr, u8)> {
    if is_ipv4 {
        return ipv4(field).map(|(address, length)| (address.into(), length));
    }
    let (address, length) = ipv6(field)?;
    let host_bits = u128::MAX.checked_shr(length.into()).unwrap_or(0);
    let why = if address.is_unicast_link_local() {
        "an interface with IPv6 has a link-local address of its own. Remove it"
    } else if length <= 126 && address.to_bits() & host_bits == 0 {
        // RFC 4291 2.6.1; not between two routers, RFC 6164 6.
        "all routers of the subnet have it"
    } else {
        return Some((address.into(), length));
    };
    field.refuse(format!("{address}/{length} is not an interface's address: {why}"));
    None
}

pub(crate) const ADDRESS_EXPECTED: &str = "an address such as 10.0.1.2 or 2001:db8::2";

/// An address that a station on a network can have.
pub(crate) fn station_ip(field: &Field<'_>) -> Option<IpAddr> {
    field.parsed(ADDRESS_EXPECTED, station_ip_of)
}

/// Reads an address that a station on a network can have.
///
/// # Errors
/// What is expected in its place.
pub(crate) fn station_ip_of(text: &str) -> Result<IpAddr, String> {
    let wrong =
        || format!("{} is not an address: expected one such as 10.0.1.2 or 2001:db8::2", quoted(text));
    let address: IpAddr = text.parse().map_err(|_| wrong())?;
    let is_everybody = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() || is_everybody {
        return Err(format!("{address} is not the address of one station: no host on a link can have it"));
    }
    Ok(address)
}

/// Where a host sends what is for no subnet of its own. `own` is its address, as far as it could be read; `has_own` whether one is written.
pub(crate) fn gateway4(field: &Field<'_>, own: Option<(Ipv4Addr, u8)>, has_own: bool) -> Option<Ipv4Addr> {
    const EXPECTED: &str = "the address of a router on the link such as 10.0.0.254";
    let gateway = field.parsed(EXPECTED, |text| {
        let wrong = || format!("{} is not right: expected {EXPECTED}", quoted(text));
        text.parse::<Ipv4Addr>().map_err(|_| wrong())
    })?;
    let is_on_link = |(address, length): (Ipv4Addr, u8)| {
        let host_bits = u32::MAX.checked_shr(length.into()).unwrap_or(0);
        address != gateway && (address.to_bits() ^ gateway.to_bits()) & !host_bits == 0
    };
    check_gateway(field, own.map(is_on_link), has_own, "ipv4")?;
    Some(gateway)
}

/// As [`gateway4`]; a router's link-local address is on every link.
pub(crate) fn gateway6(field: &Field<'_>, own: Option<(Ipv6Addr, u8)>, has_own: bool) -> Option<Ipv6Addr> {
    const EXPECTED: &str = "the address of a router on the link such as fd00::fe";
    let gateway = field.parsed(EXPECTED, |text| {
        let wrong = || format!("{} is not right: expected {EXPECTED}", quoted(text));
        text.parse::<Ipv6Addr>().map_err(|_| wrong())
    })?;
    let is_on_link = |(address, length): (Ipv6Addr, u8)| {
        let host_bits = u128::MAX.checked_shr(length.into()).unwrap_or(0);
        let is_local = gateway.is_unicast_link_local();
        address != gateway && (is_local || (address.to_bits() ^ gateway.to_bits()) & !host_bits == 0)
    };
    check_gateway(field, own.map(is_on_link), has_own, "ipv6")?;
    Some(gateway)
}

fn check_gateway(field: &Field<'_>, is_on_link: Option<bool>, has_own: bool, key: &str) -> Option<()> {
    match is_on_link {
        Some(true) => Some(()),
        Some(false) => {
            field.refuse(format!(
                "the host does not reach that by its `{key}`: expected another address of its subnet"
            ));
            None
        }
        None => {
            if !has_own {
                field.refuse_key(format!(
                    "a host without `{key}` sends nothing there: add that, or remove this"
                ));
            }
            None
        }
    }
}
