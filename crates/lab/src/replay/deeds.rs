//! What a timeline says, done to a live lab.

use super::LiveError;
use super::news::News;
use super::seen::{Seen, Teller};
use super::stage::Stage;
use crate::host::{self, TransferSize};
use crate::{client, link};
use greylag_base::{MacAddr, PortName, Seed};
use greylag_ports::{Batch, PacketQueue, Port};
use greylag_scenario::lab::End;
use greylag_scenario::story::{Action, LinkChange, Patch, Scenario, emit_fault};
use greylag_scenario::{Source, switch};
use greylag_sim::generator::{Emission, Generator};
use greylag_sim::host::{Host, HostConfig};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Duration;

/// Between two echo requests, and how long the last one is waited for.
const SECOND: Duration = Duration::from_secs(1);

/// How long a TCP connection may take to come about: as long as the kernel tries by itself.
const CONNECT: Duration = Duration::from_secs(127);

/// Where transfers go (RFC 863).
const DISCARD: u16 = 9;

/// Longer than any frame that is made here.
const FRAME: usize = 128;

pub(super) struct Deeds<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) stage: &'a Stage<'a>,
    pub(super) news: &'a News<'a>,
    pub(super) teller: &'a Teller,
    pub(super) over: &'a AtomicBool,
    pub(super) seed: Seed,
}

impl<'a> Deeds<'a> {
    /// What happens at the start of a world: there is power, and hosts see their links come up.
    pub(super) fn begin(&self) {
        for node in self.stage.switches() {
            self.teller.tell_of(greylag_base::Instant::ZERO, Seen::Power { node, on: true });
        }
        let hosts = self.scenario.hosts.iter().enumerate();
        for (node, _) in hosts.filter(|(_, host)| host.as_ref().is_some_and(|host| host.announces)) {
            self.try_to(|| self.announce(node));
        }
    }

    /// Does a step. What takes its time is done beside the timeline.
    pub(super) fn step<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, step: usize) {
        let at = self.teller.clock().now();
        let refused =
            self.act(scope, &self.scenario.timeline[step].action).err().map(|error| error.to_string());
        self.teller.tell_of(at, Seen::Done { step, refused });
    }

    /// A switch has booted.
    pub(super) fn boot<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, step: usize) {
        let Action::PowerOn { switch, .. } = self.scenario.timeline[step].action else { return };
        scope.spawn(move || {
            self.try_to(|| {
                self.light(switch, true)?;
                self.stage.power_on()?;
                self.teller.tell(Seen::Power { node: switch, on: true });
                Ok(())
            });
        });
    }

    /// What nobody ordered and fails all the same.
    fn try_to(&self, deed: impl FnOnce() -> Result<(), LiveError>) {
        if let Err(error) = deed() {
            tracing::error!("{error}");
        }
    }

    fn act<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        action: &'scope Action,
    ) -> Result<(), LiveError> {
        match action {
            Action::Fault { switch, fault } => self.order(*switch, "/v1/fault", emit_fault(fault)),
            Action::Link { link, change } => self.change_link(*link, change),
            Action::Commit { switch, patch, author, confirm_within } => {
                self.commit(*switch, patch, author, *confirm_within)
            }
            Action::Confirm { switch } => self.order(*switch, "/v1/config/confirm", String::new()),
            Action::Rollback { switch, steps, author } => {
                let body = serde_json::json!({"steps": steps, "author": author});
                self.order(*switch, "/v1/config/rollback", body.to_string())
            }
            Action::FlushFdb { switch, port, vlan } => {
                let body = serde_json::json!({"port": port, "vlan": vlan});
                self.order(*switch, "/v1/fdb/flush", body.to_string())
            }
            // To look changes nothing, and nobody is told.
            Action::CheckFdb { repair: false, .. } => Ok(()),
            Action::CheckFdb { switch, repair: true } => self.order(*switch, "/v1/check/fdb", String::new()),
            Action::Management { switch, up } => self.stage.set_management(*switch, *up),
            Action::PowerOff { switch } => self.power_off(*switch),
            // It boots first.
            Action::PowerOn { .. } => Ok(()),
            Action::Announce { host } => self.announce(*host),
            Action::SetMac { host, mac } => {
                let end = self.end_of(*host);
                Ok(link::set_mac(&self.stage.netns(*host)?, end.interface.as_str(), *mac)?)
            }
            Action::MacFlood { host, macs, rate, lasts } => {
                self.generate(scope, *host, Emission::MacFlood { macs: *macs }, *rate, *lasts)
            }
            Action::Broadcast { host, rate, lasts } => {
                self.generate(scope, *host, Emission::Broadcast, *rate, *lasts)
            }
            Action::Ping { host, to, count } => self.ping(scope, *host, *to, *count),
            Action::Tcp { host, to, bytes } => self.transfer(scope, *host, *to, *bytes),
            Action::MoveHost { .. }
            | Action::Upgrade { .. }
            | Action::CheckFib { .. }
            | Action::CheckPaths { .. } => unreachable!("it was refused before anything was made"),
        }
    }

    fn order(&self, switch: usize, resource: &str, body: String) -> Result<(), LiveError> {
        client::post(&self.stage.socket(switch), resource, body)?;
        Ok(())
    }

    fn change_link(&self, link: usize, change: &LinkChange) -> Result<(), LiveError> {
        self.stage.cable(link)?.change(change)?;
        let ends = &self.scenario.lab.links[link].ends;
        for End { node, .. } in ends.iter().filter(|_| *change == LinkChange::Up) {
            // The kernel's hosts say nothing when a link comes back.
            if self.scenario.hosts[*node].as_ref().is_some_and(|host| host.announces) {
                self.announce(*node)?;
            }
        }
        Ok(())
    }

    fn commit(
        &self,
        node: usize,
        patch: &Patch,
        author: &str,
        confirm_within: Option<Duration>,
    ) -> Result<(), LiveError> {
        let socket = self.stage.socket(node);
        let running = client::get(&socket, "/v1/config")?.to_string();
        let wrong = |error| LiveError::Infeasible(Box::new(error));
        let running = switch::parse(&Source::new("running configuration", running)).map_err(wrong)?;
        let candidate = switch::emit(&switch::patched(&running, patch).map_err(wrong)?);
        let within = confirm_within.map(|within| format!("{}ms", within.as_millis()));
        let mut parameters = vec![("author", author)];
        parameters.extend(within.as_deref().map(|within| ("confirm-within", within)));
        client::post(&socket, &client::with_parameters("/v1/config/commit", &parameters), candidate)?;
        Ok(())
    }

    fn power_off(&self, node: usize) -> Result<(), LiveError> {
        self.news.power_off(node);
        self.stage.kill(node)?;
        self.teller.tell(Seen::Power { node, on: false });
        self.light(node, false)
    }

    /// The links of a switch have a carrier, or none. A TAP goes and comes with its switch.
    fn light(&self, node: usize, on: bool) -> Result<(), LiveError> {
        let netns = self.stage.netns(node)?;
        let links = self.scenario.lab.links.iter();
        let ends = links.flat_map(|link| &link.ends).filter(|end| end.node == node);
        for end in ends {
            let interface = end.interface.as_str();
            match on {
                _ if link::find(&netns, interface)?.is_none() => {}
                true => link::set_up(&netns, interface)?,
                false => link::set_down(&netns, interface)?,
            }
        }
        Ok(())
    }

    /// The end of a host's first link.
    fn end_of(&self, host: usize) -> &'a End {
        let ends = self.scenario.lab.links.iter().flat_map(|link| &link.ends);
        ends.into_iter().find(|end| end.node == host).expect("a host of a flow or step has a link")
    }

    fn mac_of(&self, host: usize) -> Result<MacAddr, LiveError> {
        let interface = link::find(&self.stage.netns(host)?, self.end_of(host).interface.as_str())?;
        Ok(interface.and_then(|interface| interface.mac).unwrap_or(MacAddr::ZERO))
    }

    /// A raw socket of a host.
    fn voice(&self, host: usize) -> Result<Voice, LiveError> {
        let failed = |source| LiveError::Host {
            host: self.stage.name(host).to_owned(),
            action: "send frames",
            source,
        };
        Voice::open(self.stage, host, &self.end_of(host).interface)?
            .ok_or_else(|| failed(std::io::Error::other("no queue")))
    }

    /// A host announces itself, in the words of the virtual world's hosts.
    fn announce(&self, host: usize) -> Result<(), LiveError> {
        let end = self.end_of(host);
        let config = HostConfig {
            ipv4: end.ipv4.into_iter().collect(),
            ipv6: end.ipv6.into_iter().collect(),
            ..HostConfig::new(self.stage.name(host), self.mac_of(host)?)
        };
        let Ok(mut speaker) = Host::new(config, self.seed) else { return Ok(()) };
        speaker.announce();
        let mut voice = self.voice(host)?;
        let mut frame = Vec::new();
        while speaker.poll_transmit(&mut frame) {
            voice.say(&frame);
        }
        Ok(())
    }

    fn generate<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        host: usize,
        emission: Emission,
        rate: u32,
        lasts: Duration,
    ) -> Result<(), LiveError> {
        let (mut voice, mac) = (self.voice(host)?, self.mac_of(host)?);
        let seed = self.seed.derive(&format!("live/{}", self.stage.name(host)));
        let clock = self.teller.clock();
        let Some(mut generator) = Generator::new(clock.now(), emission, rate, lasts, seed) else {
            return Ok(());
        };
        scope.spawn(move || {
            let mut frame = Vec::with_capacity(FRAME);
            while !generator.is_over() && !self.over.load(Ordering::Relaxed) {
                let now = clock.now();
                while generator.emit(now, mac, None, &mut frame) {
                    voice.say(&frame);
                }
                std::thread::sleep(generator.next().since(clock.now()).min(SECOND / 20));
            }
        });
        Ok(())
    }

    fn ping<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        host: usize,
        to: IpAddr,
        count: u16,
    ) -> Result<(), LiveError> {
        let netns = self.stage.netns(host)?;
        scope.spawn(move || {
            // One after the other, so that the end of the replay is not waited for.
            for _ in 0..count {
                if self.over.load(Ordering::Relaxed) {
                    break;
                }
                let begun = std::time::Instant::now();
                let _ = host::ping(&netns, to, 1, SECOND, SECOND);
                std::thread::sleep(SECOND.saturating_sub(begun.elapsed()));
            }
        });
        Ok(())
    }

    fn transfer<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        from: usize,
        to: usize,
        bytes: u64,
    ) -> Result<(), LiveError> {
        let (client, server) = (self.stage.netns(from)?, self.stage.netns(to)?);
        let end = self.end_of(to);
        let address =
            end.ipv4.map(|(address, _)| IpAddr::V4(address)).or(end.ipv6.map(|(address, _)| address.into()));
        let Some(address) = address else { return Ok(()) };
        let address = SocketAddr::new(address, DISCARD);
        scope.spawn(move || {
            let size = TransferSize::Bytes(bytes);
            if let Err(error) = host::tcp_transfer(&server, &client, address, size, CONNECT) {
                tracing::warn!("{} to {address}: {error}", self.stage.name(from));
            }
        });
        Ok(())
    }
}

/// Sends frames past a host's stack.
struct Voice {
    queue: PacketQueue,
    batch: Batch,
}

impl Voice {
    fn open(stage: &Stage<'_>, host: usize, interface: &PortName) -> Result<Option<Self>, LiveError> {
        let failed = |source| LiveError::Host {
            host: stage.name(host).to_owned(),
            action: "open a raw socket",
            source,
        };
        let netns = stage.netns(host)?;
        let queues = netns.run(|| PacketQueue::open(interface, NonZeroUsize::MIN)).map_err(failed)??;
        Ok(queues.into_iter().next().map(|queue| Voice { queue, batch: Batch::new() }))
    }

    fn say(&mut self, frame: &[u8]) {
        self.batch.clear();
        self.batch.push(frame);
        self.queue.tx(&self.batch, &[0]);
    }
}
