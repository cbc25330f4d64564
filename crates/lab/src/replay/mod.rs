//! A scenario in the live world: its lab is deployed, its timeline is done in real time, and what comes out is judged by the same
//! judge as in the virtual world.
//!
//! In the order in which it goes: `feasible.rs` refuses what cannot be done here, before anything is made; `stage.rs` deploys and
//! prepares the hosts; `probes.rs` sends and takes the flows by the hosts' own stacks, `ears.rs` hears what comes to them, `news.rs`
//! asks the switches what happened; `deeds.rs` does what the timeline says. All of them tell what they have seen to one
//! channel; at the end it is put in the order of time, and a [`Witness`] judges.

mod clock;
mod deeds;
mod ears;
mod feasible;
mod news;
mod probes;
mod seen;
mod stage;

use crate::cable::CableError;
use crate::client::ClientError;
use crate::deploy::{DeployError, DeployOptions};
use crate::link::LinkError;
use crate::netns::NetnsError;
use clock::StageClock;
use deeds::Deeds;
use ears::Ears;
use greylag_base::{Instant, Seed};
use greylag_ports::OpenError;
use greylag_scenario::story::{Action, ExpectedOutcome, Scenario};
use greylag_scenario::{FileError, Source};
use greylag_sim::replay::{Outcome, ReplayError, Witness};
use news::News;
use probes::Probes;
use seen::{Seen, Teller};
use stage::Stage;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Between two looks at whether somebody wants the end.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Why a scenario was not replayed. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Something of it cannot be done live. Nothing was made.
    #[error(transparent)]
    Infeasible(Box<FileError>),
    /// Somebody wanted the end.
    #[error("interrupted; the lab is removed")]
    Interrupted,
    /// The lab.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A switch does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A link.
    #[error(transparent)]
    Cable(#[from] CableError),
    /// An interface of a host.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A host's namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// A host's interface cannot be listened to.
    #[error(transparent)]
    Port(#[from] OpenError),
    /// Something of a host.
    #[error("host {host}: cannot {action}: {source}")]
    Host {
        /// Its name.
        host: String,
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The judge.
    #[error(transparent)]
    Judge(#[from] ReplayError),
}

/// How a scenario is replayed live.
pub struct LiveOptions<'a> {
    /// How its lab is deployed. Its `interrupt` ends the replay, too.
    pub deploy: DeployOptions,
    /// It ends here when that is before the scenario's own end.
    pub until: Option<Duration>,
    /// Gets the event log, at the end.
    pub events: Option<&'a mut dyn Write>,
    /// Is told how far it is, and when it will end.
    pub progress: &'a mut dyn FnMut(Instant, Instant),
}

/// What is done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// A step of the timeline.
    Step(usize),
    /// A switch has booted.
    Boot(usize),
    /// A counter is read for an expectation.
    Count(usize),
}

/// Replays a scenario in real time, in namespaces of its own, and removes them.
///
/// # Errors
/// When something of it cannot be done live, and whatever fails on the way.
pub fn replay<'a>(
    source: &Source,
    scenario: &'a Scenario,
    seed: Seed,
    options: LiveOptions<'a>,
) -> Result<Outcome, LiveError> {
    feasible::check(source, scenario).map_err(|error| LiveError::Infeasible(Box::new(error)))?;
    let LiveOptions { deploy, until, events, progress } = options;
    let mut witness = Witness::new(scenario, seed, events)?;
    let duration = until.map_or(scenario.duration, |until| until.min(scenario.duration));
    let end = Instant::ZERO + duration;
    let interrupt = Arc::clone(&deploy.interrupt);
    let stage = Stage::deploy(scenario, deploy)?;

    let over = AtomicBool::new(false);
    let (sender, told) = mpsc::channel();
    let mut ears = Ears::open(scenario, &stage)?;
    let probes = Probes::open(&stage, witness.flows())?;
    let clock = StageClock::start();
    let teller = Teller::new(sender, clock);
    let news = News::new(scenario, &stage, teller.clone(), witness.comparing_period());
    let deeds = Deeds { scenario, stage: &stage, news: &news, teller: &teller, over: &over, seed };
    let counts = std::thread::scope(|scope| {
        ears.listen(scope, &teller, &over);
        let counting = probes.run(scope, clock, end, &over);
        news.follow(scope, &over);
        let walked = walk(&deeds, scope, end, &interrupt, progress);
        over.store(true, Ordering::Relaxed);
        walked.map(|()| counting.collect())
    })?;
    drop(teller);
    news.last_word();
    drop(news);
    drop(stage);
    let mut all: Vec<(Instant, Seen)> = told.into_iter().filter(|(at, _)| *at <= end).collect();
    // Stable: what one of them told stays in its order.
    all.sort_by_key(|(at, _)| *at);
    for (at, seen) in &all {
        seen.tell(*at, &mut witness);
    }
    Ok(witness.conclude(&counts, end)?)
}

/// Does what the timeline says, when it says so.
fn walk<'scope, 'env: 'scope>(
    deeds: &'env Deeds<'env>,
    scope: &'scope std::thread::Scope<'scope, 'env>,
    end: Instant,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(Instant, Instant),
) -> Result<(), LiveError> {
    deeds.begin();
    let clock = deeds.teller.clock();
    for (at, stop) in stops(deeds.scenario, end) {
        wait(clock, at, end, interrupt, progress)?;
        match stop {
            Stop::Step(step) => deeds.step(scope, step),
            Stop::Boot(step) => deeds.boot(scope, step),
            Stop::Count(expectation) => deeds.news.count(at, expectation),
        }
    }
    wait(clock, end, end, interrupt, progress)
}

fn wait(
    clock: StageClock,
    until: Instant,
    end: Instant,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(Instant, Instant),
) -> Result<(), LiveError> {
    loop {
        if interrupt.load(Ordering::Relaxed) {
            return Err(LiveError::Interrupted);
        }
        let now = clock.now();
        progress(now, end);
        if now >= until {
            return Ok(());
        }
        std::thread::sleep(until.since(now).min(LOOK_UP));
    }
}

/// Everything that is done, in the order of time.
fn stops(scenario: &Scenario, end: Instant) -> Vec<(Instant, Stop)> {
    let mut stops = Vec::new();
    for (index, step) in scenario.timeline.iter().enumerate() {
        let at = Instant::ZERO + step.at;
        stops.push((at, Stop::Step(index)));
        if let Action::PowerOn { boot, .. } = step.action {
            stops.push((at + boot, Stop::Boot(index)));
        }
    }
    for (index, expectation) in scenario.expectations.iter().enumerate() {
        if let ExpectedOutcome::Counter { .. } = expectation.outcome {
            let at = expectation.at.map_or(end, |at| Instant::ZERO + at);
            stops.push((at.min(end), Stop::Count(index)));
        }
    }
    stops.retain(|(at, _)| *at <= end);
    stops.sort();
    stops
}
