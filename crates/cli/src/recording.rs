//! `greylag replay --recording`: what `greylag run --record` wrote, played back.

use crate::outcome::{Failure, Outcome};
use crate::show;
use greylag_switch::recording::file::{self, Difference, Replayed};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

pub(crate) fn replay(path: &Path, json: bool) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    let replayed = file::replay(&text).map_err(|error| failed(&error))?;
    let mut out = io::stdout().lock();
    if json {
        let Replayed { switch, events, inputs, difference } = &replayed;
        let value = json!({
            "switch": switch, "inputs": inputs, "events": events, "equal": difference.is_none(), "difference": difference,
        });
        writeln!(out, "{value:#}")?;
    } else {
        write!(out, "{}", tell(&replayed))?;
    }
    if replayed.difference.is_none() { Ok(()) } else { Err(Failure::Silent) }
}

fn tell(replayed: &Replayed) -> String {
    let mut text = String::new();
    for event in &replayed.events {
        let since = Duration::from_nanos(event.at.as_nanos());
        let value = serde_json::to_value(event).unwrap_or_default();
        text += &format!("{:>12.6} {}", since.as_secs_f64(), show::event(&value));
    }
    let inputs = show::count(replayed.inputs, "input", "inputs");
    let events = show::count(replayed.events.len(), "event", "events");
    text += &match &replayed.difference {
        None => {
            format!("{}: {inputs}, {events}; events and outputs are those of the record\n", replayed.switch)
        }
        Some(Difference { what, number, recorded, replayed: now }) => {
            let shown = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
            format!(
                "{}: {inputs}, {events}; {what} {number} is another than in the record\nrecord: {}\nnow:    {}\n",
                replayed.switch,
                shown(recorded),
                shown(now)
            )
        }
    };
    text
}
