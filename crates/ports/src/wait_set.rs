//! One descriptor to wait on for several.

use rustix::event::epoll;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An epoll instance within the worker's: readable as long as one of its members is.
pub(crate) struct WaitSet(OwnedFd);

impl WaitSet {
    pub(crate) fn of(members: &[BorrowedFd<'_>]) -> io::Result<WaitSet> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for member in members {
            // Nobody asks which it was.
            epoll::add(&set, member, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        }
        Ok(WaitSet(set))
    }
}

impl AsFd for WaitSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
