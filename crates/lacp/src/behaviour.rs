//! Where implementations differ: each difference is a named option, and [`preset`](crate::preset) says who chose what.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything in which two implementations of the standard can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Behaviour {
    /// How long things take.
    pub timers: Timers,
    /// LACPDUs that a port may send; what is due beyond that is deferred, never dropped (IEEE 802.1AX-2014 6.4.16).
    pub transmit_limit: RateLimit,
    /// Markers that a port answers; those beyond the limit are counted. `None` answers none at all.
    pub marker_limit: Option<RateLimit>,
    /// Whether collecting and distributing begin together.
    pub mux_control: MuxControl,
    /// When a partner counts as in sync.
    pub sync_rule: SyncRule,
    /// How long a port whose partner fell silent waits in EXPIRED.
    pub expired_timeout: ExpiredTimeout,
    /// LACPDUs that take the receiver for another system.
    pub mistaken_partner: MistakenPartner,
    /// What the key says.
    pub key_format: KeyFormat,
    /// Which partner a bundle keeps when its ports have several.
    pub partner_choice: PartnerChoice,
    /// Whether the choice is made anew while the partner that is kept still speaks.
    pub partner_pin: PartnerPin,
    /// What becomes of the ports whose partner is not kept.
    pub other_partners: OtherPartners,
    /// What a bundle with fewer links than `min-links` does.
    pub below_min_links: BelowMinLinks,
}

/// The standard's timers (IEEE 802.1AX-2014 6.4.4), and one of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timers {
    /// Fast_Periodic_Time: between LACPDUs to a partner with the short timeout.
    pub fast_periodic: Duration,
    /// Slow_Periodic_Time: between LACPDUs to a partner with the long timeout.
    pub slow_periodic: Duration,
    /// Short_Timeout_Time: silence after which a partner is given up, with `interval: FAST`.
    pub short_timeout: Duration,
    /// Long_Timeout_Time: the same with `interval: SLOW`.
    pub long_timeout: Duration,
    /// Churn_Detection_Time: how long a port may be out of sync before it is said to churn; `None` for no detection.
    pub churn_detection: Option<Duration>,
    /// Aggregate_Wait_Time: how long a port waits for others to join the bundle with.
    pub aggregate_wait: Duration,
    /// A port begins at a time of its own within this span after it was configured, drawn from the seed.
    pub start_spread: Duration,
}

impl Timers {
    /// What IEEE 802.1AX-2014 6.4.4 says; all ports start at once.
    pub const STANDARD: Timers = Timers {
        fast_periodic: Duration::from_secs(1),
        slow_periodic: Duration::from_secs(30),
        short_timeout: Duration::from_secs(3),
        long_timeout: Duration::from_secs(90),
        churn_detection: Some(Duration::from_secs(60)),
        aggregate_wait: Duration::from_secs(2),
        start_spread: Duration::ZERO,
    };
}

/// So many frames within any span of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// How many, at least 1.
    pub frames: u16,
    /// The span.
    pub within: Duration,
}

/// Whether collecting and distributing begin together (IEEE 802.1AX-2014 6.4.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MuxControl {
    /// Together, as soon as the partner is in sync.
    Coupled,
    /// Distributing waits until the partner says that it collects.
    Independent,
}

/// When a partner counts as in sync (`recordPDU`, IEEE 802.1AX-2014 6.4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncRule {
    /// It says so, and describes us as we are (or is individual), and one of both ends is active.
    Standard,
    /// It says so.
    PartnerSays,
    /// It describes us as we are, whether it says that it is in sync or not: frames can be collected while it still waits.
    DescribesUs,
    /// It says so, and is who it was in the LACPDU before: the first after any change breaks the sync, the second mends it.
    SameAsBefore,
}

/// How long a port whose partner fell silent waits in EXPIRED before it assumes the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpiredTimeout {
    /// Always the short timeout.
    Short,
    /// What the port itself is configured for: with `interval: SLOW`, as long again as it has waited already.
    Configured,
}

/// What becomes of a LACPDU whose partner is a system, and not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MistakenPartner {
    /// It counts, and is answered with how things are.
    Accept,
    /// It is ignored. After a change of our own system id, partners go unheard until they have heard us.
    Ignore,
}

/// What a port's operational key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFormat {
    /// The administrative key, whatever the link's speed.
    Admin,
    /// Ten bits of the administrative key, five of the speed, one for full duplex: links of different speed do not aggregate.
    SpeedAndDuplex,
}

/// Which partner a bundle keeps when its ports have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerChoice {
    /// The one that was heard first.
    First,
    /// The one with the lowest system id.
    LowestSystem,
    /// The one of the best port: lowest priority, then lowest number, as the better of the two systems assigns them.
    LowestPort,
    /// The one with the most ports.
    MostMembers,
    /// The one with the most bandwidth.
    MostBandwidth,
}

/// Whether the choice among partners is made anew while the partner that is kept still speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerPin {
    /// It stays as long as one of its ports is heard.
    Hold,
    /// Whoever is the better one now is kept, and all others detach.
    Release,
}

/// What becomes of the ports whose partner is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherPartners {
    /// They find no aggregator and stay detached.
    Detached,
    /// They attach to an aggregator of their own, in sync, and never collect.
    Attached,
}

/// What a bundle with fewer links than `min-links` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BelowMinLinks {
    /// It is down, while its LACP goes on saying that it collects and distributes.
    BundleDown,
    /// Its ports stop collecting and distributing, and say so.
    MembersHeld,
}
