//! Who looks at the network from outside, and what there is to see.

use greylag_base::{DropReason, Instant, PortId};
use greylag_dataplane::Decision;
use greylag_scenario::FileError;
use greylag_scenario::story::Action;
use greylag_switch::config::SwitchConfig;
use greylag_switch::{EventRecord, Refused};

/// Who looks at the network from outside. Nothing that it does changes what happens.
pub trait Observer {
    /// A frame has arrived at the end `to` (0 or 1) of a link.
    fn arrived(&mut self, _at: Instant, _link: usize, _to: usize, _frame: &[u8]) {}

    /// A frame that was sent from the end `from` of a link will not arrive.
    fn perished(&mut self, _at: Instant, _link: usize, _from: usize, _frame: &[u8], _why: LinkLoss) {}

    /// A switch has decided over a frame.
    fn decided(
        &mut self,
        _at: Instant,
        _switch: usize,
        _ingress: PortId,
        _frame: &[u8],
        _decision: Decision,
    ) {
    }

    /// A switch has dropped the copy of a frame that was to leave by a port, and that is not the port's doing. It is in the shape that it
    /// had by then.
    fn copy_dropped(
        &mut self,
        _at: Instant,
        _switch: usize,
        _egress: PortId,
        _frame: &[u8],
        _reason: DropReason,
    ) {
    }

    /// A switch runs with this configuration from now on: it was started, or a commit or rollback took effect.
    fn configured(&mut self, _at: Instant, _switch: usize, _config: &SwitchConfig) {}

    /// Something happened in a node, or to it.
    fn happened(&mut self, _at: Instant, _node: usize, _what: &Happening<'_>) {}
}

/// Why a link lost a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkLoss {
    /// The link is down.
    Down,
    /// Its queue was full.
    QueueFull,
    /// The one-way cut.
    OneWay,
    /// By chance.
    Loss,
    /// It was corrupted, and the frame check sequence told.
    Corrupt,
    /// Nobody is powered at the other end.
    Dark,
    /// Its flow is one of those that are lost there for good.
    Flow,
}

/// Something that happened in a node, or to it.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// An event of a switch's log.
    Switch(&'a EventRecord),
    /// The word of a host: name of the event, and its fields.
    Host(&'a str, &'a [(&'a str, String)]),
    /// Something was done to it.
    Ordered(&'a Action),
    /// An operator's order was refused.
    Refused(&'a Refused),
    /// An operator's commit is nothing that its configuration could become.
    WrongPatch(&'a FileError),
    /// An operator's order was not carried out, for the reason that these words say.
    NotDone(&'a str),
    /// Entries of its table lapsed and were reclaimed: seen from outside, whether or not its agent lives to tell.
    Lapsed(u64),
    /// A switch without power, or with it again.
    Power(bool),
}

/// Nobody looks.
impl Observer for () {}
