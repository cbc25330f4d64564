//! The state machine of a session (RFC 5880 6.2, 6.8.4, 6.8.6, 6.8.15 and 6.8.16) as a table.
//!
//! A packet of the other end, the silence of the other end, an operator and the caller each are a [`When`]; what is not in
//! the table changes nothing.

use greylag_wire::bfd::{Diagnostic, State};
use serde::{Deserialize, Serialize};

/// What moves a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The other end says that its session is in this state.
    Heard(State),
    /// Nothing was heard for the detection time.
    DetectionTimeExpired,
    /// An operator has disabled the session, or removed it.
    Disabled,
    /// An operator has enabled it.
    Enabled,
    /// The caller has said that the path has failed.
    PathDown,
    /// The caller has said that the forwarding plane forgot what it knew.
    ForwardingPlaneReset,
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
    /// What the session says of it; `None` to go on saying what it said.
    pub diagnostic: Option<Diagnostic>,
}

const fn on(from: State, when: When, to: State) -> Transition {
    Transition { from, when, to, diagnostic: None }
}

const fn fails(from: State, when: When, diagnostic: Diagnostic) -> Transition {
    Transition { from, when, to: State::Down, diagnostic: Some(diagnostic) }
}

const fn disables(from: State) -> Transition {
    let diagnostic = Some(Diagnostic::AdministrativelyDown);
    Transition { from, when: When::Disabled, to: State::AdminDown, diagnostic }
}

/// The diagram. The diagnostic stays when a session comes up: it tells of the last failure, not of a present one.
pub const DIAGRAM: &[Transition] = &[
    on(State::Down, When::Heard(State::Down), State::Init),
    on(State::Down, When::Heard(State::Init), State::Up),
    on(State::Init, When::Heard(State::Init), State::Up),
    on(State::Init, When::Heard(State::Up), State::Up),
    fails(State::Init, When::Heard(State::AdminDown), Diagnostic::NeighborSignaledSessionDown),
    fails(State::Init, When::DetectionTimeExpired, Diagnostic::ControlDetectionTimeExpired),
    fails(State::Up, When::Heard(State::Down), Diagnostic::NeighborSignaledSessionDown),
    fails(State::Up, When::Heard(State::AdminDown), Diagnostic::NeighborSignaledSessionDown),
    fails(State::Up, When::DetectionTimeExpired, Diagnostic::ControlDetectionTimeExpired),
    fails(State::Init, When::PathDown, Diagnostic::PathDown),
    fails(State::Up, When::PathDown, Diagnostic::PathDown),
    fails(State::Down, When::ForwardingPlaneReset, Diagnostic::ForwardingPlaneReset),
    fails(State::Init, When::ForwardingPlaneReset, Diagnostic::ForwardingPlaneReset),
    fails(State::Up, When::ForwardingPlaneReset, Diagnostic::ForwardingPlaneReset),
    disables(State::Down),
    disables(State::Init),
    disables(State::Up),
    on(State::AdminDown, When::Enabled, State::Down),
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
    fn what_the_other_end_says_moves_a_session_as_the_pseudocode_has_it() {
        // RFC 5880 6.8.6: from each state, what follows from hearing AdminDown, Down, Init and Up.
        use State::{AdminDown, Down, Init, Up};
        let table = [
            (AdminDown, [AdminDown, AdminDown, AdminDown, AdminDown]),
            (Down, [Down, Init, Up, Down]),
            (Init, [Down, Init, Up, Up]),
            (Up, [Down, Down, Up, Up]),
        ];
        for (from, becomes) in table {
            for (heard, to) in [AdminDown, Down, Init, Up].into_iter().zip(becomes) {
                let arrow = row(from, When::Heard(heard)).map(|row| DIAGRAM[row]);
                assert_eq!(arrow.map_or(from, |arrow| arrow.to), to, "{from:?} hears {heard:?}");
                let failed = from != Down && from != to && to == Down;
                let signaled = arrow.and_then(|arrow| arrow.diagnostic);
                assert_eq!(signaled, failed.then_some(Diagnostic::NeighborSignaledSessionDown));
            }
        }
    }
}
