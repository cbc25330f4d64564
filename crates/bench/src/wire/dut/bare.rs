//! A thread that does nothing but read, or read and write: what no switch over the same ports can do faster in the same way.

use super::Setting;
use crate::cores;
use crate::wire::WireError;
use crate::wire::bed::{Bed, PortKind};
use greylag_ports::{BATCH_FRAMES, Batch, PacketQueue, Port, TapConfig, TapQueue};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// The thread, until this is dropped.
pub(crate) struct Bare {
    stop: Arc<AtomicBool>,
    read: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    /// Reads all ports and forgets.
    pub(super) fn drain(bed: &Bed, setting: &Setting) -> Result<Bare, WireError> {
        Bare::start(open(bed)?, setting, |_, _| ())
    }

    /// Reads a port and writes to the next.
    pub(super) fn forward(bed: &Bed, setting: &Setting) -> Result<Bare, WireError> {
        let indices: Vec<u16> = (0..BATCH_FRAMES as u16).collect();
        Bare::start(open(bed)?, setting, move |batch, next| {
            // What the kernel took out of a frame is not put back: there are no tags here.
            next.tx(batch, &indices[..batch.len()]);
        })
    }

    fn start(
        mut ports: Vec<Box<dyn Port>>,
        setting: &Setting,
        then: impl Fn(&Batch, &mut dyn Port) + Send + 'static,
    ) -> Result<Bare, WireError> {
        let (stop, read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count, core) = (Arc::clone(&stop), Arc::clone(&read), setting.cores[0]);
        let thread = std::thread::spawn(move || {
            cores::pin(core);
            let mut batch = Batch::new();
            let mut frames = 0;
            while !stopped.load(Ordering::Relaxed) {
                for index in 0..ports.len() {
                    frames += ports[index].rx(&mut batch).unwrap_or(0) as u64;
                    if !batch.is_empty() {
                        let next = (index + 1) % ports.len();
                        then(&batch, &mut *ports[next]);
                        count.store(frames, Ordering::Relaxed);
                    }
                }
            }
        });
        Ok(Bare { stop, read, thread: Some(thread) })
    }

    /// Frames that were read.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open(bed: &Bed) -> Result<Vec<Box<dyn Port>>, WireError> {
    let mut ports: Vec<Box<dyn Port>> = Vec::new();
    for station in &bed.stations {
        let enter = WireError::system("enter a namespace".to_owned());
        let port: Box<dyn Port> = match bed.kind {
            PortKind::Veth => {
                let opened = bed.switch.run(|| PacketQueue::open(&station.name, NonZeroUsize::MIN));
                Box::new(opened.map_err(enter)??.remove(0))
            }
            PortKind::Tap => {
                let tap =
                    TapConfig { name: station.name.clone(), queues: NonZeroUsize::MIN, mtu: 9216, mac: None };
                Box::new(station.netns.run(|| TapQueue::open(&tap)).map_err(enter)??.remove(0))
            }
        };
        ports.push(port);
    }
    Ok(ports)
}
