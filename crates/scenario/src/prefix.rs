use crate::field::Field;
use crate::phrase::quoted;
use ipnet::IpNet;
use std::net::IpAddr;

const EXPECTED: &str = "a prefix such as 10.0.0.0/8 or 2001:db8::/32";

/// The addresses that begin alike, without a bit beyond its length.
pub(crate) fn prefix(field: &Field<'_>) -> Option<IpNet> {
    field.parsed(EXPECTED, parse_prefix)
}

/// The prefix that a text names.
///
/// # Errors
/// What is expected in its place.
pub fn parse_prefix(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Err(format!("{address} has no length: write {}", IpNet::from(address)));
    }
    let wrong =
        || format!("{} is not a prefix: expected one such as 10.0.0.0/8 or 2001:db8::/32", quoted(text));
    let (address, length) = prefixed::<IpAddr>(text).ok_or_else(wrong)?;
    let prefix = IpNet::new(address, length).map_err(|_| wrong())?;
    match prefix.trunc() {
        whole if whole == prefix => Ok(prefix),
        whole => Err(format!("{prefix} has bits beyond its length: write {whole}")),
    }
}

/// An address and a length, neither checked against the other.
pub(crate) fn prefixed<A: std::str::FromStr>(text: &str) -> Option<(A, u8)> {
    let (address, length) = text.split_once('/')?;
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    Some((address.parse().ok()?, length.parse().ok().filter(|_| digits)?))
}
