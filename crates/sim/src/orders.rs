//! What a timeline can have done.

use crate::observer::{Happening, LinkLoss, Observer};
use crate::switch_node::Plug;
use crate::world::{Node, World};
use greylag_scenario::story::{Action, LinkChange};
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
            | Action::PowerOff { switch }
            | Action::PowerOn { switch, .. } => *switch,
            Action::Link { link, .. } => self.fabric.links[*link].places[0].node,
            Action::MoveHost { link, .. } => self.host_end(*link).0,
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
            Action::Confirm { switch } => self.tell(*switch, Input::Confirm),
            Action::Rollback { switch, steps, author } => {
                self.tell(*switch, Input::Rollback { steps: *steps, author: author.clone() });
            }
            Action::PowerOff { switch } => self.power_off(*switch),
            Action::PowerOn { switch, boot } => self.power_on(*switch, *boot),
            _ => {}
        }
    }

    fn tell(&mut self, node: usize, input: Input) {
        if let Node::Switch(switch) = &mut self.nodes[node] {
            switch.tell(self.now, input, &mut self.observer);
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

    /// The node at a link's end that is a host, and which end that is.
    fn host_end(&self, link: usize) -> (usize, usize) {
        let places = self.fabric.links[link].places;
        let end = usize::from(!matches!(self.nodes[places[0].node], Node::Host(_)));
        (places[end].node, end)
    }

    fn power_off(&mut self, node: usize) {
        let Node::Switch(switch) = &mut self.nodes[node] else { return };
        switch.stop(self.now, &mut self.observer);
        let plugs: Vec<Plug> = switch.plugs().to_vec();
        for Plug { link, end } in plugs {
            self.fabric.links[link].light(end, false);
            self.lose(link, LinkLoss::Dark);
        }
        self.tell_neighbours(node);
        self.expect(node);
    }

    fn power_on(&mut self, node: usize, boot: Duration) {
        let Node::Switch(switch) = &mut self.nodes[node] else { return };
        switch.boot(self.now + boot);
        self.expect(node);
    }
}
