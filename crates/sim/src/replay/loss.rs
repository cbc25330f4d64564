//! What was lost, by volume: how two designs are compared.

use super::outcome::FlowOutcome;
use serde::Serialize;

/// What the flows of one set have lost. A probe stands for its flow's weight until the next one is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Loss {
    /// The name of the set in the file.
    pub flows: String,
    /// What all flows of the set stand for together, bits per second.
    #[serde(rename = "weight-bps")]
    pub weight: u64,
    /// What was to be carried, bits.
    pub offered_bits: f64,
    /// What was not, bits.
    pub lost_bits: f64,
}

impl Loss {
    /// Of each set of flows, in the order in which they come.
    pub fn of(flows: &[FlowOutcome]) -> Vec<Loss> {
        let mut losses: Vec<Loss> = Vec::new();
        for flow in flows {
            let known = losses.iter().position(|loss| loss.flows == flow.flows).unwrap_or_else(|| {
                let flows = flow.flows.clone();
                losses.push(Loss { flows, weight: 0, offered_bits: 0.0, lost_bits: 0.0 });
                losses.len() - 1
            });
            let loss = &mut losses[known];
            let weight = flow.weight as f64;
            let silent = flow.black_holes.iter().map(|hole| (hole.until - hole.from).as_secs_f64());
            loss.weight += flow.weight;
            loss.offered_bits += weight * (flow.span.1 - flow.span.0).as_secs_f64();
            loss.lost_bits += weight * silent.sum::<f64>();
        }
        losses
    }

    /// Lost minutes x weight, in Gbit/s.
    pub fn minutes_by_weight(&self) -> f64 {
        self.lost_bits / 60e9
    }

    /// Minutes for which all of it would have had to be away to lose as much.
    pub fn minutes(&self) -> f64 {
        if self.weight == 0 { 0.0 } else { self.lost_bits / self.weight as f64 / 60.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::BlackHoleOutcome;
    use super::*;
    use greylag_base::Instant;

    fn flow(weight: u64, holes: &[(u64, u64)]) -> FlowOutcome {
        let second = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        let hole = |&(from, until): &(u64, u64)| BlackHoleOutcome {
            from: second(from),
            until: second(until),
            ended: true,
            first: 0,
            lost: 1,
            cause: None,
        };
        FlowOutcome {
            flows: "web".to_owned(),
            from: "h1".to_owned(),
            to: "h2".to_owned(),
            weight,
            sent: 0,
            received: 0,
            lost: 0,
            in_flight: 0,
            duplicates: 0,
            reordered: 0,
            span: (second(0), second(600)),
            black_holes: holes.iter().map(hole).collect(),
        }
    }

    #[test]
    fn a_minute_of_a_heavy_flow_weighs_more() {
        let gigabit = 1_000_000_000;
        let losses = Loss::of(&[flow(3 * gigabit, &[(0, 60), (120, 180)]), flow(gigabit, &[])]);
        assert_eq!(losses.len(), 1);
        assert_eq!((losses[0].minutes_by_weight(), losses[0].minutes()), (6.0, 1.5));
        assert_eq!(losses[0].offered_bits, 2.4e12);
    }
}
