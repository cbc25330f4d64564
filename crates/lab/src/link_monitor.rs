//! Watches interfaces and says when they come up, go down, disappear and return.

use crate::link::Interface;
use crate::netlink::{Answer, Netlink};
use crate::netns::{Netns, NetnsIdentity};
use crate::qdisc;
use greylag_base::PortName;
use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};

/// What an interface can do for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Administratively up, with a carrier.
    Up,
    /// There, but not up or without a carrier.
    Down,
    /// There is no interface of this name.
    Gone,
}

/// Something about an interface is otherwise than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// What it can do for a frame.
    State(LinkState),
    /// Whether a queueing discipline, or a filter of one, is on the way out (tc(8)). False until this is told.
    Queueing(bool),
}

/// A thread that watches interfaces until this value is dropped.
pub struct LinkMonitor {
    /// Closing it is what ends the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl LinkMonitor {
    /// Watches interfaces by number, namespace (the caller's own for `None`) and name. `on_change` is called, on the
    /// monitor's thread, with that number: first once for each with its present state and once for its queueing, then
    /// whenever either changes. An interface that is made again under its old name is followed again.
    ///
    /// The kernel may hold a change of carrier back for up to a second.
    ///
    /// # Errors
    /// When a namespace cannot be entered or has no room for another socket.
    pub fn spawn(
        watch: Vec<(usize, Option<Netns>, PortName)>,
        on_change: impl FnMut(usize, LinkChange) + Send + 'static,
    ) -> io::Result<LinkMonitor> {
        // Interfaces of one namespace share a socket.
        let mut namespaces: BTreeMap<NetnsIdentity, (Netns, Vec<Watched>)> = BTreeMap::new();
        for (index, netns, name) in watch {
            let netns = match netns {
                Some(netns) => netns,
                None => Netns::own().map_err(io::Error::other)?,
            };
            let watched = Watched {
                index,
                name,
                interface: None,
                now: LinkState::Gone,
                reported: None,
                queueing: false,
                reported_queueing: None,
            };
            namespaces.entry(netns.identity()?).or_insert_with(|| (netns, Vec::new())).1.push(watched);
        }
        let views = namespaces
            .into_values()
            .map(|(netns, watched)| View::open(netns, watched))
            .collect::<io::Result<Vec<_>>>()?;
        let (stopped, stop) = io::pipe()?;
        let thread = thread::Builder::new().name("link-monitor".to_owned()).spawn(move || {
            if let Err(e) = follow(views, stopped, on_change) {
                tracing::error!("interfaces are no longer watched: {e}");
            }
        })?;
        Ok(LinkMonitor { stop: Some(stop), thread: Some(thread) })
    }

    /// It still watches; when not, its log says why.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for LinkMonitor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            // `on_change` itself may drop the monitor: a thread cannot wait for its own end.
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn follow(
    mut views: Vec<View>,
    stopped: io::PipeReader,
    mut on_change: impl FnMut(usize, LinkChange),
) -> io::Result<()> {
    loop {
        let ready: Vec<bool> = {
            let mut descriptors = vec![PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
            descriptors.extend(views.iter().map(|view| PollFd::new(view.netlink.as_fd(), PollFlags::POLLIN)));
            match poll(&mut descriptors, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            descriptors.iter().map(|d| d.revents().is_some_and(|events| !events.is_empty())).collect()
        };
        if ready[0] {
            return Ok(());
        }
        for (view, _) in views.iter_mut().zip(&ready[1..]).filter(|(_, ready)| **ready) {
            view.receive(&mut on_change)?;
        }
    }
}

/// An interface that is watched.
struct Watched {
    index: usize,
    name: PortName,
    /// The kernel's number of the interface that has the name now.
    interface: Option<u32>,
    now: LinkState,
    reported: Option<LinkState>,
    queueing: bool,
    reported_queueing: Option<bool>,
}

/// One namespace: its socket and what is watched there.
///
/// Events and the answers of a dump come in through the same socket in the order in which they happened, so
/// that whatever is read last is true.
struct View {
    netns: Netns,
    netlink: Netlink,
    watched: Vec<Watched>,
    dump: Option<Dump>,
    /// Something has happened since queueing disciplines were last looked at.
    qdiscs_stale: bool,
}

/// All interfaces were asked for, and the answer is not complete.
struct Dump {
    sequence: u32,
    /// The interfaces that exist, as far as is known.
    existing: Vec<u32>,
    /// Events were lost meanwhile, and a socket has one dump at a time: it has to be asked for once more.
    again: bool,
}

impl View {
    fn open(netns: Netns, watched: Vec<Watched>) -> io::Result<Self> {
        let mut netlink = Netlink::open(&netns)?;
        netlink.watch_links()?;
        let mut view = View { netns, netlink, watched, dump: None, qdiscs_stale: true };
        view.ask()?;
        Ok(view)
    }

    fn ask(&mut self) -> io::Result<()> {
        let all = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let sequence = self.netlink.send(all, NLM_F_DUMP)?;
        self.dump = Some(Dump { sequence, existing: Vec::new(), again: false });
        Ok(())
    }

    fn receive(&mut self, on_change: &mut impl FnMut(usize, LinkChange)) -> io::Result<()> {
        let answers = match self.netlink.receive() {
            Ok(answers) => answers,
            // Events came faster than they were read and some are lost: look at everything again.
            Err(e) if e.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                return match &mut self.dump {
                    Some(dump) => {
                        dump.again = true;
                        Ok(())
                    }
                    None => self.ask(),
                };
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        for answer in answers {
            match answer {
                Answer::Message(RouteNetlinkMessage::NewLink(message)) if is_interface(&message) => {
                    self.seen(&Interface::of(&message));
                }
                Answer::Message(RouteNetlinkMessage::DelLink(message)) if is_interface(&message) => {
                    self.gone(message.header.index);
                }
                Answer::Message(
                    RouteNetlinkMessage::NewQueueDiscipline(message)
                    | RouteNetlinkMessage::DelQueueDiscipline(message),
                ) => {
                    let index = Some(message.header.index as u32);
                    self.qdiscs_stale |= self.watched.iter().any(|watched| watched.interface == index);
                }
                Answer::End(sequence, result) => self.dumped(sequence, result)?,
                Answer::Message(_) => continue,
            }
            // What is not known yet is not reported: the first dump is.
            if self.dump.is_none() {
                self.report(on_change);
            }
        }
        if self.dump.is_none() && std::mem::take(&mut self.qdiscs_stale) {
            self.look_at_qdiscs(on_change)?;
        }
        Ok(())
    }

    fn look_at_qdiscs(&mut self, on_change: &mut impl FnMut(usize, LinkChange)) -> io::Result<()> {
        let queueing = qdisc::queueing(&self.netns)?;
        for watched in &mut self.watched {
            watched.queueing = watched.interface.is_some_and(|index| queueing.contains(&index));
        }
        self.report(on_change);
        Ok(())
    }

    fn seen(&mut self, interface: &Interface) {
        if let Some(dump) = &mut self.dump {
            dump.existing.push(interface.index);
        }
        for watched in &mut self.watched {
            if watched.name.as_str() == interface.name {
                // One that is set up gets the queueing discipline of its kind.
                self.qdiscs_stale = true;
                watched.interface = Some(interface.index);
                watched.now = if interface.up && interface.carrier { LinkState::Up } else { LinkState::Down };
            } else if watched.interface == Some(interface.index) {
                watched.lose(); // It was renamed.
            }
        }
    }

    fn gone(&mut self, interface: u32) {
        if let Some(dump) = &mut self.dump {
            dump.existing.retain(|&index| index != interface);
        }
        self.watched
            .iter_mut()
            .filter(|watched| watched.interface == Some(interface))
            .for_each(Watched::lose);
    }

    fn dumped(&mut self, sequence: u32, result: io::Result<()>) -> io::Result<()> {
        result?;
        let Some(dump) = self.dump.take_if(|dump| dump.sequence == sequence) else { return Ok(()) };
        if dump.again {
            return self.ask();
        }
        self.watched
            .iter_mut()
            .filter(|watched| watched.interface.is_none_or(|index| !dump.existing.contains(&index)))
            .for_each(Watched::lose);
        Ok(())
    }

    fn report(&mut self, on_change: &mut impl FnMut(usize, LinkChange)) {
        for watched in &mut self.watched {
            if watched.reported.replace(watched.now) != Some(watched.now) {
                on_change(watched.index, LinkChange::State(watched.now));
            }
            if !self.qdiscs_stale
                && watched.reported_queueing.replace(watched.queueing) != Some(watched.queueing)
            {
                on_change(watched.index, LinkChange::Queueing(watched.queueing));
            }
        }
    }
}

impl Watched {
    fn lose(&mut self) {
        self.interface = None;
        self.now = LinkState::Gone;
    }
}

/// The bridge sends messages of the same type, of a family of its own, when a port joins or leaves it.
fn is_interface(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}
