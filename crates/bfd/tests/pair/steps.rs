//! One session, step by step: what it is told and hears, and what becomes of it.

use crate::driver::{A, Pair, SESSION, millis, session};
use greylag_base::Instant;
use greylag_bfd::{Bfd, Concatenated, Diagnostic, Role, SessionConfig, State};
use greylag_wire::bfd::{Flags, Repr};

/// What happens.
enum Deed {
    /// Nothing but time.
    Passes,
    /// The other end says this.
    Hears(State),
    /// The other end says this, with this flag.
    Flagged(State, Flags),
    /// The caller says this.
    Told(fn(&mut Bfd, Instant)),
    /// The operator does.
    Configured(fn(&mut SessionConfig)),
}

use Deed::{Configured, Flagged, Hears, Passes, Told};

/// At so many milliseconds, what happens, what the session is then and says of it, and what it sends because of that.
type Step = (u64, Deed, State, Diagnostic, &'static [&'static str]);

const NONE: Diagnostic = Diagnostic::NoDiagnostic;
const EXPIRED: Diagnostic = Diagnostic::ControlDetectionTimeExpired;
const SIGNALED: Diagnostic = Diagnostic::NeighborSignaledSessionDown;
const PATH: Diagnostic = Diagnostic::PathDown;
const RESET: Diagnostic = Diagnostic::ForwardingPlaneReset;
const ADMIN: Diagnostic = Diagnostic::AdministrativelyDown;

/// State, Poll and Final, and whether it knows whom it speaks to.
fn describe(repr: &Repr) -> String {
    let mut text = format!("{:?}", repr.state);
    for (flag, letter) in [(Flags::POLL, " P"), (Flags::FINAL, " F")] {
        if repr.flags.has(flag) {
            text.push_str(letter);
        }
    }
    if repr.your_discriminator == 0 {
        text.push_str(" to anybody");
    }
    text
}

fn play(config: SessionConfig, steps: &[Step]) {
    let mut pair = Pair::alone(config);
    for (number, (at, deed, state, diagnostic, sends)) in steps.iter().enumerate() {
        let now = Instant::ZERO + millis(*at);
        while pair.step(now) {}
        // What was sent by the clock on the way is another test's.
        pair.sent.retain(|sent| sent.at == now);
        match deed {
            Passes => {}
            Hears(state) => pair.hear(*state),
            Flagged(state, flags) => pair.hear_repr(&Repr { flags: *flags, ..pair.says(*state) }),
            Told(what) => pair.tell(A, what),
            Configured(change) => pair.reconfigure(A, change),
        }
        let sent: Vec<String> = pair.sent.drain(..).map(|sent| describe(&sent.repr())).collect();
        assert_eq!((pair.state(A), pair.diagnostic(A)), (*state, *diagnostic), "step {number}, at {now}");
        assert_eq!(sent, *sends, "step {number}, at {now}");
    }
}

#[test]
fn a_session_follows_what_the_other_end_says() {
    use State::{AdminDown, Down, Init, Up};
    // The other end sends every 100 ms and is heard every 300 ms at most, three times: 900 ms.
    play(
        session(A),
        &[
            (0, Passes, Down, NONE, &["Down to anybody"]),
            (100, Hears(Down), Init, NONE, &["Init"]),
            (200, Hears(Down), Init, NONE, &[]),
            (300, Hears(Up), Up, NONE, &["Up P"]),
            (400, Flagged(Up, Flags::FINAL), Up, NONE, &[]),
            (500, Hears(Up), Up, NONE, &[]),
            (600, Flagged(Up, Flags::POLL), Up, NONE, &["Up F"]),
            (1499, Passes, Up, NONE, &[]),
            (1500, Passes, Down, EXPIRED, &["Down P to anybody"]),
            (1600, Hears(Down), Init, EXPIRED, &["Init P"]),
            (1700, Hears(AdminDown), Down, SIGNALED, &["Down P"]),
            (1800, Hears(Init), Up, SIGNALED, &["Up P"]),
            (1900, Hears(Init), Up, SIGNALED, &[]),
            (2000, Hears(Down), Down, SIGNALED, &["Down P"]),
            (2100, Hears(Up), Down, SIGNALED, &[]),
            (2200, Hears(AdminDown), Down, SIGNALED, &[]),
            (2300, Hears(Down), Init, SIGNALED, &["Init P"]),
            (2400, Hears(Init), Up, SIGNALED, &["Up P"]),
            (2500, Hears(AdminDown), Down, SIGNALED, &["Down P"]),
            (2600, Hears(Down), Init, SIGNALED, &["Init P"]),
            (3499, Passes, Init, SIGNALED, &[]),
            (3500, Passes, Down, EXPIRED, &["Down P to anybody"]),
        ],
    );
}

#[test]
fn a_session_follows_what_it_is_told() {
    use State::{AdminDown, Down, Init, Up};
    play(
        session(A),
        &[
            (10, Hears(Init), Up, NONE, &["Up P"]),
            // A path beyond is told of, and takes nothing down.
            (
                20,
                Told(|bfd, now| bfd.set_concatenated(now, SESSION, Some(Concatenated::Forward))),
                Up,
                Diagnostic::ConcatenatedPathDown,
                &["Up P"],
            ),
            (
                30,
                Told(|bfd, now| bfd.set_concatenated(now, SESSION, Some(Concatenated::Reverse))),
                Up,
                Diagnostic::ReverseConcatenatedPathDown,
                &["Up P"],
            ),
            (40, Told(|bfd, now| bfd.set_concatenated(now, SESSION, None)), Up, NONE, &["Up P"]),
            // A path that is down holds the session in Down.
            (50, Told(|bfd, now| bfd.set_path(now, SESSION, false)), Down, PATH, &["Down P"]),
            (60, Hears(Down), Down, PATH, &[]),
            (
                65,
                Told(|bfd, now| bfd.set_concatenated(now, SESSION, Some(Concatenated::Forward))),
                Down,
                PATH,
                &[],
            ),
            (70, Told(|bfd, now| bfd.set_concatenated(now, SESSION, None)), Down, PATH, &[]),
            (80, Told(|bfd, now| bfd.set_path(now, SESSION, true)), Down, PATH, &[]),
            (90, Hears(Down), Init, PATH, &["Init P"]),
            (100, Told(|bfd, now| bfd.set_path(now, SESSION, false)), Down, PATH, &["Down P"]),
            (110, Told(|bfd, now| bfd.set_path(now, SESSION, true)), Down, PATH, &[]),
            (120, Hears(Init), Up, PATH, &["Up P"]),
            // The forwarding plane.
            (130, Told(Bfd::reset_forwarding), Down, RESET, &["Down P"]),
            (140, Hears(Down), Init, RESET, &["Init P"]),
            (150, Told(Bfd::reset_forwarding), Down, RESET, &["Down P"]),
            (160, Hears(Init), Up, RESET, &["Up P"]),
            (170, Hears(Down), Down, SIGNALED, &["Down P"]),
            (180, Told(Bfd::reset_forwarding), Down, RESET, &["Down P"]),
            // The operator. Who is disabled hears nothing, and answers nothing.
            (190, Configured(|session| session.enabled = false), AdminDown, ADMIN, &["AdminDown P"]),
            (200, Hears(Down), AdminDown, ADMIN, &[]),
            (210, Flagged(Down, Flags::POLL), AdminDown, ADMIN, &[]),
            (220, Told(Bfd::reset_forwarding), AdminDown, ADMIN, &[]),
            (230, Told(|bfd, now| bfd.set_path(now, SESSION, false)), AdminDown, ADMIN, &[]),
            (240, Told(|bfd, now| bfd.set_path(now, SESSION, true)), AdminDown, ADMIN, &[]),
            (250, Configured(|session| session.enabled = true), Down, ADMIN, &["Down P"]),
            (260, Hears(Down), Init, ADMIN, &["Init P"]),
            (270, Configured(|session| session.enabled = false), AdminDown, ADMIN, &["AdminDown P"]),
            (280, Configured(|session| session.enabled = true), Down, ADMIN, &["Down P"]),
            (290, Hears(Init), Up, ADMIN, &["Up P"]),
            (300, Configured(|session| session.enabled = false), AdminDown, ADMIN, &["AdminDown P"]),
            // It forgets the other end all the same.
            (1190, Passes, AdminDown, ADMIN, &["AdminDown P to anybody"]),
        ],
    );
}

#[test]
fn a_passive_session_speaks_when_it_is_spoken_to() {
    use State::{Down, Init};
    play(
        SessionConfig { role: Role::Passive, ..session(A) },
        &[
            (0, Passes, Down, NONE, &[]),
            (5000, Passes, Down, NONE, &[]),
            (5100, Hears(Down), Init, NONE, &["Init"]),
            (5999, Passes, Init, NONE, &[]),
            (6000, Passes, Down, EXPIRED, &[]),
            (6100, Flagged(Down, Flags::POLL), Init, EXPIRED, &["Init F"]),
        ],
    );
}

#[test]
fn silence_is_silence_even_where_the_caller_wakes_it_late() {
    let mut pair = Pair::alone(session(A));
    pair.hear(State::Init);
    assert_eq!(pair.state(A), State::Up);
    // Nobody calls for 901 ms; then a packet is first.
    pair.now += millis(901);
    pair.hear(State::Up);
    assert_eq!((pair.state(A), pair.diagnostic(A)), (State::Down, EXPIRED));
}

#[test]
fn a_packet_at_the_last_moment_is_in_time() {
    let mut pair = Pair::alone(session(A));
    pair.hear(State::Init);
    pair.now += millis(900);
    pair.hear(State::Up);
    assert_eq!(pair.state(A), State::Up);
}
