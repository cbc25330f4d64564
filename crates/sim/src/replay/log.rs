//! The event log: one JSON line per happening, and the digest over all of them.
//!
//! `docs/replay.md` shows the lines. Numbers are integers, and shares are as the scenario file has them, so that a
//! line is the same on every machine.

use super::order::describe;
use crate::Happening;
use greylag_base::Instant;
use greylag_scenario::lab::Lab;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes lines, and sums them up.
pub(crate) struct EventLog<'a> {
    /// Of the nodes, as JSON texts.
    names: Vec<String>,
    /// Lines of each node so far.
    sequences: Vec<u64>,
    line: Vec<u8>,
    event: Vec<u8>,
    lines: u64,
    digest: Sha256,
    out: Option<&'a mut dyn Write>,
    failure: Option<io::Error>,
}

/// A line that has just been written.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    /// When it happened, which may be before it was told.
    pub(crate) at: Instant,
    pub(crate) node: usize,
    event: &'a [u8],
}

impl<'a> EventLog<'a> {
    /// `out` gets every line.
    pub(crate) fn new(lab: &Lab, out: Option<&'a mut dyn Write>) -> Self {
        EventLog {
            names: lab.nodes.iter().map(|node| text(&node.name)).collect(),
            sequences: vec![0; lab.nodes.len()],
            line: Vec::new(),
            event: Vec::new(),
            lines: 0,
            digest: Sha256::new(),
            out,
            failure: None,
        }
    }

    /// Writes what happened.
    pub(crate) fn write(&mut self, lab: &Lab, at: Instant, node: usize, what: &Happening<'_>) -> Line<'_> {
        self.event.clear();
        write_event(&mut self.event, lab, what);
        let happened = match what {
            Happening::Switch(record) => record.at,
            _ => at,
        };
        self.sequences[node] += 1;
        self.lines += 1;
        self.line.clear();
        let head = write!(
            self.line,
            r#"{{"at-ns":{},"node":{},"sequence":{},"#,
            at.as_nanos(),
            self.names[node],
            self.sequences[node]
        );
        let happened_before = (happened != at).then_some(happened);
        let then = happened_before
            .map_or(Ok(()), |happened| write!(self.line, r#""happened-ns":{},"#, happened.as_nanos()));
        debug_assert!(head.is_ok() && then.is_ok(), "memory takes what is written to it");
        // The event is an object of its own, whose members join ours.
        self.line.extend_from_slice(&self.event[1..]);
        self.line.push(b'\n');
        self.digest.update(&self.line);
        if let Some(out) = self.out.as_mut().filter(|_| self.failure.is_none()) {
            self.failure = out.write_all(&self.line).err();
        }
        Line { at: happened, node, event: &self.event }
    }

    /// Lines so far.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// SHA-256 over all lines so far.
    pub(crate) fn digest(&self) -> String {
        let mut digits = String::with_capacity(64);
        for octet in self.digest.clone().finalize() {
            let _ = write!(digits, "{octet:02x}");
        }
        digits
    }

    /// What went wrong with the file, if anything did.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.out.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

impl Line<'_> {
    /// Its event's name.
    pub(crate) fn name(&self) -> &str {
        // The name comes first: `{"event":"port-up",..}`.
        let name = self.event.strip_prefix(br#"{"event":""#).unwrap_or_default();
        let end = name.iter().position(|&octet| octet == b'"').unwrap_or(name.len());
        str::from_utf8(&name[..end]).unwrap_or_default()
    }

    /// Its event's fields.
    pub(crate) fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_slice(self.event).unwrap_or_default()
    }
}

fn write_event(event: &mut Vec<u8>, lab: &Lab, what: &Happening<'_>) {
    let result = match what {
        Happening::Switch(record) => {
            serde_json::to_writer(&mut *event, &record.event).map_err(io::Error::from)
        }
        Happening::Host(name, fields) => {
            let fields = fields.iter().map(|(name, value)| format!(r#","{name}":{}"#, text(value)));
            write!(event, r#"{{"event":{}{}}}"#, text(name), fields.collect::<String>())
        }
        Happening::Ordered(action) => {
            let words = describe(action, lab);
            write!(event, r#"{{"event":"ordered","action":"{}","text":{}}}"#, words.action, text(&words.text))
        }
        Happening::Refused(why) => {
            write!(event, r#"{{"event":"refused","text":{}}}"#, text(&why.to_string()))
        }
        Happening::WrongPatch(error) => {
            write!(event, r#"{{"event":"refused","text":{}}}"#, text(&error.to_string()))
        }
        Happening::NotDone(why) => write!(event, r#"{{"event":"refused","text":{}}}"#, text(why)),
        Happening::Lapsed(entries) => write!(event, r#"{{"event":"entries-lapsed","entries":{entries}}}"#),
        Happening::Power(true) => write!(event, r#"{{"event":"power-on"}}"#),
        Happening::Power(false) => write!(event, r#"{{"event":"power-off"}}"#),
    };
    result.expect("an event is text, and memory takes it");
}

/// A JSON text with its quotes.
fn text(plain: &str) -> String {
    serde_json::Value::from(plain).to_string()
}
