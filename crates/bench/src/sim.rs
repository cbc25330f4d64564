//! How fast the virtual world is: frames through the real data plane, a lab against the clock on the wall, worlds
//! one after the other.
//!
//! Processor time of the one thread that does it counts, as everywhere here. Nobody looks on: what an observer does is its own.

mod labs;

use crate::machine::Machine;
use crate::sample::Sample;
use crate::{cores, text};
use greylag_base::{Instant, MacAddr, Seed};
use greylag_scenario::FileError;
use greylag_sim::{World, WorldError};
use greylag_wire::ethernet::{EtherType, Repr};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Frames per second of a core that are wanted.
const HOPS_GOAL: f64 = 5e6;
/// Seconds of the virtual world in one of the processor's that are wanted.
const SPEED_GOAL: f64 = 1000.0;
/// Worlds per second of a core that are wanted: 10,000 in ten minutes on two cores.
const WORLDS_GOAL: f64 = 10_000.0 / (2.0 * 600.0);

/// Where control frames go: the slow protocols' group (IEEE 802.3-2022 annex 57A), which ends at the next switch.
const SLOW_PROTOCOLS: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0, 0, 2]);
/// What a control frame carries: as much as an LACPDU.
const CONTROL_BYTES: usize = 110;
/// Until every station is known, in the virtual world.
const SETTLING: Duration = Duration::from_secs(5);

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimPlan {
    /// Switches of the lab, and of the row that frames cross; 2 at least.
    pub switches: usize,
    /// Links of the lab: enough that two hosts have one.
    pub links: usize,
    /// Probe flows of the lab, of one frame a second each.
    pub flows: usize,
    /// Seconds of the virtual world that the lab runs.
    pub seconds: u32,
}

impl Default for SimPlan {
    /// 20 switches, 100 links, 1,000 flows, 600 seconds.
    fn default() -> Self {
        SimPlan { switches: 20, links: 100, flows: 1000, seconds: 600 }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SimReport {
    /// Where.
    pub machine: Machine,
    /// Frames that cross a row of switches one by one.
    pub hops: HopFigure,
    /// A lab with control frames and probe flows.
    pub lab: LabFigure,
    /// Worlds that are made, run for ten minutes and dropped.
    pub worlds: WorldFigure,
}

/// Frames through switches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HopFigure {
    /// Switches in the row.
    pub switches: usize,
    /// Frames that a switch received, per second.
    pub per_second: f64,
    /// What is wanted.
    pub goal: f64,
    /// Share of the time in which the thread had its core.
    pub core_share: f64,
}

/// A lab against the clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabFigure {
    /// Its switches.
    pub switches: usize,
    /// Its links, each with a control frame per second each way.
    pub links: usize,
    /// Its probe flows, of a frame per second each.
    pub flows: usize,
    /// Seconds of its own that it ran.
    pub seconds: u32,
    /// Frames that its switches received in a second of their own.
    pub hops_each_second: f64,
    /// Seconds of its own in a second of the processor.
    pub speed: f64,
    /// What is wanted.
    pub goal: f64,
    /// Share of the time in which the thread had its core.
    pub core_share: f64,
}

/// Worlds one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorldFigure {
    /// Per second.
    pub per_second: f64,
    /// What is wanted.
    pub goal: f64,
    /// Share of the time in which the thread had its core.
    pub core_share: f64,
}

/// A world that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The lab is too small.
    #[error(
        "{links} links are too few for {switches} switches: expected {} at least, one between switches for each \
         but one of them, and one for each of two hosts", switches + 1
    )]
    Links {
        /// Links that were asked for.
        links: usize,
        /// Switches that were asked for.
        switches: usize,
    },
    /// Its scenario is not right.
    #[error(transparent)]
    Scenario(#[from] FileError),
    /// It cannot be made.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// Measures the virtual world on the calling thread, which stays on one core. `progress` hears what comes next.
///
/// # Errors
/// When the plan asks for what no lab can be.
pub fn measure(plan: &SimPlan, progress: &mut dyn FnMut(&str)) -> Result<SimReport, SimError> {
    let cores = cores::allowed();
    if let Some(core) = cores.last() {
        cores::pin(*core);
    }
    progress("frames across a row of switches");
    let hops = hops(plan.switches)?;
    progress("a lab with control frames and flows");
    let lab = lab(plan)?;
    progress("worlds of ten minutes");
    let worlds = worlds()?;
    Ok(SimReport { machine: Machine::this(cores.len()), hops, lab, worlds })
}

/// Two stations at the ends of a row of switches send to each other, a frame every 10 µs each.
fn hops(switches: usize) -> Result<HopFigure, SimError> {
    let scenario = labs::row(switches)?;
    let mut world = World::new(&scenario, Seed(1), ())?;
    let stations = [1, 2].map(|number| MacAddr([2, 0, 0, 0, 0, number]));
    let frame = |from: usize| {
        let (source, destination) = (stations[from], stations[1 - from]);
        Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[])
    };
    let frames = [frame(0), frame(1)];
    // The first link and the last, seen from the stations.
    let ends = [(0, 0), (switches, 1)];
    let send = |world: &mut World<()>, times: usize| {
        for _ in 0..times {
            for (&(link, end), frame) in ends.iter().zip(&frames) {
                world.send(link, end, frame);
            }
            world.run_until(world.now() + Duration::from_micros(10));
        }
    };
    send(&mut world, 1000);
    let before = received(&world);
    let mut hops = 0;
    let sample = Sample::of(|| {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            send(&mut world, 1000);
        }
        hops = received(&world) - before;
        hops as usize
    });
    Ok(HopFigure { switches, per_second: sample.rate(), goal: HOPS_GOAL, core_share: sample.core_share() })
}

fn lab(plan: &SimPlan) -> Result<LabFigure, SimError> {
    let SimPlan { switches, links, flows, seconds } = *plan;
    let scenario = labs::star(plan)?;
    let mut world = World::new(&scenario, Seed(1), ())?;
    let control = Repr {
        destination: SLOW_PROTOCOLS,
        source: MacAddr([2, 0, 0, 0, 0, 1]),
        ether_type: EtherType(0x8809),
    };
    let control = control.frame(&[0; CONTROL_BYTES]);
    let second = |world: &mut World<()>| {
        let start = world.now();
        for place in 0..2 * links {
            world.send(place / 2, place % 2, &control);
            world.run_until(start + Duration::from_secs(1) * (place + 1) as u32 / (2 * links) as u32);
        }
    };
    (0..SETTLING.as_secs()).for_each(|_| second(&mut world));
    let before = received(&world);
    let sample = Sample::of(|| {
        (0..seconds).for_each(|_| second(&mut world));
        seconds as usize
    });
    let hops_each_second = (received(&world) - before) as f64 / f64::from(seconds);
    Ok(LabFigure {
        switches,
        links,
        flows,
        seconds,
        hops_each_second,
        speed: sample.rate(),
        goal: SPEED_GOAL,
        core_share: sample.core_share(),
    })
}

fn worlds() -> Result<WorldFigure, SimError> {
    let scenario = labs::failure()?;
    let one = |seed: u64| -> Result<(), SimError> {
        let mut world = World::new(&scenario, Seed(seed), ())?;
        for step in &scenario.timeline {
            world.run_until(Instant::ZERO + step.at);
            world.order(&step.action);
        }
        world.run_until(Instant::ZERO + scenario.duration);
        Ok(())
    };
    let mut outcome = one(0);
    let sample = Sample::of(|| {
        let start = std::time::Instant::now();
        let mut made = 0;
        while outcome.is_ok() && start.elapsed() < Duration::from_secs(3) {
            made += 1;
            outcome = one(made);
        }
        made as usize
    });
    outcome?;
    Ok(WorldFigure { per_second: sample.rate(), goal: WORLDS_GOAL, core_share: sample.core_share() })
}

/// Frames that switches have received.
fn received(world: &World<()>) -> u64 {
    let switches = (0..).map_while(|node| world.switch(node));
    let counts = switches.map(|switch| {
        let ports = (0..switch.ports().len()).map(|port| greylag_base::PortId(port as u16));
        ports.map(|port| switch.data_plane().port_counts(port).rx_frames).sum::<u64>()
    });
    counts.sum()
}

impl SimReport {
    /// For people.
    pub fn details(&self) -> String {
        let SimReport { machine, hops, lab, worlds } = self;
        let mut rows = Vec::new();
        let mut row = |what: String, figure: String, goal: String, share: f64| {
            rows.push(vec![what, figure, goal, format!("{:.0} %", share * 100.0)]);
        };
        row(
            format!("frames across {} switches, a second", hops.switches),
            format!("{:.2}M", hops.per_second / 1e6),
            format!("{:.0}M", hops.goal / 1e6),
            hops.core_share,
        );
        row(
            format!("{} switches, {} links, {} flows, times real time", lab.switches, lab.links, lab.flows),
            format!("{:.0}", lab.speed),
            format!("{:.0}", lab.goal),
            lab.core_share,
        );
        row(
            "worlds of ten minutes, a second".to_owned(),
            format!("{:.1}", worlds.per_second),
            format!("{:.1}", worlds.goal),
            worlds.core_share,
        );
        format!(
            "virtual world on one core: {}, {}\n\n{}",
            machine.processor,
            machine.caches.join(", "),
            text::grid(&["WHAT", "RATE", "GOAL", "CORE"], &[0], rows)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_lab_forwards_what_it_should() {
        let plan = SimPlan { switches: 3, links: 6, flows: 8, seconds: 2 };
        let figure = lab(&plan).unwrap();
        // Four hosts, two at each outer switch: eight flows, of which four pass one switch and four pass three; a control frame a second
        // comes in at eight ports.
        assert_eq!(figure.hops_each_second, 8.0 + 4.0 + 3.0 * 4.0);
        assert!(figure.speed > 0.0);
    }

    #[test]
    fn too_few_links_are_an_error_that_says_how_many() {
        let plan = SimPlan { switches: 20, links: 20, ..SimPlan::default() };
        assert!(lab(&plan).unwrap_err().to_string().contains("expected 21 at least"));
    }
}
