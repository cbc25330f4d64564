use super::{Arrivals, Flow, FlowId};
use greylag_base::Instant;
use std::time::Duration;

/// What a flow met with in a run.
///
/// `sent = received + lost + in_flight`. A probe counts as sent when it was due at its host, whatever the host's
/// link or its neighbours let it do: what the host itself could not send is lost, and the host has the cause in its
/// [counters](crate::host::HostCounters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// The flow.
    pub id: FlowId,
    /// The traffic that it stands for, in bit/s.
    pub weight_bps: u64,
    /// Probes that were due.
    pub sent: u64,
    /// Probes that arrived, each counted once, however late.
    pub received: u64,
    /// Probes that did not arrive although they had the time for it.
    pub lost: u64,
    /// Probes that have not arrived, and were sent so late that they may still be under way.
    pub in_flight: u64,
    /// Arrivals beyond the first of the same probe.
    pub duplicated: u64,
    /// Arrivals behind one with a higher sequence number (RFC 4737 3.3), duplicates not counted.
    pub reordered: u64,
    /// Of those that arrived; `None` when none did.
    pub latency: Option<Latency>,
    /// Every run of lost probes, in order.
    pub black_holes: Vec<BlackHole>,
    /// What the record speaks of: from the first probe's sending to that of the first that is not yet judged. Each
    /// probe stands for the time until the next one's.
    pub span: (Instant, Instant),
}

/// From a probe's sending to its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The shortest.
    pub min: Duration,
    /// Their sum through their number.
    pub mean: Duration,
    /// The longest.
    pub max: Duration,
}

/// A run of probes that were lost one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlackHole {
    /// Sequence number of the first that was lost.
    pub first: u64,
    /// How many were lost.
    pub lost: u64,
    /// When the first was sent.
    pub from: Instant,
    /// When the next after the last one was sent: the one that arrived, or the first that is not yet judged.
    pub until: Instant,
    /// When the next one arrived; `None` when none has, or ones in between may still be under way.
    pub ended: Option<Instant>,
}

impl BlackHole {
    /// From the first lost probe's sending to that of the next which arrived: true to within one interval of the flow.
    pub fn duration(&self) -> Duration {
        self.until - self.from
    }
}

impl FlowRecord {
    /// Judges a flow at `end`, from what its two hosts know.
    ///
    /// A probe that has not arrived is lost when it was sent at `end - patience` or before, and in flight when it was
    /// sent later: `patience` is the Tmax of RFC 7680 2.4. One second is right for a network without deep queues.
    /// Let the world run on for `patience` after a flow's `stop`, and nothing is left in flight.
    ///
    /// # Panics
    /// When more probes have arrived than `sent`: it is another flow's number.
    pub fn new(flow: &Flow, sent: u64, arrivals: &Arrivals, end: Instant, patience: Duration) -> Self {
        let schedule = flow.schedule();
        let judged = match end.as_nanos().checked_sub(u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX))
        {
            Some(horizon) => schedule.count(Instant::from_nanos(horizon)).min(sent),
            None => 0,
        };
        let tail = (arrivals.next < sent).then_some((arrivals.next, sent, None));
        let gaps = arrivals.gaps.iter().map(|gap| (gap.first, gap.end, Some(gap.ended)));
        let black_holes: Vec<BlackHole> = gaps
            .chain(tail)
            .take_while(|(first, ..)| *first < judged)
            .map(|(first, end, ended)| {
                let last = end.min(judged);
                BlackHole {
                    first,
                    lost: last - first,
                    from: schedule.at(first),
                    until: schedule.at(last),
                    ended: ended.filter(|_| end <= judged),
                }
            })
            .collect();
        let lost: u64 = black_holes.iter().map(|hole| hole.lost).sum();
        assert!(arrivals.received + lost <= sent, "`sent` is what the flow's own sender counted");
        FlowRecord {
            id: flow.id(),
            weight_bps: flow.config().weight_bps,
            sent,
            received: arrivals.received,
            lost,
            in_flight: sent - arrivals.received - lost,
            duplicated: arrivals.duplicated,
            reordered: arrivals.reordered,
            latency: arrivals.latency.map(|sum| Latency {
                min: sum.min,
                mean: Duration::from_nanos(
                    (sum.sum.as_nanos() / u128::from(arrivals.received))
                        .try_into()
                        .expect("a mean of times below 584 years"),
                ),
                max: sum.max,
            }),
            black_holes,
            span: (schedule.at(0), schedule.at(judged)),
        }
    }

    /// The longest black hole; the first of several.
    pub fn longest_black_hole(&self) -> Option<&BlackHole> {
        self.black_holes.iter().rev().max_by_key(|hole| hole.lost)
    }
}
