use super::{FlowConfig, FlowEnd, FlowError};
use greylag_base::Instant;
use std::time::Duration;

/// Source ports are taken from here to the top before the next destination port is (RFC 6335 6: dynamic ports).
const FIRST_SPORT: u16 = 49_152;
const SPORTS: u32 = u16::MAX as u32 - FIRST_SPORT as u32 + 1;

/// Many flows between two sets of ends, which walk the hash space of the bundles and next-hop groups on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSet {
    /// The flows are called `name-0`, `name-1` and so on.
    pub name: String,
    /// Who sends.
    pub from: Vec<FlowEnd>,
    /// Who receives.
    pub to: Vec<FlowEnd>,
    /// How many flows.
    pub flows: u32,
    /// The lowest destination port.
    pub dport: u16,
    /// As in [`FlowConfig`].
    pub interval: Duration,
    /// As in [`FlowConfig`].
    pub size: u16,
    /// The traffic that all of them together stand for, in bit/s.
    pub weight_bps: u64,
    /// As in [`FlowConfig`].
    pub dscp: u8,
    /// As in [`FlowConfig`].
    pub start: Instant,
    /// As in [`FlowConfig`].
    pub stop: Option<Instant>,
}

impl FlowSet {
    /// The flows: each pair of different hosts with addresses of one family in turn, every flow with ports that no
    /// other of the set has, the weight in equal parts (the first get what does not divide).
    ///
    /// # Errors
    /// [`FlowError::NoPair`], [`FlowError::TooMany`]. What is wrong with a single flow is for
    /// [`Flow::new`](super::Flow::new) to say.
    pub fn expand(&self) -> Result<Vec<FlowConfig>, FlowError> {
        let pairs: Vec<(FlowEnd, FlowEnd)> = self
            .from
            .iter()
            .flat_map(|&from| self.to.iter().map(move |&to| (from, to)))
            .filter(|(from, to)| from.host != to.host && from.addr.is_ipv4() == to.addr.is_ipv4())
            .collect();
        if pairs.is_empty() {
            return Err(FlowError::NoPair(self.name.clone()));
        }
        let dports = u32::from(u16::MAX - self.dport) + 1;
        let most = SPORTS.saturating_mul(dports);
        if self.flows > most {
            return Err(FlowError::TooMany { name: self.name.clone(), flows: self.flows, most });
        }
        let share = self.weight_bps.checked_div(self.flows.into()).unwrap_or(0);
        let rest = self.weight_bps - share * u64::from(self.flows);
        let flow = |index: u32| {
            let (from, to) = pairs[index as usize % pairs.len()];
            FlowConfig {
                name: format!("{}-{index}", self.name),
                from,
                to,
                sport: FIRST_SPORT + (index % SPORTS) as u16,
                dport: self.dport + (index / SPORTS) as u16,
                interval: self.interval,
                phase: None,
                size: self.size,
                weight_bps: share + u64::from(u64::from(index) < rest),
                dscp: self.dscp,
                start: self.start,
                stop: self.stop,
            }
        };
        Ok((0..self.flows).map(flow).collect())
    }
}
