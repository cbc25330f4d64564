//! `greylag replay`: an outage, done again.

use crate::arguments::ReplayArguments;
use crate::matrix;
use crate::outcome::{Failure, Outcome};
use crate::page::{Observed, Page, create};
use crate::{lab, library};
use crate::{story, variants};
use greylag_base::{Instant, Seed};
use greylag_lab::deploy::DeployOptions;
use greylag_lab::replay::{LiveError, LiveOptions};
use greylag_scenario::story::{Choice, Scenario};
use greylag_scenario::{Source, story as scenario};
use greylag_sim::replay::{self, DayClock, Options, ReplayError};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::time::{self, Duration};

/// Nobody wonders before.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn replay(arguments: &ReplayArguments) -> Outcome {
    let source = library::source(&arguments.file)?;
    if arguments.check {
        return check(&source, arguments.json);
    }
    if !arguments.variants.is_empty() {
        return variants::compare(&source, arguments);
    }
    let choice = Choice { variant: arguments.variant.clone(), assume: arguments.assume.clone() };
    let scenario = scenario::parse(&source, &choice)?;
    if let (Some(cells), None) = (&scenario.matrix, &arguments.variant) {
        return matrix::replay(&source, &scenario, cells, arguments);
    }
    let until = arguments.until.as_deref().map(|text| until(&scenario, text)).transpose()?;
    let seed = arguments.seed.map_or(scenario.seed, Seed);
    let page = arguments.report.as_deref().map(Page::create).transpose()?;
    let mut events = arguments.events.as_deref().map(create).transpose()?;
    let mut observed =
        Observed::new(&scenario, events.as_mut().map(|file| file as &mut dyn Write), page.is_some());
    let begun = time::Instant::now();
    let mut progress = Progress::new(begun);
    let outcome = match arguments.live {
        true => live(&source, &scenario, seed, until, &mut observed, &mut progress),
        false => in_virtual_world(&scenario, seed, until, arguments, &mut observed, &mut progress),
    };
    progress.end();
    let outcome = outcome?;
    let wall = begun.elapsed();
    if let Some(page) = page {
        page.write(&observed.report(&scenario, &outcome, &[]))?;
    }

    let mut out = io::stdout().lock();
    if arguments.json {
        /// The outcome, and what is different each time.
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Answer<'a> {
            #[serde(flatten)]
            outcome: &'a replay::Outcome,
            wall_ns: u64,
        }
        let wall_ns = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
        serde_json::to_writer_pretty(&mut out, &Answer { outcome: &outcome, wall_ns })
            .map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", story::tell(&outcome, wall))?;
    }
    out.flush()?;
    if outcome.holds { Ok(()) } else { Err(Failure::Silent) }
}

fn in_virtual_world(
    scenario: &Scenario,
    seed: Seed,
    until: Option<Duration>,
    arguments: &ReplayArguments,
    observed: &mut Observed<'_>,
    progress: &mut Progress,
) -> Result<replay::Outcome, Failure> {
    let mut capture = arguments.pcap.as_deref().map(create).transpose()?;
    let mut metrics = arguments.metrics.as_deref().map(create).transpose()?;
    let options = Options {
        until,
        capture: capture.as_mut().map(|file| file as &mut dyn Write),
        metrics: metrics.as_mut().map(|file| file as &mut dyn Write),
        progress: Some(&mut |now, end| progress.tell(now, end)),
        ..observed.options()
    };
    replay::replay(scenario, seed, options).map_err(|error: ReplayError| Failure::failed(error))
}

fn live(
    source: &Source,
    scenario: &Scenario,
    seed: Seed,
    until: Option<Duration>,
    observed: &mut Observed<'_>,
    progress: &mut Progress,
) -> Result<replay::Outcome, Failure> {
    lab::need_privilege_to("greylag replay --live")?;
    let mut deploy = DeployOptions::new().map_err(Failure::failed)?;
    deploy.interrupt = lab::interrupt()?;
    let options = LiveOptions {
        deploy,
        until,
        events: observed.options().events,
        progress: &mut |now, end| {
            progress.tell(now, end);
        },
    };
    greylag_lab::replay::replay(source, scenario, seed, options).map_err(|error| match error {
        LiveError::Infeasible(wrong) => Failure::File(wrong),
        error => Failure::failed(error),
    })
}

fn check(source: &Source, json: bool) -> Outcome {
    let scenario = scenario::check(source)?;
    let mut out = io::stdout().lock();
    let variants: Vec<&str> = scenario.variants.iter().map(|(name, _)| name.as_str()).collect();
    if json {
        let value = serde_json::json!({
            "name": scenario.name,
            "nodes": scenario.lab.nodes.len(),
            "steps": scenario.timeline.len(),
            "expectations": scenario.expectations.len(),
            "parameters": scenario.parameters.len(),
            "variants": variants,
        });
        writeln!(out, "{value:#}")?;
    } else {
        let variants = if variants.is_empty() { "none".to_owned() } else { variants.join(", ") };
        writeln!(
            out,
            "{}: {} nodes, {} steps, {} expectations, {} parameters; variants: {variants}",
            scenario.name,
            scenario.lab.nodes.len(),
            scenario.timeline.len(),
            scenario.expectations.len(),
            scenario.parameters.len()
        )?;
    }
    Ok(())
}

pub(crate) fn until(scenario: &Scenario, text: &str) -> Result<Duration, Failure> {
    DayClock::new(scenario.start).parse(text).ok_or_else(|| {
        Failure::Usage(format!(
            "--until {text}: expected a time since the start such as 90s or 5m, or a time of day such as 13:30"
        ))
    })
}

/// How far the world is, on a terminal, when it takes long.
struct Progress {
    begun: time::Instant,
    is_seen: bool,
    is_shown: bool,
}

impl Progress {
    fn new(begun: time::Instant) -> Self {
        Progress { begun, is_seen: io::stderr().is_terminal(), is_shown: false }
    }

    fn tell(&mut self, now: Instant, end: Instant) -> bool {
        if self.is_seen && self.begun.elapsed() > PATIENCE {
            let percent = now.as_nanos() * 100 / end.as_nanos().max(1);
            self.is_shown = true;
            let mut screen = io::stderr();
            let _ = write!(screen, "\r\x1b[K{percent} %").and_then(|()| screen.flush());
        }
        true
    }

    fn end(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
