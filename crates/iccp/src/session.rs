//! The two machines of RFC 7275 as tables: the session (4.2.2), and mLACP within it (4.4.1). What is not in a table changes nothing.
//!
//! RFC 7275 has the session begin when LDP's does; here it begins with the TCP connection. The active end speaks first, as in
//! LDP (RFC 5036 2.5.3).

use serde::{Deserialize, Serialize};

/// Where the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionState {
    /// There is no connection.
    Nonexistent,
    /// There is one, and nothing was said.
    Initialized,
    /// Our capability is sent.
    CapSent,
    /// Both capabilities are there.
    CapRec,
    /// Our RG Connect is sent.
    Connecting,
    /// Both RG Connects are there: applications may connect.
    Operational,
}

/// Where mLACP is within the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplicationState {
    /// The session is not operational.
    Nonexistent,
    /// It is, and nothing was said, or what was said was refused.
    Reset,
    /// Our Connect is sent.
    ConnSent,
    /// We have accepted the peer's Connect.
    Connecting,
    /// Both have accepted: bundles are spoken of.
    Operational,
}

/// What moves the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// TCP is there, and it is ours to speak first.
    ConnectedActive,
    /// TCP is there, and it is the peer's to speak first.
    ConnectedPassive,
    /// The peer's capability.
    Capability,
    /// The peer's RG Connect, with nothing wrong.
    RgConnect,
    /// Our RG Connect was refused, or the peer's was.
    Refused,
    /// It is time to offer again what was refused.
    OfferTimerExpires,
    /// The peer's RG Disconnect.
    RgDisconnect,
}

/// What moves mLACP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppWhen {
    /// The session has become operational.
    SessionOperational,
    /// The peer's Connect, which does not accept ours.
    Connect,
    /// The peer's Connect, which accepts ours.
    Accept,
    /// Our Connect was refused, or the peer's was.
    Refused,
    /// It is time to offer again what was refused.
    OfferTimerExpires,
    /// The peer's Disconnect.
    Disconnect,
}

/// What is done when an arrow is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Our capability goes out.
    SendCapability,
    /// Our RG Connect goes out.
    SendRgConnect,
    /// mLACP begins.
    StartApplication,
    /// mLACP ends with the session.
    EndApplication,
    /// Our mLACP Connect goes out.
    SendConnect,
    /// Our mLACP Connect goes out, and accepts the peer's.
    SendAccept,
    /// Runs the time until something is offered again.
    StartOffer,
    /// Both ends speak of bundles.
    ComeUp,
    /// They no longer do.
    GoDown,
}

/// One arrow of a diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition<S, W> {
    /// Where it begins.
    pub from: S,
    /// What takes it.
    pub when: W,
    /// Where it leads.
    pub to: S,
    /// What is done, in this order.
    pub does: &'static [Do],
}

const fn on<S, W>(from: S, when: W, to: S, does: &'static [Do]) -> Transition<S, W> {
    Transition { from, when, to, does }
}

/// The session. RG Connect goes out as soon as it may, so CAPREC is where a refused one leads.
pub const SESSION: &[Transition<SessionState, When>] = {
    use Do::{EndApplication, SendCapability, SendRgConnect, StartApplication, StartOffer};
    use SessionState::{CapRec, CapSent, Connecting, Initialized, Nonexistent, Operational};
    &[
        on(Nonexistent, When::ConnectedActive, CapSent, &[SendCapability]),
        on(Nonexistent, When::ConnectedPassive, Initialized, &[]),
        on(Initialized, When::Capability, Connecting, &[SendCapability, SendRgConnect]),
        on(CapSent, When::Capability, Connecting, &[SendRgConnect]),
        on(CapRec, When::OfferTimerExpires, Connecting, &[SendRgConnect]),
        on(CapRec, When::RgConnect, Operational, &[SendRgConnect, StartApplication]),
        on(Connecting, When::RgConnect, Operational, &[StartApplication]),
        on(Connecting, When::Refused, CapRec, &[StartOffer]),
        on(Operational, When::RgDisconnect, CapRec, &[EndApplication, StartOffer]),
    ]
};

/// mLACP. Connect goes out as soon as it may, so RESET is where a refused one leads. CONNREC is left as soon as it is entered, and
/// has no row. A Connect that comes again while ours is under way is answered again, rather than refused: the peer has started over.
pub const APPLICATION: &[Transition<ApplicationState, AppWhen>] = {
    use ApplicationState::{ConnSent, Connecting, Nonexistent, Operational, Reset};
    use Do::{ComeUp, GoDown, SendAccept, SendConnect, StartOffer};
    &[
        on(Nonexistent, AppWhen::SessionOperational, ConnSent, &[SendConnect]),
        on(Reset, AppWhen::OfferTimerExpires, ConnSent, &[SendConnect]),
        on(Reset, AppWhen::Connect, Connecting, &[SendAccept]),
        on(ConnSent, AppWhen::Connect, Connecting, &[SendAccept]),
        on(ConnSent, AppWhen::Accept, Operational, &[SendAccept, ComeUp]),
        on(ConnSent, AppWhen::Refused, Reset, &[StartOffer]),
        on(Connecting, AppWhen::Connect, Connecting, &[SendAccept]),
        on(Connecting, AppWhen::Accept, Operational, &[ComeUp]),
        on(Connecting, AppWhen::Refused, Reset, &[StartOffer]),
        on(Operational, AppWhen::Disconnect, Reset, &[GoDown, StartOffer]),
    ]
};
