//! What several switches see, heard at once and put in the order of time.

mod merge;

use crate::answer::{CaptureLine, CaptureLoss, CapturedCopy, CapturedSwitch};
use crate::client::{ClientError, follow};
use crate::machine_clock::{monotonic, time_of_day_ahead};
use merge::Merge;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait to be read; while there are as many, the switches' own queues fill.
const WAITING: usize = 4_096;

/// What is to be captured.
#[derive(Clone, Debug, Default)]
pub struct CaptureRequest {
    /// The words of a filter.
    pub filter: String,
    /// Only what comes in or leaves there.
    pub port: Option<String>,
    /// Octets that are kept of each frame.
    pub snap_length: usize,
}

/// Why one of the switches is not captured.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct CaptureError {
    /// Its place in the list.
    pub switch: usize,
    /// What went wrong.
    pub source: ClientError,
}

/// Switches that are captured.
pub struct Capture {
    heard: Receiver<(usize, Heard)>,
    merge: Merge,
    lost: Vec<Vec<CaptureLoss>>,
    /// Switches that have ended, as long as nobody has asked.
    ended: Vec<usize>,
    /// How far the time of day is ahead of the clock that the switches tell.
    day: Duration,
}

enum Heard {
    Line(CaptureLine),
    End(Result<(), ClientError>),
}

impl Capture {
    /// Has the switches that listen on `sockets` tell from now on, and says what they are.
    ///
    /// # Errors
    /// When one does not answer, or refuses.
    pub fn begin(
        sockets: &[PathBuf],
        request: &CaptureRequest,
    ) -> Result<(Self, Vec<CapturedSwitch>), CaptureError> {
        let CaptureRequest { filter, port, snap_length } = request;
        let question = json!({"filter": filter, "port": port, "snap-length": snap_length}).to_string();
        let (tell, heard) = sync_channel(WAITING);
        for (switch, socket) in sockets.iter().cloned().enumerate() {
            let (question, tell) = (question.clone(), tell.clone());
            // It ends when nobody hears it any more.
            thread::spawn(move || listen(switch, &socket, question, &tell));
        }
        let count = sockets.len();
        let (merge, lost) = (Merge::new(count), vec![Vec::new(); count]);
        let mut capture = Capture { heard, merge, lost, ended: Vec::new(), day: time_of_day_ahead() };
        let mut switches = vec![None; count];
        while switches.contains(&None) {
            let Ok((switch, heard)) = capture.heard.recv() else { break };
            match heard {
                Heard::Line(CaptureLine::Switch(described)) => switches[switch] = Some(described),
                Heard::Line(line) => capture.take(switch, line),
                Heard::End(Err(source)) => return Err(CaptureError { switch, source }),
                Heard::End(Ok(())) => {
                    capture.end(switch);
                    switches[switch].get_or_insert_default();
                }
            }
        }
        Ok((capture, switches.into_iter().map(Option::unwrap_or_default).collect()))
    }

    /// Hears what the switches tell meanwhile, for so long at the most; `false` when all have ended.
    pub fn hear(&mut self, patience: Duration) -> bool {
        let mut next = self.heard.recv_timeout(patience);
        // As many as wait, and then what is ready is to be written.
        for _ in 0..WAITING {
            match next {
                Ok((switch, Heard::Line(line))) => self.take(switch, line),
                Ok((switch, Heard::End(_))) => self.end(switch),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            next = self.heard.try_recv().map_err(|error| match error {
                std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
        true
    }

    fn end(&mut self, switch: usize) {
        self.merge.ended(switch);
        self.ended.push(switch);
    }

    /// Switches that have ended since the last time that this was asked.
    pub fn take_ended(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ended)
    }

    fn take(&mut self, switch: usize, line: CaptureLine) {
        match line {
            CaptureLine::Switch(_) => {}
            CaptureLine::Frame(copy) => self.merge.add(switch, copy),
            CaptureLine::Until(progress) => {
                self.merge.complete(switch, progress.at);
                self.lost[switch] = progress.lost;
            }
        }
    }

    /// The next frame, and whose it is, when none that is older can follow.
    pub fn next_complete(&mut self) -> Option<(usize, CapturedCopy)> {
        self.merge.next_complete()
    }

    /// The next frame, whatever may follow.
    pub fn next_remaining(&mut self) -> Option<(usize, CapturedCopy)> {
        self.merge.next()
    }

    /// All switches have told what they saw up to this moment of [`Capture::now`].
    pub fn is_complete(&self, moment: u64) -> bool {
        self.merge.completed() >= moment
    }

    /// The clock that frames are timed by.
    pub fn now() -> u64 {
        monotonic()
    }

    /// The time of day of a moment of that clock, from the start of 1970.
    pub fn time_of_day(&self, moment: u64) -> Duration {
        self.day + Duration::from_nanos(moment)
    }

    /// Frames of one of the switches that were not told, for want of room.
    pub fn lost(&self, switch: usize) -> &[CaptureLoss] {
        &self.lost[switch]
    }
}

/// Tells all that a switch says.
fn listen(switch: usize, socket: &Path, question: String, tell: &SyncSender<(usize, Heard)>) {
    let mut misunderstood = None;
    let ended = follow(socket, "/v1/capture", question, |line| match serde_json::from_slice(line) {
        Ok(line) => tell.send((switch, Heard::Line(line))).is_ok(),
        Err(error) => {
            let reason = format!("it speaks another version: {error}");
            misunderstood = Some(ClientError::Http { path: socket.into(), reason });
            false
        }
    });
    let ended = misunderstood.map_or(ended, Err);
    let _ = tell.send((switch, Heard::End(ended)));
}
