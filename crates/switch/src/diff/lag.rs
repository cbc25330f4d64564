//! The settings of bundles, of LACP and of the flow hash.

use super::{Settings, span, word};
use crate::config::{FlowHashConfig, LacpConfig, LagConfig};
use greylag_lacp::{Behaviour, RateLimit, Timers};

pub(super) fn lacp(lacp: &LacpConfig, to: &mut Settings) {
    let LacpConfig { system_id_mac, system_priority, port_number_offset } = lacp;
    to.below("lacp");
    to.set_if("system-id-mac", *system_id_mac);
    to.set_if("system-priority", *system_priority);
    to.set("port-number-offset", port_number_offset);
}

pub(super) fn flow_hash(hash: FlowHashConfig, to: &mut Settings) {
    let FlowHashConfig { fields, symmetric, seed } = hash;
    to.below("flow-hash");
    to.set("fields", fields);
    to.set("symmetric", symmetric);
    to.set_if("seed", seed);
}

/// What the bundle at `path` has beside what every port has.
pub(super) fn settings(lag: &LagConfig, path: &str, to: &mut Settings) {
    let LagConfig {
        preset,
        mode,
        interval,
        system_id_mac,
        system_priority,
        admin_key,
        min_links,
        max_links,
        revertive,
        wait_to_restore,
        fallback,
        behaviour: of_behaviour,
        resilient,
        mc_ae_id,
    } = lag;
    to.set("preset", preset);
    to.set("lacp-mode", word(mode));
    to.set("interval", word(interval));
    to.set_if("system-id-mac", *system_id_mac);
    to.set_if("system-priority", *system_priority);
    to.set_if("admin-key", *admin_key);
    to.set("min-links", min_links);
    to.set_if("max-links", *max_links);
    to.set("revertive", revertive);
    to.set("wait-to-restore", span(*wait_to_restore));
    to.set("fallback", fallback.map_or_else(|| "never".to_owned(), span));
    to.set("resilient", resilient);
    to.set_if("mc-ae-id", *mc_ae_id);
    behaviour(of_behaviour, &format!("{path}.behaviour"), to);
    to.below(path);
}

fn behaviour(behaviour: &Behaviour, path: &str, to: &mut Settings) {
    let Behaviour {
        timers: of_timers,
        transmit_limit,
        marker_limit,
        mux_control,
        sync_rule,
        expired_timeout,
        mistaken_partner,
        key_format,
        partner_choice,
        partner_pin,
        other_partners,
        below_min_links,
    } = behaviour;
    to.below(path);
    to.set("mux-control", word(mux_control));
    to.set("sync-rule", word(sync_rule));
    to.set("expired-timeout", word(expired_timeout));
    to.set("mistaken-partner", word(mistaken_partner));
    to.set("key-format", word(key_format));
    to.set("partner-choice", word(partner_choice));
    to.set("partner-pin", word(partner_pin));
    to.set("other-partners", word(other_partners));
    to.set("below-min-links", word(below_min_links));
    if marker_limit.is_none() {
        to.set("marker-limit", "none");
    }
    timers(of_timers, &format!("{path}.timers"), to);
    limit(Some(*transmit_limit), &format!("{path}.transmit-limit"), to);
    limit(*marker_limit, &format!("{path}.marker-limit"), to);
}

fn timers(timers: &Timers, path: &str, to: &mut Settings) {
    let Timers {
        fast_periodic,
        slow_periodic,
        short_timeout,
        long_timeout,
        churn_detection,
        aggregate_wait,
        start_spread,
    } = *timers;
    to.below(path);
    to.set("fast-periodic", span(fast_periodic));
    to.set("slow-periodic", span(slow_periodic));
    to.set("short-timeout", span(short_timeout));
    to.set("long-timeout", span(long_timeout));
    to.set("churn-detection", churn_detection.map_or_else(|| "never".to_owned(), span));
    to.set("aggregate-wait", span(aggregate_wait));
    to.set("start-spread", span(start_spread));
}

fn limit(limit: Option<RateLimit>, path: &str, to: &mut Settings) {
    to.below(path);
    to.set_if("frames", limit.map(|limit| limit.frames));
    to.set_if("within", limit.map(|limit| span(limit.within)));
}
