//! The threads of a running switch: its workers, and the link monitor. They end with it, and start anew with it on the same ports.

use super::links::Links;
use super::open::{Ports, Watched};
use super::worker_thread::WorkerThread;
use super::{RunError, Running};
use crate::link_monitor::LinkMonitor;
use greylag_dataplane::Worker;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

pub(super) struct Crew {
    workers: Vec<JoinHandle<io::Result<Ports>>>,
    /// Absent while the switch starts anew.
    monitor: Option<LinkMonitor>,
    /// What the monitor watches, port by port.
    interfaces: Vec<Option<Watched>>,
    /// Worker by worker, while none runs.
    queues: Vec<Ports>,
    in_a_host: bool,
}

impl Crew {
    /// Starts the workers, each on its queues, and the link monitor.
    pub(super) fn start(
        running: &Arc<Running>,
        queues: Vec<Ports>,
        interfaces: Vec<Option<Watched>>,
        in_a_host: bool,
    ) -> Result<Self, RunError> {
        let mut crew = Crew { workers: Vec::new(), monitor: None, interfaces, queues, in_a_host };
        crew.start_again(running)?;
        Ok(crew)
    }

    /// Starts them on the switch that runs now.
    pub(super) fn start_again(&mut self, running: &Arc<Running>) -> Result<(), RunError> {
        running.stop.store(false, Ordering::Relaxed);
        let (plane, settings) = {
            let (control, _) = running.control();
            (Arc::clone(control.switch.data_plane()), control.switch.config().workers.clone())
        };
        let mut workers = Vec::new();
        for (index, ports) in std::mem::take(&mut self.queues).into_iter().enumerate() {
            let worker = Worker::new(Arc::clone(&plane), index);
            let worker = WorkerThread::new(worker, ports, &settings, index, Arc::clone(running))
                .map_err(|errno| failed("cannot watch the ports")(errno.into()))?;
            workers.push(worker);
        }
        let replaced: Vec<_> = workers.iter().map(WorkerThread::replaced).collect();
        running.impairments.attach(replaced.clone());
        running.impairments.follow(&running.control().0.switch);
        let mut links = Links::new(Arc::clone(running), replaced, self.in_a_host);
        for (index, worker) in workers.into_iter().enumerate() {
            let thread =
                std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || worker.run());
            self.workers.push(thread.map_err(failed("cannot start a worker"))?);
        }
        let watched = self.interfaces.iter().cloned().enumerate();
        let watched = watched.filter_map(|(port, watched)| watched.map(|(netns, name)| (port, netns, name)));
        let monitor = LinkMonitor::spawn(watched.collect(), move |port, change| links.change(port, change))
            .map_err(failed("cannot watch the links"))?;
        self.monitor = Some(monitor);
        Ok(())
    }

    /// All of them run.
    pub(super) fn is_whole(&self) -> bool {
        self.monitor.as_ref().is_some_and(LinkMonitor::is_running)
            && !self.workers.iter().any(JoinHandle::is_finished)
    }

    /// Ends them, and keeps their queues.
    pub(super) fn stop(&mut self, running: &Running) -> Result<(), RunError> {
        running.stop.store(true, Ordering::Relaxed);
        let monitored = self.monitor.take().is_some_and(|monitor| monitor.is_running());
        for thread in self.workers.drain(..) {
            match thread.join() {
                Ok(ended) => self.queues.push(ended.map_err(failed("a worker cannot wait for frames"))?),
                Err(_) => return Err(RunError::Broken("a worker")),
            }
        }
        if monitored { Ok(()) } else { Err(RunError::Broken("the link monitor")) }
    }

    /// Ends them for good.
    pub(super) fn end(mut self, running: &Running) -> Result<(), RunError> {
        // They may have ended already, with what ended the switch.
        if self.monitor.is_none() && self.workers.is_empty() { Ok(()) } else { self.stop(running) }
    }
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::System { what, source }
}
