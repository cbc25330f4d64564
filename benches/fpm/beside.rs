//! A worker forwards while zebra tells a hundred thousand changes a second, and while it tells none, in turn: each on a processor of its
//! own, where there are two.
//!
//! The worker's rate is by its own processor time: what others on the machine take from it is not the control side's doing.

use crate::router::{INGRESS, OURS, router, tell, tell_all};
use greylag_base::{Instant as Now, MacAddr, PortId};
use greylag_benches::zebra::{self, Changes, INTERFACES, Ways};
use greylag_benches::{Treadmill, flows, processor_time, stay_on, table};
use greylag_dataplane::{DataPlane, Worker};
use greylag_ports::{BATCH_FRAMES, Port};
use greylag_switch::{Input, Switch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Changes a second.
const CHANGES: f64 = 100_000.0;
/// As many are told at once.
const AT_ONCE: usize = 100;
/// Pairs of measurements, with changes and without.
const PAIRS: usize = 41;
/// Flows that are forwarded.
const FLOWS: usize = 10_000;
/// Batches of one measurement: about a fifth of a second.
const BATCHES: usize = 80_000;

/// What the control side says of itself.
#[derive(Default)]
struct Told {
    is_on: AtomicBool,
    is_over: AtomicBool,
    changes: AtomicU64,
    /// Processor time that they took, in nanoseconds.
    worked: AtomicU64,
}

pub(crate) fn measure(text: &str) {
    let ipv4 = table::routes::<u32>(text);
    let frames = flows::ipv4(&table::drawn(&ipv4, FLOWS), (OURS, MacAddr([2, 0, 0, 0, 0xfd, 1])));
    let mut switch = router();
    let now = tell_all(&mut switch, Now::ZERO, &zebra::stream(text, Ways::Few));
    let mut forwarder = Forwarder::new(Arc::clone(switch.data_plane()), &frames);
    let told = Told::default();
    let mut rounds: [Vec<Round>; 2] = Default::default();
    let mut made = (0, Duration::ZERO);
    thread::scope(|scope| {
        scope.spawn(|| change(&mut switch, now, Changes::new(text, Ways::Few), &told));
        stay_on(0);
        forwarder.round();
        for pair in 0..PAIRS {
            for with in [pair % 2 == 0, pair % 2 != 0] {
                told.is_on.store(with, Ordering::Relaxed);
                // What was told before is written by then.
                thread::sleep(Duration::from_millis(20));
                let (begun, before) = (Instant::now(), told.changes.load(Ordering::Relaxed));
                rounds[usize::from(with)].push(forwarder.round());
                if with {
                    made.0 += told.changes.load(Ordering::Relaxed) - before;
                    made.1 += begun.elapsed();
                }
            }
        }
        told.is_over.store(true, Ordering::Relaxed);
    });
    forwarder.check();
    print(&rounds, made, &told);
}

fn print(rounds: &[Vec<Round>; 2], (made, meanwhile): (u64, Duration), told: &Told) {
    let median = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let [without, with] = rounds;
    let ratio = median(with.iter().zip(without).map(|(with, without)| with.rate / without.rate).collect());
    let rates = [with, without].map(|rounds| median(rounds.iter().map(|round| round.rate).collect()));
    let longest =
        [with, without].map(|rounds| median(rounds.iter().map(|round| round.longest * 1e6).collect()));
    println!(
        "fpm/beside: {:.1} million packets per second of processor time beside {:.0} changes a second, {:.1} without; median of {PAIRS} \
         ratios {:.1} %; the longest batch of {BATCHES} took {:.0} us with changes, {:.0} without (medians); a change takes the control \
         side {:.1} us",
        rates[0] / 1e6,
        made as f64 / meanwhile.as_secs_f64(),
        rates[1] / 1e6,
        ratio * 100.0,
        longest[0],
        longest[1],
        told.worked.load(Ordering::Relaxed) as f64 / told.changes.load(Ordering::Relaxed) as f64 / 1e3
    );
}

/// One measurement.
struct Round {
    /// Packets in a second of processor time.
    rate: f64,
    /// Processor time of the longest of all batches, in seconds.
    longest: f64,
}

/// A worker, and the ports around it.
struct Forwarder {
    plane: Arc<DataPlane>,
    worker: Worker,
    ports: Vec<Option<Box<dyn Port>>>,
    batches: u64,
}

impl Forwarder {
    fn new(plane: Arc<DataPlane>, frames: &[Vec<u8>]) -> Self {
        let mut ports: Vec<Option<Box<dyn Port>>> = Vec::new();
        ports.resize_with(INTERFACES.0 as usize, || Some(Box::new(Treadmill::new(&[]))));
        ports.push(Some(Box::new(Treadmill::new(frames))));
        Forwarder { worker: Worker::new(Arc::clone(&plane), 0), plane, ports, batches: 0 }
    }

    fn round(&mut self) -> Round {
        let (begun, mut before, mut longest) = (processor_time(), processor_time(), Duration::ZERO);
        for batch in 0..BATCHES {
            self.worker.poll_port(Now::ZERO, INGRESS, &mut self.ports).expect("a treadmill does not fail");
            // To ask for the time takes as long as some packets do.
            if batch % 8 == 7 {
                let now = processor_time();
                longest = longest.max(now - before);
                before = now;
            }
        }
        self.batches += BATCHES as u64;
        let packets = (BATCHES * BATCH_FRAMES) as f64;
        Round { rate: packets / (before - begun).as_secs_f64(), longest: longest.as_secs_f64() }
    }

    /// Whatever the routes were, each packet had one; but for those whose prefix was away just then, and no shorter one was there.
    fn check(&self) {
        let sent: u64 =
            (0..INTERFACES.0 as u16).map(|port| self.plane.port_counts(PortId(port)).tx_frames).sum();
        let all = self.batches * BATCH_FRAMES as u64;
        let dropped: u64 = self.plane.port_counts(INGRESS).drops.iter().sum();
        assert_eq!(sent + dropped, all, "every packet is sent, or counted as dropped");
        assert!(dropped < all / 1000, "of {all} packets {dropped} were dropped");
    }
}

/// The control side of the switch, by the wall clock, while it is asked to.
fn change(switch: &mut Switch, start: Now, mut changes: Changes, told: &Told) {
    stay_on(1);
    let (begun, mut due) = (Instant::now(), Instant::now());
    while !told.is_over.load(Ordering::Relaxed) {
        let now = start + begun.elapsed();
        let worked = processor_time();
        if switch.poll_timeout().is_some_and(|timer| timer <= now) {
            switch.handle_input(now, Input::Timeout).expect("time is never refused");
        }
        let is_due = told.is_on.load(Ordering::Relaxed) && due <= Instant::now();
        if is_due {
            let mut octets = Vec::new();
            let drawing = processor_time();
            (0..AT_ONCE / 2).for_each(|_| changes.put_two(&mut octets));
            // It is zebra that draws and writes them.
            let drawn = processor_time() - drawing;
            tell(switch, now, octets);
            told.changes.fetch_add(AT_ONCE as u64, Ordering::Relaxed);
            told.worked.fetch_sub(drawn.as_nanos() as u64, Ordering::Relaxed);
            due += Duration::from_secs_f64(AT_ONCE as f64 / CHANGES);
            // What was not told in time is not made up for.
            due = due.max(Instant::now() - Duration::from_millis(20));
        }
        told.worked.fetch_add((processor_time() - worked).as_nanos() as u64, Ordering::Relaxed);
        if !is_due {
            thread::sleep(Duration::from_micros(100));
        }
    }
}
