//! What comes to the hosts, whoever it is for.

use super::LiveError;
use super::seen::{Seen, Teller};
use super::stage::Stage;
use greylag_ports::{Batch, PacketQueue, Port, Tagging};
use greylag_scenario::lab::NodeKind;
use greylag_scenario::story::Scenario;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;

/// A judge needs no more of a frame than its headers and the beginning of a probe.
const LENGTH: usize = 128;

/// How long one waits for a frame before it looks up, milliseconds.
const PATIENCE: u8 = 50;

/// One at each host's end of a link.
pub(super) struct Ears(Vec<Ear>);

struct Ear {
    link: usize,
    end: usize,
    queue: PacketQueue,
}

impl Ears {
    pub(super) fn open(scenario: &Scenario, stage: &Stage<'_>) -> Result<Self, LiveError> {
        let mut ears = Vec::new();
        for (link, cable) in scenario.lab.links.iter().enumerate() {
            for (end, place) in cable.ends.iter().enumerate() {
                if !matches!(scenario.lab.nodes[place.node].kind, NodeKind::Host) {
                    continue;
                }
                let netns = stage.netns(place.node)?;
                let opened = netns.run(|| PacketQueue::open(&place.interface, NonZeroUsize::MIN));
                let failed = |source| LiveError::Host {
                    host: stage.name(place.node).to_owned(),
                    action: "listen to its interface",
                    source,
                };
                let queues = opened.map_err(failed)??;
                ears.extend(queues.into_iter().map(|queue| Ear { link, end, queue }));
            }
        }
        Ok(Ears(ears))
    }

    /// Listens until it is over.
    pub(super) fn listen<'scope, 'env: 'scope>(
        &'env mut self,
        scope: &'scope Scope<'scope, 'env>,
        teller: &'env Teller,
        over: &'env AtomicBool,
    ) {
        for ear in &mut self.0 {
            scope.spawn(move || ear.listen(teller, over));
        }
    }
}

impl Ear {
    fn listen(&mut self, teller: &Teller, over: &AtomicBool) {
        let mut batch = Batch::new();
        while !over.load(Ordering::Relaxed) {
            let fds = [self.queue.fd(), self.queue.control_fd()].into_iter().flatten();
            let mut fds: Vec<_> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            // An interrupt is as good as a frame that is not there.
            let _ = poll(&mut fds, PollTimeout::from(PATIENCE));
            // An interface that is down will be up again.
            let Ok(frames) = self.queue.rx(&mut batch) else { continue };
            let now = teller.clock().now();
            for index in 0..frames {
                if let Tagging::Aside(tag) = batch.tagging(index) {
                    batch.set_tag(index, Some(tag));
                }
                let bytes = batch.bytes(index);
                let bytes = bytes[..bytes.len().min(LENGTH)].into();
                teller.tell_of(now, Seen::Frame { link: self.link, end: self.end, bytes });
            }
        }
    }
}
