//! `greylag why`: where frames between two stations die, and what stands behind it.

use crate::arguments::{ProtocolWord, WhyArguments};
use crate::library;
use crate::outcome::{Failure, Outcome};
use greylag_base::Seed;
use greylag_observe::why::{self, Answer, Protocol, Question, Replayed, Running, WhyError};
use greylag_scenario::story::{self, Choice};
use greylag_sim::replay::{DayClock, look_at};
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn why(arguments: &WhyArguments) -> Outcome {
    let question = Question {
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        protocol: arguments.proto.map(|word| match word {
            ProtocolWord::Udp => Protocol::Udp,
            ProtocolWord::Tcp => Protocol::Tcp,
            ProtocolWord::Icmp => Protocol::Icmp,
        }),
        source_port: arguments.sport,
        destination_port: arguments.dport,
    };
    let answer = match &arguments.replay {
        Some(file) => in_replay(arguments, file, &question)?,
        None => {
            let lab = Running::find(arguments.lab.as_deref()).map_err(Failure::failed)?;
            why::why(&lab, Running::now(), &question).map_err(refused)?
        }
    };
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &answer).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", why::text(&answer))?;
    }
    out.flush()?;
    if answer.passes { Ok(()) } else { Err(Failure::Silent) }
}

fn in_replay(arguments: &WhyArguments, file: &Path, question: &Question) -> Result<Answer, Failure> {
    let source = library::source(file)?;
    let choice = Choice { variant: arguments.variant.clone(), assume: arguments.assume.clone() };
    let scenario = story::parse(&source, &choice)?;
    let at = arguments.at.as_deref().unwrap_or_default();
    let moment = DayClock::new(scenario.start).parse(at).filter(|at| *at <= scenario.duration);
    let moment = moment.ok_or_else(|| {
        Failure::Usage(format!(
            "--at {at}: expected a time of the replay since its start such as 90s or 5m, or a time of day such as 13:30"
        ))
    })?;
    let seed = arguments.seed.map_or(scenario.seed, Seed);
    look_at(&scenario, seed, moment, |moment| why::why(&Replayed::new(moment), moment.now(), question))
        .map_err(Failure::failed)?
        .map_err(refused)
}

/// Who asks for what is not there has the words wrong.
fn refused(error: WhyError) -> Failure {
    match error {
        WhyError::NoStation { .. } | WhyError::Same(_) => Failure::Usage(error.to_string()),
        _ => Failure::failed(error),
    }
}
