//! What can be done in a step. Each reader gives one deed, or one for each of several switches.

use super::cast::Cast;
use super::{Action, drain, fault, host, link_change, management, operator};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::time_span::{LONGEST, SHORTEST, time_span};
use greylag_base::VlanId;
use std::time::Duration;

/// An action, and what of it can be checked only when the whole timeline is known.
pub(super) struct Deed<'d> {
    pub(super) action: Action,
    pub(super) later: Option<Later<'d>>,
}

/// What is left to be checked.
pub(super) enum Later<'d> {
    /// The patch of a commit fits the configuration.
    Patch(Field<'d>),
    /// The switch has the VLAN some time.
    Vlan { switch: usize, field: Field<'d>, vlan: VlanId },
    /// The host has a link to leave.
    Move { host: usize, field: Field<'d> },
}

impl<'d> From<Action> for Deed<'d> {
    fn from(action: Action) -> Self {
        Deed { action, later: None }
    }
}

pub(super) type Read = for<'d> fn(&Field<'d>, &Cast<'_>) -> Vec<Deed<'d>>;

pub(super) const ACTIONS: &[(&str, Read)] = &[
    ("fault", fault::read),
    ("link", link_change::read),
    ("commit", operator::commit),
    ("confirm", operator::confirm),
    ("rollback", operator::rollback),
    ("flush-fdb", operator::flush_fdb),
    ("check-fdb", operator::check_fdb),
    ("check-fib", operator::check_fib),
    ("check-paths", operator::check_paths),
    ("upgrade", operator::upgrade),
    ("management", management::read),
    ("drain", drain::drain),
    ("undrain", drain::undrain),
    ("power-off", operator::power_off),
    ("power-on", operator::power_on),
    ("reboot", operator::reboot),
    ("move-host", host::move_host),
    ("announce", host::announce),
    ("set-mac", host::set_mac),
    ("mac-flood", host::mac_flood),
    ("ping", host::ping),
    ("tcp", host::tcp),
    ("broadcast", host::broadcast),
];

/// The mapping of an action, which must say something.
pub(super) fn body<'d>(field: &Field<'d>, keys: &Keys, example: &str) -> Option<Mapping<'d>> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {example}"), "");
        return None;
    }
    field.mapping(keys, example)
}

/// The switches that an action names: one or a list.
pub(super) fn switches(map: &Mapping<'_>, cast: &Cast<'_>) -> Vec<usize> {
    let field = map.required("switch", "say which, such as `switch: sw1`");
    field.map(|field| cast.switches(field)).unwrap_or_default()
}

/// A time that must be there and be more than none.
pub(super) fn required_time(map: &Mapping<'_>, key: &str, advice: &str) -> Option<Duration> {
    time_span(map.required(key, advice)?, key, SHORTEST..=LONGEST)
}

/// A time that may be absent; an error is reported and is none as well.
pub(super) fn time(map: &Mapping<'_>, key: &str) -> Option<Duration> {
    map.get(key).and_then(|field| time_span(field, key, SHORTEST..=LONGEST))
}
