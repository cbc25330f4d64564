//! What a bundle has beside what every port has. What its preset says goes unwritten, so that another preset brings its own.

use super::{Time, in_order};
use greylag_base::MacAddr;
use greylag_lacp::{Behaviour, Interval, LacpMode, Preset, RateLimit, Timers};
use greylag_switch::config::LagConfig;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Lag<'a> {
    preset: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacp_mode: Option<LacpMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_id_mac: Option<MacAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_priority: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_key: Option<u16>,
    min_links: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_links: Option<u16>,
    revertive: bool,
    wait_to_restore: Time,
    fallback: Time,
    resilient: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mc_ae_id: Option<u16>,
    #[serde(skip_serializing_if = "Differences::is_empty")]
    behaviour: Differences,
}

impl<'a> Lag<'a> {
    pub(crate) fn of(lag: &'a LagConfig) -> Self {
        let preset = Preset::named(&lag.preset).unwrap_or(Preset::STANDARD);
        Lag {
            preset: &lag.preset,
            lacp_mode: (lag.mode != preset.mode).then_some(lag.mode),
            interval: (lag.interval != preset.interval).then_some(lag.interval),
            system_id_mac: lag.system_id_mac,
            system_priority: lag.system_priority,
            admin_key: lag.admin_key,
            min_links: lag.min_links,
            max_links: lag.max_links,
            revertive: lag.revertive,
            wait_to_restore: lag.wait_to_restore.into(),
            fallback: lag.fallback.map_or(Time::None("never"), Time::from),
            resilient: lag.resilient,
            mc_ae_id: lag.mc_ae_id,
            behaviour: Differences::of(&lag.behaviour, &LagConfig::of(&preset).behaviour),
        }
    }
}

/// The keys of a mapping that differ from their defaults.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct Differences(#[serde(serialize_with = "in_order")] Vec<(&'static str, Value)>);

impl Differences {
    fn of(behaviour: &Behaviour, preset: &Behaviour) -> Self {
        let Behaviour {
            timers,
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
        let mut all = Differences::default();
        let timers = Differences::of_timers(timers, &preset.timers);
        if !timers.is_empty() {
            all.write("timers", timers);
        }
        all.add("transmit-limit", transmit_limit, &preset.transmit_limit, limit);
        all.add("marker-limit", marker_limit, &preset.marker_limit, |it| it.map_or("none".into(), limit));
        all.add_word("mux-control", mux_control, &preset.mux_control);
        all.add_word("sync-rule", sync_rule, &preset.sync_rule);
        all.add_word("expired-timeout", expired_timeout, &preset.expired_timeout);
        all.add_word("mistaken-partner", mistaken_partner, &preset.mistaken_partner);
        all.add_word("key-format", key_format, &preset.key_format);
        all.add_word("partner-choice", partner_choice, &preset.partner_choice);
        all.add_word("partner-pin", partner_pin, &preset.partner_pin);
        all.add_word("other-partners", other_partners, &preset.other_partners);
        all.add_word("below-min-links", below_min_links, &preset.below_min_links);
        all
    }

    fn of_timers(timers: &Timers, preset: &Timers) -> Self {
        let Timers {
            fast_periodic,
            slow_periodic,
            short_timeout,
            long_timeout,
            churn_detection,
            aggregate_wait,
            start_spread,
        } = timers;
        let mut all = Differences::default();
        all.add("fast-periodic", fast_periodic, &preset.fast_periodic, time);
        all.add("slow-periodic", slow_periodic, &preset.slow_periodic, time);
        all.add("short-timeout", short_timeout, &preset.short_timeout, time);
        all.add("long-timeout", long_timeout, &preset.long_timeout, time);
        all.add("churn-detection", churn_detection, &preset.churn_detection, |it| {
            it.map_or("never".into(), time)
        });
        all.add("aggregate-wait", aggregate_wait, &preset.aggregate_wait, time);
        all.add("start-spread", start_spread, &preset.start_spread, time);
        all
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add<T: Copy + PartialEq>(&mut self, key: &'static str, is: &T, preset: &T, write: fn(T) -> Value) {
        if is != preset {
            self.0.push((key, write(*is)));
        }
    }

    /// A word is written as it is in JSON.
    pub(super) fn add_word<T: Serialize + PartialEq>(&mut self, key: &'static str, is: &T, preset: &T) {
        if is != preset {
            self.write(key, is);
        }
    }

    fn write(&mut self, key: &'static str, value: impl Serialize) {
        self.0.push((key, as_value(value)));
    }
}

fn as_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("plain values can be written as JSON")
}

fn time(span: Duration) -> Value {
    as_value(Time::from(span))
}

fn limit(limit: RateLimit) -> Value {
    let RateLimit { frames, within } = limit;
    serde_json::json!({"frames": frames, "within": time(within)})
}
