//! The control side of a running switch: the switch, and what keeps its commits and its record.

use super::Born;
use super::commits::Commits;
use super::impairing::Impairments;
use super::mailbox::Mailbox;
use super::management::ManagementPort;
use super::recorder::Recorder;
use super::shared::Carriers;
use greylag_base::Instant;
use greylag_switch::config::LearningMode;
use greylag_switch::{Input, Refused, Switch};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The longest time without a look at whether all threads still run.
const LONGEST_REST: Duration = Duration::from_millis(50);

pub(super) struct Control {
    pub(super) switch: Switch,
    pub(super) commits: Commits,
    recorder: Option<Recorder>,
    followers: Followers,
    /// Of the worker that sends for the switch.
    mailbox: Arc<Mailbox>,
    /// When the workers are to be polled.
    next_poll: Instant,
    /// How often the switch was started anew.
    pub(super) lives: u32,
}

/// What does what the switch has decided.
pub(super) struct Followers {
    /// Of the interfaces that FRR sees.
    pub(super) carriers: Option<Carriers>,
    /// Where it sends to the management network.
    pub(super) management: Option<ManagementPort>,
    /// Of its ports.
    pub(super) impairments: Arc<Impairments>,
}

/// Why an order was not carried out.
pub(super) enum OrderError {
    /// The switch cannot.
    Refused(Refused),
    /// It was carried out, and is lost when the switch is killed.
    NotKept(io::Error),
}

impl Control {
    pub(super) fn new(
        Born { switch, commits, recorder }: Born,
        mailbox: Arc<Mailbox>,
        followers: Followers,
        now: Instant,
    ) -> Self {
        let mut control = Control { switch, commits, recorder, followers, mailbox, next_poll: now, lives: 0 };
        control.settle();
        control
    }

    /// Another switch takes the place of the one that ran: the same machine, started anew.
    pub(super) fn begin_anew(&mut self, Born { switch, commits, recorder }: Born, now: Instant) {
        (self.switch, self.commits, self.recorder) = (switch, commits, recorder);
        self.next_poll = now;
        self.lives += 1;
        self.settle();
    }

    /// Tells the switch something. What it has committed is on disk afterwards.
    pub(super) fn tell(&mut self, now: Instant, input: Input) -> Result<(), OrderError> {
        let taken = self.switch.handle_input(now, input);
        self.run_timers(now);
        let kept = self.keep();
        taken.map_err(OrderError::Refused)?;
        kept.map_err(OrderError::NotKept)
    }

    /// Does what is due, and says when to be called again at the latest.
    pub(super) fn run(&mut self, now: Instant) -> Instant {
        self.run_timers(now);
        self.switch.poll_frames(now);
        self.settle();
        if self.next_poll <= now {
            self.poll(now);
            let learning = &self.switch.config().learning;
            // Where workers learn by themselves, what they report is for those who look on.
            let pause = match learning.mode {
                LearningMode::Agent => learning.poll_interval,
                LearningMode::Inline => LONGEST_REST,
            };
            self.next_poll = now + pause;
        }
        let rest = now + LONGEST_REST;
        [Some(self.next_poll), self.switch.poll_timeout()].into_iter().flatten().fold(rest, Instant::min)
    }

    fn run_timers(&mut self, now: Instant) {
        while self.switch.poll_timeout().is_some_and(|due| due <= now) {
            self.switch.handle_input(now, Input::Timeout).expect("time is never refused");
        }
    }

    /// Brings what is about to be shown up to date. An agent looks at its queue in its own time.
    pub(super) fn freshen(&mut self, now: Instant) {
        self.run_timers(now);
        self.settle();
        if !self.switch.config().learning.owned().learn {
            self.poll(now);
        }
    }

    /// Takes in what the workers have reported.
    pub(super) fn poll(&mut self, now: Instant) {
        self.switch.poll_workers(now);
        self.settle();
    }

    /// Writes down what the switch did by itself.
    fn settle(&mut self) {
        if let Err(error) = self.keep() {
            tracing::error!("the configuration cannot be kept: {error}");
        }
    }

    fn keep(&mut self) -> io::Result<()> {
        if self.switch.data_plane().has_originated() {
            self.mailbox.ring();
        }
        let Followers { carriers, management, impairments } = &mut self.followers;
        ManagementPort::send_all(management.as_ref(), &mut self.switch);
        if let Some(carriers) = carriers {
            carriers.follow(&self.switch);
        }
        impairments.follow(&self.switch);
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&mut self.switch);
        }
        self.commits.keep(self.switch.history())
    }
}
