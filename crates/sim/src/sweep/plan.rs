//! Which runs a sweep consists of.

use super::line::RunKey;
use greylag_base::Seed;
use greylag_scenario::story::{Choice, Parameter, Scenario, parse};
use greylag_scenario::{FileError, Source};
use std::collections::BTreeMap;
use std::ops::Range;

/// More combinations than anybody waits for.
const MOST_COMBINATIONS: usize = 100_000;

/// What is varied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary {
    /// Only the seed.
    Seeds,
    /// All parameters that have choices.
    All,
    /// These parameters.
    Named(Vec<String>),
}

/// The part of a sweep that one machine does: every run whose number leaves this rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

/// A sweep cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The scenario, with one of the combinations.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name that is no parameter's.
    #[error("there is no parameter `{name}` with choices: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that have choices.
        known: String,
    },
    /// Too many.
    #[error("these assumptions have more than {MOST_COMBINATIONS} combinations: name fewer of them")]
    TooMany,
}

/// All runs of a sweep: every seed with every combination of assumptions.
#[derive(Debug)]
pub struct Plan {
    variant: Option<String>,
    seeds: Range<u64>,
    combinations: Vec<(BTreeMap<String, String>, Scenario)>,
}

impl Plan {
    /// Reads the scenario once for each combination.
    ///
    /// # Errors
    /// What is wrong with the file, with or without assumptions, and with what is to be varied.
    pub fn new(
        source: &Source,
        variant: Option<String>,
        seeds: Range<u64>,
        vary: &Vary,
    ) -> Result<Self, PlanError> {
        let base = parse(source, &Choice { variant: variant.clone(), assume: Vec::new() })?;
        let mut combinations: Vec<Vec<(String, String)>> = vec![Vec::new()];
        for parameter in varied(&base.parameters, vary)? {
            if combinations.len() * parameter.choices.len() > MOST_COMBINATIONS {
                return Err(PlanError::TooMany);
            }
            let with_each = |known: &Vec<(String, String)>| -> Vec<Vec<(String, String)>> {
                let pairs = parameter.choices.iter().map(|value| (parameter.name.clone(), value.clone()));
                pairs.map(|pair| known.iter().cloned().chain([pair]).collect()).collect()
            };
            combinations = combinations.iter().flat_map(with_each).collect();
        }
        let read = |assume: Vec<(String, String)>| {
            let choice = Choice { variant: variant.clone(), assume: assume.clone() };
            Ok((assume.into_iter().collect(), parse(source, &choice)?))
        };
        let combinations = combinations.into_iter().map(read).collect::<Result<_, FileError>>()?;
        Ok(Plan { variant, seeds, combinations })
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        (self.seeds.end - self.seeds.start) * self.combinations.len() as u64
    }

    /// The scenario's name.
    pub fn scenario(&self) -> &str {
        &self.combinations[0].1.name
    }

    /// The runs of a shard by number: all seeds of the first combination come first.
    pub fn numbers(&self, shard: Shard) -> impl Iterator<Item = u64> + use<> {
        (0..self.runs()).filter(move |number| number % shard.of == shard.number)
    }

    /// What tells a run from all others.
    pub fn key(&self, number: u64) -> RunKey {
        let (seed, combination) = self.place(number);
        RunKey {
            variant: self.variant.clone(),
            seed: seed.0,
            assumptions: self.combinations[combination].0.clone(),
        }
    }

    /// What a run replays, and with which seed.
    pub fn world(&self, number: u64) -> (&Scenario, Seed) {
        let (seed, combination) = self.place(number);
        (&self.combinations[combination].1, seed)
    }

    fn place(&self, number: u64) -> (Seed, usize) {
        let seeds = self.seeds.end - self.seeds.start;
        (Seed(self.seeds.start + number % seeds), (number / seeds) as usize)
    }
}

fn varied<'a>(parameters: &'a [Parameter], vary: &Vary) -> Result<Vec<&'a Parameter>, PlanError> {
    let can: Vec<&Parameter> = parameters.iter().filter(|parameter| !parameter.choices.is_empty()).collect();
    let names = match vary {
        Vary::Seeds => return Ok(Vec::new()),
        Vary::All => return Ok(can),
        Vary::Named(names) => names,
    };
    if let Some(name) = names.iter().find(|name| !can.iter().any(|parameter| parameter.name == **name)) {
        let known: Vec<&str> = can.iter().map(|parameter| parameter.name.as_str()).collect();
        let known = match known.as_slice() {
            [] => "none has".to_owned(),
            known => format!("expected {}", known.join(", ")),
        };
        return Err(PlanError::Unknown { name: name.clone(), known });
    }
    Ok(can.into_iter().filter(|parameter| names.contains(&parameter.name)).collect())
}
