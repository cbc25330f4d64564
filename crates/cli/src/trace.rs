//! `greylag trace`: what a running switch would do with a frame.

use crate::arguments::TraceArguments;
use crate::outcome::{Failure, Outcome};
use crate::show;
use greylag_lab::client;
use greylag_switch::show::TraceRow;
use serde_json::json;

pub(crate) fn trace(arguments: &TraceArguments) -> Outcome {
    let TraceArguments { port, worker, frame, to, from, vlan, .. } = arguments;
    let question = json!({
        "port": port,
        "worker": worker,
        "frame": frame,
        "destination": to,
        "source": from,
        "vlan": vlan,
        "source-mac": arguments.source_mac,
        "destination-mac": arguments.destination_mac,
        "protocol": arguments.protocol,
        "source-port": arguments.source_port,
        "destination-port": arguments.destination_port,
        "ttl": arguments.ttl,
    });
    let socket = show::socket(&arguments.target)?;
    let answer = client::post(&socket, "/v1/trace", question.to_string()).map_err(Failure::failed)?;
    show::print(arguments.target.json, answer, |answer| Ok(steps(&show::understood(answer)?)))
}

fn steps(row: &TraceRow) -> String {
    let numbered = row.steps.iter().enumerate().map(|(index, step)| format!("{:>2}  {step}\n", index + 1));
    numbered.collect()
}
