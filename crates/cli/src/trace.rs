//! `greylag trace`: what a running switch does, or would do, with frames.

use crate::arguments::{Injected, TraceArguments};
use crate::outcome::{Failure, Outcome};
use crate::show;
use greylag_lab::answer::Watched;
use greylag_lab::client;
use greylag_lab::filter::Filter;
use greylag_switch::show::TraceRow;
use serde_json::json;
use std::io::{self, Write};

pub(crate) fn trace(arguments: &TraceArguments) -> Outcome {
    if arguments.inject { inject(arguments) } else { watch(arguments) }
}

fn inject(arguments: &TraceArguments) -> Outcome {
    let Injected { worker, frame, to, from, vlan, .. } = &arguments.injected;
    if frame.is_none() && to.is_none() {
        return Err(Failure::Usage(
            "what frame? Describe it with --to, or give it whole with --frame".to_owned(),
        ));
    }
    let question = json!({
        "port": arguments.port,
        "worker": worker,
        "frame": frame,
        "destination": to,
        "source": from,
        "vlan": vlan,
        "source-mac": arguments.injected.source_mac,
        "destination-mac": arguments.injected.destination_mac,
        "protocol": arguments.injected.protocol,
        "source-port": arguments.injected.source_port,
        "destination-port": arguments.injected.destination_port,
        "ttl": arguments.injected.ttl,
    });
    let socket = show::socket(&arguments.target)?;
    let answer = client::post(&socket, "/v1/trace", question.to_string()).map_err(Failure::failed)?;
    show::print(arguments.target.json, answer, |answer| Ok(steps(&show::understood(answer)?)))
}

/// Frames as they pass.
fn watch(arguments: &TraceArguments) -> Outcome {
    let filter = arguments.filter.join(" ");
    // What is wrong with its words is told where they were typed.
    filter
        .parse::<Filter>()
        .map_err(|wrong| Failure::Usage(format!("{wrong}\n  {filter}\n  {:>1$}", "^", wrong.at)))?;
    let socket = show::socket(&arguments.target)?;
    let question = json!({"filter": filter, "port": arguments.port, "count": arguments.count});
    let mut out = io::stdout().lock();
    let (mut failure, mut lost) = (None, 0);
    let json = arguments.target.json;
    client::follow(&socket, "/v1/watch", question.to_string(), |line| {
        let printed = tell(line, json, &mut lost, &mut out);
        failure = printed.err();
        failure.is_none()
    })
    .map_err(Failure::failed)?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// One frame, and how many were lost before it since the last.
fn tell(line: &[u8], json: bool, lost: &mut u64, out: &mut impl Write) -> Outcome {
    if json {
        out.write_all(line)?;
        writeln!(out)?;
    } else {
        let watched: Watched = serde_json::from_slice(line)
            .map_err(|error| Failure::Failed(format!("the switch speaks another version: {error}")))?;
        if watched.lost > *lost {
            writeln!(out, "({} frames were not told: they came too fast)", watched.lost - *lost)?;
            *lost = watched.lost;
        }
        writeln!(out, "{}, {} octets", watched.time, watched.length)?;
        write!(out, "{}", steps(&watched.row))?;
    }
    Ok(out.flush()?)
}

fn steps(row: &TraceRow) -> String {
    let numbered = row.steps.iter().enumerate().map(|(index, step)| format!("{:>2}  {step}\n", index + 1));
    numbered.collect()
}
