//! The state machine of a connection (RFC 4271 8.2.2) as a table.
//!
//! RFC 4271 8.2.1 wants one machine for each connection. A neighbor has two: one for the connection that we open
//! ([`Direction::Active`]), and one for that which the neighbor opens ([`Direction::Passive`]), which never leaves Active by
//! itself. What is not in the table changes nothing.

use serde::{Deserialize, Serialize};

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// We did.
    Active,
    /// The neighbor did.
    Passive,
}

impl Direction {
    /// Both.
    pub const BOTH: [Direction; 2] = [Direction::Active, Direction::Passive];

    pub(crate) fn other(self) -> Direction {
        match self {
            Direction::Active => Direction::Passive,
            Direction::Passive => Direction::Active,
        }
    }
}

/// The states, by OpenConfig's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Nothing is tried, and nobody is let in.
    Idle,
    /// A connection is being opened.
    Connect,
    /// It waits to be connected to, or to try again.
    Active,
    /// Our OPEN is sent, the other is waited for.
    OpenSent,
    /// Both OPENs are there, a KEEPALIVE is waited for.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

/// What moves a connection: the events of RFC 4271 8.1, by their numbers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// 1 and 3: it may be opened.
    Start,
    /// 4 and 5: it may be waited for.
    StartPassive,
    /// 2 and 8: an operator, the configuration or what lies below wants no session.
    Stop,
    /// 9.
    ConnectRetryTimerExpires,
    /// 10.
    HoldTimerExpires,
    /// 11.
    KeepaliveTimerExpires,
    /// 13.
    IdleHoldTimerExpires,
    /// 16 and 17: TCP is there.
    Connected,
    /// 18: TCP is not there, or no longer.
    ConnectionFails,
    /// 19: an OPEN without fault.
    Open,
    /// 21: a message whose header is wrong.
    HeaderError,
    /// 22: an OPEN that is wrong.
    OpenError,
    /// 23: the other connection is kept.
    CollisionDump,
    /// 24 and 25.
    Notification,
    /// 26.
    Keepalive,
    /// 27: an UPDATE that is right, or wrong without ending the session (RFC 7606).
    Update,
    /// 28: an UPDATE that ends the session.
    UpdateError,
    /// A ROUTE-REFRESH (RFC 2918 4).
    RouteRefresh,
}

/// What is done when an arrow is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// TCP is to be opened.
    OpenConnection,
    /// TCP is to be closed.
    CloseConnection,
    /// Our OPEN goes out.
    SendOpen,
    /// A KEEPALIVE goes out.
    SendKeepalive,
    /// The NOTIFICATION goes out that belongs to what happened.
    Notify,
    /// A NOTIFICATION goes out that such a message has no place in this state (RFC 6608).
    Refuse,
    /// Runs the time until the next attempt, where we open the connection.
    StartConnectRetry,
    /// There is no next attempt.
    StopConnectRetry,
    /// Runs the hold timer for as long as an OPEN may take.
    StartLargeHold,
    /// Runs the hold timer for as long as was agreed.
    StartHold,
    /// Runs the time until the next KEEPALIVE.
    StartKeepalive,
    /// No timer runs.
    StopTimers,
    /// Nothing is tried for a while, where we open the connection.
    StartIdleHold,
    /// The session is up.
    ComeUp,
    /// The session is no longer up.
    GoDown,
    /// The routes are taken.
    TakeRoutes,
    /// The routes are told once more.
    TellAgain,
}

/// One arrow of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Where it begins.
    pub from: State,
    /// What takes it.
    pub when: When,
    /// Where it leads.
    pub to: State,
    /// What is done, in this order.
    pub does: &'static [Do],
}

const fn on(from: State, when: When, to: State, does: &'static [Do]) -> Transition {
    Transition { from, when, to, does }
}

const FAIL: &[Do] = &[Do::StopTimers, Do::CloseConnection, Do::StartIdleHold];
const NOTIFY_AND_FAIL: &[Do] = &[Do::Notify, Do::StopTimers, Do::CloseConnection, Do::StartIdleHold];
const REFUSE_AND_FAIL: &[Do] = &[Do::Refuse, Do::StopTimers, Do::CloseConnection, Do::StartIdleHold];
const NOTIFY_AND_STOP: &[Do] = &[Do::Notify, Do::StopTimers, Do::CloseConnection];
const BREAK: &[Do] = &[Do::StopTimers, Do::CloseConnection, Do::GoDown, Do::StartIdleHold];
const NOTIFY_AND_BREAK: &[Do] =
    &[Do::Notify, Do::StopTimers, Do::CloseConnection, Do::GoDown, Do::StartIdleHold];
const REFUSE_AND_BREAK: &[Do] =
    &[Do::Refuse, Do::StopTimers, Do::CloseConnection, Do::GoDown, Do::StartIdleHold];

/// The diagram.
///
/// Three arrows are not RFC 4271's: a connection that cannot be opened waits in Active for the next attempt, as it does there only while
/// an OPEN is delayed; a NOTIFICATION in OpenSent is taken for what it is, rather than answered with another; and
/// event 24 is event 25, since nothing here goes by how often that happened.
pub const DIAGRAM: &[Transition] = &[
    on(State::Idle, When::Start, State::Connect, &[Do::StartConnectRetry, Do::OpenConnection]),
    on(State::Idle, When::StartPassive, State::Active, &[]),
    on(State::Idle, When::IdleHoldTimerExpires, State::Connect, &[Do::StartConnectRetry, Do::OpenConnection]),
    on(State::Connect, When::Stop, State::Idle, &[Do::StopTimers, Do::CloseConnection]),
    on(
        State::Connect,
        When::ConnectRetryTimerExpires,
        State::Connect,
        &[Do::CloseConnection, Do::StartConnectRetry, Do::OpenConnection],
    ),
    on(
        State::Connect,
        When::Connected,
        State::OpenSent,
        &[Do::StopConnectRetry, Do::SendOpen, Do::StartLargeHold],
    ),
    on(State::Connect, When::ConnectionFails, State::Active, &[Do::StartConnectRetry]),
    on(State::Connect, When::CollisionDump, State::Idle, &[Do::StopTimers, Do::CloseConnection]),
    on(State::Active, When::Stop, State::Idle, &[Do::StopTimers]),
    on(
        State::Active,
        When::ConnectRetryTimerExpires,
        State::Connect,
        &[Do::StartConnectRetry, Do::OpenConnection],
    ),
    on(
        State::Active,
        When::Connected,
        State::OpenSent,
        &[Do::StopConnectRetry, Do::SendOpen, Do::StartLargeHold],
    ),
    on(State::Active, When::CollisionDump, State::Idle, &[Do::StopTimers]),
    on(State::OpenSent, When::Stop, State::Idle, NOTIFY_AND_STOP),
    on(State::OpenSent, When::HoldTimerExpires, State::Idle, NOTIFY_AND_FAIL),
    on(State::OpenSent, When::ConnectionFails, State::Active, &[Do::StopTimers, Do::StartConnectRetry]),
    on(
        State::OpenSent,
        When::Open,
        State::OpenConfirm,
        &[Do::SendKeepalive, Do::StartHold, Do::StartKeepalive],
    ),
    on(State::OpenSent, When::HeaderError, State::Idle, NOTIFY_AND_FAIL),
    on(State::OpenSent, When::OpenError, State::Idle, NOTIFY_AND_FAIL),
    on(State::OpenSent, When::CollisionDump, State::Idle, NOTIFY_AND_STOP),
    on(State::OpenSent, When::Notification, State::Idle, FAIL),
    on(State::OpenSent, When::Keepalive, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenSent, When::Update, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenSent, When::UpdateError, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenSent, When::RouteRefresh, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenConfirm, When::Stop, State::Idle, NOTIFY_AND_STOP),
    on(State::OpenConfirm, When::HoldTimerExpires, State::Idle, NOTIFY_AND_FAIL),
    on(
        State::OpenConfirm,
        When::KeepaliveTimerExpires,
        State::OpenConfirm,
        &[Do::SendKeepalive, Do::StartKeepalive],
    ),
    on(State::OpenConfirm, When::ConnectionFails, State::Idle, FAIL),
    on(State::OpenConfirm, When::Open, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenConfirm, When::HeaderError, State::Idle, NOTIFY_AND_FAIL),
    on(State::OpenConfirm, When::OpenError, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenConfirm, When::CollisionDump, State::Idle, NOTIFY_AND_STOP),
    on(State::OpenConfirm, When::Notification, State::Idle, FAIL),
    on(State::OpenConfirm, When::Keepalive, State::Established, &[Do::StartHold, Do::ComeUp]),
    on(State::OpenConfirm, When::Update, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenConfirm, When::UpdateError, State::Idle, REFUSE_AND_FAIL),
    on(State::OpenConfirm, When::RouteRefresh, State::Idle, REFUSE_AND_FAIL),
    on(
        State::Established,
        When::Stop,
        State::Idle,
        &[Do::Notify, Do::StopTimers, Do::CloseConnection, Do::GoDown],
    ),
    on(State::Established, When::HoldTimerExpires, State::Idle, NOTIFY_AND_BREAK),
    on(
        State::Established,
        When::KeepaliveTimerExpires,
        State::Established,
        &[Do::SendKeepalive, Do::StartKeepalive],
    ),
    on(State::Established, When::ConnectionFails, State::Idle, BREAK),
    on(State::Established, When::Open, State::Idle, REFUSE_AND_BREAK),
    on(State::Established, When::HeaderError, State::Idle, NOTIFY_AND_BREAK),
    on(State::Established, When::OpenError, State::Idle, REFUSE_AND_BREAK),
    on(State::Established, When::Notification, State::Idle, BREAK),
    on(State::Established, When::Keepalive, State::Established, &[Do::StartHold]),
    on(State::Established, When::Update, State::Established, &[Do::StartHold, Do::TakeRoutes]),
    on(State::Established, When::UpdateError, State::Idle, NOTIFY_AND_BREAK),
    on(State::Established, When::RouteRefresh, State::Established, &[Do::TellAgain]),
];

/// The arrow that is taken: its row in the diagram.
pub(crate) fn row(from: State, when: When) -> Option<usize> {
    DIAGRAM.iter().position(|arrow| (arrow.from, arrow.when) == (from, when))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arrows_leave_one_state_for_one_reason() {
        for (index, arrow) in DIAGRAM.iter().enumerate() {
            assert_eq!(row(arrow.from, arrow.when), Some(index), "{arrow:?}");
        }
    }

    #[test]
    fn a_connection_is_closed_when_it_is_left_and_only_then() {
        let connected = |state| state >= State::OpenSent;
        for arrow in DIAGRAM {
            let closes = arrow.does.contains(&Do::CloseConnection);
            let leaves = connected(arrow.from) && !connected(arrow.to) || arrow.from == State::Connect;
            let gone = arrow.when == When::ConnectionFails && arrow.to == State::Active;
            let comes = arrow.when == When::Connected;
            assert_eq!(closes, leaves && !gone && !comes, "{arrow:?}");
        }
    }

    #[test]
    fn a_session_comes_up_and_goes_down_with_established() {
        for arrow in DIAGRAM {
            let up = |state| state == State::Established;
            assert_eq!(arrow.does.contains(&Do::ComeUp), !up(arrow.from) && up(arrow.to), "{arrow:?}");
            assert_eq!(arrow.does.contains(&Do::GoDown), up(arrow.from) && !up(arrow.to), "{arrow:?}");
        }
    }

    #[test]
    fn every_message_is_answered_in_every_state_that_can_hear_it() {
        use When::{
            HeaderError, Keepalive, Notification, Open, OpenError, RouteRefresh, Update, UpdateError,
        };
        for state in [State::OpenSent, State::OpenConfirm, State::Established] {
            for when in
                [Open, OpenError, HeaderError, Notification, Keepalive, Update, UpdateError, RouteRefresh]
            {
                assert!(row(state, when).is_some(), "{state:?} {when:?}");
            }
        }
    }
}
