//! `greylag show events --follow`: what happened, and then what happens.

use super::event;
use crate::lab::interrupt;
use crate::outcome::{Failure, Outcome};
use greylag_lab::client::ClientError;
use greylag_lab::follow::{End, FollowError, follow, has_no_reader};
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Between two looks for a switch that has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Prints events until interrupted, or until nobody reads them. A switch that ends is waited for.
pub(super) fn events(socket: &Path, json: bool) -> Outcome {
    let interrupted = interrupt()?;
    let goes_on = || !interrupted.load(Ordering::Relaxed) && !has_no_reader(io::stdout());
    let mut has_answered = false;
    loop {
        let print = |line: &str| {
            has_answered = true;
            let mut out = io::stdout().lock();
            if json {
                return writeln!(out, "{line}").and_then(|()| out.flush());
            }
            let row: Value = serde_json::from_str(line).unwrap_or_default();
            let time = row["time"].as_str().unwrap_or("-");
            write!(out, "{time} {}", event(&row)).and_then(|()| out.flush())
        };
        match follow(socket, "/v1/events?follow=true", goes_on, print) {
            Ok(End::Listener) => return Ok(()),
            Ok(End::Switch) => eprintln!("greylag: the switch has ended; waiting for it to run again"),
            Err(FollowError::Client(ClientError::Connect { .. } | ClientError::Http { .. }))
                if has_answered => {}
            Err(FollowError::Line(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::failed(error)),
        }
        if !goes_on() {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
