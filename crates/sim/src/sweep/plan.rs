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

/// How choices of several parameters go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// Each with each, but for those that contradict each other.
    Combined,
    /// Each choice alone, beside the values that the file has.
    Alone,
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
    #[error(
        "these assumptions have more than {MOST_COMBINATIONS} combinations: name fewer of them, or take each choice `--alone`"
    )]
    TooMany,
}

/// All runs of a sweep: every seed with every combination of assumptions.
#[derive(Debug)]
pub struct Plan {
    variant: Option<String>,
    seeds: Range<u64>,
    source: Source,
    scenario: String,
    base: BTreeMap<String, String>,
    combinations: Vec<Assumptions>,
}

/// Parameters and their values, in the order of the file.
type Assumptions = Vec<(String, String)>;

impl Plan {
    /// Reads the scenario once for each choice, and for each two choices that are to go together.
    ///
    /// # Errors
    /// What is wrong with the file, with or without assumptions, and with what is to be varied.
    pub fn new(
        source: &Source,
        variant: Option<String>,
        seeds: Range<u64>,
        vary: &Vary,
        together: Together,
    ) -> Result<Self, PlanError> {
        let read = |assume: Assumptions| parse(source, &Choice { variant: variant.clone(), assume });
        let base = read(Vec::new())?;
        let varied = varied(&base.parameters, vary)?;
        for parameter in &varied {
            for value in &parameter.choices {
                read(vec![(parameter.name.clone(), value.clone())])?;
            }
        }
        let combinations = match together {
            Together::Alone => alone(&varied),
            Together::Combined => combined(&varied, |one, other| read(vec![one, other]).is_ok())?,
        };
        let value = |parameter: &&Parameter| (parameter.name.clone(), parameter.value.clone());
        let values = varied.iter().map(value).collect();
        Ok(Plan { variant, seeds, source: source.clone(), scenario: base.name, base: values, combinations })
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        (self.seeds.end - self.seeds.start) * self.combinations.len() as u64
    }

    /// The scenario's name.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// What is varied, and the values that the file has.
    pub fn base(&self) -> &BTreeMap<String, String> {
        &self.base
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
            assumptions: self.combinations[combination].iter().cloned().collect(),
        }
    }

    /// What a run replays, and with which seed.
    ///
    /// # Errors
    /// What is wrong with the file when more than two of its choices come together.
    pub fn world(&self, number: u64) -> Result<(Scenario, Seed), FileError> {
        let (seed, combination) = self.place(number);
        let assume = self.combinations[combination].clone();
        Ok((parse(&self.source, &Choice { variant: self.variant.clone(), assume })?, seed))
    }

    fn place(&self, number: u64) -> (Seed, usize) {
        let seeds = self.seeds.end - self.seeds.start;
        (Seed(self.seeds.start + number % seeds), (number / seeds) as usize)
    }
}

/// The file as it is, and each choice that differs from it.
fn alone(varied: &[&Parameter]) -> Vec<Assumptions> {
    let base: Assumptions =
        varied.iter().map(|parameter| (parameter.name.clone(), parameter.value.clone())).collect();
    let mut combinations = vec![base.clone()];
    for (place, parameter) in varied.iter().enumerate() {
        for value in parameter.choices.iter().filter(|value| **value != parameter.value) {
            let mut other = base.clone();
            other[place].1.clone_from(value);
            combinations.push(other);
        }
    }
    combinations
}

/// Each choice with each of the other parameters that it goes with.
fn combined(
    varied: &[&Parameter],
    go_together: impl Fn((String, String), (String, String)) -> bool,
) -> Result<Vec<Assumptions>, PlanError> {
    let mut combinations: Vec<Assumptions> = vec![Vec::new()];
    let mut before: Assumptions = Vec::new();
    for parameter in varied {
        if combinations.len() * parameter.choices.len() > MOST_COMBINATIONS {
            return Err(PlanError::TooMany);
        }
        let choices: Assumptions =
            parameter.choices.iter().map(|value| (parameter.name.clone(), value.clone())).collect();
        let contradict = |choice: &(String, String)| -> Assumptions {
            before.iter().filter(|other| !go_together((*other).clone(), choice.clone())).cloned().collect()
        };
        let choices: Vec<_> = choices.into_iter().map(|choice| (contradict(&choice), choice)).collect();
        let with_each = |known: &Assumptions| -> Vec<Assumptions> {
            let possible = choices.iter().filter(|(others, _)| !known.iter().any(|it| others.contains(it)));
            possible.map(|(_, choice)| known.iter().cloned().chain([choice.clone()]).collect()).collect()
        };
        combinations = combinations.iter().flat_map(with_each).collect();
        before.extend(choices.into_iter().map(|(_, choice)| choice));
    }
    Ok(combinations)
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
