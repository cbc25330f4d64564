//! `greylag replay --variants`: an outage beside what would have become of it under other designs.

use crate::arguments::ReplayArguments;
use crate::outcome::{Failure, Outcome};
use crate::page::{Observed, Page};
use crate::paragraph::wrap;
use crate::replay::until;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_base::Seed;
use greylag_observe::report::Variant;
use greylag_scenario::Source;
use greylag_scenario::story::{self as scenario, Choice};
use greylag_sim::replay::{self, Loss, Options, percent};
use serde::Serialize;
use std::io::{self, Write};

/// What became of a variant, or of the file as it is.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    variant: Option<String>,
    title: String,
    holds: bool,
    losses: Vec<Loss>,
    digest: String,
}

impl Row {
    fn volume(&self) -> f64 {
        self.losses.iter().map(Loss::minutes_by_weight).sum()
    }

    fn for_report(&self) -> Variant {
        Variant {
            name: self.variant.clone(),
            title: self.title.clone(),
            holds: self.holds,
            losses: self.losses.clone(),
        }
    }
}

pub(crate) fn compare(source: &Source, arguments: &ReplayArguments) -> Outcome {
    let choice =
        |variant: Option<&String>| Choice { variant: variant.cloned(), assume: arguments.assume.clone() };
    let base = scenario::parse(source, &choice(None))?;
    let known: Vec<&String> = base.variants.iter().map(|(name, _)| name).collect();
    let chosen: Vec<&String> = match arguments.variants.as_slice() {
        [all] if all == "all" => known,
        names => names.iter().collect(),
    };
    let end = arguments.until.as_deref().map(|text| until(&base, text)).transpose()?;
    let seed = arguments.seed.map_or(base.seed, Seed);
    let page = arguments.report.as_deref().map(Page::create).transpose()?;
    // What a report shows is the file as it is.
    let mut observed = Observed::new(&base, None, page.is_some());
    let mut as_it_was = None;
    let mut rows: Vec<Row> = Vec::new();
    for variant in std::iter::once(None).chain(chosen.into_iter().map(Some)) {
        let scenario = scenario::parse(source, &choice(variant))?;
        let options = if variant.is_none() { observed.options() } else { Options::default() };
        let outcome =
            replay::replay(&scenario, seed, Options { until: end, ..options }).map_err(Failure::failed)?;
        let title = base.variants.iter().find(|(name, _)| Some(name) == variant);
        rows.push(Row {
            variant: variant.cloned(),
            title: title.map_or_else(|| base.title.clone(), |(_, title)| title.clone()),
            holds: outcome.holds,
            losses: outcome.losses.clone(),
            digest: outcome.digest.clone(),
        });
        as_it_was.get_or_insert(outcome);
    }
    if let (Some(page), Some(outcome)) = (page, &as_it_was) {
        let variants: Vec<Variant> = rows.iter().map(Row::for_report).collect();
        page.write(&observed.report(&base, outcome, &variants))?;
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &rows).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", tell(&rows))?;
    }
    if rows.iter().all(|row| row.holds) { Ok(()) } else { Err(Failure::Silent) }
}

fn tell(rows: &[Row]) -> String {
    let mut table = Table::new(&[
        ("VARIANT", Left),
        ("", Left),
        ("FLOWS", Left),
        ("ARRIVED", Right),
        ("LOST MINUTES", Right),
        ("MINUTES X GBIT/S", Right),
    ]);
    for row in rows {
        let name = row.variant.as_deref().unwrap_or("as it was");
        let verdict = if row.holds { "ok" } else { "NO" };
        for (index, loss) in row.losses.iter().enumerate() {
            let (name, verdict) = if index == 0 { (name, verdict) } else { ("", "") };
            table.row(&[
                &name,
                &verdict,
                &loss.flows,
                &percent(1.0 - loss.lost_bits / loss.offered_bits.max(1.0)),
                &format!("{:.2}", loss.minutes()),
                &format!("{:.3}", loss.minutes_by_weight()),
            ]);
        }
    }
    let mut text = table.to_string();
    let mut ranked: Vec<&Row> = rows.iter().collect();
    ranked.sort_by(|one, other| one.volume().total_cmp(&other.volume()));
    text += "\n";
    for row in ranked {
        let name = row.variant.as_deref().unwrap_or("as it was");
        text += &wrap(&format!("{:>10.3}  {name}: {}", row.volume(), row.title), 12);
    }
    text
}
