//! A record as a file of JSON lines: first what the switch started from, then a page for each time that it was looked at.
//!
//! A line is written at once or not at all, so that what was cut short ends with a line that is none, which is left out.

use super::{Page, PlaybackError, Recording, Start};
use crate::event::EventRecord;
use crate::{OutputRecord, Switch};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Title {
    /// The version of greylag that wrote the file.
    pub greylag: String,
    /// What the switch started from.
    pub start: Start,
}

/// Any other line.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    page: &'a Page,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'a [EventRecord],
}

/// The same, read back. An event is compared by what it looks like.
#[derive(Deserialize)]
struct ReadLine {
    #[serde(flatten)]
    page: Page,
    #[serde(default)]
    events: Vec<Value>,
}

/// Why a file is no record.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It has no title.
    #[error("line 1: this is no recording of a switch: expected what `greylag run --record` writes ({0})")]
    Title(serde_json::Error),
    /// A line is damaged.
    #[error("line {line}: {error}")]
    Line {
        /// Counts from 1.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// It does not fit the switch.
    #[error("it was kept by greylag {version}, and this is {own}: {error}", own = env!("CARGO_PKG_VERSION"))]
    Playback {
        /// The version that wrote it.
        version: String,
        /// Why not.
        error: PlaybackError,
    },
}

/// A run that was played back.
#[derive(Debug)]
pub struct Replayed {
    /// The switch.
    pub switch: String,
    /// What happened again, in order.
    pub events: Vec<EventRecord>,
    /// How many times it was told something.
    pub inputs: usize,
    /// Where the run and its record part.
    pub difference: Option<Difference>,
}

/// The first place at which a run that was played back is another than its record.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// `event` or `output`.
    pub what: &'static str,
    /// Its place, from 1.
    pub number: usize,
    /// What the record has; absent behind its end.
    pub recorded: Option<Value>,
    /// What happened now; absent when nothing did.
    pub replayed: Option<Value>,
}

/// The first line of a file, with its end.
pub fn title(start: &Start) -> String {
    let title = Title { greylag: env!("CARGO_PKG_VERSION").to_owned(), start: start.clone() };
    line(&title)
}

/// A page as a line, with its end, and the events of the same time.
pub fn page(page: &Page, events: &[EventRecord]) -> String {
    line(&Line { page, events })
}

fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("plain values can be written as JSON");
    text.push('\n');
    text
}

/// Plays the text of a file back, and compares what happens with what the file says.
///
/// # Errors
/// When the text is no record, or the switch cannot follow it.
pub fn replay(text: &str) -> Result<Replayed, FileError> {
    // Behind the last end of a line is what a killed switch was about to write.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines();
    let title: Title = serde_json::from_str(lines.next().unwrap_or_default()).map_err(FileError::Title)?;
    let mut recording = Recording::new(title.start);
    let mut recorded = Vec::new();
    for (index, line) in lines.enumerate() {
        let read: ReadLine =
            serde_json::from_str(line).map_err(|error| FileError::Line { line: index + 2, error })?;
        recording.inputs.extend(read.page.inputs);
        recording.answers.extend(read.page.answers);
        recording.outputs.extend(read.page.outputs);
        recorded.extend(read.events);
    }
    let mut events = Vec::new();
    let switch = Switch::playback_telling(&recording, |event| events.push(event.clone()))
        .map_err(|error| FileError::Playback { version: title.greylag, error })?;
    let replayed = switch.recording().map_or(&[][..], |own| &own.outputs);
    let difference = first_difference("event", &recorded, &values(&events)).or_else(|| {
        first_difference("output", &values(&recording.outputs), &values::<OutputRecord>(replayed))
    });
    Ok(Replayed {
        switch: recording.start.history.running().name.clone(),
        events,
        inputs: recording.inputs.len(),
        difference,
    })
}

fn values<T: Serialize>(rows: &[T]) -> Vec<Value> {
    let value = |row| serde_json::to_value(row).expect("plain values can be written as JSON");
    rows.iter().map(value).collect()
}

fn first_difference(what: &'static str, recorded: &[Value], replayed: &[Value]) -> Option<Difference> {
    let longest = recorded.len().max(replayed.len());
    let index = (0..longest).find(|&index| recorded.get(index) != replayed.get(index))?;
    let (recorded, replayed) = (recorded.get(index).cloned(), replayed.get(index).cloned());
    Some(Difference { what, number: index + 1, recorded, replayed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PortConfig, SwitchConfig};
    use crate::history::History;
    use crate::input::Input;
    use greylag_base::{Instant, PortId, PortName, Seed};
    use std::time::Duration;

    /// A run of two pages.
    fn run() -> String {
        let mut config = SwitchConfig::new("sw1");
        config.ports.push(PortConfig::new(PortName::new("eth1").unwrap()));
        let history = History::new(config.clone(), Instant::ZERO);
        let start = Start::new(history, Seed(7), Instant::ZERO);
        let mut text = title(&start);
        let mut switch = Switch::recorded(start).unwrap();
        let mut told = 0;
        let commit = Input::Commit { config: Box::new(config), author: "ops".into(), confirm_within: None };
        for (second, input) in
            [(1, Input::Link { port: PortId(0), up: true }), (2, commit), (3, Input::Confirm)]
        {
            let _ = switch.handle_input(Instant::ZERO + Duration::from_secs(second), input);
            let events: Vec<EventRecord> = switch.events().after(told).cloned().collect();
            told = events.last().map_or(told, |event| event.sequence);
            text += &page(&switch.tear_page().unwrap(), &events);
        }
        assert!(switch.tear_page().is_none(), "nothing has come since");
        text
    }

    #[test]
    fn a_run_that_was_written_page_by_page_happens_again() {
        let replayed = replay(&run()).unwrap();
        assert_eq!((replayed.switch.as_str(), replayed.inputs, replayed.difference), ("sw1", 3, None));
        assert!(replayed.events.len() > 2);
    }

    #[test]
    fn what_was_cut_short_happens_up_to_there() {
        let text = run();
        let last = text.trim_end().rfind('\n').unwrap();
        let replayed = replay(&text[..last + 9]).unwrap();
        assert_eq!((replayed.inputs, replayed.difference), (2, None));
    }

    #[test]
    fn what_was_changed_is_found() {
        let text = run().replace("port-up", "port-down");
        let difference = replay(&text).unwrap().difference.unwrap();
        assert_eq!((difference.what, &difference.recorded.unwrap()["event"]), ("event", &"port-down".into()));
        assert!(replay("{}\n").unwrap_err().to_string().starts_with("line 1: this is no recording"));
        assert!(
            replay(&run().replacen("\"inputs\"", "\"input", 1))
                .unwrap_err()
                .to_string()
                .starts_with("line 2")
        );
    }
}
