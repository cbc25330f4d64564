//! Flows that a link loses by itself, for good: what a provider's network does that nobody here sees into.

use crate::field::Field;
use crate::keys::Keys;
use crate::name::node_name;
use crate::quantity::share;

const EXAMPLE: &str = "{share: 0.01, in: transit-a}";
const KEYS: Keys = Keys::of(&["share", "by", "family", "in"]);

const FAMILIES: &[(&str, Option<bool>)] = &[("both", None), ("ipv4", Some(false)), ("ipv6", Some(true))];
const WAYS: &[(&str, LostBy)] = &[("flow", LostBy::Flow), ("pair", LostBy::Pair)];

/// Flows that a link loses for good, however often they are tried.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLoss {
    /// What share of them, 0 to 1.
    pub share: f64,
    /// What tells flows apart there.
    pub by: LostBy,
    /// Those of IPv6 only, or those of IPv4.
    pub ipv6: Option<bool>,
    /// Whose network it is.
    pub within: String,
}

/// What tells flows apart where they are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostBy {
    /// Addresses, protocol and ports: the next port may work.
    Flow,
    /// Addresses: no port works.
    Pair,
}

pub(crate) fn read(field: &Field<'_>) -> Option<FlowLoss> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let lost = map.required("share", "say how many of the flows, such as `share: 0.01`");
    let lost = lost.and_then(|field| share(field, "share"));
    let by = map.get("by").map_or(Some(LostBy::Flow), |field| field.word("a way to tell flows", WAYS));
    let ipv6 = map.get("family").map_or(Some(None), |field| field.word("a family", FAMILIES));
    let within = map.required("in", "say whose network it is, such as `in: transit-a`");
    let within = within.and_then(|field| {
        let name = field.text()?;
        node_name(name).map_err(|wrong| field.refuse(wrong)).ok()?;
        Some(name.to_owned())
    });
    Some(FlowLoss { share: lost?, by: by?, ipv6: ipv6?, within: within? })
}
