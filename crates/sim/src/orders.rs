//! What a timeline can have done.

use crate::generator::Emission;
use crate::host_node::HostNode;
use crate::observer::{Happening, LinkLoss, Observer};
use crate::switch_node::Plug;
use crate::world::{Node, World};
use greylag_base::{Instant, VlanId};
use greylag_scenario::story::{Action, LinkChange, Patch, Version};
use greylag_scenario::switch::patched;
use greylag_switch::Input;
use std::time::Duration;

impl<O: Observer> World<O> {
    /// Does now what a timeline says.
    pub fn order(&mut self, action: &Action) {
        let node = match action {
            Action::Fault { switch, .. }
            | Action::Commit { switch, .. }
            | Action::Confirm { switch }
            | Action::Rollback { switch, .. }
            | Action::FlushFdb { switch, .. }
            | Action::CheckFdb { switch, .. }
            | Action::CheckFib { switch, .. }
            | Action::CheckPaths { switch }
            | Action::Upgrade { switch, .. }
            | Action::Management { switch, .. }
            | Action::PowerOff { switch }
            | Action::PowerOn { switch, .. } => *switch,
            Action::Link { link, .. } => self.fabric.links[*link].places[0].node,
            Action::MoveHost { link, .. } => self.host_at(*link),
            Action::Announce { host }
            | Action::SetMac { host, .. }
            | Action::MacFlood { host, .. }
            | Action::Ping { host, .. }
            | Action::Tcp { host, .. }
            | Action::Broadcast { host, .. } => *host,
        };
        self.observer.happened(self.now, node, &Happening::Ordered(action));
        match action {
            Action::Fault { switch, fault } => self.tell(*switch, Input::Fault(fault.clone())),
            Action::Link { link, change } => self.change_link(*link, change),
            Action::Commit { switch, patch, author, confirm_within } => {
                self.commit(*switch, patch, author, *confirm_within);
            }
            Action::Confirm { switch } => self.tell(*switch, Input::Confirm),
            Action::Rollback { switch, steps, author } => {
                self.tell(*switch, Input::Rollback { steps: *steps, author: author.clone() });
            }
            Action::FlushFdb { switch, port, vlan } => self.flush_fdb(*switch, port.as_deref(), *vlan),
            Action::Management { switch, up } => self.fabric.management.cut(*switch, !up),
            Action::PowerOff { switch } => self.power_off(*switch),
            Action::PowerOn { switch, boot } => self.power_on(*switch, *boot),
            Action::MoveHost { to, announces, .. } => self.move_host(node, *to, *announces),
            Action::Announce { host } => self.ask(*host, |host, _| host.announce()),
            Action::SetMac { host, mac } => self.ask(*host, |host, _| host.set_mac(*mac)),
            Action::MacFlood { host, macs, rate, lasts } => {
                let flood = Emission::MacFlood { macs: *macs };
                self.ask(*host, |host, now| host.generate(now, flood, *rate, *lasts));
            }
            Action::Broadcast { host, rate, lasts } => {
                self.ask(*host, |host, now| host.generate(now, Emission::Broadcast, *rate, *lasts));
            }
            Action::Ping { host, to, count } => self.ask(*host, |host, now| host.ping(now, *to, *count)),
            Action::Tcp { host, to, bytes } => self.transfer(*host, *to, *bytes),
            Action::CheckFib { switch, repair } => self.tell(*switch, Input::CheckFib { repair: *repair }),
            Action::CheckPaths { switch } => self.tell(*switch, Input::CheckPaths),
            Action::Upgrade { switch, version } => {
                self.power_off(*switch);
                if let Node::Switch(node) = &mut self.nodes[*switch] {
                    node.install(Version::clone(version));
                }
                self.power_on(*switch, version.boot);
            }
            Action::CheckFdb { switch, repair } => self.tell(*switch, Input::CheckFdb { repair: *repair }),
        }
    }

    /// A host is made to do something.
    fn ask(&mut self, node: usize, what: impl FnOnce(&mut HostNode, Instant)) {
        if let Node::Host(host) = &mut self.nodes[node] {
            what(host, self.now);
            host.settle(self.now, &mut self.fabric, &mut self.observer);
        }
        self.expect(node);
    }

    fn transfer(&mut self, from: usize, to: usize, bytes: u64) {
        let both_have =
            |ipv6| [from, to].iter().all(|&node| HostNode::address(&self.lab, node, ipv6).is_some());
        let ipv6 = !both_have(false);
        let Some(address) = HostNode::address(&self.lab, to, ipv6) else { return };
        self.ask(to, |host, _| host.listen());
        self.ask(from, |host, now| host.transfer(now, address, bytes));
    }

    fn move_host(&mut self, node: usize, to: usize, announces: bool) {
        let Node::Host(host) = &mut self.nodes[node] else { return };
        let Some((old, new)) = host.replug(to) else { return };
        self.fabric.links[old.link].light(old.end, false);
        self.lose(old.link, LinkLoss::Dark);
        self.tell_carrier(old.link);
        self.fabric.links[new.link].join();
        self.fabric.links[new.link].light(new.end, true);
        self.tell_carrier(new.link);
        if announces {
            self.ask(node, |host, _| host.announce());
        }
    }

    fn commit(&mut self, node: usize, patch: &Patch, author: &str, confirm_within: Option<Duration>) {
        let Some(switch) = self.switch(node) else { return };
        match patched(switch.config(), patch) {
            Ok(config) => {
                let (config, author) = (Box::new(config), author.to_owned());
                self.tell(node, Input::Commit { config, author, confirm_within });
            }
            Err(wrong) => self.observer.happened(self.now, node, &Happening::WrongPatch(&wrong)),
        }
    }

    fn flush_fdb(&mut self, node: usize, port: Option<&str>, vlan: Option<VlanId>) {
        let Some(switch) = self.switch(node) else { return };
        let port = match port {
            None => None,
            Some(name) => match switch.config().port(name) {
                Some((port, _)) => Some(port),
                // A port that is gone has no addresses.
                None => return,
            },
        };
        self.tell(node, Input::FlushFdb { port, vlan });
    }

    pub(crate) fn tell(&mut self, node: usize, input: Input) {
        if let Node::Switch(switch) = &mut self.nodes[node] {
            switch.tell(self.now, input, &mut self.fabric, &mut self.observer);
        }
        self.expect(node);
    }

    fn change_link(&mut self, index: usize, change: &LinkChange) {
        let link = &mut self.fabric.links[index];
        match change {
            LinkChange::Down { seen_by } => {
                link.cut(*seen_by);
                self.lose(index, LinkLoss::Down);
            }
            LinkChange::Up => link.mend(),
            LinkChange::Loses(loss) => link.lanes.iter_mut().for_each(|lane| lane.lose_flows(loss)),
            LinkChange::OneWay { from } => link.lanes[*from].cut_one_way(true),
            LinkChange::Impair { from, impairment } => {
                for (end, lane) in link.lanes.iter_mut().enumerate() {
                    if from.is_none_or(|from| from == end) {
                        lane.impair(*impairment);
                    }
                }
            }
        }
        self.tell_carrier(index);
    }

    /// The host at one of a link's ends.
    fn host_at(&self, link: usize) -> usize {
        let nodes = self.fabric.links[link].places.map(|place| place.node);
        nodes.into_iter().find(|&node| self.host(node).is_some()).unwrap_or(nodes[0])
    }

    pub(crate) fn power_off(&mut self, node: usize) {
        let Node::Switch(switch) = &mut self.nodes[node] else { return };
        switch.stop(self.now, &mut self.observer);
        let plugs: Vec<Plug> = switch.plugs().iter().copied().flatten().collect();
        for Plug { link, end } in plugs {
            self.fabric.links[link].light(end, false);
            self.lose(link, LinkLoss::Dark);
        }
        self.tell_neighbours(node);
        self.expect(node);
    }

    pub(crate) fn power_on(&mut self, node: usize, boot: Duration) {
        let Node::Switch(switch) = &mut self.nodes[node] else { return };
        switch.boot(self.now + boot);
        self.expect(node);
    }
}
