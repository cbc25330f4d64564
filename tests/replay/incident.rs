//! The outage of October 2025 until its split, replayed once for all tests that look at its files.

use crate::program::Desk;
use std::sync::OnceLock;

/// What `greylag replay` wrote.
pub(crate) struct Incident {
    pub(crate) events: String,
    pub(crate) metrics: String,
}

/// It is found in the program's own library, so that this works in any folder.
pub(crate) fn incident() -> &'static Incident {
    static INCIDENT: OnceLock<Incident> = OnceLock::new();
    INCIDENT.get_or_init(|| {
        let desk = Desk::new();
        let words = [
            "replay",
            "dataforest-2025-10-23",
            "--until",
            "13:36",
            "--events",
            "e.jsonl",
            "--metrics",
            "m.prom",
        ];
        // Cut short, so that not all that is expected has happened.
        desk.prints(&words, 1);
        let read = |name| std::fs::read_to_string(desk.path(name)).expect("the file was written");
        Incident { events: read("e.jsonl"), metrics: read("m.prom") }
    })
}
